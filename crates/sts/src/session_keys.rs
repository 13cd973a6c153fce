//! The keys of sessions, for a verifier of signatures: the token brings everything along.

use tollgate_sigv4::{KeyAnswer, KeyClaim, KeyLookup, SessionToken};

use crate::{KeyRing, Revocations, Session};

/// What access key ids of sessions begin with.
pub(crate) const TEMPORARY: &str = "ASIA";

/// Looks keys up by opening the session token that came with them.
///
/// A key that came without a token, or whose id does not begin with `ASIA`, is unknown here.
#[derive(Clone, Copy, Debug)]
pub struct SessionKeys<'a> {
    /// The master keys in force.
    pub keys: &'a KeyRing,
    /// The sessions that ended early.
    pub revocations: &'a Revocations,
    /// How many seconds the clock that issued a session may be ahead.
    pub clock_skew_s: u32,
}

impl SessionKeys<'_> {
    /// The token of a claim that is for session keys to judge.
    pub fn token_of<'c>(claim: &KeyClaim<'c>) -> Option<&'c SessionToken> {
        claim.session_token.filter(|_| claim.access_key_id.starts_with(TEMPORARY))
    }
}

impl KeyLookup for SessionKeys<'_> {
    type Identity = Session;

    fn find(&self, claim: &KeyClaim<'_>) -> KeyAnswer<Session> {
        let Some(token) = Self::token_of(claim) else { return KeyAnswer::Unknown };
        let judged = self.keys.open(token.expose()).and_then(|opened| {
            opened.judge(claim.access_key_id, claim.now, self.clock_skew_s, self.revocations)
        });
        match judged {
            Ok((identity, secret)) => KeyAnswer::Found { secret, identity },
            Err(fault) => KeyAnswer::Refused(fault.refusal()),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use tollgate_sigv4::{
        ErrorType, HeaderPair, PayloadHash, Refusal, RequestHead, SecretKey, SessionToken,
        SignedPayload, Signer, Transport, Verified, Verifier,
    };

    use super::*;
    use crate::{Credentials, Entropy, Grant, MasterKey, Origin};

    fn now() -> Timestamp {
        Timestamp::from_second(1_795_299_240).unwrap()
    }

    fn issue(keys: &KeyRing, random: u8) -> Credentials {
        let grant = Grant {
            origin: Origin::UserSession,
            principal: "arn:aws:iam::123456789012:user/ana".into(),
            user_id: "AIDAEXAMPLE".into(),
            role: None,
            policy: None,
            policy_arns: Vec::new(),
            tags: Vec::new(),
            source_identity: None,
            provider: None,
            duration_s: 900,
        };
        keys.seal(grant, now(), &Entropy([random; Entropy::BYTES])).credentials
    }

    fn verify(
        keys: &KeyRing,
        credentials: &Credentials,
        token: Option<&SessionToken>,
        at: Timestamp,
    ) -> Result<Verified<Session>, Refusal> {
        let signer = Signer {
            access_key_id: credentials.access_key_id.clone(),
            secret: SecretKey::new(credentials.expose_secret()),
            session_token: token.cloned(),
            region: "eu-west-1".into(),
            service: "execute-api".into(),
        };
        let headers: Vec<HeaderPair<'_>> = vec![(b"host", b"api.example.com")];
        let head = RequestHead {
            method: b"GET",
            path: b"/",
            query: b"",
            headers: &headers,
            transport: Transport::Plain,
        };
        let body = PayloadHash::of(b"");
        let added = signer.sign(&head, SignedPayload::Hashed(body), at).unwrap();
        let added = added.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        let headers: Vec<HeaderPair<'_>> = headers.iter().copied().chain(added).collect();
        let revocations = Revocations::default();
        let lookup = SessionKeys { keys, revocations: &revocations, clock_skew_s: 60 };
        let head = RequestHead { headers: &headers, ..head };
        Verifier::new("eu-west-1").verify(&head, &body, &lookup, at)
    }

    #[test]
    fn what_a_session_signs_is_verified_from_its_token_alone() {
        let keys = KeyRing::new(MasterKey::new(&[1; 32]), Vec::new());
        let credentials = issue(&keys, 1);
        let verified = verify(&keys, &credentials, Some(&credentials.token), now()).unwrap();
        assert_eq!(verified.identity.principal, "arn:aws:iam::123456789012:user/ana");
    }

    #[test]
    fn a_refused_token_says_why_to_the_operator_and_in_awss_words_to_the_caller() {
        let keys = KeyRing::new(MasterKey::new(&[1; 32]), Vec::new());
        let (credentials, other) = (issue(&keys, 1), issue(&keys, 2));
        let later = Timestamp::from_second(now().as_second() + 900).unwrap();
        let lost = KeyRing::new(MasterKey::new(&[2; 32]), Vec::new());
        let alien = SessionToken::new("FwoGZXIvYXdzEJr");
        let own = Some(&credentials.token);
        for (keys, token, at, expected, words) in [
            (&keys, own, later, ErrorType::ExpiredToken, "expired at"),
            (
                &keys,
                Some(&other.token),
                now(),
                ErrorType::UnrecognizedClient,
                "belongs to the access",
            ),
            (&keys, Some(&alien), now(), ErrorType::UnrecognizedClient, "begins with `tgs1_`"),
            (&lost, own, now(), ErrorType::UnrecognizedClient, "which is not held here"),
            (&keys, None, now(), ErrorType::UnrecognizedClient, "came without its session token"),
        ] {
            let refusal = verify(keys, &credentials, token, at).unwrap_err();
            assert_eq!(refusal.error_type(), expected, "{refusal}");
            assert!(refusal.to_string().contains(words), "{refusal}");
            assert!(refusal.message().starts_with("The security token included in the request is"));
        }
    }
}
