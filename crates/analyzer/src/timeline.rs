//! The timeline: requests by time, caller, route, status and group of denied calls, all at once.
//!
//! It is what a report needs so that a reader can narrow it down afterwards. Distinct combinations
//! are bounded: beyond [`CELLS_MAX`] it is told more and more coarsely, by one ladder, so that
//! merging gives what one run would have given.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use crate::callers::CallerNumbers;
use crate::detail::{Detail, any_session};
use crate::intern::{Interner, OTHER, OTHER_NUMBER};
use crate::names::{Names, at};
use crate::outcomes::GroupKey;
use crate::tally::Numbered;

/// The most combinations that are told apart.
const CELLS_MAX: usize = 40_000;

/// What makes a timeline coarser.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Intervals of this width, milliseconds.
    Interval(i64),
    /// The sessions of a role are one caller.
    Sessions,
    /// Groups of denied calls are not told apart.
    Groups,
    /// The routes are one.
    Routes,
    /// The callers are one.
    Callers,
}

/// From fine to coarse. Each interval divides the next.
const LADDER: [Step; 12] = [
    Step::Interval(60_000),
    Step::Interval(300_000),
    Step::Interval(900_000),
    Step::Interval(3_600_000),
    Step::Sessions,
    Step::Interval(21_600_000),
    Step::Interval(86_400_000),
    Step::Groups,
    Step::Interval(604_800_000),
    Step::Routes,
    Step::Callers,
    Step::Interval(6_048_000_000),
];

/// A combination. Names are places in the lists of the [`Timeline`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Cell {
    /// Where the interval starts, UTC milliseconds; `None` for requests without a time.
    pub start: Option<i64>,
    /// Who called.
    pub caller: u32,
    /// Which method and route.
    pub route: u32,
    /// The status that the client received.
    pub status: Option<u16>,
    /// Which group of denied calls; `None` for calls that were not denied.
    pub group: Option<u32>,
}

/// What is counted for a combination.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Count {
    /// Requests.
    pub requests: u64,
    /// Of these, those whose latency the log tells.
    pub timed: u64,
    /// The sum of their latencies, milliseconds.
    pub latency_ms: u64,
}

impl Count {
    fn add(&mut self, other: Count) {
        self.requests += other.requests;
        self.timed += other.timed;
        self.latency_ms += other.latency_ms;
    }
}

/// Requests by everything that a report can be narrowed down by. Merges.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeline {
    step: usize,
    callers: Vec<String>,
    routes: Vec<String>,
    groups: Vec<GroupKey>,
    cells: Vec<(Cell, Count)>,
}

impl Timeline {
    /// The width of an interval in milliseconds.
    pub fn interval_ms(&self) -> i64 {
        interval(self.step)
    }

    /// The callers that cells refer to, in order.
    pub fn callers(&self) -> &[String] {
        &self.callers
    }

    /// The routes that cells refer to, in order: `GET /pets/{id}`.
    pub fn routes(&self) -> &[String] {
        &self.routes
    }

    /// The groups of denied calls that cells refer to, in order.
    pub fn groups(&self) -> &[GroupKey] {
        &self.groups
    }

    /// The combinations in order, with what was counted.
    pub fn cells(&self) -> &[(Cell, Count)] {
        &self.cells
    }

    /// Adds what another worker, file or machine counted.
    pub fn merge(&mut self, other: Timeline) {
        let step = self.step.max(other.step);
        let mut all = Words::default();
        all.take(std::mem::take(self), step);
        all.take(other, step);
        *self = all.finish(step);
    }

    /// Tells groups of denied calls no more finely than this: as they are listed.
    pub(crate) fn tell_groups(&mut self, detail: Detail) {
        if !detail.is_full() {
            self.change_groups(|group| *group = group.clone().less_finely(detail));
        }
    }

    /// Changes what groups of denied calls are called, some of which may be the same then.
    pub(crate) fn change_groups(&mut self, change: impl FnMut(&mut GroupKey)) {
        let mut changed = self.groups.clone();
        changed.iter_mut().for_each(change);
        if changed != self.groups {
            let (step, mut all) = (self.step, Words::default());
            all.take(Timeline { groups: changed, ..std::mem::take(self) }, step);
            *self = all.finish(step);
        }
    }

    /// The same in at most `points` intervals from the first to the last, for showing.
    #[must_use]
    pub fn for_showing(&self, points: usize) -> Timeline {
        let mut shown = self.clone();
        let starts = self.cells.iter().filter_map(|(cell, _)| cell.start);
        let (Some(first), Some(last)) = (starts.clone().min(), starts.max()) else { return shown };
        let fits = |step: usize| (last - first) / interval(step) < points as i64;
        let width = (self.step..LADDER.len()).find(|&step| fits(step)).unwrap_or(LADDER.len() - 1);
        let width = interval(width);
        let mut cells: BTreeMap<Cell, Count> = BTreeMap::new();
        for (cell, count) in &self.cells {
            let start = cell.start.map(|start| start - start.rem_euclid(width));
            cells.entry(Cell { start, ..*cell }).or_default().add(*count);
        }
        shown.cells = cells.into_iter().collect();
        shown.step = LADDER.iter().position(|step| *step == Step::Interval(width)).unwrap_or(0);
        shown
    }
}

