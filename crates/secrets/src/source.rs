//! Where a secret is read: one trait, a file for each kind of source.

mod environment;
mod field;
mod file;
mod opening;
mod secrets_manager;
mod vault;

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use jiff::Timestamp;
pub use tollgate_outbound::Environment;
use tollgate_outbound::{CallError, CallFault};

pub use self::environment::EnvironmentSource;
pub use self::file::FileSource;
pub use self::opening::Opening;
pub use self::secrets_manager::SecretsManagerSource;
pub use self::vault::VaultSource;
use crate::secret::{Secret, Unfit};

/// Where a secret is read, as often as it is needed.
pub trait Source: Send + Sync {
    /// Reads the secret as it is now.
    fn read(&self) -> Read<'_>;
}

/// A reading on its way.
pub type Read<'a> = Pin<Box<dyn Future<Output = Result<Reading, SourceError>> + Send + 'a>>;

/// A secret as a source gave it.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The secret.
    pub secret: Secret,
    /// Which version of it this is, for logs.
    pub version: Version,
    /// When it ceases to be valid, if the source says so.
    pub expires: Option<Timestamp>,
}

/// What a source calls a version of a secret: an id or a time, nothing that tells of its value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Version(String);

/// Why a source did not give a secret. Never carries a part of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceError {
    /// What kind of fault it is.
    pub fault: SourceFault,
    /// Where and what: lower case, input in back-ticks.
    pub message: String,
}

/// Who has to act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SourceFault {
    /// The reference points to nothing.
    Missing,
    /// The source does not let us read it.
    Denied,
    /// What is there cannot be a secret, or is kept in a way that is not safe.
    Unfit,
    /// The reference, or the environment that it relies on, cannot work.
    Misconfigured,
    /// The source cannot be reached, or answers with an error of its own.
    Unavailable,
}

impl Version {
    /// Takes what the source says of the version.
    pub fn new(version: impl Into<String>) -> Version {
        Version(version.into())
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl SourceError {
    pub(crate) fn missing(message: impl Into<String>) -> SourceError {
        SourceError { fault: SourceFault::Missing, message: message.into() }
    }

    pub(crate) fn denied(message: impl Into<String>) -> SourceError {
        SourceError { fault: SourceFault::Denied, message: message.into() }
    }

    pub(crate) fn misconfigured(message: impl Into<String>) -> SourceError {
        SourceError { fault: SourceFault::Misconfigured, message: message.into() }
    }

    pub(crate) fn unavailable(message: impl Into<String>) -> SourceError {
        SourceError { fault: SourceFault::Unavailable, message: message.into() }
    }

    /// What was found at `place` is no secret, or is not kept as one.
    pub(crate) fn unfit(place: impl fmt::Display, why: impl fmt::Display) -> SourceError {
        SourceError { fault: SourceFault::Unfit, message: format!("{place}: {why}") }
    }
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for SourceError {}

impl From<CallError> for SourceError {
    fn from(error: CallError) -> SourceError {
        let fault = match error.fault {
            CallFault::Missing => SourceFault::Missing,
            CallFault::Denied => SourceFault::Denied,
            CallFault::Misconfigured => SourceFault::Misconfigured,
            CallFault::Unavailable => SourceFault::Unavailable,
        };
        SourceError { fault, message: error.message }
    }
}

impl SourceFault {
    /// One word, for metrics and logs.
    pub fn name(self) -> &'static str {
        match self {
            SourceFault::Missing => "missing",
            SourceFault::Denied => "denied",
            SourceFault::Unfit => "unfit",
            SourceFault::Misconfigured => "misconfigured",
            SourceFault::Unavailable => "unavailable",
        }
    }
}

/// The value found at `place` as a secret.
pub(crate) fn secret_at(
    place: impl fmt::Display,
    value: impl Into<zeroize::Zeroizing<String>>,
) -> Result<Secret, SourceError> {
    Secret::read(value).map_err(|unfit: Unfit| SourceError::unfit(place, unfit))
}
