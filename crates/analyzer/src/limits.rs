//! Rate limits: how near each credential came to its upstream's limits, and through whom.

mod callers;
mod counts;
mod run;
mod tally;

use std::cmp::{Ordering, Reverse};
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::bounded::{self, Counted};
use crate::consumption::Consumption;
use crate::detail::Detail;
use crate::groups::Merge;
use crate::series::{self, Measure, Series};

pub use callers::Callers;
pub(crate) use tally::{LIMITS_MAX, LimitTally, PRINCIPALS_MAX};

/// All limits, by upstream, credential and bucket. Merges.
///
/// A limit belongs to the credential that was injected, not to the caller: callers share it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    limits: Vec<(LimitKey, LimitUse)>,
    /// Who used how much of which, when.
    pub consumption: Consumption,
}

/// Which limit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LimitKey {
    /// The third party; `-` if the log does not tell.
    pub upstream: String,
    /// The alias of the credential; `-` if the log does not tell.
    pub credential: String,
    /// Which of the credential's buckets: `core`, `search`; `default` if the upstream has one, and
    /// `tokens` if it counts those beside requests.
    pub bucket: String,
}

/// How one limit was used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LimitUse {
    /// Answers that told of the limit, or that it was reached.
    pub requests: u64,
    /// The limit, as the last answer that told of it had it, and when that was.
    pub limit: Option<(i64, u64)>,
    /// The least and the most that the limit was told to be.
    pub range: Option<(u64, u64)>,
    /// The lowest number of requests left.
    pub lowest: Option<Lowest>,
    /// What the last answer told.
    pub latest: Option<Latest>,
    /// How long a window is, seconds, as answers tell it; the longest.
    pub window: Option<u64>,
    /// The longest time from an answer to the end of its window, milliseconds: a window is at least
    /// as long.
    pub reach: Option<i64>,
    /// Refused because nothing was left: 429 or 403 with none remaining.
    pub primary: u64,
    /// Refused although requests were left: too many at once, or too fast.
    pub secondary: u64,
    /// Refused with 429, and what was left is not told.
    pub untold: u64,
    /// How finely its callers are told apart.
    pub detail: Detail,
    /// Requests by caller.
    pub callers: Callers,
    /// The windows, by the second in which they end, or wider where they are many.
    pub windows: Series<WindowUse>,
    /// Requests and the lowest number left, by time.
    pub series: Series<Level>,
}

/// The lowest number left; of equal ones, the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Lowest {
    /// How much was left.
    pub left: u64,
    /// When, UTC milliseconds.
    pub at: i64,
    /// The limit at the time.
    pub of: Option<u64>,
}

/// What an answer told of the window that it came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latest {
    /// When, UTC milliseconds.
    pub at: i64,
    /// How much was left.
    pub left: u64,
    /// When the window ends.
    pub reset: Option<i64>,
}

/// How one window was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowUse {
    /// Answers that told of it.
    pub requests: u64,
    /// Of these, refused because nothing was left.
    pub refused: u64,
    /// The most that was used of it, by whomever: the limit less what was left.
    pub used: u64,
    /// The lowest number left; `None` if no answer told it.
    pub lowest: Option<u64>,
    /// The limit; of several windows, that of the one with the lowest number left.
    pub limit: Option<u64>,
}

/// The share that was left of a limit.
pub(crate) fn share(left: u64, limit: u64) -> Option<f64> {
    (limit > 0).then(|| left as f64 / limit as f64)
}

impl WindowUse {
    /// The share that was left of it; of a limit that is not told with it, if so.
    pub(crate) fn share_left(&self, limit: Option<u64>) -> Option<f64> {
        share(self.lowest?, self.limit.or(limit)?)
    }
}

impl Measure for WindowUse {
    const WIDTHS: &'static [i64] = series::FINE;

    fn with(self, other: WindowUse) -> WindowUse {
        // Of equal ones the larger limit, of which less is left.
        let told =
            |window: WindowUse| (window.lowest.is_none(), window.lowest, Reverse(window.limit));
        let emptier = if told(self) <= told(other) { self } else { other };
        let WindowUse { lowest, limit, .. } = emptier;
        WindowUse {
            requests: self.requests + other.requests,
            refused: self.refused + other.refused,
            used: self.used.max(other.used),
            lowest,
            limit,
        }
    }
}

/// Requests of an interval, and the lowest number left in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Level {
    /// Requests.
    pub requests: u64,
    /// The lowest number left; `None` if no answer told it.
    pub lowest: Option<u64>,
}

impl Measure for Level {
    fn with(self, other: Level) -> Level {
        let lowest = lower(self.lowest, other.lowest);
        Level { requests: self.requests + other.requests, lowest }
    }
}

impl Limits {
    /// The limits, in order of upstream, credential and bucket.
    pub fn iter(&self) -> impl Iterator<Item = (&LimitKey, &LimitUse)> {
        self.limits.iter().map(|(key, used)| (key, used))
    }

