//! Every way a log or a header writes a moment, as UTC milliseconds.
//!
//! | form | example | where |
//! |---|---|---|
//! | epoch | `1763700000123`, `1763700000`, `1763700000.123` | `requestTimeEpoch`, envelopes |
//! | common log format | `21/Nov/2025:04:40:00 +0000` | `requestTime` |
//! | ISO 8601 | `2025-11-21T04:40:00.123Z`, `2025-11-21 04:40:00.123` | S3 export, `aws logs tail`, Insights, CloudTrail |
//! | HTTP date | `Fri, 21 Nov 2025 04:40:00 GMT` | `retry-after`, response headers |
//! | Java date | `Fri Nov 21 04:40:00 UTC 2025` | execution logs of test invocations |

use jiff::civil::DateTime;
use jiff::tz::Offset;

/// Digits up to which an epoch counts seconds, milliseconds and microseconds:
/// ten digits of seconds last until the year 2286.
const SECONDS_DIGITS: usize = 11;
const MILLIS_DIGITS: usize = 14;
const MICROS_DIGITS: usize = 17;

/// Reads a moment in any of the forms, as milliseconds since 1970 UTC.
///
/// ```
/// use tollgate_fields::time::parse;
///
/// assert_eq!(parse(b"21/Nov/2025:04:40:00 +0000"), Some(1_763_700_000_000));
/// assert_eq!(parse(b"2025-11-21T05:40:00.5+01:00"), Some(1_763_700_000_500));
/// assert_eq!(parse(b"yesterday"), None);
/// ```
pub fn parse(text: &[u8]) -> Option<i64> {
    match text {
        [_, _, b'/', ..] => clf(text),
        [_, _, _, _, b'-', ..] => iso(text),
        [b'0'..=b'9', ..] => epoch(text),
        [_, _, _, b',', b' ', rest @ ..] => http_date(rest),
        [_, _, _, b' ', rest @ ..] => java_date(rest),
        _ => None,
    }
}

/// Reads an epoch; its number of digits tells the unit.
fn epoch(text: &[u8]) -> Option<i64> {
    if let Some(point) = memchr::memchr(b'.', text) {
        let (seconds, fraction) = text.split_at_checked(point)?;
        return number(seconds)?.checked_mul(1000)?.checked_add(millis(fraction.get(1..)?)?);
    }
    let value = number(text)?;
    Some(match text.len() {
        digits if digits <= SECONDS_DIGITS => value.checked_mul(1000)?,
        digits if digits <= MILLIS_DIGITS => value,
        digits if digits <= MICROS_DIGITS => value / 1000,
        _ => value / 1_000_000,
    })
}

/// `21/Nov/2025:04:40:00 +0000`
fn clf(text: &[u8]) -> Option<i64> {
    let (date, zone) = text.split_at_checked(20)?;
    let [d1, d2, b'/', m1, m2, m3, b'/', y1, y2, y3, y4, b':', time @ ..] = date else {
        return None;
    };
    let day = number(&[*d1, *d2])?;
    let month = month([*m1, *m2, *m3])?;
    let year = number(&[*y1, *y2, *y3, *y4])?;
    moment(year, month, day, clock(time)?, offset(zone.strip_prefix(b" ")?)?)
}

/// `2025-11-21T04:40:00[.fraction][zone]`; without a zone it is UTC.
fn iso(text: &[u8]) -> Option<i64> {
    let (date, rest) = text.split_at_checked(10)?;
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = date else { return None };
    let year = number(&[*y1, *y2, *y3, *y4])?;
    let month = number(&[*m1, *m2])?;
    let day = number(&[*d1, *d2])?;
    let (separator, rest) = rest.split_first()?;
    let (time, rest) = rest.split_at_checked(8)?;
    if !matches!(separator, b'T' | b' ') {
        return None;
    }
    let (fraction, zone) = match rest.strip_prefix(b".").or(rest.strip_prefix(b",")) {
        Some(rest) => {
            let digits = rest.iter().take_while(|c| c.is_ascii_digit()).count();
            rest.split_at_checked(digits)?
        }
        None => (&b""[..], rest),
    };
    let seconds = moment(year, month, day, clock(time)?, offset(zone)?)?;
    seconds.checked_add(millis(fraction)?)
}

/// `21 Nov 2025 04:40:00 GMT`, after the day of the week.
fn http_date(text: &[u8]) -> Option<i64> {
    let [d1, d2, b' ', m1, m2, m3, b' ', y1, y2, y3, y4, b' ', rest @ ..] = text else {
        return None;
    };
    let (time, zone) = rest.split_at_checked(8)?;
    let year = number(&[*y1, *y2, *y3, *y4])?;
    let month = month([*m1, *m2, *m3])?;
    moment(year, month, number(&[*d1, *d2])?, clock(time)?, offset(zone.strip_prefix(b" ")?)?)
}

/// `Nov 21 04:40:00 UTC 2025`, after the day of the week.
fn java_date(text: &[u8]) -> Option<i64> {
    let [m1, m2, m3, b' ', d1, d2, b' ', rest @ ..] = text else { return None };
    let (time, rest) = rest.split_at_checked(8)?;
    let [b' ', zone @ .., b' ', y1, y2, y3, y4] = rest else { return None };
    let year = number(&[*y1, *y2, *y3, *y4])?;
    let month = month([*m1, *m2, *m3])?;
    moment(year, month, number(&[*d1, *d2])?, clock(time)?, offset(zone)?)
}

