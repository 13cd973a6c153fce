//! Percent-encoding as SigV4 wants it: everything but `A-Z a-z 0-9 - _ . ~`, upper-case hex; and the
//! lower-case hex of hashes and signatures.

use std::borrow::Cow;

use memchr::memchr_iter;
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

/// What lies between the separators `at`, or the whole of a text that has none.
pub(crate) fn split(text: &[u8], at: u8) -> impl Iterator<Item = &[u8]> {
    let (ends, mut start) = (memchr_iter(at, text).chain([text.len()]), 0);
    ends.filter_map(move |end| {
        let piece = text.get(start..end);
        start = end + 1;
        piece
    })
}

/// Whether a path has an empty segment before its end, or one that begins with a dot.
pub(crate) fn has_odd_segment(path: &[u8]) -> bool {
    let pairs = path.iter().zip(path.get(1..).unwrap_or_default());
    // Without branches, so that the compiler can look at many at once.
    pairs.fold(false, |found, (byte, next)| {
        found | ((*byte == b'/') & ((*next == b'/') | (*next == b'.')))
    })
}

/// 64 lower-case hexadecimal digits.
pub(crate) struct Hex([[u8; 2]; 32]);

impl Hex {
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_flattened()
    }

    pub(crate) fn to_text(&self) -> String {
        String::from_utf8_lossy(self.as_bytes()).into_owned()
    }
}

/// 32 bytes in hexadecimal digits, in a time that does not depend on them.
pub(crate) fn hex(bytes: &[u8; 32]) -> Hex {
    let digit = |nibble: u8| nibble + b'0' + u8::from(nibble > 9) * (b'a' - b'9' - 1);
    let mut digits = [[0; 2]; 32];
    for (pair, byte) in digits.iter_mut().zip(bytes) {
        *pair = [digit(byte >> 4), digit(byte & 0xf)];
    }
    Hex(digits)
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
    memchr_iter(b'%', bytes).find(|position| !bytes.get(*position..).is_some_and(is_escape))
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
        let text = hex(&bytes).to_text();
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
