//! Rate-limit fields of upstreams, whose forms differ by vendor.

use std::borrow::Cow;

use crate::{number, time};

/// What the headers `RateLimit` and `RateLimit-Policy` of the IETF draft tell of one limit.
///
/// Three generations of the draft are read: `"burst";r=50;t=30` with `"burst";q=100;w=60`, before
/// it `limit=100, remaining=50, reset=30`, and before that `100;w=60`.
///
/// ```
/// use tollgate_fields::RateTold;
///
/// let told = RateTold::read(Some("\"day\";q=1000;w=86400"), Some("\"day\";r=7;t=60"), None);
/// assert_eq!(told[0].bucket.as_deref(), Some("day"));
/// assert_eq!((told[0].limit, told[0].remaining, told[0].window), (Some(1000), Some(7), Some(86400)));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RateTold<'a> {
    /// The limit's name; `None` if it has none.
    pub bucket: Option<Cow<'a, str>>,
    /// Requests per window.
    pub limit: Option<u64>,
    /// Requests left.
    pub remaining: Option<u64>,
    /// When the window ends, UTC milliseconds.
    pub reset: Option<i64>,
    /// How long a window is, seconds.
    pub window: Option<u64>,
}

impl<'a> RateTold<'a> {
    /// Reads both headers; `now`, the time of the answer in UTC milliseconds, is what seconds
    /// count from.
    pub fn read(
        policy: Option<&'a str>,
        state: Option<&'a str>,
        now: Option<i64>,
    ) -> Vec<RateTold<'a>> {
        let mut all = Vec::new();
        for member in [policy, state].into_iter().flatten().flat_map(|text| pieces(text, b',')) {
            let mut parts = pieces(member, b';');
            let head = parts.next().unwrap_or_default();
            let (bucket, single) = match head.split_once('=') {
                Some((key, value)) => (None, Some((key, value))),
                None if head.bytes().all(|byte| byte.is_ascii_digit()) => (None, Some(("q", head))),
                None => (Some(unquoted(head)), None),
            };
            let told = entry(&mut all, bucket);
            for (key, value) in single.into_iter().chain(parts.filter_map(|p| p.split_once('='))) {
                told.set(key.trim(), value.trim(), now);
            }
        }
        all.retain(|told| told.limit.is_some() || told.remaining.is_some());
        all
    }

    fn set(&mut self, key: &str, value: &str, now: Option<i64>) {
        let number = number(value.as_bytes());
        match key {
            "q" | "limit" => self.limit = number.or(self.limit),
            "r" | "remaining" => self.remaining = number.or(self.remaining),
            "w" => self.window = number.or(self.window),
            "t" | "reset" => self.reset = reset(value.as_bytes(), now),
            _ => {}
        }
    }
}

/// What is told of the limit of a name, which may be told in two headers.
fn entry<'t, 'a>(
    all: &'t mut Vec<RateTold<'a>>,
    bucket: Option<Cow<'a, str>>,
) -> &'t mut RateTold<'a> {
    let known = all.iter().position(|told| told.bucket == bucket);
    let place = known.unwrap_or(all.len());
    if known.is_none() {
        all.push(RateTold { bucket, ..RateTold::default() });
    }
    #[expect(clippy::indexing_slicing, reason = "the entry was found, or just pushed")]
    &mut all[place]
}

/// The pieces of a text between separators outside of quotation marks, without white space around.
fn pieces(text: &str, separator: u8) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |character: char| {
        let inside = quoted;
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => {}
        }
        !inside && character == char::from(separator)
    })
    .map(str::trim)
    .filter(|piece| !piece.is_empty())
}

fn unquoted(text: &str) -> Cow<'_, str> {
    let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    if inner.contains('\\') { inner.replace('\\', "").into() } else { inner.into() }
}

/// A limit as early versions of the IETF draft write it, `100, 100;w=60`: the one that holds now
/// comes first. Commas may be those of [`grouped`] digits, too.
pub fn quota(text: &[u8]) -> Option<u64> {
    let first = || {
        let end = text.iter().position(|byte| matches!(byte, b',' | b';'))?;
        number(text.get(..end)?.trim_ascii())
    };
    grouped(text).or_else(first)
}

