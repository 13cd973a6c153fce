//! A password that only its caller sees: the server gets a verifier of it.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use postgres_protocol::password::scram_sha_256;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

/// The password of a login: 32 random bytes in the letters of base64url. `Debug` prints a
/// placeholder, and there is no `Display`.
#[derive(Clone)]
pub struct Password(SecretString);

impl Password {
    pub(crate) fn new(random: &Zeroizing<[u8; 32]>) -> Self {
        Self(URL_SAFE_NO_PAD.encode(random).into())
    }

    /// What the server is told: it can check the password by it and not compute it.
    pub(crate) fn verifier(&self) -> String {
        scram_sha_256(self.expose().as_bytes())
    }

    /// The password itself, for the answer to its caller and nothing else.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(<redacted>)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verifier_is_scram_and_does_not_hold_the_password() {
        let password = Password::new(&Zeroizing::new([7; 32]));
        let verifier = password.verifier();
        assert!(verifier.starts_with("SCRAM-SHA-256$4096:"), "{verifier}");
        assert!(!verifier.contains(password.expose()));
        assert_eq!(password.expose().len(), 43);
    }

    #[test]
    fn a_password_does_not_print() {
        let password = Password::new(&Zeroizing::new([7; 32]));
        assert_eq!(format!("{password:?}"), "Password(<redacted>)");
    }
}
