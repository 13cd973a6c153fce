//! Percentiles of values without keeping them: a histogram with a stated error, that merges.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Bits of a value that a bucket tells apart.
const BITS: u32 = 7;
const LINEAR: u64 = 1 << BITS;

/// What is larger counts as this: four and a half hours, if values are milliseconds, and more than an
/// answer can take. So what a log says cannot make a histogram large.
const VALUE_MAX: u64 = (1 << 24) - 1;

/// A log-linear histogram: values below 256 are exact, larger ones are off by at most 0.4 %, and those
/// from 2²⁴ on count as the one before.
///
/// Each power of two is cut into 128 buckets of equal width, and a bucket answers with its middle:
/// half a width is at most 1/256 of the value. Merging is adding, so the order of merging does not
/// matter. A histogram of answers from 1 ms to 30 s takes 2.5 KB, and no histogram takes more than 5 KB,
/// but for 65,536 values and more in one bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<u64>", into = "Vec<u64>")]
pub struct Histogram {
    /// The low bits of each bucket's count: few buckets need more, and each value comes by.
    low: Vec<u16>,
    /// By bucket, what is counted there beyond the low bits.
    high: BTreeMap<usize, u64>,
}

impl Histogram {
    /// Counts a value.
    #[inline(always)]
    pub fn add(&mut self, value: u64) {
        let index = bucket(value.min(VALUE_MAX));
        let low = self.low_of(index);
        *low = low.wrapping_add(1);
        if *low == 0 {
            self.carry(index, 1);
        }
    }

    /// Adds what another histogram counted.
    pub fn merge(&mut self, other: &Histogram) {
        for (index, count) in other.counts().enumerate() {
            self.add_to(index, count);
        }
    }

    fn add_to(&mut self, index: usize, count: u64) {
        let low = self.low_of(index);
        let sum = u64::from(*low) + count;
        *low = sum as u16;
        if sum >> u16::BITS > 0 {
            self.carry(index, sum >> u16::BITS);
        }
    }

    #[inline]
    fn low_of(&mut self, index: usize) -> &mut u16 {
        if self.low.len() <= index {
            self.low.reserve_exact(index + 1 - self.low.len());
            self.low.resize(index + 1, 0);
        }
        #[expect(clippy::indexing_slicing, reason = "the list was just made long enough")]
        &mut self.low[index]
    }

    /// Counts what the low bits of a bucket have no room for.
    #[cold]
    fn carry(&mut self, index: usize, times: u64) {
        *self.high.entry(index).or_default() += times << u16::BITS;
    }

    /// The counts of the buckets.
    fn counts(&self) -> impl Iterator<Item = u64> {
        let high = |index| self.high.get(&index).copied().unwrap_or_default();
        self.low.iter().enumerate().map(move |(index, low)| high(index) + u64::from(*low))
    }

    /// How many values were counted.
    pub fn count(&self) -> u64 {
        self.counts().sum()
    }

    /// The smallest value that at least `percent` of the values do not exceed (the nearest-rank
    /// definition); `None` if nothing was counted.
    pub fn percentile(&self, percent: f64) -> Option<u64> {
        let total = self.count();
        let rank = ((percent / 100.0 * total as f64).ceil() as u64).clamp(1, total.max(1));
        let mut seen = 0;
        self.counts().enumerate().find_map(|(index, count)| {
            seen += count;
            (seen >= rank).then(|| middle(index))
        })
    }
}

/// As it is written: the counts of the buckets.
impl From<Histogram> for Vec<u64> {
    fn from(histogram: Histogram) -> Vec<u64> {
        histogram.counts().collect()
    }
}

/// What lies beyond the last bucket counts there.
impl From<Vec<u64>> for Histogram {
    fn from(counts: Vec<u64>) -> Histogram {
        let mut histogram = Histogram::default();
        for (index, count) in counts.into_iter().enumerate().filter(|(_, count)| *count > 0) {
            histogram.add_to(index.min(bucket(VALUE_MAX)), count);
        }
        histogram
    }
}

