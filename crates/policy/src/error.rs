//! What is wrong with a document, where, and what would be right: as data.
//!
//! Rendering is the caller's: a command line shows the excerpt, an editor underlines the span.

use std::fmt;

use crate::code::{Code, Severity};
use crate::span::{Position, Span};

/// One finding in a policy document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Which rule; stable across versions.
    pub code: Code,
    /// What is wrong, in lower case and without a final period; input stands in back-ticks,
    /// shortened if it is long.
    pub message: String,
    /// What was expected in its place, as the rest of a sentence that begins with "expected".
    pub expected: Option<String>,
    /// What to write instead, as a sentence.
    pub suggestion: Option<String>,
    /// Where it stands; always inside the text that was read.
    pub span: Span,
    /// Line and column where it begins.
    pub position: Position,
    /// JSON pointer ([RFC 6901](https://www.rfc-editor.org/rfc/rfc6901)) to the value or to the
    /// object that holds it; it stops before a name of more than 256 bytes.
    pub pointer: String,
    /// Another place that belongs to the finding, such as the first of two equal names.
    pub related: Option<Related>,
}

/// Another place that belongs to a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Related {
    /// What stands there.
    pub message: String,
    /// Where it stands.
    pub span: Span,
    /// Line and column where it begins.
    pub position: Position,
}

impl Diagnostic {
    /// How bad it is.
    pub fn severity(&self) -> Severity {
        self.code.severity()
    }

    /// What to do about it in one line: what was expected, and the suggestion.
    pub fn help(&self) -> Option<String> {
        let expected = self.expected.as_ref().map(|expected| format!("expected {expected}"));
        match (expected, &self.suggestion) {
            (Some(expected), Some(suggestion)) => Some(format!("{expected}; {suggestion}")),
            (expected, suggestion) => expected.or_else(|| suggestion.clone()),
        }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.message, self.position)?;
        if !self.pointer.is_empty() {
            write!(f, " ({})", self.pointer)?;
        }
        match self.help() {
            Some(help) => write!(f, ": {help}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Diagnostic {}

/// Why a text is not a policy document: everything that is wrong with it, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyErrors {
    pub(crate) errors: Vec<Diagnostic>,
    pub(crate) more: usize,
}

impl PolicyErrors {
    /// The most errors that are kept of one document; others are counted.
    pub const CAPACITY: usize = 100;

    /// The errors, in document order; at least one, at most [`PolicyErrors::CAPACITY`].
    pub fn errors(&self) -> &[Diagnostic] {
        &self.errors
    }

    /// How many errors there are beyond those kept.
    pub fn more(&self) -> usize {
        self.more
    }

    /// The first error.
    #[expect(
        clippy::indexing_slicing,
        reason = "never made without an error, see `Reader::finish`"
    )]
    pub fn first(&self) -> &Diagnostic {
        &self.errors[0]
    }
}

impl fmt::Display for PolicyErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.first())?;
        match self.errors.len() + self.more - 1 {
            0 => Ok(()),
            1 => f.write_str(", and 1 more error"),
            others => write!(f, ", and {others} more errors"),
        }
    }
}

impl std::error::Error for PolicyErrors {}
