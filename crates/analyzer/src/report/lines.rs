//! The account of lines in the report, and what of them could not be read.

use serde::Serialize;
use tollgate_log::{LineAccount, QuarantinedLine};

use super::is_zero;
use crate::text::{count, in_a_line, number};

/// The account of lines: `total` is the sum of the five of the account.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Lines {
    /// Inputs that they are of, standard input too; 0 if that is not known.
    #[serde(skip_serializing_if = "is_zero")]
    pub files: u64,
    /// All lines.
    pub total: u64,
    /// See [`LineAccount`].
    #[serde(flatten)]
    pub account: LineAccount,
    /// The first lines that could not be read.
    pub samples: Vec<QuarantinedLine>,
}

/// Lines that could not be read, for people.
pub(crate) struct Unreadable {
    /// How many.
    pub(crate) lines: u64,
    /// Of how many.
    pub(crate) of: String,
    /// Where the first of them is, and why.
    pub(crate) first: Option<String>,
}

impl Lines {
    pub(super) fn new(account: LineAccount, samples: &[QuarantinedLine]) -> Lines {
        Lines { files: 0, total: account.total(), account, samples: samples.to_vec() }
    }

    /// Lines that could not be read, if there are some.
    pub(crate) fn unreadable(&self) -> Option<Unreadable> {
        let lines = self.account.quarantined;
        (lines > 0).then(|| Unreadable {
            lines,
            of: count(self.total, "line"),
            first: self.samples.first().map(place_and_reason),
        })
    }
}

impl Unreadable {
    /// All of it, in a line.
    pub(crate) fn sentence(&self) -> String {
        let first = self.first.iter().map(|first| format!("; the first: {first}"));
        let first: String = first.collect();
        format!("{} of {} could not be read{first}", number(self.lines), self.of)
    }
}

/// Where a line is that could not be read, and why.
pub(crate) fn place_and_reason(line: &QuarantinedLine) -> String {
    in_a_line(&format!("{}, byte {}: {}", line.file, number(line.offset), line.reason))
}