#[inline]
fn bucket(value: u64) -> usize {
    if value < 2 * LINEAR {
        return value as usize;
    }
    let shift = value.ilog2() - BITS;
    (u64::from(shift) * LINEAR + (value >> shift)) as usize
}

/// The middle of a bucket: the inverse of [`bucket`].
fn middle(index: usize) -> u64 {
    let index = index as u64;
    if index < 2 * LINEAR {
        return index;
    }
    let shift = index / LINEAR - 1;
    ((index - shift * LINEAR) << shift) + (1 << shift >> 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::intern::slot;

    #[test]
    fn nothing_has_no_percentiles() {
        assert_eq!(Histogram::default().percentile(50.0), None);
    }

    #[test]
    fn small_values_are_exact() {
        let mut histogram = Histogram::default();
        (1..=200).for_each(|value| histogram.add(value));
        let read = [0.0, 50.0, 95.0, 99.0, 100.0].map(|percent| histogram.percentile(percent));
        assert_eq!(read, [1, 100, 190, 198, 200].map(Some));
    }

    #[test]
    fn what_is_too_large_counts_as_the_largest() {
        let mut histogram = Histogram::default();
        for value in [1, VALUE_MAX, VALUE_MAX + 1, u64::MAX] {
            histogram.add(value);
        }
        let largest = middle(bucket(VALUE_MAX));
        assert_eq!(histogram.percentile(50.0), Some(largest));
        assert!(largest.abs_diff(VALUE_MAX) as f64 <= VALUE_MAX as f64 * 0.004);
        // As it was written when there was no largest.
        let counts: Vec<u64> = histogram.clone().into();
        let beyond = [counts.clone(), vec![0, 5]].concat();
        histogram.add_to(bucket(VALUE_MAX), 5);
        assert_eq!(Histogram::from(beyond), histogram);
    }

    proptest! {
        #[test]
        fn a_percentile_is_off_by_half_a_percent_at_most(
            mut values in prop::collection::vec(0..=VALUE_MAX, 1..300),
            percent in 0.0..100.0_f64,
        ) {
            let mut histogram = Histogram::default();
            values.iter().for_each(|&value| histogram.add(value));
            values.sort_unstable();
            let rank = ((percent / 100.0 * values.len() as f64).ceil() as usize).max(1);
            let (exact, read) = (values[rank - 1], histogram.percentile(percent).unwrap());
            prop_assert!(read.abs_diff(exact) as f64 <= exact as f64 * 0.004, "{read} for {exact}");
        }

        #[test]
        fn merging_is_counting_together(
            left in prop::collection::vec(any::<u64>().prop_map(|n| n >> (n % 60)), 0..50),
            right in prop::collection::vec(any::<u64>().prop_map(|n| n >> (n % 60)), 0..50),
        ) {
            let count = |values: &[u64]| {
                let mut histogram = Histogram::default();
                values.iter().for_each(|&value| histogram.add(value));
                histogram
            };
            let mut merged = count(&left);
            merged.merge(&count(&right));
            prop_assert_eq!(merged, count(&[left, right].concat()));
        }

        #[test]
        fn many_values_are_counted_as_they_are_written(
            counts in prop::collection::vec(
                prop_oneof![0..3_u64, 65_534..65_538_u64, 0..1_000_000_u64],
                0..300,
            ),
            added in prop::collection::vec(0..300_u64, 0..9),
        ) {
            let mut histogram = Histogram::from(counts.clone());
            let mut expected = counts;
            for &value in &added {
                histogram.add(value);
                *slot(&mut expected, bucket(value) as u32) += 1;
            }
            prop_assert_eq!(histogram.count(), expected.iter().sum::<u64>());
            histogram.merge(&histogram.clone());
            let doubled: Vec<u64> = expected.iter().map(|count| 2 * count).collect();
            let written: Vec<u64> = histogram.into();
            let last = doubled.iter().rposition(|count| *count > 0).map_or(0, |last| last + 1);
            prop_assert_eq!(&written, &doubled[..last]);
        }
    }
}
