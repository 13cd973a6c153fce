//! Percentiles of values without keeping them: a histogram with a stated error, that merges.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::intern::slot;

/// Bits of a value that a bucket tells apart.
const BITS: u32 = 7;
const LINEAR: u64 = 1 << BITS;

/// What is larger counts as this: four and a half hours, if values are milliseconds, and more than an
/// answer can take. So what a log says cannot make a histogram large.
const VALUE_MAX: u64 = (1 << 24) - 1;

/// So many values are kept as they are: their buckets take up to 2 KB, as do the counts of all buckets
/// of answers within 16 seconds.
const FEW_MAX: usize = 1024;

/// A log-linear histogram: values below 256 are exact, larger ones are off by at most 0.4 %, and those
/// from 2²⁴ on count as the one before.
///
/// Each power of two is cut into 128 buckets of equal width, and a bucket answers with its middle:
/// half a width is at most 1/256 of the value. Merging is adding, so the order of merging does not
/// matter. Few values take two to four bytes each; of many answers from 1 ms to 30 s a histogram takes
/// 2.5 KB, and no histogram takes more than 5 KB, but for 65,536 values and more in one bucket.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "Vec<u64>", into = "Vec<u64>")]
pub struct Histogram(Counts);

#[derive(Clone, Debug)]
enum Counts {
    /// The buckets of at most [`FEW_MAX`] values, in any order.
    Few(Vec<u16>),
    /// Those of more.
    Many(Many),
}

/// How many values there are in each bucket.
#[derive(Clone, Debug, Default)]
struct Many {
    /// The low bits of each bucket's count: few buckets need more, and each value comes by.
    low: Vec<u16>,
    /// By bucket, what is counted there beyond the low bits.
    high: BTreeMap<usize, u64>,
}

impl Default for Histogram {
    fn default() -> Histogram {
        Histogram(Counts::Few(Vec::new()))
    }
}

impl PartialEq for Histogram {
    fn eq(&self, other: &Histogram) -> bool {
        self.counts() == other.counts()
    }
}

impl Eq for Histogram {}

impl Histogram {
    /// Counts a value.
    #[inline(always)]
    pub fn add(&mut self, value: u64) {
        let index = bucket(value.min(VALUE_MAX));
        match &mut self.0 {
            Counts::Many(many) if index < many.low.len() => many.add(index, 1),
            _ => self.add_to(index, 1),
        }
    }

    /// Adds what another histogram counted.
    pub fn merge(&mut self, other: &Histogram) {
        // The last bucket comes first: room for it is room for all.
        for (index, count) in other.counts().into_iter().rev() {
            self.add_to(index, count);
        }
    }

    /// Counts values of one bucket.
    #[cold]
    fn add_to(&mut self, index: usize, count: u64) {
        match &mut self.0 {
            Counts::Many(many) => many.add(index, count),
            Counts::Few(few) if count <= FEW_MAX.saturating_sub(few.len()) as u64 => {
                few.extend((0..count).map(|_| index as u16));
            }
            Counts::Few(_) => {
                let mut many = Many::default();
                let few = self.counts().into_iter().rev();
                few.for_each(|(index, count)| many.add(index, count));
                many.add(index, count);
                self.0 = Counts::Many(many);
            }
        }
    }

    /// The least value that is counted as `value` is: what a percentile that is told as `value` is at
    /// least.
    pub fn least(value: u64) -> u64 {
        first(bucket(value.min(VALUE_MAX)))
    }

    /// The buckets that count something, in order.
    fn counts(&self) -> Vec<(usize, u64)> {
        match &self.0 {
            Counts::Few(few) => {
                let mut few = few.clone();
                few.sort_unstable();
                let alike = few.chunk_by(|one, next| one == next);
                let counts = alike.map(|alike| (alike.first(), alike.len() as u64));
                counts.filter_map(|(index, count)| Some((usize::from(*index?), count))).collect()
            }
            Counts::Many(Many { low, high }) => {
                let high = |index| high.get(&index).copied().unwrap_or_default();
                let counts = low.iter().enumerate();
                let counts = counts.map(|(index, low)| (index, high(index) + u64::from(*low)));
                counts.filter(|(_, count)| *count > 0).collect()
            }
        }
    }

