//! From a token to its session, or to the one thing that is wrong with it.
//!
//! [`Opened`] is authentic and no more; [`Opened::judge`] says whether it holds here and now, for the
//! key that it came with.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use secrecy::ExposeSecret;
use tollgate_sigv4::{ErrorType, SecretKey, SessionRefusal};

use crate::master::NONCE_BYTES;
use crate::revoke::Revoked;
use crate::seal::{HEADER_BYTES, PREFIX};
use crate::{KeyId, KeyRing, Revocations, Session, TokenId};

/// Longer tokens are not looked at. Twice what the largest session needs.
const TOKEN_BYTES_MAX: usize = 16 * 1024;

/// A session that one of our master keys sealed. It may be over, revoked, or somebody else's.
pub struct Opened {
    session: Session,
    secret: SecretKey,
}

/// Why a token is refused. `Display` is for the operator's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenFault {
    /// It does not look like a token of ours at all.
    NotOurs,
    /// It is sealed with a master key that is not held: retired, lost, or another gateway's.
    UnknownKey {
        /// The key that it names.
        key: KeyId,
    },
    /// It names a key that is held, and is not what that key sealed.
    Altered {
        /// The key that it names.
        key: KeyId,
    },
    /// It is authentic, and was sealed by a version of tollgate that writes sessions differently.
    OtherVersion,
    /// It belongs to another access key.
    OtherAccessKey {
        /// The token's own.
        expected: String,
    },
    /// It is over.
    Expired {
        /// Since when.
        expired_at: Timestamp,
        /// The time here.
        now: Timestamp,
    },
    /// It begins in the future, so the clock that issued it and this one disagree.
    NotYetValid {
        /// When it was issued, by the other clock.
        issued_at: Timestamp,
        /// The time here.
        now: Timestamp,
    },
    /// The session itself was revoked.
    SessionRevoked {
        /// Its id.
        id: TokenId,
    },
    /// Every session of its principal from before an instant was revoked.
    PrincipalRevoked {
        /// The role or other principal.
        principal: String,
        /// Sessions issued earlier are revoked.
        before: Timestamp,
    },
}

impl KeyRing {
    /// Opens a token.
    ///
    /// # Errors
    /// When none of the keys here sealed it: [`TokenFault::NotOurs`], [`TokenFault::UnknownKey`],
    /// [`TokenFault::Altered`] or [`TokenFault::OtherVersion`].
    pub fn open(&self, token: &str) -> Result<Opened, TokenFault> {
        let sealed = decode(token).ok_or(TokenFault::NotOurs)?;
        let (id, nonce, text) = split(&sealed).ok_or(TokenFault::NotOurs)?;
        let key = self.find(id).ok_or(TokenFault::UnknownKey { key: id })?;
        let header = sealed.get(..HEADER_BYTES).unwrap_or_default();
        let plain = key.decrypt(nonce, header, text).ok_or(TokenFault::Altered { key: id })?;
        let session: Session =
            serde_json::from_slice(&plain).map_err(|_| TokenFault::OtherVersion)?;
        let secret = key.secret(&session.access_key_id, &session.id);
        Ok(Opened { session, secret: SecretKey::new(secret.expose_secret()) })
    }
}

fn decode(token: &str) -> Option<Vec<u8>> {
    let text = token.strip_prefix(PREFIX)?;
    if text.len() > TOKEN_BYTES_MAX {
        return None;
    }
    URL_SAFE_NO_PAD.decode(text).ok()
}

fn split(sealed: &[u8]) -> Option<(KeyId, [u8; NONCE_BYTES], &[u8])> {
    let (id, rest) = sealed.split_first_chunk()?;
    let (nonce, text) = rest.split_first_chunk()?;
    Some((KeyId(*id), *nonce, text))
}

impl Opened {
    /// The session and its secret key, if it [holds](Self::check).
    ///
    /// # Errors
    /// Any other [`TokenFault`].
    pub fn judge(
        self,
        access_key_id: &str,
        now: Timestamp,
        clock_skew_s: u32,
        revocations: &Revocations,
    ) -> Result<(Session, SecretKey), TokenFault> {
        self.check(access_key_id, now, clock_skew_s, revocations)?;
        Ok((self.session, self.secret))
    }

