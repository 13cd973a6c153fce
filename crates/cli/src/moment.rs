//! Moments as people type them.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

/// Reads a moment as UTC milliseconds: a day, a day and a time, or RFC 3339 with an offset.
pub(crate) fn parse(text: &str) -> Result<i64, String> {
    let utc = |civil: DateTime| civil.to_zoned(TimeZone::UTC).ok().map(|at: Zoned| at.timestamp());
    let day = || text.parse::<Date>().ok().filter(|_| text.len() <= 10);
    text.parse::<Timestamp>()
        .ok()
        .or_else(|| utc(day()?.at(0, 0, 0, 0)))
        .or_else(|| utc(text.parse::<DateTime>().ok()?))
        .map(Timestamp::as_millisecond)
        .ok_or_else(|| {
            "expected a moment such as `2026-03-10` or `2026-03-10T09:30:00Z`".to_owned()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let expected: Timestamp = expected.parse().unwrap();
        assert_eq!(parse(text), Ok(expected.as_millisecond()), "{text}");
    }

    #[test]
    fn a_moment_is_utc_unless_it_says_otherwise() {
        check("2026-03-10", "2026-03-10T00:00:00Z");
        check("2026-03-10T09:30", "2026-03-10T09:30:00Z");
        check("2026-03-10 09:30:05", "2026-03-10T09:30:05Z");
        check("2026-03-10T09:30:00+02:00", "2026-03-10T07:30:00Z");
    }

    #[test]
    fn other_text_is_no_moment() {
        for text in ["", "yesterday", "2026-13-01", "10"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
