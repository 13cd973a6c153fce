//! Moments as people type them, and the period between two of them.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use tollgate_analyzer::{Window, rfc3339};

use crate::diagnose::Problem;

/// Which requests count, by their time.
#[derive(clap::Args)]
pub(crate) struct Period {
    /// Leave out requests before this moment: `2026-03-10`, `2026-03-10T09:30`, RFC 3339; UTC unless
    /// it says otherwise. Requests without a time are left out as well, by either bound.
    #[arg(long, value_name = "MOMENT", value_parser = parse, allow_hyphen_values = true)]
    since: Option<i64>,
    /// Leave out requests at this moment or later.
    #[arg(long, value_name = "MOMENT", value_parser = parse, allow_hyphen_values = true)]
    until: Option<i64>,
}

impl Period {
    /// The same as UTC milliseconds.
    ///
    /// # Errors
    /// It ends before it begins, so that no request could be in it.
    pub(crate) fn window(&self) -> miette::Result<Window> {
        match (self.since, self.until) {
            (Some(since), Some(until)) if since >= until => {
                let found = format!("{} and {}", rfc3339(since), rfc3339(until));
                let expected = "expected `--since` before `--until`";
                Err(Problem::new(format!("{expected}, found {found}")).into())
            }
            (since, until) => Ok(Window { since, until }),
        }
    }
}

/// Reads a moment as UTC milliseconds: a day, a day and a time, or RFC 3339 with an offset.
fn parse(text: &str) -> Result<i64, String> {
    if let Some((_, annotation)) = text.split_once('[') {
        return Err(format!(
            "expected an offset such as `+01:00` and nothing in brackets, found `[{annotation}`"
        ));
    }
    if let Some(offset) = offset(text).filter(|it| hours(it).is_some_and(|hours| hours > 23)) {
        return Err(format!("expected an offset of less than 24 hours, found `{offset}`"));
    }
    let utc = |civil: DateTime| civil.to_zoned(TimeZone::UTC).ok().map(|at: Zoned| at.timestamp());
    let day = || text.parse::<Date>().ok().filter(|_| text.len() <= 10);
    text.parse::<Timestamp>()
        .ok()
        .or_else(|| utc(day()?.at(0, 0, 0, 0)))
        .or_else(|| utc(text.parse::<DateTime>().ok()?))
        .map(Timestamp::as_millisecond)
        .ok_or_else(|| {
            "expected a moment such as `2026-03-10` or `2026-03-10T09:30:00Z`: moments are \
             absolute, and not counted from now"
                .to_owned()
        })
}

/// The offset from UTC that a moment ends with: `+01:00`. The hyphens of its day are none.
fn offset(text: &str) -> Option<&str> {
    let time = text.get("2026-03-10".len()..)?;
    time.get(time.find(['+', '-'])?..)
}

fn hours(offset: &str) -> Option<u8> {
    offset.get(1..3)?.parse().ok()
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
        check("2026-03-10T09:30:00-23:59", "2026-03-11T09:29:00Z");
    }

    #[test]
    fn an_offset_is_less_than_a_day() {
        for offset in ["+24:00", "-24:00", "+25:59", "-99"] {
            let expected = format!("expected an offset of less than 24 hours, found `{offset}`");
            assert_eq!(parse(&format!("2026-03-10T09:30:00{offset}")), Err(expected));
        }
    }

    #[test]
    fn other_text_is_no_moment() {
        for text in ["", "yesterday", "1h", "-1h", "2026-13-01", "10"] {
            let message = parse(text).unwrap_err();
            assert!(message.starts_with("expected a moment such as `2026-03-10`"), "{message}");
        }
    }

    #[test]
    fn no_part_of_a_moment_is_left_out_of_account() {
        for text in ["2026-03-10T09:30[Europe/Berlin]", "2026-03-10T09:30+01:00[Europe/Berlin]"] {
            let message = parse(text).unwrap_err();
            assert!(message.contains("an offset such as `+01:00`"), "{message}");
            assert!(message.ends_with("found `[Europe/Berlin]`"), "{message}");
        }
    }

    #[test]
    fn a_period_has_a_length() {
        let period = |since, until| Period { since, until }.window();
        assert!(period(Some(1), Some(2)).is_ok() && period(Some(3), None).is_ok());
        for until in [0, 1] {
            let message = period(Some(1), Some(until)).unwrap_err().to_string();
            assert!(message.contains("found 1970-01-01T00:00:00.001Z and 1970-"), "{message}");
        }
    }
}
