//! The rules by which layers combine: for each kind of caller and resource, a formula over what the
//! layers allow.
//!
//! Source: IAM User Guide, `reference_policies_evaluation-logic_policy-eval-denyallow` and
//! `reference_policies_evaluation-logic-cross-account`; API Gateway guide,
//! `apigateway-authorization-flow`.

use crate::document::PolicyType;
use crate::grant::Grant;
use crate::key::hash_lower_case;
use crate::kleene::Kleene;
use crate::layers::{AuthorizationType, Policies};
use crate::lookup::Facts;
use crate::principal::PrincipalKind;
use crate::request::Action;

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

    /// The side that an Allow of a layer speaks for; `None` where an Allow means nothing.
    pub(crate) fn of(policy_type: PolicyType, grant: Grant) -> Option<Side> {
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

    /// The layer that speaks for the side.
    pub(crate) fn layer(self) -> PolicyType {
        match self {
            Side::Identity => PolicyType::Identity,
            Side::Account | Side::Role | Side::Direct => PolicyType::Resource,
            Side::Boundary => PolicyType::PermissionsBoundary,
            Side::Session => PolicyType::Session,
            Side::ServiceControl => PolicyType::ServiceControl,
            Side::VpcEndpoint => PolicyType::VpcEndpoint,
        }
    }
}

/// Some of the sides, a bit each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SideSet(u8);

impl SideSet {
    /// What limits.
    const LIMITS: SideSet =
        SideSet::of(&[Side::Boundary, Side::Session, Side::ServiceControl, Side::VpcEndpoint]);

    const fn of(sides: &[Side]) -> SideSet {
        let mut bits = 0;
        let mut rest = sides;
        while let [side, others @ ..] = rest {
            bits |= 1 << *side as u8;
            rest = others;
        }
        SideSet(bits)
    }

    pub(crate) fn contains(self, side: Side) -> bool {
        self.0 & 1 << side as u8 != 0
    }

    fn contains_all(self, others: SideSet) -> bool {
        self.0 & others.0 == others.0
    }

    fn contains_any(self, others: SideSet) -> bool {
        self.0 & others.0 != 0
    }

    pub(crate) const fn with(self, side: Side) -> SideSet {
        SideSet(self.0 | 1 << side as u8)
    }

    pub(crate) fn without(self, side: Side) -> SideSet {
        SideSet(self.0 & !(1 << side as u8))
    }
}

/// Which sides allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sides {
    /// Those that do.
    pub(crate) certain: SideSet,
    /// Those that do or may, depending on unknown keys.
    pub(crate) possible: SideSet,
}

impl Sides {
    /// Nobody has said anything: what grants does not, what limits does not either.
    pub(crate) const SILENT: Sides = Sides { certain: SideSet::LIMITS, possible: SideSet::LIMITS };

    /// What a side says.
    pub(crate) fn get(&self, side: Side) -> Kleene {
        Kleene::of(self.certain.contains(side), self.possible.contains(side))
    }

    /// A side that grants says so.
    pub(crate) fn grant(&mut self, side: Side, says: Kleene) {
        if says.is_true() {
            self.certain = self.certain.with(side);
        }
        if !says.is_false() {
            self.possible = self.possible.with(side);
        }
    }

    /// A side that limits must allow here, too.
    pub(crate) fn limit(&mut self, side: Side, says: Kleene) {
        if !says.is_true() {
            self.certain = self.certain.without(side);
        }
        if says.is_false() {
            self.possible = self.possible.without(side);
        }
    }
}

