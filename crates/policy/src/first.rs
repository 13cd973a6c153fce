//! The first few, in order, of all that is inserted: what a decision can name without allocating.

use std::cmp::Ordering;

/// The least of the items inserted, each once, in order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct First<T> {
    /// Those from `length` on are meaningless.
    items: [T; First::<()>::CAPACITY],
    length: u8,
    more: bool,
}

impl First<()> {
    /// How many are held.
    pub(crate) const CAPACITY: usize = 4;
}

impl<T: Copy + Ord> First<T> {
    /// None yet; `filler` means nothing.
    pub(crate) const fn new(filler: T) -> First<T> {
        First { items: [filler; First::<()>::CAPACITY], length: 0, more: false }
    }

    pub(crate) fn as_slice(&self) -> &[T] {
        self.items.get(..usize::from(self.length)).unwrap_or_default()
    }

    /// Whether nothing was inserted.
    pub(crate) fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Whether more were inserted than are held.
    pub(crate) fn has_more(&self) -> bool {
        self.more
    }

    /// Says that there are more, wherever they are.
    pub(crate) fn note_more(&mut self, more: bool) {
        self.more |= more;
    }

    /// Adds an item in its place. Adding one twice is adding it once.
    #[inline]
    pub(crate) fn insert(&mut self, item: T) {
        let length = usize::from(self.length);
        // What stands behind the item's place moves on by one.
        let mut moving = item;
        for held in self.items.iter_mut().take(length) {
            match moving.cmp(held) {
                Ordering::Less => std::mem::swap(held, &mut moving),
                Ordering::Equal => return,
                Ordering::Greater => {}
            }
        }
        match self.items.get_mut(length) {
            Some(free) => {
                *free = moving;
                self.length += 1;
            }
            None => self.more = true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(items: &[u32]) -> First<u32> {
        let mut first = First::new(0);
        items.iter().for_each(|item| first.insert(*item));
        first
    }

    #[test]
    fn the_first_in_order_are_kept_whatever_the_order_of_arrival() {
        let first = of(&[7, 3, 3, 9, 1, 7, 5]);
        assert_eq!((first.as_slice(), first.has_more()), (&[1, 3, 5, 7][..], true));
        let first = of(&[9, 8, 7, 6, 5]);
        assert_eq!((first.as_slice(), first.has_more()), (&[5, 6, 7, 8][..], true));
    }

    #[test]
    fn adding_twice_is_adding_once() {
        let first = of(&[1, 2, 3, 4, 4, 1, 3]);
        assert_eq!((first.as_slice(), first.has_more()), (&[1, 2, 3, 4][..], false));
    }
}
