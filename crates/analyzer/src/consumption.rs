//! Who used how much of which limit, when.
//!
//! Requests are counted by interval, limit and principal, where a principal is a role, or a caller
//! that has none: limits are set for roles, and sessions come and go. Combinations are bounded;
//! beyond [`CELLS_MAX`] the intervals of all are widened, and in the end the principals are one. How
//! far, depends on what is counted alone and not on its order, so merging gives what one run would
//! have given.

use std::collections::BTreeSet;

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use crate::intern::{OTHER, slot};
use crate::limits::LimitKey;
use crate::names::{Names, at};
use crate::series::{RUNGS, width};

/// The most combinations that are told apart.
const CELLS_MAX: usize = 30_000;

/// How many are filed before equal ones are summed up.
const FILED_MAX: usize = CELLS_MAX / 4 * 5;

/// Requests by interval, limit and principal. Merges.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consumption {
    rung: usize,
    limits: Vec<LimitKey>,
    principals: Vec<String>,
    cells: Vec<(Cell, u64)>,
}

/// A combination. Names are places in the lists of the [`Consumption`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
struct Cell {
    /// Where the interval starts, UTC milliseconds.
    start: i64,
    limit: u32,
    principal: u32,
}

impl Cell {
    fn at_rung(self, rung: usize) -> Cell {
        Cell { start: self.start - self.start.rem_euclid(interval(rung)), ..self }
    }
}

/// The width of an interval; after the last the principals are one.
fn interval(rung: usize) -> i64 {
    width(rung.min(RUNGS - 1))
}

impl Consumption {
    /// The width of an interval in milliseconds.
    pub fn interval_ms(&self) -> i64 {
        interval(self.rung)
    }

    /// What was used of a limit, in order of time: where the interval starts, by whom, requests.
    pub fn of(&self, limit: &LimitKey) -> impl Iterator<Item = (i64, &str, u64)> {
        self.by_place(limit).filter_map(|(start, principal, requests)| {
            Some((start, self.principals.get(principal as usize)?.as_str(), requests))
        })
    }

    /// The same with the places of principals among [`Consumption::principals`].
    pub(crate) fn by_place(&self, limit: &LimitKey) -> impl Iterator<Item = (i64, u32, u64)> {
        let number = self.limits.binary_search(limit).ok().and_then(|at| u32::try_from(at).ok());
        let of_limit = self.cells.iter().filter(move |(cell, _)| Some(cell.limit) == number);
        of_limit.map(|(cell, requests)| (cell.start, cell.principal, *requests))
    }

    /// Who used something, in order.
    pub(crate) fn principals(&self) -> &[String] {
        &self.principals
    }

    /// Whether some principals, being too many, are counted as one.
    pub(crate) fn has_folded_principals(&self) -> bool {
        self.principals.iter().any(|name| name == OTHER)
    }

    /// Counts these limits as one.
    pub(crate) fn fold_limits(&mut self, folded: &BTreeSet<LimitKey>) {
        let rung = self.rung;
        let mut all = std::mem::take(self);
        for key in all.limits.iter_mut().filter(|key| folded.contains(*key)) {
            *key = LimitKey::other();
        }
        let mut words = Words::default();
        words.take(all, rung);
        *self = words.finish(rung);
    }

    /// Adds what another worker, file or machine counted.
    pub fn merge(&mut self, other: Consumption) {
        if self.cells.is_empty() && self.rung <= other.rung {
            *self = other;
            return;
        }
        let rung = self.rung.max(other.rung);
        let mut words = Words::default();
        words.take(std::mem::take(self), rung);
        words.take(other, rung);
        *self = words.finish(rung);
    }
}

/// Cells of several by name, while they are put together.
#[derive(Default)]
struct Words {
    limits: Names<LimitKey>,
    principals: Names<String>,
    /// Not in order, and equal ones more than once.
    cells: Vec<(Cell, u64)>,
}

impl Words {
    fn principal(&mut self, name: String, rung: usize) -> u32 {
        self.principals.number(if rung >= RUNGS { OTHER.to_owned() } else { name })
    }

