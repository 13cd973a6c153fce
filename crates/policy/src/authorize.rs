//! How the layers combine into a decision.
//!
//! Source: IAM User Guide, `reference_policies_evaluation-logic_policy-eval-denyallow` and
//! `reference_policies_evaluation-logic-cross-account`; API Gateway guide,
//! `apigateway-authorization-flow`.

use std::sync::Arc;

use crate::compile::PolicySet;
use crate::decision::{Decision, Determining, Outcome};
use crate::document::PolicyType;
use crate::evaluate::{Layer, Matching};
use crate::grant::Grant;
use crate::kleene::Kleene;
use crate::layers::{AuthorizationType, Policies};
use crate::lookup::Facts;
use crate::principal::{Principal, PrincipalKind};
use crate::request::Request;
use crate::rule::{Rule, Side, Sides};
use crate::undetermined;

/// Decides a request. Cannot fail, and allocates nothing unless the outcome is
/// [`Outcome::Indeterminate`].
///
/// ```
/// use tollgate_policy::{Documents, Outcome, PolicyDocument, PolicyType, Principal, Request, authorize};
///
/// let policy = r#"{"Version": "2012-10-17", "Statement": {
///     "Sid": "ReadPets", "Effect": "Allow", "Action": "execute-api:Invoke",
///     "Resource": "arn:aws:execute-api:*:*:a1b2c3/prod/GET/pets"
/// }}"#;
/// let identity = vec![PolicyDocument::parse(policy, PolicyType::Identity).unwrap()];
/// let sets = Documents { identity, ..Documents::default() }.compile();
///
/// let ana = Principal::parse("arn:aws:iam::111122223333:user/ana").unwrap();
/// let arn = "arn:aws:execute-api:eu-west-1:111122223333:a1b2c3/prod/GET/pets";
/// let decision = authorize(&sets.borrow(), &Request::new(ana, "execute-api:Invoke", arn));
/// assert_eq!(decision.outcome, Outcome::Allowed);
/// assert_eq!(decision.determined_by.first().unwrap().statement, 0);
/// ```
pub fn authorize(policies: &Policies<'_>, request: &Request<'_>) -> Decision {
    let facts = Facts { request, principal: caller(policies, request) };
    let mut matching = Matching::default();
    let Combined { rule, sides, outcome } = Combined::new(policies, facts, &mut matching);
    let (determined_by, depends_on) = match outcome {
        Outcome::Allowed => (granting(rule.granting_sides(&sides), &matching), Vec::new()),
        Outcome::ExplicitDeny => (matching.denying, Vec::new()),
        Outcome::ImplicitDeny => (Determining::default(), Vec::new()),
        Outcome::Indeterminate => {
            let open = undetermined::determine(policies, facts, rule, &sides);
            (open.statements.into_iter().collect(), open.keys)
        }
    };
    Decision { outcome, determined_by, depends_on }
}

/// Decides many requests against the same policies, in order.
pub fn authorize_all<'q, 'r: 'q>(
    policies: &Policies<'_>,
    requests: impl IntoIterator<Item = &'q Request<'r>>,
) -> impl Iterator<Item = Decision> {
    requests.into_iter().map(|request| authorize(policies, request))
}

/// Who the caller counts as: where nobody has to sign, everyone is anonymous.
pub(crate) fn caller<'q, 'r>(
    policies: &Policies<'_>,
    request: &'q Request<'r>,
) -> &'q Principal<'r> {
    match policies.authorization_type {
        AuthorizationType::AwsIam => &request.principal,
        AuthorizationType::None => &Principal::ANONYMOUS,
    }
}

/// All layers, evaluated and combined.
pub(crate) struct Combined {
    pub(crate) rule: Rule,
    pub(crate) sides: Sides,
    pub(crate) outcome: Outcome,
}

