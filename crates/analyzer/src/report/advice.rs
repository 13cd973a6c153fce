//! What would keep a limit: a token bucket for all, or slower callers.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{CallerCount, PointReport};
use crate::bucket::{Choice, TokenBucket, fair_share, in_proportion};
use crate::time::rfc3339;

/// How much of the limit slower callers may use together: the rest is headroom.
const FAIR: f64 = 0.9;

/// Intervals listed, of those in which a bucket would have refused the most.
const WORST: usize = 5;

/// What would have kept a limit. Simulated on the log.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AdviceReport {
    /// The simulation sees calls by intervals as wide as this; bursts within are not seen.
    pub interval_seconds: i64,
    /// One token bucket for all who use the credential.
    pub bucket: BucketReport,
    /// Who would have to be slower so that the heaviest window leaves a tenth, those who used the most
    /// first: each gives up only what others do not need.
    pub slow: Vec<SlowReport>,
}

/// A token bucket that lets through no more than the limit in any window.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BucketReport {
    /// Its rate and burst, chosen to refuse the fewest of the log's calls.
    #[serde(flatten)]
    pub bucket: TokenBucket,
    /// The log's calls.
    pub calls: u64,
    /// Of these, it would have refused.
    pub refused: u64,
    /// Whose they were, in proportion to what each called at the time.
    pub by: Vec<CallerCount>,
    /// When they were, the worst intervals first.
    pub worst: Vec<PointReport>,
}

/// A principal that would have to be slower.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SlowReport {
    /// A role, or a caller that has none.
    pub principal: String,
    /// Where the heaviest window starts, RFC 3339.
    pub window: String,
    /// Its calls in that window.
    pub requests: u64,
    /// Its fair share of a window.
    pub share: u64,
    /// A token bucket for it alone that keeps that share.
    #[serde(flatten)]
    pub bucket: TokenBucket,
    /// How many of its calls that would have refused.
    pub refused: u64,
}

/// What was called: by interval, by principal.
pub(super) struct Calls<'a> {
    /// The width of an interval, milliseconds.
    pub(super) width: i64,
    /// Intervals in order: where each starts, who, how many.
    pub(super) cells: Vec<(i64, &'a str, u64)>,
}

impl Calls<'_> {
    /// Everybody's calls by interval.
    fn by_interval(&self) -> Vec<(i64, u64)> {
        let intervals = self.cells.chunk_by(|(one, ..), (next, ..)| one == next);
        let sum = |cells: &[(i64, &str, u64)]| cells.iter().map(|(.., calls)| calls).sum();
        intervals.filter_map(|cells| Some((cells.first()?.0, sum(cells)))).collect()
    }

    /// The calls of each by interval.
    fn by_principal(&self) -> BTreeMap<&str, Vec<(i64, u64)>> {
        let mut by: BTreeMap<&str, Vec<(i64, u64)>> = BTreeMap::new();
        for &(start, principal, calls) in &self.cells {
            by.entry(principal).or_default().push((start, calls));
        }
        by
    }

    /// Everybody's calls in an interval.
    fn within(&self, start: i64) -> impl Iterator<Item = (&str, u64)> {
        let from = self.cells.partition_point(|(at, ..)| *at < start);
        let cells = self.cells.iter().skip(from).take_while(move |(at, ..)| *at == start);
        cells.map(|(_, principal, calls)| (*principal, *calls))
    }
}

impl AdviceReport {
    /// `limit` is in calls, `window` in milliseconds; windows begin at multiples of it after `phase`.
    pub(super) fn new(calls: &Calls<'_>, limit: f64, window: i64, phase: i64) -> AdviceReport {
        let all = calls.by_interval();
        let choice = TokenBucket::for_limit(limit, window, calls.width, &all);
        AdviceReport {
            interval_seconds: calls.width / 1000,
            bucket: BucketReport::new(calls, &choice, all.iter().map(|(_, calls)| calls).sum()),
            slow: slow(calls, limit, window, phase),
        }
    }
}

impl BucketReport {
    fn new(calls: &Calls<'_>, choice: &Choice, all: u64) -> BucketReport {
        let mut by: BTreeMap<&str, u64> = BTreeMap::new();
        for &(start, refused) in &choice.refused {
            let (who, weights): (Vec<&str>, Vec<u64>) = calls.within(start).unzip();
            for (principal, refused) in who.into_iter().zip(in_proportion(refused, &weights)) {
                *by.entry(principal).or_default() += refused;
            }
        }
        by.retain(|_, refused| *refused > 0);
        let mut worst = choice.refused.clone();
        worst.sort_by_key(|(start, refused)| (std::cmp::Reverse(*refused), *start));
        let worst = worst.into_iter().take(WORST);
        BucketReport {
            bucket: rounded(choice.bucket),
            calls: all,
            refused: choice.total(),
            by: super::by_requests(by.iter()),
            worst: worst
                .map(|(start, requests)| PointReport { start: rfc3339(start), requests })
                .collect(),
        }
    }
}

/// A rate with as many digits as one would configure.
fn rounded(bucket: TokenBucket) -> TokenBucket {
    let rate_per_second = (bucket.rate_per_second * 10_000.0).floor() / 10_000.0;
    TokenBucket { rate_per_second, ..bucket }
}

/// Who must be slower for the heaviest window to leave a tenth.
fn slow(calls: &Calls<'_>, limit: f64, window: i64, phase: i64) -> Vec<SlowReport> {
    let mut windows: BTreeMap<i64, BTreeMap<&str, u64>> = BTreeMap::new();
    // Of an interval that is wider than a window, a window has its part.
    let part = (window as f64 / calls.width as f64).min(1.0);
    for &(start, principal, requests) in &calls.cells {
        let window = start - (start - phase).rem_euclid(window.max(calls.width));
        *windows.entry(window).or_default().entry(principal).or_default() += requests;
    }
    let total = |uses: &BTreeMap<&str, u64>| uses.values().sum::<u64>();
    let heaviest = windows.into_iter().rev().max_by_key(|(_, uses)| total(uses));
    let Some((start, uses)) = heaviest else { return Vec::new() };
    let uses: Vec<(&str, u64)> =
        uses.into_iter().map(|(who, used)| (who, (used as f64 * part).ceil() as u64)).collect();
    let counts: Vec<u64> = uses.iter().map(|(_, used)| *used).collect();
    let by_principal = calls.by_principal();
    let Some(share) = fair_share((limit * FAIR) as u64, &counts) else { return Vec::new() };
    let too_fast = uses.into_iter().filter(|(_, used)| *used > share);
    let mut slow: Vec<SlowReport> = too_fast
        .map(|(principal, requests)| {
            let own = by_principal.get(principal).map_or(&[][..], Vec::as_slice);
            let choice = TokenBucket::for_limit(share as f64, window, calls.width, own);
            SlowReport {
                principal: principal.to_owned(),
                window: rfc3339(start),
                requests,
                share,
                bucket: rounded(choice.bucket),
                refused: choice.total(),
            }
        })
        .collect();
    slow.sort_by_key(|slow| std::cmp::Reverse(slow.requests));
    slow
}
