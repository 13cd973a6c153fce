//! Why a request is refused, and what kind of answer AWS has for it.
//!
//! [`Refusal::body`] is what the caller gets. `Display` is for the operator's log. Neither holds a
//! secret, a session token, or the signature that would have been right.

use jiff::Timestamp;

use crate::{Mechanism, PayloadHash, SessionRefusal, message::json_message};

/// AWS's error types, as they appear in `x-amzn-ErrorType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorType {
    /// Nothing in the request says who sent it.
    MissingAuthenticationToken,
    /// The parts of the signature are not all there, or not well formed.
    IncompleteSignature,
    /// The signature is well formed and does not hold here and now.
    InvalidSignature,
    /// The key, or the session token with it, is not known.
    UnrecognizedClient,
    /// The key or its session was valid once.
    ExpiredToken,
    /// The request is malformed, whoever sent it.
    BadRequest,
}

impl ErrorType {
    /// The value of the response header `x-amzn-ErrorType`.
    pub fn name(self) -> &'static str {
        match self {
            Self::MissingAuthenticationToken => "MissingAuthenticationTokenException",
            Self::IncompleteSignature => "IncompleteSignatureException",
            Self::InvalidSignature => "InvalidSignatureException",
            Self::UnrecognizedClient => "UnrecognizedClientException",
            Self::ExpiredToken => "ExpiredTokenException",
            Self::BadRequest => "BadRequestException",
        }
    }

    /// The HTTP status: 400 for a malformed request, else 403.
    pub fn status(self) -> u16 {
        match self {
            Self::BadRequest => 400,
            _ => 403,
        }
    }
}

/// Which element of the credential scope is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScopeElement {
    /// `YYYYMMDD`: not the date of the request.
    Date,
    /// Not the region of this service.
    Region,
    /// Not the name of this service.
    Service,
    /// Not `aws4_request`.
    Terminator,
}

/// What the server computed for a signature that does not match, to be compared with what the
/// client computed. Session tokens in it read `<redacted>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Computed {
    /// The canonical request.
    pub canonical_request: String,
    /// The string to sign.
    pub string_to_sign: String,
}

