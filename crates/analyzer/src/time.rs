//! Moments and spans of time, as reports have them.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};

/// The milliseconds that a decimal number of a unit are, `1.5` for example; `None` if it is no number,
/// they are not whole, or too many.
pub fn milliseconds(number: &str, in_unit: u64) -> Option<u64> {
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    if part.is_empty() {
        return None;
    }
    // Zeros at the end say nothing.
    let part = part.trim_end_matches('0');
    let scale = 10_u64.checked_pow(part.len().try_into().ok()?)?;
    let part = format!("0{part}").parse::<u64>().ok()?.checked_mul(in_unit)?;
    let whole = whole.parse::<u64>().ok()?.checked_mul(in_unit)?;
    if part % scale == 0 { whole.checked_add(part / scale) } else { None }
}

/// The first and the last of some moments, UTC milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Option<(i64, i64)>", into = "Option<(i64, i64)>")]
pub struct Span {
    /// Later than the last if none had a time: so widening is two comparisons.
    first: i64,
    last: i64,
}

impl Default for Span {
    fn default() -> Span {
        Span { first: i64::MAX, last: i64::MIN }
    }
}

impl Span {
    /// One moment.
    #[inline]
    pub fn at(time: Option<i64>) -> Span {
        time.map_or_else(Span::default, |time| Span { first: time, last: time })
    }

    /// Widens the span by another.
    #[inline]
    pub fn merge(&mut self, other: Span) {
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
    }

    fn bounds(self) -> Option<(i64, i64)> {
        (self.first <= self.last).then_some((self.first, self.last))
    }

    /// The first moment.
    pub fn first(&self) -> Option<i64> {
        self.bounds().map(|(first, _)| first)
    }

    /// The last moment.
    pub fn last(&self) -> Option<i64> {
        self.bounds().map(|(_, last)| last)
    }
}

/// As it is written: `null`, or both.
impl From<Span> for Option<(i64, i64)> {
    fn from(span: Span) -> Self {
        span.bounds()
    }
}

impl From<Option<(i64, i64)>> for Span {
    fn from(bounds: Option<(i64, i64)>) -> Span {
        let bounds = bounds.filter(|(first, last)| first <= last);
        bounds.map_or_else(Span::default, |(first, last)| Span { first, last })
    }
}

/// A moment, UTC milliseconds. It is put into words where it is shown: most of a report's are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub i64);

/// As RFC 3339.
impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&rfc3339(self.0))
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&rfc3339(self.0))
    }
}

/// A moment for putting calls in order: one without a time comes after those that have one.
#[inline]
pub(crate) fn moment(time: Option<i64>) -> i64 {
    time.unwrap_or(i64::MAX)
}

/// A minute, in milliseconds.
const MINUTE: i64 = 60_000;

/// The minute that a moment is in: where it begins. `present` begins one, too, which is likely to be
/// the same, and then there is nothing to divide.
#[inline]
pub(crate) fn minute(time: i64, present: i64) -> i64 {
    match time.checked_sub(present) {
        Some(0..MINUTE) => present,
        _ => time - time.rem_euclid(MINUTE),
    }
}

/// A moment as RFC 3339 in UTC, with milliseconds only where there are any.
pub fn rfc3339(ms: i64) -> String {
    Timestamp::from_millisecond(ms).map_or_else(|_| ms.to_string(), |moment| moment.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_widens_both_ways() {
        let mut span = Span::default();
        for time in [Some(5), None, Some(2), Some(9)] {
            span.merge(Span::at(time));
        }
        assert_eq!((span.first(), span.last()), (Some(2), Some(9)));
        span.merge(Span::default());
        assert_eq!((span.first(), span.last()), (Some(2), Some(9)));
    }

    #[test]
    fn a_span_is_written_as_its_bounds() {
        for (span, text) in [(Span::default(), "null"), (Span::at(Some(5)), "[5,5]")] {
            assert_eq!(serde_json::to_string(&span).unwrap(), text);
            assert_eq!(serde_json::from_str::<Span>(text).unwrap(), span);
        }
        assert_eq!(serde_json::from_str::<Span>("[7,5]").unwrap(), Span::default());
    }

    #[test]
    fn a_minute_is_the_same_whichever_is_present() {
        for time in [-(1 << 60), -60_001_i64, -1, 0, 59_999, 60_000, 1 << 60] {
            let begins = time - time.rem_euclid(60_000);
            for present in [begins - 60_000, begins, begins + 60_000] {
                assert_eq!(minute(time, present), begins, "{time} {present}");
            }
        }
    }

    #[test]
    fn moments_are_utc() {
        assert_eq!(rfc3339(1_773_100_822_903), "2026-03-10T00:00:22.903Z");
        assert_eq!(rfc3339(1_773_100_800_000), "2026-03-10T00:00:00Z");
    }
}
