//! Percent-encoding as SigV4 wants it: everything but `A-Z a-z 0-9 - _ . ~`, upper-case hex; and the
//! lower-case hex of hashes and signatures.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, percent_encode};

/// Everything but the unreserved characters of RFC 3986 §2.3.
const RESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// The same, but slashes stand: a path is encoded segment by segment.
const RESERVED_IN_PATH: AsciiSet = RESERVED.remove(b'/');

/// Encodes one name or value.
pub(crate) fn encode(bytes: &[u8]) -> Cow<'_, str> {
    percent_encode(bytes, &RESERVED).into()
}

/// Encodes each segment of a path.
pub(crate) fn encode_path(path: &[u8]) -> Cow<'_, str> {
    percent_encode(path, &RESERVED_IN_PATH).into()
}

/// A path that is encoded already, but for what is not looked at here: empty and dot segments.
pub(crate) fn is_encoded_path(path: &[u8]) -> bool {
    let stands = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte);
    path.iter().all(|byte| stands(*byte))
}

/// 32 bytes as 64 lower-case hexadecimal digits, in a time that does not depend on them.
pub(crate) fn hex(bytes: &[u8; 32]) -> String {
    let digit = |nibble: u8| nibble + b'0' + u8::from(nibble > 9) * (b'a' - b'9' - 1);
    let mut digits = [[0; 2]; 32];
    for (pair, byte) in digits.iter_mut().zip(bytes) {
        *pair = [digit(byte >> 4), digit(byte & 0xf)];
    }
    String::from_utf8(digits.as_flattened().to_vec()).unwrap_or_default()
}

/// Exactly 32 bytes from exactly 64 lower-case hexadecimal digits.
pub(crate) fn decode_hex(text: &[u8]) -> Option<[u8; 32]> {
    const NONE: u8 = 0xff;
    let text: &[u8; 64] = text.try_into().ok()?;
    // Without branches, so that the compiler can look at many at once.
    let digits = text.map(|byte| match (byte.wrapping_sub(b'0'), byte.wrapping_sub(b'a')) {
        (decimal, _) if decimal < 10 => decimal,
        (_, letter) if letter < 6 => letter + 10,
        _ => NONE,
    });
    if digits.iter().fold(0, |all, digit| all | digit) == NONE {
        return None;
    }
    let (pairs, []) = digits.as_chunks::<2>() else { return None };
    let mut bytes = [0; 32];
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = high << 4 | low;
    }
    Some(bytes)
}

/// Decodes every escape. Give it text that [`malformed_escape`] found nothing in.
pub(crate) fn decode(bytes: &[u8]) -> Cow<'_, [u8]> {
    percent_decode(bytes).into()
}

/// The position of the first `%` that two hexadecimal digits do not follow.
///
/// Such a `%` would be encoded as `%25`, so the signature of `%25zz` would also hold for `%zz`.
pub(crate) fn malformed_escape(bytes: &[u8]) -> Option<usize> {
    let is_escape =
        |rest: &[u8]| rest.get(1..3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
    bytes
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'%')
        .map(|(position, _)| position)
        .find(|position| !bytes.get(*position..).is_some_and(is_escape))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_unreserved_characters_stand() {
        assert_eq!(encode(b"AZaz09-_.~"), "AZaz09-_.~");
        assert_eq!(encode(b" +/%\xff"), "%20%2B%2F%25%FF");
        assert_eq!(encode_path(b"/a b/%20/\xe1"), "/a%20b/%2520/%E1");
    }

    #[test]
    fn hexadecimal_digits_are_lower_case_and_64() {
        let bytes = std::array::from_fn(|index| (index as u8).wrapping_mul(41));
        let text = hex(&bytes);
        assert_eq!(text, base16ct::lower::encode_string(&bytes));
        assert_eq!(decode_hex(text.as_bytes()), Some(bytes));
        for wrong in ["", "0", "00", &text[1..], &text[2..], &format!("{text}00")] {
            assert_eq!(decode_hex(wrong.as_bytes()), None, "{wrong}");
        }
        for byte in (0..=u8::MAX).filter(|byte| !b"0123456789abcdef".contains(byte)) {
            let mut text = text.clone().into_bytes();
            text[17] = byte;
            assert_eq!(decode_hex(&text), None, "{byte:#x}");
        }
    }

    #[test]
    fn a_malformed_escape_is_found_where_it_is() {
        assert_eq!(malformed_escape(b"a=%25%aF"), None);
        assert_eq!(malformed_escape(b"a=%2"), Some(2));
        assert_eq!(malformed_escape(b"%41%"), Some(3));
        assert_eq!(malformed_escape(b"%%41"), Some(0));
        assert_eq!(malformed_escape(b"%zz"), Some(0));
    }
}