/// The moment of a civil date and time at an offset from UTC.
fn moment(year: i64, month: i64, day: i64, clock: [i8; 3], offset: Offset) -> Option<i64> {
    let [hour, minute, second] = clock;
    let (year, month, day) = (year.try_into().ok()?, month.try_into().ok()?, day.try_into().ok()?);
    let civil = DateTime::new(year, month, day, hour, minute, second, 0).ok()?;
    Some(offset.to_timestamp(civil).ok()?.as_millisecond())
}

/// `04:40:00`. A leap second is read as the second before it.
fn clock(text: &[u8]) -> Option<[i8; 3]> {
    let [h1, h2, b':', m1, m2, b':', s1, s2] = text else { return None };
    let two = |a: &u8, b: &u8| number(&[*a, *b]).and_then(|n| i8::try_from(n).ok());
    Some([two(h1, h2)?, two(m1, m2)?, two(s1, s2).map(|s| if s == 60 { 59 } else { s })?])
}

/// `Z`, `GMT`, `UTC`, `+0100`, `+01:00`, or nothing, which is UTC.
fn offset(text: &[u8]) -> Option<Offset> {
    match text {
        b"" | b"Z" | b"z" | b"GMT" | b"UTC" => Some(Offset::UTC),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] | [sign @ (b'+' | b'-'), h1, h2, m1, m2] => {
            let seconds = number(&[*h1, *h2])? * 3600 + number(&[*m1, *m2])? * 60;
            let seconds = i32::try_from(seconds).ok()?;
            Offset::from_seconds(if *sign == b'-' { -seconds } else { seconds }).ok()
        }
        _ => None,
    }
}

/// Digits after the decimal point of a second, cut to milliseconds.
fn millis(fraction: &[u8]) -> Option<i64> {
    let digits = |i: usize| fraction.get(i).copied().unwrap_or(b'0');
    if !fraction.iter().all(u8::is_ascii_digit) {
        return None;
    }
    number(&[digits(0), digits(1), digits(2)])
}

fn month(name: [u8; 3]) -> Option<i64> {
    let months = b"JanFebMarAprMayJunJulAugSepOctNovDec";
    let position = months.chunks_exact(3).position(|month| month == name)?;
    i64::try_from(position + 1).ok()
}

/// A number of decimal digits and nothing else.
#[inline]
pub fn number(digits: &[u8]) -> Option<i64> {
    if digits.is_empty() || digits.len() > 19 {
        return None;
    }
    digits.iter().try_fold(0i64, |value, &digit| {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value.checked_mul(10)?.checked_add(i64::from(digit))
    })
}

/// Reads moments one after another, as they come in a log: most are the same
/// text as the one before, because requests arrive several to the second.
#[derive(Debug, Default)]
pub struct Clock {
    last: Vec<u8>,
    moment: Option<i64>,
}

impl Clock {
    /// As [`parse`], remembering the last text.
    #[inline]
    pub fn read(&mut self, text: &[u8]) -> Option<i64> {
        if text.first().is_some_and(u8::is_ascii_digit) && text.len() == 13 {
            return number(text).or_else(|| parse(text));
        }
        if self.last != text {
            self.last.clear();
            self.last.extend_from_slice(text);
            self.moment = parse(text);
        }
        self.moment
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: i64 = 1_763_700_000_000; // 2025-11-21T04:40:00Z

    #[track_caller]
    fn check(text: &str, expected: Option<i64>) {
        assert_eq!(parse(text.as_bytes()), expected, "`{text}`");
        let mut clock = Clock::default();
        assert_eq!(clock.read(text.as_bytes()), expected);
        assert_eq!(clock.read(text.as_bytes()), expected);
    }

    #[test]
    fn epochs_are_told_apart_by_their_digits() {
        check("1763700000", Some(NOON));
        check("1763700000123", Some(NOON + 123));
        check("1763700000123456", Some(NOON + 123));
        check("1763700000123456789", Some(NOON + 123));
        check("1763700000.1239", Some(NOON + 123));
        check("0", Some(0));
        check("12x4", None);
        check("99999999999999999999", None);
    }

    #[test]
    fn common_log_format() {
        check("21/Nov/2025:04:40:00 +0000", Some(NOON));
        check("21/Nov/2025:05:40:00 +0100", Some(NOON));
        check("20/Nov/2025:23:40:00 -0500", Some(NOON));
        check("29/Feb/2024:00:00:00 +0000", Some(1_709_164_800_000));
        check("29/Feb/2025:00:00:00 +0000", None);
        check("21/Nov/2025:04:40:00", None);
        check("21/Nvo/2025:04:40:00 +0000", None);
        check("31/Dec/2016:23:59:60 +0000", Some(1_483_228_799_000));
    }

    #[test]
    fn iso_8601() {
        check("2025-11-21T04:40:00Z", Some(NOON));
        check("2025-11-21T04:40:00", Some(NOON));
        check("2025-11-21 04:40:00.5", Some(NOON + 500));
        check("2025-11-21T04:40:00.123456+00:00", Some(NOON + 123));
        check("2025-11-21T06:40:00,123+02:00", Some(NOON + 123));
        check("2025-13-21T04:40:00Z", None);
        check("2025-11-21", None);
    }

    #[test]
    fn dates_of_headers_and_test_invocations() {
        check("Fri, 21 Nov 2025 04:40:00 GMT", Some(NOON));
        check("Fri Nov 21 04:40:00 UTC 2025", Some(NOON));
        check("Friday", None);
        check("", None);
        check("-", None);
    }
}
