//! Master keys: the one secret that session tokens are sealed with and secret keys derive from.
//!
//! Keys are told apart by an id that derives from the key itself, so that rotating is adding a key
//! in front: the first of a [`KeyRing`] seals, all of them open. A key may go when the last session
//! that it sealed has expired.

use std::fmt;

use aes_gcm_siv::aead::{Aead, KeyInit, Payload};
use aes_gcm_siv::{Aes256GcmSiv, Nonce};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hkdf::Hkdf;
use secrecy::SecretString;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::TokenId;

/// Separates these keys from whatever else might be derived from the same secret.
const SALT: &[u8] = b"tollgate session tokens, version 1";

/// Length of the nonce of a seal.
pub(crate) const NONCE_BYTES: usize = 12;

/// A master key. It has no `Display` and does not print.
pub struct MasterKey {
    id: KeyId,
    cipher: Aes256GcmSiv,
    secrets: Hkdf<Sha256>,
}

/// Which master key sealed a token. Not secret: the token shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyId(pub(crate) [u8; KeyId::BYTES]);

impl KeyId {
    /// Its length.
    pub(crate) const BYTES: usize = 4;
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl MasterKey {
    /// The key of these 32 random bytes.
    pub fn new(secret: &[u8; 32]) -> MasterKey {
        let derive = Hkdf::<Sha256>::new(Some(SALT), secret);
        let (mut id, mut seal) = ([0; KeyId::BYTES], Zeroizing::new([0; 32]));
        expand(&derive, &[b"key id"], &mut id);
        expand(&derive, &[b"seal"], &mut *seal);
        MasterKey { id: KeyId(id), cipher: Aes256GcmSiv::new((&*seal).into()), secrets: derive }
    }

    /// Reads a key as a file holds it: 64 hexadecimal digits, with or without white space around
    /// them. `openssl rand -hex 32` makes one.
    ///
    /// # Errors
    /// When the text is anything else, without repeating it.
    pub fn parse(text: &str) -> Result<MasterKey, MasterKeyError> {
        let digits = text.trim();
        let mut secret = Zeroizing::new([0; 32]);
        match base16ct::mixed::decode(digits, &mut *secret) {
            Ok(decoded) if decoded.len() == 32 => Ok(MasterKey::new(&secret)),
            _ => Err(MasterKeyError { characters: digits.chars().count() }),
        }
    }

    /// What tokens that it seals call it.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The secret access key of a session: 30 bytes in base64, as long as AWS's own.
    pub(crate) fn secret(&self, access_key_id: &str, id: &TokenId) -> SecretString {
        let mut secret = Zeroizing::new([0; 30]);
        let info = [b"secret access key", access_key_id.as_bytes(), &id.0];
        expand(&self.secrets, &info, &mut *secret);
        SecretString::from(STANDARD.encode(secret.as_slice()))
    }

    /// Encrypts and authenticates `plain`, and authenticates `header` with it.
    #[expect(clippy::expect_used, reason = "a session is far below the cipher's limit of 64 GiB")]
    pub(crate) fn encrypt(&self, nonce: [u8; NONCE_BYTES], header: &[u8], plain: &[u8]) -> Vec<u8> {
        let payload = Payload { msg: plain, aad: header };
        self.cipher.encrypt(&Nonce::from(nonce), payload).expect("a short text")
    }

    /// The text that was encrypted; `None` if not one bit of it may be trusted.
    pub(crate) fn decrypt(
        &self,
        nonce: [u8; NONCE_BYTES],
        header: &[u8],
        sealed: &[u8],
    ) -> Option<Vec<u8>> {
        let payload = Payload { msg: sealed, aad: header };
        self.cipher.decrypt(&Nonce::from(nonce), payload).ok()
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({}, <redacted>)", self.id)
    }
}

/// Fills `output` from the key. The parts of `info` are of fixed lengths, but for one: no two
/// different lists of parts run together to the same text.
#[expect(clippy::expect_used, reason = "HKDF-SHA256 gives up to 8,160 bytes; at most 32 are asked")]
fn expand(key: &Hkdf<Sha256>, info: &[&[u8]], output: &mut [u8]) {
    key.expand_multi_info(info, output).expect("a short output");
}

/// A text that is no master key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MasterKeyError {
    characters: usize,
}

impl fmt::Display for MasterKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = self.characters;
        write!(f, "expected a master key of 64 hexadecimal digits, found {found} characters")?;
        f.write_str(if found == 64 { " that are not all hexadecimal digits" } else { "" })
    }
}

impl std::error::Error for MasterKeyError {}

/// The master keys in force: one that seals, and those before it, which still open.
#[derive(Debug)]
pub struct KeyRing {
    current: MasterKey,
    previous: Vec<MasterKey>,
}

impl KeyRing {
    /// The key that seals, and those whose sessions may still be alive.
    pub fn new(current: MasterKey, previous: Vec<MasterKey>) -> KeyRing {
        KeyRing { current, previous }
    }

    /// The key that seals.
    pub fn current(&self) -> &MasterKey {
        &self.current
    }

    /// The key of this id, if it is held.
    pub(crate) fn find(&self, id: KeyId) -> Option<&MasterKey> {
        std::iter::once(&self.current).chain(&self.previous).find(|key| key.id == id)
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn a_key_file_holds_64_hexadecimal_digits() {
        let digits = "00ff".repeat(16);
        let spaced = format!("{}\n", digits.to_uppercase());
        let (one, other) = (MasterKey::parse(&digits).unwrap(), MasterKey::parse(&spaced).unwrap());
        assert_eq!(one.id(), other.id());
    }

    #[test]
    fn what_is_no_key_is_refused_without_being_repeated() {
        let check = |text: &str, expected: &str| {
            assert_eq!(MasterKey::parse(text).unwrap_err().to_string(), expected);
        };
        let rule = "expected a master key of 64 hexadecimal digits, found";
        check("", &format!("{rule} 0 characters"));
        check("hunter2", &format!("{rule} 7 characters"));
        check(&"0".repeat(62), &format!("{rule} 62 characters"));
        check(
            &"x".repeat(64),
            &format!("{rule} 64 characters that are not all hexadecimal digits"),
        );
    }

    #[test]
    fn a_key_does_not_print() {
        let key = MasterKey::new(&[7; 32]);
        assert_eq!(format!("{key:?}"), format!("MasterKey({}, <redacted>)", key.id()));
    }

    #[test]
    fn secret_keys_differ_by_every_part_that_they_derive_from() {
        let (one, other) = (MasterKey::new(&[1; 32]), MasterKey::new(&[2; 32]));
        let secret = |key: &MasterKey, access_key_id: &str, id: u8| {
            key.secret(access_key_id, &TokenId([id; 16])).expose_secret().to_owned()
        };
        let first = secret(&one, "ASIAA", 0);
        assert_eq!((first.len(), &first), (40, &secret(&one, "ASIAA", 0)));
        for differs in
            [secret(&other, "ASIAA", 0), secret(&one, "ASIAB", 0), secret(&one, "ASIAA", 1)]
        {
            assert_ne!(first, differs);
        }
    }
}
