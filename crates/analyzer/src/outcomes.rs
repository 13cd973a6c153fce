//! What replaying the log came to: denied calls with why, and agreement with what was logged.
//!
//! Allowed calls that the log also has as passed are only counted. All others are grouped by
//! caller, action, route, logged status, decision and the statements that determined it; each group
//! explains itself by one of its calls, chosen so that the choice does not depend on who read what
//! first.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};
use tollgate_policy::{Element, Explanation, Matched, Outcome, StatementId};
use tollgate_store::{Applicable, Citation};

use crate::call::Call;
use crate::intern::{Interner, OTHER};
use crate::replay::{Binding, Decided, INVOKE, Replay, write_resource};
use crate::time::Span;
use crate::verdict::{Comparison, Logged};

/// The most groups kept apart; calls beyond them are counted under `(other)`.
const GROUPS_MAX: usize = 50_000;

/// What replaying came to. Merges.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcomes {
    /// Calls whose logged status and replayed decision agree.
    pub agreeing: u64,
    /// Calls whose logged status and replayed decision do not.
    pub disagreeing: u64,
    /// Calls that cannot be compared, by reason.
    pub undetermined: BTreeMap<String, u64>,
    /// Everything but calls that were allowed then and are now.
    pub groups: Vec<(GroupKey, Group)>,
    /// Callers that the account does not know, with their calls.
    pub unknown_principals: BTreeMap<String, u64>,
}

/// What the calls of a group have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupKey {
    /// Who called.
    pub caller: String,
    /// `execute-api:Invoke`, or what the log says.
    pub action: String,
    /// The ARN with the route's placeholders in the place of the path.
    pub resource: String,
    /// The status that the log has.
    pub status: Option<u16>,
    /// What that says about authorization.
    pub logged: Logged,
    /// The replayed decision; `None` where the log does not tell enough to decide.
    pub decision: Option<String>,
    /// The statements that determined it.
    pub determined_by: Vec<Cited>,
    /// The unknown keys that it depends on.
    pub depends_on: Vec<String>,
}

/// The calls of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    /// How many.
    pub requests: u64,
    /// When the first and the last were.
    pub span: Span,
    /// The ARN, if all of them had the same.
    pub only_resource: Option<String>,
    /// Whether log and decision contradict each other.
    pub disagrees: bool,
    /// The call that explains the group: its ARN and time. The smallest of the group.
    pub example: (String, Option<i64>),
    /// For an implicit deny: the statement that came nearest to allowing the example.
    pub nearest: Option<Nearest>,
}

/// A statement, by where it stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cited {
    /// `identity`, `resource`, …
    pub policy_type: String,
    /// The policy's file.
    pub policy: String,
    /// Which statement of the policy, from 0.
    pub statement: u32,
    /// Its `Sid`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// Line of its opening brace, from 1.
    pub line: u32,
    /// Column of its opening brace, from 1.
    pub column: u32,
}

/// The statement that came nearest to allowing a call, and the element that did not match.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Nearest {
    /// The statement; line and column are those of the element that did not match.
    #[serde(flatten)]
    pub statement: Cited,
    /// The element: `Resource`, `Condition` …
    pub element: String,
    /// For a condition: the operator and the key, `Bool aws:MultiFactorAuthPresent`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// What the policy asks for.
    pub pattern: String,
    /// What the call had; none for a key that was absent.
    pub value: Option<String>,
}

impl Outcomes {
    /// Adds what another worker, file or machine found.
    pub fn merge(&mut self, other: Outcomes) {
        self.agreeing += other.agreeing;
        self.disagreeing += other.disagreeing;
        for (reason, requests) in other.undetermined {
            *self.undetermined.entry(reason).or_default() += requests;
        }
        for (caller, requests) in other.unknown_principals {
            *self.unknown_principals.entry(caller).or_default() += requests;
        }
        let mut groups: BTreeMap<GroupKey, Group> =
            std::mem::take(&mut self.groups).into_iter().collect();
        for (key, group) in other.groups {
            match groups.get_mut(&key) {
                Some(known) => known.merge(group),
                None => drop(groups.insert(key, group)),
            }
        }
        self.groups = groups.into_iter().collect();
    }
}

