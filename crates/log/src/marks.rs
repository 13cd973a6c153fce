//! Where the bytes of a text stand that its lines and their values end at, found for all of it at
//! once: each byte is looked at once, sixteen or thirty-two at a time.

use crate::wide;

/// Bytes that a word has a bit for.
const WORD: usize = u64::BITS as usize;

/// Where the quotation marks and the line ends of a text stand, and what else matters of it.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    quotes: Vec<u64>,
    line_ends: Vec<u64>,
    has_escapes: bool,
    is_beyond_ascii: bool,
}

/// What some bytes are: a bit for each, the first is the lowest, and what is anywhere among them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Word {
    quotes: u64,
    line_ends: u64,
    escapes: bool,
    beyond_ascii: bool,
}

impl Marks {
    /// Those of a text.
    pub(crate) fn of(text: &[u8]) -> Marks {
        let mut marks = Marks::default();
        marks.find(text);
        marks
    }

    /// Takes those of another text instead.
    pub(crate) fn find(&mut self, text: &[u8]) {
        let (whole, rest) = text.as_chunks();
        let mut last = [0; WORD];
        last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        self.quotes.resize(whole.len() + 1, 0);
        self.line_ends.resize(whole.len() + 1, 0);
        let found = find_in(whole, &mut self.quotes, &mut self.line_ends);
        let last = word(&last);
        if let (Some(quotes), Some(line_ends)) = (self.quotes.last_mut(), self.line_ends.last_mut())
        {
            (*quotes, *line_ends) = (last.quotes, last.line_ends);
        }
        self.has_escapes = found.escapes | last.escapes;
        self.is_beyond_ascii = found.beyond_ascii | last.beyond_ascii;
    }

    /// Whether the text has backslashes.
    pub(crate) fn has_escapes(&self) -> bool {
        self.has_escapes
    }

    /// Whether the text is nothing but ASCII.
    pub(crate) fn is_ascii(&self) -> bool {
        !self.is_beyond_ascii
    }

    /// The first quotation mark at `from` or later; it may lie beyond `end`, but is not searched for
    /// much longer there.
    #[inline(always)]
    pub(crate) fn quote(&self, from: usize, end: usize) -> Option<usize> {
        next(&self.quotes, from, end)
    }

    /// The first line end at `from` or later.
    #[inline]
    pub(crate) fn line_end(&self, from: usize) -> Option<usize> {
        next(&self.line_ends, from, usize::MAX)
    }
}

/// The first bit that is set at `from` or later.
#[inline(always)]
fn next(words: &[u64], from: usize, end: usize) -> Option<usize> {
    let mut index = from / WORD;
    let mut bits = words.get(index)? & u64::MAX << (from % WORD);
    while bits == 0 {
        index += 1;
        if index * WORD >= end {
            return None;
        }
        bits = *words.get(index)?;
    }
    Some(index * WORD + bits.trailing_zeros() as usize)
}

/// What is anywhere in a text.
#[derive(Debug, Clone, Copy, Default)]
struct Anywhere {
    escapes: bool,
    beyond_ascii: bool,
}

