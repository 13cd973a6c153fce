//! Credentials as a service: the STS, the endpoints that deliver credentials, the bridge from AWS, and
//! database logins.
//!
//! ```text
//! manifest ─read─▶ Plan ─▶ Issuer ─┬─ answer_sts          POST /        AWS's query protocol
//!                                  ├─ answer_bridge       POST /bridge  a presigned GetCallerIdentity
//!                                  ├─ answer_container    GET /credentials
//!                                  ├─ answer_metadata     IMDSv2
//!                                  └─ session_keys ─▶ the gateway's verifier
//!          ─of─▶ Brokers ─▶ LeaseService  a route of the gateway, signed and decided like any other
//! ```
//!
//! The rules are those of `tollgate-sts`, which does no I/O; here are the files that a [`Plan`] is read
//! from, the requests that are answered, and what is said about each ([`Event`]). Who listens where is
//! up to whoever serves: an answer is a function of a whole request.

#![forbid(unsafe_code)]

mod answer;
mod bridge;
mod brokers;
mod deliver;
mod endpoint;
mod event;
mod fetch;
mod files;
mod issuer;
mod keys;
mod lease;
mod plan;
mod revocations;

pub use answer::{Arrived, BODY_BYTES_MAX};
pub use brokers::Brokers;
pub use endpoint::{IssuerEndpoint, Way};
pub use event::{Event, Observer};
pub use issuer::Issuer;
pub use lease::LeaseService;
pub use plan::{Plan, Purpose, Workload};
