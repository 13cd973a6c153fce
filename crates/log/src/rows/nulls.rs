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

    /// Which of the values are any.
    pub(super) fn of<T>(values: &[T], is_valid: impl Fn(&T) -> bool) -> Nulls {
        let mut nulls = Nulls::default();
        for values in values.chunks(Self::AT_ONCE) {
            let bits =
                values.iter().rev().fold(0, |bits, value| bits << 1 | u64::from(is_valid(value)));
            nulls.push(bits, values.len());
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
