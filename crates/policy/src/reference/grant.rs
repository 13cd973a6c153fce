//! Principals (section 5), and as what a resource policy names the caller (section 6, table).

use crate::arn::ArnParts;
use crate::document::{PrincipalElement, PrincipalPattern};
use crate::principal::{Principal, PrincipalKind};

/// As what a statement names the caller: the rows of section 6's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Grant {
    /// Everyone, or the caller itself: the user's ARN, the session's ARN, the federated user's
    /// session ARN, the service, the provider.
    Direct,
    /// The role of which the caller is a session, or the user whose federated session it is.
    Role,
    /// The caller's account: delegation.
    Account,
}

/// As what the element names the caller, the most direct if it does so more than once; `None` when
/// it does not. A statement without the element concerns the caller that its policy is attached to.
pub(super) fn grant(element: Option<&PrincipalElement>, caller: &Principal<'_>) -> Option<Grant> {
    let Some(element) = element else { return Some(Grant::Direct) };
    let named = element.principals.iter().filter_map(|one| names(&one.value, caller)).min();
    match element.negated {
        false => named,
        // "Empty principal list: the statement has no effect."
        true if element.principals.is_empty() => None,
        // "exempts exactly those listed (session, its role and its account each count when listed)"
        true if named.is_none() => Some(Grant::Direct),
        true => None,
    }
}

fn names(pattern: &PrincipalPattern, caller: &Principal<'_>) -> Option<Grant> {
    let exactly = |text: &str| (text == caller.as_str()).then_some(Grant::Direct);
    match (pattern, caller.kind()) {
        // "`*` and `{"AWS":"*"}`: everyone, anonymous included"
        (PrincipalPattern::Everyone, _) => Some(Grant::Direct),
        (PrincipalPattern::Service(text), PrincipalKind::Service)
        | (PrincipalPattern::Federated(text), PrincipalKind::Federated) => exactly(text),
        (PrincipalPattern::Account(account), _) => {
            (caller.account() == Some(account)).then_some(Grant::Account)
        }
        // "Unique ids never match an ARN", and no request names a canonical user.
        (
            PrincipalPattern::UniqueId(_)
            | PrincipalPattern::CanonicalUser(_)
            | PrincipalPattern::Service(_)
            | PrincipalPattern::Federated(_),
            _,
        )
        | (_, PrincipalKind::Anonymous | PrincipalKind::Service | PrincipalKind::Federated) => None,
        // "A role ARN covers the role's sessions; a session ARN covers one session."
        (
            PrincipalPattern::Arn(arn),
            PrincipalKind::RoleSession { role, .. } | PrincipalKind::Role { name: role },
        ) if is_role(arn, role, caller) => Some(Grant::Role),
        (PrincipalPattern::Arn(arn), PrincipalKind::FederatedUser { .. })
            if caller.issuer == Some(arn.as_str()) =>
        {
            Some(Grant::Role)
        }
        (PrincipalPattern::Arn(arn), _) => exactly(arn),
    }
}

/// "Session ARNs leave out the role's path (`role/team/R` → `assumed-role/R/session`)."
fn is_role(arn: &str, role: &str, caller: &Principal<'_>) -> bool {
    let Some(parts) = ArnParts::split(arn) else { return false };
    parts.service == "iam"
        && parts.partition == caller.partition
        && Some(parts.account) == caller.account()
        && parts.resource.starts_with("role/")
        && parts.resource.rsplit('/').next() == Some(role)
}
