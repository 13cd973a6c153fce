//! Requests by hour of the day and day of the week.

use serde::{Deserialize, Serialize};

const HOUR: i64 = 3_600_000;
const HOURS: usize = 7 * 24;

/// Requests by hour of the week, in UTC, Monday first. Merges.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Heat(Vec<u64>);

impl Default for Heat {
    fn default() -> Self {
        Heat(vec![0; HOURS])
    }
}

impl Heat {
    /// Counts requests at a moment, UTC milliseconds.
    pub fn add(&mut self, at: i64, requests: u64) {
        if let Some(hour) = self.0.get_mut(hour_of_week(at)) {
            *hour += requests;
        }
    }

    /// Adds what another worker, file or machine counted.
    pub fn merge(&mut self, other: &Heat) {
        for (hour, more) in self.0.iter_mut().zip(&other.0) {
            *hour += more;
        }
    }

    /// Requests of each hour: weekday from Monday (0), hour, requests.
    pub fn iter(&self) -> impl Iterator<Item = (usize, usize, u64)> {
        self.0.iter().enumerate().map(|(at, &requests)| (at / 24, at % 24, requests))
    }

    /// How many times each hour of the week lies between two moments, if only partly; in the order
    /// of [`Heat::iter`].
    pub fn occurrences(first: i64, last: i64) -> Vec<u64> {
        let mut times = vec![0; HOURS];
        let (from, to) = (first.div_euclid(HOUR), last.div_euclid(HOUR));
        let weeks = (to - from + 1).div_euclid(HOURS as i64);
        times.fill(u64::try_from(weeks).unwrap_or_default());
        for hour in from + weeks * HOURS as i64..=to {
            if let Some(times) = times.get_mut(hour_of_week(hour * HOUR)) {
                *times += 1;
            }
        }
        times
    }
}

/// Hours since Monday. The epoch began on a Thursday.
fn hour_of_week(at: i64) -> usize {
    let hours = at.div_euclid(HOUR) + 3 * 24;
    usize::try_from(hours.rem_euclid(HOURS as i64)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn heat(moments: &[i64]) -> Heat {
        let mut heat = Heat::default();
        moments.iter().for_each(|&at| heat.add(at, 1));
        heat
    }

    fn calendar(at: i64) -> (usize, usize) {
        let moment =
            jiff::Timestamp::from_millisecond(at).unwrap().to_zoned(jiff::tz::TimeZone::UTC);
        let weekday = moment.weekday().to_monday_zero_offset();
        (weekday.try_into().unwrap(), moment.hour().try_into().unwrap())
    }

    proptest! {
        #[test]
        fn hours_are_those_of_the_calendar(at in -4_000_000_000_000_i64..4_000_000_000_000) {
            let filled: Vec<_> =
                heat(&[at]).iter().filter(|(.., requests)| *requests > 0).collect();
            let (weekday, hour) = calendar(at);
            prop_assert_eq!(filled, [(weekday, hour, 1)]);
        }

        #[test]
        fn every_hour_between_is_counted(first in 0..10_000_i64, hours in 0..900_i64) {
            let from = 1_773_100_800_000 + first * 60_000;
            let to = from + hours * HOUR;
            let mut expected = vec![0; HOURS];
            for hour in from.div_euclid(HOUR)..=to.div_euclid(HOUR) {
                let (weekday, hour) = calendar(hour * HOUR);
                expected[weekday * 24 + hour] += 1;
            }
            prop_assert_eq!(Heat::occurrences(from, to), expected);
        }

        #[test]
        fn merging_is_counting_together(
            left in prop::collection::vec(0..4_000_000_000_000_i64, 0..50),
            right in prop::collection::vec(0..4_000_000_000_000_i64, 0..50),
        ) {
            let mut merged = heat(&left);
            merged.merge(&heat(&right));
            prop_assert_eq!(merged, heat(&[left, right].concat()));
        }
    }
}
