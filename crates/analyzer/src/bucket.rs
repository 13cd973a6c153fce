//! Token buckets, simulated on what was asked for: how many calls one would have refused.
//!
//! A bucket holds at most `burst` tokens and gains `rate` tokens a second; a call takes one, or is
//! refused. In any window of time it lets through at most `burst + rate × window` calls, so a bucket
//! for which that is the upstream's limit keeps the limit whatever is asked for, and however the
//! upstream's windows lie.
//!
//! The log is known by intervals, in each of which calls are taken to come evenly. Bursts within an
//! interval are not seen, so a simulation by wide intervals refuses too few rather than too many.

/// Into how many parts the limit is cut when burst and rate are chosen.
const PARTS: u32 = 20;

/// A bucket that holds but one token loses fractions of tokens between calls, which a simulation by
/// intervals does not see.
const BURST_MIN: f64 = 2.0;

/// Rates are told as whole numbers of calls in so many seconds.
const UNITS: [(f64, &str); 4] =
    [(1.0, "a second"), (60.0, "a minute"), (3_600.0, "an hour"), (86_400.0, "a day")];

/// The most that rounding adds to or takes from a whole number.
const ROUNDING: f64 = 1e-6;

/// A token bucket.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenBucket {
    /// Tokens gained a second.
    pub rate_per_second: f64,
    /// The most tokens that it holds, at the beginning too.
    pub burst: f64,
}

impl TokenBucket {
    /// One whose rate, at most as high as this, is such a number: what is simulated is what is told.
    fn of(rate_per_second: f64, burst: f64) -> TokenBucket {
        let (seconds, _) = unit(rate_per_second);
        let calls = (rate_per_second * seconds + ROUNDING).floor();
        TokenBucket { rate_per_second: calls / seconds, burst }
    }

    /// Calls, and in what time: `28`, `a minute`.
    pub(crate) fn rate(self) -> (u64, &'static str) {
        let (seconds, name) = unit(self.rate_per_second);
        ((self.rate_per_second * seconds).round() as u64, name)
    }

    /// How many calls are refused, by the intervals in which any are. Intervals of `width` milliseconds
    /// are given by their start, in order, with the calls that came in it.
    pub(crate) fn refuses(
        self,
        width: i64,
        calls: impl IntoIterator<Item = (i64, u64)>,
    ) -> impl Iterator<Item = (i64, u64)> {
        let gain = move |ms: i64| self.rate_per_second * ms as f64 / 1000.0;
        let gained = gain(width);
        let mut tokens = self.burst;
        let mut end: Option<i64> = None;
        calls.into_iter().filter_map(move |(start, calls)| {
            if let Some(end) = end.filter(|end| *end != start) {
                tokens = (tokens + gain(start - end)).min(self.burst);
            }
            let had = tokens + gained;
            // What is missing by the last call, which comes when the interval ends.
            let over = calls as f64 - had;
            let missing = if over > 0.0 { rounded_up(over) } else { 0 };
            tokens = (had - calls.saturating_sub(missing) as f64).clamp(0.0, self.burst);
            end = Some(start + width);
            (missing > 0).then_some((start, missing))
        })
    }

    /// The bucket that keeps a limit and would have refused the fewest calls; of equal ones, that with
    /// the smallest burst. `limit` is in calls a `window` of milliseconds.
    pub(crate) fn for_limit(limit: f64, window: i64, width: i64, calls: &[(i64, u64)]) -> Choice {
        let seconds = window as f64 / 1000.0;
        let buckets = (1..PARTS).map(|part| {
            let burst = (limit * f64::from(part) / f64::from(PARTS)).floor().max(BURST_MIN);
            let burst = burst.min(limit.floor()).max(1.0);
            TokenBucket::of((limit - burst).max(0.0) / seconds, burst)
        });
        let refused = |bucket: &TokenBucket| bucket.refuses(width, calls.iter().copied());
        let total = |bucket: &TokenBucket| refused(bucket).map(|(_, calls)| calls).sum::<u64>();
        match buckets.min_by_key(total) {
            Some(bucket) => Choice { bucket, refused: refused(&bucket).collect() },
            None => Choice {
                bucket: TokenBucket { rate_per_second: 0.0, burst: limit },
                refused: Vec::new(),
            },
        }
    }
}