/// A number whose thousands are set apart by commas: `60,000`.
pub fn grouped(text: &[u8]) -> Option<u64> {
    let mut groups = text.split(|byte| *byte == b',');
    let first = groups.next().filter(|first| (1..=3).contains(&first.len()))?;
    let append = |value: u64, group: &[u8]| {
        let thousands = value.checked_mul(1000)?;
        thousands.checked_add(digits(group).filter(|_| group.len() == 3)?)
    };
    groups.try_fold(digits(first)?, append)
}

fn digits(text: &[u8]) -> Option<u64> {
    number(text).filter(|_| text.iter().all(u8::is_ascii_digit))
}

/// Numbers from here on are moments, not seconds to wait: 2001 in epoch
/// seconds, and thirty years as a delta.
const EPOCH_MIN: f64 = 1e9;
/// Numbers from here on are epoch milliseconds: 1973, and in seconds the year 5138.
const EPOCH_MILLIS_MIN: f64 = 1e11;

/// The moment at which a limit resets, as UTC milliseconds.
///
/// `now` is the request's own time, from which deltas (`30`), durations
/// (`6m0s`, `250ms`) and the IETF draft's `t=30` count. A delta in a row
/// without a time has no moment.
#[inline]
pub fn reset(text: &[u8], now: Option<i64>) -> Option<i64> {
    if text.is_empty() {
        return None;
    }
    if let (10, Some(seconds)) = (text.len(), time::number(text)) {
        return Some(seconds * 1000);
    }
    let text = std::str::from_utf8(text).ok()?.trim();
    match text.parse::<f64>() {
        Ok(number) if !number.is_finite() || number < 0.0 => None,
        Ok(number) if number >= EPOCH_MILLIS_MIN => Some(number as i64),
        Ok(number) if number >= EPOCH_MIN => Some((number * 1000.0) as i64),
        Ok(delta) => after(now, delta),
        Err(_) => match seconds(text) {
            Some(delta) => after(now, delta),
            None => time::parse(text.as_bytes()),
        },
    }
}

/// Seconds to wait, as `retry-after` says them: a number, or an HTTP date
/// counted from `now`.
#[inline]
pub fn retry_after(text: &[u8], now: Option<i64>) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    let text = std::str::from_utf8(text).ok()?.trim();
    let number = text.parse::<f64>().ok().filter(|n| n.is_finite() && *n >= 0.0);
    match number.or_else(|| seconds(text)) {
        Some(number) if number < EPOCH_MIN => Some(number.ceil() as u64),
        _ => {
            let wait = reset(text.as_bytes(), now)?.saturating_sub(now?);
            Some(u64::try_from(wait).unwrap_or(0).div_ceil(1000))
        }
    }
}

fn after(now: Option<i64>, seconds: f64) -> Option<i64> {
    Some(now?.saturating_add((seconds * 1000.0) as i64))
}

