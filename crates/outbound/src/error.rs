//! Why a call failed: where, what, and who has to act.

use std::fmt;

/// Why a call failed. Never carries a part of an answer that succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallError {
    /// What kind of fault it is.
    pub fault: CallFault,
    /// Where and what: lower case, input in back-ticks.
    pub message: String,
}

/// Who has to act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CallFault {
    /// What was asked for is not there.
    Missing,
    /// We may not have it, or could not say who we are.
    Denied,
    /// The configuration cannot work as it is.
    Misconfigured,
    /// The other side cannot be reached, is slow, or is in trouble.
    Unavailable,
}

impl CallError {
    /// What was asked for is not there.
    pub fn missing(message: impl Into<String>) -> CallError {
        CallError { fault: CallFault::Missing, message: message.into() }
    }

    /// We may not have it.
    pub fn denied(message: impl Into<String>) -> CallError {
        CallError { fault: CallFault::Denied, message: message.into() }
    }

    /// The configuration cannot work.
    pub fn misconfigured(message: impl Into<String>) -> CallError {
        CallError { fault: CallFault::Misconfigured, message: message.into() }
    }

    /// The other side is not there for us.
    pub fn unavailable(message: impl Into<String>) -> CallError {
        CallError { fault: CallFault::Unavailable, message: message.into() }
    }

    /// Says who was called.
    #[must_use]
    pub fn of(self, called: impl fmt::Display) -> CallError {
        CallError { message: format!("{called}: {}", self.message), ..self }
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for CallError {}
