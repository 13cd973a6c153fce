//! AWS IAM policies: parse, compile, authorize, explain.
//!
//! ```text
//! policy JSON ─parse─▶ PolicyDocument ─compile─▶ PolicySet ─┐
//!                                                           ├─authorize─▶ Decision ─explain─▶ Explanation
//! Request (principal, action, resource, context) ───────────┘
//! ```
//!
//! The crate is pure: it does no I/O, reads no clock and spawns nothing. Time is a context value.

mod arn;
mod compile;
mod decision;
mod document;
pub mod key;
mod layers;
mod operator;
mod principal;
#[cfg(feature = "reference")]
pub mod reference;
mod request;
mod span;

pub use arn::{Api, ArnParts, write_request_arn};
pub use compile::PolicySet;
pub use decision::{Decision, Determining, Outcome, StatementId};
pub use document::{
    Condition, Effect, PatternElement, PolicyDocument, PolicyType, PrincipalElement,
    PrincipalPattern, Statement, Version,
};
pub use key::Key;
pub use layers::{AuthorizationType, Documents, Policies, PolicySets};
pub use operator::{Family, Operator, Quantifier, Test};
pub use principal::{Principal, PrincipalKind};
pub use request::{Context, Request, Value};
pub use span::{Position, Span, Spanned};