/// The width of an interval at a step.
fn interval(step: usize) -> i64 {
    let steps = LADDER.iter().take(step + 1).rev();
    let widths = steps.filter_map(|step| match step {
        Step::Interval(width) => Some(*width),
        _ => None,
    });
    widths.max().unwrap_or(i64::MAX)
}

/// Whether a step has been taken.
fn taken(at: usize, wanted: Step) -> bool {
    LADDER.iter().take(at + 1).any(|step| *step == wanted)
}

/// The caller at a step: a session may stand for its role, `arn:…:assumed-role/deploy/*`.
fn caller_at(step: usize, caller: &str) -> String {
    if taken(step, Step::Callers) {
        return OTHER.to_owned();
    }
    match taken(step, Step::Sessions) {
        true => any_session(caller).into_owned(),
        false => caller.to_owned(),
    }
}

/// Cells of several timelines by name, while they are put together.
#[derive(Default)]
struct Words {
    callers: Names<String>,
    routes: Names<String>,
    groups: Names<GroupKey>,
    cells: BTreeMap<Cell, Count>,
}

impl Words {
    /// Takes the cells of a timeline at a step that is at least its own.
    fn take(&mut self, other: Timeline, step: usize) {
        let route_at = |route| if taken(step, Step::Routes) { OTHER.to_owned() } else { route };
        let callers = other.callers.iter().map(|caller| caller_at(step, caller));
        let callers: Vec<u32> = callers.map(|caller| self.callers.number(caller)).collect();
        let routes = other.routes.into_iter().map(route_at);
        let routes: Vec<u32> = routes.map(|route| self.routes.number(route)).collect();
        let groups = other.groups.into_iter();
        let groups: Vec<u32> = groups.map(|group| self.groups.number(group)).collect();
        let told = !taken(step, Step::Groups);
        for (cell, count) in other.cells {
            let cell = Cell {
                start: cell.start.map(|start| start - start.rem_euclid(interval(step))),
                caller: at(&callers, cell.caller),
                route: at(&routes, cell.route),
                status: cell.status,
                group: cell.group.filter(|_| told).map(|group| at(&groups, group)),
            };
            self.cells.entry(cell).or_default().add(count);
        }
    }

    /// The timeline, made coarser until it is small enough.
    fn finish(self, step: usize) -> Timeline {
        let timeline = self.in_order(step);
        if timeline.cells.len() <= CELLS_MAX || step + 1 >= LADDER.len() {
            return timeline;
        }
        let mut coarser = Words::default();
        coarser.take(timeline, step + 1);
        coarser.finish(step + 1)
    }

    /// Names in order, and only those that are used, so that equal content is equal.
    fn in_order(self, step: usize) -> Timeline {
        let used = self.cells.keys();
        let (callers, caller_places) = self.callers.in_order(used.clone().map(|cell| cell.caller));
        let (routes, route_places) = self.routes.in_order(used.clone().map(|cell| cell.route));
        let (groups, group_places) = self.groups.in_order(used.filter_map(|cell| cell.group));
        let renumber = |(cell, count): (Cell, Count)| {
            let cell = Cell {
                caller: at(&caller_places, cell.caller),
                route: at(&route_places, cell.route),
                group: cell.group.map(|group| at(&group_places, group)),
                ..cell
            };
            (cell, count)
        };
        let mut cells: Vec<(Cell, Count)> = self.cells.into_iter().map(renumber).collect();
        cells.sort_unstable_by_key(|(cell, _)| *cell);
        Timeline { step, callers, routes, groups, cells }
    }
}

/// The timeline of one worker, while it is counted.
#[derive(Default)]
pub(crate) struct TimelineTally {
    step: usize,
    /// The numbers of callers, once sessions are no longer told apart, and what they were before.
    folded: Folded,
    cells: HashMap<Cell, Count>,
}

/// Callers at the present step, numbered by their first.
#[derive(Default)]
struct Folded {
    by_name: HashMap<String, u32>,
    numbers: HashMap<u32, u32>,
}

impl Folded {
    /// The caller that stands for this one at a step.
    fn number(&mut self, step: usize, caller: u32, callers: &CallerNumbers) -> u32 {
        if !taken(step, Step::Sessions) {
            return caller;
        }
        if let Some(&known) = self.numbers.get(&caller) {
            return known;
        }
        let name = caller_at(step, callers.text(caller));
        let number = *self.by_name.entry(name).or_insert(caller);
        self.numbers.insert(caller, number);
        number
    }
}

