//! The words of a refusal: for the caller as API Gateway has them, for the operator our own.

use std::fmt;

use crate::{
    Computed, Mechanism, Refusal, ScopeElement,
    time::{basic, shifted},
};

impl Refusal {
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
            Self::Session(refusal) => refusal.message.clone(),
            Self::SignatureMismatch(computed) => mismatch_message(computed),
            other => capitalised(&other.to_string()),
        }
    }

    /// For the operator, when there is nothing to tell but the rule.
    fn fixed_text(&self) -> Option<&'static str> {
        Some(match self {
            Self::MissingAuthenticationToken => {
                "expected an `Authorization` header or a presigned query, found neither"
            }
            Self::TwoMechanisms => {
                "expected one mechanism, found an `Authorization` header and a presigned query"
            }
            Self::UnsupportedAlgorithm => "expected the algorithm `AWS4-HMAC-SHA256`",
            Self::MalformedAccessKeyId => {
                "expected an access key id of at most 128 letters, digits and underscores"
            }
            Self::MalformedSignature => "expected a signature of 64 lower-case hexadecimal digits",
            Self::MissingDate => "expected a header `x-amz-date` or `date`",
            Self::MalformedDate => "expected a date like `20150830T123600Z`",
            Self::MalformedMethod => "the request method is not a token",
            Self::MalformedSignedHeaders => {
                "expected signed headers in lower case, sorted, each once, with `;` between them"
            }
            Self::HostNotSigned => "the header `host` is not signed",
            Self::TokenMissing => "a temporary key (`ASIA…`) came without its session token",
            Self::TokenNotSigned => "the header `x-amz-security-token` is not signed",
            Self::MalformedPayloadHash => {
                "expected 64 lower-case hexadecimal digits in `x-amz-content-sha256`"
            }
            Self::UnsignedPayload => {
                "`UNSIGNED-PAYLOAD` is not accepted here, sign the hash of the body"
            }
            Self::StreamingPayload => {
                "streaming signatures (`STREAMING-…`) are not supported, sign the hash of the whole \
                 body"
            }
            Self::MalformedExpires => {
                "expected a number of seconds from 1 to 604800 in `X-Amz-Expires`"
            }
            Self::UnrecognizedClient => {
                "the access key id is unknown, or the session token is not its own"
            }
            Self::ExpiredToken => "the access key or its session has expired",
            Self::SignatureMismatch(_) => {
                "the signature is not the one computed from this request with this key"
            }
            Self::Repeated { .. }
            | Self::MalformedPart { .. }
            | Self::UnknownPart { .. }
            | Self::RepeatedPart { .. }
            | Self::MissingPart { .. }
            | Self::MalformedCredential { .. }
            | Self::NotText { .. }
            | Self::WrongScope { .. }
            | Self::SignatureExpired { .. }
            | Self::SignatureNotYetCurrent { .. }
            | Self::MalformedQuery { .. }
            | Self::MalformedHeader { .. }
            | Self::SignedHeaderAbsent { .. }
            | Self::HeaderNotSigned { .. }
            | Self::Session(_)
            | Self::PayloadMismatch { .. } => return None,
        })
    }

    /// For the operator, when there is something to tell.
    fn write_values(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Repeated { name } => write!(f, "expected `{name}` once, found it more often"),
            Self::MalformedPart { position } => {
                write!(f, "expected `name=value` as part {position} of the `Authorization` header")
            }
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
            Self::NotText { name } => write!(f, "expected text in `{name}`, found other bytes"),
            Self::WrongScope { element, found, expected } => {
                let (found, expected) = (shown(found), shown(expected));
                let element = element.word();
                write!(
                    f,
                    "expected the {element} `{expected}` in the credential scope, found `{found}`"
                )
            }
            Self::SignatureExpired { signed_at, now, lifetime_s } => {
                let lifetime = span(*lifetime_s);
                write!(f, "signature of {signed_at} expired: it is {now} and it held {lifetime}")
            }
            Self::SignatureNotYetCurrent { signed_at, now, clock_skew_s } => {
                let skew = span(*clock_skew_s);
                write!(
                    f,
                    "signature of {signed_at} is in the future: it is {now}, give or take {skew}"
                )
            }
            Self::MalformedQuery { position } => write!(
                f,
                "expected two hexadecimal digits after `%` at position {position} of the query"
            ),
            Self::MalformedHeader { name } => {
                write!(f, "control character in the signed header `{}`", shown(name))
            }
            Self::SignedHeaderAbsent { name } => {
                write!(f, "the signed header `{}` is not in the request", shown(name))
            }
            Self::HeaderNotSigned { name } => {
                write!(f, "the header `{}` is not signed", shown(name))
            }
            Self::PayloadMismatch { declared, computed } => {
                let (declared, computed) = (declared.to_hex(), computed.to_hex());
                f.write_str("the provided `x-amz-content-sha256` does not match the body: ")?;
                write!(f, "declared {declared}, computed {computed}")
            }
            Self::Session(refusal) => f.write_str(&refusal.detail),
            // All others have a fixed text.
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.fixed_text() {
            Some(text) => f.write_str(text),
            None => self.write_values(f),
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