    /// Whether the session is `access_key_id`'s, holds at `now`, and is not revoked. It may begin
    /// `clock_skew_s` seconds in the future, and ends on time.
    ///
    /// This is to be asked for every request. What opening a token gives never changes, and may be
    /// kept for as long as the keys are in force.
    ///
    /// # Errors
    /// Any other [`TokenFault`].
    pub fn check(
        &self,
        access_key_id: &str,
        now: Timestamp,
        clock_skew_s: u32,
        revocations: &Revocations,
    ) -> Result<(), TokenFault> {
        let Session { issued_at, expires_at, .. } = self.session;
        if self.session.access_key_id != access_key_id {
            let expected = self.session.access_key_id.clone();
            return Err(TokenFault::OtherAccessKey { expected });
        }
        if now >= expires_at {
            return Err(TokenFault::Expired { expired_at: expires_at, now });
        }
        if issued_at.as_second().saturating_sub(now.as_second()) > i64::from(clock_skew_s) {
            return Err(TokenFault::NotYetValid { issued_at, now });
        }
        match revocations.find(&self.session) {
            None => Ok(()),
            Some(Revoked::Session) => Err(TokenFault::SessionRevoked { id: self.session.id }),
            Some(Revoked::Principal { principal, before }) => {
                Err(TokenFault::PrincipalRevoked { principal: principal.to_owned(), before })
            }
        }
    }

    /// The session, whether it holds or not.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Its secret key. Clones share what is derived of it.
    pub fn secret(&self) -> &SecretKey {
        &self.secret
    }
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Opened({}, <redacted>)", self.session.access_key_id)
    }
}

impl TokenFault {
    /// AWS's error type: a token that was good once is expired, any other is not recognized.
    pub fn error_type(&self) -> ErrorType {
        match self {
            TokenFault::Expired { .. } => ErrorType::ExpiredToken,
            _ => ErrorType::UnrecognizedClient,
        }
    }

    /// What the caller is told. The words before the first `:` are AWS's; what follows is for the
    /// caller to act upon, and tells nothing that is not in the caller's own token.
    pub fn message(&self) -> String {
        const INVALID: &str = "The security token included in the request is invalid";
        match self {
            TokenFault::Expired { .. } => {
                "The security token included in the request is expired".to_owned()
            }
            TokenFault::NotOurs => format!("{INVALID}: it was not issued here."),
            TokenFault::UnknownKey { .. } => {
                format!("{INVALID}: it is sealed with a key that is no longer in use.")
            }
            TokenFault::Altered { .. } => format!("{INVALID}: it was altered."),
            TokenFault::OtherVersion => {
                format!("{INVALID}: it was issued by another version of this service.")
            }
            TokenFault::OtherAccessKey { .. } => {
                format!("{INVALID}: it belongs to another access key.")
            }
            TokenFault::NotYetValid { issued_at, now } => format!(
                "{INVALID}: it was issued at {issued_at} and it is {now} here, so the clocks \
                 disagree."
            ),
            TokenFault::SessionRevoked { .. } | TokenFault::PrincipalRevoked { .. } => {
                format!("{INVALID}: the session was revoked.")
            }
        }
    }

    /// The refusal that a signature's verifier makes of it.
    pub fn refusal(&self) -> SessionRefusal {
        SessionRefusal {
            error_type: self.error_type(),
            message: self.message(),
            detail: self.to_string(),
        }
    }
}

impl fmt::Display for TokenFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TokenFault::NotOurs => {
                write!(
                    f,
                    "expected a session token that begins with `{PREFIX}`, found another text"
                )
            }
            TokenFault::UnknownKey { key } => write!(
                f,
                "the session token is sealed with the master key `{key}`, which is not held here"
            ),
            TokenFault::Altered { key } => {
                write!(f, "the session token is not what the master key `{key}` sealed: altered")
            }
            TokenFault::OtherVersion => {
                f.write_str("the session token was sealed by another version of tollgate")
            }
            TokenFault::OtherAccessKey { expected } => {
                write!(
                    f,
                    "the session token belongs to the access key `{expected}`, not to this one"
                )
            }
            TokenFault::Expired { expired_at, now } => {
                write!(f, "the session expired at {expired_at}, and it is {now}")
            }
            TokenFault::NotYetValid { issued_at, now } => write!(
                f,
                "the session was issued at {issued_at}, {} s after the {now} of this clock: the \
                 clocks disagree",
                issued_at.as_second().saturating_sub(now.as_second())
            ),
            TokenFault::SessionRevoked { id } => write!(f, "the session `{id}` is revoked"),
            TokenFault::PrincipalRevoked { principal, before } => {
                write!(f, "sessions of `{principal}` issued before {before} are revoked")
            }
        }
    }
}

