//! Instants, the dates of the `Date…` operators.
//!
//! Source: IAM User Guide, `reference_policies_elements_condition_operators`, "Date condition
//! operators": a W3C implementation of ISO 8601, or epoch time in seconds.

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::Offset;

/// Reads a date: `2026`, `2026-01`, `2026-01-31`, `2026-01-31T23:59Z`, with seconds, with a fraction
/// of up to nine digits, with `Z` or an offset such as `+01:00`; or seconds since 1970, with a
/// fraction and a minus sign if need be. `None` for anything else.
///
/// Four digits are a year, not seconds **(our choice)**. Without an offset the time is UTC **(our
/// choice for a time of day; the guide says so for a date alone)**. Seconds are never taken for
/// milliseconds: thirteen digits would be a date after the year 9999, which is no date. The last
/// two days of 9999, popular for "never" and partly beyond what a [`Timestamp`] holds, are taken for
/// [`Timestamp::MAX`]. Reading allocates nothing, whatever the text.
///
/// ```
/// use tollgate_policy::parse_instant;
///
/// assert_eq!(parse_instant("1791201600"), parse_instant("2026-10-05T14:00:00+02:00"));
/// assert_eq!(parse_instant("2026"), parse_instant("2026-01-01T00:00Z"));
/// assert_eq!(parse_instant("tomorrow"), None);
/// ```
pub fn parse_instant(text: &str) -> Option<Timestamp> {
    if is_year(text) || text.get(4..5) == Some("-") { parse_iso(text) } else { parse_epoch(text) }
}

/// The first second after the year 9999.
const YEAR_10000: i64 = 253_402_300_800;

