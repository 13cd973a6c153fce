//! Numbers, moments and rate limits, in every way that logs and headers write them.
//!
//! The gateway reads them in the answers of upstreams, the decoder of logs in what was logged of such
//! answers: text in, a value or none out. Nothing here knows of columns or of HTTP.

#![forbid(unsafe_code)]

mod number;
mod rate;
pub mod time;

pub use number::number;
pub use rate::{RateTold, grouped, quota, reset, retry_after};
