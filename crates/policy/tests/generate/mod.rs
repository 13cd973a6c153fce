//! Random questions from a string of bytes: each byte makes one choice.
//!
//! Property tests and fuzzers differ in where the bytes come from, and in nothing else. Zero is
//! always the plainest choice and what follows the last byte, so shorter and smaller strings ask
//! simpler questions.
//!
//! All alphabets are small and shared between policies and requests, and patterns are made from the
//! requested resource, so that things match often enough to tell evaluators apart.

mod policy;
mod question;

pub(crate) use policy::statement;
pub(crate) use question::{KEYS, Known, Question};

/// A supply of choices.
pub(crate) struct Choices<'b> {
    bytes: std::slice::Iter<'b, u8>,
}

impl<'b> Choices<'b> {
    pub(crate) fn new(bytes: &'b [u8]) -> Choices<'b> {
        Choices { bytes: bytes.iter() }
    }

    /// A number below `count`, which is at least 1.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        usize::from(self.bytes.next().copied().unwrap_or(0)) % count
    }

    /// One of several; the first when the bytes have run out.
    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// True once in `of` times; false when the bytes have run out.
    pub(crate) fn rarely(&mut self, of: usize) -> bool {
        self.below(of) == of - 1
    }

    /// So many of what `make` makes: at least `least`, fewer than `below`.
    pub(crate) fn some<T>(
        &mut self,
        least: usize,
        below: usize,
        mut make: impl FnMut(&mut Self) -> T,
    ) -> Vec<T> {
        let count = least + self.below(below - least);
        (0..count).map(|_| make(self)).collect()
    }
}