fn is_year(text: &str) -> bool {
    text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn parse_iso(text: &str) -> Option<Timestamp> {
    let (date, time) = match text.split_once('T') {
        None => (parse_date(text)?, None),
        // A time of day needs its whole date.
        Some((date, time)) if date.len() == 10 => (parse_date(date)?, Some(time)),
        Some(_) => return None,
    };
    let (time, offset) = match time {
        None => (Time::midnight(), Offset::UTC),
        Some(text) => {
            let (time, offset) = split_offset(text)?;
            (parse_time(time)?, offset)
        }
    };
    if (date.year(), date.month(), date.day()) >= LAST_DAYS {
        return Some(Timestamp::MAX);
    }
    offset.to_timestamp(date.to_datetime(time)).ok()
}

/// From here on an offset may lead beyond [`Timestamp::MAX`].
const LAST_DAYS: (i16, i8, i8) = (9999, 12, 30);

fn parse_date(text: &str) -> Option<Date> {
    let mut parts = text.split('-');
    let year = digits(parts.next()?, 4)?;
    let mut part = || parts.next().map_or(Some(1), |text| digits(text, 2)?.try_into().ok());
    let (month, day) = (part()?, part()?);
    // A failure of the library would allocate its error, so it is only asked what it can answer.
    if parts.next().is_some() || !(1..=12).contains(&month) {
        return None;
    }
    let last = Date::new(year, month, 1).ok()?.days_in_month();
    if (1..=last).contains(&day) { Date::new(year, month, day).ok() } else { None }
}

/// Splits `Z`, `+hh:mm` or `-hh:mm` off the end of a time.
fn split_offset(text: &str) -> Option<(&str, Offset)> {
    if let Some(time) = text.strip_suffix('Z') {
        return Some((time, Offset::UTC));
    }
    let Some(at) = text.find(['+', '-']) else {
        return Some((text, Offset::UTC));
    };
    let (time, offset) = text.split_at_checked(at)?;
    let (hours, minutes) = offset.get(1..)?.split_once(':')?;
    let (hours, minutes) = (digits(hours, 2)?, digits(minutes, 2)?);
    if hours > 23 || minutes > 59 {
        return None;
    }
    let seconds = (i32::from(hours) * 60 + i32::from(minutes)) * 60;
    let signed = if offset.starts_with('-') { -seconds } else { seconds };
    Some((time, Offset::from_seconds(signed).ok()?))
}

fn parse_time(text: &str) -> Option<Time> {
    let mut parts = text.split(':');
    let hour = digits(parts.next()?, 2)?.try_into().ok()?;
    let minute = digits(parts.next()?, 2)?.try_into().ok()?;
    let (second, nanosecond) = match parts.next() {
        None => (0, 0),
        Some(seconds) => match seconds.split_once('.') {
            None => (digits(seconds, 2)?, 0),
            Some((whole, fraction)) => (digits(whole, 2)?, nanoseconds(fraction)?),
        },
    };
    let second = second.try_into().ok()?;
    if parts.next().is_some() || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    Time::new(hour, minute, second, nanosecond).ok()
}

fn parse_epoch(text: &str) -> Option<Timestamp> {
    let unsigned = text.strip_prefix('-');
    let (whole, fraction) = match unsigned.unwrap_or(text).split_once('.') {
        None => (unsigned.unwrap_or(text), 0),
        Some((whole, fraction)) => (whole, nanoseconds(fraction)?),
    };
    if !whole.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let seconds: i64 = whole.parse().ok()?;
    if unsigned.is_none() && (Timestamp::MAX.as_second()..YEAR_10000).contains(&seconds) {
        return Some(Timestamp::MAX);
    }
    if seconds > Timestamp::MAX.as_second() {
        return None;
    }
    let sign = if unsigned.is_some() { -1 } else { 1 };
    Timestamp::new(sign * seconds, i32::try_from(sign).ok()? * fraction).ok()
}

/// Exactly `width` digits.
fn digits(text: &str, width: usize) -> Option<i16> {
    if text.len() != width || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// One to nine digits after a decimal point.
fn nanoseconds(fraction: &str) -> Option<i32> {
    if fraction.len() > 9 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let value: i32 = fraction.parse().ok()?;
    Some((fraction.len()..9).fold(value, |value, _| value * 10))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        let actual = parse_instant(text).map(|instant| instant.to_string());
        assert_eq!(actual.as_deref(), expected, "{text}");
    }

    #[test]
    fn each_precision_of_the_w3c_profile_is_read() {
        check("2026", Some("2026-01-01T00:00:00Z"));
        check("2026-07", Some("2026-07-01T00:00:00Z"));
        check("2026-07-31", Some("2026-07-31T00:00:00Z"));
        check("2026-07-31T12:30Z", Some("2026-07-31T12:30:00Z"));
        check("2026-07-31T12:30:59Z", Some("2026-07-31T12:30:59Z"));
        check("2026-07-31T12:30:59.25Z", Some("2026-07-31T12:30:59.25Z"));
    }

    #[test]
    fn offsets_move_the_instant_and_none_means_utc() {
        check("2026-01-01T00:30:00+01:00", Some("2025-12-31T23:30:00Z"));
        check("2026-01-01T00:30-02:30", Some("2026-01-01T03:00:00Z"));
        check("2026-01-01T00:00:00", Some("2026-01-01T00:00:00Z"));
    }

    #[test]
    fn epoch_seconds_are_seconds() {
        check("0", Some("1970-01-01T00:00:00Z"));
        check("1791201600", Some("2026-10-05T12:00:00Z"));
        check("1791201600.5", Some("2026-10-05T12:00:00.5Z"));
        check("-1", Some("1969-12-31T23:59:59Z"));
        check("-1.5", Some("1969-12-31T23:59:58.5Z"));
        check("02026", Some("1970-01-01T00:33:46Z"));
        check("1791201600000", None);
    }

    #[test]
    fn the_end_of_time_is_a_date() {
        let last = Timestamp::MAX.to_string();
        check("9999-12-31T23:59:59Z", Some(&last));
        check("9999-12-31", Some(&last));
        check("253402300799", Some(&last));
        check("253402300800", None);
        check("9998-12-31T23:59:59Z", Some("9998-12-31T23:59:59Z"));
    }

    #[test]
    fn anything_else_is_no_date() {
        for text in [
            "",
            "-",
            ".",
            "-2026-",
            "2026-",
            "2026-13",
            "2026-02-30",
            "2026-1-1",
            "2026-07T12:00Z",
            "2026-01-01 00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T23:59:60Z",
            "2026-01-01T",
            "2026-01-01T00:00:00+0100",
            "2026-01-01T00:00:00+24:00",
            "2026-01-01t00:00:00z",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00.0000000001Z",
            "2026-01-01T00Z",
            "tomorrow",
            "1e9",
            "+5",
            "99999999999999999999",
            "2026-01-01-01",
            "1.",
            "٢٠٢٦",
        ] {
            check(text, None);
        }
    }

    proptest! {
        #[test]
        fn every_instant_reads_back(second in -62_000_000_000_i64..253_000_000_000, nanosecond in 0..1_000_000_000) {
            let instant = Timestamp::new(second, nanosecond).unwrap();
            prop_assume!(instant >= "0001-01-01T00:00:00Z".parse().unwrap());
            prop_assert_eq!(parse_instant(&instant.to_string()), Some(instant));
        }
    }
}