/// A duration as Go prints it (`1h6m0s`, `250ms`), or the `t` parameter of
/// the IETF draft's `RateLimit` field.
fn seconds(text: &str) -> Option<f64> {
    if let Some(t) = text.split(';').find_map(|part| part.trim().strip_prefix("t=")) {
        return t.parse().ok();
    }
    let mut total = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at_checked(digits)?;
        let unit = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at_checked(unit)?;
        let scale = match unit {
            "d" => 86_400.0,
            "h" => 3_600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" => 1e-6,
            _ => return None,
        };
        total += number.parse::<f64>().ok()? * scale;
        rest = tail;
    }
    (!text.is_empty()).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_763_700_000_000;

    #[track_caller]
    fn check(text: &str, expected: Option<i64>) {
        assert_eq!(reset(text.as_bytes(), Some(NOW)), expected, "`{text}`");
    }

    #[test]
    fn each_form_of_reset_is_a_moment() {
        check("1763703600", Some(NOW + 3_600_000));
        check("1763703600000", Some(NOW + 3_600_000));
        check("30", Some(NOW + 30_000));
        check("0.5", Some(NOW + 500));
        check("6m0s", Some(NOW + 360_000));
        check("250ms", Some(NOW + 250));
        check("\"default\";r=50;t=30", Some(NOW + 30_000));
        check("Fri, 21 Nov 2025 04:41:00 GMT", Some(NOW + 60_000));
        check("2025-11-21T04:41:00Z", Some(NOW + 60_000));
        check("soon", None);
        check("-5", None);
        check("NaN", None);
        check("", None);
    }

    #[test]
    fn a_delta_needs_a_time() {
        assert_eq!(reset(b"30", None), None);
        assert_eq!(reset(b"1763703600", None), Some(NOW + 3_600_000));
    }

    #[track_caller]
    fn check_told(policy: &str, state: &str, expected: &str) {
        let text = |text: &'static str| (!text.is_empty()).then_some(text);
        let (policy, state) = (policy.to_owned().leak(), state.to_owned().leak());
        let told = RateTold::read(text(policy), text(state), Some(NOW));
        let number = |number: Option<u64>| number.map_or("-".to_owned(), |n| n.to_string());
        let each = told.iter().map(|told| {
            let bucket = told.bucket.as_deref().unwrap_or("-");
            let reset = told.reset.map(|reset| u64::try_from(reset - NOW).unwrap());
            let [limit, left, reset, window] =
                [told.limit, told.remaining, reset, told.window].map(number);
            format!("{bucket} {limit} {left} {reset} {window}")
        });
        assert_eq!(each.collect::<Vec<_>>().join(", "), expected, "`{policy}` `{state}`");
    }

    #[test]
    fn each_generation_of_the_draft_is_read() {
        check_told(
            "\"burst\";q=100;w=60, \"daily\";q=1000;w=86400",
            "\"daily\";r=50;t=30",
            "burst 100 - - 60, daily 1000 50 30000 86400",
        );
        check_told(
            "\"burst\";q=100;w=60,\"daily\";q=1000;w=86400",
            "",
            "burst 100 - - 60, daily 1000 - - 86400",
        );
        check_told("", "\"default\";r=50;t=30", "default - 50 30000 -");
        check_told("", "default;r=50;t=30", "default - 50 30000 -");
        check_told("100;w=60", "limit=100, remaining=50, reset=30", "- 100 50 30000 60");
        check_told("", "100", "- 100 - - -");
        check_told("10;w=1;comment=\"a, b;c\"", "", "- 10 - - 1");
        check_told("\"a,;\\\"b\";q=1", "", "a,;\"b 1 - - -");
        check_told("nothing", "\"open", "");
    }

    #[test]
    fn an_early_limit_names_its_policies() {
        assert_eq!(quota(b"100, 100;w=60"), Some(100));
        assert_eq!(quota(b"100;w=60"), Some(100));
        assert_eq!(quota(b"100,200;w=60"), Some(100));
        assert_eq!(quota(b"many"), None);
    }

    #[test]
    fn thousands_may_be_set_apart() {
        assert_eq!(quota(b"60,000"), Some(60_000));
        assert_eq!(grouped(b"1,234,567"), Some(1_234_567));
        assert_eq!(grouped(b"60"), Some(60));
        for other in
            ["60, 000", "60,00", "6000,000", ",000", "60,", "60,000.5", "60,000,", "", "1,-23"]
        {
            assert_eq!(grouped(other.as_bytes()), None, "`{other}`");
        }
        assert_eq!(grouped(b"99,999,999,999,999,999,999"), None);
    }

    #[test]
    fn retry_after_is_seconds() {
        assert_eq!(retry_after(b"17", None), Some(17));
        assert_eq!(retry_after(b"1.2", Some(NOW)), Some(2));
        assert_eq!(retry_after(b"Fri, 21 Nov 2025 04:41:00 GMT", Some(NOW)), Some(60));
        assert_eq!(retry_after(b"Fri, 21 Nov 2025 04:41:00 GMT", None), None);
        assert_eq!(retry_after(b"later", Some(NOW)), None);
        assert_eq!(retry_after(b"", Some(NOW)), None);
    }
}
