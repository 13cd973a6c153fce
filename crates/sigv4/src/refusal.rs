//! Why a request is refused, said twice: to the caller as API Gateway says it, and to the operator.
//!
//! [`Refusal::body`] is what the caller gets. `Display` is for the operator's log. Neither holds a
//! secret, a session token, or the signature that would have been right.

use std::fmt;

use jiff::Timestamp;

use crate::{
    Mechanism, PayloadHash,
    time::{basic, shifted},
};

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

    /// What the caller is told, in AWS's words where AWS has some.
    pub fn message(&self) -> String {
        match self {
            Self::MissingAuthenticationToken => "Missing Authentication Token".into(),
            Self::UnsupportedAlgorithm => {
                "Unsupported AWS 'algorithm': only 'AWS4-HMAC-SHA256' is accepted.".into()
            }
            Self::MissingPart { mechanism: Mechanism::Header, name } => {
                format!("Authorization header requires '{name}' parameter.")
            }
            Self::MissingPart { mechanism: Mechanism::Presigned, name } => {
                format!("AWS query-string parameters must include '{name}'.")
            }
            Self::MissingDate => "Authorization header requires existence of either a \
                                  'X-Amz-Date' or a 'Date' header."
                .into(),
            Self::MalformedDate => "Date must be in ISO-8601 'basic format'.".into(),
            Self::MalformedCredential { elements } => format!(
                "Credential must have exactly 5 slash-delimited elements, e.g. \
                 keyid/date/region/service/term, got {elements}."
            ),
            Self::WrongScope { element, found, expected } => {
                scope_message(*element, found, expected)
            }
            Self::SignatureExpired { signed_at, now, lifetime_s } => format!(
                "Signature expired: {} is now earlier than {} ({} - {}.)",
                basic(*signed_at),
                basic(shifted(*now, -i64::from(*lifetime_s))),
                basic(*now),
                span(*lifetime_s)
            ),
            Self::SignatureNotYetCurrent { signed_at, now, clock_skew_s } => format!(
                "Signature not yet current: {} is still later than {} ({} + {}.)",
                basic(*signed_at),
                basic(shifted(*now, i64::from(*clock_skew_s))),
                basic(*now),
                span(*clock_skew_s)
            ),
            Self::HostNotSigned => "'Host' or ':authority' must be a 'SignedHeader' in the AWS \
                                    Authorization."
                .into(),
            Self::TokenMissing | Self::UnrecognizedClient => {
                "The security token included in the request is invalid.".into()
            }
            Self::ExpiredToken => "The security token included in the request is expired".into(),
            Self::SignatureMismatch(computed) => mismatch_message(computed),
            other => capitalised(&other.to_string()),
        }
    }
}

fn scope_message(element: ScopeElement, found: &str, expected: &str) -> String {
    match element {
        ScopeElement::Date => format!(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from \
             HTTP: '{found}' != '{expected}'."
        ),
        ScopeElement::Region => {
            format!("Credential should be scoped to a valid region, not '{found}'.")
        }
        ScopeElement::Service => {
            format!("Credential should be scoped to correct service: '{expected}'.")
        }
        ScopeElement::Terminator => format!(
            "Credential should be scoped with a valid terminator: '{expected}', not '{found}'."
        ),
    }
}

