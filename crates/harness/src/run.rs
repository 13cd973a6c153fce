//! Suite → verdicts: cells are decided in parallel and judged in their order.

use rayon::prelude::*;
use tollgate_policy::authorize;

use crate::expand::Cell;
use crate::load::Suite;
use crate::verdict::{Status, Verdict, judge};

/// Which cells are run, and how far.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Texts of which a cell's id must hold at least one; none means all cells.
    pub filters: Vec<String>,
    /// Stop after the first cell, in their order, that fails.
    pub fail_fast: bool,
}

impl Selection {
    /// Whether a cell is run.
    pub fn takes(&self, cell: &Cell) -> bool {
        self.filters.is_empty() || self.filters.iter().any(|text| cell.id.contains(text.as_str()))
    }
}

/// A run: its verdicts, in the order of the cells.
#[derive(Clone, Debug)]
pub struct Run<'s> {
    /// What was run.
    pub suite: &'s Suite,
    /// What became of the cells that were selected and reached.
    pub verdicts: Vec<Verdict<'s>>,
    /// How many cells were selected but not reached, because one before them failed.
    pub unreached: usize,
}

/// How many cells ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Decided as expected.
    pub passed: usize,
    /// Decided otherwise.
    pub failed: usize,
    /// Not run, with a reason.
    pub skipped: usize,
}

impl Run<'_> {
    /// Counts the verdicts.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for verdict in &self.verdicts {
            match verdict.status {
                Status::Passed => counts.passed += 1,
                Status::Failed(_) => counts.failed += 1,
                Status::Skipped => counts.skipped += 1,
            }
        }
        counts
    }

    /// The cells that failed.
    pub fn failures(&self) -> impl Iterator<Item = &Verdict<'_>> {
        self.verdicts.iter().filter(|verdict| verdict.failed())
    }
}

/// Cells that are decided at a time when the first failure ends the run.
const BATCH: usize = 1_024;

/// Runs the cells that are selected. The same suite and selection give the same verdicts in the
/// same order, however many threads there are.
pub fn run<'s>(suite: &'s Suite, selection: &Selection) -> Run<'s> {
    let cells: Vec<&Cell> = suite.cells.iter().filter(|cell| selection.takes(cell)).collect();
    let mut verdicts: Vec<Verdict<'s>> = Vec::with_capacity(cells.len());
    for batch in cells.chunks(if selection.fail_fast { BATCH } else { cells.len().max(1) }) {
        verdicts.par_extend(batch.par_iter().map(|cell| decide(cell)));
        let failed = verdicts.iter().position(Verdict::failed);
        if let (true, Some(failed)) = (selection.fail_fast, failed) {
            verdicts.truncate(failed + 1);
            break;
        }
    }
    let unreached = cells.len() - verdicts.len();
    Run { suite, verdicts, unreached }
}

fn decide(cell: &Cell) -> Verdict<'_> {
    if cell.skip.is_some() {
        return Verdict { cell, decision: None, status: Status::Skipped };
    }
    let decision = authorize(&cell.bundle.layers(), &cell.call.request());
    let status = judge(cell, &decision);
    Verdict { cell, decision: Some(decision), status }
}