impl std::error::Error for TokenFault {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Entropy, Grant, Issued, MasterKey, Origin, SessionTag};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_795_299_240 + seconds).unwrap()
    }

    fn grant() -> Grant {
        Grant {
            origin: Origin::AssumedRole,
            principal: "arn:aws:sts::123456789012:assumed-role/reader/ana".into(),
            user_id: "AROAEXAMPLE:ana".into(),
            role: Some("arn:aws:iam::123456789012:role/team/reader".into()),
            policy: Some(r#"{"Statement": []}"#.into()),
            policy_arns: vec!["arn:aws:iam::aws:policy/ReadOnlyAccess".into()],
            tags: vec![SessionTag {
                key: "team".into(), value: "wéb".into(), is_transitive: true
            }],
            source_identity: Some("ana".into()),
            provider: None,
            duration_s: 3600,
        }
    }

    fn ring(keys: &[u8]) -> KeyRing {
        let mut keys = keys.iter().map(|byte| MasterKey::new(&[*byte; 32]));
        KeyRing::new(keys.next().unwrap(), keys.collect())
    }

    fn issue(ring: &KeyRing) -> Issued {
        ring.seal(grant(), at(0), &Entropy([7; Entropy::BYTES]))
    }

    fn judge(
        opened: Opened,
        seconds: i64,
        revocations: &Revocations,
    ) -> Result<Session, TokenFault> {
        let own = opened.session.access_key_id.clone();
        opened.judge(&own, at(seconds), 60, revocations).map(|(session, _)| session)
    }

    #[track_caller]
    fn check_fault(fault: &TokenFault, error_type: ErrorType, detail: &str) {
        let refusal = fault.refusal();
        assert_eq!((refusal.error_type, refusal.detail.as_str()), (error_type, detail));
    }

    #[test]
    fn what_was_sealed_opens_and_signs_with_the_same_secret() {
        let ring = ring(&[1]);
        let issued = issue(&ring);
        let opened = ring.open(issued.credentials.token.expose()).unwrap();
        let again = ring.current().secret(&issued.session.access_key_id, &issued.session.id);
        assert_eq!(again.expose_secret(), issued.credentials.expose_secret());
        assert_eq!(judge(opened, 0, &Revocations::default()), Ok(issued.session));
    }

    #[test]
    fn an_access_key_id_looks_like_one_of_awss() {
        let id = issue(&ring(&[1])).credentials.access_key_id;
        assert_eq!((id.len(), &id[..4]), (20, "ASIA"));
        assert!(id.bytes().all(|byte| byte.is_ascii_uppercase() || (b'2'..=b'7').contains(&byte)));
    }

    #[test]
    fn a_key_that_is_rotated_out_opens_until_it_is_retired() {
        let (first, both, second) = (ring(&[1]), ring(&[2, 1]), ring(&[2]));
        let issued = issue(&first);
        let token = issued.credentials.token.expose();
        assert!(both.open(token).is_ok());
        let fault = second.open(token).unwrap_err();
        let id = first.current().id();
        assert_eq!(fault, TokenFault::UnknownKey { key: id });
        check_fault(
            &fault,
            ErrorType::UnrecognizedClient,
            &format!(
                "the session token is sealed with the master key `{id}`, which is not held here"
            ),
        );
        assert!(first.open(issue(&both).credentials.token.expose()).is_err());
    }

    #[test]
    fn what_is_no_token_is_told_from_what_was_altered() {
        let ring = ring(&[1]);
        for text in [
            "",
            "FwoGZXIvYXdzEJr",
            "tgs1_",
            "tgs1_AAAA",
            "tgs1_=!",
            "tgs2_AAAAAAAAAAAAAAAAAAAAAAAA",
        ] {
            assert_eq!(ring.open(text).unwrap_err(), TokenFault::NotOurs, "{text}");
        }
        let issued = issue(&ring);
        let sealed = URL_SAFE_NO_PAD.decode(&issued.credentials.token.expose()[5..]).unwrap();
        let shortened = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(&sealed[..sealed.len() - 1]));
        let key = ring.current().id();
        assert_eq!(ring.open(&shortened).unwrap_err(), TokenFault::Altered { key });
    }

    #[test]
    fn a_session_ends_on_the_second() {
        let ring = ring(&[1]);
        let open = || ring.open(issue(&ring).credentials.token.expose()).unwrap();
        assert!(judge(open(), 3599, &Revocations::default()).is_ok());
        let fault = judge(open(), 3600, &Revocations::default()).unwrap_err();
        check_fault(
            &fault,
            ErrorType::ExpiredToken,
            "the session expired at 2026-11-21T23:14:00Z, and it is 2026-11-21T23:14:00Z",
        );
    }

    #[test]
    fn clocks_that_disagree_are_named() {
        let ring = ring(&[1]);
        let open = || ring.open(issue(&ring).credentials.token.expose()).unwrap();
        assert!(judge(open(), -60, &Revocations::default()).is_ok());
        let fault = judge(open(), -61, &Revocations::default()).unwrap_err();
        check_fault(
            &fault,
            ErrorType::UnrecognizedClient,
            "the session was issued at 2026-11-21T22:14:00Z, 61 s after the 2026-11-21T22:12:59Z of \
             this clock: the clocks disagree",
        );
        assert!(fault.message().ends_with("so the clocks disagree."), "{}", fault.message());
    }

    #[test]
    fn a_token_is_good_for_its_own_access_key_alone() {
        let ring = ring(&[1]);
        let issued = issue(&ring);
        let opened = ring.open(issued.credentials.token.expose()).unwrap();
        let fault = opened.judge("ASIAOTHER", at(0), 60, &Revocations::default()).unwrap_err();
        let own = &issued.session.access_key_id;
        check_fault(
            &fault,
            ErrorType::UnrecognizedClient,
            &format!("the session token belongs to the access key `{own}`, not to this one"),
        );
    }

    #[test]
    fn sessions_are_revoked_one_by_one_or_all_before_an_instant() {
        let ring = ring(&[1]);
        let issued = issue(&ring);
        let judged = |revocations: &Revocations| {
            judge(ring.open(issued.credentials.token.expose()).unwrap(), 10, revocations)
        };
        let (mut by_id, mut by_key) = (Revocations::default(), Revocations::default());
        by_id.session(issued.session.id);
        by_key.access_key(&issued.session.access_key_id);
        for revocations in [by_id, by_key] {
            let fault = judged(&revocations).unwrap_err();
            assert_eq!(fault, TokenFault::SessionRevoked { id: issued.session.id });
        }
        let role = "arn:aws:iam::123456789012:role/team/reader";
        for (before, is_revoked) in [(at(1), true), (at(0), false)] {
            let mut revocations = Revocations::default();
            revocations.issued_before(role, before);
            assert_eq!(judged(&revocations).is_err(), is_revoked, "{before}");
        }
        let mut other = Revocations::default();
        other.issued_before("arn:aws:iam::123456789012:role/reader", at(1));
        assert!(judged(&other).is_ok(), "another role of the same name");
    }

    #[test]
    fn nothing_of_a_session_shows_in_its_token_or_in_debug() {
        let issued = issue(&ring(&[1]));
        let secret = issued.credentials.expose_secret().to_owned();
        let printed = format!("{issued:?}");
        assert!(!printed.contains(&secret) && !printed.contains("tgs1_"), "{printed}");
        assert!(!issued.credentials.token.expose().contains("reader"));
    }

    proptest! {
        /// Any one bit of a token that changes makes it a different answer, never a different session.
        #[test]
        fn no_bit_of_a_token_can_be_changed(position in 0_usize..4096, bit in 0_u8..8) {
            let ring = ring(&[1]);
            let issued = issue(&ring);
            let mut bytes = URL_SAFE_NO_PAD.decode(&issued.credentials.token.expose()[5..]).unwrap();
            let position = position % bytes.len();
            bytes[position] ^= 1 << bit;
            let token = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(&bytes));
            prop_assert!(ring.open(&token).is_err());
        }

        #[test]
        fn sessions_read_back_as_they_were_written(
            strings in proptest::collection::vec(any::<String>(), 8),
            random in any::<[u8; 16]>(),
            duration_s in 1_u32..43_200,
        ) {
            let [principal, user_id, role, policy, tag, value, identity, provider] =
                <[String; 8]>::try_from(strings).unwrap();
            let grant = Grant {
                origin: Origin::WebIdentity,
                principal,
                user_id,
                role: Some(role),
                policy: Some(policy),
                policy_arns: Vec::new(),
                tags: vec![SessionTag { key: tag, value, is_transitive: false }],
                source_identity: Some(identity),
                provider: Some(provider),
                duration_s,
            };
            let mut entropy = Entropy([0; Entropy::BYTES]);
            entropy.0[..16].copy_from_slice(&random);
            let ring = ring(&[9]);
            let issued = ring.seal(grant, at(0), &entropy);
            let opened = ring.open(issued.credentials.token.expose()).unwrap();
            prop_assert_eq!(opened.session, issued.session);
        }
    }
}
