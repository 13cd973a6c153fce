//! Third parties' secrets: where they come from, how they are kept fresh, and which goes where.
//!
//! ```text
//! configuration ─▶ SecretReference ─open─▶ Source ─read─▶ Reading ─▶ Keeper ─current─▶ Secret::expose
//! ```
//!
//! A configuration holds references and never a secret. A [`Source`] reads what a reference points
//! to; a [`Keeper`] has it at hand for every request, reads it again before it grows old, and stops
//! giving it out when nobody can say any more whether it is still good. The value is written out at
//! one call site, found by searching for `expose`.
//!
//! Nothing here reads the environment or the clock: both are handed in.

pub mod advise;
mod keeper;
mod reference;
mod secret;
mod source;

pub use tollgate_literals as literal;

pub use keeper::{Clock, Closed, Event, Keeper, Kept, Observer, Rules, Status, Tending};
pub use reference::{
    EnvironmentReference, FileReference, SecretReference, SecretsManagerReference, VaultLogin,
    VaultReference,
};
pub use secret::{Secret, Unfit};
pub use source::{
    Environment, EnvironmentSource, FileSource, Opening, Read, Reading, SecretsManagerSource,
    Source, SourceError, SourceFault, VaultSource, Version,
};
