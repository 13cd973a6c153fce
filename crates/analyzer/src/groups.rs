//! Groups of calls, while they are counted and when they are merged: never more than
//! [`Detail::groups_max`], told as finely as that allows.

use std::hash::Hash;

use hashbrown::HashMap;

use crate::callers::CallerNumbers;
use crate::detail::{Detail, GROUPS_MAX};
use crate::intern::{Interner, OTHER_NUMBER, slot};
use crate::ordered::{in_order, joined, merged};

/// What is counted of a group.
pub(crate) trait Merge {
    /// Adds what another group counted.
    fn merge(&mut self, other: Self);
}

/// What the calls of a group have in common, in words. `G` is what is counted of them.
pub(crate) trait Key<G>: Ord + Hash {
    /// The same, less finely told; what the group needs of it is left there.
    fn at(self, detail: Detail, group: &mut G) -> Self;
}

/// Merges groups in words, and makes them coarser until they are few enough. The groups of both
/// sides are told as finely as their detail says.
pub(crate) fn merge<K: Key<G>, G: Merge>(
    (held, held_at): (&mut Vec<(K, G)>, &mut Detail),
    (more, more_at): (Vec<(K, G)>, Detail),
) {
    let mut detail = (*held_at).max(more_at);
    let groups = told(std::mem::take(held), *held_at, detail);
    let mut all = merged(groups, told(more, more_at, detail), G::merge);
    while let Some(coarser) = detail.coarser().filter(|_| all.len() > detail.groups_max()) {
        all = told(all, detail, coarser);
        detail = coarser;
    }
    (*held, *held_at) = (all, detail);
}

/// Groups in order, told as finely as `detail` says.
fn told<K: Key<G>, G: Merge>(groups: Vec<(K, G)>, of: Detail, detail: Detail) -> Vec<(K, G)> {
    if of != detail {
        let told = |(key, mut group): (K, G)| (key.at(detail, &mut group), group);
        // Few are left, and only those are worth sorting.
        let groups = joined(groups.into_iter().map(told).collect(), G::merge);
        return in_order(groups, G::merge);
    }
    match groups.is_sorted_by(|(one, _), (next, _)| one < next) {
        true => groups,
        false => in_order(groups, G::merge),
    }
}

/// What the calls of a group have in common, in numbers.
pub(crate) trait NumberKey: Copy + Eq + Hash {
    /// The number of its caller.
    fn caller(&mut self) -> &mut u32;

    /// Leaves out all that is told of who called what, and how it was answered.
    fn forget_call(&mut self);
}

/// Groups that one worker counts, by keys in numbers. Each is given a number, too; of groups that became
/// one, all are that one's. Only groups that there are lie in the tables: any may be the next that is
/// counted in.
pub(crate) struct Groups<K, G> {
    pub(crate) detail: Detail,
    known: HashMap<K, u32>,
    list: Vec<Entry<K, G>>,
    /// By number: the place of the group in the list.
    places: Vec<u32>,
    roles: Roles,
}

struct Entry<K, G> {
    key: K,
    group: G,
    /// The first that it was given.
    number: u32,
}

/// Where the group of a key is, if there is one.
#[derive(Clone, Copy)]
pub(crate) struct Found<K> {
    /// Told as finely as the groups are.
    pub(crate) key: K,
    place: Option<u32>,
    /// How many numbers were given.
    of: usize,
}

impl<K, G> Default for Groups<K, G> {
    fn default() -> Self {
        Groups {
            detail: Detail::default(),
            known: HashMap::new(),
            list: Vec::new(),
            places: Vec::new(),
            roles: Roles::default(),
        }
    }
}

impl<K, G> Groups<K, G> {
    /// None yet, told as finely as these: what is merged in the end is told no more finely.
    pub(crate) fn like(&self) -> Groups<K, G> {
        Groups { detail: self.detail, roles: self.roles.clone(), ..Groups::default() }
    }
}

impl<K: NumberKey, G: Merge> Groups<K, G> {
    /// Looks for the group of a key that tells everything. `callers` gave its caller the number.
    #[inline]
    pub(crate) fn find(&mut self, key: K, callers: &CallerNumbers) -> Found<K> {
        let key = self.roles.folded(key, self.detail, callers);
        Found { key, place: self.known.get(&key).copied(), of: self.places.len() }
    }

    /// Whether no group was added since one was looked for.
    #[inline]
    pub(crate) fn holds(&self, found: &Found<K>) -> bool {
        found.of == self.places.len()
    }

    /// The group that was found, and its number.
    #[inline]
    pub(crate) fn get_mut(&mut self, found: &Found<K>) -> Option<(u32, &mut G)> {
        let entry = self.list.get_mut(found.place? as usize)?;
        Some((entry.number, &mut entry.group))
    }