/// Finds the words of the pieces of a text.
fn find_in(pieces: &[[u8; WORD]], quotes: &mut [u64], line_ends: &mut [u64]) -> Anywhere {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        #[expect(unsafe_code, reason = "measured: it takes a third of the instructions")]
        // SAFETY: the processor has AVX2.
        return unsafe { find_by_32(pieces, quotes, line_ends) };
    }
    let mut found = Anywhere::default();
    for ((piece, quotes), line_ends) in pieces.iter().zip(quotes).zip(line_ends) {
        let word = word(piece);
        (*quotes, *line_ends) = (word.quotes, word.line_ends);
        found.escapes |= word.escapes;
        found.beyond_ascii |= word.beyond_ascii;
    }
    found
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn find_by_32(pieces: &[[u8; WORD]], quotes: &mut [u64], line_ends: &mut [u64]) -> Anywhere {
    use std::arch::x86_64::{
        _mm256_cmpeq_epi8, _mm256_movemask_epi8, _mm256_or_si256, _mm256_set_epi64x,
        _mm256_set1_epi8, _mm256_setzero_si256,
    };
    let quote = _mm256_set1_epi8(b'"'.cast_signed());
    let line_end = _mm256_set1_epi8(b'\n'.cast_signed());
    let escape = _mm256_set1_epi8(b'\\'.cast_signed());
    let (mut escapes, mut all) = (_mm256_setzero_si256(), _mm256_setzero_si256());
    for ((piece, quotes), line_ends) in pieces.iter().zip(quotes).zip(line_ends) {
        let (mut word_quotes, mut word_ends) = (0, 0);
        for lane in piece.as_chunks::<32>().0.iter().rev() {
            let [a, b, c, d] = wide::words(lane).map(u64::cast_signed);
            let lane = _mm256_set_epi64x(d, c, b, a);
            let found = _mm256_movemask_epi8(_mm256_cmpeq_epi8(lane, quote));
            word_quotes = word_quotes << 32 | u64::from(found.cast_unsigned());
            let found = _mm256_movemask_epi8(_mm256_cmpeq_epi8(lane, line_end));
            word_ends = word_ends << 32 | u64::from(found.cast_unsigned());
            escapes = _mm256_or_si256(escapes, _mm256_cmpeq_epi8(lane, escape));
            all = _mm256_or_si256(all, lane);
        }
        (*quotes, *line_ends) = (word_quotes, word_ends);
    }
    let [escapes, beyond_ascii] = [_mm256_movemask_epi8(escapes), _mm256_movemask_epi8(all)];
    Anywhere { escapes: escapes != 0, beyond_ascii: beyond_ascii != 0 }
}

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "measured: byte by byte it takes as long as the rest of a line")]
#[inline]
fn word(bytes: &[u8; WORD]) -> Word {
    // SAFETY: SSE2 is a part of x86-64.
    unsafe { word_at_once(bytes) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sse2")]
#[inline]
fn word_at_once(bytes: &[u8; WORD]) -> Word {
    use std::arch::x86_64::{
        _mm_cmpeq_epi8, _mm_movemask_epi8, _mm_or_si128, _mm_set_epi64x, _mm_set1_epi8,
        _mm_setzero_si128,
    };
    let mut word = Word::default();
    let (mut escapes, mut all) = (_mm_setzero_si128(), _mm_setzero_si128());
    let (lanes, _) = bytes.as_chunks();
    for lane in lanes.iter().rev() {
        let lane = u128::from_le_bytes(*lane);
        let lane = _mm_set_epi64x((lane >> 64) as i64, lane as i64);
        let equal = |byte: u8| _mm_cmpeq_epi8(lane, _mm_set1_epi8(byte.cast_signed()));
        let bits = |byte| u64::from(_mm_movemask_epi8(equal(byte)) as u16);
        word.quotes = word.quotes << 16 | bits(b'"');
        word.line_ends = word.line_ends << 16 | bits(b'\n');
        escapes = _mm_or_si128(escapes, equal(b'\\'));
        all = _mm_or_si128(all, lane);
    }
    word.escapes = _mm_movemask_epi8(escapes) != 0;
    word.beyond_ascii = _mm_movemask_epi8(all) != 0;
    word
}

#[cfg(any(not(target_arch = "x86_64"), test))]
fn word_by_bytes(bytes: &[u8; WORD]) -> Word {
    let bits = |of: u8| bytes.iter().rev().fold(0, |bits, byte| bits << 1 | u64::from(*byte == of));
    Word {
        quotes: bits(b'"'),
        line_ends: bits(b'\n'),
        escapes: bytes.contains(&b'\\'),
        beyond_ascii: !bytes.is_ascii(),
    }
}

#[cfg(not(target_arch = "x86_64"))]
use word_by_bytes as word;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(len: impl Into<prop::collection::SizeRange>) -> impl Strategy<Value = Vec<u8>> {
        let rare = prop_oneof![Just(b'"'), Just(b'\n'), Just(b'\\'), any::<u8>()];
        prop::collection::vec(prop_oneof![20 => Just(b'a'), 1 => rare], len)
    }

    proptest! {
        #[test]
        fn marks_are_where_a_search_finds_them(text in text(0..300), from in 0..310_usize) {
            let first = |of: u8| {
                let rest = text.get(from..).unwrap_or_default();
                rest.iter().position(|byte| *byte == of).map(|at| from + at)
            };
            let marks = Marks::of(&text);
            prop_assert_eq!(marks.quote(from, text.len()), first(b'"'));
            prop_assert_eq!(marks.line_end(from), first(b'\n'));
            prop_assert_eq!(marks.has_escapes(), text.contains(&b'\\'));
            prop_assert_eq!(marks.is_ascii(), text.is_ascii());
        }

        #[test]
        fn many_bytes_at_once_are_what_each_is(text in text(WORD)) {
            let bytes = text.first_chunk().unwrap();
            prop_assert_eq!(word(bytes), word_by_bytes(bytes));
        }
    }
}
