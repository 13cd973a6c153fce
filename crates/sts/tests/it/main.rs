//! The service as its callers see it: actions, web identity, delivery and the bridge from AWS.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by saying where"
)]

mod actions;
mod bridge;
mod delivery;
mod support;
mod web_identity;
