//! The two spellings of a signing time. Time itself is always a parameter.

use jiff::{Timestamp, civil::DateTime, fmt::strtime, tz::TimeZone};

/// ISO 8601 basic format, the one that is signed: `20261121T221400Z`.
const BASIC: &str = "%Y%m%dT%H%M%SZ";
/// The format of the `Date` header, RFC 9110 §5.6.7: `Sat, 21 Nov 2026 22:14:00 GMT`.
const HTTP_DATE: &str = "%a, %d %b %Y %H:%M:%S GMT";

/// When a request says it was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SigningTime {
    pub(crate) at: Timestamp,
    /// `at` in basic format.
    text: [u8; 16],
}

impl SigningTime {
    /// `at`, of which a signature can only say the years from 0 to 9999.
    pub(crate) fn new(at: Timestamp) -> Self {
        let text = basic(at);
        Self { at, text: text.as_bytes().try_into().unwrap_or(*b"00000000T000000Z") }
    }

    /// Reads the basic format and nothing like it.
    pub(crate) fn parse_basic(text: &[u8]) -> Option<Self> {
        Some(Self { at: parse_basic(text)?, text: text.try_into().ok()? })
    }

    /// Reads a `Date` header: the HTTP format, or the basic one that older clients put there.
    pub(crate) fn parse_date_header(text: &[u8]) -> Option<Self> {
        parse_http_date(text).map(Self::new).or_else(|| Self::parse_basic(text))
    }

    /// In basic format.
    pub(crate) fn text(&self) -> &str {
        str::from_utf8(&self.text).unwrap_or_default()
    }

    /// The first eight characters: the date of the credential scope.
    pub(crate) fn date(&self) -> &str {
        self.text().get(..8).unwrap_or_default()
    }
}

/// `at` in basic format.
pub(crate) fn basic(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime(BASIC).to_string()
}

/// Seconds from `earlier` to `later`, negative when they are the other way round.
pub(crate) fn seconds_between(earlier: Timestamp, later: Timestamp) -> i64 {
    later.as_second().saturating_sub(earlier.as_second())
}

/// `at` moved by `seconds`, held at the end of time.
pub(crate) fn shifted(at: Timestamp, seconds: i64) -> Timestamp {
    let end = if seconds < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_second(at.as_second().saturating_add(seconds)).unwrap_or(end)
}

/// Digits in their places. By hand, because a general parser costs as much as a tenth of verification.
fn parse_basic(text: &[u8]) -> Option<Timestamp> {
    if text.len() != 16 || text.get(8) != Some(&b'T') || text.get(15) != Some(&b'Z') {
        return None;
    }
    let year = number(text.get(..4)?)?;
    let pair = |start: usize| i8::try_from(number(text.get(start..start + 2)?)?).ok();
    let datetime = DateTime::new(year, pair(4)?, pair(6)?, pair(9)?, pair(11)?, pair(13)?, 0);
    TimeZone::UTC.to_timestamp(datetime.ok()?).ok()
}

fn number(digits: &[u8]) -> Option<i16> {
    digits.iter().try_fold(0, |number: i16, digit| {
        let value = digit.is_ascii_digit().then(|| i16::from(digit - b'0'))?;
        number.checked_mul(10)?.checked_add(value)
    })
}

/// A date that prints as it was written: this rules out signs, padding and wrong weekdays.
fn parse_http_date(text: &[u8]) -> Option<Timestamp> {
    let datetime = strtime::parse(HTTP_DATE, text).ok()?.to_datetime().ok()?;
    let zoned = datetime.to_zoned(TimeZone::UTC).ok()?;
    let same = zoned.strftime(HTTP_DATE).to_string().as_bytes() == text;
    same.then(|| zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(parsed: Option<SigningTime>, expected: Option<&str>) {
        assert_eq!(parsed.as_ref().map(SigningTime::text), expected);
    }

    #[test]
    fn basic_format_is_exact() {
        check(SigningTime::parse_basic(b"20150830T123600Z"), Some("20150830T123600Z"));
        for wrong in [
            "",
            "20150830T123600",
            "2015-08-30T12:36:00Z",
            "20150830T1236Z",
            "20150830t123600z",
            "20151330T123600Z",
            "20150230T123600Z",
            "20150830T243600Z",
            "20150830T123660Z",
            "+2015830T123600Z",
            " 20150830T123600Z",
            "20150830T123600Z ",
            "２０150830T123600Z",
        ] {
            check(SigningTime::parse_basic(wrong.as_bytes()), None);
        }
    }

    #[test]
    fn date_header_takes_the_http_format_and_the_basic_one() {
        let parse = |text: &str| SigningTime::parse_date_header(text.as_bytes());
        check(parse("Sun, 30 Aug 2015 12:36:00 GMT"), Some("20150830T123600Z"));
        check(parse("20150830T123600Z"), Some("20150830T123600Z"));
        check(parse("Mon, 30 Aug 2015 12:36:00 GMT"), None);
        check(parse("Sun, 30 Aug 2015 12:36:00 +0200"), None);
        check(parse("Sun, 30 Aug 2015 12:36:00"), None);
    }

    #[test]
    fn shifting_stops_at_the_end_of_time() {
        assert_eq!(shifted(Timestamp::MAX, i64::MAX), Timestamp::MAX);
        assert_eq!(shifted(Timestamp::MIN, i64::MIN), Timestamp::MIN);
        assert_eq!(seconds_between(Timestamp::UNIX_EPOCH, shifted(Timestamp::UNIX_EPOCH, 7)), 7);
    }
}
