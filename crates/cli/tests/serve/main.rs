//! `tollgate serve`, as a user runs it: a process, stock clients, an upstream that wants its token.

#![expect(clippy::unwrap_used, reason = "a test fails by saying where")]
#![expect(clippy::indexing_slicing, reason = "likewise")]
#![expect(clippy::panic, reason = "likewise")]

mod check;
mod demo;
mod faults;
mod process;
