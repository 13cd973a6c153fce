//! The decision matrix of a test file: what was accepted, and what has changed since.
//!
//! One line a cell: outcome, id and determining statements, separated by tabs, so that a change of
//! policy shows in a review as a change of decisions.

use std::collections::BTreeMap;
use std::fmt::Write;

use tollgate_policy::Outcome;

use crate::load::{SnapshotFile, Suite, SuiteFile};
use crate::place::{Place, Problem};
use crate::run::Run;
use crate::verdict::Verdict;

/// The first line of a snapshot.
const HEADER: &str = "# decisions, version 1; `tollgate test --accept` rewrites this file";

/// A test file's matrix as it was accepted, against the one of this run.
#[derive(Clone, Debug)]
pub struct SnapshotVerdict<'s> {
    /// The test file.
    pub file: &'s SuiteFile,
    /// Its snapshot.
    pub snapshot: &'s SnapshotFile,
    /// What changed, most dangerous first; empty if nothing did.
    pub changes: Vec<Change>,
}

impl SnapshotVerdict<'_> {
    /// `FILE::snapshot`.
    pub fn id(&self) -> String {
        format!("{}::snapshot", self.file.source.name)
    }
}

/// One decision that is not the one accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// How dangerous it is.
    pub kind: ChangeKind,
    /// The cell's id within its file.
    pub cell: String,
    /// What was accepted; `None` for a new cell.
    pub before: Option<Line>,
    /// What was decided; `None` for a cell that is gone.
    pub after: Option<Line>,
}

/// Kinds of changes, the most dangerous first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChangeKind {
    /// Was not allowed and now is.
    NewlyAllowed,
    /// Was denied by a statement, and now is denied for want of one: a guard is gone.
    GuardLost,
    /// Was settled, and now depends on unknown context.
    NewlyIndeterminate,
    /// Was allowed, and now is not.
    NewlyDenied,
    /// Another change of outcome.
    Other,
    /// The same outcome by other statements.
    OtherStatements,
    /// A cell that was not there.
    New,
    /// A cell that is no longer there.
    Gone,
}

impl ChangeKind {
    /// What to call it.
    pub fn as_str(self) -> &'static str {
        match self {
            ChangeKind::NewlyAllowed => "newly allowed",
            ChangeKind::GuardLost => "no longer denied by a statement",
            ChangeKind::NewlyIndeterminate => "newly indeterminate",
            ChangeKind::NewlyDenied => "newly denied",
            ChangeKind::Other => "decided otherwise",
            ChangeKind::OtherStatements => "by other statements",
            ChangeKind::New => "new",
            ChangeKind::Gone => "gone",
        }
    }

    fn between(before: &Line, after: &Line) -> Option<ChangeKind> {
        use Outcome::{Allowed, ExplicitDeny, ImplicitDeny, Indeterminate};
        Some(match (before.outcome, after.outcome) {
            (before_outcome, outcome) if before_outcome == outcome => {
                return (before.by != after.by).then_some(ChangeKind::OtherStatements);
            }
            (_, Allowed) => ChangeKind::NewlyAllowed,
            (ExplicitDeny, ImplicitDeny) => ChangeKind::GuardLost,
            (_, Indeterminate) => ChangeKind::NewlyIndeterminate,
            (Allowed, _) => ChangeKind::NewlyDenied,
            _ => ChangeKind::Other,
        })
    }
}

/// A decision as a snapshot keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The outcome.
    pub outcome: Outcome,
    /// The determining statements by name, separated by commas.
    pub by: String,
}

/// Compares the matrix of every file that keeps one. Cells that did not run are left out.
///
/// # Errors
/// A snapshot that cannot be read as one.
pub(crate) fn compare<'s>(run: &Run<'s>) -> Result<Vec<SnapshotVerdict<'s>>, Problem> {
    let mut verdicts = Vec::new();
    for (file, snapshot) in snapshots(run.suite) {
        let before = accepted(snapshot)?;
        let after = decided(run, file);
        let mut changes = changes(&before, &after);
        changes.retain(|change| {
            change.kind != ChangeKind::Gone || !exists(run.suite, file, &change.cell)
        });
        changes.sort_by(|a, b| (a.kind, &a.cell).cmp(&(b.kind, &b.cell)));
        verdicts.push(SnapshotVerdict { file, snapshot, changes });
    }
    Ok(verdicts)
}

fn snapshots(suite: &Suite) -> impl Iterator<Item = (&SuiteFile, &SnapshotFile)> {
    suite.files.iter().filter_map(|file| Some((file, file.snapshot.as_ref()?)))
}

