//! Verification, one line a stage: present → check → canonical request → signature → verdict.
//!
//! The head is verified before the body is read. If the head declares the hash of its body, or says
//! that the body is unsigned, a wrong signature is refused there and then; if not, the verdict waits
//! for the hash of the body.

use jiff::Timestamp;

use crate::{
    Computed, KeyAnswer, KeyClaim, KeyLookup, Mechanism, PayloadHash, PayloadMode, Refusal,
    RequestHead, Scope, SecretKey, Verifier,
    canonical::CanonicalHead,
    check::{Claim, DeclaredPayload},
    head::HeaderIndex,
    payload::UNSIGNED_PAYLOAD,
    present::{Credential, Presented, SignedHeaders},
    query::CanonicalQuery,
    signature::{SigningKey, StringToSign},
    time::SigningTime,
};

/// What is known once the head of a request has been verified.
#[derive(Debug)]
pub enum HeadVerdict<I> {
    /// The request is verified: its body is not signed and need not be hashed.
    Complete(Verified<I>),
    /// The request is verified if its body has the right hash.
    AwaitingBody(Pending<I>),
}

/// A request whose signature holds. Only a [`Verifier`] makes one.
///
/// ```compile_fail
/// let forged = tollgate_sigv4::Verified { identity: "root" };
/// ```
#[derive(Clone, Debug)]
pub struct Verified<I> {
    /// What the [`KeyLookup`] knows about the holder of the key.
    pub identity: I,
    facts: Facts,
}

/// What a signature says about its request, beside that it holds.
#[derive(Clone)]
struct Facts {
    credential: Credential,
    time: SigningTime,
    signed_headers: SignedHeaders,
    mechanism: Mechanism,
    payload: PayloadMode,
    has_session_token: bool,
    valid_until: Timestamp,
    signature: [u8; 32],
}

impl<I> Verified<I> {
    /// The access key id that signed.
    pub fn access_key_id(&self) -> &str {
        self.facts.credential.access_key_id()
    }

    /// The credential scope.
    pub fn scope(&self) -> Scope<'_> {
        self.facts.credential.scope()
    }

    /// The names of the signed headers: lower-case, sorted.
    pub fn signed_headers(&self) -> impl Iterator<Item = &str> {
        self.facts.signed_headers.as_str().split(';')
    }

    /// Where the signature was.
    pub fn mechanism(&self) -> Mechanism {
        self.facts.mechanism
    }

    /// How the payload is bound.
    pub fn payload(&self) -> PayloadMode {
        self.facts.payload
    }

    /// Whether a session token came with the request.
    pub fn has_session_token(&self) -> bool {
        self.facts.has_session_token
    }

    /// When the request was signed, by its own account.
    pub fn signed_at(&self) -> Timestamp {
        self.facts.time.at
    }

    /// The last second at which the same request would be accepted again.
    pub fn valid_until(&self) -> Timestamp {
        self.facts.valid_until
    }

    /// What two copies of one signed request have in common: the signature's bytes. Remember it
    /// until [`valid_until`](Self::valid_until) to refuse replays; do not log it.
    pub fn replay_key(&self) -> [u8; 32] {
        self.facts.signature
    }
}

impl std::fmt::Debug for Facts {
    /// Everything but the signature, with which the request could be replayed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Facts")
            .field("access_key_id", &self.credential.access_key_id())
            .field("scope", &self.credential.scope())
            .field("signed_headers", &self.signed_headers)
            .field("mechanism", &self.mechanism)
            .field("payload", &self.payload)
            .field("has_session_token", &self.has_session_token)
            .field("signed_at", &self.time.at)
            .field("valid_until", &self.valid_until)
            .finish()
    }
}

/// A request that is verified if its body has the right hash.
///
/// It borrows nothing, so the body may stream by while it waits.
pub struct Pending<I>(Awaiting<I>);

enum Awaiting<I> {
    /// The signature holds for this hash; the body must have it.
    Declared(PayloadHash, Verified<I>),
    /// The signature holds for some hash; the body decides.
    Signature(Attempt<I>),
}

impl<I> Pending<I> {
    /// Completes the verification with the hash of the body.
    pub fn finish(self, body: &PayloadHash) -> Result<Verified<I>, Refusal> {
        match self.0 {
            Awaiting::Declared(declared, verified) if declared == *body => Ok(verified),
            Awaiting::Declared(declared, _) => {
                Err(Refusal::PayloadMismatch { declared, computed: *body })
            }
            Awaiting::Signature(attempt) => attempt.conclude(body.digits().as_bytes()),
        }
    }
}

impl<I> std::fmt::Debug for Pending<I> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pending(<awaiting the body>)")
    }
}

