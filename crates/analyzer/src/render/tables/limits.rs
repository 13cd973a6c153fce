//! Tables of rate limits, caches and comparisons.

use super::{Rows, Table};
use crate::report::{
    AdviceReport, CallerCount, ComparisonReport, DifferenceReport, ForecastReport, LevelReport,
    LimitReport, NamedDifference, Report, WindowReport,
};

/// The tables of rate limits and caches, in the order of [`NAMES`](super::NAMES).
pub(super) fn all(report: &Report) -> [Table; 7] {
    [
        limits(report),
        limit_callers(report),
        limit_windows(report),
        limit_series(report),
        forecasts(report),
        advice(report),
        cache(report),
    ]
}

fn limits(report: &Report) -> Table {
    Rows::of(&report.rate_limits)
        .text("upstream", |row| Some(&row.key.upstream))
        .text("credential", |row| Some(&row.key.credential))
        .text("bucket", |row| Some(&row.key.bucket))
        .count("requests", |row| Some(row.requests))
        .count("limit", |row| row.limit)
        .count("limitLeast", |row| row.limit_least)
        .count("limitMost", |row| row.limit_most)
        .real("windowSeconds", |row| row.window_seconds)
        .real("windowLeastSeconds", |row| row.window_least_seconds)
        .flag("windowKnown", |row| Some(row.window_known))
        .real("costPerRequest", |row| Some(row.cost_per_request))
        .count("lowestRemaining", |row| row.lowest_remaining)
        .count("lowestOf", |row| row.lowest_of)
        .moment("lowestAt", |row| row.lowest_at.as_deref())
        .count("throttled", |row| Some(row.throttled))
        .count("primary", |row| Some(row.primary))
        .count("secondary", |row| Some(row.secondary))
        .count("untold", |row| Some(row.untold))
        .flag("windowsApart", |row| Some(row.windows_apart))
        .count("windowIntervalSeconds", |row| u64::try_from(row.window_interval_seconds).ok())
        .count("resets", |row| u64::try_from(row.resets?).ok())
        .count("medianLeft", |row| row.headroom.map(|headroom| headroom.median))
        .count("windowsWithLittleLeft", |row| {
            row.headroom.and_then(|headroom| u64::try_from(headroom.little).ok())
        })
        .table("rateLimits")
}

fn limit_callers(report: &Report) -> Table {
    let rows: Vec<(&LimitReport, &CallerCount)> = report
        .rate_limits
        .iter()
        .flat_map(|limit| limit.callers.iter().map(move |caller| (limit, caller)))
        .collect();
    Rows::of(&rows)
        .text("upstream", |(limit, _)| Some(&limit.key.upstream))
        .text("credential", |(limit, _)| Some(&limit.key.credential))
        .text("bucket", |(limit, _)| Some(&limit.key.bucket))
        .text("caller", |(_, row)| Some(row.caller))
        .count("requests", |(_, row)| Some(row.requests))
        .table("rateLimitCallers")
}

fn limit_series(report: &Report) -> Table {
    let rows: Vec<(&LimitReport, &LevelReport)> = report
        .rate_limits
        .iter()
        .flat_map(|limit| limit.series.iter().map(move |level| (limit, level)))
        .collect();
    Rows::of(&rows)
        .text("upstream", |(limit, _)| Some(&limit.key.upstream))
        .text("credential", |(limit, _)| Some(&limit.key.credential))
        .text("bucket", |(limit, _)| Some(&limit.key.bucket))
        .moment("start", |(_, row)| Some(&row.start))
        .count("requests", |(_, row)| Some(row.requests))
        .count("lowestRemaining", |(_, row)| row.lowest_remaining)
        .table("rateLimitSeries")
}

