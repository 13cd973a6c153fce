//! Rate limits in the report.

use serde::Serialize;

use super::{CallerCount, POINTS, by_requests};
use crate::limits::{Level, LimitKey, LimitUse};
use crate::series::Series;
use crate::time::rfc3339;

/// How one limit was used.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LimitReport {
    /// Which limit.
    #[serde(flatten)]
    pub key: LimitKey,
    /// Answers that told of it, or that it was reached.
    pub requests: u64,
    /// The limit, as last told: requests per window.
    pub limit: Option<u64>,
    /// The lowest number of requests left.
    pub lowest_remaining: Option<u64>,
    /// When that was, RFC 3339.
    pub lowest_at: Option<String>,
    /// Refused by the upstream: `primary` and `secondary`.
    pub throttled: u64,
    /// Refused because nothing was left.
    pub primary: u64,
    /// Refused although requests were left.
    pub secondary: u64,
    /// How many times the bucket was filled again.
    pub resets: usize,
    /// Callers, the heaviest first.
    pub callers: Vec<CallerCount>,
    /// The width of an interval of `series` in seconds.
    pub interval_seconds: i64,
    /// Requests and the lowest number left, by time.
    pub series: Vec<LevelReport>,
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

impl LimitReport {
    pub(super) fn new(key: &LimitKey, used: &LimitUse) -> LimitReport {
        let shown: Series<Level> = used.series.for_showing(POINTS);
        LimitReport {
            key: key.clone(),
            requests: used.requests,
            limit: used.limit.map(|(_, limit)| limit),
            lowest_remaining: used.lowest.map(|(remaining, _)| remaining),
            lowest_at: used.lowest.map(|(_, at)| rfc3339(at)),
            throttled: used.primary + used.secondary,
            primary: used.primary,
            secondary: used.secondary,
            resets: used.resets.len().saturating_sub(1),
            callers: by_requests(used.callers.iter()),
            interval_seconds: shown.interval_ms() / 1000,
            series: shown
                .iter()
                .map(|(start, level)| LevelReport {
                    start: rfc3339(start),
                    requests: level.requests,
                    lowest_remaining: level.lowest,
                })
                .collect(),
        }
    }

    /// The share of the limit that was left at the lowest point: 0 for nothing, 1 for untold.
    pub fn share_left(&self) -> f64 {
        match (self.lowest_remaining, self.limit) {
            (Some(lowest), Some(limit)) if limit > 0 => lowest as f64 / limit as f64,
            _ if self.throttled > 0 => 0.0,
            _ => 1.0,
        }
    }
}
