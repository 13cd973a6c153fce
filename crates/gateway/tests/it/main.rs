//! The gateway as a service on loopback: callers that sign, an upstream that counts.

#![expect(clippy::unwrap_used, reason = "a test fails by saying where")]
#![expect(clippy::indexing_slicing, reason = "likewise")]
#![expect(clippy::panic, reason = "likewise")]

mod support;

mod article;
mod attacks;
mod chaos;
mod cloudwatch;
mod confidential;
mod embedded;
mod idle;
mod injection;
mod keeping;
mod oauth;
mod pool;
mod secrets;
mod transport;
