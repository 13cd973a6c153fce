//! Outside programs that tests run against: found, started, or said to be skipped.
//!
//! Only tests depend on this. `.ci/run` installs everything and sets `TOLLGATE_REQUIRE_SERVICES=1`,
//! with which a missing program fails a test. Elsewhere the test says what is missing, and passes.
//!
//! | variable | says | else |
//! |---|---|---|
//! | `TOLLGATE_PYTHON` | the Python with the packages of `.ci/requirements.txt` | `python3` |
//! | `NODE_PATH` | where the packages of `.ci/run` for Node are | Node's own |
//! | `TOLLGATE_REQUIRE_SERVICES` | `1`: nothing may be missing | tests are skipped |
#![expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::panic,
    reason = "this is the edge of tests: it looks around, and says what it does not find"
)]

mod postgres;
mod program;
mod server;

pub use postgres::Postgres;
pub use program::{Node, Python};
pub use server::{Moto, OpenBao, Server, free_port};

/// Says on standard error that a test is skipped, and why.
///
/// # Panics
/// With `TOLLGATE_REQUIRE_SERVICES=1` nothing may be skipped.
#[track_caller]
pub fn skip(missing: &str) {
    let required = std::env::var("TOLLGATE_REQUIRE_SERVICES").is_ok_and(|on| on == "1");
    assert!(!required, "{missing} is required, and not here: bash .ci/run installs it");
    eprintln!("skipped: {missing} is not here");
}
