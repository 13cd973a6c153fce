//! The report for people: pure functions from a [`Report`] to text.
//!
//! Sections come in the order in which they are read: summary, comparison, usage, rate limits,
//! repeated reads, denied calls, calls that no policy explains, agreement, lines. Each is one file.

pub(crate) mod breakdowns;
pub(crate) mod cache;
pub(crate) mod changes;
pub(crate) mod comparison;
pub(crate) mod denied;
mod fold;
pub(crate) mod heat;
pub(crate) mod limits;
mod lines;
mod printable;
mod remedies;
mod short_names;
mod style;
mod suggestions;
pub(crate) mod summary;
mod table;
pub(crate) mod unexplained;
pub(crate) mod usage;

pub(crate) use lines::cut;
pub use printable::{in_a_line, in_lines};
pub(crate) use printable::{is_unseen, json_in_a_line, quoted, seen_json};
pub(crate) use remedies::{target, then};
pub(crate) use short_names::{Names, ShortNames};
pub use style::{Style, count, number};
pub(crate) use style::{period, seen, share, short_call, short_caller};
pub use suggestions::suggestions;

use crate::report::Report;

/// Lays a report out for a terminal.
pub fn render(report: &Report, style: &Style) -> String {
    printable::painted(style, |style| sections(report, style))
}

fn sections(report: &Report, style: &Style) -> String {
    let sections = [
        summary::section(report, style),
        comparison::section(report, style),
        usage::principals(report, style),
        usage::callers(report, style),
        usage::routes(report, style),
        usage::statuses(report, style),
        heat::section(report, style),
        breakdowns::section(report, style),
        limits::section(report, style),
        cache::section(report, style),
        changes::section(report, style),
        denied::section(report, style),
        remedies::section(report, style),
        unexplained::section(report, style),
        denied::agreement(report, style),
        denied::unknown_principals(report, style),
        lines::section(report, style),
    ];
    let shown: Vec<String> = sections.into_iter().filter(|section| !section.is_empty()).collect();
    shown.join("\n")
}
