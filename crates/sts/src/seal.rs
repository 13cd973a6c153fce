//! From a grant to credentials: the session is written into its own token.
//!
//! A token is `tgs1_` and base64url of: the key's id, a nonce, and the session's JSON under
//! AES-256-GCM-SIV, which authenticates all that stands before it. The prefix tells secret scanners
//! and people what they have found.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use tollgate_sigv4::SessionToken;

use crate::master::NONCE_BYTES;
use crate::session_keys::TEMPORARY;
use crate::{KeyId, KeyRing, Origin, Session, SessionTag, TokenId};

/// What every token begins with.
pub(crate) const PREFIX: &str = "tgs1_";

/// Bytes of a token before the sealed session.
pub(crate) const HEADER_BYTES: usize = KeyId::BYTES + NONCE_BYTES;

/// What a session will be: a decision that has been made, before time and chance join it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// See [`Session::origin`].
    pub origin: Origin,
    /// See [`Session::principal`].
    pub principal: String,
    /// See [`Session::user_id`].
    pub user_id: String,
    /// See [`Session::role`].
    pub role: Option<String>,
    /// See [`Session::policy`].
    pub policy: Option<String>,
    /// See [`Session::policy_arns`].
    pub policy_arns: Vec<String>,
    /// See [`Session::tags`].
    pub tags: Vec<SessionTag>,
    /// See [`Session::source_identity`].
    pub source_identity: Option<String>,
    /// See [`Session::provider`].
    pub provider: Option<String>,
    /// How long it holds.
    pub duration_s: u32,
}

/// Random bytes for one session. Never used twice.
#[derive(Clone)]
pub struct Entropy(pub [u8; Entropy::BYTES]);

impl Entropy {
    /// How many there are: a token id, an access key id, a nonce.
    pub const BYTES: usize = 16 + 10 + NONCE_BYTES;

    fn parts(&self) -> (TokenId, [u8; 10], [u8; NONCE_BYTES]) {
        let (mut id, mut key, mut nonce) = ([0; 16], [0; 10], [0; NONCE_BYTES]);
        let targets = id.iter_mut().chain(&mut key).chain(&mut nonce);
        targets.zip(&self.0).for_each(|(target, byte)| *target = *byte);
        (TokenId(id), key, nonce)
    }
}

/// A session that has begun, with the credentials that its caller gets.
#[derive(Debug)]
pub struct Issued {
    /// The session, for the log.
    pub session: Session,
    /// What its caller needs to sign.
    pub credentials: Credentials,
}

/// What a caller signs with. `Debug` shows no secret.
#[derive(Clone)]
pub struct Credentials {
    /// `ASIA…`
    pub access_key_id: String,
    /// The token that goes with every request.
    pub token: SessionToken,
    /// When they stop working.
    pub expires_at: Timestamp,
    secret: SecretString,
}

impl Credentials {
    /// The secret access key, to be written into the one answer that hands it out.
    pub fn expose_secret(&self) -> &str {
        self.secret.expose_secret()
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({}, <redacted>)", self.access_key_id)
    }
}

impl KeyRing {
    /// Begins a session at `now`, to the second.
    pub fn seal(&self, grant: Grant, now: Timestamp, entropy: &Entropy) -> Issued {
        let (id, key, nonce) = entropy.parts();
        let issued_at = whole_seconds(now);
        let duration = SignedDuration::from_secs(i64::from(grant.duration_s));
        let session = Session {
            access_key_id: access_key_id(&key),
            id,
            origin: grant.origin,
            principal: grant.principal,
            user_id: grant.user_id,
            role: grant.role,
            policy: grant.policy,
            policy_arns: grant.policy_arns,
            tags: grant.tags,
            source_identity: grant.source_identity,
            provider: grant.provider,
            issued_at,
            expires_at: issued_at.saturating_add(duration).unwrap_or(Timestamp::MAX),
        };
        let key = self.current();
        let credentials = Credentials {
            access_key_id: session.access_key_id.clone(),
            token: self.token(&session, nonce),
            expires_at: session.expires_at,
            secret: key.secret(&session.access_key_id, &id),
        };
        Issued { session, credentials }
    }

    #[expect(clippy::expect_used, reason = "strings, numbers and lists of them are always JSON")]
    fn token(&self, session: &Session, nonce: [u8; NONCE_BYTES]) -> SessionToken {
        let key = self.current();
        let plain = serde_json::to_vec(session).expect("a session is JSON");
        let mut sealed = Vec::with_capacity(HEADER_BYTES + plain.len() + 16);
        sealed.extend_from_slice(&key.id().0);
        sealed.extend_from_slice(&nonce);
        let text = key.encrypt(nonce, &sealed, &plain);
        sealed.extend_from_slice(&text);
        let mut token = PREFIX.to_owned();
        URL_SAFE_NO_PAD.encode_string(&sealed, &mut token);
        SessionToken::new(token)
    }
}

fn whole_seconds(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

/// `ASIA` and 80 random bits.
fn access_key_id(random: &[u8; 10]) -> String {
    format!("{TEMPORARY}{}", base32(random))
}

/// 80 bits in base32, as AWS writes its ids.
pub(crate) fn base32(bytes: &[u8; 10]) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let bits = bytes.iter().fold(0_u128, |bits, byte| bits << 8 | u128::from(*byte));
    let digit = |place: u32| ALPHABET.get((bits >> (5 * place) & 31) as usize).copied();
    (0..16).rev().filter_map(digit).map(char::from).collect()
}