/// The shortest unit of time that has ten calls, else the longest.
fn unit(rate_per_second: f64) -> (f64, &'static str) {
    let has_ten = |(seconds, _): &(f64, &str)| rate_per_second * seconds >= 10.0 - ROUNDING;
    let [.., longest] = UNITS;
    UNITS.into_iter().find(has_ten).unwrap_or(longest)
}

/// What `ceil` gives, which is a call where a processor may lack the instruction.
fn rounded_up(number: f64) -> u64 {
    let whole = number as u64;
    whole + u64::from((whole as f64) < number)
}

/// A bucket, and what it would have refused.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Choice {
    pub(crate) bucket: TokenBucket,
    /// By interval: where it starts, calls.
    pub(crate) refused: Vec<(i64, u64)>,
}

impl Choice {
    /// All calls that it would have refused.
    pub(crate) fn total(&self) -> u64 {
        self.refused.iter().map(|(_, calls)| calls).sum()
    }
}

/// The most that each may use so that all together keep a limit, if nobody is to give up more than
/// needed for others who use less: max-min fairness (D. Bertsekas and R. Gallager, "Data Networks",
/// 6.5.2). `None` if they keep it as they are.
pub(crate) fn fair_share(limit: u64, uses: &[u64]) -> Option<u64> {
    if uses.iter().sum::<u64>() <= limit {
        return None;
    }
    let mut ascending = uses.to_vec();
    ascending.sort_unstable();
    let mut left = limit;
    for (others, used) in (1..=ascending.len() as u64).rev().zip(ascending) {
        if used * others >= left {
            return Some(left / others);
        }
        left -= used;
    }
    None
}

