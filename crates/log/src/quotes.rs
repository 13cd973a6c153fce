//! Where the quotation marks of a text stand, found for all of it at once: the values of a JSON line
//! end at them.

/// Bytes that a word has a bit for.
const WORD: usize = u64::BITS as usize;

/// A bit for each byte of a text, set where it is a quotation mark.
#[derive(Debug, Default)]
pub(crate) struct Quotes(Vec<u64>);

impl Quotes {
    /// Those of a text.
    pub(crate) fn of(text: &[u8]) -> Quotes {
        let mut quotes = Quotes::default();
        quotes.find(text);
        quotes
    }

    /// Takes those of another text instead.
    pub(crate) fn find(&mut self, text: &[u8]) {
        self.0.clear();
        let (words, rest) = text.as_chunks::<WORD>();
        self.0.extend(words.iter().map(word));
        let mut last = [0; WORD];
        last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        self.0.push(word(&last));
    }

    /// The first at `from` or later; it may lie beyond `end`, but is not searched for much longer
    /// there.
    #[inline]
    pub(crate) fn next(&self, from: usize, end: usize) -> Option<usize> {
        let mut index = from / WORD;
        let mut word = self.0.get(index)? & u64::MAX << (from % WORD);
        while word == 0 {
            index += 1;
            if index * WORD >= end {
                return None;
            }
            word = *self.0.get(index)?;
        }
        Some(index * WORD + word.trailing_zeros() as usize)
    }
}

/// A bit for each byte, the first is the lowest.
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "measured: bit by bit it takes as long as all the rest of a line")]
#[inline]
fn word(bytes: &[u8; WORD]) -> u64 {
    use std::arch::x86_64::{_mm_cmpeq_epi8, _mm_movemask_epi8, _mm_set_epi64x, _mm_set1_epi8};
    #[target_feature(enable = "sse2")]
    fn bits(lane: &[u8; 16]) -> u16 {
        let lane = u128::from_le_bytes(*lane);
        let lane = _mm_set_epi64x((lane >> 64) as i64, lane as i64);
        _mm_movemask_epi8(_mm_cmpeq_epi8(lane, _mm_set1_epi8(b'"' as i8))) as u16
    }
    let (lanes, _) = bytes.as_chunks();
    // SAFETY: SSE2 is a part of x86-64.
    lanes.iter().rev().fold(0, |word, lane| word << 16 | u64::from(unsafe { bits(lane) }))
}

#[cfg(not(target_arch = "x86_64"))]
fn word(bytes: &[u8; WORD]) -> u64 {
    bytes.iter().rev().fold(0, |word, byte| word << 1 | u64::from(*byte == b'"'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_next_one_is_where_a_search_finds_it(
            text in prop::collection::vec(prop_oneof![4 => Just(b'a'), 1 => Just(b'"'), 1 => any::<u8>()], 0..300),
            from in 0..310_usize,
        ) {
            let rest = text.get(from..).unwrap_or_default();
            let expected = rest.iter().position(|byte| *byte == b'"').map(|at| from + at);
            prop_assert_eq!(Quotes::of(&text).next(from, text.len()), expected);
        }
    }
}
