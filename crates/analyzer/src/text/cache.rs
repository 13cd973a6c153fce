//! What a cache would have saved.

use super::style::{Style, count, number, share};
use super::summary::duration;
use super::table::Column::{Number, Text};
use super::table::table;
use crate::report::{CacheRouteReport, Report, SavedReport};

/// Less than this share of all reads is not worth a section.
const WORTH: f64 = 0.01;

/// What a number with an error is.
pub(crate) const ESTIMATES: &str = "± is the standard error of what is estimated";

pub(super) fn section(report: &Report, style: &Style) -> String {
    let Some(sentence) = sentence(report) else { return String::new() };
    let routes = &report.cache.routes;
    let shown = style.shown(routes.len());
    let mut columns = vec![Text("route"), Number("reads")];
    let ttls: Vec<String> =
        report.cache.saved.iter().map(|saved| brief(saved.ttl_seconds)).collect();
    columns.extend(ttls.iter().map(|ttl| Number(ttl)));
    columns.extend([Number("by role"), Number("advised")]);
    let rows = routes.iter().take(shown).map(row).collect();
    let listed = table(&columns, rows, style);
    let estimates = match sentence.contains('±') || listed.contains('±') {
        true => style.line(2, ESTIMATES),
        false => String::new(),
    };
    let left_out = routes.len() - shown;
    let rest = match left_out {
        0 => String::new(),
        _ => style.line(2, format!("… and {}", count(left_out as u64, "other route"))),
    };
    let columns =
        "of each route at least, by how long it answers; by role is one for each role, the longest";
    let said = style.line(2, sentence) + &style.line(2, columns);
    style.heading("Repeated reads") + &said + &listed + &estimates + &rest
}

/// What a cache saves, and of what; nothing if that is next to nothing.
pub(crate) fn sentence(report: &Report) -> Option<String> {
    let cache = &report.cache;
    let most = cache.saved.last()?;
    if most.shared as f64 <= cache.reads as f64 * WORTH {
        return None;
    }
    let by_default = cache.saved.iter().find(|saved| saved.ttl_seconds == 300).unwrap_or(most);
    let SavedReport { ttl_seconds, shared, own, shared_error, own_error } = *by_default;
    let about = |error: u64, exactly: &'static str| if error > 0 { "about " } else { exactly };
    Some(format!(
        "a cache of {} would have answered {}{} of {} ({}); one for each role {}{}",
        duration(ttl_seconds),
        about(shared_error, "at least "),
        estimate(shared, shared_error),
        count(cache.reads, "GET"),
        share(shared, cache.reads),
        about(own_error, ""),
        estimate(own, own_error),
    ))
}

/// A number of calls; with its standard error where it was not counted exactly.
pub(crate) fn estimate(calls: u64, error: u64) -> String {
    match error {
        0 => number(calls),
        _ => format!("{} ± {}", number(calls), number(error)),
    }
}

fn row(route: &CacheRouteReport) -> Vec<String> {
    let mut cells = vec![route.route.clone(), number(route.reads)];
    cells.extend(route.saved.iter().map(|saved| estimate(saved.shared, saved.shared_error)));
    let own = route.saved.last().map_or((0, 0), |saved| (saved.own, saved.own_error));
    cells.push(estimate(own.0, own.1));
    cells.push(brief(route.advised_ttl_seconds));
    cells
}

/// Seconds as a heading: `5 min`.
fn brief(seconds: i64) -> String {
    match seconds {
        3600.. => format!("{} h", seconds / 3600),
        60.. => format!("{} min", seconds / 60),
        _ => format!("{seconds} s"),
    }
}
