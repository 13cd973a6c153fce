//! What a principal may do now: the statements of its identity policies, and its Allow statements
//! taken apart, pattern by pattern, so that each call tells which of them it needs.

use serde_json::json;
use tollgate_policy::{
    Effect, Extent, Matched, Outcome, PatternElement, Policies, PolicyDocument, PolicySet,
    PolicyType, Principal, Request, Scope, Spanned, Statement, StatementId, Variables, Version,
    authorize, explain,
};
use tollgate_store::{Account, Subject};

use crate::outcomes::{Cited, cited};

/// The present policies of a principal.
pub(crate) struct Grants<'a> {
    pub(crate) subject: &'a Subject,
    /// Every statement, in the order of policies and statements.
    pub(crate) statements: Vec<Present<'a>>,
    /// The Allow statements, pattern by pattern: the one that is to be chosen first first.
    pub(crate) list: Vec<Grant>,
    all: Alone,
}

/// A statement that is in force.
pub(crate) struct Present<'a> {
    pub(crate) statement: &'a Statement,
    pub(crate) version: Version,
    /// What it matches.
    pub(crate) scope: Scope<'a>,
    /// Where it stands.
    pub(crate) cited: Cited,
}

/// One resource pattern of an Allow statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    /// Which of [`Grants::statements`].
    pub(crate) statement: usize,
    /// Which of its patterns; `None` for all of a `NotResource`.
    pub(crate) pattern: Option<usize>,
}

/// The grants that a call needs.
pub(crate) enum Needed {
    /// None: no identity policy allows it.
    None,
    /// Any of these, which allow it; the first is the one to choose.
    AnyOf(Vec<usize>),
    /// All of these, which may allow it, depending on what the log does not tell.
    AllOf(Vec<usize>),
}

/// The grants that may allow the calls along a route, each of them on all resources.
pub(crate) struct Loose {
    /// Those whose resources are all that the calls may have asked for, and more.
    covering: Alone,
    /// Those of whose resources some call may have asked for one.
    meeting: Alone,
}

/// Grants, each compiled to a policy of its own.
struct Alone {
    /// Which of [`Grants::list`].
    grants: Vec<usize>,
    set: PolicySet,
}

impl<'a> Grants<'a> {
    /// The present policies of a principal of the account.
    pub(crate) fn of(account: &'a Account, subject: &'a Subject) -> Grants<'a> {
        let principal = Principal::parse(subject.arn()).unwrap_or(Principal::ANONYMOUS);
        let applicable = account.policies_for(&principal, None);
        let documents = applicable.policies().identity.map_or(&[][..], PolicySet::documents);
        let mut statements = Vec::new();
        for (policy, document) in (0..).zip(documents) {
            for (index, statement) in (0..).zip(document.statements()) {
                let id = StatementId {
                    policy_type: PolicyType::Identity,
                    level: 0,
                    policy,
                    statement: index,
                };
                let version = document.version();
                let scope = Scope::of(statement, version);
                statements.extend(cited(&applicable, id).map(|cited| Present {
                    statement,
                    version,
                    scope,
                    cited,
                }));
            }
        }
        let alone = take_apart(&statements).into_iter();
        let written = |grant: Grant| {
            Some((grant, grant.document(&statements, grant.resource(&statements)?)?))
        };
        let (list, documents): (Vec<Grant>, Vec<PolicyDocument>) =
            alone.filter_map(written).unzip();
        let all = Alone::new(documents.into_iter().enumerate());
        Grants { subject, list, all, statements }
    }

    /// Which grants a call needs, by what its request says and whatever other policies apply.
    pub(crate) fn needed(&self, request: &Request<'_>) -> Needed {
        self.all.needed(request)
    }

    /// Which grants a call along a route needs, whatever it asked for. Of those that may allow it, one
    /// is enough only if it allows all that the call may have asked for.
    pub(crate) fn needed_along(&self, loose: &Loose, request: &Request<'_>) -> Needed {
        if let Needed::AnyOf(any) = loose.covering.needed(request) {
            return Needed::AnyOf(any);
        }
        let may = |matched: &Matched| matches!(matched, Matched::Yes | Matched::Unknown(_));
        Needed::AllOf(loose.meeting.matched(request, may))
    }

    /// The grants that may allow calls whose resources a pattern matches.
    pub(crate) fn loose(&self, pattern: &str) -> Loose {
        let calls = Extent::of_resource(pattern, Variables::Substituted);
        let which = |[some, none]: [fn(&Extent, &Extent) -> bool; 2]| {
            let compares = |grant: &Grant| grant.compares(&self.statements, &calls, [some, none]);
            let list = self.list.iter().enumerate().filter(|(_, grant)| compares(grant));
            Alone::new(list.filter_map(|(index, grant)| {
                let everything =
                    PatternElement { negated: false, patterns: vec![nowhere("*".to_owned())] };
                Some((index, grant.document(&self.statements, everything)?))
            }))
        };
        Loose {
            covering: which([Extent::covers, Extent::meets]),
            meeting: which([Extent::meets, Extent::covers]),
        }
    }
}

