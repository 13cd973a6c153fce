//! One JSON document with everything that a run found out.

use serde_json::{Map, Value, json};
use tollgate_policy::{PolicyType, explain};

use super::Report;
use crate::bundle::Citation;
use crate::call::{Call, Given};
use crate::place::Place;
use crate::snapshot::{Change, Line, SnapshotVerdict};
use crate::verdict::{Status, Verdict};

pub(super) fn render(report: &Report<'_>) -> String {
    let counts = report.run.counts();
    let tests: Vec<Value> = report.run.verdicts.iter().map(test).collect();
    let snapshots: Vec<Value> = report.snapshots.iter().map(snapshot).collect();
    let mut document = json!({
        "version": 1,
        "counts": {
            "passed": counts.passed,
            "failed": counts.failed,
            "skipped": counts.skipped,
            "notReached": report.run.unreached,
        },
        "tests": tests,
        "snapshots": snapshots,
    });
    if let (Some(coverage), Value::Object(fields)) = (&report.coverage, &mut document) {
        fields.insert("coverage".to_owned(), coverage.json());
    }
    if let (Some(mutation), Value::Object(fields)) = (&report.mutation, &mut document) {
        fields.insert("mutation".to_owned(), mutation.json());
    }
    format!("{document:#}\n")
}

fn test(verdict: &Verdict<'_>) -> Value {
    let cell = verdict.cell;
    let mut fields = place(&cell.place);
    let mut set = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    set("id", json!(&*cell.id));
    set("request", request(&cell.call));
    set("expected", json!(cell.expected.as_ref().map(|expected| expected.value.as_str())));
    if let Some(decision) = &verdict.decision {
        let by: Vec<Value> = verdict.determined_by().map(|cited| citation(&cited)).collect();
        set("decision", json!(decision.outcome.as_str()));
        set("determinedBy", json!(by));
        set("dependsOn", json!(decision.depends_on));
    }
    match &verdict.status {
        Status::Passed => set("status", json!("passed")),
        Status::Skipped => {
            set("reason", json!(cell.skip.as_deref()));
            set("status", json!("skipped"))
        }
        Status::Failed(_) => {
            let explanation = explain(&cell.bundle.layers(), &cell.call.request());
            set("message", json!(super::failure::message(verdict)));
            set("explanation", json!(explanation));
            set("status", json!("failed"))
        }
    };
    Value::Object(fields)
}

/// `file`, `line` and `column`.
pub(crate) fn place(place: &Place) -> Map<String, Value> {
    let at = place.position();
    let fields =
        [("file", json!(place.file())), ("line", json!(at.line)), ("column", json!(at.column))];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// A request, in the form that `tollgate simulate --batch` reads.
pub(crate) fn request(call: &Call) -> Value {
    let mut context = Map::new();
    let mut unknown = Vec::new();
    for (key, given) in &call.context {
        match given {
            Given::Unknown => unknown.push(json!(&**key)),
            Given::Absent => {}
            Given::One(value) => {
                context.insert(key.to_string(), json!(&**value));
            }
            Given::Set(values) => {
                context.insert(key.to_string(), json!(&**values));
            }
        }
    }
    let mut request = json!({
        "principal": &*call.principal,
        "action": &*call.action,
        "resource": &*call.resource,
        "context": context,
        "unknown": unknown,
    });
    if let (Some(account), Value::Object(fields)) = (&call.resource_account, &mut request) {
        fields.insert("resourceAccount".to_owned(), json!(&**account));
    }
    request
}

fn citation(cited: &Citation<'_>) -> Value {
    let mut fields = place(&cited.place());
    let id = cited.id;
    let mut set = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    set("policyType", json!(id.policy_type.as_str()));
    set("policy", json!(id.policy));
    set("statement", json!(id.statement));
    if let PolicyType::ServiceControl | PolicyType::ResourceControl = id.policy_type {
        set("level", json!(id.level));
    }
    if let Some(sid) = cited.sid() {
        set("sid", json!(sid));
    }
    Value::Object(fields)
}

fn snapshot(verdict: &SnapshotVerdict<'_>) -> Value {
    let line = |line: &Option<Line>| {
        line.as_ref().map(|line| json!({ "decision": line.outcome.as_str(), "by": line.by }))
    };
    let change = |change: &Change| {
        json!({
            "kind": change.kind.as_str(),
            "test": change.cell,
            "before": line(&change.before),
            "after": line(&change.after),
        })
    };
    let changes: Vec<Value> = verdict.changes.iter().map(change).collect();
    json!({ "id": verdict.id(), "path": verdict.snapshot.path, "changes": changes })
}
