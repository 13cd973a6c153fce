//! What replaying the log came to: denied calls with why, and agreement with what was logged.
//!
//! Allowed calls that the log also has as passed are only counted. All others are grouped by
//! caller, action, route, logged status, decision and the statements that determined it; each group
//! explains itself by its first call, whoever read what when. Where they would be too many, they are
//! told less finely ([`Detail`]).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tollgate_policy::{self as policy, Element, Principal, Request, StatementId, Value};
use tollgate_store::{Applicable, Citation};

use crate::bindings::{Binding, Kept};
use crate::callers;
use crate::detail::Detail;
use crate::groups::{self, Key, Merge};
use crate::time::{Span, moment};
use crate::verdict::Logged;

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
    /// How finely the groups are told apart.
    pub detail: Detail,
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
    /// The replayed decision; `None` where it cannot be decided.
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
    /// The call that explains the group: its ARN and time. The first of the group.
    pub example: (String, Option<i64>),
    /// What the example had beside its caller, action and resource, as far as policies look at it.
    pub context: CallContext,
    /// For an implicit deny: the statement that came nearest to allowing the example.
    pub nearest: Option<Nearest>,
    /// For an implicit deny: the layers whose Allow the example lacks, `identity` …
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
}

/// What is known of a call beside its caller, action and resource, so that it can be decided again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CallContext {
    /// Who called, where the group does not tell callers apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller: Option<String>,
    /// The caller's unique id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// The condition keys that the policies refer to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<(String, Told)>,
}

/// What is known of a condition key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Told {
    /// Its value.
    Value(String),
    /// There is none.
    Absent,
    /// Nothing.
    Unknown,
}

impl CallContext {
    /// Who made a group's call.
    pub(crate) fn caller<'r>(&'r self, key: &'r GroupKey) -> &'r str {
        self.caller.as_deref().unwrap_or(&key.caller)
    }

    /// The request of a group's call with this resource.
    pub(crate) fn request<'r>(&'r self, key: &'r GroupKey, resource: &'r str) -> Request<'r> {
        let mut principal = Principal::parse(self.caller(key)).unwrap_or(Principal::ANONYMOUS);
        if let Some(id) = &self.user_id {
            principal = principal.with_user_id(id);
        }
        let mut request = Request::new(principal, &key.action, resource);
        for (name, told) in &self.keys {
            let value = match told {
                Told::Value(text) => Value::Text(text),
                Told::Absent => Value::Absent,
                Told::Unknown => Value::Unknown,
            };
            request.context.set(policy::Key::new(name), value);
        }
        request
    }
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
        callers::merge(&mut self.unknown_principals, other.unknown_principals);
        groups::merge((&mut self.groups, &mut self.detail), (other.groups, other.detail));
    }

    /// Changes how statements are cited. Groups that are the same then are so once they are merged.
    pub(crate) fn each_cited(&mut self, change: &impl Fn(&mut Cited)) {
        for (key, group) in &mut self.groups {
            let nearest = group.nearest.iter_mut().map(|nearest| &mut nearest.statement);
            key.determined_by.iter_mut().chain(nearest).for_each(change);
        }
    }
}

impl Key<Group> for GroupKey {
    fn at(self, detail: Detail, group: &mut Group) -> GroupKey {
        group.context.caller.get_or_insert_with(|| self.caller.clone());
        self.less_finely(detail)
    }
}

impl GroupKey {
    /// The key of the group that these calls are in where groups are told as finely as `detail`.
    pub(crate) fn less_finely(self, detail: Detail) -> GroupKey {
        GroupKey {
            caller: detail.caller(&self.caller).into_owned(),
            action: detail.call(self.action),
            resource: detail.call(self.resource),
            status: self.status.filter(|_| detail.tells_calls()),
            ..self
        }
    }
}

impl Group {
    /// Of the examples of several groups, the smallest is that of all of them: the first call.
    fn rank(&self) -> (i64, &str, Option<&str>, Option<i64>) {
        let (resource, time) = &self.example;
        (moment(*time), resource, self.context.caller.as_deref(), *time)
    }
}

impl Merge for Group {
    fn merge(&mut self, other: Group) {
        self.requests += other.requests;
        self.span.merge(other.span);
        if self.only_resource != other.only_resource {
            self.only_resource = None;
        }
        if other.rank() < self.rank() {
            (self.example, self.context) = (other.example, other.context);
            (self.nearest, self.missing) = (other.nearest, other.missing);
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

/// A statement by where it stands.
pub(crate) fn cited(applicable: &Applicable<'_>, id: StatementId) -> Option<Cited> {
    Some(Cited::new(id, &applicable.cite(id)?))
}

/// The layers whose Allow the example of a group lacks.
pub(crate) fn missing(binding: &Binding<'_>, key: &GroupKey, group: &Group) -> Vec<String> {
    let request = group.context.request(key, &group.example.0);
    let missing = policy::missing_layers(binding.policies(), &request);
    missing.into_iter().map(|layer| layer.as_str().to_owned()).collect()
}

/// The statement that came nearest to allowing a call.
pub(crate) fn nearest(binding: &Binding<'_>, call: &Kept<'_>) -> Option<Nearest> {
    let (id, miss) = binding.nearest_miss(call)?;
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
        pattern: miss.pattern,
        value: miss.value,
    })
}
