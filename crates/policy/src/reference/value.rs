//! The values that condition operators compare, read by plain means.

use std::cmp::Ordering;
use std::net::IpAddr;

use jiff::Timestamp;
use jiff::civil::DateTime;

/// A decimal number as text: sign, digits before the point, digits after it.
///
/// Section 3: "integers and decimals compared by value, exactly: not through f64, not truncated".
pub(super) struct Number {
    negative: bool,
    whole: String,
    fraction: String,
}

impl Number {
    /// Reads `-12.50`: no exponent, no blanks, at least one digit on each side of a point, and at
    /// most 38 that count on either.
    pub(super) fn read(text: &str) -> Option<Number> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        if !is_digits(whole) || !is_digits(fraction) {
            return None;
        }
        let whole = whole.trim_start_matches('0').to_owned();
        let fraction = fraction.trim_end_matches('0').to_owned();
        let zero = whole.is_empty() && fraction.is_empty();
        (whole.len() <= 38 && fraction.len() <= 38).then_some(Number {
            negative: negative && !zero,
            whole,
            fraction,
        })
    }

    pub(super) fn compare(&self, other: &Number) -> Ordering {
        let size = |a: &Number, b: &Number| {
            let whole = (a.whole.len(), &a.whole).cmp(&(b.whole.len(), &b.whole));
            whole.then(a.fraction.cmp(&b.fraction))
        };
        match (self.negative, other.negative) {
            (false, false) => size(self, other),
            (true, true) => size(other, self),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|char| char.is_ascii_digit())
}

/// Section 3: "ISO 8601 (W3C profile) or epoch seconds, either side in either form, on one time
/// line, UTC if no offset is given for a date alone."
///
/// Four digits are a year, as in the profile; a time of day without an offset is UTC too; what is
/// left of the year 9999 when a [`Timestamp`] ends is its last instant (our choices).
pub(super) fn read_instant(text: &str) -> Option<Timestamp> {
    match shape(text).as_str() {
        "9999" => read_time(&format!("{text}-01-01T00:00:00Z")),
        "9999-99" => read_time(&format!("{text}-01T00:00:00Z")),
        "9999-99-99" => read_time(&format!("{text}T00:00:00Z")),
        _ if text.contains('T') => read_time(text),
        _ => read_epoch(text),
    }
}

/// The text with a `9` for each digit.
fn shape(text: &str) -> String {
    text.chars().map(|char| if char.is_ascii_digit() { '9' } else { char }).collect()
}

/// Reads `2026-01-31T23:59`, with or without seconds, fraction and offset.
fn read_time(text: &str) -> Option<Timestamp> {
    let offset_at = text.rfind(['Z', '+', '-']).filter(|at| *at > 10).unwrap_or(text.len());
    let (local, offset) = text.split_at(offset_at);
    let whole = local.split_once('.').map_or(local, |(whole, _)| whole);
    let fraction = local.split_once('.').map_or("0", |(_, fraction)| fraction);
    let seconds = match shape(whole).as_str() {
        "9999-99-99T99:99" if whole == local => ":00",
        "9999-99-99T99:99:99" if !whole.ends_with(":60") => "",
        _ => return None,
    };
    let offset = match shape(offset).as_str() {
        "" | "Z" => "+00:00",
        "+99:99" | "-99:99" if offset.get(1..) < Some("24") && offset.get(4..) < Some("60") => {
            offset
        }
        _ => return None,
    };
    if !is_digits(fraction) || fraction.len() > 9 {
        return None;
    }
    let civil: DateTime = format!("{whole}{seconds}.{fraction}").parse().ok()?;
    let instant = format!("{civil}{offset}").parse().ok();
    instant.or((civil.year() == 9999).then_some(Timestamp::MAX))
}

/// Reads `1791201600`, `-1.5`.
fn read_epoch(text: &str) -> Option<Timestamp> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    if !is_digits(whole) || !is_digits(fraction) || fraction.len() > 9 {
        return None;
    }
    let seconds: i64 = whole.parse().ok()?;
    let nanoseconds: i32 = format!("{fraction:0<9}").parse().ok()?;
    let first_of_year_10000 = 253_402_300_800;
    match negative {
        true => Timestamp::new(-seconds, -nanoseconds).ok(),
        false if seconds < Timestamp::MAX.as_second() => Timestamp::new(seconds, nanoseconds).ok(),
        false => (seconds < first_of_year_10000).then_some(Timestamp::MAX),
    }
}

/// Section 3: "CIDR v4/v6, host bits ignored, no prefix means one address."
pub(super) fn range_contains(range: &str, address: IpAddr) -> bool {
    let (network, prefix) = match range.split_once('/') {
        Some((network, prefix)) if is_digits(prefix) => (network, prefix.parse::<usize>().ok()),
        Some(_) => return false,
        None => (range, Some(bits_of(address).len())),
    };
    let (Ok(network), Some(prefix)) = (network.parse::<IpAddr>(), prefix) else { return false };
    // "A v4 range never contains a v6 address and the reverse."
    let (network, address) = (bits_of(network), bits_of(address));
    network.len() == address.len()
        && prefix <= address.len()
        && network.chars().zip(address.chars()).take(prefix).all(|(a, b)| a == b)
}

