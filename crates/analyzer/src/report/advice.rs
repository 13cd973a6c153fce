//! What would keep a limit: a token bucket for all, or slower callers.

use serde::Serialize;

use super::{CallerCount, PointReport, by_requests};
use crate::bucket::{Choice, TokenBucket, fair_share, in_proportion};
use crate::consumption::Consumption;
use crate::limits::LimitKey;
use crate::time::rfc3339;

/// How much of the limit slower callers may use together: the rest is headroom.
const FAIR: f64 = 0.9;

/// Intervals listed, of those in which a bucket would have refused the most.
const WORST: usize = 5;

/// What would have kept a limit. Simulated on the log.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AdviceReport<'g> {
    /// The simulation sees calls by intervals as wide as this; bursts within are not seen.
    pub interval_seconds: i64,
    /// One token bucket for all who use the credential.
    pub bucket: BucketReport<'g>,
    /// Who would have to be slower so that the heaviest window leaves a tenth, those who used the most
    /// first: each gives up only what others do not need.
    pub slow: Vec<SlowReport>,
}

/// A token bucket that lets through no more than the limit in any window.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BucketReport<'g> {
    /// Its rate and burst, chosen to refuse the fewest of the log's calls.
    #[serde(flatten)]
    pub bucket: TokenBucket,
    /// The log's calls.
    pub calls: u64,
    /// Of these, it would have refused.
    pub refused: u64,
    /// Whose they were, in proportion to what each called at the time.
    pub by: Vec<CallerCount<'g>>,
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

/// What was called of a limit: by interval, by principal.
pub(super) struct Calls<'a> {
    /// The width of an interval, milliseconds.
    width: i64,
    /// The names of principals, in order.
    principals: &'a [String],
    /// In order of the intervals.
    cells: Vec<Cell>,
}

/// Where an interval starts, the place of who called, how many calls.
type Cell = (i64, u32, u64);

impl<'a> Calls<'a> {
    pub(super) fn of(limit: &LimitKey, consumption: &'a Consumption) -> Calls<'a> {
        Calls {
            width: consumption.interval_ms(),
            principals: consumption.principals(),
            cells: consumption.by_place(limit).collect(),
        }
    }

    /// Everybody's calls by interval.
    fn by_interval(&self) -> Vec<(i64, u64)> {
        let intervals = self.cells.chunk_by(|(one, ..), (next, ..)| one == next);
        intervals.filter_map(|cells| Some((cells.first()?.0, total(cells)))).collect()
    }

    /// Everybody's calls in an interval.
    fn within(&self, start: i64) -> impl Iterator<Item = (u32, u64)> {
        let from = self.cells.partition_point(|(at, ..)| *at < start);
        by_place(self.cells.iter().skip(from).take_while(move |(at, ..)| *at == start))
    }

    /// The calls of each, by place.
    fn sums(&self, calls: impl Iterator<Item = (u32, u64)>) -> Vec<u64> {
        let mut sums = vec![0; self.principals.len()];
        for (principal, calls) in calls {
            if let Some(sum) = sums.get_mut(principal as usize) {
                *sum += calls;
            }
        }
        sums
    }

    /// Who called how much, the most first.
    fn in_words(&self, calls: impl Iterator<Item = (u32, u64)>) -> Vec<CallerCount<'a>> {
        let counts = self.principals.iter().zip(self.sums(calls)).filter(|(_, calls)| *calls > 0);
        by_requests(counts.map(|(principal, calls)| (&**principal, calls)))
    }

    /// Who called how much in all, the most first.
    pub(super) fn by_principal(&self) -> Vec<CallerCount<'a>> {
        self.in_words(by_place(&self.cells))
    }
}

fn by_place<'c>(cells: impl IntoIterator<Item = &'c Cell>) -> impl Iterator<Item = (u32, u64)> {
    cells.into_iter().map(|(_, principal, calls)| (*principal, *calls))
}

fn total(cells: &[Cell]) -> u64 {
    by_place(cells).map(|(_, calls)| calls).sum()
}

