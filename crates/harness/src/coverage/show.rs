//! Coverage as text and as JSON.

use std::fmt::Write;

use serde_json::{Value, json};
use tollgate_policy::Effect;

use super::{Coverage, Gap, PartCoverage, PolicyCoverage, StatementCoverage};
use crate::excerpt::indent;
use crate::report::place_fields;
use crate::write::Shown;

/// A table of statements, and below it what no test decides.
pub(super) fn text(coverage: &Coverage) -> String {
    let mut text = String::new();
    let seen = coverage.seen();
    let _ = writeln!(text, "coverage {:.1} % ({} of {})", seen.percent(), seen.seen, seen.of);
    for policy in &coverage.policies {
        let seen = policy.seen();
        let (name, layer) = (&policy.source.name, policy.policy_type);
        let _ = writeln!(text, "  {name} ({layer}): {:.1} %", seen.percent());
        for statement in &policy.statements {
            let _ = writeln!(text, "    {}", statement_line(statement));
        }
    }
    if !coverage.gaps.is_empty() {
        let _ = writeln!(text, "\nnot decided by any test:");
    }
    let mut shown = Shown::default();
    for Gap { message, place, test } in &coverage.gaps {
        let _ = writeln!(text, "  {place}: {message}");
        match test {
            Some((file, test)) if !shown.is_new(file, test) => {
                text.push_str("    a test above would\n");
            }
            Some((file, test)) => {
                let _ = write!(text, "    add to {file}:\n{}", indent(test, 4));
            }
            None => text.push_str("    no request was found that would; it may be out of reach\n"),
        }
    }
    text
}

fn statement_line(statement: &StatementCoverage) -> String {
    let StatementCoverage { name, matched, decisive, near_misses, .. } = statement;
    let line = statement.place.position().line;
    let percent = statement.seen().percent();
    format!(
        "{name} (line {line}): {percent:.1} %, matched {matched}, decisive {decisive}, near misses {near_misses}"
    )
}

pub(super) fn json(coverage: &Coverage) -> Value {
    let seen = coverage.seen();
    json!({
        "version": 1,
        "percent": seen.percent(),
        "seen": seen.seen,
        "of": seen.of,
        "policies": coverage.policies.iter().map(policy).collect::<Vec<_>>(),
        "gaps": coverage.gaps.iter().map(gap).collect::<Vec<_>>(),
    })
}

fn policy(policy: &PolicyCoverage) -> Value {
    json!({
        "file": policy.source.name,
        "policyType": policy.policy_type.as_str(),
        "percent": policy.seen().percent(),
        "statements": policy.statements.iter().map(statement).collect::<Vec<_>>(),
    })
}

fn statement(statement: &StatementCoverage) -> Value {
    let mut fields = place_fields(&statement.place);
    let mut set = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    set("statement", json!(statement.name));
    set("effect", json!(effect(statement.effect)));
    set("matched", json!(statement.matched));
    set("decisive", json!(statement.decisive));
    set("nearMisses", json!(statement.near_misses));
    set("parts", json!(statement.parts.iter().map(part).collect::<Vec<_>>()));
    Value::Object(fields)
}

/// The effect's name in a policy.
pub(super) fn effect(effect: Effect) -> &'static str {
    match effect {
        Effect::Allow => "Allow",
        Effect::Deny => "Deny",
    }
}

fn part(part: &PartCoverage) -> Value {
    let mut fields = place_fields(&part.place);
    let mut set = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    set("element", json!(part.element));
    set("text", json!(part.text));
    set("true", json!(part.seen_true));
    set("false", json!(part.seen_false));
    set("constant", json!(part.constant));
    Value::Object(fields)
}

fn gap(gap: &Gap) -> Value {
    let mut fields = place_fields(&gap.place);
    let mut set = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    set("message", json!(gap.message));
    set("testFile", json!(gap.test.as_ref().map(|(file, _)| file)));
    set("test", json!(gap.test.as_ref().map(|(_, test)| test)));
    Value::Object(fields)
}
