//! How many distinct things there were, without keeping them all.
//!
//! Adaptive sampling (M. Wegman; P. Flajolet, "On adaptive sampling", 1990): of all hashes seen, those
//! below a bound are kept, and the bound is halved whenever they are too many. What is kept is a fair
//! sample whatever came how often, and depends on nothing but the set of hashes: so counting is exact
//! until there are too many, and merging gives what one run would have given.

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use crate::digits::pairs;
use crate::ordered::merged;

/// The most hashes that are kept.
const KEPT_MAX: usize = 8_192;

/// How many hashes are looked up at a time.
const FRESH_MAX: usize = 2_048;

/// Distinct hashes, each with a number of whatever it belongs to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Distinct {
    /// The leading bits, none of which a hash below the bound has: one more whenever it is halved.
    beyond: u64,
    /// Those that are kept, each with the number that it came with first. The table hashes them once
    /// more, with a seed: whoever writes a log can find calls whose own hashes would share a place.
    kept: HashMap<u64, u32>,
    /// Those that came last, as they came: to look each up among the others at once would be to wait
    /// for memory.
    fresh: Vec<(u64, u32)>,
}

impl Distinct {
    /// None yet, with the bound of these: that of all together is no higher.
    pub(crate) fn like(&self) -> Distinct {
        Distinct { beyond: self.beyond, ..Distinct::default() }
    }

    /// Counts a hash, all of whose bits are equally likely to be set.
    #[inline]
    pub(crate) fn add(&mut self, hash: u64, of: u32) {
        if self.is_below(hash) {
            self.fresh.push((hash, of));
            if self.fresh.len() == FRESH_MAX {
                self.settle();
            }
        }
    }

    #[inline]
    fn is_below(&self, hash: u64) -> bool {
        hash & self.beyond == 0
    }

    /// Keeps what came last.
    #[cold]
    fn settle(&mut self) {
        if self.kept.len() > KEPT_MAX / 4 {
            // It will be full soon, and need not grow step by step.
            self.kept.reserve((KEPT_MAX + 1).saturating_sub(self.kept.len()));
        }
        let mut fresh = std::mem::take(&mut self.fresh);
        for (hash, of) in fresh.drain(..) {
            self.keep(hash, of);
        }
        self.fresh = fresh;
    }

    #[inline]
    fn keep(&mut self, hash: u64, of: u32) {
        // The bound may have been halved since it came.
        if self.is_below(hash) {
            self.kept.entry(hash).or_insert(of);
            while self.kept.len() > KEPT_MAX {
                self.raise(self.level() + 1);
            }
        }
    }

    /// How many times the bound was halved.
    fn level(&self) -> u32 {
        self.beyond.leading_ones()
    }

    #[cold]
    fn raise(&mut self, level: u32) {
        if level > self.level() {
            let beyond = !u64::MAX.checked_shr(level).unwrap_or(0);
            self.beyond = beyond;
            self.kept.retain(|hash, _| hash & beyond == 0);
        }
    }

    /// What is kept, in order.
    pub(crate) fn sample(mut self) -> Sample {
        self.settle();
        let level = self.level();
        let mut kept: Vec<(u64, u32)> = self.kept.into_iter().collect();
        kept.sort_unstable_by_key(|(hash, _)| *hash);
        Sample { level, kept }
    }
}

/// A [`Distinct`] at rest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sample {
    level: u32,
    /// In order of the hashes.
    #[serde(with = "pairs")]
    kept: Vec<(u64, u32)>,
}

impl Sample {
    /// The sample of what either is a sample of. Both count for the same by the same numbers.
    pub(crate) fn merge(self, other: Sample) -> Sample {
        let mut level = self.level.max(other.level);
        let mut kept = merged(self.kept, other.kept, |_, _| ());
        kept.truncate(below(&kept, level));
        while kept.len() > KEPT_MAX {
            level += 1;
            kept.truncate(below(&kept, level));
        }
        Sample { level, kept }
    }

