//! A policy document as its author wrote it: every element, in order, with its place in the text.
//!
//! [`PolicyDocument`] mirrors the JSON and nothing more; it is what the two evaluators share. It is
//! only made by the parser, so whoever holds one holds a document that is valid for its
//! [`PolicyType`].

use std::fmt;
use std::sync::Arc;

use crate::operator::Operator;
use crate::span::{Position, Span, Spanned};
use crate::template::Variables;

/// What a policy is attached to, and so which elements it may have and how it combines with others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PolicyType {
    /// Attached to a user, group or role.
    Identity,
    /// Attached to a resource, such as an API of API Gateway.
    Resource,
    /// The most that identity policies can grant to a user or role.
    PermissionsBoundary,
    /// Passed when a session was created.
    Session,
    /// Service control policy of the caller's organization.
    ServiceControl,
    /// Resource control policy of the resource's organization.
    ResourceControl,
    /// The trust policy of a role.
    RoleTrust,
    /// The policy of a VPC endpoint.
    VpcEndpoint,
}

impl PolicyType {
    /// All types, in the order in which decisions list them.
    pub const ALL: [PolicyType; 8] = [
        PolicyType::Identity,
        PolicyType::Resource,
        PolicyType::PermissionsBoundary,
        PolicyType::Session,
        PolicyType::ServiceControl,
        PolicyType::ResourceControl,
        PolicyType::RoleTrust,
        PolicyType::VpcEndpoint,
    ];

    /// The name in machine-readable documents: `permissionsBoundary`.
    pub fn as_str(self) -> &'static str {
        match self {
            PolicyType::Identity => "identity",
            PolicyType::Resource => "resource",
            PolicyType::PermissionsBoundary => "permissionsBoundary",
            PolicyType::Session => "session",
            PolicyType::ServiceControl => "serviceControl",
            PolicyType::ResourceControl => "resourceControl",
            PolicyType::RoleTrust => "roleTrust",
            PolicyType::VpcEndpoint => "vpcEndpoint",
        }
    }
}

impl PolicyType {
    /// The name in prose with its article: `an identity-based policy`.
    pub(crate) fn with_article(self) -> String {
        let article = if self == PolicyType::Identity { "an" } else { "a" };
        format!("{article} {self}")
    }
}

impl fmt::Display for PolicyType {
    /// The name in prose, as in AWS's own messages: `permissions boundary`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PolicyType::Identity => "identity-based policy",
            PolicyType::Resource => "resource-based policy",
            PolicyType::PermissionsBoundary => "permissions boundary",
            PolicyType::Session => "session policy",
            PolicyType::ServiceControl => "service control policy",
            PolicyType::ResourceControl => "resource control policy",
            PolicyType::RoleTrust => "role trust policy",
            PolicyType::VpcEndpoint => "VPC endpoint policy",
        })
    }
}

/// The version of the policy language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// `2008-10-17`, also when the element is missing: `${…}` is literal text.
    V2008,
    /// `2012-10-17`: `${…}` is a policy variable.
    V2012,
}

impl Version {
    /// What `${…}` means in documents of this version, where a variable may stand.
    pub fn variables(self) -> Variables {
        match self {
            Version::V2008 => Variables::Literal,
            Version::V2012 => Variables::Substituted,
        }
    }
}

/// A parsed policy document.
///
/// Two documents are equal when they say the same, wherever it stands in their texts.
#[derive(Clone, Debug)]
pub struct PolicyDocument {
    pub(crate) policy_type: PolicyType,
    pub(crate) version: Option<Version>,
    pub(crate) id: Option<Spanned<String>>,
    pub(crate) statements: Vec<Statement>,
    pub(crate) source: Arc<str>,
}

impl PolicyDocument {
    /// What the document was read as.
    pub fn policy_type(&self) -> PolicyType {
        self.policy_type
    }

    /// The language version in force: a document without `Version` is a 2008 one.
    pub fn version(&self) -> Version {
        self.version.unwrap_or(Version::V2008)
    }

