//! Rate-limit fields of upstreams, whose forms differ by vendor.

use crate::rows::NO_TIME;
use crate::time;

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
pub(crate) fn reset(text: &[u8], now: i64) -> Option<i64> {
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
pub(crate) fn retry_after(text: &[u8], now: i64) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    let text = std::str::from_utf8(text).ok()?.trim();
    let number = text.parse::<f64>().ok().filter(|n| n.is_finite() && *n >= 0.0);
    match number.or_else(|| seconds(text)) {
        Some(number) if number < EPOCH_MIN => Some(number.ceil() as u64),
        _ if now == NO_TIME => None,
        _ => {
            let wait = reset(text.as_bytes(), now)?.saturating_sub(now);
            Some(u64::try_from(wait).unwrap_or(0).div_ceil(1000))
        }
    }
}

fn after(now: i64, seconds: f64) -> Option<i64> {
    (now != NO_TIME).then(|| now.saturating_add((seconds * 1000.0) as i64))
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
        assert_eq!(reset(text.as_bytes(), NOW), expected, "`{text}`");
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
        check("soon", None);
        check("-5", None);
        check("NaN", None);
        check("", None);
    }

    #[test]
    fn a_delta_needs_a_time() {
        assert_eq!(reset(b"30", NO_TIME), None);
        assert_eq!(reset(b"1763703600", NO_TIME), Some(NOW + 3_600_000));
    }

    #[test]
    fn retry_after_is_seconds() {
        assert_eq!(retry_after(b"17", NO_TIME), Some(17));
        assert_eq!(retry_after(b"1.2", NOW), Some(2));
        assert_eq!(retry_after(b"Fri, 21 Nov 2025 04:41:00 GMT", NOW), Some(60));
        assert_eq!(retry_after(b"Fri, 21 Nov 2025 04:41:00 GMT", NO_TIME), None);
        assert_eq!(retry_after(b"later", NOW), None);
        assert_eq!(retry_after(b"", NOW), None);
    }
}
