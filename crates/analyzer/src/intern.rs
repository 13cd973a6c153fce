//! Small numbers for texts that repeat, so that counting is indexing.

use std::hash::BuildHasher;
use std::ops::Range;

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::short::{same_bytes, swift_mark};

/// What the texts beyond an interner's capacity are called.
pub(crate) const OTHER: &str = "(other)";

/// The number that they share.
pub(crate) const OTHER_NUMBER: u32 = 0;

/// The longest text that is told apart, in bytes: that of an ARN.
pub(crate) const TEXT_BYTES_MAX: usize = 2048;

/// How many places there are for each text among those that were asked for last: few share one.
const PLACES_EACH: usize = 8;

/// The most such places.
const PLACES_MAX: usize = 1 << 15;

/// Gives each distinct text a number, from 1, up to a capacity; all texts beyond it, and those that
/// are longer than [`TEXT_BYTES_MAX`], share the number 0 of `(other)`, so that memory is bounded
/// whatever the log holds.
#[derive(Clone)]
pub(crate) struct Interner {
    hasher: DefaultHashBuilder,
    /// The marks of texts and their numbers, by the texts' hashes.
    table: HashTable<(u32, u32)>,
    texts: Texts,
    capacity: usize,
    /// The numbers of the texts that were asked for last, by what is seen of a text at once: one that is
    /// found here need not be hashed.
    recent: Vec<u32>,
}

/// Texts by number, one behind the other: what is compared with lies close together.
#[derive(Clone)]
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
    fn range(&self, number: u32) -> Option<Range<usize>> {
        let number = number as usize;
        let (start, end) = (*self.bounds.get(number)?, *self.bounds.get(number + 1)?);
        Some(start as usize..end as usize)
    }

    fn get(&self, number: u32) -> Option<&str> {
        self.all.get(self.range(number)?)
    }

    /// Whether a text is the one with this number.
    #[inline]
    fn is(&self, number: u32, text: &str) -> bool {
        // Of bytes none is asked whether a character begins there.
        let known = self.range(number).and_then(|range| self.all.as_bytes().get(range));
        known.is_some_and(|known| same_bytes(known, text.as_bytes()))
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

impl Interner {
    /// An empty interner that tells at most `capacity` texts apart.
    pub(crate) fn new(capacity: usize) -> Interner {
        let (hasher, table) = (DefaultHashBuilder::default(), HashTable::new());
        Interner { hasher, table, texts: Texts::of(OTHER), capacity, recent: Vec::new() }
    }

    /// The number of a text.
    #[inline]
    pub(crate) fn number(&mut self, text: &str) -> u32 {
        let mark = swift_mark(text);
        self.number_likely(text, mark, self.likely(mark))
    }

    /// The number that a text with this [`swift_mark`] has most likely, if it has one: no text is
    /// looked at, so that of many texts none is waited for.
    #[inline]
    pub(crate) fn likely(&self, mark: u32) -> u32 {
        self.recent.get(self.place(mark)).copied().unwrap_or(OTHER_NUMBER)
    }

    /// The number of a text whose mark is known, and perhaps its number.
    #[inline]
    pub(crate) fn number_likely(&mut self, text: &str, mark: u32, likely: u32) -> u32 {
        let is_it = likely != OTHER_NUMBER && self.texts.is(likely, text);
        if is_it { likely } else { self.look_up(text, mark) }
    }

    /// The number of a text, if it was given one.
    pub(crate) fn known(&self, text: &str) -> Option<u32> {
        let mark = swift_mark(text);
        let likely = self.likely(mark);
        let is_it = likely != OTHER_NUMBER && self.texts.is(likely, text);
        if is_it { Some(likely) } else { self.find(text, mark, self.hasher.hash_one(text)) }
    }

    fn find(&self, text: &str, mark: u32, hash: u64) -> Option<u32> {
        let same = |&(known, number): &(u32, u32)| known == mark && self.texts.is(number, text);
        self.table.find(hash, same).map(|(_, number)| *number)
    }

    /// Where in `recent` a text with this mark is.
    #[inline]
    fn place(&self, mark: u32) -> usize {
        ((u64::from(mark) * self.recent.len() as u64) >> u32::BITS) as usize
    }

    /// The number of a text that is not found in `recent`, where it is from now on.
    #[cold]
    fn look_up(&mut self, text: &str, mark: u32) -> u32 {
        let number = self.find_or_add(text, mark);
        let place = self.place(mark);
        if let Some(recent) = self.recent.get_mut(place) {
            *recent = number;
        }
        number
    }

    fn find_or_add(&mut self, text: &str, mark: u32) -> u32 {
        let hash = self.hasher.hash_one(text);
        match self.find(text, mark, hash) {
            Some(number) => number,
            None if self.texts.len() <= self.capacity && text.len() <= TEXT_BYTES_MAX => {
                self.add(text, mark, hash)
            }
            None => OTHER_NUMBER,
        }
    }

    fn add(&mut self, text: &str, mark: u32, hash: u64) -> u32 {
        let Some(number) = self.texts.push(text) else { return OTHER_NUMBER };
        let (hasher, texts) = (&self.hasher, &self.texts);
        let rehash =
            |&(_, number): &(u32, u32)| hasher.hash_one(texts.get(number).unwrap_or_default());
        self.table.insert_unique(hash, (mark, number), rehash);
        self.make_room();
        number
    }

    /// Lets `recent` grow with the texts.
    fn make_room(&mut self) {
        let places = (PLACES_EACH * self.texts.len()).next_power_of_two().min(PLACES_MAX);
        if self.recent.len() < places {
            self.recent.clear();
            self.recent.resize(places, OTHER_NUMBER);
        }
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
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_same_text_has_the_same_number() {
        let mut interner = Interner::new(100);
        let numbers: Vec<u32> = ["a", "b", "a", "c"].map(|text| interner.number(text)).to_vec();
        assert_eq!(numbers, [1, 2, 1, 3]);
        assert_eq!(interner.text(3), "c");
    }

    proptest! {
        /// Many of the texts have the same mark, and new ones come between others' marks and numbers.
        #[test]
        fn a_text_keeps_the_number_that_it_was_given_first(
            texts in prop::collection::vec("[a-d]{0,2}(/which/ends/like/others)?", 0..200),
            capacity in 0..50_usize,
            at_a_time in 1..20_usize,
        ) {
            let (mut interner, mut known) = (Interner::new(capacity), HashMap::new());
            for texts in texts.chunks(at_a_time) {
                let marked: Vec<_> = texts.iter().map(|text| (text, swift_mark(text))).collect();
                let likely: Vec<_> = marked.iter().map(|(_, mark)| interner.likely(*mark)).collect();
                for ((text, mark), likely) in marked.into_iter().zip(likely) {
                    let next = known.len() as u32 + 1;
                    if known.len() < capacity {
                        known.entry(text).or_insert(next);
                    }
                    let number = known.get(text).copied().unwrap_or(OTHER_NUMBER);
                    prop_assert_eq!(interner.number_likely(text, mark, likely), number);
                    prop_assert_eq!(interner.number(text), number);
                    prop_assert_eq!(interner.known(text), Some(number).filter(|it| *it != 0));
                }
            }
            for (text, number) in known {
                prop_assert_eq!(interner.text(number), text);
            }
        }
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
