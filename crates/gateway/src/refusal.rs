//! Why the gateway does not do what it was asked, and who has to act.
//!
//! The caller gets AWS's answer, which says little. [`Refusal::explanation`] is for the operator's
//! log and says everything. Neither holds a secret.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};
use tollgate_policy::Outcome;
use tollgate_sigv4::{ErrorType, PathRefusal};

/// Why a request is refused, from the first stage to the last.
#[derive(Debug)]
pub enum Refusal {
    /// The request could be read in more than one way, or not at all.
    Malformed(String),
    /// More headers than the gateway takes.
    TooManyHeaders,
    /// The host, or the stage in the path, is of no API.
    NoSuchApi {
        /// The host that was asked for.
        host: String,
    },
    /// Nobody is known to have signed the request.
    Signature(Box<tollgate_sigv4::Refusal>),
    /// The signature was used before, on a route that takes each for one request.
    Replayed,
    /// The path could be read in more than one way.
    Path(PathRefusal),
    /// The body is larger than the route takes.
    BodyTooLarge {
        /// How many bytes it takes.
        bytes_max: u64,
    },
    /// The body did not arrive in time.
    BodyTimeout,
    /// The body broke off.
    BodyBroken(String),
    /// The policies do not allow it.
    Denied(Box<Denial>),
    /// It is allowed, and there is no such route.
    NoRoute,
    /// Too many requests.
    Throttled {
        /// Whose limit it is.
        limit: String,
        /// When to try again, in whole seconds.
        retry_after_s: u64,
    },
    /// The method is one that the gateway does not forward.
    Method,
    /// It is allowed, and asks for a WebSocket on a route whose answers are searched for the secret.
    Unsearchable,
    /// The credential cannot be had.
    Credential(String),
    /// The upstream may not be connected to, or cannot be.
    Unreachable(String),
    /// The upstream did not answer in time.
    UpstreamTimeout,
    /// The upstream answered something that is no answer.
    UpstreamBroken(String),
    /// The gateway itself, or a service of its process, panicked.
    Panicked,
}

/// A decision that is not `allowed`.
#[derive(Debug)]
pub struct Denial {
    /// Which.
    pub outcome: Outcome,
    /// What AWS tells the caller.
    pub message: String,
    /// The statements that denied, with their places; empty where none allowed.
    pub determined_by: String,
    /// The one that came nearest to allowing, where none did.
    pub nearest: Option<String>,
    /// Everything, for the operator, with the files of the policies.
    pub explanation: String,
}

/// Who has to act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Whoever sent the request.
    Caller,
    /// The third party.
    Upstream,
    /// The gateway's operator.
    Ourselves,
}

impl Refusal {
    /// The HTTP status of the answer.
    pub fn status(&self) -> StatusCode {
        let status = match self {
            Self::Malformed(_) | Self::BodyBroken(_) => 400,
            Self::TooManyHeaders => 431,
            Self::NoSuchApi { .. } | Self::Denied(_) | Self::Replayed => 403,
            Self::Signature(refusal) => refusal.status(),
            Self::Path(refusal) => refusal.status(),
            Self::BodyTooLarge { .. } => 413,
            Self::BodyTimeout => 408,
            Self::NoRoute => 404,
            Self::Method => 405,
            Self::Throttled { .. } => 429,
            Self::Credential(_) | Self::Panicked => 500,
            Self::Unreachable(_) | Self::UpstreamBroken(_) => 502,
            Self::Unsearchable => 501,
            Self::UpstreamTimeout => 504,
        };
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// AWS's error type: the response header `x-amzn-ErrorType`.
    pub fn error_type(&self) -> &'static str {
        match self {
            Self::Malformed(_) | Self::BodyBroken(_) | Self::TooManyHeaders | Self::Path(_) => {
                "BadRequestException"
            }
            Self::NoSuchApi { .. } => "ForbiddenException",
            Self::Signature(refusal) => refusal.error_type().name(),
            Self::Replayed => ErrorType::InvalidSignature.name(),
            Self::Denied(_) => "AccessDeniedException",
            Self::BodyTooLarge { .. } => "RequestEntityTooLargeException",
            Self::BodyTimeout => "RequestTimeoutException",
            Self::NoRoute => "NotFoundException",
            Self::Method => "MethodNotAllowedException",
            Self::Unsearchable => "NotImplementedException",
            Self::Throttled { .. } => "TooManyRequestsException",
            Self::Credential(_)
            | Self::Unreachable(_)
            | Self::UpstreamBroken(_)
            | Self::Panicked => "InternalServerErrorException",
            Self::UpstreamTimeout => "GatewayTimeoutException",
        }
    }

