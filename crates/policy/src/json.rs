//! JSON with places: each value is a slice of the source, so where it stands follows from where
//! the slice lies in memory.
//!
//! Reading is lazy: a container gives its children, and only the children asked for are opened.
//! The work is linear in the text for each level that someone opens, and nothing here recurses.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::span::Span;

/// A value of a text that was found to be JSON.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node<'a> {
    /// From its first to its last byte, quotes and brackets included.
    text: &'a str,
    start: usize,
}

/// One name and value of an object.
#[derive(Debug)]
pub(crate) struct Member<'a> {
    /// The name, unescaped.
    pub(crate) key: Cow<'a, str>,
    /// Where the name stands, quotes included.
    pub(crate) key_span: Span,
    pub(crate) value: Node<'a>,
}

/// What kind of value it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Object,
    Array,
    String,
    Number,
    Boolean,
    Null,
}

/// Where a text is not JSON, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Defect {
    pub(crate) span: Span,
    pub(crate) message: String,
}

impl Shape {
    /// With its article, for messages: `an object`.
    pub(crate) fn phrase(self) -> &'static str {
        match self {
            Shape::Object => "an object",
            Shape::Array => "a list",
            Shape::String => "a string",
            Shape::Number => "a number",
            Shape::Boolean => "a boolean",
            Shape::Null => "`null`",
        }
    }
}

impl<'a> Node<'a> {
    /// Checks a whole text, and gives its value. A byte order mark at the start is skipped.
    pub(crate) fn root(source: &'a str) -> Result<Node<'a>, Defect> {
        let text = source.strip_prefix('\u{feff}').unwrap_or(source);
        let base = Node { text, start: source.len() - text.len() };
        match serde_json::from_str::<&RawValue>(text) {
            Ok(raw) => Ok(base.child(raw)),
            Err(error) => Err(base.defect(&error)),
        }
    }

    /// Where it stands.
    pub(crate) fn span(&self) -> Span {
        Span::new(self.start, self.start + self.text.len())
    }

    /// The text as written.
    pub(crate) fn text(&self) -> &'a str {
        self.text
    }

    pub(crate) fn shape(&self) -> Shape {
        match self.text.bytes().next() {
            Some(b'{') => Shape::Object,
            Some(b'[') => Shape::Array,
            Some(b'"') => Shape::String,
            Some(b't' | b'f') => Shape::Boolean,
            Some(b'n') => Shape::Null,
            _ => Shape::Number,
        }
    }

    /// The members of an object, in order, repeated names included.
    pub(crate) fn members(&self) -> Result<Vec<Member<'a>>, Defect> {
        let Entries(entries) = self.read()?;
        let member = |(key, value): (&'a RawValue, &'a RawValue)| {
            let name = self.child(key);
            Ok(Member { key: name.string()?, key_span: name.span(), value: self.child(value) })
        };
        entries.into_iter().map(member).collect()
    }

    /// The elements of an array, in order.
    pub(crate) fn elements(&self) -> Result<Vec<Node<'a>>, Defect> {
        let raw: Vec<&'a RawValue> = self.read()?;
        Ok(raw.into_iter().map(|raw| self.child(raw)).collect())
    }

    /// A string, unescaped.
    pub(crate) fn string(&self) -> Result<Cow<'a, str>, Defect> {
        let plain = self.text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
        match plain {
            Some(plain) if !plain.contains('\\') => Ok(Cow::Borrowed(plain)),
            // Only now are escapes looked into: half a surrogate pair is not text.
            _ => self.read::<String>().map(Cow::Owned).map_err(|_| Defect {
                span: self.span(),
                message: "half of a surrogate pair".to_owned(),
            }),
        }
    }

    fn read<T: Deserialize<'a>>(&self) -> Result<T, Defect> {
        serde_json::from_str(self.text).map_err(|error| self.defect(&error))
    }

    /// The value that `raw`, a slice of this one's text, holds.
    fn child(&self, raw: &'a RawValue) -> Node<'a> {
        let text = raw.get();
        let offset = text.as_ptr().addr().saturating_sub(self.text.as_ptr().addr());
        Node { text, start: self.start + offset }
    }

    fn defect(&self, error: &serde_json::Error) -> Defect {
        let message = message_of(error);
        let mut offset = match error.classify() {
            serde_json::error::Category::Eof => self.text.len(),
            _ => offset_of(self.text, error.line(), error.column()),
        };
        // This one error is reported a byte early.
        offset += usize::from(message.starts_with("control character"));
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let width = self.text.get(offset..).and_then(|rest| rest.chars().next());
        let start = self.start + offset;
        Defect { span: Span::new(start, start + width.map_or(0, char::len_utf8)), message }
    }
}

