//! Where the bytes of a text stand that its lines and their values end at, found for some lines at a
//! time: each byte is looked at once, sixteen or thirty-two at a time, and is still in the first
//! cache when its line is read.
//!
//! They are not told apart: what a value in quotes ends at is a quotation mark if the line goes on as
//! it should, and else the line has an escape, or ends there.

use crate::wide;

/// Bytes that a word has a bit for.
const WORD: usize = u64::BITS as usize;

/// Where the stops of a text stand, its quotation marks, backslashes and line ends, and whether it is
/// ASCII, as far as it was looked at.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    /// The words of their bits, and one more: so many bits can be read from any on.
    stops: Vec<[u8; 8]>,
    /// How far that is: whole words, or all of the text.
    seen: usize,
    is_beyond_ascii: bool,
}

/// What some bytes are: a bit for each, the first is the lowest, and whether any is beyond ASCII.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Word {
    stops: u64,
    beyond_ascii: bool,
}

impl Marks {
    /// Those of a text.
    pub(crate) fn of(text: &[u8]) -> Marks {
        let mut marks = Marks::default();
        marks.find(text, text.len());
        marks
    }

    /// Takes those of another text from now on.
    pub(crate) fn begin(&mut self) {
        self.stops.clear();
        (self.seen, self.is_beyond_ascii) = (0, false);
    }

    /// How far the text was looked at.
    #[inline]
    pub(crate) fn seen(&self) -> usize {
        self.seen
    }

    /// Looks at a text, which is always the same, up to a position or farther.
    pub(crate) fn find(&mut self, text: &[u8], to: usize) {
        let to = to.next_multiple_of(WORD).min(text.len());
        let Some(new) = text.get(self.seen..to).filter(|new| !new.is_empty()) else { return };
        let (whole, rest) = new.as_chunks();
        let known = self.seen / WORD;
        self.stops.resize(known + whole.len(), [0; 8]);
        self.is_beyond_ascii |= find_in(whole, self.stops.get_mut(known..).unwrap_or_default());
        if !rest.is_empty() {
            let mut last = [0; WORD];
            last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
            let last = word(&last);
            self.stops.push(last.stops.to_le_bytes());
            self.is_beyond_ascii |= last.beyond_ascii;
        }
        self.stops.push([0; 8]);
        self.seen = to;
    }

    /// Whether there is nothing but ASCII.
    pub(crate) fn is_ascii(&self) -> bool {
        !self.is_beyond_ascii
    }

    /// The stops.
    #[inline]
    pub(crate) fn stops(&self) -> Bits<'_> {
        Bits(self.stops.as_flattened())
    }
}

/// A bit for each byte of a text, the lowest of a byte for the first of eight.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bits<'a>(&'a [u8]);

impl Bits<'_> {
    /// The first byte at `from` or later that has its bit set. It may lie beyond `end`, but is not
    /// searched for much longer there.
    #[inline]
    pub(crate) fn next(self, from: usize, end: usize) -> Option<usize> {
        let (mut start, mut at) = (from, from / 8);
        let mut bits = self.word(at)? >> (from % 8);
        while bits == 0 {
            at += 8;
            start = at * 8;
            if start >= end {
                return None;
            }
            bits = self.word(at)?;
        }
        Some(start + bits.trailing_zeros() as usize)
    }

    /// How many bytes after `from` [`Bits::next`] is, if those are no more than some hundred and
    /// twenty.
    #[inline(always)]
    pub(crate) fn near(self, from: usize) -> Option<u8> {
        let at = from / 8;
        match self.word(at)? >> (from % 8) {
            0 => match self.word(at + 8)? {
                0 => None,
                bits => Some((u64::BITS - from as u32 % 8 + bits.trailing_zeros()) as u8),
            },
            bits => Some(bits.trailing_zeros() as u8),
        }
    }

    /// The bits from those of a byte on.
    #[inline(always)]
    fn word(self, at: usize) -> Option<u64> {
        Some(u64::from_le_bytes(*self.0.get(at..at + 8)?.first_chunk()?))
    }
}

/// Finds the words of the pieces of a text. Returns whether any byte is beyond ASCII.
fn find_in(pieces: &[[u8; WORD]], stops: &mut [[u8; 8]]) -> bool {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        #[expect(unsafe_code, reason = "measured: it takes a third of the instructions")]
        // SAFETY: the processor has AVX2.
        return unsafe { find_by_32(pieces, stops) };
    }
    let mut beyond_ascii = false;
    for (piece, stops) in pieces.iter().zip(stops) {
        let word = word(piece);
        *stops = word.stops.to_le_bytes();
        beyond_ascii |= word.beyond_ascii;
    }
    beyond_ascii
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn find_by_32(pieces: &[[u8; WORD]], stops: &mut [[u8; 8]]) -> bool {
    use std::arch::x86_64::{
        _mm256_cmpeq_epi8, _mm256_movemask_epi8, _mm256_or_si256, _mm256_set_epi64x,
        _mm256_setzero_si256, _mm256_shuffle_epi8,
    };
    let [low, high] = BY_LOW_BITS.map(|half| u64::from_le_bytes(half).cast_signed());
    let by_low_bits = _mm256_set_epi64x(high, low, high, low);
    let mut all = _mm256_setzero_si256();
    for (piece, stops) in pieces.iter().zip(stops) {
        let mut word = 0_u64;
        for lane in piece.as_chunks::<32>().0.iter().rev() {
            let [a, b, c, d] = wide::words(lane).map(u64::cast_signed);
            let lane = _mm256_set_epi64x(d, c, b, a);
            let found = _mm256_cmpeq_epi8(lane, _mm256_shuffle_epi8(by_low_bits, lane));
            word = word << 32 | u64::from(_mm256_movemask_epi8(found).cast_unsigned());
            all = _mm256_or_si256(all, lane);
        }
        *stops = word.to_le_bytes();
    }
    _mm256_movemask_epi8(all) != 0
}

