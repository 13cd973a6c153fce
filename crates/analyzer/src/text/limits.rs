//! Rate limits: a block for each, the nearest to exhaustion first.

use super::printable::in_a_line;
use super::short_names::ShortNames;
use super::style::{Style, count, minute, number, period, share, sparkline};
use super::summary::{bars, duration};
use super::usage::rest;
use crate::bucket::TokenBucket;
use crate::dimension::UNTOLD;
use crate::limits::LimitKey;
use crate::report::{AdviceReport, ForecastReport, HeadroomReport, LimitReport, Report};

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
    text.push_str(&rest(left_out.map(|limit| limit.requests), "limit", style));
    text
}

fn block(limit: &LimitReport, style: &Style) -> String {
    let mut text = style.line(2, name(&limit.key));
    if let Some(outlook) = outlook(limit) {
        let outlook = if is_urgent(limit) { style.notable(outlook) } else { outlook };
        text.push_str(&style.line(4, outlook));
    }
    text.push_str(&style.line(4, left(limit, style)));
    text.extend(headroom(limit).map(|headroom| style.line(4, headroom)));
    if let Some(why) = why(limit.cost_per_request) {
        let used = limit.cost_per_request;
        text.push_str(&style.line(4, format!("a request goes with {used:.1} used: {why}")));
    }
    if limit.throttled > 0 {
        text.push_str(&style.line(4, style.bad(refusals(limit))));
    }
    text.push_str(&style.line(4, users(limit)));
    text.extend(limit.advice.iter().map(|given| advice(given, limit, style)));
    text.push_str(&trend(limit, style));
    text
}

/// Who used most of it: roles with all of their sessions, or else the sessions of the only one.
fn users(limit: &LimitReport<'_>) -> String {
    let users = if limit.principals.len() > 1 { &limit.principals } else { &limit.callers };
    let shown = users.get(..users.len().min(CALLERS)).unwrap_or_default();
    let names = ShortNames::of(shown.iter().map(|user| user.caller));
    let told = shown.iter().map(|user| {
        let share = share(user.requests, limit.requests);
        format!("{}: {} ({share})", names.name(user.caller), number(user.requests))
    });
    let told: Vec<String> = told.collect();
    let others = match (users.len() - shown.len()) as u64 {
        0 => String::new(),
        others => format!(" and {}", count(others, "other")),
    };
    format!("used by {}{others}", told.join(", "))
}

/// Which limit: the third party, the credential if it is told, and the bucket.
pub(crate) fn name(key: &LimitKey) -> String {
    let credential = credential(key).map_or(String::new(), |name| format!("{name} · "));
    in_a_line(&format!("{} · {credential}{}", key.upstream, key.bucket))
}

/// The same in a sentence.
pub(super) fn name_in_words(key: &LimitKey) -> String {
    let with = credential(key).map_or(String::new(), |name| format!(" with {name}"));
    in_a_line(&format!("{} of {}{with}", key.bucket, key.upstream))
}

fn credential(key: &LimitKey) -> Option<&str> {
    Some(&*key.credential).filter(|name| *name != UNTOLD)
}

/// Why a request does not take one, if it does not.
fn why(cost: f64) -> Option<&'static str> {
    match cost {
        1.05.. => Some("calls cost more than one, or others use the credential"),
        ..0.95 => Some("some calls cost nothing, or what was used is forgotten within windows"),
        _ => None,
    }
}

/// What windows had left, if it is not that of a single one, which is told as the lowest.
fn headroom(limit: &LimitReport) -> Option<String> {
    let HeadroomReport { windows, median, little, .. } = limit.headroom?;
    let had = number(median);
    match windows {
        1 if limit.windows_apart && limit.lowest_remaining == Some(median) => None,
        1 if limit.windows_apart => Some(format!("the one window had {had} left")),
        windows => Some(format!(
            "half of {} had {had} or more left, {} had less than a tenth",
            windows_seen(windows as u64, limit),
            number(little as u64)
        )),
    }
}

/// So many windows, or intervals whose windows are not seen apart.
fn windows_seen(windows: u64, limit: &LimitReport) -> String {
    match limit.windows_apart {
        true => count(windows, "window"),
        false => format!(
            "{} of windows that end within {}",
            count(windows, "group"),
            duration(limit.window_interval_seconds)
        ),
    }
}

/// How many calls were refused, and by which limit, as far as that is told.
fn refusals(limit: &LimitReport) -> String {
    let untold = match limit.untold {
        0 => String::new(),
        untold => format!(", {} by one that is not told", number(untold)),
    };
    format!(
        "{} refused: {} by the limit itself, {} by a secondary one{untold}",
        number(limit.throttled),
        number(limit.primary),
        number(limit.secondary)
    )
}

/// Whether a limit is expected to be reached.
fn is_urgent(limit: &LimitReport) -> bool {
    limit.forecast.as_ref().is_some_and(|forecast| forecast.reached.is_some())
}

/// When a limit will be reached, and who takes the most of it.
pub(crate) fn outlook(limit: &LimitReport) -> Option<String> {
    let forecast = limit.forecast.as_ref()?;
    let until = minute(&forecast.until);
    let uses = format!(
        "a window uses about {}, at most {}",
        number(forecast.most_used),
        number(forecast.most_used_at_most)
    );
    let Some(reached) = &forecast.reached else {
        return Some(match &forecast.earliest {
            Some(earliest) => {
                format!("may be reached from {} on, {uses}", minute(earliest))
            }
            None => format!("will not be reached before {until}, {uses}"),
        });
    };
    let heaviest = limit.principals.first().map(|heaviest| {
        let all = limit.principals.iter().map(|principal| principal.requests).sum();
        let names = ShortNames::of(limit.principals.iter().map(|principal| principal.caller));
        format!("; {} takes {}", names.name(heaviest.caller), share(heaviest.requests, all))
    });
    let heaviest = heaviest.unwrap_or_default();
    Some(format!("will be reached at {}{}{heaviest}", minute(reached), interval(forecast)))
}

