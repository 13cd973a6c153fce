//! Unit tests for IAM policies.

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
pub use report::{Format, Report};
pub use rows::parse_rows;
pub use run::{Counts, Run, Selection, run};
pub use snapshot::{Change, ChangeKind, Line, SnapshotVerdict, write as write_snapshot};
pub use verdict::{Failure, Status, Verdict};
