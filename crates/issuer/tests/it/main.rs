//! The issuer with real files, and a stand-in for AWS over TLS.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by saying where")]

mod bridge;
mod manifest;
mod sessions;
mod socket;
mod support;