    /// The `Version` element as written, if it was.
    pub fn declared_version(&self) -> Option<Version> {
        self.version
    }

    /// The `Id` element.
    pub fn id(&self) -> Option<&Spanned<String>> {
        self.id.as_ref()
    }

    /// The statements, in document order.
    pub fn statements(&self) -> &[Statement] {
        &self.statements
    }

    /// The text that was read.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The text that was read, shared.
    pub fn shared_source(&self) -> Arc<str> {
        Arc::clone(&self.source)
    }

    /// Line and column of the start of a span of this document.
    pub fn position(&self, span: Span) -> Position {
        Position::of(&self.source, span.start as usize)
    }
}

impl PartialEq for PolicyDocument {
    fn eq(&self, other: &Self) -> bool {
        (self.policy_type, self.version, &self.id, &self.statements)
            == (other.policy_type, other.version, &other.id, &other.statements)
    }
}

/// One statement.
#[derive(Clone, Debug, Eq)]
pub struct Statement {
    /// The `Sid` element.
    pub sid: Option<Spanned<String>>,
    /// Allow or deny.
    pub effect: Spanned<Effect>,
    /// `Principal` or `NotPrincipal`.
    pub principal: Option<PrincipalElement>,
    /// `Action` or `NotAction`.
    pub action: PatternElement,
    /// `Resource` or `NotResource`; `None` where the policy's own resource is the only one: in a role
    /// trust policy, and in the policy of a container repository.
    pub resource: Option<PatternElement>,
    /// The condition block flattened: one entry an operator and key, all of which must hold.
    pub conditions: Vec<Condition>,
    /// The statement's object, from brace to brace.
    pub span: Span,
    /// Line and column of its opening brace.
    pub position: Position,
}

impl PartialEq for Statement {
    fn eq(&self, other: &Self) -> bool {
        (&self.sid, &self.effect, &self.principal, &self.action, &self.resource, &self.conditions)
            == (
                &other.sid,
                &other.effect,
                &other.principal,
                &other.action,
                &other.resource,
                &other.conditions,
            )
    }
}

/// What a statement does when it matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Grants.
    Allow,
    /// Forbids, whatever else grants.
    Deny,
}

/// `Action`, `NotAction`, `Resource` or `NotResource`: a list of patterns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternElement {
    /// The `Not…` form: applies to everything that none of the patterns matches.
    pub negated: bool,
    /// The patterns, in document order; may be empty, and then the statement has no effect.
    pub patterns: Vec<Spanned<String>>,
}

/// `Principal` or `NotPrincipal`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrincipalElement {
    /// The form `NotPrincipal`.
    pub negated: bool,
    /// Who is named, in document order; may be empty, and then the statement has no effect.
    pub principals: Vec<Spanned<PrincipalPattern>>,
}

/// One principal that a statement names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PrincipalPattern {
    /// `"*"` or `{"AWS": "*"}`: everyone, anonymous callers included.
    Everyone,
    /// `{"AWS": "123456789012"}` or `{"AWS": "arn:aws:iam::123456789012:root"}`: the account, which
    /// decides for its principals by its own policies. The twelve digits.
    Account(String),
    /// `{"AWS": "arn:…"}`: a user, role, role session or federated user session, exactly.
    Arn(String),
    /// `{"AWS": "AIDA…"}`: the unique id that stands where a principal was deleted; matches no ARN.
    UniqueId(String),
    /// `{"Service": "lambda.amazonaws.com"}`.
    Service(String),
    /// `{"Federated": "cognito-identity.amazonaws.com"}` or a provider's ARN.
    Federated(String),
    /// `{"CanonicalUser": "…"}`.
    CanonicalUser(String),
}

/// One operator applied to one key: one line of a condition block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// How to compare.
    pub operator: Spanned<Operator>,
    /// The condition key as written; names are case-insensitive.
    pub key: Spanned<String>,
    /// The values, unquoted numbers and booleans as their text; may be empty.
    pub values: Vec<Spanned<String>>,
}
