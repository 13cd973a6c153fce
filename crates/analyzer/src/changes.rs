//! What a change of policies changes: calls that two accounts decide differently.
//!
//! This is the check before a policy change ships: every call of the log is decided under the
//! policies of both accounts, and what is newly denied or newly allowed is grouped and counted.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};
use tollgate_policy::{Outcome, StatementId};

use crate::call::Call;
use crate::intern::{Interner, OTHER, OTHER_NUMBER};
use crate::outcomes::{Cited, cited, template};
use crate::replay::{Decided, Replay};
use crate::time::Span;

/// The most groups kept apart; calls beyond them are counted under `(other)`.
const GROUPS_MAX: usize = 50_000;

/// Calls that are decided differently. Merges.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Changes {
    /// Calls that both decide alike.
    pub unchanged: u64,
    /// The others, in groups.
    pub groups: Vec<(ChangeKey, Change)>,
}

/// What the calls of a group have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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

/// One account's decision; both are `None` where it could not decide.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Side {
    /// `allowed`, `explicitDeny`, `implicitDeny`, `indeterminate`.
    pub decision: Option<String>,
    /// The statements that determined it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub determined_by: Vec<Cited>,
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
        let mut all: BTreeMap<ChangeKey, Change> =
            std::mem::take(&mut self.groups).into_iter().collect();
        for (key, more) in other.groups {
            match all.get_mut(&key) {
                Some(known) => known.merge(more),
                None => drop(all.insert(key, more)),
            }
        }
        self.groups = all.into_iter().collect();
    }
}

impl ChangeKey {
    /// Allowed or open before, denied now.
    pub fn is_newly_denied(&self) -> bool {
        self.after.denies() && !self.before.denies()
    }

    /// Not allowed before, allowed now.
    pub fn is_newly_allowed(&self) -> bool {
        self.after.allows() && !self.before.allows()
    }
}

impl Side {
    fn allows(&self) -> bool {
        self.decision.as_deref() == Some(Outcome::Allowed.as_str())
    }

    fn denies(&self) -> bool {
        matches!(self.decision.as_deref(), Some("explicitDeny" | "implicitDeny"))
    }
}

impl Change {
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
    groups: HashMap<TallyKey, Change>,
}

/// A [`ChangeKey`] in numbers.
#[derive(Clone, PartialEq, Eq, Hash)]
struct TallyKey {
    caller: u32,
    template: Box<str>,
    status: Option<u16>,
    before: TallySide,
    after: TallySide,
}

/// A [`Side`] in numbers: the binding, the outcome, and the statements.
type TallySide = (usize, Option<Outcome>, Vec<StatementId>);

impl ChangeTally {
    /// Compares the decisions of one call.
    pub(crate) fn add(
        &mut self,
        call: Call<'_, '_>,
        resource: &str,
        before: &Decided,
        after: &Decided,
    ) {
        let outcome = |decided: &Decided| decided.decision.as_ref().ok().map(|one| one.outcome);
        if outcome(before) == outcome(after) {
            self.unchanged += 1;
            return;
        }
        let mut key = TallyKey {
            caller: call.caller_number,
            template: template(call),
            status: call.row.status(),
            before: side(before),
            after: side(after),
        };
        if self.groups.len() >= GROUPS_MAX && !self.groups.contains_key(&key) {
            (key.caller, key.template) = (OTHER_NUMBER, OTHER.into());
        }
        let new = Change {
            requests: 1,
            span: Span::at(call.row.time()),
            only_resource: Some(resource.to_owned()),
        };
        match self.groups.get_mut(&key) {
            Some(group) => group.merge(new),
            None => drop(self.groups.insert(key, new)),
        }
    }

    /// What was found, in words.
    pub(crate) fn finish(
        self,
        callers: &Interner,
        old: &Replay<'_>,
        new: Option<&Replay<'_>>,
    ) -> Changes {
        let in_words = |(key, change): (TallyKey, Change)| {
            let key = ChangeKey {
                caller: callers.text(key.caller).to_owned(),
                resource: key.template.into(),
                status: key.status,
                before: side_in_words(key.before, Some(old)),
                after: side_in_words(key.after, new),
            };
            (key, change)
        };
        let mut changes = Changes { unchanged: self.unchanged, groups: Vec::new() };
        // Merging sorts, and joins the groups whose numbers differ and whose words do not.
        let groups = self.groups.into_iter().map(in_words).collect();
        changes.merge(Changes { unchanged: 0, groups });
        changes
    }
}

fn side(decided: &Decided) -> TallySide {
    let decision = decided.decision.as_ref().ok();
    let statements = decision.into_iter().flat_map(|decision| decision.determined_by.iter());
    (decided.binding, decision.map(|decision| decision.outcome), statements.collect())
}

fn side_in_words((binding, outcome, statements): TallySide, replay: Option<&Replay<'_>>) -> Side {
    let binding = replay.and_then(|replay| replay.binding(binding));
    let cite = |id| cited(&binding?.applicable, id);
    Side {
        decision: outcome.map(|outcome| outcome.as_str().to_owned()),
        determined_by: statements.into_iter().filter_map(cite).collect(),
    }
}
