//! What the service answers when it does not do what was asked: AWS's code, status and words.

use std::fmt;

use tollgate_sigv4::{ErrorType, Refusal, ScopeElement};

/// An error answer. `Display` is for the operator's log, and says more where there is more to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// AWS's error code.
    pub code: FaultCode,
    /// What the caller is told.
    pub message: String,
    /// What only the operator is told. Never a secret or a token.
    pub detail: Option<String>,
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])* $variant:ident = $name:literal, $status:literal;)*) => {
        /// AWS's error codes, as far as this service gives them.
        ///
        /// Source: AWS STS API reference, "Common error types" and the errors of each action.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum FaultCode {
            $($(#[doc = $doc])* $variant,)*
        }

        impl FaultCode {
            /// The text of the element `Code`.
            pub fn name(self) -> &'static str {
                match self { $(FaultCode::$variant => $name,)* }
            }

            /// The HTTP status of the answer.
            pub fn status(self) -> u16 {
                match self { $(FaultCode::$variant => $status,)* }
            }
        }
    };
}

codes! {
    /// The caller may not do this.
    AccessDenied = "AccessDenied", 403;
    /// The session that signed is over.
    ExpiredToken = "ExpiredToken", 403;
    /// The web identity token is over.
    ExpiredWebIdentity = "ExpiredTokenException", 400;
    /// The identity provider cannot be reached.
    IdpCommunicationError = "IDPCommunicationError", 400;
    /// The identity provider's claim is not one that is accepted.
    IdpRejectedClaim = "IDPRejectedClaim", 403;
    /// The signature is not all there, or not well formed.
    IncompleteSignature = "IncompleteSignature", 403;
    /// Something here is broken.
    InternalFailure = "InternalFailure", 500;
    /// There is no such action.
    InvalidAction = "InvalidAction", 400;
    /// The access key or its token is not known.
    InvalidClientTokenId = "InvalidClientTokenId", 403;
    /// The web identity token is not one that is accepted.
    InvalidIdentityToken = "InvalidIdentityToken", 400;
    /// Parameters that exclude one another, or one that is not supported.
    InvalidParameterCombination = "InvalidParameterCombination", 400;
    /// A parameter's value is well formed and not acceptable.
    InvalidParameterValue = "InvalidParameterValue", 400;
    /// There is no such parameter.
    InvalidQueryParameter = "InvalidQueryParameter", 400;
    /// The request is not one of the query protocol.
    MalformedQueryString = "MalformedQueryString", 400;
    /// The session policy is none.
    MalformedPolicyDocument = "MalformedPolicyDocument", 400;
    /// The request says nothing to do.
    MissingAction = "MissingAction", 400;
    /// The request is not signed.
    MissingAuthenticationToken = "MissingAuthenticationToken", 403;
    /// Session policy and tags are too long together.
    PackedPolicyTooLarge = "PackedPolicyTooLarge", 400;
    /// This service is not the one of the region that was signed for.
    RegionDisabled = "RegionDisabledException", 403;
    /// The signature does not hold.
    SignatureDoesNotMatch = "SignatureDoesNotMatch", 403;
    /// A parameter is missing or malformed.
    ValidationError = "ValidationError", 400;
}

impl Fault {
    /// A fault that tells the operator what it tells the caller.
    pub fn new(code: FaultCode, message: impl Into<String>) -> Fault {
        Fault { code, message: message.into(), detail: None }
    }

    /// Adds what only the operator is told.
    #[must_use]
    pub fn with_detail(self, detail: impl Into<String>) -> Fault {
        Fault { detail: Some(detail.into()), ..self }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Fault { code, message, detail } = self;
        write!(f, "{}: {}", code.name(), detail.as_ref().unwrap_or(message))
    }
}

impl std::error::Error for Fault {}

impl From<&Refusal> for Fault {
    /// A refused signature, in this service's codes: they are older than those of API Gateway.
    fn from(refusal: &Refusal) -> Fault {
        let code = match refusal.error_type() {
            _ if is_of_another_region(refusal) => FaultCode::RegionDisabled,
            ErrorType::MissingAuthenticationToken => FaultCode::MissingAuthenticationToken,
            ErrorType::IncompleteSignature => FaultCode::IncompleteSignature,
            ErrorType::InvalidSignature => FaultCode::SignatureDoesNotMatch,
            ErrorType::UnrecognizedClient => FaultCode::InvalidClientTokenId,
            ErrorType::ExpiredToken => FaultCode::ExpiredToken,
            ErrorType::BadRequest => FaultCode::MalformedQueryString,
        };
        let message = match refusal {
            Refusal::MissingAuthenticationToken => {
                "Request is missing Authentication Token".to_owned()
            }
            Refusal::WrongScope { element: ScopeElement::Region, found, expected } => {
                format!("STS is not activated in the region '{found}' here, sign for '{expected}'")
            }
            other => other.message(),
        };
        Fault::new(code, message).with_detail(refusal.to_string())
    }
}

fn is_of_another_region(refusal: &Refusal) -> bool {
    matches!(refusal, Refusal::WrongScope { element: ScopeElement::Region, .. })
}