/// What is wrong, without the place, in words for the author of a policy.
fn message_of(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or(&message);
    match message.strip_prefix("EOF while parsing ") {
        Some(what) => format!("the text ends within {what}"),
        None if message.starts_with("control character") => {
            "control character in a string".to_owned()
        }
        None => message.to_owned(),
    }
}

/// The byte at a line and column as serde_json counts them: from 1, columns in bytes.
fn offset_of(text: &str, line: usize, column: usize) -> usize {
    let newlines = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
    let line_start = match line.checked_sub(2) {
        Some(before) => newlines.map(|(at, _)| at + 1).nth(before).unwrap_or(0),
        None => 0,
    };
    (line_start + column.saturating_sub(1)).min(text.len())
}

/// The entries of an object as slices of its text.
struct Entries<'a>(Vec<(&'a RawValue, &'a RawValue)>);

impl<'de> Deserialize<'de> for Entries<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EntriesVisitor;

        impl<'de> Visitor<'de> for EntriesVisitor {
            type Value = Entries<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries<'de>, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }

        deserializer.deserialize_map(EntriesVisitor)
    }
}

/// The members whose name stood before in the same object, each with the place where it first did.
pub(crate) fn repeated<'m, 'a>(members: &'m [Member<'a>]) -> Vec<(&'m Member<'a>, Span)> {
    let mut first: BTreeMap<&str, Span> = BTreeMap::new();
    let mut repeated = Vec::new();
    for member in members {
        match first.get(member.key.as_ref()) {
            Some(span) => repeated.push((member, *span)),
            None => _ = first.insert(&member.key, member.key_span),
        }
    }
    repeated
}

/// Where brackets outside of strings are first nested deeper than `limit`. One pass over the bytes,
/// whether they are JSON or not.
pub(crate) fn too_deep(source: &str, limit: usize) -> Option<Span> {
    // Most documents have fewer brackets than that.
    if memchr::memchr2_iter(b'[', b'{', source.as_bytes()).take(limit.saturating_add(1)).count()
        <= limit
    {
        return None;
    }
    let mut depth = 0_usize;
    let mut in_string = false;
    let mut escaped = false;
    for (at, byte) in source.bytes().enumerate() {
        match (in_string, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => in_string = !in_string,
            (false, b'[' | b'{') => {
                depth += 1;
                if depth > limit {
                    return Some(Span::new(at, at + 1));
                }
            }
            (false, b']' | b'}') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_know_where_they_stand() {
        let source = "\u{feff} {\"a\" : [1, \"\\u0062\"], \"a\":null}";
        let root = Node::root(source).unwrap();
        let members = root.members().unwrap();
        let texts: Vec<_> =
            members.iter().map(|member| &source[member.value.span().range()]).collect();
        assert_eq!(texts, ["[1, \"\\u0062\"]", "null"]);
        assert_eq!(&source[members[1].key_span.range()], "\"a\"");
        let elements = members[0].value.elements().unwrap();
        assert_eq!(&source[elements[1].span().range()], "\"\\u0062\"");
        assert_eq!(elements[1].string().unwrap(), "b");
        assert_eq!(elements[0].shape(), Shape::Number);
        assert_eq!(members[1].value.shape(), Shape::Null);
    }

    #[test]
    fn names_repeat_after_unescaping() {
        let members =
            Node::root(r#"{"Effect":1,"x":2,"\u0045ffect":3}"#).unwrap().members().unwrap();
        let repeated = repeated(&members);
        assert_eq!(repeated.len(), 1);
        assert_eq!((repeated[0].0.key_span, repeated[0].1), (Span::new(18, 31), Span::new(1, 9)));
    }

    #[track_caller]
    fn check_defect(source: &str, span: (usize, usize), message: &str) {
        let defect = Node::root(source).unwrap_err();
        assert_eq!((defect.span, defect.message.as_str()), (Span::new(span.0, span.1), message));
    }

    #[test]
    fn what_is_not_json_is_found_where_it_stands() {
        check_defect("", (0, 0), "the text ends within a value");
        check_defect("{\n\"a\": 1,\n}", (10, 11), "key must be a string");
        check_defect("{\"a\": é}", (6, 8), "expected value");
        check_defect("[1] x", (4, 5), "trailing characters");
        check_defect("{\"a\"", (4, 4), "the text ends within an object");
    }

    #[test]
    fn half_a_surrogate_pair_is_a_defect_of_its_string() {
        let elements = Node::root(r#"["\ud800"]"#).unwrap().elements().unwrap();
        assert_eq!(elements[0].string().unwrap_err().span, Span::new(1, 9));
    }

    #[test]
    fn depth_counts_brackets_outside_of_strings() {
        assert_eq!(too_deep("[[[]]]", 3), None);
        assert_eq!(too_deep("[[[]]]", 2), Some(Span::new(2, 3)));
        assert_eq!(too_deep(r#"["[[[\"[[["]"#, 1), None);
        assert_eq!(too_deep("[]{}[]", 1), None);
    }
}