fn limit_windows(report: &Report) -> Table {
    let rows: Vec<(&LimitReport, &WindowReport)> = report
        .rate_limits
        .iter()
        .flat_map(|limit| limit.windows.iter().map(move |window| (limit, window)))
        .collect();
    Rows::of(&rows)
        .text("upstream", |(limit, _)| Some(&limit.key.upstream))
        .text("credential", |(limit, _)| Some(&limit.key.credential))
        .text("bucket", |(limit, _)| Some(&limit.key.bucket))
        .moment("ends", |(_, row)| Some(&row.ends))
        .count("windows", |(_, row)| u64::try_from(row.windows?).ok())
        .count("requests", |(_, row)| Some(row.requests))
        .count("used", |(_, row)| Some(row.used))
        .count("lowestRemaining", |(_, row)| row.lowest_remaining)
        .table("rateLimitWindows")
}

fn forecasts(report: &Report) -> Table {
    let rows: Vec<(&LimitReport, &ForecastReport)> = report
        .rate_limits
        .iter()
        .filter_map(|limit| Some((limit, limit.forecast.as_ref()?)))
        .collect();
    Rows::of(&rows)
        .text("upstream", |(limit, _)| Some(&limit.key.upstream))
        .text("credential", |(limit, _)| Some(&limit.key.credential))
        .text("bucket", |(limit, _)| Some(&limit.key.bucket))
        .moment("from", |(_, row)| Some(&row.from))
        .moment("until", |(_, row)| Some(&row.until))
        .moment("reached", |(_, row)| row.reached.as_deref())
        .moment("earliest", |(_, row)| row.earliest.as_deref())
        .moment("latest", |(_, row)| row.latest.as_deref())
        .count("mostUsed", |(_, row)| Some(row.most_used))
        .count("mostUsedAtMost", |(_, row)| Some(row.most_used_at_most))
        .real("trendPerDay", |(_, row)| row.trend_per_day.map(|trend| trend.expected))
        .real("trendPerDayLow", |(_, row)| row.trend_per_day.map(|trend| trend.low))
        .real("trendPerDayHigh", |(_, row)| row.trend_per_day.map(|trend| trend.high))
        .table("forecasts")
}

/// What one line of the table of advice says.
struct Advised<'a> {
    limit: &'a LimitReport<'a>,
    /// `bucket` for all, or `slow` for one principal.
    advice: &'static str,
    principal: Option<&'a str>,
    window: Option<&'a str>,
    share: Option<u64>,
    rate_per_second: f64,
    burst: f64,
    calls: u64,
    refused: u64,
    interval_seconds: i64,
}

fn advised<'a>(limit: &'a LimitReport, given: &'a AdviceReport) -> Vec<Advised<'a>> {
    let bucket = &given.bucket;
    let for_all = Advised {
        limit,
        advice: "bucket",
        principal: None,
        window: None,
        share: None,
        rate_per_second: bucket.bucket.rate_per_second,
        burst: bucket.bucket.burst,
        calls: bucket.calls,
        refused: bucket.refused,
        interval_seconds: given.interval_seconds,
    };
    let slow = given.slow.iter().map(|slow| Advised {
        limit,
        advice: "slow",
        principal: Some(&slow.principal),
        window: Some(&slow.window),
        share: Some(slow.share),
        rate_per_second: slow.bucket.rate_per_second,
        burst: slow.bucket.burst,
        calls: slow.requests,
        refused: slow.refused,
        interval_seconds: given.interval_seconds,
    });
    std::iter::once(for_all).chain(slow).collect()
}

fn advice(report: &Report) -> Table {
    let given = report.rate_limits.iter();
    let rows: Vec<Advised<'_>> =
        given.filter_map(|limit| Some(advised(limit, limit.advice.as_ref()?))).flatten().collect();
    Rows::of(&rows)
        .text("upstream", |row| Some(&row.limit.key.upstream))
        .text("credential", |row| Some(&row.limit.key.credential))
        .text("bucket", |row| Some(&row.limit.key.bucket))
        .text("advice", |row| Some(row.advice))
        .text("principal", |row| row.principal)
        .moment("window", |row| row.window)
        .count("share", |row| row.share)
        .real("ratePerSecond", |row| Some(row.rate_per_second))
        .real("burst", |row| Some(row.burst))
        .count("calls", |row| Some(row.calls))
        .count("refused", |row| Some(row.refused))
        .count("intervalSeconds", |row| u64::try_from(row.interval_seconds).ok())
        .table("advice")
}