/// A total shared out in proportion to weights, in whole numbers that add up to it: the largest
/// remainders are rounded up, of equal ones the first.
pub(crate) fn in_proportion(total: u64, weights: &[u64]) -> Vec<u64> {
    let sum = weights.iter().sum::<u64>().max(1);
    let mut shares = Vec::with_capacity(weights.len());
    let mut by_remainder = Vec::with_capacity(weights.len());
    for (index, weight) in weights.iter().enumerate() {
        let exact = u128::from(total) * u128::from(*weight);
        let whole = exact / u128::from(sum);
        by_remainder.push((std::cmp::Reverse(exact - whole * u128::from(sum)), index));
        shares.push(u64::try_from(whole).unwrap_or(u64::MAX));
    }
    by_remainder.sort_unstable();
    let missing = total.saturating_sub(shares.iter().sum());
    for (_, index) in by_remainder.into_iter().take(usize::try_from(missing).unwrap_or_default()) {
        if let Some(share) = shares.get_mut(index) {
            *share += 1;
        }
    }
    shares
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// One call after the other, evenly within its interval: the simplest token bucket there is.
    fn call_by_call(rate: f64, burst: f64, width: i64, intervals: &[(i64, u64)]) -> u64 {
        let (mut tokens, mut last, mut refused) = (burst, None, 0);
        for &(start, calls) in intervals {
            for call in 1..=calls {
                let at = start as f64 + width as f64 * call as f64 / calls as f64;
                let since = at - last.unwrap_or(at);
                tokens = f64::min(tokens + rate * since / 1000.0, burst);
                last = Some(at);
                if tokens >= 1.0 - 1e-9 {
                    tokens -= 1.0;
                } else {
                    refused += 1;
                }
            }
        }
        refused
    }

    #[test]
    fn what_a_bucket_refuses() {
        let bucket = TokenBucket { rate_per_second: 0.5, burst: 10.0 };
        // 10 tokens, and 30 more by the end of a minute; then nothing is left but what is gained.
        let refused = bucket.refuses(60_000, [(0, 45), (60_000, 31), (600_000, 40), (660_000, 1)]);
        assert_eq!(refused.collect::<Vec<_>>(), [(0, 5), (60_000, 1)]);
    }

    #[test]
    fn the_chosen_bucket_keeps_the_limit_and_refuses_the_fewest() {
        // A burst of 25 and then little: of 30 a minute, most must be burst.
        let calls = [(0, 25), (60_000, 2), (120_000, 2), (600_000, 28)];
        let choice = TokenBucket::for_limit(30.0, 60_000, 60_000, &calls);
        assert_eq!(choice.total(), 0);
        let TokenBucket { rate_per_second, burst } = choice.bucket;
        assert!((burst + rate_per_second * 60.0 - 30.0).abs() < 1e-9);
        let steady = [(0, 28), (60_000, 28), (120_000, 28)];
        let choice = TokenBucket::for_limit(30.0, 60_000, 60_000, &steady);
        assert_eq!((choice.total(), choice.bucket.burst), (0, 2.0));
    }

    #[track_caller]
    fn check_rate(limit: f64, window: i64, expected: (u64, &str)) {
        let bucket = TokenBucket::for_limit(limit, window, 60_000, &[]).bucket;
        assert_eq!(bucket.rate(), expected, "{bucket:?}");
        let again = TokenBucket::of(bucket.rate_per_second, bucket.burst);
        assert_eq!((again, again.rate()), (bucket, expected));
    }

    #[test]
    fn the_rate_that_is_simulated_is_the_whole_number_that_is_told() {
        check_rate(30.0, 60_000, (28, "a minute"));
        check_rate(12.0, 60_000, (10, "a minute"));
        check_rate(11.0, 60_000, (540, "an hour"));
        check_rate(400.0, 1_000, (380, "a second"));
        check_rate(1_000.0 / 3.0, 3_600_000, (317, "an hour"));
        check_rate(10.0, 86_400_000, (8, "a day"));
    }

    #[test]
    fn those_who_use_little_give_up_nothing() {
        assert_eq!(fair_share(100, &[10, 20, 30]), None);
        assert_eq!(fair_share(100, &[10, 20, 300]), Some(70));
        assert_eq!(fair_share(100, &[300, 10, 200]), Some(45));
        assert_eq!(fair_share(2, &[5, 5, 5]), Some(0));
    }

    #[test]
    fn shares_add_up() {
        assert_eq!(in_proportion(10, &[1, 1, 1]), [4, 3, 3]);
        assert_eq!(in_proportion(7, &[0, 5, 5]), [0, 4, 3]);
        assert_eq!(in_proportion(0, &[1, 2]), [0, 0]);
    }

    proptest! {
        #[test]
        fn it_refuses_what_a_bucket_refuses_call_by_call(
            rate in 1..40_u32,
            burst in 2..60_u32,
            counts in prop::collection::vec(0..400_u64, 1..40),
        ) {
            let (rate, burst) = (f64::from(rate) / 10.0, f64::from(burst));
            let calls: Vec<(i64, u64)> = (0..).step_by(60_000).zip(counts).collect();
            let refused = TokenBucket { rate_per_second: rate, burst }.refuses(60_000, calls.iter().copied());
            let refused: u64 = refused.map(|(_, calls)| calls).sum();
            let exact = call_by_call(rate, burst, 60_000, &calls);
            // A fraction of a token either way in each interval.
            prop_assert!(refused.abs_diff(exact) <= 2 * calls.len() as u64, "{} {}", refused, exact);
        }

        #[test]
        fn a_fair_share_uses_the_limit_up(
            limit in 1..2_000_u64,
            uses in prop::collection::vec(1..900_u64, 1..12),
        ) {
            let used = |share: u64| uses.iter().map(|&used| used.min(share)).sum::<u64>();
            match fair_share(limit, &uses) {
                None => prop_assert!(uses.iter().sum::<u64>() <= limit),
                Some(share) => prop_assert!(used(share) <= limit && limit < used(share + 1)),
            }
        }

        #[test]
        fn shares_are_within_one_of_exact(
            total in 0..10_000_u64,
            weights in prop::collection::vec(0..500_u64, 1..12),
        ) {
            prop_assume!(weights.iter().sum::<u64>() > 0);
            let (shares, sum) = (in_proportion(total, &weights), weights.iter().sum::<u64>() as f64);
            prop_assert_eq!(shares.iter().sum::<u64>(), total);
            for (share, weight) in shares.iter().zip(&weights) {
                prop_assert!((*share as f64 - total as f64 * *weight as f64 / sum).abs() < 1.0);
            }
        }
    }
}
