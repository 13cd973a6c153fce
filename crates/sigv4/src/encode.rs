//! Percent-encoding as SigV4 wants it: everything but `A-Z a-z 0-9 - _ . ~`, upper-case hex.

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
    fn a_malformed_escape_is_found_where_it_is() {
        assert_eq!(malformed_escape(b"a=%25%aF"), None);
        assert_eq!(malformed_escape(b"a=%2"), Some(2));
        assert_eq!(malformed_escape(b"%41%"), Some(3));
        assert_eq!(malformed_escape(b"%%41"), Some(0));
        assert_eq!(malformed_escape(b"%zz"), Some(0));
    }
}