/// The stop that has these four low bits; where there is none, a byte that has others. What is beyond
/// ASCII is looked up as 0.
#[cfg(target_arch = "x86_64")]
const BY_LOW_BITS: [[u8; 8]; 2] = [[1, 0, b'"', 0, 0, 0, 0, 0], [0, 0, b'\n', 0, b'\\', 0, 0, 0]];

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
    let (mut word, mut all) = (Word::default(), _mm_setzero_si128());
    let (lanes, _) = bytes.as_chunks();
    for lane in lanes.iter().rev() {
        let lane = u128::from_le_bytes(*lane);
        let lane = _mm_set_epi64x((lane >> 64) as i64, lane as i64);
        let equal = |byte: u8| _mm_cmpeq_epi8(lane, _mm_set1_epi8(byte.cast_signed()));
        let found = _mm_or_si128(_mm_or_si128(equal(b'"'), equal(b'\n')), equal(b'\\'));
        word.stops = word.stops << 16 | u64::from(_mm_movemask_epi8(found) as u16);
        all = _mm_or_si128(all, lane);
    }
    word.beyond_ascii = _mm_movemask_epi8(all) != 0;
    word
}

#[cfg(any(not(target_arch = "x86_64"), test))]
fn word_by_bytes(bytes: &[u8; WORD]) -> Word {
    let is_stop = |byte: &u8| u64::from(matches!(byte, b'"' | b'\n' | b'\\'));
    Word {
        stops: bytes.iter().rev().fold(0, |bits, byte| bits << 1 | is_stop(byte)),
        beyond_ascii: !bytes.is_ascii(),
    }
}

#[cfg(not(target_arch = "x86_64"))]
use word_by_bytes as word;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_byte_is_told_rightly() {
        let bytes: Vec<u8> = (0..=255).collect();
        let stops = Marks::of(&bytes);
        let found = std::iter::successors(stops.stops().next(0, 256), |stop| {
            stops.stops().next(stop + 1, 256)
        });
        assert_eq!(found.collect::<Vec<_>>(), [b'\n', b'"', b'\\'].map(usize::from));
    }

    fn text(len: impl Into<prop::collection::SizeRange>) -> impl Strategy<Value = Vec<u8>> {
        let rare = prop_oneof![Just(b'"'), Just(b'\n'), Just(b'\\'), any::<u8>()];
        prop::collection::vec(prop_oneof![20 => Just(b'a'), 1 => rare], len)
    }

    proptest! {
        #[test]
        fn marks_are_where_a_search_finds_them(
            text in text(0..300),
            from in 0..310_usize,
            steps in prop::collection::vec(0..310_usize, 0..4),
        ) {
            let rest = text.get(from..).unwrap_or_default();
            let is_stop = |byte: &u8| matches!(byte, b'"' | b'\n' | b'\\');
            let first = rest.iter().position(is_stop).map(|at| from + at);
            let mut marks = Marks::of(b"\"\\");
            marks.begin();
            for to in steps {
                marks.find(&text, to);
                let seen = &text[..marks.seen()];
                prop_assert!(seen.len() >= to.min(text.len()));
                let first = first.filter(|at| *at < seen.len());
                prop_assert_eq!(marks.stops().next(from, text.len()), first);
                prop_assert_eq!(marks.is_ascii(), seen.is_ascii());
            }
            marks.find(&text, text.len());
            let stops = marks.stops();
            prop_assert_eq!(stops.next(from, text.len()), first);
            let near = stops.near(from).map(|len| from + usize::from(len));
            let is_near = first.is_some_and(|at| at < from + WORD - 8);
            prop_assert_eq!(near, first.filter(|_| is_near || near.is_some()));
            prop_assert_eq!(marks.is_ascii(), text.is_ascii());
        }

        #[test]
        fn many_bytes_at_once_are_what_each_is(text in text(WORD)) {
            let bytes = text.first_chunk().unwrap();
            prop_assert_eq!(word(bytes), word_by_bytes(bytes));
            let mut stops = [[0; 8]];
            let beyond_ascii = find_in(&[*bytes], &mut stops);
            let found = Word { stops: u64::from_le_bytes(stops[0]), beyond_ascii };
            prop_assert_eq!(found, word_by_bytes(bytes));
        }
    }
}
