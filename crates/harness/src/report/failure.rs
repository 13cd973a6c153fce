//! Why a cell failed: in one line, and in full.

use std::fmt::Write;

use tollgate_policy::{
    Condition, Effect, Explanation, Matched, Outcome, Position, Span, StatementExplanation, explain,
};

use crate::bundle::{Bundle, Citation};
use crate::call::{Call, Given};
use crate::excerpt::{excerpt, indent};
use crate::place::Located;
use crate::snapshot::{Change, Line, SnapshotVerdict};
use crate::verdict::{Failure, Status, Verdict};

/// The most near misses that are shown.
const NEAR_MISSES_MAX: usize = 3;

/// ``expected `deny`, decided `allowed` by `Root` of root.json:3:5``.
pub(super) fn message(verdict: &Verdict<'_>) -> String {
    let expected = verdict.cell.expected.as_ref().map_or("", |expected| expected.value.as_str());
    match &verdict.status {
        Status::Failed(Failure::NotBy(missing)) => {
            let by = missing.iter().filter_map(|index| verdict.cell.by.get(*index));
            let by: Vec<String> = by.map(|by| format!("`{}`", by.statement)).collect();
            format!("expected `{expected}` by {}, {}", by.join(" and "), decided(verdict))
        }
        _ => format!("expected `{expected}`, {}", decided(verdict)),
    }
}

fn decided(verdict: &Verdict<'_>) -> String {
    let Some(decision) = &verdict.decision else { return "not decided".to_owned() };
    let by: Vec<String> = verdict.determined_by().map(|citation| citation.to_string()).collect();
    let outcome = decision.outcome;
    match outcome {
        Outcome::ImplicitDeny => format!("decided `{outcome}`: nothing allows it"),
        Outcome::Indeterminate => {
            format!("decided `{outcome}`: depends on `{}`", decision.depends_on.join("`, `"))
        }
        _ => format!("decided `{outcome}` by {}", by.join(", ")),
    }
}

/// What was asked, what was decided and why, with the policies' lines.
pub(super) fn detail(verdict: &Verdict<'_>) -> String {
    let cell = verdict.cell;
    let mut text = String::new();
    let _ = writeln!(text, "{}", message(verdict));
    if let Some(Located { place, .. }) = &cell.expected {
        let _ = writeln!(text, "  expected at {place}");
    }
    text.push_str(&request(&cell.call));
    let explanation = explain(&cell.bundle.layers(), &cell.call.request());
    let shown = determining(&cell.bundle, &explanation);
    text.push_str(&shown);
    if explanation.outcome != Outcome::Allowed {
        text.push_str(&near_misses(&cell.bundle, &explanation));
    }
    text
}

/// The request, a line a fact.
pub(super) fn request(call: &Call) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "  principal  {}", call.principal);
    let _ = writeln!(text, "  action     {}", call.action);
    let _ = writeln!(text, "  resource   {}", call.resource);
    for (key, given) in &call.context {
        let _ = writeln!(text, "  context    {key} = {}", show(given));
    }
    text
}

/// What is given for a context key, in words.
pub(super) fn show(given: &Given) -> String {
    match given {
        Given::Absent => "absent".to_owned(),
        Given::Unknown => "unknown".to_owned(),
        Given::One(value) => value.to_string(),
        Given::Set(values) => format!("[{}]", values.join(", ")),
    }
}

fn determining(bundle: &Bundle, explanation: &Explanation) -> String {
    let mut text = String::new();
    for citation in explanation.determined_by.iter().filter_map(|id| bundle.cite(*id)) {
        let effect = match citation.statement.effect.value {
            Effect::Allow => "allows",
            Effect::Deny => "denies",
        };
        let layer = citation.policy.policy_type();
        let _ = writeln!(text, "  {citation} ({layer}) {effect}:");
        text.push_str(&indent(&excerpt(&citation.place()), 4));
    }
    text
}

/// The Allow statements that came nearest, first the nearest, and what was in their way.
fn near_misses(bundle: &Bundle, explanation: &Explanation) -> String {
    let missed = |statement: &&StatementExplanation| {
        statement.effect == Effect::Allow && matches!(statement.matched, Matched::No(_))
    };
    let mut statements: Vec<&StatementExplanation> =
        explanation.layers.iter().flat_map(|layer| &layer.statements).filter(missed).collect();
    statements.sort_by_key(|statement| Some(statement.id) != explanation.nearest);
    let mut text = String::new();
    for statement in statements.into_iter().take(NEAR_MISSES_MAX) {
        let (Some(citation), Matched::No(miss)) = (bundle.cite(statement.id), &statement.matched)
        else {
            continue;
        };
        let _ = writeln!(text, "  near miss: {citation}: {miss}");
        if let Some(span) = span_at(&citation, miss.position) {
            text.push_str(&indent(&excerpt(&citation.policy.place(span)), 4));
        }
    }
    text
}

/// What stands at a position of a statement: a pattern, a principal, or a part of a condition.
fn span_at(citation: &Citation<'_>, position: Position) -> Option<Span> {
    let statement = citation.statement;
    let patterns = std::iter::once(&statement.action).chain(&statement.resource);
    let patterns = patterns.flat_map(|element| &element.patterns).map(|pattern| pattern.span);
    let principals = statement.principal.iter().flat_map(|element| &element.principals);
    let of_condition = |condition: &Condition| {
        let values = condition.values.iter().map(|value| value.span);
        values.chain([condition.key.span, condition.operator.span]).collect::<Vec<_>>()
    };
    patterns
        .chain(principals.map(|principal| principal.span))
        .chain(statement.conditions.iter().flat_map(of_condition))
        .find(|span| citation.policy.document.position(*span) == position)
}

/// The changes of a decision matrix, the most dangerous first.
pub(super) fn snapshot_detail(verdict: &SnapshotVerdict<'_>) -> String {
    let mut text = String::new();
    for Change { kind, cell, before, after } in &verdict.changes {
        let _ = writeln!(text, "  {}: {cell}", kind.as_str());
        let _ = writeln!(text, "    {} → {}", side(before.as_ref()), side(after.as_ref()));
    }
    let _ = writeln!(text, "  accept all of this with `tollgate test --accept`");
    text
}

fn side(line: Option<&Line>) -> String {
    match line {
        None => "nothing".to_owned(),
        Some(Line { outcome, by }) if by.is_empty() => outcome.to_string(),
        Some(Line { outcome, by }) => format!("{outcome} by {by}"),
    }
}
