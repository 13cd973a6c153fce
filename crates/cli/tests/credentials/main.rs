//! `tollgate serve` with sessions and logins, as unmodified AWS clients and PostgreSQL see it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by saying where")]

mod application;
mod clients;
mod gateway;
