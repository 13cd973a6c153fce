//! Where something stands in a document: byte spans, and the lines and columns that people read.

use std::fmt;
use std::ops::Range;

/// A run of bytes of the source text, end exclusive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Span {
    /// Offset of the first byte.
    pub start: u32,
    /// Offset after the last byte.
    pub end: u32,
}

impl Span {
    /// The bytes from `start` up to, not including, `end`.
    pub fn new(start: usize, end: usize) -> Span {
        let clamp = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
        Span { start: clamp(start), end: clamp(end) }
    }

    /// The same run as a range, for slicing the source.
    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// A line and a column, both counted from 1; columns count characters (Unicode scalar values).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl Position {
    /// The position of the byte at `offset` in `source`. An offset beyond the end means the end.
    pub fn of(source: &str, offset: usize) -> Position {
        let before = source.get(..offset).unwrap_or(source);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let count = |n: usize| u32::try_from(n + 1).unwrap_or(u32::MAX);
        Position {
            line: count(before.bytes().filter(|&byte| byte == b'\n').count()),
            column: count(before.get(line_start..).map_or(0, |rest| rest.chars().count())),
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A value and where it stands. Two are equal when their values are.
#[derive(Clone, Debug, Eq)]
pub struct Spanned<T> {
    /// What stands there.
    pub value: T,
    /// Where it stands, quotes included for a string.
    pub span: Span,
}

impl<T: PartialEq> PartialEq for Spanned<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(source: &str, offset: usize, expected: (u32, u32)) {
        let Position { line, column } = Position::of(source, offset);
        assert_eq!((line, column), expected, "offset {offset} of {source:?}");
    }

    #[test]
    fn lines_and_columns_count_from_one() {
        check("ab\ncd", 0, (1, 1));
        check("ab\ncd", 2, (1, 3));
        check("ab\ncd", 3, (2, 1));
    }

    #[test]
    fn columns_count_characters_not_bytes() {
        check("é\"x", 2, (1, 2));
    }

    #[test]
    fn an_offset_past_the_end_means_the_end() {
        check("ab\ncd", 99, (2, 3));
    }
}
