//! The table of what all other tables are of: what was asked, what was read, what was left out.

use std::borrow::Cow;

use super::{Rows, Table};
use crate::report::{Report, place_and_reason};

/// One thing to know, under its name in the JSON document; `lines` are all of them.
struct Fact<'a> {
    name: &'static str,
    value: Option<Cow<'a, str>>,
    count: Option<u64>,
}

/// One row a fact: some are words, some are counts.
pub(super) fn about(report: &Report) -> Table {
    let word = |name, value: Option<_>| Fact { name, value: value.map(Cow::Borrowed), count: None };
    let count = |name, count| Fact { name, value: None, count: Some(count) };
    let usage = &report.usage;
    let (lines, account) = (&report.lines, &report.lines.account);
    let interrupted = if report.interrupted { "true" } else { "false" };
    let mut facts = vec![word("interrupted", Some(interrupted))];
    // Without its dashes: a spreadsheet would take them for a formula.
    let options = report.asked.iter().map(|option| option.trim_start_matches('-'));
    facts.extend(options.map(|option| word("asked", Some(option))));
    facts.extend(report.merged.iter().map(|sentence| word("merged", Some(sentence))));
    facts.extend(report.remarks.iter().map(|sentence| word("remarks", Some(sentence))));
    let samples = lines.samples.iter().map(|line| Cow::Owned(place_and_reason(line)));
    facts.extend(samples.map(|line| Fact { name: "samples", value: Some(line), count: None }));
    facts.extend([
        word("first", usage.first.as_deref()),
        word("last", usage.last.as_deref()),
        count("requests", usage.requests),
        count("leftOut", report.left_out),
        count("leftOutWithoutTime", report.left_out_without_time),
    ]);
    facts.extend((lines.files > 0).then(|| count("files", lines.files)));
    facts.extend([
        count("lines", lines.total),
        count("records", account.records),
        count("quarantined", account.quarantined),
        count("suspect", account.suspect),
        count("incomplete", account.incomplete),
        count("duplicates", account.duplicates),
        count("unreadableValues", account.unreadable_values),
    ]);
    Rows::of(&facts)
        .text("fact", |fact| Some(fact.name))
        .text("value", |fact| fact.value.as_deref())
        .count("count", |fact| fact.count)
        .table("about")
}
