//! Which values of a column there are.

use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer};

/// A null bitmap under construction.
pub(super) struct Nulls {
    words: Vec<u64>,
    word: u64,
    len: usize,
    valid: usize,
}

impl Nulls {
    /// Which of the values are any.
    pub(super) fn of<T>(values: &[T], is_valid: impl Fn(&T) -> bool) -> Nulls {
        let mut nulls = Nulls::with_capacity(values.len());
        for values in values.chunks(64) {
            let bits =
                values.iter().rev().fold(0, |bits, value| bits << 1 | u64::from(is_valid(value)));
            nulls.len += values.len();
            nulls.valid += bits.count_ones() as usize;
            match values.len() {
                64 => nulls.words.push(bits),
                _ => nulls.word = bits,
            }
        }
        nulls
    }

    pub(super) fn with_capacity(rows: usize) -> Nulls {
        Nulls { words: Vec::with_capacity(rows / 64 + 1), word: 0, len: 0, valid: 0 }
    }

    #[inline]
    pub(super) fn push(&mut self, valid: bool) {
        self.word |= u64::from(valid) << (self.len % 64);
        self.len += 1;
        self.valid += usize::from(valid);
        if self.len.is_multiple_of(64) {
            self.words.push(self.word);
            self.word = 0;
        }
    }

    pub(super) fn finish(mut self) -> Option<NullBuffer> {
        if self.valid == self.len {
            return None;
        }
        self.words.push(self.word);
        Some(NullBuffer::new(BooleanBuffer::new(Buffer::from_vec(self.words), 0, self.len)))
    }
}