    /// For each of some percents, the smallest value that at least as many of the values do not exceed
    /// (the nearest-rank definition); `None` if nothing was counted.
    pub fn percentiles<const N: usize>(&self, percents: [f64; N]) -> [Option<u64>; N] {
        let counts = self.counts();
        let total: u64 = counts.iter().map(|(_, count)| count).sum();
        percents.map(|percent| {
            let rank = ((percent / 100.0 * total as f64).ceil() as u64).clamp(1, total.max(1));
            let mut seen = 0;
            counts.iter().find_map(|&(index, count)| {
                seen += count;
                (seen >= rank).then(|| middle(index))
            })
        })
    }
}

impl Many {
    #[inline]
    fn add(&mut self, index: usize, count: u64) {
        if self.low.len() <= index {
            self.low.reserve_exact(index + 1 - self.low.len());
        }
        let low = slot(&mut self.low, index as u32);
        let sum = u64::from(*low) + count;
        *low = sum as u16;
        if sum >> u16::BITS > 0 {
            self.carry(index, sum >> u16::BITS);
        }
    }

    /// Counts what the low bits of a bucket have no room for.
    #[cold]
    fn carry(&mut self, index: usize, times: u64) {
        *self.high.entry(index).or_default() += times << u16::BITS;
    }
}

/// As it is written: the counts of the buckets.
impl From<Histogram> for Vec<u64> {
    fn from(histogram: Histogram) -> Vec<u64> {
        let mut counts = Vec::new();
        for (index, count) in histogram.counts() {
            *slot(&mut counts, index as u32) = count;
        }
        counts
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

/// The middle of a bucket.
fn middle(index: usize) -> u64 {
    first(index) + (1 << shift(index) >> 1)
}

/// The first value of a bucket: the inverse of [`bucket`].
fn first(index: usize) -> u64 {
    let shift = shift(index);
    (index as u64 - u64::from(shift) * LINEAR) << shift
}

/// How many bits of its values a bucket does not tell apart.
fn shift(index: usize) -> u32 {
    (index as u64 / LINEAR).saturating_sub(1) as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn percentile(histogram: &Histogram, percent: f64) -> Option<u64> {
        let [value] = histogram.percentiles([percent]);
        value
    }

    #[test]
    fn nothing_has_no_percentiles() {
        assert_eq!(percentile(&Histogram::default(), 50.0), None);
    }

    #[test]
    fn small_values_are_exact() {
        let mut histogram = Histogram::default();
        (1..=200).for_each(|value| histogram.add(value));
        let read = histogram.percentiles([0.0, 50.0, 95.0, 99.0, 100.0]);
        assert_eq!(read, [1, 100, 190, 198, 200].map(Some));
    }

    #[test]
    fn what_is_too_large_counts_as_the_largest() {
        let mut histogram = Histogram::default();
        for value in [1, VALUE_MAX, VALUE_MAX + 1, u64::MAX] {
            histogram.add(value);
        }
        let largest = middle(bucket(VALUE_MAX));
        assert_eq!(percentile(&histogram, 50.0), Some(largest));
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
            let (exact, read) = (values[rank - 1], percentile(&histogram, percent).unwrap());
            prop_assert!(read.abs_diff(exact) as f64 <= exact as f64 * 0.004, "{read} for {exact}");
        }

        #[test]
        fn a_value_is_at_least_what_it_is_told_to_be(value in 0..VALUE_MAX) {
            let mut histogram = Histogram::default();
            histogram.add(value);
            let told = percentile(&histogram, 99.0).unwrap();
            prop_assert!(Histogram::least(told) <= value);
            prop_assert_eq!(bucket(Histogram::least(told)), bucket(value));
        }

        #[test]
        fn merging_is_counting_together(
            left in prop::collection::vec(any::<u64>().prop_map(|n| n >> (n % 60)), 0..FEW_MAX + 99),
            right in prop::collection::vec(any::<u64>().prop_map(|n| n >> (n % 60)), 0..FEW_MAX + 99),
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
                prop_oneof![900 => 0..6_u64, 1 => 65_534..65_538_u64, 1 => 0..1_000_000_u64],
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
            prop_assert_eq!(&histogram, &Histogram::from(expected.clone()));
            histogram.merge(&histogram.clone());
            let doubled: Vec<u64> = expected.iter().map(|count| 2 * count).collect();
            let written: Vec<u64> = histogram.into();
            let last = doubled.iter().rposition(|count| *count > 0).map_or(0, |last| last + 1);
            prop_assert_eq!(&written, &doubled[..last]);
        }
    }
}
