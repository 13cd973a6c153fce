//! Rate limits: a block for each, the nearest to exhaustion first.

use super::style::{Style, count, minute, number, share, short_caller, sparkline};
use super::summary::{bars, duration};
use super::usage::rest;
use crate::report::{LimitReport, Report};

/// Callers named with each limit.
const CALLERS: usize = 3;

pub(super) fn section(report: &Report, style: &Style) -> String {
    if report.rate_limits.is_empty() {
        return String::new();
    }
    let shown = style.shown(report.rate_limits.len());
    let mut text = style.heading("Rate limits");
    for limit in report.rate_limits.iter().take(shown) {
        text.push_str(&block(limit, style));
    }
    let left_out = report.rate_limits.iter().skip(shown);
    text.push_str(&rest(left_out.map(|limit| limit.requests), "limit"));
    text
}

fn block(limit: &LimitReport, style: &Style) -> String {
    let key = &limit.key;
    let mut text = format!("  {} · {} · {}\n", key.upstream, key.credential, key.bucket);
    text.push_str(&format!("    {}\n", left(limit, style)));
    if limit.throttled > 0 {
        let refused = format!(
            "{} refused: {} with nothing left, {} by a secondary limit",
            number(limit.throttled),
            number(limit.primary),
            number(limit.secondary)
        );
        text.push_str(&format!("    {}\n", style.bad(refused)));
    }
    let callers = limit.callers.iter().take(CALLERS).map(|caller| {
        let share = share(caller.requests, limit.requests);
        format!("{} {} ({share})", short_caller(&caller.caller), number(caller.requests))
    });
    let callers: Vec<String> = callers.collect();
    let others = limit.callers.len().saturating_sub(CALLERS) as u64;
    let others =
        if others > 0 { format!(" and {}", count(others, "other")) } else { String::new() };
    text.push_str(&format!("    used by {}{others}\n", callers.join(", ")));
    text.push_str(&trend(limit, style));
    text
}

fn left(limit: &LimitReport, style: &Style) -> String {
    let lowest = match (limit.lowest_remaining, &limit.lowest_at) {
        (Some(lowest), Some(at)) => {
            let text = format!("lowest {} left at {}", number(lowest), minute(at));
            if limit.share_left() < 0.1 { style.notable(text) } else { text }
        }
        _ => "what is left is not told".to_owned(),
    };
    let of =
        limit.limit.map_or("limit not told".to_owned(), |limit| format!("limit {}", number(limit)));
    let resets = count(limit.resets as u64, "reset");
    format!("{of}, {lowest}, {} over {resets}", count(limit.requests, "request"))
}

/// What was left over time: high bars are good.
fn trend(limit: &LimitReport, style: &Style) -> String {
    let told = limit.series.iter();
    let points: Vec<(&str, f64)> = told
        .filter_map(|point| Some((point.start.as_str(), point.lowest_remaining? as f64)))
        .collect();
    let (bars, seconds) =
        bars(&points, limit.interval_seconds, style.width.saturating_sub(6), f64::min);
    let Some(top) = limit.limit.filter(|_| !bars.is_empty()) else { return String::new() };
    let line = sparkline(&bars, top as f64);
    format!("    {line}\n    lowest number left, one bar is {}\n", duration(seconds))
}
