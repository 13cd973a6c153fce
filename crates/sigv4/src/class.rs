//! What a byte may be part of, looked up in one table: heads are read byte by byte, more than once.

/// Kinds of text, as a set.
#[derive(Clone, Copy)]
pub(crate) struct Class(u8);

impl Class {
    /// RFC 9110 §5.6.2: a method, or the name of a header.
    pub(crate) const TOKEN: Class = Class(1);
    /// The name of a header without a capital letter.
    pub(crate) const LOWER_CASE_TOKEN: Class = Class(1 << 1);
    /// RFC 3986 §2.3: a text that percent-encoding leaves as it is.
    pub(crate) const UNRESERVED: Class = Class(1 << 2);
    /// Segments of [`UNRESERVED`](Class::UNRESERVED) text, with slashes between.
    pub(crate) const ENCODED_PATH: Class = Class(1 << 3);
    /// A path without anything that could be read in two ways, but for dot and empty segments.
    pub(crate) const PLAIN_PATH: Class = Class(1 << 4);
    /// Letters, digits and underscores.
    pub(crate) const WORD: Class = Class(1 << 5);

    /// Whether each byte of a text may be part of this. An empty text may be part of anything.
    pub(crate) fn has(self, text: &[u8]) -> bool {
        // Every byte is looked at: without a branch for each, that is faster.
        text.iter().fold(self.0, |left, byte| left & Class::of(*byte).0) != 0
    }

    fn of(byte: u8) -> Class {
        static CLASSES: [Class; 256] = Class::all();
        CLASSES.get(usize::from(byte)).copied().unwrap_or(Class(0))
    }

    #[expect(clippy::indexing_slicing, reason = "256 places for 256 bytes, at compile time")]
    const fn all() -> [Class; 256] {
        let mut all = [Class(0); 256];
        let mut byte = 0;
        while byte <= u8::MAX as usize {
            all[byte] = Class::decide(byte as u8);
            byte += 1;
        }
        all
    }

    const fn decide(byte: u8) -> Class {
        let is_alphanumeric = byte.is_ascii_alphanumeric();
        let is_token = is_alphanumeric
            || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~');
        let is_unreserved = is_alphanumeric || matches!(byte, b'-' | b'_' | b'.' | b'~');
        let is_plain =
            byte.is_ascii_graphic() && !matches!(byte, b'%' | b'\\' | b'#' | b'?' | b';');
        let mut class = 0;
        if is_token {
            class |= Class::TOKEN.0;
        }
        if is_token && !byte.is_ascii_uppercase() {
            class |= Class::LOWER_CASE_TOKEN.0;
        }
        if is_unreserved {
            class |= Class::UNRESERVED.0;
        }
        if is_unreserved || byte == b'/' {
            class |= Class::ENCODED_PATH.0;
        }
        if is_plain {
            class |= Class::PLAIN_PATH.0;
        }
        if is_alphanumeric || byte == b'_' {
            class |= Class::WORD.0;
        }
        Class(class)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(class: Class, others: &[u8], letters: impl Fn(u8) -> bool) {
        for byte in 0..=u8::MAX {
            let expected = letters(byte) || others.contains(&byte);
            assert_eq!(class.has(&[b'a', byte, b'0']), expected, "{byte:#x}");
        }
    }

    #[test]
    fn a_text_is_of_a_class_if_each_byte_is() {
        let letters = |byte: u8| byte.is_ascii_alphanumeric();
        check(Class::TOKEN, b"!#$%&'*+-.^_`|~", letters);
        let lower_case = |byte: u8| letters(byte) && !byte.is_ascii_uppercase();
        check(Class::LOWER_CASE_TOKEN, b"!#$%&'*+-.^_`|~", lower_case);
        check(Class::UNRESERVED, b"-._~", letters);
        check(Class::ENCODED_PATH, b"-._~/", letters);
        check(Class::PLAIN_PATH, b"!\"$&'()*+,-./:<=>@[]^_`{|}~", letters);
        check(Class::WORD, b"_", letters);
    }
}