impl<'g> AdviceReport<'g> {
    /// `limit` is in calls, `window` in milliseconds; windows begin at multiples of it after `phase`.
    pub(super) fn new(calls: &Calls<'g>, limit: f64, window: i64, phase: i64) -> AdviceReport<'g> {
        let all = calls.by_interval();
        let choice = TokenBucket::for_limit(limit, window, calls.width, &all);
        AdviceReport {
            interval_seconds: calls.width / 1000,
            bucket: BucketReport::new(calls, &choice, all.iter().map(|(_, calls)| calls).sum()),
            slow: slow(calls, limit, window, phase),
        }
    }
}

impl<'g> BucketReport<'g> {
    fn new(calls: &Calls<'g>, choice: &Choice, all: u64) -> BucketReport<'g> {
        let by = choice.refused.iter().flat_map(|&(start, refused)| {
            let (who, weights): (Vec<u32>, Vec<u64>) = calls.within(start).unzip();
            who.into_iter().zip(in_proportion(refused, &weights))
        });
        let mut worst = choice.refused.clone();
        worst.sort_by_key(|(start, refused)| (std::cmp::Reverse(*refused), *start));
        let worst = worst.into_iter().take(WORST);
        BucketReport {
            bucket: choice.bucket,
            calls: all,
            refused: choice.total(),
            by: calls.in_words(by),
            worst: worst
                .map(|(start, requests)| PointReport { start: rfc3339(start), requests })
                .collect(),
        }
    }
}

/// Who must be slower for the heaviest window to leave a tenth.
fn slow(calls: &Calls<'_>, limit: f64, window: i64, phase: i64) -> Vec<SlowReport> {
    let begin = |start: i64| start - (start - phase).rem_euclid(window.max(calls.width));
    let windows = calls.cells.chunk_by(|(one, ..), (next, ..)| begin(*one) == begin(*next));
    // The first, of equal ones.
    let heaviest = windows.rev().max_by_key(|cells| total(cells)).unwrap_or_default();
    let Some(&(start, ..)) = heaviest.first() else { return Vec::new() };
    // Of an interval that is wider than a window, a window has its part.
    let part = (window as f64 / calls.width as f64).min(1.0);
    let uses = calls.sums(by_place(heaviest)).into_iter();
    let uses: Vec<u64> = uses.map(|used| (used as f64 * part).ceil() as u64).collect();
    // Where there is not a call for each of them, slower ones would not do.
    let share = fair_share((limit * FAIR) as u64, &uses).filter(|share| *share > 0);
    let Some(share) = share else { return Vec::new() };
    let mut own = vec![Vec::new(); calls.principals.len()];
    for &(start, principal, calls) in &calls.cells {
        if let Some(own) = own.get_mut(principal as usize) {
            own.push((start, calls));
        }
    }
    let too_fast = calls.principals.iter().zip(uses).zip(own);
    let too_fast = too_fast.filter(|((_, requests), _)| *requests > share);
    let mut slow: Vec<SlowReport> = too_fast
        .map(|((principal, requests), own)| {
            let choice = TokenBucket::for_limit(share as f64, window, calls.width, &own);
            SlowReport {
                principal: principal.clone(),
                window: rfc3339(begin(start)),
                requests,
                share,
                bucket: choice.bucket,
                refused: choice.total(),
            }
        })
        .collect();
    slow.sort_by_key(|slow| std::cmp::Reverse(slow.requests));
    slow
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_told_to_call_nothing() {
        let principals: Vec<String> = (0..100).map(|number| format!("role-{number}")).collect();
        let cells: Vec<Cell> = (0..100).map(|principal| (0, principal, 5)).collect();
        let calls = Calls { width: 60_000, principals: &principals, cells };
        let advice = |limit: f64| AdviceReport::new(&calls, limit, 60_000, 0);
        let slow = advice(120.0).slow;
        assert_eq!((slow.len(), slow[0].share, slow[0].requests), (100, 1, 5));
        // Nine tenths of it are not a call for each.
        assert!(advice(110.0).slow.is_empty());
        assert!(advice(110.0).bucket.refused > 300);
    }
}
