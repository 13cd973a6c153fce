//! Unit tests for IAM policies.
//!
//! ```text
//! *.test.yaml ─parse─▶ TestFile ─load─▶ Suite (cells: one request, one expectation each)
//!        policies, fixtures, rows, account ──┘   │
//!                                               run ─▶ Run (verdicts) ─▶ Report (six formats)
//!                                                │
//!          what do the tests see? ◀── Coverage ──┼── Mutation ──▶ what would they notice?
//!                              decisions that changed ◀── snapshots
//! ```
//!
//! A cell is decided by `tollgate-policy` itself, and so is every question about a part of a
//! policy: coverage and mutation testing ask it through policies made for the purpose. [`Mutation`]
//! lists the changes that are tried. Requests that would close a gap, or kill a mutant, are found by
//! trying candidates around the tests that there are, and come as tests to paste.
//!
//! Files are read through [`tollgate_store::Source`], and nothing reads a clock: the same files give
//! the same report. Tests are also put together in code, with [`Tests`], and run within `cargo test`
//! by [`assert_policies!`].

mod assert;
mod builder;
mod bundle;
mod call;
mod coverage;
mod discover;
mod excerpt;
mod expand;
mod file;
mod load;
mod mutate;
mod parse;
mod place;
mod probe;
mod propose;
mod read;
mod record;
mod report;
mod rows;
mod run;
mod snapshot;
mod verdict;
mod write;
mod yaml;

pub use assert::check_policies;
pub use builder::Tests;
pub use bundle::{AttachedPolicy, Bundle, Citation};
pub use call::{Call, Given};
pub use coverage::{Coverage, Gap, PartCoverage, PolicyCoverage, Seen, StatementCoverage};
pub use discover::discover;
pub use expand::Cell;
pub use file::{
    ApiFields, Attachment, Axis, By, Case, ContextFields, DocumentRef, Expectation, Known,
    LayerFields, PrincipalFields, RequestFields, Rows, Setting, TestFile,
};
pub use load::{SnapshotFile, Suite, SuiteFile};
pub use mutate::diff::Changed;
pub use mutate::{Mutant, Mutation, Survivor};
pub use parse::{parse_fixtures, parse_test_file};
pub use place::{Located, Place, Problem, Problems, SourceFile};
pub use record::Recorder;
pub use report::{Format, Report};
pub use rows::parse_rows;
pub use run::{Counts, Run, Selection, run};
pub use snapshot::{Change, ChangeKind, Line, SnapshotVerdict, write as write_snapshot};
pub use verdict::{Failure, Status, Verdict};