impl Rule {
    pub(crate) fn of(policies: &Policies<'_>, facts: Facts<'_, '_>) -> Rule {
        if policies.authorization_type == AuthorizationType::None && policies.resource.is_none() {
            return Rule::Public;
        }
        let same_account = match (facts.principal.account, facts.request.owner) {
            // Nobody says otherwise.
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(caller), Some(owner)) => is_same_account(caller, owner),
        };
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
        // The formula is monotone: no further Allow ever denies. So it holds for certain if it does
        // of what is certain, and possibly if it does of what is possible.
        let certain = self.is_satisfied(sides.certain);
        let settled = certain || sides.possible == sides.certain;
        Kleene::of(certain, if settled { certain } else { self.is_satisfied(sides.possible) })
    }

    /// Whether it is enough that these sides allow.
    pub(crate) fn is_satisfied(self, allowing: SideSet) -> bool {
        const OUTER: SideSet = SideSet::of(&[Side::ServiceControl, Side::VpcEndpoint]);
        let says = |side| allowing.contains(side);
        let combined = match self {
            Rule::Public | Rule::RootSameAccount { strict: false } => true,
            Rule::ResourceOnly => says(Side::Direct),
            Rule::RootSameAccount { strict: true } | Rule::RootCrossAccount => {
                allowing.contains_any(GRANTS_OF_RESOURCE)
            }
            Rule::SameAccount { strict } => {
                let delegated = !strict || says(Side::Account);
                let limited = says(Side::Role) || says(Side::Identity) && delegated;
                says(Side::Direct) || limited && allowing.contains_all(OWN_LIMITS)
            }
            Rule::CrossAccount => {
                says(Side::Identity)
                    && allowing.contains_all(OWN_LIMITS)
                    && allowing.contains_any(GRANTS_OF_RESOURCE)
            }
        };
        combined && allowing.contains_all(OUTER)
    }

    /// Whose Allow statements made the request allowed.
    #[inline]
    pub(crate) fn granting_sides(self, sides: &Sides) -> SideSet {
        const NONE: SideSet = SideSet::of(&[]);
        const DIRECT: SideSet = SideSet::of(&[Side::Direct]);
        const WITHIN_LIMITS: SideSet = DIRECT.with(Side::Role);
        const ALL: SideSet = GRANTS_OF_RESOURCE.with(Side::Identity);
        let certain = sides.certain;
        match self {
            Rule::Public | Rule::RootSameAccount { strict: false } => NONE,
            Rule::ResourceOnly => DIRECT,
            Rule::RootSameAccount { strict: true } | Rule::RootCrossAccount => GRANTS_OF_RESOURCE,
            Rule::CrossAccount => ALL,
            Rule::SameAccount { .. } if !certain.contains_all(OWN_LIMITS) => DIRECT,
            Rule::SameAccount { strict: false } => WITHIN_LIMITS.with(Side::Identity),
            // Delegation and identity policy count together or not at all.
            Rule::SameAccount { strict: true }
                if certain.contains(Side::Account) && certain.contains(Side::Identity) =>
            {
                ALL
            }
            Rule::SameAccount { strict: true } => WITHIN_LIMITS,
        }
    }
}

/// All ways in which the resource's policy grants.
const GRANTS_OF_RESOURCE: SideSet = SideSet::of(&[Side::Account, Side::Role, Side::Direct]);

/// What limits a caller by itself.
const OWN_LIMITS: SideSet = SideSet::of(&[Side::Boundary, Side::Session]);

/// Account ids have twelve digits, which are compared in two steps.
#[inline]
fn is_same_account(left: &str, right: &str) -> bool {
    let digits = |text: &'_ str| text.as_bytes().try_into().ok();
    match (digits(left), digits(right)) {
        (Some::<[u8; 12]>(left), Some::<[u8; 12]>(right)) => left == right,
        _ => left == right,
    }
}

/// Whether an identity policy alone cannot allow: the trust policy of a role and the policy of a KMS
/// key must do so themselves.
///
/// Source: IAM User Guide, `reference_policies_evaluation-logic_policy-eval-denyallow`.
#[inline]
fn must_allow_by_itself(action: &Action<'_>) -> bool {
    const KMS: u64 = hash_lower_case(b"kms");
    const STS: u64 = hash_lower_case(b"sts");
    match action.service_hash {
        KMS => begins_with_any(action.name, &["kms:"]),
        STS => begins_with_any(
            action.name,
            &["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"],
        ),
        _ => false,
    }
}

fn begins_with_any(name: &str, prefixes: &[&str]) -> bool {
    let begins_with = |prefix: &&str| {
        name.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix))
    };
    prefixes.iter().any(begins_with)
}