impl Combined {
    pub(crate) fn new(
        policies: &Policies<'_>,
        facts: Facts<'_, '_>,
        matching: &mut Matching,
    ) -> Combined {
        let rule = Rule::of(policies, facts);
        let mut denies = Kleene::False;
        let mut evaluate = |layer: Layer<'_>| {
            let verdict = layer.evaluate(facts, matching);
            denies = denies.or(verdict.denies);
            verdict
        };
        let mut one = |policy_type, set: Option<&PolicySet>| {
            set.map(|set| evaluate(Layer { set, policy_type, level: 0 }))
        };
        let mut sides = Sides::SILENT;
        if let Some(says) = one(PolicyType::Resource, policies.resource) {
            sides.grant(Side::Account, says.grants(Grant::Account));
            sides.grant(Side::Role, says.grants(Grant::Role));
            sides.grant(Side::Direct, says.grants(Grant::Direct));
        }
        if let Some(says) = one(PolicyType::VpcEndpoint, policies.vpc_endpoint) {
            sides.limit(Side::VpcEndpoint, says.allows_somehow());
        }
        if rule.consults_caller() {
            if let Some(says) = one(PolicyType::Identity, policies.identity) {
                sides.grant(Side::Identity, says.allows());
            }
            if let Some(says) = one(PolicyType::PermissionsBoundary, policies.permissions_boundary)
            {
                sides.limit(Side::Boundary, says.allows());
            }
            if let Some(says) = one(PolicyType::Session, policies.session) {
                sides.limit(Side::Session, says.allows());
            } else if let PrincipalKind::FederatedUser { .. } = facts.principal.kind {
                // Without a session policy, a federated user's session has no permissions.
                sides.limit(Side::Session, Kleene::False);
            }
            for layer in control_levels(PolicyType::ServiceControl, policies.service_control) {
                sides.limit(Side::ServiceControl, evaluate(layer).allows());
            }
        }
        for layer in control_levels(PolicyType::ResourceControl, policies.resource_control) {
            evaluate(layer);
        }
        Combined { rule, sides, outcome: outcome(denies, rule.allows(&sides)) }
    }
}

/// The matching Allow statements of the sides that grant.
fn granting(sides: &[Side], matching: &Matching) -> Determining {
    let [account, role, direct] = &matching.resource;
    let mut all = Determining::NONE;
    for side in sides {
        match side {
            Side::Identity => all.merge(&matching.identity),
            Side::Account => all.merge(account),
            Side::Role => all.merge(role),
            Side::Direct => all.merge(direct),
            // These limit and do not grant.
            Side::Boundary | Side::Session | Side::ServiceControl | Side::VpcEndpoint => {}
        }
    }
    all
}

/// The outcome of a Deny side and an Allow side.
///
/// A Deny that only may match leaves the outcome open if the request would otherwise be allowed. If
/// nothing can allow it, it is denied either way, and that is the answer **(our choice)**: only the
/// kind of denial is open.
fn outcome(denies: Kleene, allows: Kleene) -> Outcome {
    match (denies, allows) {
        (Kleene::True, _) => Outcome::ExplicitDeny,
        (_, Kleene::False) => Outcome::ImplicitDeny,
        (Kleene::False, Kleene::True) => Outcome::Allowed,
        (Kleene::Unknown, _) | (_, Kleene::Unknown) => Outcome::Indeterminate,
    }
}

/// The levels of control policies, from the root to the account.
fn control_levels<'a>(
    policy_type: PolicyType,
    levels: &'a [Arc<PolicySet>],
) -> impl Iterator<Item = Layer<'a>> {
    (0..).zip(levels).map(move |(level, set)| Layer { set, policy_type, level })
}

/// The layers that are consulted, in the order in which decisions list them.
pub(crate) fn consulted_layers<'a>(
    policies: &Policies<'a>,
    rule: Rule,
) -> impl Iterator<Item = Layer<'a>> {
    let own = |set: Option<&'a PolicySet>| set.filter(|_| rule.consults_caller());
    let levels: &[_] = if rule.consults_caller() { policies.service_control } else { &[] };
    let layer = |(policy_type, set): (PolicyType, Option<&'a PolicySet>)| {
        Some(Layer { set: set?, policy_type, level: 0 })
    };
    let before = [
        (PolicyType::Identity, own(policies.identity)),
        (PolicyType::Resource, policies.resource),
        (PolicyType::PermissionsBoundary, own(policies.permissions_boundary)),
        (PolicyType::Session, own(policies.session)),
    ];
    before
        .into_iter()
        .filter_map(layer)
        .chain(control_levels(PolicyType::ServiceControl, levels))
        .chain(control_levels(PolicyType::ResourceControl, policies.resource_control))
        .chain(layer((PolicyType::VpcEndpoint, policies.vpc_endpoint)))
}
