//! The body's part in a signature: its SHA-256, computed piece by piece.

use std::fmt;
use std::hash::{Hash, Hasher};

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::encode::{Hex, decode_hex, hex};

/// The payload line of a request whose body is not signed.
pub(crate) const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";

/// The SHA-256 of a body. Comparison takes the same time whatever the values.
#[derive(Clone, Copy, Eq)]
pub struct PayloadHash([u8; 32]);

impl PayloadHash {
    /// The hash of a body that is in memory.
    pub fn of(body: &[u8]) -> Self {
        Self(Sha256::digest(body).into())
    }

    /// Reads 64 lower-case hexadecimal digits.
    pub fn from_hex(text: &[u8]) -> Option<Self> {
        decode_hex(text).map(Self)
    }

    /// The hash as 64 lower-case hexadecimal digits.
    pub fn to_hex(&self) -> String {
        self.digits().to_text()
    }

    /// The same.
    pub(crate) fn digits(&self) -> Hex {
        hex(&self.0)
    }
}

impl PartialEq for PayloadHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Hash for PayloadHash {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl fmt::Debug for PayloadHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PayloadHash({})", self.to_hex())
    }
}

/// Hashes a body while it streams by.
///
/// ```
/// use tollgate_sigv4::{PayloadHash, PayloadHasher};
///
/// let mut hasher = PayloadHasher::new();
/// hasher.update(b"to the ");
/// hasher.update(b"gate");
/// assert_eq!(hasher.finish(), PayloadHash::of(b"to the gate"));
/// ```
#[derive(Clone, Default)]
pub struct PayloadHasher(Sha256);

impl PayloadHasher {
    /// A hasher that has seen no byte.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the next bytes of the body.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The hash of everything seen.
    pub fn finish(self) -> PayloadHash {
        PayloadHash(self.0.finalize().into())
    }
}

/// How the payload of a request is bound to its signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadMode {
    /// By the hash of the body alone; the head says nothing about it.
    Hashed,
    /// By a hash that the head declares in `x-amz-content-sha256` and the body must have.
    Declared,
    /// Not at all: `UNSIGNED-PAYLOAD`, inside TLS, on a route that opted in.
    Unsigned,
}