impl Verifier {
    /// Verifies a request whose body has the hash `body`. `now` is the time of arrival.
    ///
    /// # Errors
    /// Says which rule the request breaks, with AWS's answer for it.
    pub fn verify<K: KeyLookup>(
        &self,
        head: &RequestHead<'_>,
        body: &PayloadHash,
        keys: &K,
        now: Timestamp,
    ) -> Result<Verified<K::Identity>, Refusal> {
        match self.verify_head(head, keys, now)? {
            HeadVerdict::Complete(verified) => Ok(verified),
            HeadVerdict::AwaitingBody(pending) => pending.finish(body),
        }
    }

    /// Verifies as much of a request as its head allows. `now` is the time of arrival.
    ///
    /// # Errors
    /// Says which rule the head breaks, with AWS's answer for it.
    pub fn verify_head<K: KeyLookup>(
        &self,
        head: &RequestHead<'_>,
        keys: &K,
        now: Timestamp,
    ) -> Result<HeadVerdict<K::Identity>, Refusal> {
        let headers = HeaderIndex::new(head.headers);
        let query = CanonicalQuery::parse(head.query)?;
        let presented = Presented::find(&headers, &query)?;
        let claim = self.check(presented, head, headers, now)?;
        let signed = &claim.presented.signed_headers;
        let canonical = CanonicalHead::new(head, &claim.headers, &query, signed)?;
        let payload = claim.payload;
        let attempt = Attempt::new(claim, canonical, keys, now);
        Ok(match payload {
            DeclaredPayload::Nothing => HeadVerdict::awaiting(Awaiting::Signature(attempt)),
            DeclaredPayload::Hash(hash) => {
                let verified = attempt.conclude(hash.digits().as_bytes())?;
                HeadVerdict::awaiting(Awaiting::Declared(hash, verified))
            }
            DeclaredPayload::Unsigned => {
                HeadVerdict::Complete(attempt.conclude(UNSIGNED_PAYLOAD.as_bytes())?)
            }
        })
    }
}

impl<I> HeadVerdict<I> {
    fn awaiting(what: Awaiting<I>) -> Self {
        Self::AwaitingBody(Pending(what))
    }
}

/// A signature about to be computed and compared: all that is missing is the payload line.
struct Attempt<I> {
    canonical: CanonicalHead,
    key: SigningKey,
    facts: Facts,
    /// Who holds the key, or why it cannot be used. Looked at only after the comparison.
    holder: Result<I, Refusal>,
}

impl<I> Attempt<I> {
    /// Looks the key up. A stand-in takes the place of one that cannot be used, so that everything
    /// after this takes the same time.
    fn new<K: KeyLookup<Identity = I>>(
        claim: Claim<'_>,
        canonical: CanonicalHead,
        keys: &K,
        now: Timestamp,
    ) -> Self {
        let credential = &claim.presented.credential;
        let (secret, holder) = match keys.find(&KeyClaim {
            access_key_id: credential.access_key_id(),
            session_token: claim.presented.session_token.as_ref(),
            now,
        }) {
            KeyAnswer::Found { secret, identity } => (secret, Ok(identity)),
            KeyAnswer::Unknown => (SecretKey::stand_in(), Err(Refusal::UnrecognizedClient)),
            KeyAnswer::Expired => (SecretKey::stand_in(), Err(Refusal::ExpiredToken)),
            KeyAnswer::Refused(refusal) => {
                (SecretKey::stand_in(), Err(Refusal::Session(Box::new(refusal))))
            }
        };
        let key = secret.signing_key(credential.scope());
        Self { canonical, key, facts: Facts::from(claim), holder }
    }

    /// Computes the signature, compares it, and only then looks at who holds the key.
    fn conclude(self, payload: &[u8]) -> Result<Verified<I>, Refusal> {
        let canonical = self.canonical.with_payload(payload);
        let Facts { time, credential, .. } = &self.facts;
        let string = StringToSign::new(time.text(), credential.scope_text(), &canonical);
        let matches = self.key.sign(&string).matches(&self.facts.signature);
        let identity = self.holder?;
        if matches {
            return Ok(Verified { identity, facts: self.facts });
        }
        Err(Refusal::SignatureMismatch(Box::new(Computed {
            canonical_request: canonical.redacted(),
            string_to_sign: string.to_text(),
        })))
    }
}

impl From<Claim<'_>> for Facts {
    fn from(claim: Claim<'_>) -> Self {
        let presented = claim.presented;
        Self {
            credential: presented.credential,
            time: presented.time,
            signed_headers: presented.signed_headers,
            mechanism: presented.mechanism,
            payload: match claim.payload {
                DeclaredPayload::Nothing => PayloadMode::Hashed,
                DeclaredPayload::Hash(_) => PayloadMode::Declared,
                DeclaredPayload::Unsigned => PayloadMode::Unsigned,
            },
            has_session_token: presented.session_token.is_some(),
            valid_until: claim.valid_until,
            signature: presented.signature,
        }
    }
}
