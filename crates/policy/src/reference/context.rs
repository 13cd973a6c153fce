//! What a request says about a condition key.

use crate::principal::{Principal, PrincipalKind};
use crate::request::{Request, Value};

/// What is known of a key. No values means that it is absent (section 3: "present, empty set: as
/// absent").
pub(super) enum Known {
    Unknown,
    Values(Vec<String>),
}

/// Section 3: "Condition key names are case-insensitive, tag suffix included."
pub(super) fn lookup(request: &Request<'_>, name: &str) -> Known {
    let name = name.to_ascii_lowercase();
    for (key, value) in request.context.iter() {
        if key.name().to_ascii_lowercase() == name {
            return known(value);
        }
    }
    Known::Values(from_principal(&request.principal, &name).into_iter().collect())
}

/// The typed values behave as their text.
fn known(value: Value<'_>) -> Known {
    let one = |text: String| Known::Values(vec![text]);
    match value {
        Value::Unknown => Known::Unknown,
        Value::Absent => Known::Values(vec![]),
        Value::Text(text) => one(text.to_owned()),
        Value::Set(values) => Known::Values(values.iter().map(|value| value.to_string()).collect()),
        Value::Bool(value) => one(value.to_string()),
        Value::Integer(value) => one(value.to_string()),
        Value::Time(value) => one(value.to_string()),
        Value::Ip(value) => one(value.to_string()),
    }
}

/// Section 5: "`aws:PrincipalArn` of a session is the role's ARN. An anonymous caller has no
/// principal keys"; nor have services and identity providers.
fn from_principal(principal: &Principal<'_>, lower_case_name: &str) -> Option<String> {
    let kind = principal.kind();
    let account = principal.account().filter(|_| has_account_identity(kind))?;
    match lower_case_name {
        "aws:principalarn" => Some(match (kind, principal.role) {
            (PrincipalKind::RoleSession { .. }, Some(role)) => role.arn.to_owned(),
            (PrincipalKind::RoleSession { role, .. }, None) => {
                format!("arn:{}:iam::{account}:role/{role}", principal.partition)
            }
            _ => principal.as_str().to_owned(),
        }),
        "aws:principalaccount" => Some(account.to_owned()),
        "aws:principaltype" => Some(principal_type(kind).to_owned()),
        "aws:username" => match kind {
            PrincipalKind::User { name } => Some(name.to_owned()),
            _ => None,
        },
        "aws:userid" => principal.user_id.map(str::to_owned).or_else(|| match kind {
            PrincipalKind::RoleSession { session, .. } => {
                Some(format!("{}:{session}", principal.role?.unique_id?))
            }
            _ => None,
        }),
        _ => None,
    }
}

fn principal_type(kind: PrincipalKind<'_>) -> &'static str {
    match kind {
        PrincipalKind::Role { .. } | PrincipalKind::RoleSession { .. } => "AssumedRole",
        PrincipalKind::FederatedUser { .. } => "FederatedUser",
        PrincipalKind::Root => "Account",
        _ => "User",
    }
}

/// Whether the caller is someone of an account, with policies of their own: not anonymous, not a
/// service, not an identity provider.
pub(super) fn has_account_identity(kind: PrincipalKind<'_>) -> bool {
    !matches!(kind, PrincipalKind::Anonymous | PrincipalKind::Service | PrincipalKind::Federated)
}
