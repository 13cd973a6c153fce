//! Verdicts → reports: what a run says to people, to machines and to continuous integration.

mod failure;
mod github;
mod json;
mod junit;
mod pretty;
mod sarif;
mod tap;

pub(crate) use self::json::place as place_fields;
use crate::coverage::Coverage;
use crate::mutate::Mutation;
use crate::place::{Place, Problem, did_you_mean};
use crate::run::Run;
use crate::snapshot::{self, SnapshotVerdict};
use crate::verdict::{Status, Verdict};

/// Everything that a run found out.
#[derive(Clone, Debug)]
pub struct Report<'s> {
    /// The verdicts.
    pub run: Run<'s>,
    /// What became of the decision matrices.
    pub snapshots: Vec<SnapshotVerdict<'s>>,
    /// What the tests see of the policies, if it was asked for.
    pub coverage: Option<Coverage>,
    /// Which changes of the policies the tests notice, if it was asked for.
    pub mutation: Option<Mutation>,
}

/// The formats of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Text for people.
    Pretty,
    /// One JSON document; its schema is `fixtures/schemas/test-report.schema.json`.
    Json,
    /// JUnit XML, as continuous integration servers read it.
    Junit,
    /// TAP version 14.
    Tap,
    /// Workflow commands that GitHub shows beside the lines.
    Github,
    /// SARIF 2.1.0, as code scanning reads it.
    Sarif,
}

impl Format {
    /// All formats by their names.
    pub const NAMES: [(&'static str, Format); 6] = [
        ("pretty", Format::Pretty),
        ("json", Format::Json),
        ("junit", Format::Junit),
        ("tap", Format::Tap),
        ("github", Format::Github),
        ("sarif", Format::Sarif),
    ];

    /// The format of this name.
    ///
    /// # Errors
    /// The message for whoever wrote another name.
    pub fn parse(name: &str) -> Result<Format, String> {
        let found = Format::NAMES.iter().find(|(known, _)| *known == name);
        found.map(|(_, format)| *format).ok_or_else(|| {
            let names = Format::NAMES.map(|(name, _)| name);
            let help = did_you_mean(name, names)
                .unwrap_or_else(|| format!("expected one of `{}`", names.join("`, `")));
            format!("unknown report format `{name}`: {help}")
        })
    }
}

impl<'s> Report<'s> {
    /// The report of a run, its decision matrices compared, without coverage and mutants.
    ///
    /// # Errors
    /// A snapshot that cannot be read as one.
    pub fn of(run: Run<'s>) -> Result<Report<'s>, Problem> {
        let snapshots = snapshot::compare(&run)?;
        Ok(Report { run, snapshots, coverage: None, mutation: None })
    }

    /// Whether a test failed or a decision matrix changed.
    pub fn failed(&self) -> bool {
        self.run.failures().next().is_some()
            || self.snapshots.iter().any(|snapshot| !snapshot.changes.is_empty())
    }

    /// The report as text of a format.
    pub fn render(&self, format: Format) -> String {
        match format {
            Format::Pretty => pretty::render(self),
            Format::Json => json::render(self),
            Format::Junit => junit::render(self),
            Format::Tap => tap::render(self),
            Format::Github => github::render(self),
            Format::Sarif => sarif::render(self),
        }
    }

    /// Tests and snapshots alike, in the order of the files.
    fn entries(&self) -> impl Iterator<Item = Entry> {
        let cells = self.run.verdicts.iter().map(Entry::of_cell);
        cells.chain(self.snapshots.iter().map(Entry::of_snapshot))
    }
}

/// One thing that passed, failed or was skipped, as most formats show it.
struct Entry {
    /// The test file.
    file: String,
    /// The rest of the id.
    name: String,
    /// Where it was written.
    place: Place,
    status: EntryStatus,
}

enum EntryStatus {
    Passed,
    /// What was found in one line, and everything about it.
    Failed {
        kind: &'static str,
        message: String,
        detail: String,
    },
    Skipped(String),
}

impl Entry {
    fn of_cell(verdict: &Verdict<'_>) -> Entry {
        let cell = verdict.cell;
        let (file, name) = cell.id.split_once("::").unwrap_or(("", &cell.id));
        let status = match &verdict.status {
            Status::Passed => EntryStatus::Passed,
            Status::Skipped => {
                EntryStatus::Skipped(cell.skip.as_deref().unwrap_or_default().to_owned())
            }
            Status::Failed(_) => EntryStatus::Failed {
                kind: "decision",
                message: failure::message(verdict),
                detail: failure::detail(verdict),
            },
        };
        Entry { file: file.to_owned(), name: name.to_owned(), place: cell.place.clone(), status }
    }

    fn of_snapshot(verdict: &SnapshotVerdict<'_>) -> Entry {
        let status = match verdict.changes.as_slice() {
            [] => EntryStatus::Passed,
            changes => EntryStatus::Failed {
                kind: "snapshot",
                message: format!(
                    "{} of `{}` changed",
                    count(changes.len(), "decision"),
                    verdict.snapshot.path
                ),
                detail: failure::snapshot_detail(verdict),
            },
        };
        Entry {
            file: verdict.file.source.name.clone(),
            name: "snapshot".to_owned(),
            place: verdict.snapshot.place.clone(),
            status,
        }
    }
}

/// `1 test`, `2 tests`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
