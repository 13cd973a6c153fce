//! How the layers combine into a decision.
//!
//! Source: IAM User Guide, `reference_policies_evaluation-logic_policy-eval-denyallow` and
//! `reference_policies_evaluation-logic-cross-account`; API Gateway guide,
//! `apigateway-authorization-flow`.

use std::sync::Arc;

use crate::compile::PolicySet;
use crate::decision::{Decision, Determining, Outcome};
use crate::document::PolicyType;
use crate::evaluate::{Layer, Matching, Verdict};
use crate::grant::Grant;
use crate::key::hash_lower_case;
use crate::kleene::Kleene;
use crate::layers::{AuthorizationType, Policies};
use crate::lookup::Facts;
use crate::principal::{Principal, PrincipalKind};
use crate::request::{Action, Request};
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
    let principal = caller(policies, request);
    let facts = Facts { request, principal: &principal };
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
pub(crate) fn caller<'r>(policies: &Policies<'_>, request: &Request<'r>) -> Principal<'r> {
    match policies.authorization_type {
        AuthorizationType::AwsIam => request.principal,
        AuthorizationType::None => Principal::ANONYMOUS,
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
        let resource = one(PolicyType::Resource, policies.resource);
        let vpc_endpoint = one(PolicyType::VpcEndpoint, policies.vpc_endpoint);
        let [account, role, direct] =
            Grant::ALL.map(|grant| resource.map_or(Kleene::False, |says| says.grants(grant)));
        let mut sides = Sides::only_resource(account, role, direct);
        sides.limit(Side::VpcEndpoint, vpc_endpoint);
        if rule.consults_caller() {
            let identity = one(PolicyType::Identity, policies.identity);
            sides.set(Side::Identity, identity.map_or(Kleene::False, |says| says.allows()));
            let boundary = one(PolicyType::PermissionsBoundary, policies.permissions_boundary);
            sides.limit(Side::Boundary, boundary);
            // A federated user's session has no permissions of its own without a session policy.
            match (one(PolicyType::Session, policies.session), facts.principal.kind) {
                (None, PrincipalKind::FederatedUser { .. }) => {
                    sides.set(Side::Session, Kleene::False);
                }
                (session, _) => sides.limit(Side::Session, session),
            }
            for layer in control_levels(PolicyType::ServiceControl, policies.service_control) {
                sides.limit(Side::ServiceControl, Some(evaluate(layer)));
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

/// Which rule combines the layers, by who asks for what in whose account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Nobody has to sign, and no resource policy restricts.
    Public,
    /// The caller has no policies: an anonymous one, a service, an identity provider. Only the
    /// resource policy decides.
    ResourceOnly,
    /// The account's root user, in its own account.
    RootSameAccount {
        /// See [`Rule::SameAccount`].
        strict: bool,
    },
    /// The account's root user, with a resource of another account.
    RootCrossAccount,
    /// Caller and resource in one account.
    SameAccount {
        /// The resource's policy must allow by itself: role trust policies and KMS key policies.
        strict: bool,
    },
    /// Both sides must allow.
    CrossAccount,
}

/// What must or may allow: the sides that a [`Rule`] combines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Identity,
    /// The resource policy, by [`Grant::Account`].
    Account,
    /// The resource policy, by [`Grant::Role`].
    Role,
    /// The resource policy, by [`Grant::Direct`].
    Direct,
    Boundary,
    Session,
    /// All levels of service control policies together.
    ServiceControl,
    VpcEndpoint,
}

impl Side {
    pub(crate) const ALL: [Side; 8] = [
        Side::Identity,
        Side::Account,
        Side::Role,
        Side::Direct,
        Side::Boundary,
        Side::Session,
        Side::ServiceControl,
        Side::VpcEndpoint,
    ];
}

/// What each side says. A missing boundary, session policy or endpoint policy allows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sides([Kleene; 8]);

impl Sides {
    /// What the resource policy says, to a caller without policies of its own.
    fn only_resource(account: Kleene, role: Kleene, direct: Kleene) -> Sides {
        let unlimited = Kleene::True;
        Sides([Kleene::False, account, role, direct, unlimited, unlimited, unlimited, unlimited])
    }

    /// A layer that must allow, if it exists.
    fn limit(&mut self, side: Side, says: Option<Verdict>) {
        if let Some(says) = says {
            self.set(side, self.get(side).and(says.allows()));
        }
    }

    pub(crate) fn get(&self, side: Side) -> Kleene {
        self.0.get(side as usize).copied().unwrap_or(Kleene::False)
    }

    pub(crate) fn set(&mut self, side: Side, value: Kleene) {
        if let Some(slot) = self.0.get_mut(side as usize) {
            *slot = value;
        }
    }
}

impl Rule {
    pub(crate) fn of(policies: &Policies<'_>, facts: Facts<'_, '_>) -> Rule {
        if policies.authorization_type == AuthorizationType::None && policies.resource.is_none() {
            return Rule::Public;
        }
        let (caller, owner) = (facts.principal.account, facts.request.resource_account());
        let same_account = owner.is_none() || caller == owner;
        let strict = must_allow_by_itself(&facts.request.action);
        match facts.principal.kind {
            PrincipalKind::Anonymous | PrincipalKind::Service | PrincipalKind::Federated => {
                Rule::ResourceOnly
            }
            PrincipalKind::Root if same_account => Rule::RootSameAccount { strict },
            PrincipalKind::Root => Rule::RootCrossAccount,
            _ if same_account => Rule::SameAccount { strict },
            _ => Rule::CrossAccount,
        }
    }

    /// Whether the caller has policies of its own: identity policies, boundary, session policy and
    /// the service control policies of an organization.
    pub(crate) fn consults_caller(self) -> bool {
        !matches!(self, Rule::Public | Rule::ResourceOnly)
    }

    /// Whether a side can have a say at all.
    pub(crate) fn consults(self, side: Side) -> bool {
        match side {
            Side::Identity | Side::Boundary | Side::Session => {
                matches!(self, Rule::SameAccount { .. } | Rule::CrossAccount)
            }
            Side::ServiceControl => self.consults_caller(),
            Side::Account | Side::Role => !matches!(self, Rule::Public | Rule::ResourceOnly),
            Side::Direct => self != Rule::Public,
            Side::VpcEndpoint => true,
        }
    }

    /// Whether everything that must allow does.
    pub(crate) fn allows(self, sides: &Sides) -> Kleene {
        let says = |side| sides.get(side);
        let limits = says(Side::Boundary).and(says(Side::Session));
        let any_grant = says(Side::Account).or(says(Side::Role)).or(says(Side::Direct));
        let combined = match self {
            Rule::Public | Rule::RootSameAccount { strict: false } => Kleene::True,
            Rule::ResourceOnly => says(Side::Direct),
            Rule::RootSameAccount { strict: true } | Rule::RootCrossAccount => any_grant,
            Rule::SameAccount { strict } => {
                let delegated = if strict { says(Side::Account) } else { Kleene::True };
                let limited = says(Side::Role).or(says(Side::Identity).and(delegated));
                says(Side::Direct).or(limited.and(limits))
            }
            Rule::CrossAccount => says(Side::Identity).and(limits).and(any_grant),
        };
        combined.and(says(Side::ServiceControl)).and(says(Side::VpcEndpoint))
    }

    /// Whose Allow statements made the request allowed.
    pub(crate) fn granting_sides(self, sides: &Sides) -> &'static [Side] {
        let limits = sides.get(Side::Boundary).and(sides.get(Side::Session)).is_true();
        let delegated = sides.get(Side::Account).is_true();
        match self {
            Rule::Public | Rule::RootSameAccount { strict: false } => &[],
            Rule::ResourceOnly => &[Side::Direct],
            Rule::RootSameAccount { strict: true } | Rule::RootCrossAccount => {
                &[Side::Account, Side::Role, Side::Direct]
            }
            Rule::CrossAccount => &[Side::Identity, Side::Account, Side::Role, Side::Direct],
            Rule::SameAccount { .. } if !limits => &[Side::Direct],
            Rule::SameAccount { strict: false } => &[Side::Identity, Side::Role, Side::Direct],
            // Delegation and identity policy count together or not at all.
            Rule::SameAccount { strict: true }
                if delegated && sides.get(Side::Identity).is_true() =>
            {
                &[Side::Identity, Side::Account, Side::Role, Side::Direct]
            }
            Rule::SameAccount { strict: true } => &[Side::Role, Side::Direct],
        }
    }
}

/// Whether an identity policy alone cannot allow: the trust policy of a role and the policy of a KMS
/// key must do so themselves.
///
/// Source: IAM User Guide, `reference_policies_evaluation-logic_policy-eval-denyallow`.
fn must_allow_by_itself(action: &Action<'_>) -> bool {
    const KMS: u64 = hash_lower_case(b"kms");
    const STS: u64 = hash_lower_case(b"sts");
    let begins_with = |prefix: &str| {
        action.name.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix))
    };
    match action.service_hash {
        KMS => begins_with("kms:"),
        STS => ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
            .into_iter()
            .any(begins_with),
        _ => false,
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

/// The side that an Allow of a layer speaks for; `None` where an Allow means nothing.
pub(crate) fn side_of(policy_type: PolicyType, grant: Grant) -> Option<Side> {
    match (policy_type, grant) {
        (PolicyType::Identity, _) => Some(Side::Identity),
        (PolicyType::Resource | PolicyType::RoleTrust, Grant::Account) => Some(Side::Account),
        (PolicyType::Resource | PolicyType::RoleTrust, Grant::Role) => Some(Side::Role),
        (PolicyType::Resource | PolicyType::RoleTrust, Grant::Direct) => Some(Side::Direct),
        (PolicyType::PermissionsBoundary, _) => Some(Side::Boundary),
        (PolicyType::Session, _) => Some(Side::Session),
        (PolicyType::ServiceControl, _) => Some(Side::ServiceControl),
        (PolicyType::VpcEndpoint, _) => Some(Side::VpcEndpoint),
        (PolicyType::ResourceControl, _) => None,
    }
}
