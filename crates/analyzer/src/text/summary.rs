//! The first lines: how much, from whom, and what deserves attention.

use super::changes;
use super::limits::{name_in_words, outlook};
use super::printable::in_a_line;
use super::style::{Style, count, number, period, share, sparkline};
use crate::report::{AnswersReport, INTERRUPTED, LimitReport, Report, UsageReport};

/// How many callers there are, and on how many routes.
pub(crate) fn who_on_what(usage: &UsageReport<'_>) -> String {
    let counted = |known: usize, name: &str, others: bool| {
        let more = if others { "more than " } else { "" };
        format!("{more}{}", count(known as u64, name))
    };
    let callers = counted(usage.caller_count, "caller", usage.more_callers);
    format!("{callers} on {}", counted(usage.route_count, "route", usage.more_routes))
}

/// How many requests there were, of whom, on what, and when.
fn requests(usage: &UsageReport<'_>) -> String {
    let requests = format!("{} by {}", count(usage.requests, "request"), who_on_what(usage));
    let when = period(usage.first.as_deref(), usage.last.as_deref());
    match (usage.requests, &usage.first) {
        (0, _) => requests,
        (_, None) => format!("{requests}, {when}"),
        (_, Some(_)) => format!("{requests}, {when} UTC"),
    }
}

pub(super) fn section(report: &Report, style: &Style) -> String {
    let usage = &report.usage;
    let mut text = style.heading("Summary");
    if report.interrupted {
        text.push_str(&style.line(2, style.bad(INTERRUPTED)));
    }
    text.push_str(&style.line(2, requests(usage)));
    if let Some(unreadable) = report.lines.unreadable() {
        text.push_str(&style.line(2, style.notable(unreadable.sentence())));
    }
    if !report.asked.is_empty() {
        let asked = format!("as asked: {}", in_a_line(&report.asked.join(", ")));
        text.push_str(&style.line(2, asked));
    }
    for sentence in report.merged.iter().chain(&report.remarks) {
        text.push_str(&style.line(2, style.notable(in_a_line(sentence))));
    }
    if let Some(denied) = &report.denied {
        text.push_str(&denied_line(denied.iter().map(|group| group.requests), report, style));
    }
    if let Some(changes) = &report.changes {
        let counts = changes::counts(changes, style);
        text.push_str(&style.line(2, format!("in comparison with the other account: {counts}")));
    }
    for limit in report.rate_limits.iter().filter(|limit| limit.share_left() < 0.1) {
        let left = match (limit.lowest_remaining, limit.lowest_of) {
            (Some(left), Some(of)) => format!("came down to {} of {}", number(left), number(of)),
            _ => "what is left is not told".to_owned(),
        };
        let (name, refused) = (name_in_words(&limit.key), number(limit.throttled));
        text.push_str(
            &style.line(2, format!("{}: {left}, {refused} refused", style.notable(name))),
        );
    }
    let reached = |limit: &&LimitReport| {
        limit.forecast.as_ref().is_some_and(|forecast| forecast.reached.is_some())
    };
    for limit in report.rate_limits.iter().filter(reached) {
        let (of, outlook) = (limit.limit.map_or(String::new(), number), outlook(limit));
        let reached = format!(
            "{}: its limit of {of} {}",
            style.notable(name_in_words(&limit.key)),
            outlook.unwrap_or_default(),
        );
        text.push_str(&style.line(2, reached));
    }
    for sentence in &report.folded {
        text.push_str(&style.line(2, in_a_line(sentence)));
    }
    if report.left_out > 0 {
        let left_out = left_out("request", report.left_out, report.left_out_without_time);
        text.push_str(&style.line(2, left_out));
    }
    text.push_str(&series(&usage.series, usage.interval_seconds, style));
    text
}

/// How many requests, or calls, do not count, although they were read.
pub(crate) fn left_out(what: &str, left_out: u64, without_time: u64) -> String {
    let left_out = format!("{} left out, as asked", count(left_out, what));
    match without_time {
        0 => left_out,
        without => format!("{left_out}, of which {} without a time", number(without)),
    }
}