fn mismatch_message(computed: &Computed) -> String {
    format!(
        "The request signature we calculated does not match the signature you provided. Check your \
         AWS Secret Access Key and signing method. Consult the service documentation for \
         details.\n\nThe Canonical String for this request should have been\n'{}'\n\nThe \
         String-to-Sign should have been\n'{}'\n",
        computed.canonical_request, computed.string_to_sign
    )
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingAuthenticationToken => {
                f.write_str("expected an `Authorization` header or a presigned query, found neither")
            }
            Self::TwoMechanisms => {
                f.write_str("expected one mechanism, found an `Authorization` header and a presigned query")
            }
            Self::Repeated { name } => write!(f, "expected `{name}` once, found it more often"),
            Self::UnsupportedAlgorithm => f.write_str("expected the algorithm `AWS4-HMAC-SHA256`"),
            Self::MalformedPart { position } => write!(
                f,
                "expected `name=value` as part {position} of the `Authorization` header"
            ),
            Self::UnknownPart { name } => write!(
                f,
                "unknown part `{}` of the `Authorization` header, expected `Credential`, \
                 `SignedHeaders` or `Signature`",
                shown(name)
            ),
            Self::RepeatedPart { name } => {
                write!(f, "expected the part `{name}` of the `Authorization` header once")
            }
            Self::MissingPart { mechanism: Mechanism::Header, name } => {
                write!(f, "missing part `{name}` of the `Authorization` header")
            }
            Self::MissingPart { mechanism: Mechanism::Presigned, name } => {
                write!(f, "missing query parameter `{name}`")
            }
            Self::MalformedCredential { elements } => write!(
                f,
                "expected a credential `KEY/YYYYMMDD/region/service/aws4_request`, found {elements} \
                 elements between slashes"
            ),
            Self::MalformedAccessKeyId => f.write_str(
                "expected an access key id of at most 128 letters, digits and underscores",
            ),
            Self::MalformedSignature => {
                f.write_str("expected a signature of 64 lower-case hexadecimal digits")
            }
            Self::NotText { name } => write!(f, "expected text in `{name}`, found other bytes"),
            Self::WrongScope { element, found, expected } => write!(
                f,
                "expected the {} `{}` in the credential scope, found `{}`",
                element.word(),
                shown(expected),
                shown(found)
            ),
            Self::MissingDate => f.write_str("expected a header `x-amz-date` or `date`"),
            Self::MalformedDate => f.write_str("expected a date like `20150830T123600Z`"),
            Self::SignatureExpired { signed_at, now, lifetime_s } => write!(
                f,
                "signature of {signed_at} expired: it is {now} and signatures hold {}",
                span(*lifetime_s)
            ),
            Self::SignatureNotYetCurrent { signed_at, now, clock_skew_s } => write!(
                f,
                "signature of {signed_at} is not yet current: it is {now} and clocks may differ by {}",
                span(*clock_skew_s)
            ),
            Self::MalformedMethod => f.write_str("the request method is not a token"),
            Self::MalformedQuery { position } => write!(
                f,
                "expected two hexadecimal digits after `%` at position {position} of the query"
            ),
            Self::MalformedHeader { name } => {
                write!(f, "control character in the signed header `{}`", shown(name))
            }
            Self::MalformedSignedHeaders => f.write_str(
                "expected signed headers in lower case, sorted, each once, with `;` between them",
            ),
            Self::SignedHeaderAbsent { name } => {
                write!(f, "the signed header `{}` is not in the request", shown(name))
            }
            Self::HostNotSigned => f.write_str("the header `host` is not signed"),
            Self::HeaderNotSigned { name } => {
                write!(f, "the header `{}` is not signed", shown(name))
            }
            Self::TokenMissing => {
                f.write_str("a temporary key (`ASIA…`) came without its session token")
            }
            Self::TokenNotSigned => f.write_str("the header `x-amz-security-token` is not signed"),
            Self::MalformedPayloadHash => f.write_str(
                "expected 64 lower-case hexadecimal digits in `x-amz-content-sha256`",
            ),
            Self::PayloadMismatch { declared, computed } => write!(
                f,
                "the provided `x-amz-content-sha256` does not match the body: declared {}, computed {}",
                declared.to_hex(),
                computed.to_hex()
            ),
            Self::UnsignedPayload => {
                f.write_str("`UNSIGNED-PAYLOAD` is not accepted here, sign the hash of the body")
            }
            Self::StreamingPayload => f.write_str(
                "streaming signatures (`STREAMING-…`) are not supported, sign the hash of the whole body",
            ),
            Self::MalformedExpires => {
                f.write_str("expected a number of seconds from 1 to 604800 in `X-Amz-Expires`")
            }
            Self::UnrecognizedClient => {
                f.write_str("the access key id is unknown, or the session token is not its own")
            }
            Self::ExpiredToken => f.write_str("the access key or its session has expired"),
            Self::SignatureMismatch(_) => f.write_str(
                "the signature is not the one computed from this request with this key",
            ),
        }
    }
}

impl std::error::Error for Refusal {}

impl ScopeElement {
    fn word(self) -> &'static str {
        match self {
            Self::Date => "date",
            Self::Region => "region",
            Self::Service => "service",
            Self::Terminator => "terminator",
        }
    }
}

/// API Gateway's body for an error.
pub(crate) fn json_message(message: &str) -> String {
    serde_json::json!({ "message": message }).to_string()
}

/// `text` with its first letter in upper case and quotes for back-ticks, as AWS writes.
pub(crate) fn capitalised(text: &str) -> String {
    let quoted = text.replace('`', "'");
    let mut letters = quoted.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

/// What a caller sent, made fit for a log line: nothing but one line, and no more than it takes to
/// recognise it.
fn shown(text: &str) -> String {
    text.chars().take(64).flat_map(char::escape_debug).collect()
}

/// A number of seconds the way AWS says it.
fn span(seconds: u32) -> String {
    if seconds.is_multiple_of(60) {
        format!("{} min", seconds / 60)
    } else {
        format!("{seconds} s")
    }
}
