//! What a principal may do now: the statements of its identity policies, and its Allow statements
//! taken apart, pattern by pattern, so that each call tells which of them it needs.

use serde_json::json;
use tollgate_policy::{
    Effect, Matched, Outcome, PatternElement, Policies, PolicyDocument, PolicySet, PolicyType,
    Principal, Request, Scope, Spanned, Statement, StatementId, Version, authorize, explain,
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
    /// `list` compiled, each a policy of its own.
    set: PolicySet,
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
        let (list, documents): (_, Vec<PolicyDocument>) =
            alone.filter_map(|grant| Some((grant, grant.document(&statements)?))).unzip();
        let set = PolicySet::compile(documents);
        Grants { subject, list, set, statements }
    }

    /// Which grants a call needs, by what its request says and whatever other policies apply.
    pub(crate) fn needed(&self, request: &Request<'_>) -> Needed {
        let Some(own) = request.principal().account() else { return Needed::None };
        let policies = Policies { identity: Some(&self.set), ..Policies::default() };
        // Of another account's resource, the owner has a say as well: that is not asked here.
        let request = request.clone().with_resource_account(own);
        let decision = authorize(&policies, &request);
        let named = || decision.determined_by.iter().map(|id| id.policy as usize).collect();
        let all = |wanted: fn(&Matched) -> bool| {
            let explanation = explain(&policies, &request);
            let statements = explanation.layers.iter().flat_map(|layer| &layer.statements);
            let matched = statements.filter(|statement| wanted(&statement.matched));
            matched.map(|statement| statement.id.policy as usize).collect()
        };
        match (decision.outcome, decision.determined_by.has_more()) {
            (Outcome::ImplicitDeny | Outcome::ExplicitDeny, _) => Needed::None,
            (Outcome::Allowed, false) => Needed::AnyOf(named()),
            (Outcome::Allowed, true) => Needed::AnyOf(all(|matched| *matched == Matched::Yes)),
            (Outcome::Indeterminate, false) => Needed::AllOf(named()),
            (Outcome::Indeterminate, true) => {
                Needed::AllOf(all(|matched| matches!(matched, Matched::Unknown(_))))
            }
        }
    }
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

    /// A policy of nothing but this grant.
    fn document(self, statements: &[Present<'_>]) -> Option<PolicyDocument> {
        let present = statements.get(self.statement)?;
        let statement =
            Statement { resource: self.resource(statements), ..present.statement.clone() };
        let statement = Statement { sid: None, ..statement };
        let text = json!({ "Version": present.version, "Statement": [statement] }).to_string();
        PolicyDocument::parse(&text, PolicyType::Identity).ok()
    }
}

/// A value that stands in no text.
pub(super) fn nowhere<T>(value: T) -> Spanned<T> {
    Spanned { value, span: tollgate_policy::Span::default() }
}
