//! Whom a statement names, and how directly.
//!
//! A resource policy that names the caller's account only delegates to it; one that names the
//! caller's role grants within the role's limits; one that names the caller itself, or everyone,
//! grants outright. Source: IAM User Guide, `reference_policies_elements_principal` and
//! `reference_policies_evaluation-logic_policy-eval-denyallow`.

use crate::document::{PrincipalElement, PrincipalPattern};
use crate::principal::{Principal, PrincipalKind};

/// How a statement that names the caller grants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Grant {
    /// The account is named: its own policies must allow, too.
    Account,
    /// The caller's role is named, or the user that a federated session was made for: no further
    /// Allow is needed, but permissions boundary and session policy limit.
    Role,
    /// The caller itself or everyone is named, or the policy has no principals: nothing limits.
    Direct,
}

/// A compiled `Principal` or `NotPrincipal`.
#[derive(Debug)]
pub(crate) struct Principals {
    negated: bool,
    named: Box<[Named]>,
}

#[derive(Debug)]
enum Named {
    Everyone,
    Account(Box<str>),
    Role { partition: Box<str>, account: Box<str>, name: Box<str> },
    Exactly(Box<str>),
    Service(Box<str>),
    Federated(Box<str>),
    Nobody,
}

impl Principals {
    pub(crate) fn new(element: &PrincipalElement) -> Principals {
        Principals {
            negated: element.negated,
            named: element.principals.iter().map(|named| Named::new(&named.value)).collect(),
        }
    }

    /// How the element names the caller; `None` when it does not.
    #[inline(never)]
    pub(crate) fn grant(&self, caller: &Principal<'_>) -> Option<Grant> {
        let named = self.named.iter().filter_map(|named| named.grant(caller)).max();
        match (self.negated, named) {
            (false, grant) => grant,
            // An empty list leaves the statement without effect, in either form.
            (true, None) if !self.named.is_empty() => Some(Grant::Direct),
            (true, _) => None,
        }
    }
}

impl Named {
    fn new(pattern: &PrincipalPattern) -> Named {
        match pattern {
            PrincipalPattern::Everyone => Named::Everyone,
            PrincipalPattern::Account(account) => Named::Account(account.as_str().into()),
            PrincipalPattern::Arn(arn) => Named::of_arn(arn),
            PrincipalPattern::Service(name) => Named::Service(name.as_str().into()),
            PrincipalPattern::Federated(name) => Named::Federated(name.as_str().into()),
            // No ARN is a unique id, and no request names its caller by a canonical user id.
            PrincipalPattern::CanonicalUser(_) | PrincipalPattern::UniqueId(_) => Named::Nobody,
        }
    }

    fn of_arn(arn: &str) -> Named {
        match Principal::parse(arn) {
            Some(Principal { partition, account: Some(account), kind, .. }) => match kind {
                PrincipalKind::Root => Named::Account(account.into()),
                PrincipalKind::Role { name } => Named::Role {
                    partition: partition.into(),
                    account: account.into(),
                    name: name.into(),
                },
                _ => Named::Exactly(arn.into()),
            },
            _ => Named::Exactly(arn.into()),
        }
    }

    #[inline]
    fn grant(&self, caller: &Principal<'_>) -> Option<Grant> {
        match self {
            Named::Everyone => Some(Grant::Direct),
            Named::Account(account) => {
                (caller.account == Some(&**account)).then_some(Grant::Account)
            }
            Named::Role { partition, account, name } => match caller.kind {
                PrincipalKind::RoleSession { role, .. } | PrincipalKind::Role { name: role } => {
                    let same = role == &**name
                        && caller.account == Some(&**account)
                        && caller.partition == &**partition;
                    same.then_some(Grant::Role)
                }
                _ => None,
            },
            Named::Nobody => None,
            Named::Service(name) => {
                let same = caller.kind == PrincipalKind::Service && caller.text == &**name;
                same.then_some(Grant::Direct)
            }
            Named::Federated(name) => {
                let same = caller.kind == PrincipalKind::Federated && caller.text == &**name;
                same.then_some(Grant::Direct)
            }
            Named::Exactly(text) => match caller.kind {
                PrincipalKind::Anonymous | PrincipalKind::Service | PrincipalKind::Federated => {
                    None
                }
                _ if caller.text == &**text => Some(Grant::Direct),
                PrincipalKind::FederatedUser { .. } if caller.issuer == Some(text) => {
                    Some(Grant::Role)
                }
                _ => None,
            },
        }
    }
}
