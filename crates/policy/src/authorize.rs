//! How the layers combine into a decision.
//!
//! Source: IAM User Guide, `reference_policies_evaluation-logic_policy-eval-denyallow` and
//! `reference_policies_evaluation-logic-cross-account`; API Gateway guide,
//! `apigateway-authorization-flow`.

use std::sync::Arc;

use crate::compile::PolicySet;
use crate::decision::{Decision, Determining, Outcome};
use crate::document::PolicyType;
use crate::evaluate::{Findings, Layer};
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
#[inline]
pub fn authorize(policies: &Policies<'_>, request: &Request<'_>) -> Decision {
    let mut decision = Decision {
        outcome: Outcome::ImplicitDeny,
        determined_by: Determining::NONE,
        depends_on: Vec::new(),
    };
    decide(policies, request, &mut decision);
    decision
}

/// Turns a decision that says nothing into that on a request: in its place, since copying it would
/// wait for what was just written.
fn decide(policies: &Policies<'_>, request: &Request<'_>, decision: &mut Decision) {
    let facts = Facts { request, principal: caller(policies, request) };
    let rule = Rule::of(policies, facts);
    let mut combined = Combined::silent();
    decision.outcome = combined.evaluate(policies, facts, rule, &mut decision.determined_by);
    match decision.outcome {
        Outcome::Allowed => combined.name_granting(policies, rule, &mut decision.determined_by),
        Outcome::ExplicitDeny | Outcome::ImplicitDeny => {}
        Outcome::Indeterminate => {
            let open = undetermined::determine(policies, facts, rule, &combined.sides);
            decision.determined_by = open.statements.into_iter().collect();
            decision.depends_on = open.keys;
        }
    }
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

/// What all layers say together.
pub(crate) struct Combined {
    pub(crate) sides: Sides,
    /// Of the layers that grant, once they are asked.
    identity: Option<Findings>,
    resource: Option<Findings>,
}

impl Combined {
    /// Nobody asked yet. A function, since a constant would be copied, findings and all.
    #[inline]
    pub(crate) fn silent() -> Combined {
        Combined { sides: Sides::SILENT, identity: None, resource: None }
    }

    /// Asks every layer, and combines what they say. Names the Deny statements that match.
    #[inline]
    pub(crate) fn evaluate(
        &mut self,
        policies: &Policies<'_>,
        facts: Facts<'_, '_>,
        rule: Rule,
        denying: &mut Determining,
    ) -> Outcome {
        let Combined { sides, identity, resource } = self;
        let mut denies = Kleene::False;
        if let Some(set) = policies.resource {
            let resource = resource.insert(Findings::SILENT);
            denies = denies.or(Layer::of(PolicyType::Resource, set).ask(facts, resource, denying));
            sides.grant(Side::Account, resource.grants(Grant::Account));
            sides.grant(Side::Role, resource.grants(Grant::Role));
            sides.grant(Side::Direct, resource.grants(Grant::Direct));
        }
        if let Some(set) = policies.identity.filter(|_| rule.consults_caller()) {
            let identity = identity.insert(Findings::SILENT);
            denies = denies.or(Layer::of(PolicyType::Identity, set).ask(facts, identity, denying));
            sides.grant(Side::Identity, identity.allows());
        }
        if let (PrincipalKind::FederatedUser { .. }, None) =
            (facts.principal.kind, policies.session)
        {
            // Without a session policy, a federated user's session has no permissions.
            sides.limit(Side::Session, Kleene::False);
        }
        let mut limit = |side: Side, layer: Layer<'_>| {
            let mut findings = Findings::SILENT;
            denies = denies.or(layer.ask(facts, &mut findings, denying));
            sides.limit(side, findings.allows_somehow());
        };
        if let Some(set) = policies.vpc_endpoint {
            limit(Side::VpcEndpoint, Layer::of(PolicyType::VpcEndpoint, set));
        }
        if rule.consults_caller() {
            if let Some(set) = policies.permissions_boundary {
                limit(Side::Boundary, Layer::of(PolicyType::PermissionsBoundary, set));
            }
            if let Some(set) = policies.session {
                limit(Side::Session, Layer::of(PolicyType::Session, set));
            }
            for layer in control_levels(PolicyType::ServiceControl, policies.service_control) {
                limit(Side::ServiceControl, layer);
            }
        }
        for layer in control_levels(PolicyType::ResourceControl, policies.resource_control) {
            let mut findings = Findings::SILENT;
            denies = denies.or(layer.ask(facts, &mut findings, denying));
        }
        outcome(denies, rule.allows(sides))
    }

    /// Names the matching Allow statements of the sides that grant.
    #[inline]
    fn name_granting(&self, policies: &Policies<'_>, rule: Rule, determining: &mut Determining) {
        let granting = rule.granting_sides(&self.sides);
        if let (Some(set), Some(findings)) = (policies.identity, &self.identity)
            && granting.contains(Side::Identity)
        {
            let layer = Layer::of(PolicyType::Identity, set);
            layer.name(findings.granting(Grant::Direct), determining);
        }
        if let (Some(set), Some(findings)) = (policies.resource, &self.resource) {
            let layer = Layer::of(PolicyType::Resource, set);
            let by_grant = [
                (Side::Account, Grant::Account),
                (Side::Role, Grant::Role),
                (Side::Direct, Grant::Direct),
            ];
            for (_, grant) in by_grant.into_iter().filter(|(side, _)| granting.contains(*side)) {
                layer.name(findings.granting(grant), determining);
            }
        }
    }
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
        Some(Layer::of(policy_type, set?))
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
