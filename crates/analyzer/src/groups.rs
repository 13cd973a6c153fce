//! Groups of calls, while they are counted and when they are merged: never more than
//! [`GROUPS_MAX`], told as finely as that allows.

use std::collections::BTreeMap;
use std::hash::Hash;

use hashbrown::HashMap;

use crate::detail::{Detail, GROUPS_MAX};
use crate::intern::{Interner, OTHER_NUMBER, slot};

/// What is counted of a group.
pub(crate) trait Merge {
    /// Adds what another group counted.
    fn merge(&mut self, other: Self);
}

/// What the calls of a group have in common, in words. `G` is what is counted of them.
pub(crate) trait Key<G>: Ord {
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
    let groups = std::mem::take(held).into_iter().map(|group| (*held_at, group));
    let more = more.into_iter().map(|group| (more_at, group));
    let mut all = joined(groups.chain(more), detail);
    while let Some(coarser) = detail.coarser().filter(|_| all.len() > GROUPS_MAX) {
        all = joined(all.into_iter().map(|group| (detail, group)), coarser);
        detail = coarser;
    }
    (*held, *held_at) = (all.into_iter().collect(), detail);
}

fn joined<K: Key<G>, G: Merge>(
    groups: impl Iterator<Item = (Detail, (K, G))>,
    detail: Detail,
) -> BTreeMap<K, G> {
    let mut all: BTreeMap<K, G> = BTreeMap::new();
    for (of, (mut key, mut group)) in groups {
        if of != detail {
            key = key.at(detail, &mut group);
        }
        match all.get_mut(&key) {
            Some(known) => known.merge(group),
            None => drop(all.insert(key, group)),
        }
    }
    all
}

/// What the calls of a group have in common, in numbers.
pub(crate) trait NumberKey: Copy + Eq + Hash {
    /// The number of its caller.
    fn caller(&mut self) -> &mut u32;

    /// Leaves out all that is told of who called what, and how it was answered.
    fn forget_call(&mut self);
}

/// Groups that one worker counts, by keys in numbers. Each has a number, too; of groups that became
/// one, all are that one's.
pub(crate) struct Groups<K, G> {
    pub(crate) detail: Detail,
    numbers: HashMap<K, u32>,
    list: Vec<Slot<K, G>>,
    live: usize,
    roles: Roles,
}

/// Where the group of a key is, if there is one.
#[derive(Clone, Copy)]
pub(crate) struct Found<K> {
    /// Told as finely as the groups are.
    pub(crate) key: K,
    number: Option<u32>,
    /// How many groups there were.
    of: usize,
}

enum Slot<K, G> {
    Group(K, G),
    /// It became part of this one.
    Joined(u32),
}

impl<K, G> Default for Groups<K, G> {
    fn default() -> Self {
        Groups {
            detail: Detail::default(),
            numbers: HashMap::new(),
            list: Vec::new(),
            live: 0,
            roles: Roles::default(),
        }
    }
}

impl<K: NumberKey, G: Merge> Groups<K, G> {
    /// Looks for the group of a key that tells everything. `callers` gave its caller the number.
    #[inline]
    pub(crate) fn find(&mut self, key: K, callers: &Interner) -> Found<K> {
        let key = self.key(key, callers);
        let number = self.numbers.get(&key).copied();
        Found {
            key,
            number: number.filter(|number| self.get(*number).is_some()),
            of: self.list.len(),
        }
    }

    /// Whether no group was added since one was looked for.
    #[inline]
    pub(crate) fn holds(&self, found: &Found<K>) -> bool {
        found.of == self.list.len()
    }

    /// A key that tells everything, told as finely as these groups are.
    #[inline]
    fn key(&mut self, key: K, callers: &Interner) -> K {
        self.roles.folded(key, self.detail, callers)
    }

    #[inline]
    fn get(&self, number: u32) -> Option<&G> {
        match self.list.get(number as usize)? {
            Slot::Group(_, group) => Some(group),
            Slot::Joined(_) => None,
        }
    }

    /// The group that was found.
    #[inline]
    pub(crate) fn get_mut(&mut self, found: &Found<K>) -> Option<(u32, &mut G)> {
        let number = found.number?;
        match self.list.get_mut(number as usize)? {
            Slot::Group(_, group) => Some((number, group)),
            Slot::Joined(_) => None,
        }
    }

    /// Adds the group of a key that has none, and gives its number.
    pub(crate) fn insert(&mut self, key: K, group: G, callers: &Interner) -> Option<u32> {
        let number = u32::try_from(self.list.len()).ok()?;
        self.list.push(Slot::Group(key, group));
        self.numbers.insert(key, number);
        self.live += 1;
        while self.live > GROUPS_MAX
            && let Some(coarser) = self.detail.coarser()
        {
            self.make_coarser(coarser, callers);
        }
        Some(self.settled(number))
    }

    #[cold]
    fn make_coarser(&mut self, coarser: Detail, callers: &Interner) {
        let was_full = self.detail.is_full();
        self.detail = coarser;
        self.numbers.clear();
        self.live = 0;
        for (number, slot) in (0..).zip(std::mem::take(&mut self.list)) {
            let Slot::Group(key, group) = slot else {
                self.list.push(slot);
                continue;
            };
            let key = match was_full {
                true => self.key(key, callers),
                false => coarsened(key, coarser),
            };
            let of = *self.numbers.entry(key).or_insert(number);
            if of == number {
                self.list.push(Slot::Group(key, group));
                self.live += 1;
                continue;
            }
            self.list.push(Slot::Joined(of));
            if let Some(Slot::Group(_, first)) = self.list.get_mut(of as usize) {
                first.merge(group);
            }
        }
    }

    /// The number of the group that a number stands for now.
    fn settled(&self, mut number: u32) -> u32 {
        while let Some(Slot::Joined(of)) = self.list.get(number as usize) {
            number = *of;
        }
        number
    }

    /// For each number that was given, that of its group.
    pub(crate) fn settle(&self) -> Vec<u32> {
        (0..self.list.len()).map(|number| self.settled(number as u32)).collect()
    }

    /// The text of a caller's number in a key.
    pub(crate) fn caller<'t>(&'t self, number: u32, callers: &'t Interner) -> &'t str {
        match self.detail.is_full() {
            true => callers.text(number),
            false => self.roles.names.text(number),
        }
    }

    /// The groups, by number.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, K, &G)> {
        (0..).zip(&self.list).filter_map(|(number, slot)| match slot {
            Slot::Group(key, group) => Some((number, *key, group)),
            Slot::Joined(_) => None,
        })
    }
}

/// Callers whose sessions are not told apart.
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
    fn folded<K: NumberKey>(&mut self, mut key: K, detail: Detail, callers: &Interner) -> K {
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
