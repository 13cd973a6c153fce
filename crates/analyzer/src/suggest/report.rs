//! What is printed: the policies, and what is known of every element of them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use tollgate_policy::{Effect, Extent, PolicyDocument, Spanned};
use tollgate_store::Account;

use super::compose::{Composed, Named};
use super::elements::{Basis, Element};
use super::grants::{Grants, Present};
use super::observe::{Observed, PrincipalUse};
use super::prove::Again;
use super::remarks::remarks;
use super::shown::Apart;
use super::values::Use;
use crate::outcomes::Cited;
use crate::time::{Span, rfc3339};

/// Suggestions for some principals, proven.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Suggestions {
    /// 1.
    pub version: u8,
    /// The account's id.
    pub account: String,
    /// What was read.
    pub observation: Observation,
    /// A suggestion each.
    pub principals: Vec<Suggestion>,
    /// Principals of the account that called nothing, if all were asked for.
    pub unused_principals: Vec<String>,
}

/// What was read.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Observation {
    /// Calls, by whomever.
    pub requests: u64,
    /// Which calls count, and what was assumed of them, if anything was asked: as options of the command
    /// line.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub asked: Vec<String>,
    /// What of that came to nothing: a sentence for each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
    /// Calls outside of the window, or filtered out.
    pub left_out: u64,
    /// Of these, calls without a time, which are within no window.
    #[serde(skip_serializing_if = "crate::report::is_zero")]
    pub left_out_without_time: u64,
    /// Calls by callers whom the account does not know.
    pub unknown_callers: u64,
    /// When the first and the last call was.
    #[serde(flatten)]
    pub seen: Seen,
}

/// When the first and the last call was; RFC 3339, UTC.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// The first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<String>,
    /// The last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<String>,
}

impl From<Span> for Seen {
    fn from(span: Span) -> Seen {
        Seen { first: span.first().map(rfc3339), last: span.last().map(rfc3339) }
    }
}

/// The suggestion for a principal.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Suggestion {
    /// Its ARN.
    pub principal: String,
    /// Its calls.
    pub calls: Calls,
    /// The policies: none if nothing was called that one is needed for. They replace all of
    /// `replaces` together.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<Policy>,
    /// The present policies.
    pub replaces: Vec<Replaced>,
    /// The statements of the policies, and what they stand for.
    pub statements: Vec<StatementNote>,
    /// What of the present policies was not used.
    pub unused: Unused,
    /// What deserves a second look.
    pub remarks: Vec<String>,
}

/// The calls of a principal, by what the present policies say.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Calls {
    /// All.
    pub requests: u64,
    /// When the first and the last was.
    #[serde(flatten)]
    pub seen: Seen,
    /// Allowed.
    pub allowed: u64,
    /// Those among the allowed that need no identity policy: others grant them.
    pub allowed_by_others: u64,
    /// They passed, and depend on what the log does not tell.
    pub open: u64,
    /// Denied, or open and refused.
    pub denied: u64,
    /// The log does not tell enough of them.
    pub untold: u64,
    /// Calls that were replayed with the suggestion: all but `denied_now` are decided as before.
    pub replayed: u64,
    /// Those that may have been allowed, depending on what the log does not tell, were refused, and are
    /// denied with the suggestion.
    pub denied_now: u64,
}

/// A policy.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Policy {
    /// Its file's name, without a folder.
    pub name: String,
    /// Its length as AWS counts it, without white space.
    pub characters: usize,
    /// The policy.
    pub document: PolicyDocument,
}

/// A policy that is replaced.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Replaced {
    /// The file that it stands in.
    pub file: String,
    /// Its name there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The group that the user has it from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// How many other principals of the account have it.
    #[serde(skip_serializing_if = "crate::report::is_zero")]
    pub others: u64,
}

/// What is known of a statement.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StatementNote {
    /// Its `Sid`.
    pub sid: String,
    /// `Allow`, or `Deny`: kept as it is.
    pub effect: &'static str,
    /// The present statement that it is within.
    pub within: Cited,
    /// The calls that it allows or may allow; of a Deny none.
    pub requests: u64,
    /// When the first and the last was.
    #[serde(flatten)]
    pub seen: Seen,
    /// Its resources.
    pub resources: Vec<ResourceNote>,
}

/// What [`ResourceNote::basis`] says of what no call of the logs can show.
pub(crate) const NOT_IN_LOGS: &str = "notInLogs";