    /// The variable `$context.error.responseType` of the access log.
    pub fn response_type(&self) -> &'static str {
        match self {
            Self::Malformed(_) | Self::BodyBroken(_) | Self::TooManyHeaders | Self::Path(_) => {
                "BAD_REQUEST"
            }
            Self::NoSuchApi { .. } => "FORBIDDEN",
            Self::Signature(refusal) => match refusal.error_type() {
                ErrorType::MissingAuthenticationToken => "MISSING_AUTHENTICATION_TOKEN",
                ErrorType::ExpiredToken => "EXPIRED_TOKEN",
                ErrorType::UnrecognizedClient => "UNRECOGNIZED_CLIENT",
                ErrorType::BadRequest => "BAD_REQUEST",
                ErrorType::IncompleteSignature | ErrorType::InvalidSignature => "INVALID_SIGNATURE",
            },
            Self::Replayed => "INVALID_SIGNATURE",
            Self::Denied(_) => "ACCESS_DENIED",
            Self::BodyTooLarge { .. } => "REQUEST_TOO_LARGE",
            Self::BodyTimeout => "REQUEST_TIMEOUT",
            Self::NoRoute => "RESOURCE_NOT_FOUND",
            Self::Method => "METHOD_NOT_ALLOWED",
            Self::Unsearchable => "NOT_IMPLEMENTED",
            Self::Throttled { .. } => "THROTTLED",
            Self::Credential(_) => "API_CONFIGURATION_ERROR",
            Self::Unreachable(_) | Self::UpstreamBroken(_) => "INTEGRATION_FAILURE",
            Self::UpstreamTimeout => "INTEGRATION_TIMEOUT",
            Self::Panicked => "DEFAULT_5XX",
        }
    }

    /// Who has to act.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Credential(_) | Self::Panicked => Fault::Ourselves,
            Self::Unreachable(_) | Self::UpstreamBroken(_) | Self::UpstreamTimeout => {
                Fault::Upstream
            }
            _ => Fault::Caller,
        }
    }

    /// What the caller is told.
    pub fn message(&self) -> String {
        match self {
            Self::Malformed(what) => format!("Bad request: {what}"),
            Self::TooManyHeaders => "Request header fields too large".to_owned(),
            Self::NoSuchApi { .. } => "Forbidden".to_owned(),
            Self::Signature(refusal) => refusal.message(),
            Self::Path(refusal) => refusal.to_string(),
            Self::BodyTooLarge { .. } => "Request Too Long".to_owned(),
            Self::BodyTimeout => "Request Timeout".to_owned(),
            Self::BodyBroken(_) => "Bad request: the body broke off".to_owned(),
            Self::Replayed => "The signature was used before: sign each request anew".to_owned(),
            Self::Denied(denial) => denial.message.clone(),
            Self::NoRoute => "Not Found".to_owned(),
            Self::Method => "Method Not Allowed".to_owned(),
            Self::Unsearchable => "Not Implemented: this route opens no WebSocket".to_owned(),
            Self::Throttled { .. } => "Too Many Requests".to_owned(),
            Self::Credential(_)
            | Self::Unreachable(_)
            | Self::UpstreamBroken(_)
            | Self::Panicked => "Internal server error".to_owned(),
            Self::UpstreamTimeout => "Endpoint request timed out".to_owned(),
        }
    }

    /// Everything, for the operator's log.
    pub fn explanation(&self) -> String {
        match self {
            Self::NoSuchApi { host } => format!("no API has the host `{host}`, or not this stage"),
            Self::Signature(refusal) => refusal.to_string(),
            Self::BodyTooLarge { bytes_max } => format!("the body has more than {bytes_max} bytes"),
            Self::BodyBroken(why) | Self::Credential(why) => why.clone(),
            Self::Unreachable(why) | Self::UpstreamBroken(why) => why.clone(),
            Self::Denied(denial) => denial.explanation.clone(),
            Self::Throttled { limit, .. } => format!("the limit of {limit} is used up"),
            Self::UpstreamTimeout => "the upstream did not answer in time".to_owned(),
            Self::Panicked => {
                "a bug: the gateway panicked, and said where on standard error".to_owned()
            }
            Self::Unsearchable => {
                "`scrubBody`: what goes by a WebSocket cannot be searched for the secret".to_owned()
            }
            Self::NoRoute => "allowed, but no route of the API takes it".to_owned(),
            _ => self.message(),
        }
    }

    /// The body of the answer.
    pub fn body(&self) -> Bytes {
        let body = match self {
            Self::Signature(refusal) => refusal.body(),
            Self::Path(refusal) => refusal.body(),
            // API Gateway writes this one with a capital letter.
            Self::Denied(denial) => serde_json::json!({ "Message": denial.message }).to_string(),
            other => serde_json::json!({ "message": other.message() }).to_string(),
        };
        Bytes::from(body)
    }

    /// The whole answer.
    pub fn response(&self) -> Response<Bytes> {
        let mut response = Response::new(self.body());
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert("x-amzn-errortype", HeaderValue::from_static(self.error_type()));
        if let Self::Throttled { retry_after_s, .. } = self {
            headers.insert(RETRY_AFTER, HeaderValue::from(*retry_after_s));
        }
        response
    }
}

impl From<tollgate_sigv4::Refusal> for Refusal {
    fn from(refusal: tollgate_sigv4::Refusal) -> Refusal {
        Refusal::Signature(Box::new(refusal))
    }
}

impl From<PathRefusal> for Refusal {
    fn from(refusal: PathRefusal) -> Refusal {
        Refusal::Path(refusal)
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.explanation())
    }
}

impl std::error::Error for Refusal {}
