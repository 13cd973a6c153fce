//! Maps that are merged again and again, and stay as small as what one worker counts: what would be too
//! much becomes one entry, `(other)`, or few.

use std::cmp::Reverse;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use crate::groups::Merge;

/// What is counted of a key.
pub(crate) trait Counted: Merge + Default {
    /// How many requests.
    fn requests(&self) -> u64;
}

impl Merge for u64 {
    fn merge(&mut self, other: u64) {
        *self += other;
    }
}

impl Counted for u64 {
    fn requests(&self) -> u64 {
        *self
    }
}

/// Adds what was counted elsewhere. Of the keys beside `other` no more than `most` are kept: all but
/// those with the most requests are counted as `other`. The answer is which these were.
pub(crate) fn merge<K: Ord + Clone, V: Counted>(
    held: &mut BTreeMap<K, V>,
    more: impl IntoIterator<Item = (K, V)>,
    most: usize,
    other: &K,
) -> BTreeSet<K> {
    add(held, more);
    fold(held, most, |key| (key != other).then(|| other.clone()))
}

/// Adds what was counted elsewhere, however much that is.
pub(crate) fn add<K: Ord, V: Counted>(
    held: &mut BTreeMap<K, V>,
    more: impl IntoIterator<Item = (K, V)>,
) {
    for (key, more) in more {
        match held.entry(key) {
            Entry::Occupied(mut held) => held.get_mut().merge(more),
            Entry::Vacant(place) => {
                place.insert(more);
            }
        }
    }
}

/// Keeps no more than `most` of the keys for which `folded` knows another: all but those with the most
/// requests are counted as that. The answer is which these were.
pub(crate) fn fold<K: Ord + Clone, V: Counted>(
    held: &mut BTreeMap<K, V>,
    most: usize,
    folded: impl Fn(&K) -> Option<K>,
) -> BTreeSet<K> {
    if held.len() <= most {
        return BTreeSet::new();
    }
    let own = held.iter().filter(|(key, _)| folded(key).is_some());
    let beyond = beyond(own.map(|(key, counted)| (key, counted.requests())), most);
    let rest: Vec<(K, V)> = held.extract_if(.., |key, _| beyond.contains(key)).collect();
    add(held, rest.into_iter().filter_map(|(key, counted)| Some((folded(&key)?, counted))));
    beyond
}

/// Which keys are too many: those with the fewest requests, and of equal ones the last that come.
pub(crate) fn beyond<'k, K: Ord + Clone + 'k>(
    counted: impl Iterator<Item = (&'k K, u64)>,
    most: usize,
) -> BTreeSet<K> {
    let mut counted: Vec<_> = counted.collect();
    if counted.len() <= most {
        return BTreeSet::new();
    }
    counted.sort_by_key(|(_, requests)| Reverse(*requests));
    counted.into_iter().skip(most).map(|(key, _)| key.clone()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OTHER: u8 = 0;

    proptest! {
        #[test]
        fn those_with_the_fewest_requests_become_one_and_none_is_lost(
            counted in prop::collection::vec((0..40_u8, 1..9_u64), 0..90),
            at in 0..90_usize,
            most in 0..40_usize,
        ) {
            let map = |counted: &[(u8, u64)]| {
                let mut map = BTreeMap::new();
                counted.iter().for_each(|(key, requests)| *map.entry(*key).or_default() += requests);
                map
            };
            let (one, more) = counted.split_at(at.min(counted.len()));
            let (mut merged, all) = (map(one), map(&counted));
            let folded = merge(&mut merged, map(more), most, &OTHER);

            prop_assert_eq!(merged.values().sum::<u64>(), all.values().sum::<u64>());
            let own = all.keys().filter(|key| **key != OTHER).count();
            prop_assert_eq!(folded.len(), own.saturating_sub(most));
            for (key, requests) in &all {
                if folded.contains(key) {
                    prop_assert!(!merged.contains_key(key));
                    let others = merged.iter().filter(|(other, _)| **other != OTHER);
                    prop_assert!(others.into_iter().all(|(_, kept)| kept >= requests));
                } else if *key != OTHER {
                    prop_assert_eq!(merged.get(key), Some(requests));
                }
            }
        }
    }
}
