//! Secrets in types that do not print and are wiped when dropped.

use std::fmt;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use crate::{Scope, signature::SigningKey};

/// The secret half of an access key. `Debug` prints a placeholder, and there is no `Display`.
///
/// Clones share the signing key that was derived last, so that it is derived once for a day, a
/// region and a service rather than for every request.
#[derive(Clone)]
pub struct SecretKey(Arc<Inner>);

struct Inner {
    secret: SecretString,
    /// By the date, region and service of its scope.
    derived: Mutex<Option<([String; 3], SigningKey)>>,
}

impl SecretKey {
    /// Takes ownership of a secret access key.
    pub fn new(secret: impl Into<String>) -> Self {
        let secret = SecretString::from(secret.into());
        Self(Arc::new(Inner { secret, derived: Mutex::default() }))
    }

    /// The key that stands in for an unknown one, so that the work done, and the time it takes, is
    /// the same. It is as long as the keys that AWS issues. It opens nothing: a signature made with
    /// it is refused like any other.
    pub(crate) fn stand_in() -> Self {
        static STAND_IN: LazyLock<SecretKey> = LazyLock::new(|| SecretKey::new("0".repeat(40)));
        STAND_IN.clone()
    }

    /// The key to sign with in this scope.
    pub(crate) fn signing_key(&self, scope: Scope<'_>) -> SigningKey {
        let elements = [scope.date, scope.region, scope.service];
        let mut derived = self.0.derived.lock().unwrap_or_else(PoisonError::into_inner);
        match &*derived {
            Some((known, key)) if *known == elements => key.clone(),
            _ => {
                let key = SigningKey::derive(self.expose(), scope);
                *derived = Some((elements.map(str::to_owned), key.clone()));
                key
            }
        }
    }

    /// The only place where the value leaves this type: derivation of the signing key.
    fn expose(&self) -> &[u8] {
        self.0.secret.expose_secret().as_bytes()
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(<redacted>)")
    }
}

/// The session token that came with a request. `Debug` prints a placeholder.
#[derive(Clone)]
pub struct SessionToken(SecretString);

impl SessionToken {
    /// Takes ownership of a session token.
    pub fn new(token: impl Into<String>) -> Self {
        Self(SecretString::from(token.into()))
    }

    /// Whether this is the same token, in a time that tells no more than the lengths.
    ///
    /// ```
    /// use tollgate_sigv4::SessionToken;
    ///
    /// assert!(SessionToken::new("vanilla").is_same(&SessionToken::new("vanilla")));
    /// assert!(!SessionToken::new("vanilla").is_same(&SessionToken::new("vanille")));
    /// ```
    ///
    /// There is no other comparison: one that stops at the first difference tells where it is.
    ///
    /// ```compile_fail,E0369
    /// use tollgate_sigv4::SessionToken;
    ///
    /// assert!(SessionToken::new("vanilla") == SessionToken::new("vanilla"));
    /// ```
    pub fn is_same(&self, other: &SessionToken) -> bool {
        let (left, right) = (self.expose().as_bytes(), other.expose().as_bytes());
        // Bytes are looked at many at a time, and all of them, whatever is found: a comparison of
        // one after the other takes longer than to verify the rest of the request.
        let differing = left.iter().zip(right).fold(0, |all, (left, right)| all | (left ^ right));
        left.len() == right.len() && differing.ct_eq(&0).into()
    }

    /// The token itself, for whoever can say whether it is genuine.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionToken(<redacted>)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::StringToSign;

    #[test]
    fn secrets_do_not_print() {
        let (key, token) = (SecretKey::new("chocolate"), SessionToken::new("vanilla"));
        assert_eq!(format!("{key:?} {token:?}"), "SecretKey(<redacted>) SessionToken(<redacted>)");
        assert_eq!((key.expose(), token.expose()), (&b"chocolate"[..], "vanilla"));
    }

    #[test]
    fn tokens_are_the_same_if_every_byte_is() {
        let (text, token) = ("v".repeat(67), SessionToken::new("v".repeat(67)));
        assert!(token.is_same(&SessionToken::new(&*text)));
        for place in 0..text.len() {
            let mut other = text.clone();
            other.replace_range(place..=place, "w");
            assert!(!token.is_same(&SessionToken::new(other)), "{place}");
        }
        for other in ["", &text[1..], &format!("{text}v")] {
            assert!(!token.is_same(&SessionToken::new(other)), "{}", other.len());
        }
    }

    #[test]
    fn a_signing_key_is_of_its_scope_whichever_was_derived_before() {
        let scope = |date| Scope { date, region: "eu-west-1", service: "execute-api" };
        let key = SecretKey::new("chocolate");
        for date in ["20261126", "20261126", "20261127", "20261126"] {
            let expected = SecretKey::new("chocolate").signing_key(scope(date));
            let string = StringToSign::of("anything");
            let signature = key.signing_key(scope(date)).sign(&string).to_hex();
            assert_eq!(signature, expected.sign(&string).to_hex(), "{date}");
        }
    }
}