/// What is known of a resource of a statement.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceNote {
    /// The patterns: one, but for the present `NotResource`.
    pub patterns: Vec<String>,
    /// `calls`: what was called; `parameters`: a parameter had more values than are listed, or the log
    /// does not tell them;
    /// `present`: the present pattern, for want of a narrower one that is shown to be within it;
    /// `notInLogs`: the present ones, since no call of the logs can show whether they are used.
    pub basis: &'static str,
    /// The calls.
    pub requests: u64,
    /// When the first and the last was.
    #[serde(flatten)]
    pub seen: Seen,
    /// Routes that a `*` reaches as well, since it takes slashes, and that were not called.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reaches: Vec<String>,
}

/// What of the present policies was not used.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Unused {
    /// Allow statements that allowed none of the calls.
    pub statements: Vec<Cited>,
    /// Allow statements that allowed calls which others that are kept allow as well.
    pub redundant: Vec<Cited>,
    /// Patterns of `Action` that none of the calls needed, in statements that were used.
    pub actions: Vec<UnusedPattern>,
    /// Patterns of `Resource`, likewise.
    pub resources: Vec<UnusedPattern>,
}

/// A pattern that was not used.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UnusedPattern {
    /// The statement.
    pub within: Cited,
    /// The pattern.
    pub pattern: String,
}

/// What is known of the principal whose suggestion is put together.
pub(crate) struct Facts<'f> {
    pub(crate) account: &'f Account,
    /// How many principals have each identity policy, by where it begins.
    pub(crate) holders: &'f BTreeMap<String, u64>,
    pub(crate) grants: &'f Grants<'f>,
    /// Its statements, by what the log can show of them.
    pub(crate) apart: &'f [Option<Apart>],
    pub(crate) used: &'f PrincipalUse,
    /// Of the files, one for each policy.
    pub(crate) names: Vec<String>,
    pub(crate) replayed: Again,
}

/// How many principals of an account have each identity policy, by where it begins.
pub(crate) fn holders(account: &Account) -> BTreeMap<String, u64> {
    let mut holders = BTreeMap::new();
    for subject in account.subjects() {
        let policies = account.overview(subject).policies.into_iter();
        let own = policies.filter(|policy| policy.policy_type == "identity");
        for place in own.map(|policy| policy.place()).collect::<BTreeSet<String>>() {
            *holders.entry(place).or_default() += 1;
        }
    }
    holders
}

impl Observation {
    pub(crate) fn new(observed: &Observed) -> Observation {
        let counted = &observed.counted;
        Observation {
            requests: counted.requests,
            asked: Vec::new(),
            remarks: counted.found.sentences().collect(),
            left_out: counted.left_out,
            left_out_without_time: counted.left_out_without_time,
            unknown_callers: counted.unknown_callers,
            seen: counted.span.into(),
        }
    }
}

impl Suggestions {
    /// The same without the policies themselves: the notes beside them.
    #[must_use]
    pub fn without_policies(&self) -> Suggestions {
        let mut notes = self.clone();
        notes.principals.iter_mut().for_each(|each| each.policies.clear());
        notes
    }
}

impl Suggestion {
    pub(crate) fn new(composed: Composed, facts: &Facts<'_>) -> Suggestion {
        let Facts { account, holders, grants, used, names, replayed, .. } = facts;
        let replaces = account.overview(grants.subject).policies.into_iter();
        let replaces: Vec<Replaced> = replaces
            .filter(|policy| policy.policy_type == "identity")
            .map(|it| Replaced {
                others: holders.get(&it.place()).map_or(0, |all| all.saturating_sub(1)),
                file: it.file,
                name: it.name,
                group: it.group,
            })
            .collect();
        let calls = Calls {
            requests: used.uses.requests,
            seen: used.uses.span.into(),
            allowed: used.allowed,
            allowed_by_others: used.allowed_by_others,
            open: used.open,
            denied: used.denied,
            untold: used.untold.values().sum(),
            replayed: replayed.calls,
            denied_now: replayed.denied,
        };
        let policies: Vec<Policy> = names
            .iter()
            .zip(composed.documents)
            .map(|(name, document)| Policy {
                name: format!("{name}.json"),
                characters: document.to_json().chars().count(),
                document,
            })
            .collect();
        let notes = composed.statements.iter();
        let notes: Vec<StatementNote> =
            notes.filter_map(|named| StatementNote::new(named, grants)).collect();
        let remarks = remarks(&calls, &policies, &replaces, &notes, facts);
        Suggestion {
            principal: grants.subject.arn().to_owned(),
            calls,
            policies,
            replaces,
            statements: notes,
            unused: Unused::new(facts, &composed.statements),
            remarks,
        }
    }