fn cache(report: &Report) -> Table {
    let routes = report.cache.routes.iter();
    let rows: Vec<_> =
        routes.flat_map(|route| route.saved.iter().map(move |saved| (route, *saved))).collect();
    Rows::of(&rows)
        .text("route", |(route, _)| Some(&route.route))
        .count("reads", |(route, _)| Some(route.reads))
        .count("advisedTtlSeconds", |(route, _)| u64::try_from(route.advised_ttl_seconds).ok())
        .count("ttlSeconds", |(_, saved)| u64::try_from(saved.ttl_seconds).ok())
        .count("shared", |(_, saved)| Some(saved.shared))
        .count("sharedError", |(_, saved)| Some(saved.shared_error))
        .count("own", |(_, saved)| Some(saved.own))
        .count("ownError", |(_, saved)| Some(saved.own_error))
        .table("cache")
}

/// The periods that are compared.
pub(super) fn periods(comparison: &ComparisonReport) -> Table {
    Rows::of(&[("before", &comparison.before), ("now", &comparison.now)])
        .text("period", |(name, _)| Some(*name))
        .moment("from", |(_, row)| row.from.as_deref())
        .moment("until", |(_, row)| row.until.as_deref())
        .real("hours", |(_, row)| Some(row.hours))
        .real("coveredHours", |(_, row)| Some(row.covered_hours))
        .table("periods")
}

/// What one line of the table of a comparison says of both periods, before and now.
struct Compared {
    of: &'static str,
    name: Option<String>,
    requests: DifferenceReport,
    p95_ms: [Option<u64>; 2],
    /// What limits had left.
    lowest: [Option<u64>; 2],
    /// Refused by the upstream, of limits.
    throttled: [Option<u64>; 2],
}

impl Compared {
    fn new(of: &'static str, name: Option<&String>, requests: DifferenceReport) -> Compared {
        let [p95_ms, lowest, throttled] = [[None; 2]; 3];
        Compared { of, name: name.cloned(), requests, p95_ms, lowest, throttled }
    }
}

/// One row a count of both periods, whatever it is of.
pub(super) fn comparison(comparison: &ComparisonReport) -> Table {
    let all = [
        Compared::new("requests", None, comparison.requests),
        Compared::new("refused", None, comparison.refused),
        Compared::new("throttled", None, comparison.throttled),
        Compared::new("failed", None, comparison.failed),
    ];
    let named = |of| move |row: &NamedDifference| Compared::new(of, Some(&row.name), row.requests);
    let routes = comparison.routes.iter().map(|row| Compared {
        p95_ms: [row.p95_ms_before, row.p95_ms_now],
        ..Compared::new("route", Some(&row.name), row.requests)
    });
    let limits = comparison.rate_limits.iter().map(|row| {
        let key = &row.key;
        let name = format!("{} {} {}", key.upstream, key.credential, key.bucket);
        Compared {
            lowest: [row.lowest_before, row.lowest_now],
            throttled: [row.throttled_before, row.throttled_now].map(Some),
            ..Compared::new("rateLimit", Some(&name), row.requests)
        }
    });
    let callers = comparison.callers.iter().map(named("caller"));
    let statuses = comparison.statuses.iter().map(named("status"));
    let rows = all.into_iter().chain(callers).chain(routes).chain(statuses).chain(limits);
    Rows::of(&rows.collect::<Vec<Compared>>())
        .text("of", |row| Some(row.of))
        .text("name", |row| row.name.clone())
        .count("before", |row| Some(row.requests.before))
        .count("now", |row| Some(row.requests.now))
        .real("change", |row| row.requests.change)
        .count("p95MsBefore", |row| row.p95_ms.first().copied().flatten())
        .count("p95MsNow", |row| row.p95_ms.last().copied().flatten())
        .count("lowestBefore", |row| row.lowest.first().copied().flatten())
        .count("lowestNow", |row| row.lowest.last().copied().flatten())
        .count("throttledBefore", |row| row.throttled.first().copied().flatten())
        .count("throttledNow", |row| row.throttled.last().copied().flatten())
        .table("comparison")
}
