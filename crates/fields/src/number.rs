//! Numbers of something: requests, bytes, milliseconds.

/// The whole part of a decimal number.
///
/// ```
/// use tollgate_fields::number;
///
/// assert_eq!((number(b"5000"), number(b"12.5")), (Some(5000), Some(12)));
/// assert_eq!((number(b""), number(b"-"), number(b".5"), number(b"1e3")), (None, None, None, None));
/// ```
#[inline]
pub fn number(text: &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for (at, &digit) in text.iter().enumerate() {
        let digit_value = digit.wrapping_sub(b'0');
        if digit_value > 9 {
            let fraction = text.get(at + 1..).unwrap_or_default();
            let whole = at > 0 && digit == b'.' && fraction.iter().all(u8::is_ascii_digit);
            return whole.then_some(value);
        }
        value = value.checked_mul(10)?.checked_add(u64::from(digit_value))?;
    }
    (!text.is_empty()).then_some(value)
}
