//! A broker against a real PostgreSQL.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by saying where")]

mod issue;
mod journal;
mod postgres;
mod setting;
mod sweep;
mod tls;