    /// With other numbers of what hashes were counted for.
    #[must_use]
    pub(crate) fn renumbered(mut self, number: impl Fn(u32) -> u32) -> Sample {
        self.kept.iter_mut().for_each(|(_, of)| *of = number(*of));
        self
    }

    /// The numbers that hashes were counted for.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = u32> {
        self.kept.iter().map(|&(_, of)| of)
    }

    /// How many distinct hashes `kept` of this sample stand for, and the standard error of that.
    pub(crate) fn estimate(&self, kept: u64) -> (u64, u64) {
        let each = 1_u64.checked_shl(self.level).unwrap_or(u64::MAX);
        let error = (kept as f64 * each as f64 * (each - 1) as f64).sqrt();
        (kept.saturating_mul(each), error.ceil() as u64)
    }
}

/// How many hashes are below the bound of a level.
fn below(kept: &[(u64, u32)], level: u32) -> usize {
    kept.partition_point(|(hash, _)| hash.leading_zeros() >= level)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// SplitMix64, so that hashes are as even as they must be.
    fn hash(number: u64) -> u64 {
        let mut z = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn counted(numbers: impl Iterator<Item = u64>) -> Distinct {
        let mut distinct = Distinct::default();
        numbers.for_each(|number| distinct.add(hash(number), number as u32 % 3));
        distinct
    }

    #[test]
    fn few_are_exact_however_often_they_come() {
        let sample = counted((0..50_000).map(|number| number % 8_192)).sample();
        assert_eq!(sample.estimate(sample.numbers().count() as u64), (8_192, 0));
    }

    #[test]
    fn nothing_is_kept_that_is_not_below_the_bound() {
        let mut raised = false;
        // Just as many as are looked up, and one more.
        for many in (FRESH_MAX..4 * KEPT_MAX).step_by(FRESH_MAX).flat_map(|many| [many, many + 1]) {
            let Sample { level, kept } = counted(0..many as u64).sample();
            assert!(kept.iter().all(|(hash, _)| hash.leading_zeros() >= level), "{many}");
            raised |= level > 0;
        }
        assert!(raised);
    }

    #[test]
    fn many_are_estimated_within_the_stated_error() {
        let mut outside = 0;
        for from in 0..20_u64 {
            let sample = counted(from * 1_000_000..from * 1_000_000 + 400_000).sample();
            for of in 0..3 {
                let kept = sample.numbers().filter(|number| *number == of).count() as u64;
                let (about, error) = sample.estimate(kept);
                assert!(kept > 1_000 && error < 5_000, "{kept} {error}");
                outside += u32::from(about.abs_diff(400_000 / 3) > 2 * error);
            }
        }
        assert!(outside <= 6, "{outside} of 60 lie more than two standard errors away");
    }

    /// All hashes, each with the number that it first came with, and then those below the bound.
    fn sampled_at_the_end(numbers: &[(u64, u32)]) -> Sample {
        let mut all = BTreeMap::new();
        for &(number, of) in numbers {
            all.entry(hash(number)).or_insert(of);
        }
        let below = |level| all.range(..=u64::MAX >> level).map(|(hash, of)| (*hash, *of));
        let level = (0..).find(|level| below(*level).count() <= KEPT_MAX).unwrap();
        Sample { level, kept: below(level).collect() }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]
        #[test]
        fn a_sample_is_what_is_left_of_all_at_the_end(
            numbers in prop::collection::vec((0..60_000_u64, 0..5_u32), 0..40_000),
        ) {
            let mut distinct = Distinct::default();
            numbers.iter().for_each(|&(number, of)| distinct.add(hash(number), of));
            prop_assert_eq!(distinct.sample(), sampled_at_the_end(&numbers));
        }

        #[test]
        fn merging_is_counting_together(
            left in prop::collection::vec(0..60_000_u64, 0..40_000),
            right in prop::collection::vec(0..60_000_u64, 0..9_000),
        ) {
            let whole = counted(left.iter().chain(&right).copied()).sample();
            let [left, right] = [left, right].map(|all| counted(all.into_iter()).sample());
            prop_assert_eq!(left.merge(right), whole);
        }
    }
}