impl Group {
    fn merge(&mut self, other: Group) {
        self.requests += other.requests;
        self.span.merge(other.span);
        if self.only_resource != other.only_resource {
            self.only_resource = None;
        }
        if other.example < self.example {
            (self.example, self.nearest) = (other.example, other.nearest);
        }
    }
}

impl Cited {
    fn new(id: StatementId, citation: &Citation<'_>) -> Cited {
        let position = citation.position();
        Cited {
            policy_type: id.policy_type.as_str().to_owned(),
            policy: citation.file.to_owned(),
            statement: id.statement,
            sid: citation.sid().map(str::to_owned),
            line: position.line,
            column: position.column,
        }
    }
}

/// The calls of one worker, while they are replayed.
#[derive(Default)]
pub(crate) struct OutcomeTally {
    agreeing: u64,
    disagreeing: u64,
    undetermined: HashMap<&'static str, u64>,
    /// Groups, numbered in the order in which they came.
    groups: HashMap<TallyKey, (u32, Group)>,
    unknown: HashMap<u32, u64>,
}

/// A [`GroupKey`] in numbers.
#[derive(Clone, PartialEq, Eq, Hash)]
struct TallyKey {
    caller: u32,
    route: u32,
    binding: usize,
    action: Option<Box<str>>,
    template: Box<str>,
    status: Option<u16>,
    logged: Logged,
    decision: Option<Outcome>,
    determined_by: Vec<StatementId>,
    depends_on: Vec<String>,
}

impl OutcomeTally {
    /// Counts one call, whose ARN is `resource` and which `replay` decided. The answer is the number
    /// of the group that it was put in, if any.
    pub(crate) fn add(
        &mut self,
        call: Call<'_, '_>,
        resource: &str,
        replay: &Replay<'_>,
        decided: &Decided,
    ) -> Option<u32> {
        let binding = replay.binding(decided.binding)?;
        let logged = Logged::of(call.row);
        let decision = decided.decision.as_ref();
        let outcome = decision.map(|decision| decision.outcome).map_err(|reason| *reason);
        let comparison = Comparison::of(logged, outcome);
        if binding.applicable.subject().is_none() {
            *self.unknown.entry(call.caller_number).or_default() += 1;
        }
        match comparison {
            Comparison::Agreeing => self.agreeing += 1,
            Comparison::Disagreeing => self.disagreeing += 1,
            Comparison::Undetermined(why) => *self.undetermined.entry(why).or_default() += 1,
        }
        let denied = matches!(outcome, Ok(Outcome::ExplicitDeny | Outcome::ImplicitDeny));
        if denied || logged == Logged::Refused || comparison == Comparison::Disagreeing {
            let key = TallyKey::new(call, decided, logged);
            return self.group(key, call, resource, binding, comparison == Comparison::Disagreeing);
        }
        None
    }

    fn group(
        &mut self,
        mut key: TallyKey,
        call: Call<'_, '_>,
        resource: &str,
        binding: &Binding<'_>,
        disagrees: bool,
    ) -> Option<u32> {
        if self.groups.len() >= GROUPS_MAX && !self.groups.contains_key(&key) {
            key.fold();
        }
        let new = Group {
            requests: 1,
            span: Span::at(call.row.time()),
            only_resource: Some(resource.to_owned()),
            disagrees,
            nearest: None,
            example: (resource.to_owned(), call.row.time()),
        };
        let implicit = key.decision == Some(Outcome::ImplicitDeny);
        let explain = |new: Group| Group {
            nearest: implicit.then(|| nearest(binding, call, resource)).flatten(),
            ..new
        };
        match self.groups.get_mut(&key) {
            Some((number, group)) => {
                let explains = new.example < group.example;
                group.merge(if explains { explain(new) } else { new });
                Some(*number)
            }
            None => {
                let number = u32::try_from(self.groups.len()).ok()?;
                self.groups.insert(key, (number, explain(new)));
                Some(number)
            }
        }
    }

