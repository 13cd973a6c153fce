//! Record formats: from the text of an event to rows of the request table.

pub(crate) mod access;
pub(crate) mod json;

/// What became of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It fits its format.
    Parsed,
    /// It is damaged, but its fields could be told apart.
    Recovered,
    /// It belongs to the transport.
    Control,
    /// It cannot be read, and why.
    Quarantined(String),
}
