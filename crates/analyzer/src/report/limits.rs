//! Rate limits in the report.

use serde::Serialize;

use super::advice::{AdviceReport, Calls};
use super::forecast::ForecastReport;
use super::windows::{WindowReport, Windows};
use super::{CallerCount, POINTS, by_requests};
use crate::consumption::Consumption;
use crate::limits::{Level, LimitKey, LimitUse, Limits, WindowUse, share};
use crate::series::Series;
use crate::time::{Span, rfc3339};

/// Less than this share left is little.
const LITTLE: f64 = 0.1;

/// How one limit was used.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LimitReport<'g> {
    /// Which limit.
    #[serde(flatten)]
    pub key: LimitKey,
    /// Answers that told of it, or that it was reached.
    pub requests: u64,
    /// The limit, as last told: requests per window.
    pub limit: Option<u64>,
    /// The least that it was told to be: it may have changed.
    pub limit_least: Option<u64>,
    /// The most.
    pub limit_most: Option<u64>,
    /// How long a window is taken to be, seconds; `None` where that would be a guess.
    pub window_seconds: Option<f64>,
    /// How long it is at least.
    pub window_least_seconds: Option<f64>,
    /// Whether answers tell that; else it is concluded from when windows end.
    pub window_told: bool,
    /// Whether that is known to be its length; else it may be longer.
    pub window_known: bool,
    /// How much of a window one request takes: more than 1 where calls cost more, or where others use
    /// the same credential.
    pub cost_per_request: f64,
    /// The lowest number of requests left.
    pub lowest_remaining: Option<u64>,
    /// The limit at the time.
    pub lowest_of: Option<u64>,
    /// When that was, RFC 3339.
    pub lowest_at: Option<String>,
    /// The smallest share that was left of any window, or at the lowest point.
    #[serde(skip)]
    share_left: Option<f64>,
    /// Refused by the upstream: `primary`, `secondary` and `untold`.
    pub throttled: u64,
    /// Refused because nothing was left.
    pub primary: u64,
    /// Refused although requests were left.
    pub secondary: u64,
    /// Refused, and what was left is not told: by which limit is not known.
    pub untold: u64,
    /// Whether each window is seen by itself; else those that end within `window_interval_seconds` are
    /// one, as windows are very short or very many.
    pub windows_apart: bool,
    /// To how many seconds it is known when windows end.
    pub window_interval_seconds: i64,
    /// How many times the bucket was filled again; at least, where windows are not seen apart. `None` if
    /// no answer tells when a window ends, or it is not known what that means.
    pub resets: Option<usize>,
    /// When it will be reached; `None` where the log does not tell enough.
    pub forecast: Option<ForecastReport>,
    /// What would keep it, if it was nearly reached or will be.
    pub advice: Option<AdviceReport<'g>>,
    /// What the windows had left.
    pub headroom: Option<HeadroomReport>,
    /// Callers, the heaviest first.
    pub callers: Vec<CallerCount<'g>>,
    /// The same by role, or caller that has none.
    pub principals: Vec<CallerCount<'g>>,
    /// The windows in order of time; neighbours are one where they are more than 750.
    pub windows: Vec<WindowReport>,
    /// The width of an interval of `series` in seconds.
    pub interval_seconds: i64,
    /// Requests and the lowest number left, by time.
    pub series: Vec<LevelReport>,
}

/// What the windows of a limit had left when they ended; of those that are not seen apart, what the
/// fullest had.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HeadroomReport {
    /// Windows of which it is told.
    pub windows: usize,
    /// Half of them had at least this left.
    pub median: u64,
    /// How many had less than a tenth left of what the limit was then.
    pub little: usize,
}

/// One interval of a limit.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LevelReport {
    /// Where the interval starts, RFC 3339.
    pub start: String,
    /// Requests.
    pub requests: u64,
    /// The lowest number left.
    pub lowest_remaining: Option<u64>,
}

/// All limits, the nearest to exhaustion first. `span` is that of the log.
pub(super) fn reports(limits: &Limits, span: Span) -> Vec<LimitReport<'_>> {
    let report = |(key, used)| LimitReport::new(key, used, &limits.consumption, span);
    let mut reports: Vec<LimitReport<'_>> = limits.iter().map(report).collect();
    reports.sort_by(|one, other| one.share_left().total_cmp(&other.share_left()));
    reports
}