/// The interval of a forecast, in parentheses.
fn interval(forecast: &ForecastReport) -> String {
    match (forecast.earliest.as_deref(), forecast.latest.as_deref()) {
        (Some(earliest), Some(latest)) if earliest != latest => {
            format!(" ({})", period(Some(earliest), Some(latest)))
        }
        (Some(earliest), None) if forecast.reached.as_deref() != Some(earliest) => {
            format!(" ({} at the earliest, or not at all)", minute(earliest))
        }
        (_, None) => " (or not at all)".to_owned(),
        _ => String::new(),
    }
}

/// What would keep the limit.
fn advice(advice: &AdviceReport, limit: &LimitReport, style: &Style) -> String {
    let bucket = &advice.bucket;
    let principals = limit.principals.iter().map(|principal| principal.caller);
    let names = ShortNames::of(principals.chain(bucket.by.iter().map(|caller| caller.caller)));
    let by = bucket
        .by
        .iter()
        .take(CALLERS)
        .map(|caller| format!("{}: {}", names.name(caller.caller), number(caller.requests)));
    let by: Vec<String> = by.collect();
    let of_whom = if by.is_empty() { String::new() } else { format!(" ({})", by.join(", ")) };
    let kept = format!(
        "kept by a token bucket of {}: it would have refused {} of {}{of_whom}",
        rate(bucket.bucket),
        number(bucket.refused),
        count(bucket.calls, "call"),
    );
    let mut text = style.line(4, kept);
    let window = limit.window_seconds.map_or(String::new(), |seconds| duration(seconds as i64));
    if !limit.window_known {
        text.push_str(&style.line(6, format!("if a window is {window}, which is not certain")));
    }
    // Of windows that are long beside the intervals, they matter little.
    let is_short = limit.window_seconds.is_some_and(|seconds| seconds < 600.0);
    if advice.interval_seconds > 60 || is_short {
        let interval = duration(advice.interval_seconds);
        text.push_str(
            &style.line(6, format!("simulated by {interval}: bursts within are not seen")),
        );
    }
    for slow in advice.slow.iter().take(CALLERS) {
        let slow = format!(
            "slow {} to {} in {window}, from {} at {}: {}, {} refused",
            names.name(&slow.principal),
            number(slow.share),
            number(slow.requests),
            minute(&slow.window),
            rate(slow.bucket),
            number(slow.refused),
        );
        text.push_str(&style.line(4, slow));
    }
    let others = advice.slow.len().saturating_sub(CALLERS);
    if others > 0 {
        text.push_str(&style.line(4, format!("and {} likewise", count(others as u64, "other"))));
    }
    text
}

/// A token bucket in words.
fn rate(bucket: TokenBucket) -> String {
    let (calls, unit) = bucket.rate();
    format!("{} {unit}, burst {}", number(calls), number(bucket.burst as u64))
}

fn left(limit: &LimitReport, style: &Style) -> String {
    let lowest = match (limit.lowest_remaining, &limit.lowest_at) {
        (Some(lowest), Some(at)) => {
            let text =
                format!("lowest {}{} left at {}", number(lowest), of_then(limit), minute(at));
            if limit.share_left() < 0.1 { style.notable(text) } else { text }
        }
        _ => "what is left is not told".to_owned(),
    };
    let of = limit.limit.map_or("limit not told".to_owned(), |told| {
        format!("limit {}{}{}", number(told), in_window(limit), changed(limit))
    });
    let at_least = if limit.windows_apart { "" } else { "at least " };
    let over = |resets| format!(" over {at_least}{}", count(resets as u64, "reset"));
    let over = limit.resets.map_or(String::new(), over);
    format!("{of}, {lowest}, {}{over}", count(limit.requests, "request"))
}

/// How long a window is, as far as it is known.
fn in_window(limit: &LimitReport) -> String {
    let least = limit.window_least_seconds.filter(|seconds| *seconds >= 1.0);
    let or_more = if limit.window_known { "" } else { " or more" };
    least.map_or(String::new(), |least| format!(" in {}{or_more}", duration(least as i64)))
}

/// Between what a limit was that was not always the same.
fn changed(limit: &LimitReport) -> String {
    match (limit.limit_least, limit.limit_most) {
        (Some(least), Some(most)) if least < most => {
            format!(" (it changed: {} to {})", number(least), number(most))
        }
        _ => String::new(),
    }
}

/// The limit when the least was left, if it is another now.
pub(crate) fn of_then(limit: &LimitReport) -> String {
    let then = limit.lowest_of.filter(|_| limit.lowest_of != limit.limit);
    then.map_or(String::new(), |then| format!(" of {}", number(then)))
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
    let bars = format!("lowest number left, one bar is {}", duration(seconds));
    format!("    {line}\n") + &style.line(4, bars)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_called_by_what_is_told_of_it() {
        let names = |credential: &str| {
            let [upstream, credential, bucket] = ["github", credential, "core"].map(str::to_owned);
            let key = LimitKey { upstream, credential, bucket };
            (name(&key), name_in_words(&key))
        };
        let named = |name: &str, in_words: &str| (name.to_owned(), in_words.to_owned());
        assert_eq!(names("app"), named("github · app · core", "core of github with app"));
        assert_eq!(names(UNTOLD), named("github · core", "core of github"));
    }
}