    /// Whether calls cannot be replayed, because the log does not tell enough of them.
    pub fn is_undecided(&self) -> bool {
        self.calls.untold > 0
    }
}

impl StatementNote {
    fn new(named: &Named, grants: &Grants<'_>) -> Option<StatementNote> {
        let mut uses = Use::default();
        named.elements.iter().for_each(|element| uses.merge(element.uses));
        Some(StatementNote {
            sid: named.sid.clone(),
            effect: match named.statement.effect.value {
                Effect::Allow => "Allow",
                Effect::Deny => "Deny",
            },
            within: grants.statements.get(named.present)?.cited.clone(),
            requests: uses.requests,
            seen: uses.span.into(),
            resources: named.elements.iter().map(ResourceNote::new).collect(),
        })
    }
}

impl ResourceNote {
    fn new(element: &Element) -> ResourceNote {
        let patterns = element.statement.resource.iter().flat_map(|resource| &resource.patterns);
        ResourceNote {
            patterns: patterns.map(|pattern| pattern.value.clone()).collect(),
            basis: match element.basis {
                Basis::Calls => "calls",
                Basis::Parameters => "parameters",
                Basis::Present => "present",
                Basis::Hidden => NOT_IN_LOGS,
            },
            requests: element.uses.requests,
            seen: element.uses.span.into(),
            reaches: element.reaches.clone(),
        }
    }
}

impl Unused {
    fn new(facts: &Facts<'_>, kept: &[Named]) -> Unused {
        let (statements, redundant) = (Vec::new(), Vec::new());
        let (actions, resources) = (Vec::new(), Vec::new());
        let mut unused = Unused { statements, redundant, actions, resources };
        let all = facts.grants.statements.iter().zip(facts.apart).enumerate();
        for (index, (present, apart)) in all {
            if let Some(apart) = apart {
                let is_kept = kept.iter().any(|named| named.present == index);
                unused.add((index, present, is_kept), apart, facts);
            }
        }
        unused
    }

    fn add(
        &mut self,
        (index, present, is_kept): (usize, &Present<'_>, bool),
        apart: &Apart,
        facts: &Facts<'_>,
    ) {
        let Facts { grants, used, .. } = facts;
        let own: Vec<usize> = (0..grants.list.len())
            .filter(|grant| grants.list.get(*grant).is_some_and(|it| it.statement == index))
            .collect();
        let is_used = |grant: &usize| used.grants.get(*grant).is_some_and(|uses| uses.requests > 0);
        let any_used = own.iter().any(is_used);
        if !is_kept {
            let needed = any_used || !apart.hidden.is_empty();
            let list = if needed { &mut self.redundant } else { &mut self.statements };
            list.push(present.cited.clone());
            return;
        }
        let within = || present.cited.clone();
        // Of a statement of which nothing was used but what is hidden, the actions tell it all.
        let tells = any_used || !apart.is_everywhere;
        for grant in own.iter().filter(|grant| !is_used(grant)) {
            let pattern = grants.list.get(*grant).and_then(|grant| grant.pattern);
            let resource = present.statement.resource.as_ref();
            let pattern = pattern.filter(|at| tells && apart.resources.contains(at));
            let text = resource.zip(pattern).and_then(|(it, at)| it.patterns.get(at));
            let unused = |text: &Spanned<String>| UnusedPattern {
                within: within(),
                pattern: text.value.clone(),
            };
            self.resources.extend(text.map(unused));
        }
        let called = own.iter().filter_map(|grant| used.actions.get(*grant)).flatten();
        let called: Vec<Extent> = called.map(|action| Extent::of_action(action)).collect();
        let action = &present.statement.action;
        let shown = apart.actions.iter().filter_map(|at| action.patterns.get(*at));
        for pattern in shown.filter(|_| !action.negated) {
            let extent = Extent::of_action(&pattern.value);
            if !called.iter().any(|called| extent.covers(called)) {
                self.actions
                    .push(UnusedPattern { within: within(), pattern: pattern.value.clone() });
            }
        }
    }
}
