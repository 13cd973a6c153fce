//! For people: failures in full, and one line that sums up.

use std::fmt::Write;

use super::{Entry, EntryStatus, Report, count};
use crate::excerpt::indent;

pub(super) fn render(report: &Report<'_>) -> String {
    let mut text = String::new();
    for entry in report.entries() {
        let Entry { file, name, place, status } = &entry;
        match status {
            EntryStatus::Passed => {}
            EntryStatus::Skipped(reason) => {
                let _ = writeln!(text, "SKIP {file}::{name}\n  {reason}\n");
            }
            EntryStatus::Failed { detail, .. } => {
                let _ = writeln!(text, "FAIL {file}::{name}\n  at {place}\n{}", indent(detail, 2));
            }
        }
    }
    let _ = writeln!(text, "{}", summary(report));
    if let Some(coverage) = &report.coverage {
        let _ = writeln!(text, "\n{}", coverage.text().trim_end());
    }
    if let Some(mutation) = &report.mutation {
        let _ = writeln!(text, "\n{}", mutation.text().trim_end());
    }
    text
}

/// `3 tests in 1 file: 2 passed, 1 failed`.
fn summary(report: &Report<'_>) -> String {
    let counts = report.run.counts();
    let mut parts = vec![format!("{} passed", counts.passed)];
    let mut add = |number: usize, what: &str| {
        if number > 0 {
            parts.push(format!("{number} {what}"));
        }
    };
    add(counts.failed, "failed");
    add(counts.skipped, "skipped");
    add(report.run.unreached, "not reached");
    let changes: usize = report.snapshots.iter().map(|snapshot| snapshot.changes.len()).sum();
    if changes > 0 {
        parts.push(format!("{} of snapshots changed", count(changes, "decision")));
    }
    let tests = count(report.run.verdicts.len(), "test");
    format!("{tests} in {}: {}", count(report.run.suite.files.len(), "file"), parts.join(", "))
}
