//! Replays request logs through IAM policies: usage, rate limits, denied calls and why.
//!
//! ```text
//! request table ─gather─▶ Gathered ─report─▶ Report ─text─▶ terminal
//!        account ──replay──┘  (merges)          ├──JSON──▶ machines
//!                                               └─render─▶ HTML, Markdown, CSV, Parquet
//! ```
//!
//! [`Analysis`] reads inputs in parallel; each worker gathers for itself, and what they gathered
//! merges. [`Report`] is what people and programs get; [`text::render`] lays it out for a terminal, and
//! [`render`] for others.

mod bindings;
mod breakdown;
mod call;
mod changes;
mod classify;
mod context;
mod dimension;
mod filter;
mod gather;
mod histogram;
mod intern;
mod limits;
mod observe;
mod outcomes;
mod partial;
mod places;
pub mod render;
mod replay;
pub mod report;
mod rows;
mod series;
mod tally;
pub mod text;
mod time;
mod timeline;
mod usage;
mod verdict;

pub use breakdown::{Breakdown, GroupUse, Grouping};
pub use changes::{Change, ChangeKey, Changes, Side};
pub use context::Assumption;
pub use dimension::Dimension;
pub use filter::{Filter, FilterError};
pub use gather::{Analysis, Gathered, Gatherer, Read, Window};
pub use histogram::Histogram;
pub use limits::{Level, LimitKey, LimitUse, Limits};
pub use observe::Observer;
pub use outcomes::{Cited, Group, GroupKey, Nearest, Outcomes};
pub use partial::Partial;
pub use report::{Report, RouteReport};
pub use series::{Measure, Series};
pub use time::{Span, rfc3339};
pub use timeline::{Cell, Count, Timeline};
pub use usage::{CallerUse, RouteUse, Usage};
pub use verdict::Logged;
