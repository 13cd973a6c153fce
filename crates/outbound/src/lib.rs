//! Calls that tollgate makes on its own behalf: to where secrets are kept, and to AWS.
//!
//! ```text
//! client    request ─▶ address check ─▶ TLS ─▶ answer, bounded in time and size
//! aws       environment ─▶ credentials ─sign─▶ JSON call
//! ```
//!
//! This is not the way of proxied requests, which have an egress guard and streams of their own
//! (`tollgate-gateway`). What is called from here is named by the operator's configuration, answers
//! are small, and many of them are secrets: bodies are wiped, nothing is redirected, and what fails
//! says where without repeating an answer.
//!
//! Nothing here reads the environment or the clock: both are handed in.

pub mod aws;
mod client;
mod error;

use std::sync::Arc;

use jiff::Timestamp;

pub use client::{Answer, Client, PlainHttp, native_roots, roots_in_pem};
pub use error::{CallError, CallFault};

/// The environment, as whoever may read it hands it in: the value of a variable, by its name.
pub type Environment = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Tells the time.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;
