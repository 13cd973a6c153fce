//! Where secret keys come from: one small trait that the caller implements.

use jiff::Timestamp;

use crate::{ErrorType, SecretKey, SessionToken};

/// Finds the secret that belongs to an access key id.
///
/// A lookup does no I/O worth waiting for: it reads a snapshot, or derives the secret from the
/// token. It is asked once a request, after everything that needs no key has been checked.
pub trait KeyLookup {
    /// What is known about the holder of a key; handed back inside [`Verified`](crate::Verified).
    type Identity;

    /// The answer for `claim`.
    ///
    /// The session token is the lookup's to judge: a token that was not issued with this key, or
    /// that came with a key that has none, makes the key [`Unknown`](KeyAnswer::Unknown).
    fn find(&self, claim: &KeyClaim<'_>) -> KeyAnswer<Self::Identity>;
}

/// What a request claims about its key. Nothing in it is proven yet.
#[derive(Debug)]
pub struct KeyClaim<'a> {
    /// The access key id of the credential scope.
    pub access_key_id: &'a str,
    /// The session token that came with the request.
    pub session_token: Option<&'a SessionToken>,
    /// The time of verification, to judge an expiry by.
    pub now: Timestamp,
}

/// What a [`KeyLookup`] found.
#[derive(Debug)]
pub enum KeyAnswer<I> {
    /// The key is valid: its secret, and who holds it.
    Found {
        /// The secret access key.
        secret: SecretKey,
        /// Who holds the key.
        identity: I,
    },
    /// No such key, or the token is not this key's.
    Unknown,
    /// The key or its session was valid once.
    Expired,
    /// The session is refused, and the lookup can say why.
    Refused(SessionRefusal),
}

/// Why a lookup refuses a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRefusal {
    /// AWS's error type for it.
    pub error_type: ErrorType,
    /// What the caller is told: a sentence.
    pub message: String,
    /// What the operator is told: lower case, no final period. Never the token itself.
    pub detail: String,
}
