//! Policy tests within `cargo test`.

use tollgate_store::Files;

use crate::discover::discover;
use crate::load::Suite;
use crate::report::{Format, Report};
use crate::run::{Selection, run};

/// Runs all policy tests in a file or folder, relative to the crate's own, and panics with the
/// report if one fails, a decision matrix has changed, or a file cannot be read.
///
/// ```
/// tollgate_harness::assert_policies!("../../fixtures/policy-repo");
/// ```
#[macro_export]
macro_rules! assert_policies {
    ($path:expr) => {
        if let Err(report) = $crate::check_policies(concat!(env!("CARGO_MANIFEST_DIR"), "/", $path))
        {
            panic!("{report}");
        }
    };
}

/// Runs all policy tests in a file or folder.
///
/// # Errors
/// The report as text if a test fails or a decision matrix has changed, and whatever is wrong with
/// the files.
pub fn check_policies(path: &str) -> Result<(), String> {
    let paths = discover(&[path.to_owned()]).map_err(|problem| problem.to_string())?;
    let suite = Suite::load(&Files, &paths).map_err(|problems| problems.to_string())?;
    let report =
        Report::of(run(&suite, &Selection::default())).map_err(|problem| problem.to_string())?;
    if report.failed() { Err(report.render(Format::Pretty)) } else { Ok(()) }
}
