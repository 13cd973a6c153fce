//! Secrets in types that do not print and are wiped when dropped.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

/// The secret half of an access key. `Debug` prints a placeholder, and there is no `Display`.
#[derive(Clone)]
pub struct SecretKey(SecretString);

impl SecretKey {
    /// Takes ownership of a secret access key.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(SecretString::from(secret.into()))
    }

    /// The key that stands in for an unknown one, so that the work done, and the time it takes, is
    /// the same. It is as long as the keys that AWS issues. It opens nothing: a signature made with
    /// it is refused like any other.
    pub(crate) fn stand_in() -> Self {
        Self::new("0".repeat(40))
    }

    /// The only place where the value leaves this type: derivation of the signing key.
    pub(crate) fn expose(&self) -> &[u8] {
        self.0.expose_secret().as_bytes()
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

    #[test]
    fn secrets_do_not_print() {
        let (key, token) = (SecretKey::new("chocolate"), SessionToken::new("vanilla"));
        assert_eq!(format!("{key:?} {token:?}"), "SecretKey(<redacted>) SessionToken(<redacted>)");
        assert_eq!((key.expose(), token.expose()), (&b"chocolate"[..], "vanilla"));
    }
}
