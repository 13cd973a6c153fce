//! Exact decimals, the numbers of the `Numeric…` operators.
//!
//! IAM's numbers are integers and decimals. They are compared exactly: not as floating point, where
//! 2^53 and 2^53 + 1 are equal, and not cut to 32 bits.

use std::cmp::Ordering;

/// A decimal number, compared by value: `10`, `+10` and `10.00` are equal.
///
/// The form is bounded, so that a hostile number costs no more than reading it: after leading zeros
/// of the whole part and trailing zeros of the fraction are dropped, each may have up to
/// [`Decimal::DIGITS`] digits. There is no exponent **(our choice: IAM speaks of integers and
/// decimals only)**.
///
/// ```
/// use tollgate_policy::Decimal;
///
/// assert!(Decimal::parse("9") < Decimal::parse("10"));
/// assert_eq!(Decimal::parse("10"), Decimal::parse("10.0"));
/// assert_eq!(Decimal::parse("10abc"), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Decimal {
    negative: bool,
    whole: u128,
    /// In units of 10 to the minus [`Decimal::DIGITS`].
    fraction: u128,
}

impl Decimal {
    /// The most significant digits before the point, and the most after it.
    pub const DIGITS: usize = 38;

    /// Reads `[+-]digits[.digits]`. `None` for anything else, white space included, and for more
    /// digits than [`Decimal::DIGITS`] on either side of the point.
    pub fn parse(text: &str) -> Option<Decimal> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        if whole.is_empty() || fraction.is_empty() {
            return None;
        }
        let whole = read_digits(whole.trim_start_matches('0'), 0)?;
        let fraction = read_digits(fraction.trim_end_matches('0'), Decimal::DIGITS)?;
        Some(Decimal { negative: negative && (whole, fraction) != (0, 0), whole, fraction })
    }
}

/// Reads at most [`Decimal::DIGITS`] digits, as if zeros followed up to `width`.
fn read_digits(digits: &str, width: usize) -> Option<u128> {
    if digits.len() > Decimal::DIGITS || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let value = digits.bytes().fold(0, |value, digit| value * 10 + u128::from(digit - b'0'));
    let missing = width.saturating_sub(digits.len());
    Some((0..missing).fold(value, |value, _| value * 10))
}

impl From<i64> for Decimal {
    fn from(value: i64) -> Decimal {
        Decimal { negative: value < 0, whole: u128::from(value.unsigned_abs()), fraction: 0 }
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Decimal) -> Ordering {
        let magnitude = |number: &Decimal, other: &Decimal| {
            (number.whole, number.fraction).cmp(&(other.whole, other.fraction))
        };
        match (self.negative, other.negative) {
            (false, false) => magnitude(self, other),
            (true, true) => magnitude(other, self),
            (negative, _) => {
                if negative {
                    Ordering::Less
                } else {
                    Ordering::Greater
                }
            }
        }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Decimal) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(left: &str, expected: Ordering, right: &str) {
        let read = |text| Decimal::parse(text).unwrap();
        assert_eq!(read(left).cmp(&read(right)), expected, "{left} against {right}");
        assert_eq!(read(right).cmp(&read(left)), expected.reverse(), "{right} against {left}");
    }

    #[test]
    fn numbers_compare_by_value_not_as_text() {
        check("9", Ordering::Less, "10");
        check("10", Ordering::Equal, "10.0");
        check("+1", Ordering::Equal, "001");
        check("-0", Ordering::Equal, "0.0");
        check("-2", Ordering::Less, "-1.5");
        check("-1", Ordering::Less, "0.5");
        check("1.05", Ordering::Less, "1.5");
    }

    #[test]
    fn nothing_is_rounded() {
        check("9007199254740992", Ordering::Less, "9007199254740993");
        check("2147483648", Ordering::Greater, "2147483647");
        check("0.1", Ordering::Greater, "0.09999999999999999999999999999999999999");
        let nines = "9".repeat(38);
        check(&nines, Ordering::Greater, &format!("{}8.{nines}", "9".repeat(37)));
    }

    #[test]
    fn only_digits_a_sign_and_a_point_make_a_number() {
        let too_long = "1".repeat(39);
        for text in [
            "", "-", ".", "1.", ".5", "10abc", " 1", "1 ", "1e3", "0x1", "1,5", "--1", "1.2.3",
            "٣", &too_long,
        ] {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
    }

    #[test]
    fn zeros_do_not_count_as_digits() {
        let zeros = "0".repeat(1000);
        check(&format!("{zeros}1.5{zeros}"), Ordering::Equal, "1.5");
    }

    proptest! {
        #[test]
        fn integers_compare_as_integers(left: i64, right: i64) {
            let read = |value: i64| Decimal::parse(&value.to_string()).unwrap();
            prop_assert_eq!(read(left).cmp(&read(right)), left.cmp(&right));
            prop_assert_eq!(read(left), Decimal::from(left));
        }
    }
}
