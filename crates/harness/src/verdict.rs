//! What became of a cell.

use tollgate_policy::{Decision, StatementId, explain};

use crate::bundle::{Citation, layer_of};
use crate::expand::Cell;
use crate::file::By;
use crate::place::Located;

/// What became of one cell.
#[derive(Clone, Debug)]
pub struct Verdict<'s> {
    /// The cell.
    pub cell: &'s Cell,
    /// The decision; `None` if the cell was skipped.
    pub decision: Option<Decision>,
    /// Passed, failed or skipped.
    pub status: Status,
}

/// How a cell ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// Decided as expected, by the statements expected.
    Passed,
    /// Decided otherwise than expected.
    Failed(Failure),
    /// Not run, for the reason given in the test.
    Skipped,
}

/// How a decision differs from what was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Another outcome.
    Outcome,
    /// The outcome expected, but these of the cell's `by` are not among the statements that
    /// determined it.
    NotBy(Vec<usize>),
}

impl Verdict<'_> {
    /// Whether the cell failed.
    pub fn failed(&self) -> bool {
        matches!(self.status, Status::Failed(_))
    }

    /// The statements that determined the decision.
    pub fn determined_by(&self) -> impl Iterator<Item = Citation<'_>> {
        let statements = self.decision.iter().flat_map(|decision| decision.determined_by.iter());
        statements.filter_map(|id| self.cell.bundle.cite(id))
    }
}

/// Judges a decision.
pub(crate) fn judge(cell: &Cell, decision: &Decision) -> Status {
    match &cell.expected {
        Some(Located { value: expected, .. }) if !expected.admits(decision.outcome) => {
            Status::Failed(Failure::Outcome)
        }
        _ => judge_by(cell, decision),
    }
}

fn judge_by(cell: &Cell, decision: &Decision) -> Status {
    let determining = |by: &By| {
        if decision.determined_by.has_more() {
            let all = explain(&cell.bundle.layers(), &cell.call.request()).determined_by;
            return all.into_iter().any(|id| is(cell, by, id));
        }
        decision.determined_by.iter().any(|id| is(cell, by, id))
    };
    let missing: Vec<usize> = cell
        .by
        .iter()
        .enumerate()
        .filter(|(_, by)| !determining(by))
        .map(|(index, _)| index)
        .collect();
    if missing.is_empty() { Status::Passed } else { Status::Failed(Failure::NotBy(missing)) }
}

/// Whether a statement is the one that `by` asks for.
fn is(cell: &Cell, by: &By, id: StatementId) -> bool {
    let Some(citation) = cell.bundle.cite(id) else { return false };
    let named = citation.sid() == Some(&by.statement) || by.statement == id.statement.to_string();
    let in_layer = by.layer.is_none_or(|layer| layer_of(layer) == id.policy_type);
    let file = citation.policy.source.name.as_str();
    let in_policy = by.policy.as_deref().is_none_or(|policy| {
        file == policy || file.strip_suffix(policy).is_some_and(|rest| rest.ends_with('/'))
    });
    named && in_layer && in_policy
}
