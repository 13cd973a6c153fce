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
mod authorize;
mod binary;
mod cidr;
mod circumstances;
mod classes;
mod code;
mod compile;
mod condition;
mod cover;
mod date;
mod decision;
mod document;
mod error;
mod evaluate;
mod explain;
mod first;
mod grant;
mod json;
pub mod key;
mod kleene;
mod layers;
mod lines;
mod lint;
mod lookup;
mod number;
mod operator;
mod parse;
mod pattern;
mod prefix_index;
mod principal;
mod print;
#[cfg(feature = "reference")]
pub mod reference;
mod request;
mod rule;
pub mod simulate;
mod span;
mod statement;
mod template;
mod translate;
mod undetermined;

pub use arn::{Api, ArnParts, write_request_arn};
pub use authorize::{authorize, authorize_all};
pub use binary::{parse_base64, parse_bool};
pub use cidr::Cidr;
pub use circumstances::Circumstances;
pub use classes::{Head, ResourceClasses, Start, View};
pub use code::{Code, Severity};
pub use compile::PolicySet;
pub use cover::{Extent, Scope};
pub use date::parse_instant;
pub use decision::{Decision, Determining, Outcome, StatementId};
pub use document::{
    Condition, Effect, PatternElement, PolicyDocument, PolicyType, PrincipalElement,
    PrincipalPattern, Statement, Version,
};
pub use error::{Diagnostic, PolicyErrors, Related};
pub use explain::{
    Element, Explanation, LayerExplanation, LayerVerdict, Matched, Miss, MissReason,
    StatementExplanation, explain, missing_layers, nearest_miss,
};
pub use key::Key;
pub use layers::{AuthorizationType, Documents, Policies, PolicySets};
pub use lint::MANAGED_POLICY_CHARACTERS;
pub use number::Decimal;
pub use operator::{Family, Operator, Quantifier, Test};
pub use parse::{Limits, Parser};
pub use principal::{Principal, PrincipalKind, Role};
pub use request::{Action, Context, Request, Value};
pub use span::{Position, Span, Spanned};
pub use template::{Template, TemplateError, TemplateErrorKind, Token, Variables};

/// The examples of the project's README compile.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
