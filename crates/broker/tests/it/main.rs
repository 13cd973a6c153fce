//! A broker against a real PostgreSQL.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a test fails by saying where, and is the edge: it looks for its server and the time"
)]

mod issue;
mod journal;
mod postgres;
mod setting;
mod sweep;