fn denied_line(groups: impl Iterator<Item = u64>, report: &Report, style: &Style) -> String {
    let denied: u64 = groups.sum();
    let compared = report.agreement.as_ref().map_or((0, 0), |it| (it.agreeing, it.disagreeing));
    let share = share(denied, report.usage.requests);
    let denied = format!("{} denied ({share})", count(denied, "request"));
    let agreement = match compared {
        (0, 0) => "log and policies cannot be compared".to_owned(),
        (_, 0) => style.good("log and policies agree on all that can be compared"),
        (_, disagreeing) => {
            style.notable(format!("log and policies disagree on {}", count(disagreeing, "request")))
        }
    };
    style.line(2, format!("{denied}; {agreement}"))
}

/// Requests by time, as a line of bars with its ends.
fn series(points: &[AnswersReport], interval_seconds: i64, style: &Style) -> String {
    let (Some(first), Some(last)) = (points.first(), points.last()) else {
        return String::new();
    };
    let counts: Vec<(&str, f64)> =
        points.iter().map(|point| (point.start.as_str(), point.answers.requests as f64)).collect();
    let most = points.iter().map(|point| point.answers.requests).max().unwrap_or_default();
    let (bars, seconds) =
        bars(&counts, interval_seconds, style.width.saturating_sub(4), |a, b| a + b);
    let top = bars.iter().flatten().copied().fold(0.0, f64::max);
    let line = sparkline(&bars, top);
    let bars = format!(
        "{}, one bar is {}; the busiest {} had {}",
        period(Some(&first.start), Some(&last.start)),
        duration(seconds),
        duration(interval_seconds).trim_start_matches("one "),
        count(most, "request"),
    );
    format!("\n  {line}\n") + &style.line(2, bars)
}

/// A series with its gaps, in at most `width` bars, and the seconds that one bar stands for.
pub(super) fn bars(
    points: &[(&str, f64)],
    interval_seconds: i64,
    width: usize,
    join: impl Fn(f64, f64) -> f64,
) -> (Vec<Option<f64>>, i64) {
    let second = |moment: &str| moment.parse().map_or(0, |at: jiff::Timestamp| at.as_second());
    let (Some((first, _)), Some((last, _))) = (points.first(), points.last()) else {
        return (Vec::new(), interval_seconds);
    };
    let start = second(first);
    let intervals = (second(last) - start) / interval_seconds.max(1) + 1;
    let each = (intervals + width as i64 - 1) / (width as i64).max(1);
    let seconds = interval_seconds * each.max(1);
    let mut bars = vec![None; usize::try_from(intervals.div_euclid(each.max(1)) + 1).unwrap_or(1)];
    for (moment, value) in points {
        let index = usize::try_from((second(moment) - start) / seconds).unwrap_or_default();
        if let Some(bar) = bars.get_mut(index) {
            *bar = Some(bar.map_or(*value, |held| join(held, *value)));
        }
    }
    while bars.last() == Some(&None) {
        bars.pop();
    }
    (bars, seconds)
}

/// Seconds in the largest unit that they are whole in.
pub(crate) fn duration(seconds: i64) -> String {
    let units = [(86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")];
    let unit = units.into_iter().find(|(unit, _)| seconds % unit == 0 && seconds >= *unit);
    let (unit, name) = unit.unwrap_or((1, "second"));
    match seconds / unit {
        1 => format!("one {name}"),
        number => format!("{number} {name}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_use_the_largest_whole_unit() {
        assert_eq!(
            [60, 900, 3600, 5400, 172_800].map(duration),
            ["one minute", "15 minutes", "one hour", "90 minutes", "2 days"]
        );
    }

    #[test]
    fn bars_keep_the_gaps_and_fit_the_width() {
        let points = [
            ("2026-03-10T00:00:00Z", 1.0),
            ("2026-03-10T00:01:00Z", 2.0),
            ("2026-03-10T00:05:00Z", 4.0),
        ];
        let wide = bars(&points, 60, 10, |a, b| a + b);
        assert_eq!(wide, (vec![Some(1.0), Some(2.0), None, None, None, Some(4.0)], 60));
        let narrow = bars(&points, 60, 3, |a, b| a + b);
        assert_eq!(narrow, (vec![Some(3.0), None, Some(4.0)], 120));
    }
}