/// Whether a cell is there although it did not run.
fn exists(suite: &Suite, file: &SuiteFile, name: &str) -> bool {
    let cells = suite.cells.get(file.cells.clone()).unwrap_or_default();
    cells.iter().any(|cell| local(file, &cell.id) == name)
}

/// A cell's id within its file: it does not depend on where the tool was started.
fn local<'i>(file: &SuiteFile, id: &'i str) -> &'i str {
    id.strip_prefix(file.source.name.as_str()).and_then(|id| id.strip_prefix("::")).unwrap_or(id)
}

fn decided(run: &Run<'_>, file: &SuiteFile) -> BTreeMap<String, Line> {
    let own = run.suite.cells.get(file.cells.clone()).unwrap_or_default().as_ptr_range();
    let verdicts =
        run.verdicts.iter().filter(|verdict| own.contains(&std::ptr::from_ref(verdict.cell)));
    verdicts
        .filter_map(|verdict| Some((local(file, &verdict.cell.id).to_owned(), line(verdict)?)))
        .collect()
}

fn line(verdict: &Verdict<'_>) -> Option<Line> {
    let outcome = verdict.decision.as_ref()?.outcome;
    let by: Vec<String> = verdict.determined_by().map(|citation| citation.name()).collect();
    Some(Line { outcome, by: by.join(", ") })
}

fn changes(before: &BTreeMap<String, Line>, after: &BTreeMap<String, Line>) -> Vec<Change> {
    let change = |kind, cell: &String, before: Option<&Line>, after: Option<&Line>| Change {
        kind,
        cell: cell.clone(),
        before: before.cloned(),
        after: after.cloned(),
    };
    let mut changes = Vec::new();
    for (cell, old) in before {
        match after.get(cell) {
            None => changes.push(change(ChangeKind::Gone, cell, Some(old), None)),
            Some(new) => changes.extend(
                ChangeKind::between(old, new).map(|kind| change(kind, cell, Some(old), Some(new))),
            ),
        }
    }
    for (cell, new) in after.iter().filter(|(cell, _)| !before.contains_key(*cell)) {
        let kind = match new.outcome {
            // Nobody has accepted it yet, and it lets somebody in.
            Outcome::Allowed => ChangeKind::NewlyAllowed,
            _ => ChangeKind::New,
        };
        changes.push(change(kind, cell, None, Some(new)));
    }
    changes
}

fn accepted(snapshot: &SnapshotFile) -> Result<BTreeMap<String, Line>, Problem> {
    let mut lines = BTreeMap::new();
    let Some(source) = &snapshot.accepted else { return Ok(lines) };
    let mut offset = 0;
    for text in source.text.split_inclusive('\n') {
        let span = tollgate_policy::Span::new(offset, offset + text.trim_end().len());
        offset += text.len();
        if text.trim().is_empty() || text.starts_with('#') {
            continue;
        }
        let Some((cell, line)) = parse_line(text.trim_end_matches(['\n', '\r'])) else {
            let place = Place::new(source, span);
            return Err(Problem::at(
                place,
                "expected a decision: outcome, cell and statements, with tabs between",
            )
            .help("rewrite the file with `tollgate test --accept`"));
        };
        lines.insert(cell, line);
    }
    Ok(lines)
}

fn parse_line(text: &str) -> Option<(String, Line)> {
    let mut fields = text.split('\t');
    let outcome = outcome(fields.next()?.trim_end())?;
    let cell = fields.next()?.to_owned();
    let by = fields.next().unwrap_or_default().to_owned();
    fields.next().is_none().then_some((cell, Line { outcome, by }))
}

fn outcome(text: &str) -> Option<Outcome> {
    use Outcome::{Allowed, ExplicitDeny, ImplicitDeny, Indeterminate};
    [Allowed, ExplicitDeny, ImplicitDeny, Indeterminate]
        .into_iter()
        .find(|outcome| outcome.as_str() == text)
}

/// The text of a file's snapshot as this run would have it. Lines of cells that are there but did
/// not run stay as they were accepted.
///
/// # Errors
/// A snapshot that cannot be read as one.
pub fn write(verdict: &SnapshotVerdict<'_>, run: &Run<'_>) -> Result<String, Problem> {
    let mut lines = accepted(verdict.snapshot)?;
    lines.retain(|cell, _| exists(run.suite, verdict.file, cell));
    lines.extend(decided(run, verdict.file));
    let mut text = format!("{HEADER}\n");
    for (cell, Line { outcome, by }) in lines {
        let separator = if by.is_empty() { "" } else { "\t" };
        let _ = writeln!(text, "{:<13}\t{cell}{separator}{by}", outcome.as_str());
    }
    Ok(text)
}