impl<'g> LimitReport<'g> {
    fn new(
        key: &LimitKey,
        used: &'g LimitUse,
        consumption: &'g Consumption,
        span: Span,
    ) -> LimitReport<'g> {
        let windows = Windows::of(used);
        let cost = windows.cost();
        let shown: Series<Level> = used.series.for_showing(POINTS);
        let calls = Calls::of(key, consumption);
        let mut report = LimitReport {
            key: key.clone(),
            requests: used.requests,
            limit: used.limit.map(|(_, limit)| limit),
            limit_least: used.range.map(|(least, _)| least),
            limit_most: used.range.map(|(_, most)| most),
            window_seconds: windows.length.map(in_seconds),
            window_least_seconds: windows.least.map(in_seconds),
            window_told: windows.told,
            window_known: windows.is_known,
            cost_per_request: (cost * 1000.0).round() / 1000.0,
            lowest_remaining: used.lowest.map(|lowest| lowest.left),
            lowest_of: used.lowest.and_then(|lowest| lowest.of.or(Some(used.limit?.1))),
            lowest_at: used.lowest.map(|lowest| rfc3339(lowest.at)),
            share_left: share_left(used, &windows),
            throttled: used.throttled(),
            primary: used.primary,
            secondary: used.secondary,
            untold: used.untold,
            windows_apart: windows.are_apart(),
            window_interval_seconds: windows.interval / 1000,
            resets: windows.length.and(windows.all.len().checked_sub(1)),
            forecast: ForecastReport::new(used, &windows, span, cost),
            advice: None,
            headroom: None,
            callers: by_requests(used.callers.iter()),
            principals: calls.by_principal(),
            windows: windows.listed(),
            interval_seconds: shown.interval_ms() / 1000,
            series: shown.iter().map(LevelReport::new).collect(),
        };
        report.headroom = windows.length.and_then(|_| HeadroomReport::new(&windows, report.limit?));
        report.advice = report.advice(used, &windows, &calls, cost);
        report
    }

    /// Advice on a limit that was nearly reached, was reached, or will be.
    fn advice(
        &self,
        used: &LimitUse,
        windows: &Windows,
        calls: &Calls<'g>,
        cost: f64,
    ) -> Option<AdviceReport<'g>> {
        let forecast = self.forecast.as_ref().and_then(|forecast| forecast.reached.as_ref());
        if self.share_left() >= LITTLE && self.primary + self.untold == 0 && forecast.is_none() {
            return None;
        }
        let (limit, window) = (self.limit? as f64 / cost, windows.length?);
        let phase = used.latest.and_then(|latest| latest.reset).unwrap_or_default();
        (limit >= 1.0).then(|| AdviceReport::new(calls, limit, window, phase))
    }

    /// The share of the limit that was left at the lowest point: 0 for nothing, 1 for untold.
    pub fn share_left(&self) -> f64 {
        self.share_left.unwrap_or(if self.throttled > 0 { 0.0 } else { 1.0 })
    }
}

fn in_seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}

/// The smallest share that is known to have been left of what the limit was at the time.
fn share_left(used: &LimitUse, windows: &Windows) -> Option<f64> {
    let limit = used.limit.map(|(_, limit)| limit);
    let lowest = used.lowest.and_then(|lowest| share(lowest.left, lowest.of.or(limit)?));
    let of_windows = windows.all.iter().filter_map(|(_, window)| window.share_left(limit));
    of_windows.chain(lowest).min_by(f64::total_cmp)
}

impl HeadroomReport {
    fn new(windows: &Windows, limit: u64) -> Option<HeadroomReport> {
        let mut left: Vec<u64> =
            windows.all.iter().filter_map(|(_, window)| window.lowest).collect();
        left.sort_unstable();
        let share_left = |(_, window): &(i64, WindowUse)| window.share_left(Some(limit));
        let shares = windows.all.iter().filter_map(share_left);
        Some(HeadroomReport {
            windows: left.len(),
            // Half have at least this: the lower of the middle two would be one too many.
            median: *left.get(left.len() / 2)?,
            little: shares.filter(|share| *share < LITTLE).count(),
        })
    }
}

impl LevelReport {
    fn new((start, level): (i64, Level)) -> LevelReport {
        let Level { requests, lowest: lowest_remaining } = level;
        LevelReport { start: rfc3339(start), requests, lowest_remaining }
    }
}