    fn take(&mut self, other: Consumption, rung: usize) {
        let limits: Vec<u32> =
            other.limits.into_iter().map(|key| self.limits.number(key)).collect();
        let principals = other.principals.into_iter();
        let principals: Vec<u32> = principals.map(|name| self.principal(name, rung)).collect();
        self.cells.extend(other.cells.into_iter().map(|(cell, requests)| {
            let (limit, principal) = (at(&limits, cell.limit), at(&principals, cell.principal));
            (Cell { limit, principal, ..cell }.at_rung(rung), requests)
        }));
    }

    /// Everything in order, made coarser until it is small enough.
    fn finish(self, rung: usize) -> Consumption {
        let used = self.cells.iter().map(|(cell, _)| cell);
        let (limits, limit_places) = self.limits.in_order(used.clone().map(|cell| cell.limit));
        let (principals, principal_places) =
            self.principals.in_order(used.map(|cell| cell.principal));
        let in_order = |(cell, requests): (Cell, u64)| {
            let limit = at(&limit_places, cell.limit);
            let principal = at(&principal_places, cell.principal);
            (Cell { limit, principal, ..cell }, requests)
        };
        let cells = summed(self.cells.into_iter().map(in_order).collect());
        let all = Consumption { rung, limits, principals, cells };
        if all.cells.len() <= CELLS_MAX || rung >= RUNGS {
            return all;
        }
        let mut coarser = Words::default();
        coarser.take(all, rung + 1);
        coarser.finish(rung + 1)
    }
}

/// In order, each once.
fn summed(mut cells: Vec<(Cell, u64)>) -> Vec<(Cell, u64)> {
    // Of what workers gathered all intervals are in order already, and merged by this sort.
    cells.sort_by_key(|(cell, _)| cell.start);
    for interval in cells.chunk_by_mut(|(one, _), (next, _)| one.start == next.start) {
        let in_one = |cell: &Cell| u64::from(cell.limit) << u32::BITS | u64::from(cell.principal);
        interval.sort_unstable_by_key(|(cell, _)| in_one(cell));
    }
    cells.dedup_by(|(cell, requests), (kept, sum)| {
        let same = cell == kept;
        *sum += if same { *requests } else { 0 };
        same
    });
    cells
}

/// What one worker counts. Requests of the present interval are counted in lists by number, and
/// only their sums are filed.
#[derive(Default)]
pub(crate) struct ConsumptionTally {
    rung: usize,
    /// The present interval: where it starts and ends.
    present: (i64, i64),
    /// By limit, by principal: requests of the present interval.
    counts: Vec<Vec<u32>>,
    /// Which of them are not zero.
    counted: Vec<(u32, u32)>,
    /// As filed: nearly in order, as logs are, and equal ones more than once.
    cells: Vec<(Cell, u64)>,
}

impl ConsumptionTally {
    /// None yet, by intervals of the same width: those of all together are no narrower.
    pub(crate) fn like(&self) -> ConsumptionTally {
        ConsumptionTally { rung: self.rung, ..ConsumptionTally::default() }
    }

    /// Counts a request.
    #[inline]
    pub(crate) fn add(&mut self, at: i64, limit: u32, principal: u32) {
        if at < self.present.0 || at >= self.present.1 {
            self.turn(at);
        }
        let count = slot(slot(&mut self.counts, limit), principal);
        if *count == 0 {
            self.counted.push((limit, principal));
        }
        *count += 1;
        // It takes no more until it is filed.
        if *count == u32::MAX {
            self.turn(at);
        }
    }

    /// Files the present interval, and begins that of a moment.
    fn turn(&mut self, at: i64) {
        let start = self.present.0;
        if self.cells.capacity() == 0 {
            // Once for all: of what is not filled, no memory is taken.
            self.cells.reserve_exact(FILED_MAX + CELLS_MAX / 8);
        }
        let mut counted = std::mem::take(&mut self.counted);
        for (limit, principal) in counted.drain(..) {
            let requests = std::mem::take(slot(slot(&mut self.counts, limit), principal));
            let cell = Cell { start, limit, principal }.at_rung(self.rung);
            self.cells.push((cell, u64::from(requests)));
        }
        self.counted = counted;
        if self.cells.len() > FILED_MAX {
            self.sum_up();
        }
        let start = at - at.rem_euclid(interval(self.rung));
        self.present = (start, start + interval(self.rung));
    }

