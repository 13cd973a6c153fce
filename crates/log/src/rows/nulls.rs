//! Which values of a column there are.

use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer};

/// A null bitmap under construction.
#[derive(Default)]
pub(super) struct Nulls {
    words: Vec<u64>,
    len: usize,
    valid: usize,
}

impl Nulls {
    /// Values that are added at once.
    pub(super) const AT_ONCE: usize = u64::BITS as usize;

    /// None yet, with room for so many values.
    pub(super) fn with_capacity(values: usize) -> Nulls {
        let words = Vec::with_capacity(values.div_ceil(Self::AT_ONCE));
        Nulls { words, ..Nulls::default() }
    }

    /// Which of the values are any.
    pub(super) fn of<T>(values: &[T], is_valid: impl Fn(&T) -> bool) -> Nulls {
        let mut nulls = Nulls::with_capacity(values.len());
        for values in values.chunks(Self::AT_ONCE) {
            nulls.push(set(values, &is_valid), values.len());
        }
        nulls
    }

    /// Adds as many values as can be added at once; fewer only at the end. There is a bit for each
    /// that is any, the lowest for the first.
    pub(super) fn push(&mut self, valid: u64, len: usize) {
        self.words.push(valid);
        self.len += len;
        self.valid += valid.count_ones() as usize;
    }

    pub(super) fn finish(self) -> Option<NullBuffer> {
        let buffer = || BooleanBuffer::new(Buffer::from_vec(self.words), 0, self.len);
        (self.valid != self.len).then(|| NullBuffer::new(buffer()))
    }
}

/// A bit for each of the values, no more than a word has, that is any.
pub(super) fn set<T>(values: &[T], is_valid: impl Fn(&T) -> bool) -> u64 {
    values.iter().rev().fold(0, |bits, value| bits << 1 | u64::from(is_valid(value)))
}

/// A bit for each flag, the lowest for the first.
pub(super) fn bits(flags: [bool; Nulls::AT_ONCE]) -> u64 {
    // Multiplied by this, eight bytes of one bit each have those side by side in the highest byte.
    const GATHER: u64 = 0x0102_0408_1020_4080;
    let bytes = flags.map(u8::from);
    let eights = bytes.as_chunks().0.iter().rev();
    eights.fold(0, |bits, eight| bits << 8 | u64::from_le_bytes(*eight).wrapping_mul(GATHER) >> 56)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn flags_are_bits_in_their_order(word: u64) {
            let flags = std::array::from_fn(|at| word >> at & 1 == 1);
            prop_assert_eq!(bits(flags), word);
        }
    }
}
