//! The command as its users run it: a process, its arguments, what it reads, prints and ends with.

#![expect(clippy::unwrap_used, reason = "a test fails by saying where")]
#![expect(clippy::indexing_slicing, reason = "likewise")]
#![expect(clippy::panic, reason = "likewise")]

mod absent;
mod support;

mod account;
mod analyze;
mod assume;
mod bounds;
mod callers;
mod check;
mod claims;
mod convert;
mod credentials;
mod filters;
mod formats;
#[cfg(unix)]
mod interrupt;
mod kept;
mod map;
mod merge;
mod names;
mod overwrite;
mod periods;
mod remedies;
mod repeats;
mod routes;
mod secrets;
mod serve;
mod simulate;
mod suggest;
mod terminal;
mod test;
mod what_if;
