//! Usage by whatever was asked for.

use super::short_names::ShortNames;
use super::style::{Style, number};
use super::table::Column::{Number, Text};
use super::table::table;
use super::usage::{rest, used};
use crate::report::{BreakdownReport, GroupReport, Report};

pub(super) fn section(report: &Report, style: &Style) -> String {
    let breakdowns = report.breakdowns.iter();
    let sections = breakdowns.map(|breakdown| one(breakdown, report.usage.requests, style));
    sections.collect::<Vec<String>>().join("\n")
}

fn one(breakdown: &BreakdownReport, requests: u64, style: &Style) -> String {
    let shown = style.shown(breakdown.groups.len());
    let ms = |value: Option<u64>| value.map_or("–".to_owned(), number);
    let names = Values::of(breakdown);
    let rows = breakdown.groups.iter().take(shown).map(|group| {
        let mut cells = names.of_group(group);
        cells.extend(used(&group.used, requests));
        cells.extend([group.p50_ms, group.p95_ms, group.p99_ms].map(ms));
        cells
    });
    let mut columns: Vec<_> = breakdown.by.iter().map(|by| Text(by)).collect();
    columns.extend(["requests", "share", "refused", "throttled", "failed"].map(Number));
    columns.extend(["p50 ms", "p95 ms", "p99 ms"].map(Number));
    let mut text = style.heading(&format!("By {}", breakdown.by.join(" and ")));
    text.push_str(&table(&columns, rows.collect(), style));
    let left_out = breakdown.groups.iter().skip(shown);
    text.push_str(&rest(left_out.map(|group| group.used.requests), "group", style));
    text
}

/// The values that a breakdown is by, for people.
pub(crate) struct Values<'b>(Vec<Option<ShortNames<'b>>>);

impl<'b> Values<'b> {
    pub(crate) fn of(breakdown: &'b BreakdownReport) -> Values<'b> {
        let callers = |index: usize| {
            let values = breakdown.groups.iter().filter_map(move |group| group.values.get(index));
            ShortNames::of(values.map(String::as_str))
        };
        let by = breakdown.by.iter().enumerate();
        let named = by.map(|(index, by)| matches!(*by, "caller" | "role").then(|| callers(index)));
        Values(named.collect())
    }

    /// Those of a group.
    pub(crate) fn of_group(&self, group: &GroupReport) -> Vec<String> {
        let values = group.values.iter().zip(&self.0);
        let named = values.map(|(value, callers)| {
            callers.as_ref().map_or_else(|| value.clone(), |callers| callers.name(value))
        });
        named.collect()
    }
}
