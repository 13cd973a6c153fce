//! Requests by the number of their caller.

use hashbrown::HashMap;

use crate::intern::slot;

/// The most callers that are counted side by side: those that came first, and so most of what comes.
const DENSE_MAX: u32 = 4_096;

/// Requests by the number of their caller.
#[derive(Default)]
pub(super) struct Counts {
    /// Of the first callers, without what is in `rest`: small, as every request of a limit comes by.
    dense: Vec<u16>,
    rest: HashMap<u32, u64>,
}

impl Counts {
    /// Counts a request.
    #[inline]
    pub(super) fn add(&mut self, caller: u32) {
        if caller >= DENSE_MAX {
            *self.rest.entry(caller).or_default() += 1;
            return;
        }
        let count = slot(&mut self.dense, caller);
        *count = count.wrapping_add(1);
        if *count == 0 {
            *self.rest.entry(caller).or_default() += 1 << u16::BITS;
        }
    }

    /// How many callers are counted one by one.
    pub(super) fn others(&self) -> usize {
        self.rest.len()
    }

    /// The callers, some of them twice.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u32> {
        let dense = (0..).zip(&self.dense).filter(|(_, requests)| **requests > 0);
        dense.map(|(caller, _)| caller).chain(self.rest.keys().copied())
    }

    /// Takes all requests out: callers, some of them twice, and how many.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = (u32, u64)> {
        let dense = (0..).zip(std::mem::take(&mut self.dense));
        let dense = dense.filter(|(_, requests)| *requests > 0);
        dense.map(|(caller, requests)| (caller, requests.into())).chain(self.rest.drain())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    #[test]
    fn requests_are_counted_whoever_makes_them() {
        let mut counts = Counts { dense: vec![0, u16::MAX], rest: HashMap::new() };
        for caller in [1, 7, DENSE_MAX, 7, DENSE_MAX + 5, DENSE_MAX] {
            counts.add(caller);
        }
        assert_eq!(counts.others(), 3);
        assert_eq!(
            counts.numbers().collect::<BTreeSet<u32>>(),
            [1, 7, DENSE_MAX, DENSE_MAX + 5].into()
        );
        let counted: BTreeMap<u32, u64> = counts.drain().collect();
        let expected = [(1, 1 << 16), (7, 2), (DENSE_MAX, 2), (DENSE_MAX + 5, 1)];
        assert_eq!(counted, BTreeMap::from(expected));
        assert_eq!(counts.drain().count(), 0);
    }
}
