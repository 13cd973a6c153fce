//! A period in comparison with another.

use super::limits::name;
use super::short_names::ShortNames;
use super::style::{Style, count, number, period};
use super::table::Column::{Number, Text};
use super::table::{Column, table};
use crate::report::{ComparisonReport, DifferenceReport, PeriodReport, Report};

pub(super) fn section(report: &Report, style: &Style) -> String {
    let Some(comparison) = &report.comparison else { return String::new() };
    let mut text = style.heading("In comparison");
    text.push_str(&style.line(2, sentence(comparison)));
    for sentence in comparison.uncovered() {
        text.push_str(&style.line(2, style.notable(sentence)));
    }
    text.push_str(&counts(comparison, style));
    let shown = style.shown(comparison.callers.len());
    let names = ShortNames::of(comparison.callers.iter().map(|each| &*each.name));
    let callers = comparison.callers.iter().take(shown);
    let rows = callers.map(|each| row(names.name(&each.name), each.requests)).collect();
    text.push_str(&table(&columns("caller", comparison), rows, style));
    let shown = style.shown(comparison.routes.len());
    let routes = comparison.routes.iter().take(shown).map(|route| {
        let mut cells = row(route.name.clone(), route.requests);
        cells.push(format!("{} → {}", told(route.p95_ms_before), told(route.p95_ms_now)));
        cells
    });
    let mut of_routes = columns("route", comparison);
    of_routes.push(Number("p95 ms"));
    text.push_str(&table(&of_routes, routes.collect(), style));
    text.push_str(&limits(comparison, style));
    text
}

/// How the numbers of requests compare.
pub(crate) fn sentence(comparison: &ComparisonReport) -> String {
    let ComparisonReport { before, now, requests, .. } = comparison;
    let ends =
        |period_of: &PeriodReport| period(period_of.from.as_deref(), period_of.until.as_deref());
    let an_hour = if comparison.is_by_the_hour() { " an hour" } else { "" };
    format!(
        "{} in {}, after {} in {}: {}{an_hour}",
        count(requests.now, "request"),
        ends(now),
        number(requests.before),
        ends(before),
        change(*requests),
    )
}

fn counts(comparison: &ComparisonReport, style: &Style) -> String {
    let rows = [
        ("refused", comparison.refused),
        ("throttled", comparison.throttled),
        ("failed", comparison.failed),
    ];
    let rows = rows.into_iter().filter(|(_, count)| count.before + count.now > 0);
    let rows = rows.map(|(name, count)| row(name.to_owned(), count)).collect();
    table(&columns("answers", comparison), rows, style)
}

fn limits(comparison: &ComparisonReport, style: &Style) -> String {
    if comparison.rate_limits.is_empty() {
        return String::new();
    }
    let rows = comparison.rate_limits.iter().map(|limit| {
        let mut cells = row(name(&limit.key), limit.requests);
        cells.push(format!("{} → {}", told(limit.lowest_before), told(limit.lowest_now)));
        cells.push(format!("{} → {}", limit.throttled_before, limit.throttled_now));
        cells
    });
    let mut of_limits = columns("rate limit", comparison);
    of_limits.extend([Number("lowest left"), Number("refused")]);
    table(&of_limits, rows.collect(), style)
}

fn columns<'c>(name: &'c str, comparison: &ComparisonReport) -> Vec<Column<'c>> {
    let change = if comparison.is_by_the_hour() { "change an hour" } else { "change" };
    vec![Text(name), Number("before"), Number("now"), Number(change)]
}

fn row(name: String, count: DifferenceReport) -> Vec<String> {
    vec![name, number(count.before), number(count.now), change(count)]
}

/// A change in per cent: `+12.5 %`.
pub(crate) fn change(count: DifferenceReport) -> String {
    match count.change {
        Some(change) => format!("{:+.1} %", change * 100.0),
        None if count.now > 0 => "new".to_owned(),
        None => "–".to_owned(),
    }
}

fn told(value: Option<u64>) -> String {
    value.map_or("–".to_owned(), number)
}
