//! From the canonical request to the signature: the string to sign, the signing key, the comparison.

use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::{
    Scope,
    canonical::CanonicalRequest,
    encode::hex,
    present::{ALGORITHM, TERMINATOR},
};

/// The text that is signed. It can only be made from a canonical request.
pub(crate) struct StringToSign(Vec<u8>);

impl StringToSign {
    /// `time` is in basic format, and `scope` a credential scope as it is written.
    pub(crate) fn new(time: &str, scope: &str, request: &CanonicalRequest) -> Self {
        let hash = request.hash();
        let lines = [ALGORITHM.as_bytes(), time.as_bytes(), scope.as_bytes(), hash.as_bytes()];
        Self(lines.join(&b'\n'))
    }

    pub(crate) fn to_text(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }

    #[cfg(test)]
    pub(crate) fn of(text: &str) -> Self {
        Self(text.into())
    }
}

/// A key for one scope, derived from a secret key: the states of SHA-256 that every signature begins
/// from. It is wiped when dropped.
#[derive(Clone)]
pub(crate) struct SigningKey(Arc<Hmac<Sha256>>);

impl SigningKey {
    /// HMAC over the elements of the scope, each keyed by the one before.
    pub(crate) fn derive(secret: &[u8], scope: Scope<'_>) -> Self {
        let prefixed = Zeroizing::new([b"AWS4", secret].concat());
        let elements = [scope.date, scope.region, scope.service, TERMINATOR];
        let [date, region, service, terminator] = elements.map(str::as_bytes);
        let date = digest(keyed(&prefixed), date);
        let region = digest(keyed(&*date), region);
        let service = digest(keyed(&*region), service);
        Self(Arc::new(keyed(&*digest(keyed(&*service), terminator))))
    }

    /// Signs. The string to sign is the only thing that can be.
    pub(crate) fn sign(&self, string: &StringToSign) -> Signature {
        Signature(digest(Hmac::clone(&self.0), &string.0))
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
        hex(&self.0).to_text()
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    #[expect(clippy::expect_used, reason = "HMAC is defined for a key of any length")]
    Hmac::new_from_slice(key).expect("a key of any length")
}

fn digest(mut mac: Hmac<Sha256>, message: &[u8]) -> Zeroizing<[u8; 32]> {
    mac.update(message);
    Zeroizing::new(mac.finalize().into_bytes().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    trait Compared<How> {
        fn compared() {}
    }

    impl<T> Compared<()> for T {}
    impl<T: PartialEq> Compared<u8> for T {}

    /// `==` stops at the first difference. If a signature had it, this would not compile, because it
    /// would be `Compared` in two ways.
    #[test]
    fn a_signature_is_compared_in_one_way() {
        <Signature as Compared<_>>::compared();
        <SigningKey as Compared<_>>::compared();
        let (ours, key) = (StringToSign::of("ours"), SigningKey::derive(b"chocolate", SCOPE));
        let presented = *key.sign(&ours).0;
        assert!(key.sign(&ours).matches(&presented));
        for place in 0..32 {
            let mut other = presented;
            other[place] ^= 1;
            assert!(!key.sign(&ours).matches(&other), "{place}");
        }
    }

    const SCOPE: Scope<'_> = Scope { date: "20261126", region: "eu-west-1", service: "sts" };
}