    /// Adds the group of a key that has none, and gives its number.
    pub(crate) fn insert(&mut self, key: K, group: G, callers: &CallerNumbers) -> Option<u32> {
        let number = u32::try_from(self.places.len()).ok()?;
        let place = count(self.list.len());
        self.list.push(Entry { key, group, number });
        self.places.push(place);
        self.known.insert(key, place);
        while self.list.len() > self.detail.groups_max()
            && let Some(coarser) = self.detail.coarser()
        {
            self.make_coarser(coarser, callers);
        }
        let place = self.places.get(number as usize)?;
        Some(self.list.get(*place as usize)?.number)
    }

    #[cold]
    fn make_coarser(&mut self, coarser: Detail, callers: &CallerNumbers) {
        let was_full = self.detail.is_full();
        self.detail = coarser;
        self.known = HashMap::new();
        let mut moved = Vec::with_capacity(self.list.len());
        for Entry { key, group, number } in std::mem::take(&mut self.list) {
            let key = match was_full {
                true => self.roles.folded(key, coarser, callers),
                false => coarsened(key, coarser),
            };
            let place = *self.known.entry(key).or_insert(count(self.list.len()));
            moved.push(place);
            match self.list.get_mut(place as usize) {
                Some(first) => first.group.merge(group),
                None => self.list.push(Entry { key, group, number }),
            }
        }
        for place in &mut self.places {
            *place = moved.get(*place as usize).copied().unwrap_or_default();
        }
    }

    /// For each number that was given, the place of its group among all.
    pub(crate) fn places(&self) -> impl Iterator<Item = usize> {
        self.places.iter().map(|place| *place as usize)
    }

    /// The text of a caller's number in a key.
    pub(crate) fn caller<'t>(&'t self, number: u32, callers: &'t CallerNumbers) -> &'t str {
        match self.detail.is_full() {
            true => callers.text(number),
            false => self.roles.names.text(number),
        }
    }

    /// All groups.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (K, &G)> {
        self.list.iter().map(|entry| (entry.key, &entry.group))
    }
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// Callers whose sessions are not told apart.
#[derive(Clone)]
struct Roles {
    names: Interner,
    /// By the number of a caller: that of what it is called here and one more, or 0.
    numbers: Vec<u32>,
}

impl Default for Roles {
    fn default() -> Roles {
        Roles { names: Interner::new(GROUPS_MAX), numbers: Vec::new() }
    }
}

impl Roles {
    /// A key that tells everything, told less finely.
    #[inline]
    fn folded<K: NumberKey>(&mut self, mut key: K, detail: Detail, callers: &CallerNumbers) -> K {
        if detail == Detail::Sessions {
            return key;
        }
        let caller = key.caller();
        let known = slot(&mut self.numbers, *caller);
        if *known == 0 {
            *known = self.names.number(&Detail::Roles.caller(callers.text(*caller))) + 1;
        }
        *caller = *known - 1;
        coarsened(key, detail)
    }
}

/// A key whose caller is folded, told less finely still.
fn coarsened<K: NumberKey>(mut key: K, detail: Detail) -> K {
    if detail >= Detail::Calls {
        *key.caller() = OTHER_NUMBER;
    }
    if !detail.tells_calls() {
        key.forget_call();
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A caller and what was called.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    struct Call(u32, u32);

    impl NumberKey for Call {
        fn caller(&mut self) -> &mut u32 {
            &mut self.0
        }

        fn forget_call(&mut self) {
            self.1 = OTHER_NUMBER;
        }
    }

    #[test]
    fn groups_keep_their_numbers_whatever_they_become_part_of() {
        let mut callers = CallerNumbers::new();
        let mut groups: Groups<Call, u64> = Groups::default();
        let mut numbers = Vec::new();
        // Two sessions of each of fifty roles, and too many calls.
        for at in 0..GROUPS_MAX as u32 * 3 {
            let (role, session, what) = (at % 50, at / 50 % 2, at / 100);
            let caller = format!("arn:aws:sts::123456789012:assumed-role/r{role}/s{session}");
            let key = Call(callers.number(&caller), what);
            let found = groups.find(key, &callers);
            assert!(groups.holds(&found));
            let number = match groups.get_mut(&found) {
                Some((number, requests)) => {
                    *requests += 1;
                    number
                }
                None => groups.insert(found.key, 1, &callers).unwrap(),
            };
            numbers.push((role, what, number));
        }
        assert_eq!(groups.detail, Detail::Roles.coarser().unwrap());
        assert_eq!(groups.iter().map(|(_, requests)| requests).sum::<u64>(), numbers.len() as u64);
        assert!(groups.iter().count() <= GROUPS_MAX);
        let (all, places): (Vec<_>, Vec<_>) = (groups.iter().collect(), groups.places().collect());
        for (_, what, number) in numbers {
            let (Call(caller, called), _) = all[places[number as usize]];
            assert_eq!((caller, called), (OTHER_NUMBER, what));
        }
    }
}
