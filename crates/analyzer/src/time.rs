//! Moments and spans of time, as reports have them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The first and the last of some moments, UTC milliseconds; `None` if none had a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span(Option<(i64, i64)>);

impl Span {
    /// One moment.
    pub fn at(time: Option<i64>) -> Span {
        Span(time.map(|time| (time, time)))
    }

    /// Widens the span by another.
    pub fn merge(&mut self, other: Span) {
        self.0 = match (self.0, other.0) {
            (Some((first, last)), Some((from, to))) => Some((first.min(from), last.max(to))),
            (one, other) => one.or(other),
        };
    }

    /// The first moment.
    pub fn first(&self) -> Option<i64> {
        self.0.map(|(first, _)| first)
    }

    /// The last moment.
    pub fn last(&self) -> Option<i64> {
        self.0.map(|(_, last)| last)
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
    }

    #[test]
    fn moments_are_utc() {
        assert_eq!(rfc3339(1_773_100_822_903), "2026-03-10T00:00:22.903Z");
        assert_eq!(rfc3339(1_773_100_800_000), "2026-03-10T00:00:00Z");
    }
}
