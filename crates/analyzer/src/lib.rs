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

mod answers;
mod asked;
mod assumption;
mod bindings;
mod bounded;
mod breakdown;
mod bucket;
mod cache;
mod call;
mod callers;
mod calls;
mod changes;
mod classify;
mod compared;
mod consumption;
mod context;
mod decisions;
mod detail;
mod digits;
mod dimension;
mod distinct;
mod filter;
mod folders;
mod forecast;
mod gather;
mod grid;
mod groups;
mod hangs_on;
mod heat;
mod histogram;
mod intern;
mod labels;
mod limits;
mod looks;
mod names;
mod observe;
mod ordered;
mod outcomes;
mod overlay;
mod partial;
mod places;
mod previous;
mod remedy;
pub mod render;
mod replay;
pub mod report;
mod resource;
mod routes;
mod rows;
mod runs;
mod series;
mod services;
mod settled;
mod short;
mod sources;
pub mod suggest;
mod tally;
pub mod text;
mod time;
mod timeline;
mod told;
mod usage;
mod verdict;

pub use answers::Answers;
pub use assumption::Assumption;
pub use breakdown::{Breakdown, GroupUse, Grouping};
pub use bucket::TokenBucket;
pub use cache::{Repeats, RouteRepeats, Saved, TTLS};
pub use changes::{Change, ChangeKey, Changes, Side};
pub use consumption::Consumption;
pub use context::variables;
pub use detail::Detail;
pub use dimension::Dimension;
pub use filter::{Filter, FilterError, Found};
pub use forecast::Profile;
pub use gather::{Analysis, Gathered, Gatherer, Read, Window};
pub use heat::Heat;
pub use histogram::Histogram;
pub use limits::{Callers, Latest, Level, LimitKey, LimitUse, Limits, Lowest, WindowUse};
pub use observe::Observer;
pub use outcomes::{CallContext, Cited, Group, GroupKey, Nearest, Outcomes, Told};
pub use overlay::PolicyChange;
pub use partial::Partial;
pub use previous::Previous;
pub use remedy::{AlsoAllowed, Remedy};
pub use report::{Report, RouteReport};
pub use runs::Runs;
pub use series::{Measure, Series};
pub use settled::Settled;
pub use time::{Moment, Span, milliseconds, rfc3339};
pub use timeline::{Cell, Count, Timeline};
pub use usage::{CallerUse, RouteUse, Usage};
pub use verdict::Logged;
