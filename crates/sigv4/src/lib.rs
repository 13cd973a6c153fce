//! AWS Signature Version 4, verified and made.
//!
//! A [`Verifier`] takes the head of a request as raw bytes, finds out who signed it, and answers with
//! a [`Verified`] request or with a [`Refusal`] that says what AWS would say. [`PathRule`] then says
//! which path the request is about. A [`Signer`] makes the signatures that a verifier accepts.
//!
//! Nothing here does I/O, reads a clock or can panic: time is a parameter, keys come from a
//! [`KeyLookup`], and every input has an answer.
//!
//! ```
//! use jiff::Timestamp;
//! use tollgate_sigv4::{
//!     KeyAnswer, KeyClaim, KeyLookup, PayloadHash, RequestHead, SecretKey, SignedPayload, Signer,
//!     Transport, Verifier,
//! };
//!
//! struct OneKey(SecretKey);
//!
//! impl KeyLookup for OneKey {
//!     type Identity = &'static str;
//!
//!     fn find(&self, claim: &KeyClaim<'_>) -> KeyAnswer<Self::Identity> {
//!         match claim.access_key_id {
//!             "AKIDEXAMPLE" => KeyAnswer::Found { secret: self.0.clone(), identity: "ana" },
//!             _ => KeyAnswer::Unknown,
//!         }
//!     }
//! }
//!
//! let secret = SecretKey::new("a secret that only ana and the gate know");
//! let signer = Signer {
//!     access_key_id: "AKIDEXAMPLE".into(),
//!     secret: secret.clone(),
//!     session_token: None,
//!     region: "eu-west-1".into(),
//!     service: "execute-api".into(),
//! };
//! let headers: Vec<(&[u8], &[u8])> = vec![(b"host", b"api.example.com")];
//! let head = RequestHead {
//!     method: b"GET",
//!     path: b"/repos/octo/hello/issues",
//!     query: b"state=open",
//!     headers: &headers,
//!     transport: Transport::Tls,
//! };
//! let now = Timestamp::from_second(1_795_299_240)?;
//! let body = PayloadHash::of(b"");
//!
//! let added = signer.sign(&head, SignedPayload::Hashed(body), now)?;
//! let added = added.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
//! let headers: Vec<(&[u8], &[u8])> = headers.iter().copied().chain(added).collect();
//!
//! let head = RequestHead { headers: &headers, ..head };
//! let verified = Verifier::new("eu-west-1").verify(&head, &body, &OneKey(secret), now)?;
//! assert_eq!(verified.identity, "ana");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The rules
//!
//! 1. There is exactly one mechanism: an `Authorization` header, or a presigned query. Both, or
//!    anything that may be there once and is there twice, is refused.
//! 2. The header reads `AWS4-HMAC-SHA256 Credential=KEY/YYYYMMDD/region/service/aws4_request,
//!    SignedHeaders=a;b;c, Signature=…`, its three parts in any order, each once, and no others. The
//!    signature is 64 lower-case hexadecimal digits. A presigned query has the same as parameters.
//! 3. The credential scope is that of this service, in this region, on the day of the request's date.
//! 4. The date is `X-Amz-Date`, else `Date`. It may differ from the time of arrival by five minutes,
//!    in either direction.
//! 5. The canonical path is the raw one, dot segments and empty segments removed, each segment
//!    encoded once more: `%20` becomes `%2520`. No other form is accepted.
//! 6. The canonical query is split on `&` and the first `=`, each half decoded and encoded (`+` is a
//!    plus, not a space), sorted by name, then value. `X-Amz-Signature` is left out, and so is what
//!    is empty between two `&`. A malformed escape is refused, because it would share its canonical
//!    form with another query.
//! 7. Canonical headers are lower-case and sorted; their values are trimmed, runs of spaces become
//!    one, and repeats are joined with commas in order of arrival.
//! 8. `SignedHeaders` is lower-case and strictly ascending, and each header in it is in the request.
//!    `host` is one of them, and so is every `x-amz-*` received, except `x-amz-content-sha256`.
//! 9. A temporary key (`ASIA…`) comes with its session token. A session token is signed.
//! 10. The payload line is the SHA-256 of the exact body. If `x-amz-content-sha256` declares a hash,
//!     the body has it. `UNSIGNED-PAYLOAD` is refused unless asked for, and then inside TLS only;
//!     `STREAMING-…` is always refused.
//! 11. A presigned request asks for 1 to 604800 seconds with `X-Amz-Expires`, and is given five
//!     minutes at most, or what the verifier is told.
//! 12. Signatures are compared in constant time. An unknown key costs what a known one costs: a
//!     stand-in takes its place.
//! 13. Every refusal has the error type, status and body that API Gateway would give. A signature
//!     that does not match is answered with the canonical request and the string to sign that were
//!     computed; never with the right signature, nor with a token.
//!
//! # The stages
//!
//! ```text
//! head ─present─▶ Presented ─check─▶ Claim ─canonical─▶ CanonicalRequest ─▶ StringToSign ─▶ Signature
//!                                                              ▲                              │
//!                                                       hash of the body           Verified ◀─┘
//! ```
//!
//! Each is a type that only the one before can make.

#![forbid(unsafe_code)]

mod canonical;
mod check;
mod class;
mod encode;
mod head;
mod keys;
mod message;
mod path;
mod payload;
mod present;
mod query;
mod refusal;
mod secret;
mod sign;
mod signature;
mod time;
#[cfg(test)]
mod vectors;
mod verify;

pub use crate::{
    check::{UnsignedPayload, Verifier},
    head::{HeaderPair, RequestHead, Transport},
    keys::{KeyAnswer, KeyClaim, KeyLookup, SessionRefusal},
    path::{CanonicalPath, PATH_BYTES_MAX, PathReason, PathRefusal, PathRule, RequestTarget},
    payload::{PayloadHash, PayloadHasher, PayloadMode},
    present::{Mechanism, Scope},
    refusal::{Computed, ErrorType, Refusal, ScopeElement},
    secret::{SecretKey, SessionToken},
    sign::{SignError, SignedPayload, Signer},
    verify::{HeadVerdict, Pending, Verified},
};
