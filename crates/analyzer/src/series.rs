//! Values over time, in intervals that widen as the time does.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Intervals that people think in, milliseconds. Each divides the next.
const LADDER: &[i64] = &[
    60_000,      // a minute
    300_000,     // five
    900_000,     // a quarter of an hour
    3_600_000,   // an hour
    21_600_000,  // six
    86_400_000,  // a day
    604_800_000, // a week, from Thursday on, as the epoch began
    6_048_000_000,
];

/// The same from a second on, for what has moments of its own.
pub(crate) const FINE: &[i64] = &[
    1_000,
    10_000,
    60_000,
    300_000,
    900_000,
    3_600_000,
    21_600_000,
    86_400_000,
    604_800_000,
    6_048_000_000,
];

/// How many widths there are.
pub(crate) const RUNGS: usize = LADDER.len();

/// How many intervals are kept before they are widened, if there is no reason to keep fewer.
pub(crate) const INTERVALS_MAX: usize = 3_000;

/// What is kept of an interval.
pub trait Measure: Copy {
    /// How wide intervals may be, milliseconds. Each divides the next.
    const WIDTHS: &'static [i64] = LADDER;

    /// Both together.
    #[must_use]
    fn with(self, other: Self) -> Self;
}

/// A count.
impl Measure for u64 {
    fn with(self, other: u64) -> u64 {
        self + other
    }
}

/// Values by interval. At most 3,000 intervals are kept; beyond that they are widened, from a
/// minute (or a second) to a week, so that memory is bounded. Merging gives what one run would have given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Series<T> {
    rung: usize,
    buckets: BTreeMap<i64, T>,
}

impl<T> Default for Series<T> {
    fn default() -> Self {
        Series { rung: 0, buckets: BTreeMap::new() }
    }
}

impl<T: Measure> Series<T> {
    /// The width of an interval in milliseconds.
    pub fn interval_ms(&self) -> i64 {
        Self::width(self.rung)
    }

    fn width(rung: usize) -> i64 {
        T::WIDTHS.get(rung).copied().unwrap_or(i64::MAX)
    }

    /// Adds a value at a moment, UTC milliseconds.
    pub fn add(&mut self, at: i64, value: T) {
        self.add_within(INTERVALS_MAX, at, value);
    }

    /// The same where no more than so many intervals are kept.
    pub(crate) fn add_within(&mut self, most: usize, at: i64, value: T) {
        let start = at - at.rem_euclid(self.interval_ms());
        let sum = |held: &mut T| *held = held.with(value);
        self.buckets.entry(start).and_modify(sum).or_insert(value);
        self.keep_within(most);
    }

    /// Adds what another series holds.
    pub fn merge(&mut self, other: &Series<T>) {
        self.widen(other.rung.max(self.rung));
        for (&start, &value) in &other.buckets {
            self.add(start, value);
        }
    }

    /// The intervals that hold something: start in UTC milliseconds, and what they hold.
    pub fn iter(&self) -> impl Iterator<Item = (i64, T)> {
        self.buckets.iter().map(|(&start, &value)| (start, value))
    }

    /// The same in at most `points` intervals from the first to the last, for showing.
    #[must_use]
    pub fn for_showing(&self, points: usize) -> Series<T>
    where
        T: Clone,
    {
        let mut shown = self.clone();
        while shown.span() > points && shown.rung + 1 < T::WIDTHS.len() {
            shown.widen(shown.rung + 1);
        }
        shown
    }

    /// How many intervals lie between the first and the last, both included.
    fn span(&self) -> usize {
        match (self.buckets.first_key_value(), self.buckets.last_key_value()) {
            (Some((first, _)), Some((last, _))) => {
                usize::try_from((last - first) / self.interval_ms() + 1).unwrap_or(usize::MAX)
            }
            _ => 0,
        }
    }

    /// Widens intervals until there are no more than so many.
    pub(crate) fn keep_within(&mut self, most: usize) {
        while self.buckets.len() > most && self.rung + 1 < T::WIDTHS.len() {
            self.widen(self.rung + 1);
        }
    }

    fn widen(&mut self, rung: usize) {
        if rung == self.rung {
            return;
        }
        self.rung = rung;
        for (start, value) in std::mem::take(&mut self.buckets) {
            let start = start - start.rem_euclid(Self::width(rung));
            let sum = |held: &mut T| *held = held.with(value);
            self.buckets.entry(start).and_modify(sum).or_insert(value);
        }
    }
}

/// The width of an interval, milliseconds; each divides the next.
pub(crate) fn width(rung: usize) -> i64 {
    LADDER.get(rung).copied().unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn series(moments: &[i64]) -> Series<u64> {
        let mut series = Series::default();
        moments.iter().for_each(|&at| series.add(at, 1));
        series
    }

    #[test]
    fn each_interval_divides_the_next() {
        for widths in [LADDER, FINE] {
            for (narrow, wide) in widths.iter().zip(widths.iter().skip(1)) {
                assert_eq!(wide % narrow, 0);
            }
        }
    }

    #[test]
    fn intervals_widen_for_showing() {
        let day: Vec<i64> = (0..1440).map(|minute| minute * 60_000).collect();
        let shown = series(&day).for_showing(48);
        assert_eq!((shown.interval_ms(), shown.iter().count()), (3_600_000, 24));
        assert!(shown.iter().all(|(_, count)| count == 60));
    }

    proptest! {
        #[test]
        fn merging_is_adding_together(
            left in prop::collection::vec(0..3_000_000_000_000_i64, 0..4000),
            right in prop::collection::vec(0..3_000_000_000_000_i64, 0..200),
        ) {
            let mut merged = series(&left);
            merged.merge(&series(&right));
            prop_assert_eq!(merged, series(&[left, right].concat()));
        }
    }
}
