//! Record formats: from the text of an event to rows of the request table.

pub(crate) mod access;
pub(crate) mod execution;
pub(crate) mod json;
pub(crate) mod trail;

use std::fmt;

/// What the events of an input are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// API Gateway access logs, of a template or as JSON; CloudTrail records
    /// and the embedded metric format among them are told by their keys.
    #[default]
    Access,
    /// API Gateway execution logs: several lines a request.
    Execution,
}

impl Format {
    /// Every format.
    pub const ALL: [Format; 2] = [Format::Access, Format::Execution];

    /// What it is called on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Format::Access => "access",
            Format::Execution => "execution",
        }
    }

    /// The format of that name.
    pub fn named(name: &str) -> Option<Format> {
        Format::ALL.into_iter().find(|format| format.name() == name)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What became of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It fits its format.
    Parsed,
    /// It is damaged, but its fields could be told apart.
    Recovered,
    /// It belongs to the transport.
    Control,
    /// It is a CloudTrail record.
    Trail,
    /// It cannot be read, and why.
    Quarantined(String),
}