impl Alone {
    fn new(list: impl Iterator<Item = (usize, PolicyDocument)>) -> Alone {
        let (grants, documents): (_, Vec<PolicyDocument>) = list.unzip();
        Alone { grants, set: PolicySet::compile(documents) }
    }

    /// Which of the grants a call needs.
    fn needed(&self, request: &Request<'_>) -> Needed {
        let Some(request) = of_own_account(request) else { return Needed::None };
        let policies = Policies { identity: Some(&self.set), ..Policies::default() };
        let decision = authorize(&policies, &request);
        let named = || self.numbers(decision.determined_by.iter().map(|id| id.policy));
        match (decision.outcome, decision.determined_by.has_more()) {
            (Outcome::ImplicitDeny | Outcome::ExplicitDeny, _) => Needed::None,
            (Outcome::Allowed, false) => Needed::AnyOf(named()),
            (Outcome::Allowed, true) => {
                Needed::AnyOf(self.matched(&request, |matched| *matched == Matched::Yes))
            }
            (Outcome::Indeterminate, false) => Needed::AllOf(named()),
            (Outcome::Indeterminate, true) => {
                let may = |matched: &Matched| matches!(matched, Matched::Unknown(_));
                Needed::AllOf(self.matched(&request, may))
            }
        }
    }

    /// The grants that match a call as is wanted.
    fn matched(&self, request: &Request<'_>, wanted: fn(&Matched) -> bool) -> Vec<usize> {
        let Some(request) = of_own_account(request) else { return Vec::new() };
        let policies = Policies { identity: Some(&self.set), ..Policies::default() };
        let explanation = explain(&policies, &request);
        let statements = explanation.layers.iter().flat_map(|layer| &layer.statements);
        let matched = statements.filter(|statement| wanted(&statement.matched));
        self.numbers(matched.map(|statement| statement.id.policy))
    }

    fn numbers(&self, policies: impl Iterator<Item = u32>) -> Vec<usize> {
        policies.filter_map(|policy| self.grants.get(policy as usize).copied()).collect()
    }
}

/// Of another account's resource, the owner has a say as well: that is not asked here.
fn of_own_account<'r>(request: &Request<'r>) -> Option<Request<'r>> {
    let own = request.principal().account()?;
    Some(request.clone().with_resource_account(own))
}

/// The patterns of all Allow statements: those with the fewest conditions first, then in the order
/// of the policies, so that a call is put down to the plainest statement that allows it.
fn take_apart(statements: &[Present<'_>]) -> Vec<Grant> {
    let mut list = Vec::new();
    for (index, present) in statements.iter().enumerate() {
        let Some(resource) = &present.statement.resource else { continue };
        if present.statement.effect.value == Effect::Deny {
            continue;
        }
        match resource.negated {
            true => list.push(Grant { statement: index, pattern: None }),
            false => list.extend(
                (0..resource.patterns.len())
                    .map(|pattern| Grant { statement: index, pattern: Some(pattern) }),
            ),
        }
    }
    let conditions = |grant: &Grant| {
        statements.get(grant.statement).map(|present| present.statement.conditions.len())
    };
    list.sort_by_key(conditions);
    list
}

impl Grant {
    /// The element that it stands for: one pattern, or the whole `NotResource`.
    pub(crate) fn resource(self, statements: &[Present<'_>]) -> Option<PatternElement> {
        let resource = statements.get(self.statement)?.statement.resource.as_ref()?;
        let Some(pattern) = self.pattern else { return Some(resource.clone()) };
        let pattern = resource.patterns.get(pattern)?;
        Some(PatternElement { negated: false, patterns: vec![pattern.clone()] })
    }

    /// Whether its pattern compares with what some calls asked for as `some` wants; of a `NotResource`,
    /// whether none of its patterns does as `none` says.
    fn compares(
        self,
        statements: &[Present<'_>],
        calls: &Extent,
        [some, none]: [fn(&Extent, &Extent) -> bool; 2],
    ) -> bool {
        let Some(present) = statements.get(self.statement) else { return false };
        let Some(resource) = self.resource(statements) else { return false };
        let variables = present.version.variables();
        let mut extents =
            resource.patterns.iter().map(|each| Extent::of_resource(&each.value, variables));
        match resource.negated {
            true => !extents.any(|extent| none(&extent, calls)),
            false => extents.any(|extent| some(&extent, calls)),
        }
    }

    /// A policy of nothing but this grant, on these resources.
    fn document(
        self,
        statements: &[Present<'_>],
        resource: PatternElement,
    ) -> Option<PolicyDocument> {
        let present = statements.get(self.statement)?;
        let statement = Statement { resource: Some(resource), ..present.statement.clone() };
        let statement = Statement { sid: None, ..statement };
        let text = json!({ "Version": present.version, "Statement": [statement] }).to_string();
        PolicyDocument::parse(&text, PolicyType::Identity).ok()
    }
}

/// A value that stands in no text.
pub(super) fn nowhere<T>(value: T) -> Spanned<T> {
    Spanned { value, span: tollgate_policy::Span::default() }
}
