//! Lines and columns of many places in one text, found in constant time each.

use crate::span::{Position, Span};

/// How many bytes lie between two counted places.
const BLOCK: usize = 256;

/// Where the lines of a text begin, and how many characters lie before every [`BLOCK`]th byte:
/// a document may be one line of a megabyte with a place to find in each hundred bytes.
pub(crate) struct Lines<'a> {
    source: &'a [u8],
    starts: Vec<usize>,
    characters: Vec<usize>,
}

impl<'a> Lines<'a> {
    pub(crate) fn new(source: &'a str) -> Lines<'a> {
        let source = source.as_bytes();
        let newlines = memchr::memchr_iter(b'\n', source);
        let starts = std::iter::once(0).chain(newlines.map(|at| at + 1)).collect();
        let characters = source
            .chunks(BLOCK)
            .scan(0, |before, block| {
                let here = *before;
                *before += count_characters(block);
                Some(here)
            })
            .collect();
        Lines { source, starts, characters }
    }

    /// The position of the start of a span; one beyond the end means the end.
    pub(crate) fn position(&self, span: Span) -> Position {
        let offset = (span.start as usize).min(self.source.len());
        let line = self.starts.partition_point(|&start| start <= offset);
        let start = self.starts.get(line.saturating_sub(1)).copied().unwrap_or(0);
        let column = self.characters_before(offset) - self.characters_before(start) + 1;
        let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        Position { line: number(line), column: number(column) }
    }

    fn characters_before(&self, offset: usize) -> usize {
        let block = offset / BLOCK;
        match self.characters.get(block) {
            Some(before) => {
                let rest = self.source.get(block * BLOCK..offset).unwrap_or(&[]);
                before + count_characters(rest)
            }
            None => count_characters(self.source),
        }
    }
}

/// Counts the first bytes of characters: all but continuation bytes.
fn count_characters(bytes: &[u8]) -> usize {
    bytes.iter().filter(|&&byte| byte & 0b1100_0000 != 0b1000_0000).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn agrees_with_counting_from_the_start(source in "[a\né\r€😀]{0,600}", at in 0_usize..2000) {
            let mut offset = at.min(source.len());
            while !source.is_char_boundary(offset) {
                offset -= 1;
            }
            let expected = Position::of(&source, offset);
            prop_assert_eq!(Lines::new(&source).position(Span::new(offset, offset)), expected);
        }
    }

    #[test]
    fn the_end_of_a_text_of_whole_blocks_has_a_place() {
        let source = "é".repeat(BLOCK);
        let end = Lines::new(&source).position(Span::new(source.len(), source.len()));
        assert_eq!((end.line, end.column), (1, 257));
    }
}
