//! Names that cells refer to by small numbers, while what several workers counted is put together.

use std::collections::BTreeMap;

/// Names, each with a number in the order in which they came.
pub(crate) struct Names<T>(BTreeMap<T, u32>);

impl<T> Default for Names<T> {
    fn default() -> Self {
        Names(BTreeMap::new())
    }
}

impl<T: Ord> Names<T> {
    /// The number of a name.
    pub(crate) fn number(&mut self, name: T) -> u32 {
        let next = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        *self.0.entry(name).or_insert(next)
    }

    /// The used names in order, and which place each number has among them.
    pub(crate) fn in_order(self, used: impl Iterator<Item = u32>) -> (Vec<T>, Vec<u32>) {
        let mut is_used = vec![false; self.0.len()];
        for number in used {
            if let Some(is_used) = is_used.get_mut(number as usize) {
                *is_used = true;
            }
        }
        let mut places = vec![0; self.0.len()];
        let is_used = |number: u32| is_used.get(number as usize) == Some(&true);
        let kept = self.0.into_iter().filter(|(_, number)| is_used(*number));
        let mut names = Vec::new();
        for ((name, number), place) in kept.zip(0..) {
            names.push(name);
            if let Some(known) = places.get_mut(number as usize) {
                *known = place;
            }
        }
        (names, places)
    }
}

/// The number at an index of a list that has one for each.
pub(crate) fn at(numbers: &[u32], index: u32) -> u32 {
    numbers.get(index as usize).copied().unwrap_or_default()
}