    /// What was found, in words, and the groups by their numbers. `callers` are those that gave the
    /// calls their numbers.
    pub(crate) fn finish(
        self,
        callers: &Interner,
        replay: &Replay<'_>,
    ) -> (Outcomes, Vec<GroupKey>) {
        let mut numbered: Vec<(u32, GroupKey, Group)> = self
            .groups
            .into_iter()
            .map(|(key, (number, group))| (number, key.in_words(replay, callers), group))
            .collect();
        numbered.sort_unstable_by_key(|(number, ..)| *number);
        let keys = numbered.iter().map(|(_, key, _)| key.clone()).collect();
        let groups = numbered.into_iter().map(|(_, key, group)| (key, group));
        let unknown = self.unknown.into_iter();
        let mut outcomes = Outcomes {
            agreeing: self.agreeing,
            disagreeing: self.disagreeing,
            undetermined: self
                .undetermined
                .into_iter()
                .map(|(reason, requests)| (reason.to_owned(), requests))
                .collect(),
            groups: Vec::new(),
            unknown_principals: unknown
                .map(|(number, requests)| (callers.text(number).to_owned(), requests))
                .collect(),
        };
        // Merging sorts, and joins the groups whose numbers differ and whose words do not.
        outcomes.merge(Outcomes { groups: groups.collect(), ..Outcomes::default() });
        (outcomes, keys)
    }
}

impl TallyKey {
    fn new(call: Call<'_, '_>, decided: &Decided, logged: Logged) -> TallyKey {
        let decision = decided.decision.as_ref().ok();
        let statements = decision.into_iter().flat_map(|decision| decision.determined_by.iter());
        TallyKey {
            caller: call.caller_number,
            route: call.route_number,
            binding: decided.binding,
            action: call.row.action().filter(|action| *action != INVOKE).map(Box::from),
            template: template(call),
            status: call.row.status(),
            logged,
            decision: decision.map(|decision| decision.outcome),
            determined_by: statements.collect(),
            depends_on: decision.map_or_else(Vec::new, |decision| decision.depends_on.clone()),
        }
    }

    /// Gives up telling apart who called what.
    fn fold(&mut self) {
        self.caller = crate::intern::OTHER_NUMBER;
        self.route = crate::intern::OTHER_NUMBER;
        self.template = OTHER.into();
        self.depends_on.clear();
    }

    fn in_words(self, replay: &Replay<'_>, callers: &Interner) -> GroupKey {
        let applicable = replay.binding(self.binding).map(|binding| binding.applicable);
        let cite = |id: &StatementId| cited(&applicable?, *id);
        GroupKey {
            caller: callers.text(self.caller).to_owned(),
            action: self.action.map_or_else(|| INVOKE.to_owned(), String::from),
            resource: self.template.into(),
            status: self.status,
            logged: self.logged,
            decision: self.decision.map(|decision| decision.as_str().to_owned()),
            determined_by: self.determined_by.iter().filter_map(cite).collect(),
            depends_on: self.depends_on,
        }
    }
}

/// The ARN of a call with its route in the place of the path.
pub(crate) fn template(call: Call<'_, '_>) -> Box<str> {
    let mut arn = String::new();
    let known = write_resource(&mut arn, call.row, call.api, call.method, Some(call.route));
    match known {
        Ok(()) => arn.into(),
        Err(_) => format!("{} {}", call.method, call.route).into(),
    }
}

/// A statement by where it stands.
pub(crate) fn cited(applicable: &Applicable<'_>, id: StatementId) -> Option<Cited> {
    Some(Cited::new(id, &applicable.cite(id)?))
}

/// The statement that came nearest to allowing a call.
fn nearest(binding: &Binding<'_>, call: Call<'_, '_>, resource: &str) -> Option<Nearest> {
    let explanation: Explanation = binding.explain(call.row, call.caller, call.api, resource);
    let id = explanation.nearest?;
    let Matched::No(miss) = &explanation.statement(id)?.matched else { return None };
    let citation = binding.applicable.cite(id)?;
    let mut statement = Cited::new(id, &citation);
    let position = citation.locate(miss.position);
    (statement.line, statement.column) = (position.line, position.column);
    Some(Nearest {
        statement,
        element: miss.element.as_str().to_owned(),
        condition: match &miss.element {
            Element::Condition { operator, key } => Some(format!("{operator} {key}")),
            _ => None,
        },
        pattern: miss.pattern.clone(),
        value: miss.value.clone(),
    })
}
