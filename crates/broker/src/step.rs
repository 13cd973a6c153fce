//! The steps of making and ending a login, told to whoever watches before each is taken.

use crate::RoleName;

/// A step in the life of a login, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A row that says that the role will be, in the journal.
    Plan,
    /// `CREATE ROLE`.
    Create,
    /// A row that says that the role was handed out, in the journal.
    HandOut,
    /// `ALTER ROLE … NOLOGIN`.
    Disable,
    /// `pg_terminate_backend` of its connections.
    Disconnect,
    /// `REASSIGN OWNED`, `DROP OWNED`, in every database.
    Disown,
    /// `DROP ROLE`.
    Drop,
    /// A row that says that the role is gone, in the journal.
    Forget,
}

impl Step {
    /// All steps, in order.
    pub const ALL: [Self; 8] = [
        Self::Plan,
        Self::Create,
        Self::HandOut,
        Self::Disable,
        Self::Disconnect,
        Self::Disown,
        Self::Drop,
        Self::Forget,
    ];
}

/// Watches the steps of a broker: to write them to an operator's log, and to stop between two of them
/// when the process is to end.
pub trait Witness: Send + Sync {
    /// Told before a step is taken.
    ///
    /// # Errors
    /// The step is not to be taken, nor any after it. What was begun is ended at the next start.
    fn before(&self, step: Step, role: &RoleName) -> Result<(), Stopped>;
}

/// The witness of a broker stopped it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped;

/// Nobody watches.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unwatched;

impl Witness for Unwatched {
    fn before(&self, _step: Step, _role: &RoleName) -> Result<(), Stopped> {
        Ok(())
    }
}
