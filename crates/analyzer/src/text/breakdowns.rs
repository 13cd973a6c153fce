//! Usage by whatever was asked for.

use super::style::{Style, number, share, short_caller};
use super::table::Column::{Number, Text};
use super::table::table;
use super::usage::rest;
use crate::report::{BreakdownReport, Report};

pub(super) fn section(report: &Report, style: &Style) -> String {
    let breakdowns = report.breakdowns.iter();
    let sections = breakdowns.map(|breakdown| one(breakdown, report.usage.requests, style));
    sections.collect::<Vec<String>>().join("\n")
}

fn one(breakdown: &BreakdownReport, requests: u64, style: &Style) -> String {
    let shown = style.shown(breakdown.groups.len());
    let ms = |value: Option<u64>| value.map_or("–".to_owned(), number);
    let rows = breakdown.groups.iter().take(shown).map(|group| {
        let values = breakdown.by.iter().zip(&group.values);
        let mut cells: Vec<String> = values.map(|(by, value)| short(by, value).to_owned()).collect();
        cells.extend([number(group.requests), share(group.requests, requests)]);
        cells.extend([group.refused, group.throttled, group.failed].map(number));
        cells.extend([group.p50_ms, group.p95_ms, group.p99_ms].map(ms));
        cells
    });
    let mut columns: Vec<_> = breakdown.by.iter().map(|by| Text(by)).collect();
    columns.extend(["requests", "share", "refused", "throttled", "failed"].map(Number));
    columns.extend(["p50 ms", "p95 ms", "p99 ms"].map(Number));
    let mut text = style.heading(&format!("By {}", breakdown.by.join(" and ")));
    text.push_str(&table(&columns, rows.collect(), style));
    let left_out = breakdown.groups.iter().skip(shown);
    text.push_str(&rest(left_out.map(|group| group.requests), "group"));
    text
}

/// A value, briefly.
pub(crate) fn short<'v>(by: &str, value: &'v str) -> &'v str {
    match by {
        "caller" | "role" => short_caller(value),
        _ => value,
    }
}
