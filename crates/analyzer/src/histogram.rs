//! Percentiles of values without keeping them: a histogram with a stated error, that merges.

use serde::{Deserialize, Serialize};

/// Bits of a value that a bucket tells apart.
const BITS: u32 = 7;
const LINEAR: u64 = 1 << BITS;

/// A log-linear histogram: values below 256 are exact, larger ones are off by at most 0.4 %.
///
/// Each power of two is cut into 128 buckets of equal width, and a bucket answers with its middle:
/// half a width is at most 1/256 of the value. Merging is adding, so the order of merging does not
/// matter. A histogram of answers from 1 ms to 30 s takes 10 KB.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Histogram {
    counts: Vec<u64>,
}

impl Histogram {
    /// Counts a value.
    #[inline]
    pub fn add(&mut self, value: u64) {
        let index = bucket(value);
        if self.counts.len() <= index {
            self.counts.resize(index + 1, 0);
        }
        if let Some(count) = self.counts.get_mut(index) {
            *count += 1;
        }
    }

    /// Adds what another histogram counted.
    pub fn merge(&mut self, other: &Histogram) {
        if self.counts.len() < other.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
    }

    /// How many values were counted.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The smallest value that at least `percent` of the values do not exceed (the nearest-rank
    /// definition); `None` if nothing was counted.
    pub fn percentile(&self, percent: f64) -> Option<u64> {
        let total = self.count();
        let rank = ((percent / 100.0 * total as f64).ceil() as u64).clamp(1, total.max(1));
        let mut seen = 0;
        self.counts.iter().enumerate().find_map(|(index, count)| {
            seen += count;
            (seen >= rank).then(|| middle(index))
        })
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

    proptest! {
        #[test]
        fn a_percentile_is_off_by_half_a_percent_at_most(
            mut values in prop::collection::vec(0..100_000_000_u64, 1..300),
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
    }
}
