//! Database logins that live as long as a session.
//!
//! ```text
//! Ask ─grant─▶ Grant ─plan─▶ Journal ─create─▶ Lease ──▶ the caller
//!                               │ due
//!                               └──────end──▶ no role is left
//! ```
//!
//! A caller that policy allows gets a PostgreSQL role of its own: a fresh name, a fresh password, and
//! the rights of a template role. The password reaches the server as a SCRAM verifier only, so no
//! statement log holds it. `VALID UNTIL` stops new logins and nothing else, so a [`Broker`] also ends
//! what has expired: it closes the role's connections, hands what it owned to the template, and drops
//! it.
//!
//! A row in the [`Journal`] comes before the role and outlives it, so a crash between any two steps
//! leaves nothing behind that the next start does not end.

#![forbid(unsafe_code)]

mod broker;
mod end;
mod grant;
mod journal;
mod lease;
mod name;
mod password;
mod profile;
mod server;
mod statement;
mod step;

pub use broker::{Broker, BrokerError, Swept};
pub use grant::{Ask, Caller, Grant, GrantRefusal};
pub use journal::{Journal, JournalError};
pub use lease::Lease;
pub use name::RoleName;
pub use password::Password;
pub use profile::{Profile, ProfileError, PublicAddress, SslMode};
pub use server::{AdminPassword, Server, ServerError};
pub use step::{Step, Stopped, Unwatched, Witness};
