//! What distinguishes requests beside their action and resource: the caller, and the context.

use smallvec::SmallVec;

use crate::authorize::caller;
use crate::compile::PolicySet;
use crate::condition::CompiledCondition;
use crate::kleene::Kleene;
use crate::layers::Policies;
use crate::lookup::{Facts, Found};
use crate::principal::PrincipalKind;
use crate::request::Request;

/// All that some policies see of a request's caller and context: what kind of caller it is, which
/// statements name it, and which conditions hold.
///
/// Two requests with equal circumstances, the same action, and resources of the same account and
/// one class ([`ResourceClasses`](crate::ResourceClasses)) are decided alike, by the same
/// statements, unless a resource pattern has variables ([`PolicySet::has_resource_variables`]).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Circumstances(SmallVec<[u8; 64]>);

impl Circumstances {
    /// The circumstances of a request under some policies.
    pub fn of(policies: &Policies<'_>, request: &Request<'_>) -> Circumstances {
        let principal = caller(policies, request);
        let facts = Facts { request, principal };
        let same_account = principal.account() == request.resource_account();
        let mut seen = SmallVec::from_slice(&[kind(principal.kind), u8::from(same_account)]);
        for statement in policies.sets().flat_map(PolicySet::statements) {
            if statement.principals.is_some() {
                seen.push(statement.grant(facts).map_or(0, |grant| grant as u8 + 1));
            }
            for condition in &statement.conditions {
                let holds = condition.holds(facts);
                seen.push(holds as u8);
                if holds == Kleene::Unknown {
                    add_unknown(condition, facts, &mut seen);
                }
            }
        }
        Circumstances(seen)
    }
}

/// Adds which of a condition's keys are unknown.
fn add_unknown(condition: &CompiledCondition, facts: Facts<'_, '_>, seen: &mut SmallVec<[u8; 64]>) {
    let keys = condition.keys().map(|key| matches!(facts.find(key), Found::Unknown));
    seen.extend(keys.map(u8::from));
}

/// A number for the kinds of callers that rules tell apart.
fn kind(kind: PrincipalKind<'_>) -> u8 {
    match kind {
        PrincipalKind::Anonymous | PrincipalKind::Service | PrincipalKind::Federated => 0,
        PrincipalKind::Root => 1,
        PrincipalKind::FederatedUser { .. } => 2,
        PrincipalKind::User { .. }
        | PrincipalKind::Role { .. }
        | PrincipalKind::RoleSession { .. }
        | PrincipalKind::Other => 3,
    }
}