    /// Adds what another worker, file or machine counted.
    pub fn merge(&mut self, other: Limits) {
        let mut all: BTreeMap<LimitKey, LimitUse> =
            std::mem::take(&mut self.limits).into_iter().collect();
        let folded = bounded::merge(&mut all, other.limits, LIMITS_MAX, &LimitKey::other());
        self.limits = all.into_iter().collect();
        self.consumption.merge(other.consumption);
        if !folded.is_empty() {
            self.consumption.fold_limits(&folded);
        }
        self.keep_within();
    }

    /// Widens the intervals of limits that are many.
    fn keep_within(&mut self) {
        let most = intervals(self.limits.len());
        self.limits.iter_mut().for_each(|(_, used)| used.keep_within(most));
    }
}

/// The most intervals that all limits have together, of windows as well as of requests.
const INTERVALS_MAX: usize = 100_000;

/// How many of them each of so many limits may have.
fn intervals(limits: usize) -> usize {
    (INTERVALS_MAX / limits.max(1)).min(series::INTERVALS_MAX)
}

impl LimitUse {
    /// Requests that were refused, for whichever reason.
    pub(crate) fn throttled(&self) -> u64 {
        self.primary + self.secondary + self.untold
    }

    fn keep_within(&mut self, intervals: usize) {
        self.windows.keep_within(intervals);
        self.series.keep_within(intervals);
    }
}

impl Merge for LimitUse {
    fn merge(&mut self, mut other: LimitUse) {
        self.requests += other.requests;
        self.limit = self.limit.max(other.limit);
        self.range = wider(self.range, other.range);
        self.lowest = lower(self.lowest, other.lowest);
        self.latest = later(self.latest, other.latest);
        self.window = self.window.max(other.window);
        self.reach = self.reach.max(other.reach);
        self.primary += other.primary;
        self.secondary += other.secondary;
        self.untold += other.untold;
        let detail = self.detail.max(other.detail);
        self.tell_callers(detail);
        other.tell_callers(detail);
        self.add_callers(other.callers);
        self.windows.merge(&other.windows);
        self.series.merge(&other.series);
    }
}

impl Counted for LimitUse {
    fn requests(&self) -> u64 {
        self.requests
    }
}

/// The most callers of a limit that are told apart.
pub(crate) const CALLERS_MAX: usize = 4_000;

impl LimitUse {
    /// Adds requests of callers that are told as finely, and then tells callers apart less finely until
    /// they are few enough.
    fn add_callers(&mut self, callers: Callers) {
        self.callers.merge(callers);
        while self.callers.iter().len() > CALLERS_MAX
            && let Some(coarser) = self.detail.coarser()
        {
            self.tell_callers(coarser);
        }
    }

    /// Tells callers apart as finely as `detail` says, and no more.
    fn tell_callers(&mut self, detail: Detail) {
        if self.detail != detail {
            self.detail = detail;
            self.callers = std::mem::take(&mut self.callers).at(detail);
        }
    }
}

/// The smaller of two that may be missing.
fn lower<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// What spans both ranges.
fn wider(one: Option<(u64, u64)>, other: Option<(u64, u64)>) -> Option<(u64, u64)> {
    match (one, other) {
        (Some(one), Some(other)) => Some((one.0.min(other.0), one.1.max(other.1))),
        (one, other) => one.or(other),
    }
}

/// The later of two answers; of those of the same moment, the one that left less.
fn later(one: Option<Latest>, other: Option<Latest>) -> Option<Latest> {
    let (Some(held), Some(more)) = (one, other) else { return one.or(other) };
    let rest = |latest: Latest| (Reverse(latest.left), latest.reset);
    match more.at.cmp(&held.at).then_with(|| rest(more).cmp(&rest(held))) {
        Ordering::Less => one,
        Ordering::Equal | Ordering::Greater => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many limits, each with a request a minute for so long.
    fn limits(many: usize, minutes: std::ops::Range<i64>) -> Limits {
        let mut used = LimitUse::default();
        for minute in minutes {
            let window =
                WindowUse { requests: 1, refused: 0, used: 1, lowest: Some(7), limit: Some(8) };
            used.windows.add(60_000 * minute, window);
            used.series.add(60_000 * minute, Level { requests: 1, lowest: Some(7) });
        }
        let key = |limit| LimitKey {
            upstream: format!("{limit:03}"),
            credential: "token".to_owned(),
            bucket: "core".to_owned(),
        };
        let limits = (0..many).map(|limit| (key(limit), used.clone()));
        let mut limits = Limits { limits: limits.collect(), consumption: Consumption::default() };
        limits.keep_within();
        limits
    }

    #[test]
    fn many_limits_have_wider_intervals_and_lose_nothing() {
        for (many, minutes) in [(33, 1), (34, 5), (LIMITS_MAX, 15)] {
            let whole = limits(many, 0..3_000);
            for (_, used) in whole.iter() {
                assert_eq!(used.series.interval_ms(), minutes * 60_000);
                let of_windows = if minutes == 1 { 1_000 } else { minutes * 60_000 };
                assert_eq!(used.windows.interval_ms(), of_windows);
                assert_eq!(used.series.iter().map(|(_, level)| level.requests).sum::<u64>(), 3_000);
            }
            let mut merged = limits(many, 0..1_000);
            merged.merge(limits(many, 1_000..3_000));
            assert_eq!(merged, whole);
        }
    }
}