/// Why a request is refused. The numbers are those of the rules in the [crate's description](crate).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Rule 1: neither an `Authorization` header nor a presigned query.
    MissingAuthenticationToken,
    /// Rule 1: both of them.
    TwoMechanisms,
    /// Rule 1: a header or parameter that may be there once is there more often.
    Repeated {
        /// The header or parameter.
        name: &'static str,
    },
    /// Rule 2: something else than `AWS4-HMAC-SHA256`.
    UnsupportedAlgorithm,
    /// Rule 2: a part of the `Authorization` header that is not `name=value`.
    MalformedPart {
        /// Which part, counted from 1.
        position: usize,
    },
    /// Rule 2: a part of the `Authorization` header that does not belong there.
    UnknownPart {
        /// Its name.
        name: String,
    },
    /// Rule 2: a part of the `Authorization` header that is there twice.
    RepeatedPart {
        /// Its name.
        name: &'static str,
    },
    /// Rule 2: a part that is missing.
    MissingPart {
        /// Where it should be.
        mechanism: Mechanism,
        /// Its name.
        name: &'static str,
    },
    /// Rule 2: not `KEY/YYYYMMDD/region/service/aws4_request`.
    MalformedCredential {
        /// How many elements there are between slashes.
        elements: usize,
    },
    /// Rule 2: an access key id of anything but letters, digits and underscores.
    MalformedAccessKeyId,
    /// Rule 2: not 64 lower-case hexadecimal digits.
    MalformedSignature,
    /// Rule 2: a value that is not text.
    NotText {
        /// The header or parameter.
        name: &'static str,
    },
    /// Rule 3: the credential scope is not that of this service, here, on that day.
    WrongScope {
        /// The element that is wrong.
        element: ScopeElement,
        /// What the scope says.
        found: String,
        /// What it should say.
        expected: String,
    },
    /// Rule 4: neither `X-Amz-Date` nor `Date`.
    MissingDate,
    /// Rule 4: not `YYYYMMDDTHHMMSSZ`.
    MalformedDate,
    /// Rules 4 and 11: signed too long ago.
    SignatureExpired {
        /// When the request says it was signed.
        signed_at: Timestamp,
        /// When it was verified.
        now: Timestamp,
        /// How long a signature holds, in seconds.
        lifetime_s: u32,
    },
    /// Rule 4: signed in the future.
    SignatureNotYetCurrent {
        /// When the request says it was signed.
        signed_at: Timestamp,
        /// When it was verified.
        now: Timestamp,
        /// How far ahead a clock may be, in seconds.
        clock_skew_s: u32,
    },
    /// Rule 5: a method that is not a token.
    MalformedMethod,
    /// Rule 6: a `%` that two hexadecimal digits do not follow.
    MalformedQuery {
        /// Where in the raw query, counted from 0.
        position: usize,
    },
    /// Rule 7: a signed header with a control character in its value.
    MalformedHeader {
        /// The header.
        name: String,
    },
    /// Rule 8: `SignedHeaders` is not a list of header names, lower-case, sorted, each once.
    MalformedSignedHeaders,
    /// Rule 8: a signed header that the request does not have.
    SignedHeaderAbsent {
        /// The header.
        name: String,
    },
    /// Rule 8: `host` is not signed.
    HostNotSigned,
    /// Rule 8: a header `x-amz-…` that is not signed.
    HeaderNotSigned {
        /// The header.
        name: String,
    },
    /// Rule 9: a temporary key without its session token.
    TokenMissing,
    /// Rule 9: a session token that is not signed.
    TokenNotSigned,
    /// Rule 10: `x-amz-content-sha256` is not 64 lower-case hexadecimal digits.
    MalformedPayloadHash,
    /// Rule 10: the body does not have the hash that the head declares.
    PayloadMismatch {
        /// The hash that `x-amz-content-sha256` declares.
        declared: PayloadHash,
        /// The hash of the body.
        computed: PayloadHash,
    },
    /// Rule 10: `UNSIGNED-PAYLOAD` where it is not welcome.
    UnsignedPayload,
    /// Rule 10: a payload signed chunk by chunk.
    StreamingPayload,
    /// Rule 11: `X-Amz-Expires` is not a number from 1 to 604800.
    MalformedExpires,
    /// Rule 12: the key is not known, or the session token is not the key's.
    UnrecognizedClient,
    /// Rule 12: the key or its session has expired.
    ExpiredToken,
    /// Rule 12: the key's session is refused, for a reason that the [`KeyLookup`](crate::KeyLookup)
    /// gives.
    Session(Box<SessionRefusal>),
    /// Rule 12: the signature is not the one that the server computes.
    SignatureMismatch(Box<Computed>),
}

impl Refusal {
    /// AWS's error type.
    pub fn error_type(&self) -> ErrorType {
        match self {
            Self::MissingAuthenticationToken => ErrorType::MissingAuthenticationToken,
            Self::TwoMechanisms
            | Self::Repeated { .. }
            | Self::UnsupportedAlgorithm
            | Self::MalformedPart { .. }
            | Self::UnknownPart { .. }
            | Self::RepeatedPart { .. }
            | Self::MissingPart { .. }
            | Self::MalformedCredential { .. }
            | Self::MalformedAccessKeyId
            | Self::MalformedSignature
            | Self::NotText { .. }
            | Self::MissingDate
            | Self::MalformedDate
            | Self::MalformedSignedHeaders
            | Self::MalformedExpires => ErrorType::IncompleteSignature,
            Self::MalformedMethod | Self::MalformedQuery { .. } | Self::MalformedHeader { .. } => {
                ErrorType::BadRequest
            }
            Self::WrongScope { .. }
            | Self::SignatureExpired { .. }
            | Self::SignatureNotYetCurrent { .. }
            | Self::SignedHeaderAbsent { .. }
            | Self::HostNotSigned
            | Self::HeaderNotSigned { .. }
            | Self::TokenNotSigned
            | Self::MalformedPayloadHash
            | Self::PayloadMismatch { .. }
            | Self::UnsignedPayload
            | Self::StreamingPayload
            | Self::SignatureMismatch(_) => ErrorType::InvalidSignature,
            Self::TokenMissing | Self::UnrecognizedClient => ErrorType::UnrecognizedClient,
            Self::ExpiredToken => ErrorType::ExpiredToken,
            Self::Session(refusal) => refusal.error_type,
        }
    }

    /// The HTTP status of the answer.
    pub fn status(&self) -> u16 {
        self.error_type().status()
    }

    /// The body of the answer: a JSON object with one `message`, as API Gateway sends it.
    pub fn body(&self) -> String {
        json_message(&self.message())
    }
}

impl std::error::Error for Refusal {}
