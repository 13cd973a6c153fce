//! What a change of policies changes: calls that two accounts decide differently.
//!
//! This is the check before a policy change ships: every call of the log is decided under the
//! policies of both accounts, and what is newly denied or newly allowed is grouped and counted. So is
//! what only one of them can decide; of what neither can, there are only counts. What both leave open is
//! unchanged if it hangs on the same (`hangs_on.rs`), and else may have changed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tollgate_policy::Outcome;

use crate::call::Call;
use crate::callers::CallerNumbers;
use crate::detail::Detail;
use crate::groups::{self, Groups, Key, Merge, NumberKey};
use crate::intern::OTHER_NUMBER;
use crate::labels::Labels;
use crate::outcomes::{Cited, cited};
use crate::places::Target;
use crate::replay::{Version, write_resource};
use crate::time::Span;

/// Calls that are decided differently. Merges.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Changes {
    /// Calls that both decide alike.
    pub unchanged: u64,
    /// Calls that neither can decide, by reason.
    pub undecided: BTreeMap<String, u64>,
    /// How finely the groups are told apart.
    pub detail: Detail,
    /// The others, in groups.
    pub groups: Vec<(ChangeKey, Change)>,
}

/// What the calls of a group have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChangeKey {
    /// Who called.
    pub caller: String,
    /// The ARN with the route's placeholders in the place of the path.
    pub resource: String,
    /// The status that the log has.
    pub status: Option<u16>,
    /// The decision of the account compared with.
    pub before: Side,
    /// The decision of the account.
    pub after: Side,
}

/// One account's decision, or why it could not decide.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Side {
    /// `allowed`, `explicitDeny`, `implicitDeny`, `indeterminate`.
    pub decision: Option<String>,
    /// The statements that determined it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub determined_by: Vec<Cited>,
    /// For an indeterminate decision: the keys that it depends on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<String>,
    /// Why there is no decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undecided: Option<String>,
}

/// The calls of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// How many.
    pub requests: u64,
    /// When the first and the last were.
    pub span: Span,
    /// The ARN, if all of them had the same.
    pub only_resource: Option<String>,
}

impl Changes {
    /// Adds what another worker, file or machine found.
    pub fn merge(&mut self, other: Changes) {
        self.unchanged += other.unchanged;
        for (reason, requests) in other.undecided {
            *self.undecided.entry(reason).or_default() += requests;
        }
        groups::merge((&mut self.groups, &mut self.detail), (other.groups, other.detail));
    }

    /// Changes how statements are cited. Groups that are the same then are so once they are merged.
    pub(crate) fn each_cited(&mut self, change: &impl Fn(&mut Cited)) {
        for (key, _) in &mut self.groups {
            let sides = [&mut key.before, &mut key.after].into_iter();
            sides.flat_map(|side| &mut side.determined_by).for_each(change);
        }
    }
}

impl Key<Change> for ChangeKey {
    fn at(self, detail: Detail, _: &mut Change) -> ChangeKey {
        ChangeKey {
            caller: detail.caller(&self.caller).into_owned(),
            resource: detail.call(self.resource),
            status: self.status.filter(|_| detail.tells_calls()),
            ..self
        }
    }
}

impl ChangeKey {
    /// Whether one of the accounts could not decide.
    pub fn is_undecided(&self) -> bool {
        self.before.decision.is_none() || self.after.decision.is_none()
    }

    /// Allowed or open before, denied now.
    pub fn is_newly_denied(&self) -> bool {
        !self.is_undecided() && self.after.denies() && !self.before.denies()
    }

    /// Not allowed before, allowed now.
    pub fn is_newly_allowed(&self) -> bool {
        !self.is_undecided() && self.after.allows() && !self.before.allows()
    }

    /// Whether it is open if these calls are denied newly: a decision that would tell is not there, or
    /// depends on keys that the log does not tell.
    pub fn may_be_newly_denied(&self) -> bool {
        let known = self.is_newly_denied() || self.is_newly_allowed();
        !known
            && (self.before.is_open() || self.before.allows())
            && (self.after.is_open() || self.after.denies())
    }

    /// The same of calls that may be allowed newly.
    pub fn may_be_newly_allowed(&self) -> bool {
        let known = self.is_newly_denied() || self.is_newly_allowed();
        !known
            && (self.before.is_open() || self.before.denies())
            && (self.after.is_open() || self.after.allows())
    }
}

impl Side {
    fn allows(&self) -> bool {
        self.decision.as_deref() == Some(Outcome::Allowed.as_str())
    }

    fn denies(&self) -> bool {
        matches!(self.decision.as_deref(), Some("explicitDeny" | "implicitDeny"))
    }

