//! A file's text with its lines counted, so that any byte has its line and column at once.

use std::ops::Range;
use std::sync::Arc;

use tollgate_policy::Position;

use crate::confidential::told;
use crate::problem::Problem;

/// A file that was read.
#[derive(Debug)]
pub(crate) struct TextFile {
    /// Its path, as the reader can open it.
    pub(crate) name: Arc<str>,
    pub(crate) text: Arc<str>,
    line_starts: Vec<usize>,
    is_ascii: bool,
    /// Whether problems show of it only what a manifest may be shown of.
    is_manifest: bool,
}

impl TextFile {
    pub(crate) fn new(name: &str, text: String) -> TextFile {
        let newlines = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        TextFile {
            name: name.into(),
            line_starts: std::iter::once(0).chain(newlines.map(|(at, _)| at + 1)).collect(),
            is_ascii: text.is_ascii(),
            is_manifest: false,
            text: text.into(),
        }
    }

    /// The same of a manifest.
    pub(crate) fn of_manifest(name: &str, text: String) -> TextFile {
        TextFile { is_manifest: true, ..TextFile::new(name, text) }
    }

    /// Line and column of the byte at `offset`, from 1; columns count characters.
    pub(crate) fn position(&self, offset: usize) -> Position {
        let line = self.line_starts.partition_point(|&start| start <= offset);
        let start = self.line_starts.get(line.saturating_sub(1)).copied().unwrap_or(0);
        let column = match self.is_ascii {
            true => offset.saturating_sub(start),
            false => self.text.get(start..offset).map_or(0, |before| before.chars().count()),
        };
        let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        Position { line: number(line), column: number(column + 1) }
    }

    /// Where a slice of the text begins; the slice must have been taken from it.
    pub(crate) fn offset_of(&self, slice: &str) -> usize {
        slice.as_ptr().addr().saturating_sub(self.text.as_ptr().addr())
    }

    /// The byte at a line and column of a slice that begins at `base`, as serde_json counts them:
    /// from 1, columns in bytes.
    pub(crate) fn offset_in(&self, base: usize, line: usize, column: usize) -> usize {
        let first = self.line_starts.partition_point(|&start| start <= base);
        let start = match line.checked_sub(2) {
            Some(beyond) => self.line_starts.get(first + beyond).copied(),
            None => Some(base),
        };
        let mut offset = start.map_or(self.text.len(), |start| start + column.saturating_sub(1));
        offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        offset
    }

    /// Something wrong at `span`.
    pub(crate) fn problem(&self, span: Range<usize>, message: impl Into<String>) -> Problem {
        let message = message.into();
        let (text, message) = match self.is_manifest {
            true => told(&self.text, &message),
            false => (Arc::clone(&self.text), message),
        };
        Problem {
            file: self.name.to_string(),
            text,
            span: Some(span),
            message,
            help: None,
            policy: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str) {
        let file = TextFile::new("f", text.to_owned());
        for (offset, _) in text.char_indices() {
            assert_eq!(file.position(offset), Position::of(text, offset), "{offset} of {text:?}");
        }
    }

    #[test]
    fn positions_are_those_of_counting_from_the_start() {
        check("ab\n\ncd\r\nef");
        check("é\n\u{1F600}x\nö");
    }

    #[test]
    fn a_place_in_a_slice_is_a_place_in_the_text() {
        let file = TextFile::new("f", "12\n 4{6\n89}".to_owned());
        assert_eq!(file.offset_in(5, 1, 2), 6, "the first line begins where the slice does");
        assert_eq!(file.offset_in(5, 2, 3), 10, "later lines begin where lines do");
        assert_eq!(file.offset_in(5, 9, 1), 11, "beyond the end is the end");
    }
}