    /// Sums up equal combinations, more coarsely as long as they are too many.
    #[cold]
    fn sum_up(&mut self) {
        self.cells = summed(std::mem::take(&mut self.cells));
        while self.cells.len() > CELLS_MAX && self.rung < RUNGS - 1 {
            self.rung += 1;
            let rung = self.rung;
            self.cells.iter_mut().for_each(|(cell, _)| *cell = cell.at_rung(rung));
            self.cells = summed(std::mem::take(&mut self.cells));
        }
    }

    /// What was counted, in words: the names of limits and principals by number.
    pub(crate) fn finish(
        mut self,
        limit: impl Fn(u32) -> LimitKey,
        principal: impl Fn(u32) -> String,
    ) -> Consumption {
        self.turn(0);
        let mut words = Words::default();
        let mut known: HashMap<u32, u32> = HashMap::new();
        let mut keys: HashMap<u32, u32> = HashMap::new();
        let in_words = |(cell, requests): (Cell, u64)| {
            let number = keys.entry(cell.limit);
            let of_limit = *number.or_insert_with(|| words.limits.number(limit(cell.limit)));
            let number = known.entry(cell.principal);
            let by = *number.or_insert_with(|| words.principals.number(principal(cell.principal)));
            (Cell { limit: of_limit, principal: by, ..cell }, requests)
        };
        // In place: it is as long as all that was filed.
        words.cells = self.cells.into_iter().map(in_words).collect();
        words.finish(self.rung)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A request: second, limit, principal.
    type Request = (i64, u32, u32);

    fn key(number: u32) -> LimitKey {
        let [upstream, credential, bucket] =
            ["api", "token", &number.to_string()].map(str::to_owned);
        LimitKey { upstream, credential, bucket }
    }

    fn consumption(requests: &[Request]) -> Consumption {
        let mut tally = ConsumptionTally::default();
        for &(second, limit, principal) in requests {
            tally.add(second * 1000 + 1, limit, principal);
        }
        tally.finish(key, |number| format!("role-{number}"))
    }

    #[test]
    fn requests_are_counted_by_minute_limit_and_principal() {
        let counted =
            consumption(&[(5, 1, 7), (59, 1, 7), (60, 1, 7), (61, 1, 8), (61, 2, 7), (2, 1, 7)]);
        let of: Vec<_> = counted.of(&key(1)).collect();
        assert_eq!(of, [(0, "role-7", 3), (60_000, "role-7", 1), (60_000, "role-8", 1)]);
        assert_eq!(counted.of(&key(2)).collect::<Vec<_>>(), [(60_000, "role-7", 1)]);
        assert_eq!(counted.of(&key(3)).count(), 0);
    }

    #[test]
    fn more_requests_of_an_interval_than_a_number_takes_are_counted() {
        let mut tally = ConsumptionTally::default();
        tally.add(1, 1, 7);
        *slot(slot(&mut tally.counts, 1), 7) = u32::MAX - 1;
        (0..3).for_each(|_| tally.add(2, 1, 7));
        let counted = tally.finish(key, |number| format!("role-{number}"));
        let requests = u64::from(u32::MAX) + 2;
        assert_eq!(counted.of(&key(1)).collect::<Vec<_>>(), [(0, "role-7", requests)]);
    }

    #[test]
    fn what_is_too_much_is_told_more_coarsely_and_nothing_is_lost() {
        let many: Vec<Request> = (0..70_000).map(|at| (at * 60, 1, at as u32 % 3)).collect();
        let counted = consumption(&many);
        assert_eq!(counted.interval_ms(), 900_000);
        assert!(counted.cells.len() <= CELLS_MAX);
        assert_eq!(counted.of(&key(1)).map(|(.., requests)| requests).sum::<u64>(), 70_000);
    }

    #[test]
    fn too_many_principals_are_one_in_the_end() {
        let many: Vec<Request> = (0..CELLS_MAX as u32 + 1).map(|at| (0, 1, at)).collect();
        let counted = consumption(&many);
        assert_eq!(counted.of(&key(1)).collect::<Vec<_>>(), [(0, OTHER, many.len() as u64)]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]
        #[test]
        fn merging_is_counting_together(
            left in prop::collection::vec((0..9_000_000_i64, 0..4_u32, 0..9_u32), 0..40_000),
            right in prop::collection::vec((0..9_000_000_i64, 0..4_u32, 0..9_u32), 0..900),
        ) {
            let mut merged = consumption(&left);
            merged.merge(consumption(&right));
            prop_assert_eq!(merged, consumption(&[left, right].concat()));
        }
    }
}
