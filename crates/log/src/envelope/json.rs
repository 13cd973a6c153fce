//! Where JSON values end, in input that may stop anywhere.

use memchr::memchr2;

/// What stands at the start of some bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value {
    /// A value of this many bytes.
    Whole(usize),
    /// The start of a value: more bytes are needed.
    Partial,
    /// No value.
    Bad,
}

/// The extent of the JSON value that `bytes` begins with. Brackets are
/// counted, not matched: what is inside is for a parser to judge.
pub(super) fn value(bytes: &[u8]) -> Value {
    match bytes.first() {
        None => Value::Partial,
        Some(b'"') => string(bytes),
        Some(b'{' | b'[') => nested(bytes),
        Some(b'-' | b'0'..=b'9' | b'a'..=b'z') => scalar(bytes),
        Some(_) => Value::Bad,
    }
}

fn string(bytes: &[u8]) -> Value {
    let mut at = 1;
    while let Some(next) = bytes.get(at) {
        match next {
            b'"' => return Value::Whole(at + 1),
            // Escapes may follow each other: a search for each would take most of the time.
            b'\\' => at += 2,
            _ => match memchr2(b'"', b'\\', bytes.get(at..).unwrap_or_default()) {
                None => break,
                Some(found) => at += found,
            },
        }
    }
    Value::Partial
}

fn nested(bytes: &[u8]) -> Value {
    let mut depth = 0usize;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            b'"' => match string(bytes.get(at..).unwrap_or_default()) {
                Value::Whole(len) => at += len - 1,
                other => return other,
            },
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return Value::Whole(at);
        }
    }
    Value::Partial
}

fn scalar(bytes: &[u8]) -> Value {
    let ends = |c: &u8| matches!(c, b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t');
    bytes.iter().position(ends).map_or(Value::Partial, Value::Whole)
}

/// How many bytes of white space, and of `also`, come first.
pub(super) fn space(bytes: &[u8], also: u8) -> usize {
    bytes.iter().take_while(|c| c.is_ascii_whitespace() || **c == also).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Value) {
        assert_eq!(value(text.as_bytes()), expected, "`{text}`");
    }

    #[test]
    fn values_end_where_they_end() {
        check(r#""a\"b" x"#, Value::Whole(6));
        check(r#"{"a":["}",{}]},"#, Value::Whole(14));
        check("12,", Value::Whole(2));
        check("null}", Value::Whole(4));
        check("]", Value::Bad);
    }

    #[test]
    fn a_value_may_not_be_whole_yet() {
        for text in ["", "\"a", "\"a\\", "\"a\\\"", "{", "[1,", "{\"a", "12"] {
            check(text, Value::Partial);
        }
    }
}
