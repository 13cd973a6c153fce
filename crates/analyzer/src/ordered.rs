//! Lists in order of their keys, each key once: maps that are put together all at once.

use std::hash::{BuildHasher, Hash};

use hashbrown::{DefaultHashBuilder, HashTable};

/// Any list in order, and what comes after with the same key added to what came first.
pub(crate) fn in_order<K: Ord, V>(
    list: Vec<(K, V)>,
    mut add: impl FnMut(&mut V, V),
) -> Vec<(K, V)> {
    // Only places are moved while they are sorted: what is in them may be large.
    let mut places: Vec<usize> = (0..list.len()).collect();
    places.sort_by_key(|place| list.get(*place).map(|(key, _)| key));
    let mut list: Vec<Option<(K, V)>> = list.into_iter().map(Some).collect();
    let mut all: Vec<(K, V)> = Vec::with_capacity(list.len());
    for (key, value) in places.into_iter().filter_map(|place| list.get_mut(place)?.take()) {
        match all.last_mut() {
            Some((last, held)) if *last == key => add(held, value),
            _ => all.push((key, value)),
        }
    }
    all
}

/// Any list with each key once, where it came first, and what comes after added to that.
pub(crate) fn joined<K: Eq + Hash, V>(
    list: Vec<(K, V)>,
    mut add: impl FnMut(&mut V, V),
) -> Vec<(K, V)> {
    let hasher = DefaultHashBuilder::default();
    let mut places: HashTable<(u64, usize)> = HashTable::new();
    let mut all: Vec<(K, V)> = Vec::new();
    for (key, value) in list {
        let hash = hasher.hash_one(&key);
        let is = |(_, place): &(u64, usize)| all.get(*place).is_some_and(|(held, _)| *held == key);
        let place = places.find(hash, is).map(|(_, place)| *place);
        match place.and_then(|place| all.get_mut(place)) {
            Some((_, held)) => add(held, value),
            None => {
                places.insert_unique(hash, (hash, all.len()), |(hash, _)| *hash);
                all.push((key, value));
            }
        }
    }
    all
}

/// Two lists in order as one, and what the second has of a key of both added to what the first has.
pub(crate) fn merged<K: Ord, V>(
    one: Vec<(K, V)>,
    other: Vec<(K, V)>,
    mut add: impl FnMut(&mut V, V),
) -> Vec<(K, V)> {
    let mut all = Vec::with_capacity(one.len().max(other.len()));
    let (mut one, mut other) = (one.into_iter().peekable(), other.into_iter().peekable());
    while let (Some((held, _)), Some((more, _))) = (one.peek(), other.peek()) {
        let order = held.cmp(more);
        let held = one.next_if(|_| order.is_le());
        let more = other.next_if(|_| order.is_ge());
        all.extend(match (held, more) {
            (Some((key, mut value)), Some((_, more))) => {
                add(&mut value, more);
                Some((key, value))
            }
            (held, more) => held.or(more),
        });
    }
    all.extend(one);
    all.extend(other);
    all
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn append(held: &mut Vec<u32>, more: Vec<u32>) {
        held.extend(more);
    }

    /// The values of each key, in the order in which they come.
    fn by_key(list: &[(u8, u32)]) -> BTreeMap<u8, Vec<u32>> {
        let mut by_key: BTreeMap<u8, Vec<u32>> = BTreeMap::new();
        list.iter().for_each(|(key, value)| by_key.entry(*key).or_default().push(*value));
        by_key
    }

    fn list(list: &[(u8, u32)]) -> Vec<(u8, Vec<u32>)> {
        in_order(list.iter().map(|(key, value)| (*key, vec![*value])).collect(), append)
    }

    proptest! {
        #[test]
        fn lists_are_put_together_as_maps_are(
            one in prop::collection::vec(any::<(u8, u32)>(), 0..300),
            other in prop::collection::vec(any::<(u8, u32)>(), 0..300),
        ) {
            prop_assert_eq!(list(&one), Vec::from_iter(by_key(&one)));
            let each = one.iter().map(|(key, value)| (*key, vec![*value])).collect();
            prop_assert_eq!(in_order(joined(each, append), append), list(&one));
            let both = merged(list(&one), list(&other), append);
            prop_assert_eq!(both, Vec::from_iter(by_key(&[one, other].concat())));
        }
    }
}
