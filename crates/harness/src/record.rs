//! Observed calls → a test file that holds the policies to what they decide today.
//!
//! Calls are put into classes: those of one caller (all sessions of a role are one) and action that
//! every statement of every layer answers alike are one class, since no policy of the account tells
//! them apart. Each class becomes one row, made of its smallest call, so that the order of the log
//! does not matter and memory grows with the number of classes only.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt::Write;
use std::sync::Arc;

use tollgate_policy::{Explanation, Matched, Outcome, PolicyType, Principal, StatementId, explain};
use tollgate_store::{Account, ApiEntry, Applicable};

use crate::call::{Call, Given};
use crate::file::Expectation;
use crate::write::{request_fields, scalar};

/// Gathers observed calls of an account.
#[derive(Debug)]
pub struct Recorder<'a> {
    account: &'a Account,
    rows: BTreeMap<Class, Row>,
    calls: u64,
}

/// What the calls of a row have in common.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Class {
    caller: String,
    action: String,
    api: Option<String>,
    answers: Vec<(StatementId, Answer)>,
}

/// What a statement says about a call.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Answer {
    Matches,
    Unknown(Vec<String>),
    Misses,
}

/// A class, by its smallest call.
#[derive(Debug)]
struct Row {
    call: Call,
    outcome: Outcome,
    by: Vec<String>,
    calls: u64,
}

impl<'a> Recorder<'a> {
    /// Nothing observed yet.
    pub fn new(account: &'a Account) -> Recorder<'a> {
        Recorder { account, rows: BTreeMap::new(), calls: 0 }
    }

    /// Takes note of a call of one of the account's APIs.
    pub fn observe(&mut self, call: &Call, api: Option<&'a ApiEntry>) {
        let principal = Principal::parse(&call.principal).unwrap_or(Principal::ANONYMOUS);
        let applicable = self.account.policies_for(&principal, api);
        let explanation = explain(&applicable.policies(), &call.request());
        let subject = applicable.subject().map(|subject| subject.arn());
        let class = Class {
            caller: subject.unwrap_or(&call.principal).to_owned(),
            action: call.action.to_string(),
            api: api.map(|api| api.api().id.to_owned()),
            answers: answers(&explanation),
        };
        self.calls += 1;
        let new = || Row {
            call: call.clone(),
            outcome: explanation.outcome,
            by: by(&explanation, &applicable),
            calls: 0,
        };
        let row = self.rows.entry(class).or_insert_with(new);
        row.calls += 1;
        if order(call) < order(&row.call) {
            row.call = call.clone();
        }
    }

    /// How many calls were observed.
    pub fn calls(&self) -> u64 {
        self.calls
    }

    /// Adds what another recorder of the same account has observed.
    pub fn merge(&mut self, other: Recorder<'a>) {
        self.calls += other.calls;
        for (class, row) in other.rows {
            match self.rows.entry(class) {
                Entry::Vacant(place) => drop(place.insert(row)),
                Entry::Occupied(mut held) => held.get_mut().merge(row),
            }
        }
    }

    /// The test file. `manifest` is the account's path as the test file is to name it.
    pub fn finish(self, manifest: &str) -> String {
        let Recorder { rows, calls, .. } = self;
        let mut text = format!(
            "# {calls} observed calls, one row for each way in which the policies answer them.\n\
             # Written by `tollgate test --record`.\naccount: {}\n",
            scalar(manifest)
        );
        if rows.is_empty() {
            text.push_str("tests: []\n");
            return text;
        }
        text.push_str("tests:\n  - name: recorded\n    rows:\n");
        for Row { call, outcome, by, calls } in rows.values() {
            let plural = if *calls == 1 { "" } else { "s" };
            let _ = writeln!(text, "      # {calls} call{plural}");
            let by = match by.as_slice() {
                [] => String::new(),
                by => format!(", by: [{}]", by.join(", ")),
            };
            let _ = writeln!(
                text,
                "      - {{ principal: {}, {}, expect: {}{by} }}",
                scalar(&call.principal),
                request_fields(call, &[]).join(", "),
                Expectation::exactly(*outcome).as_str(),
            );
        }
        text
    }
}

impl Row {
    fn merge(&mut self, other: Row) {
        self.calls += other.calls;
        if order(&other.call) < order(&self.call) {
            self.call = other.call;
        }
    }
}

/// What makes one call smaller than another: any order will do, as long as it is one.
fn order(call: &Call) -> (&str, &str, &[(Arc<str>, Given)]) {
    (&call.resource, &call.principal, &call.context)
}

fn answers(explanation: &Explanation) -> Vec<(StatementId, Answer)> {
    let statements = explanation.layers.iter().flat_map(|layer| &layer.statements);
    let answer = |matched: &Matched| match matched {
        Matched::Yes => Answer::Matches,
        Matched::Unknown(keys) => Answer::Unknown(keys.clone()),
        Matched::No(_) => Answer::Misses,
    };
    statements.map(|statement| (statement.id, answer(&statement.matched))).collect()
}

/// The determining statements as a test names them.
fn by(explanation: &Explanation, applicable: &Applicable<'_>) -> Vec<String> {
    if matches!(explanation.outcome, Outcome::ImplicitDeny | Outcome::Indeterminate) {
        return Vec::new();
    }
    let named = |id: &StatementId| {
        let citation = applicable.cite(*id)?;
        let layer = match id.policy_type {
            PolicyType::RoleTrust => PolicyType::Resource,
            other => other,
        };
        let statement = citation.sid().map_or_else(|| id.statement.to_string(), scalar);
        let file = citation.file.rsplit('/').next().map(scalar)?;
        Some(format!("{{ layer: {}, policy: {file}, statement: {statement} }}", layer.as_str()))
    };
    explanation.determined_by.iter().filter_map(named).collect()
}
