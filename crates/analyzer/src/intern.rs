//! Small numbers for texts that repeat, so that counting is indexing.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::short::{same, swift_mark};

/// What the texts beyond an interner's capacity are called.
pub(crate) const OTHER: &str = "(other)";

/// The number that they share.
pub(crate) const OTHER_NUMBER: u32 = 0;

/// The longest text that is told apart, in bytes: that of an ARN.
pub(crate) const TEXT_BYTES_MAX: usize = 2048;

/// Gives each distinct text a number, from 1, up to a capacity; all texts beyond it, and those that
/// are longer than [`TEXT_BYTES_MAX`], share the number 0 of `(other)`, so that memory is bounded
/// whatever the log holds.
pub(crate) struct Interner {
    hasher: DefaultHashBuilder,
    /// Marks of texts, made of their hashes, and their numbers.
    table: HashTable<(u32, u32)>,
    texts: Texts,
    capacity: usize,
}

/// Texts by number, one behind the other: what is compared with lies close together.
struct Texts {
    all: String,
    /// Where each begins, and where the last ends.
    bounds: Vec<u32>,
}

impl Texts {
    /// The texts with the numbers from 0.
    fn of(first: &str) -> Texts {
        let mut texts = Texts { all: String::new(), bounds: vec![0] };
        texts.push(first);
        texts
    }

    fn len(&self) -> usize {
        self.bounds.len() - 1
    }

    #[inline]
    fn get(&self, number: u32) -> Option<&str> {
        let number = number as usize;
        let (start, end) = (*self.bounds.get(number)?, *self.bounds.get(number + 1)?);
        self.all.get(start as usize..end as usize)
    }

    /// Adds a text; `None` if there is no room for it.
    fn push(&mut self, text: &str) -> Option<u32> {
        let end = u32::try_from(self.all.len() + text.len()).ok()?;
        let number = u32::try_from(self.len()).ok()?;
        self.all.push_str(text);
        self.bounds.push(end);
        Some(number)
    }
}

/// The numbers that texts had which were asked for last, by what is seen of them at once: a text that
/// is found here need not be hashed.
pub(crate) struct Few([u32; 1 << u8::BITS]);

impl Default for Few {
    fn default() -> Few {
        Few([OTHER_NUMBER; 1 << u8::BITS])
    }
}

/// What tells most texts apart without looking at them.
#[inline]
fn mark(hash: u64) -> u32 {
    (hash >> 16) as u32
}

impl Interner {
    /// An empty interner that tells at most `capacity` texts apart.
    pub(crate) fn new(capacity: usize) -> Interner {
        let (hasher, table) = (DefaultHashBuilder::default(), HashTable::new());
        Interner { hasher, table, texts: Texts::of(OTHER), capacity }
    }

    /// The number of a text.
    #[inline]
    pub(crate) fn number(&mut self, text: &str) -> u32 {
        self.number_hashed(text, self.hash(text))
    }

    /// The number of a text that is likely to be one of a few.
    #[inline]
    pub(crate) fn number_of_few(&mut self, text: &str, few: &mut Few) -> u32 {
        let place = few.0.get_mut(usize::from(swift_mark(text)));
        let Some(place) = place else { return self.number(text) };
        match self.texts.get(*place) {
            Some(known) if *place != OTHER_NUMBER && same(known, text) => {}
            _ => *place = self.number(text),
        }
        *place
    }

    /// What [`Interner::number_likely`] wants.
    #[inline]
    pub(crate) fn hash(&self, text: &str) -> u64 {
        self.hasher.hash_one(text)
    }

    /// The number that a text with this hash has most likely, if it has one: no text is looked at, so
    /// that of many texts none is waited for.
    #[inline]
    pub(crate) fn likely(&self, hash: u64) -> u32 {
        let found = self.table.find(hash, |(known, _)| *known == mark(hash));
        found.map_or(OTHER_NUMBER, |(_, number)| *number)
    }

    /// The number of a text whose hash is known, and perhaps its number.
    #[inline]
    pub(crate) fn number_likely(&mut self, text: &str, hash: u64, likely: u32) -> u32 {
        match self.texts.get(likely) {
            Some(known) if likely != OTHER_NUMBER && known == text => likely,
            _ => self.number_hashed(text, hash),
        }
    }

    #[inline]
    fn number_hashed(&mut self, text: &str, hash: u64) -> u32 {
        let same = |&(known, number): &(u32, u32)| {
            known == mark(hash) && self.texts.get(number) == Some(text)
        };
        match self.table.find(hash, same) {
            Some(&(_, number)) => number,
            None if self.texts.len() <= self.capacity && text.len() <= TEXT_BYTES_MAX => {
                self.add(hash, text)
            }
            None => OTHER_NUMBER,
        }
    }

    fn add(&mut self, hash: u64, text: &str) -> u32 {
        let Some(number) = self.texts.push(text) else { return OTHER_NUMBER };
        let (hasher, texts) = (&self.hasher, &self.texts);
        let rehash =
            |&(_, number): &(u32, u32)| hasher.hash_one(texts.get(number).unwrap_or_default());
        self.table.insert_unique(hash, (mark(hash), number), rehash);
        number
    }

    /// The text of a number that this interner gave.
    pub(crate) fn text(&self, number: u32) -> &str {
        self.texts.get(number).unwrap_or(OTHER)
    }
}

/// The entry of `list` at `number`, which is made if there is none yet.
pub(crate) fn slot<T: Default>(list: &mut Vec<T>, number: u32) -> &mut T {
    let index = number as usize;
    if list.len() <= index {
        list.resize_with(index + 1, T::default);
    }
    #[expect(clippy::indexing_slicing, reason = "the list was just made long enough")]
    &mut list[index]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_text_has_the_same_number() {
        let mut interner = Interner::new(100);
        let numbers: Vec<u32> = ["a", "b", "a", "c"].map(|text| interner.number(text)).to_vec();
        assert_eq!(numbers, [1, 2, 1, 3]);
        assert_eq!(interner.text(3), "c");
    }

    #[test]
    fn a_text_has_the_same_number_among_few() {
        let (mut interner, mut few) = (Interner::new(1_000), Few::default());
        // More than there is room for, so some have the same place.
        let texts: Vec<String> = (0..500).map(|at| format!("/pets/{at}")).collect();
        let numbers: Vec<u32> = texts.iter().map(|text| interner.number(text)).collect();
        for _ in 0..2 {
            for (text, number) in texts.iter().zip(&numbers) {
                assert_eq!(interner.number_of_few(text, &mut few), *number);
                assert_eq!(interner.number_of_few(text, &mut few), *number);
            }
        }
        assert_eq!(interner.number_of_few("/new", &mut few), 501);
    }

    #[test]
    fn a_text_that_is_too_long_is_not_told_apart() {
        let mut interner = Interner::new(2);
        assert_eq!(interner.number(&"a".repeat(TEXT_BYTES_MAX + 1)), OTHER_NUMBER);
        assert_eq!(interner.number(&"a".repeat(TEXT_BYTES_MAX)), 1);
    }

    #[test]
    fn texts_beyond_the_capacity_share_a_number() {
        let mut interner = Interner::new(2);
        let numbers: Vec<u32> =
            ["a", "b", "c", "d", "b"].map(|text| interner.number(text)).to_vec();
        assert_eq!(numbers, [1, 2, 0, 0, 2]);
        assert_eq!(interner.text(0), OTHER);
    }
}