impl TimelineTally {
    /// Counts a request. `cell` has the number of the caller among `callers`, and its time as the
    /// start.
    #[inline]
    pub(crate) fn add(&mut self, cell: Cell, latency: Option<u64>, callers: &CallerNumbers) {
        let timed = u64::from(latency.is_some());
        let count = Count { requests: 1, timed, latency_ms: latency.unwrap_or_default() };
        self.count(cell, count, callers);
        while self.cells.len() > CELLS_MAX && self.step + 1 < LADDER.len() {
            self.step += 1;
            self.folded = Folded::default();
            for (cell, count) in std::mem::take(&mut self.cells) {
                self.count(cell, count, callers);
            }
        }
    }

    fn count(&mut self, cell: Cell, count: Count, callers: &CallerNumbers) {
        let width = interval(self.step);
        let cell = Cell {
            start: cell.start.map(|start| start - start.rem_euclid(width)),
            caller: self.folded.number(self.step, cell.caller, callers),
            route: if taken(self.step, Step::Routes) { OTHER_NUMBER } else { cell.route },
            group: cell.group.filter(|_| !taken(self.step, Step::Groups)),
            ..cell
        };
        self.cells.entry(cell).or_default().add(count);
    }

    /// What was counted, in words. `groups` are those of denied calls.
    pub(crate) fn finish(
        self,
        callers: &CallerNumbers,
        routes: &Interner,
        Numbered { groups, places }: Numbered,
    ) -> Timeline {
        let mut words = Words::default();
        let mut callers_known: HashMap<u32, u32> = HashMap::new();
        let groups = groups.into_iter().map(|group| words.groups.number(group));
        let groups: Vec<u32> = groups.collect();
        for (cell, count) in self.cells {
            let caller = *callers_known.entry(cell.caller).or_insert_with(|| {
                words.callers.number(caller_at(self.step, callers.text(cell.caller)))
            });
            let route = words.routes.number(routes.text(cell.route).to_owned());
            let group =
                cell.group.and_then(|number| groups.get(*places.get(number as usize)?).copied());
            words.cells.entry(Cell { caller, route, group, ..cell }).or_default().add(count);
        }
        words.finish(self.step)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A request: minute, caller, route, status.
    type Request = (i64, u8, u8, u16);

    fn timeline(requests: &[Request]) -> Timeline {
        let (mut callers, mut routes) = (CallerNumbers::new(), Interner::new(1000));
        let mut tally = TimelineTally::default();
        for &(minute, caller, route, status) in requests {
            let name = format!("arn:aws:sts::1:assumed-role/role-{}/{caller}", caller % 3);
            let cell = Cell {
                start: Some(minute * 60_000 + 7),
                caller: callers.number(&name),
                route: routes.number(&format!("GET /{route}")),
                status: Some(status),
                group: None,
            };
            tally.add(cell, Some(5), &callers);
        }
        tally.finish(&callers, &routes, Numbered::default())
    }

    fn total(timeline: &Timeline) -> u64 {
        timeline.cells().iter().map(|(_, count)| count.requests).sum()
    }

    #[test]
    fn what_is_too_much_is_told_more_coarsely_and_nothing_is_lost() {
        let many: Vec<Request> =
            (0..90_000).map(|at| (at, (at % 7) as u8, (at % 11) as u8, 200)).collect();
        let timeline = timeline(&many);
        assert!(timeline.cells().len() <= CELLS_MAX);
        assert_eq!(total(&timeline), 90_000);
        assert!(timeline.interval_ms() > 60_000);
    }

    #[test]
    fn intervals_widen_for_showing() {
        let day: Vec<Request> = (0..1440).map(|minute| (minute, 1, 1, 200)).collect();
        let shown = timeline(&day).for_showing(48);
        assert_eq!((shown.interval_ms(), shown.cells().len()), (3_600_000, 24));
    }

    #[test]
    fn sessions_become_their_role() {
        let session = "arn:aws:sts::1:assumed-role/deploy/ci-7";
        let step = |wanted| LADDER.iter().position(|step| *step == wanted).unwrap();
        assert_eq!(caller_at(0, session), session);
        assert_eq!(
            caller_at(step(Step::Sessions), session),
            "arn:aws:sts::1:assumed-role/deploy/*"
        );
        assert_eq!(caller_at(step(Step::Callers), session), OTHER);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20))]
        #[test]
        fn merging_is_counting_together(
            left in prop::collection::vec((0..90_000_i64, any::<u8>(), 0..20_u8, 200..205_u16), 0..600),
            right in prop::collection::vec((0..90_000_i64, any::<u8>(), 0..20_u8, 200..205_u16), 0..200),
        ) {
            let mut merged = timeline(&left);
            merged.merge(timeline(&right));
            prop_assert_eq!(merged, timeline(&[left, right].concat()));
        }
    }
}
