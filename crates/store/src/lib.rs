//! An account on disk: its principals, its APIs, and the policies that apply to each.
//!
//! ```text
//! tollgate.toml ─parse─▶ Manifest ─load─▶ Account ─policies_for─▶ Applicable (policies, and whose they are)
//!                              policy files ──┘
//! ```
//!
//! The gateway, the analyzer and the test harness all answer for the same account, so they all read
//! it here. Files are read through a [`Source`]; nothing else of the world is touched, and what is
//! wrong with them is returned as [`Problems`]: every one that can be found, each with its place.

mod account;
mod load;
mod manifest;
mod problem;
mod route;
mod source;

pub use account::{Account, ApiEntry, Applicable, Citation, Subject};
pub use manifest::{ApiDecl, GroupDecl, Manifest, PrincipalDecl, RouteDecl};
pub use problem::{Problem, Problems};
pub use route::RouteTemplate;
pub use source::{Files, Source};