/// The address as a string of 32 or 128 zeros and ones.
fn bits_of(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => format!("{:032b}", address.to_bits()),
        IpAddr::V6(address) => format!("{:0128b}", address.to_bits()),
    }
}

/// Section 3, `BinaryEquals`: "bytes after base64 decoding". Standard alphabet, padded to groups of
/// four, and the bits that fill the last digit are zero.
pub(super) fn read_base64(text: &str) -> Option<Vec<u8>> {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = text.strip_suffix("==").or(text.strip_suffix('=')).unwrap_or(text);
    let mut bits = String::new();
    for digit in digits.chars() {
        bits.push_str(&format!("{:06b}", ALPHABET.find(digit)?));
    }
    let (octets, filling) = bits.split_at(bits.len() - bits.len() % 8);
    if !text.len().is_multiple_of(4) || filling.len() > 4 || filling.contains('1') {
        return None;
    }
    let octets: Vec<char> = octets.chars().collect();
    let byte = |octet: &[char]| u8::from_str_radix(&octet.iter().collect::<String>(), 2).ok();
    octets.chunks(8).map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn compare(left: &str, right: &str, expected: Ordering) {
        let (left, right) = (Number::read(left).unwrap(), Number::read(right).unwrap());
        assert_eq!(left.compare(&right), expected);
    }

    #[test]
    fn numbers_compare_by_value() {
        compare("9", "10", Ordering::Less);
        compare("-9", "-10", Ordering::Greater);
        compare("10", "010.00", Ordering::Equal);
        compare("-0", "0", Ordering::Equal);
        compare("0.1", "0.09", Ordering::Greater);
        compare("9007199254740993", "9007199254740992", Ordering::Greater);
        compare("-1", "1", Ordering::Less);
    }

    #[test]
    fn other_text_is_no_number() {
        for text in ["", "-", "10abc", " 1", "1e3", ".5", "5.", "1.2.3", "0x1", "\u{0661}"] {
            assert!(Number::read(text).is_none(), "{text}");
        }
    }

    #[track_caller]
    fn check_instant(text: &str, seconds: Option<i64>) {
        assert_eq!(read_instant(text).map(Timestamp::as_second), seconds, "{text}");
    }

    #[test]
    fn instants_of_either_form_lie_on_one_line() {
        check_instant("1970-01-02", Some(86_400));
        check_instant("1970-01-02T00:00Z", Some(86_400));
        check_instant("1970-01-02T01:00:00+01:00", Some(86_400));
        check_instant("1970-01-02T00:00:00.5Z", Some(86_400));
        check_instant("86400", Some(86_400));
        check_instant("-1", Some(-1));
        check_instant("1970-02", Some(31 * 86_400));
        check_instant("1971", Some(365 * 86_400));
        check_instant("1970-01-02T00:00:00", Some(86_400));
        check_instant("1.5", Some(1));
        check_instant("9999-12-31T23:59:59Z", Some(Timestamp::MAX.as_second()));
        check_instant("253402300799", Some(Timestamp::MAX.as_second()));
    }

    #[test]
    fn other_text_is_no_instant() {
        for text in [
            "",
            "soon",
            "1970-1-2",
            "1970-13-01",
            "+1",
            "1970-01-02T24:00Z",
            "1970-01-02T00:00:60Z",
            "1970-01-02T00Z",
            "1970-01-02T00:00.5Z",
            "1970-01-02T00:00:00+24:00",
            "253402300800",
            "1970T00:00Z",
            "1970-01-02T00:00:00.Z",
            "1.",
            "1970-01-02T00:00:00+0100",
            "1791201600000",
        ] {
            check_instant(text, None);
        }
    }

    #[track_caller]
    fn check_range(range: &str, address: &str, expected: bool) {
        assert_eq!(range_contains(range, address.parse().unwrap()), expected, "{range} {address}");
    }

    #[test]
    fn ranges_hold_the_addresses_of_their_family() {
        check_range("10.0.0.0/8", "10.255.0.1", true);
        check_range("10.9.9.9/8", "10.255.0.1", true);
        check_range("10.0.0.1", "10.0.0.2", false);
        check_range("0.0.0.0/0", "203.0.113.9", true);
        check_range("0.0.0.0/0", "::1", false);
        check_range("::/0", "1.2.3.4", false);
        check_range("2001:db8::/32", "2001:DB8:0::1", true);
    }

    #[test]
    fn base64_is_bytes() {
        assert_eq!(read_base64("SGk="), Some(b"Hi".to_vec()));
        assert_eq!(read_base64("SGkh"), Some(b"Hi!".to_vec()));
        assert_eq!(read_base64(""), Some(vec![]));
        for text in ["SGk", "SGl=", "SG", "S===", "SGk=SGk=", "sg k="] {
            assert_eq!(read_base64(text), None, "{text}");
        }
    }
}
