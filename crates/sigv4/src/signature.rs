//! From the canonical request to the signature: the string to sign, the signing key, the comparison.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::{Scope, SecretKey, canonical::CanonicalRequest, present::ALGORITHM};

/// The text that is signed. It can only be made from a canonical request.
pub(crate) struct StringToSign(String);

impl StringToSign {
    /// `time` is in basic format.
    pub(crate) fn new(time: &str, scope: &Scope, request: &CanonicalRequest) -> Self {
        Self(format!("{ALGORITHM}\n{time}\n{scope}\n{}", request.hash()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// A key for one scope, derived from a secret key. It is wiped when dropped.
pub(crate) struct SigningKey(Zeroizing<[u8; 32]>);

impl SigningKey {
    /// HMAC over the elements of the scope, each keyed by the one before.
    pub(crate) fn derive(secret: &SecretKey, scope: &Scope) -> Self {
        let prefixed = Zeroizing::new([b"AWS4", secret.expose()].concat());
        let date = hmac(&prefixed, &scope.date);
        let region = hmac(&*date, &scope.region);
        let service = hmac(&*region, &scope.service);
        Self(hmac(&*service, crate::present::TERMINATOR))
    }

    /// Signs. The string to sign is the only thing that can be.
    pub(crate) fn sign(&self, string: &StringToSign) -> Signature {
        Signature(hmac(&*self.0, string.as_str()))
    }
}

/// A signature that this process computed. It does not print: shown to a caller who could not
/// compute it, it would be a valid one.
pub(crate) struct Signature(Zeroizing<[u8; 32]>);

impl Signature {
    /// Compares in a time that does not depend on where the difference is.
    pub(crate) fn matches(&self, presented: &[u8; 32]) -> bool {
        self.0.ct_eq(presented).into()
    }

    /// For the request of whoever holds the key.
    pub(crate) fn to_hex(&self) -> String {
        base16ct::lower::encode_string(&*self.0)
    }
}

fn hmac(key: &[u8], message: &str) -> Zeroizing<[u8; 32]> {
    #[expect(clippy::expect_used, reason = "HMAC is defined for a key of any length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length");
    mac.update(message.as_bytes());
    Zeroizing::new(mac.finalize().into_bytes().into())
}
