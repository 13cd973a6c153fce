//! How a run ends: the exit codes, in one place.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use crate::diagnose;
use crate::world::World;

/// The end of `--help`.
pub(crate) const HELP: &str = "\
Exit codes:
  0   done, nothing to report
  1   findings, failed tests, a claim refuted
  2   bad usage, or input that cannot be read
  3   a threshold was not met
  4   undecided: the answer depends on what is not known, or was not read
  70  an internal error";

/// How a run that could read its input ended. A run that could not ends with an `Err`, and exit
/// code 2; a panic ends with 70.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done, nothing to report.
    Ok,
    /// Findings, failed tests, a claim refuted.
    Findings,
    /// A threshold was not met.
    Threshold,
    /// Undecided: the answer depends on what is not known, or was not read.
    Undecided,
    /// An error of tollgate's own, which was said.
    Internal,
}

impl Exit {
    /// Of two ends, the one that matters more: findings before an unmet threshold.
    pub(crate) fn worse(self, other: Exit) -> Exit {
        let order = |exit| match exit {
            Exit::Internal => 0,
            Exit::Findings => 1,
            Exit::Threshold => 2,
            Exit::Undecided => 3,
            Exit::Ok => 4,
        };
        if order(other) < order(self) { other } else { self }
    }

    fn code(self) -> ExitCode {
        ExitCode::from(match self {
            Exit::Ok => 0,
            Exit::Findings => 1,
            Exit::Threshold => 3,
            Exit::Undecided => 4,
            Exit::Internal => INTERNAL,
        })
    }
}

/// What a sub-command returns.
pub(crate) type Outcome = miette::Result<Exit>;

const UNREADABLE: u8 = 2;
const INTERNAL: u8 = 70;

/// Runs a sub-command and turns whatever comes of it into an exit code.
pub(crate) fn run(world: &World, command: impl FnOnce() -> Outcome) -> ExitCode {
    match catch_unwind(AssertUnwindSafe(command)) {
        Ok(Ok(exit)) => exit.code(),
        Ok(Err(report)) => {
            diagnose::complain(&report, world);
            ExitCode::from(UNREADABLE)
        }
        Err(_) => ExitCode::from(INTERNAL),
    }
}