    /// Whether it may turn out either way.
    fn is_open(&self) -> bool {
        !self.allows() && !self.denies()
    }
}

impl Merge for Change {
    fn merge(&mut self, other: Change) {
        self.requests += other.requests;
        self.span.merge(other.span);
        if self.only_resource != other.only_resource {
            self.only_resource = None;
        }
    }
}

/// The changes that one worker sees.
#[derive(Default)]
pub(crate) struct ChangeTally {
    unchanged: u64,
    undecided: BTreeMap<&'static str, u64>,
    groups: Groups<TallyKey, Change>,
    labels: Labels,
    arn: String,
}

/// A [`ChangeKey`] in numbers: the sides are verdicts.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct TallyKey {
    caller: u32,
    resource: u32,
    status: Option<u16>,
    before: u32,
    after: u32,
}

impl NumberKey for TallyKey {
    fn caller(&mut self) -> &mut u32 {
        &mut self.caller
    }

    fn forget_call(&mut self) {
        (self.resource, self.status) = (OTHER_NUMBER, None);
    }
}

impl ChangeTally {
    /// Compares the verdicts on one call, by the account that is compared with and by the account.
    /// `callers` gave its caller the number.
    pub(crate) fn add(
        &mut self,
        call: &Call<'_, '_>,
        (old, before): (&Version<'_>, u32),
        (new, after): (&Version<'_>, u32),
        callers: &CallerNumbers,
    ) {
        let (Some(was), Some(is)) = (old.verdict(before), new.verdict(after)) else { return };
        match (was.outcome(), is.outcome()) {
            (Err(_), Err(why)) => return *self.undecided.entry(why).or_default() += 1,
            _ if was.is_same(is) => return self.unchanged += 1,
            _ => {}
        }
        let call = &named(call);
        let (caller, status) = (call.caller_number, call.status);
        let resource = self.labels.resource(call);
        let key = TallyKey { caller, resource, status, before, after };
        let found = self.groups.find(key, callers);
        let told = write_resource(&mut self.arn, call.row, call.api(), call.method, call.path);
        let span = Span::at(call.time);
        match self.groups.get_mut(&found) {
            Some((_, group)) => {
                group.requests += 1;
                group.span.merge(span);
                let same = told.is_ok() && group.only_resource.as_deref() == Some(&self.arn);
                group.only_resource = group.only_resource.take().filter(|_| same);
            }
            None => {
                let only_resource = told.is_ok().then(|| self.arn.clone());
                let change = Change { requests: 1, span, only_resource };
                self.groups.insert(found.key, change, callers);
            }
        }
    }

    /// What was found, in words.
    pub(crate) fn finish(
        self,
        callers: &CallerNumbers,
        old: &Version<'_>,
        new: &Version<'_>,
    ) -> Changes {
        let in_words = |(key, change): (TallyKey, &Change)| {
            let key = ChangeKey {
                caller: self.groups.caller(key.caller, callers).to_owned(),
                resource: self.labels.resource_text(key.resource).to_owned(),
                status: key.status,
                before: side(key.before, old),
                after: side(key.after, new),
            };
            (key, change.clone())
        };
        let (unchanged, detail) = (self.unchanged, self.groups.detail);
        let undecided = self.undecided.iter().map(|(why, requests)| ((*why).to_owned(), *requests));
        let groups = self.groups.iter().map(in_words).collect();
        let mut changes = Changes { detail, ..Changes::default() };
        // Merging sorts, and joins the groups whose numbers differ and whose words do not.
        changes.merge(Changes { unchanged, undecided: undecided.collect(), detail, groups });
        changes
    }
}

/// The call, named by the API as the other account has it where the account has none.
fn named<'r, 'a>(call: &Call<'r, 'a>) -> Call<'r, 'a> {
    let [api, against] = call.target.apis;
    let target = Target { apis: [api.or(against), against], ..call.target };
    Call { target, ..*call }
}

fn side(number: u32, version: &Version<'_>) -> Side {
    let verdict = version.verdict(number);
    let decision = verdict.and_then(|verdict| verdict.decision.as_ref().ok());
    let applicable = verdict.and_then(|verdict| Some(version.binding(verdict)?.applicable));
    let statements = decision.into_iter().flat_map(|decision| decision.determined_by.iter());
    let undecided = verdict.and_then(|verdict| verdict.outcome().err());
    Side {
        decision: decision.map(|decision| decision.outcome.as_str().to_owned()),
        determined_by: statements.filter_map(|id| cited(&applicable?, id)).collect(),
        depends_on: decision.map_or_else(Vec::new, |decision| decision.depends_on.clone()),
        undecided: undecided.map(str::to_owned),
    }
}
