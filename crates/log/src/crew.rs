//! How many workers read: one at first, then more, as long as there is room for what they gather.

use std::sync::{Mutex, PoisonError};

/// Rows that a worker reads before it asks what is to be done.
pub(crate) const ROWS_BETWEEN: usize = 8 << 10;

/// How often each worker has asked, on average, before more begin: by then what it gathers has taken
/// most of the room that it will take.
const ASKED_BEFORE: usize = 6;

/// Memory to stay within.
///
/// What a worker gathers takes memory, and every worker gathers for itself. So one begins; as long as
/// those at work take little, others join them, twice as many at a time at most; and where they come to
/// take too much after all, one after the other hands over what it has and ends. One always goes on.
#[derive(Clone, Copy, Debug)]
pub struct MemoryLimit {
    /// How many bytes may be resident.
    pub bytes: usize,
    /// How many are; nothing if that cannot be told, and then all workers begin at once.
    pub resident: fn() -> Option<usize>,
}

impl MemoryLimit {
    /// More workers begin only where less than that will be taken by all.
    fn begin_below(&self) -> usize {
        self.bytes / 2
    }

    /// Where more is taken, workers end. The rest is for putting together what all of them gathered.
    fn end_above(&self) -> usize {
        self.bytes / 8 * 5
    }
}

/// What a worker that asks is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Advice {
    /// To read on.
    GoOn,
    /// To let so many more begin, and to read on.
    Begin(usize),
    /// To hand over what it has, and to end.
    End,
}

/// The workers of a scan.
#[derive(Debug)]
pub(crate) struct Crew {
    limit: Option<MemoryLimit>,
    /// Bytes that were resident before any worker began.
    before: usize,
    most: usize,
    at_work: Mutex<AtWork>,
}

#[derive(Debug)]
struct AtWork {
    workers: usize,
    /// How often they asked since the last of them began.
    asked: usize,
    /// One of them hands over what it has; only then it is known what that leaves.
    is_one_ending: bool,
}

impl Crew {
    /// At most so many.
    pub(crate) fn new(most: usize, limit: Option<MemoryLimit>) -> Crew {
        let before = limit.as_ref().and_then(|limit| (limit.resident)());
        let limit = limit.filter(|_| before.is_some());
        let workers = if limit.is_some() { 1 } else { most };
        let at_work = Mutex::new(AtWork { workers, asked: 0, is_one_ending: false });
        Crew { limit, before: before.unwrap_or_default(), most, at_work }
    }

    /// How many begin at once.
    pub(crate) fn first(&self) -> usize {
        self.at_work().workers
    }

    /// What a worker is to do that has read [`ROWS_BETWEEN`] since it asked before.
    pub(crate) fn ask(&self) -> Advice {
        let Some(limit) = &self.limit else { return Advice::GoOn };
        let Some(resident) = (limit.resident)() else { return Advice::GoOn };
        self.advise(limit, resident)
    }

    fn advise(&self, limit: &MemoryLimit, resident: usize) -> Advice {
        let mut at_work = self.at_work();
        if resident > limit.end_above() {
            if at_work.workers == 1 || at_work.is_one_ending {
                return Advice::GoOn;
            }
            at_work.workers -= 1;
            at_work.is_one_ending = true;
            return Advice::End;
        }
        at_work.asked += 1;
        if at_work.asked < at_work.workers * ASKED_BEFORE {
            return Advice::GoOn;
        }
        at_work.asked = 0;
        let each = (resident.saturating_sub(self.before) / at_work.workers).max(1);
        let room_for = limit.begin_below().saturating_sub(self.before) / each;
        let wanted = room_for.min(at_work.workers * 2).min(self.most);
        match wanted.saturating_sub(at_work.workers) {
            0 => Advice::GoOn,
            more => {
                at_work.workers = wanted;
                Advice::Begin(more)
            }
        }
    }

    /// A worker has handed over what it had, after it was told to end.
    pub(crate) fn has_ended(&self) {
        self.at_work().is_one_ending = false;
    }

    fn at_work(&self) -> std::sync::MutexGuard<'_, AtWork> {
        self.at_work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: MemoryLimit = MemoryLimit { bytes: 256, resident: || Some(10) };

    /// Runs workers that take turns, each of which takes memory as `taken` tells for how often it has
    /// asked; what is handed over stays in `kept`. Returns how many there were, over time, and the most
    /// memory that was ever taken.
    fn run(
        most: usize,
        turns: usize,
        taken: impl Fn(usize) -> usize,
        kept: usize,
    ) -> (Vec<usize>, usize) {
        let crew = Crew::new(most, Some(LIMIT));
        let mut workers = vec![0; crew.first()];
        let (mut over_time, mut peak, mut handed_over) = (vec![workers.len()], 0, 0);
        for _ in 0..turns {
            let mut worker = 0;
            while worker < workers.len() {
                workers[worker] += 1;
                let tables: usize = workers.iter().copied().map(&taken).sum();
                let resident = 10 + handed_over + tables;
                peak = peak.max(resident);
                match crew.advise(&LIMIT, resident) {
                    Advice::GoOn => {}
                    Advice::Begin(more) => workers.resize(workers.len() + more, 0),
                    Advice::End => {
                        workers.remove(worker);
                        handed_over = kept;
                        crew.has_ended();
                    }
                }
                worker += 1;
            }
            if over_time.last() != Some(&workers.len()) {
                over_time.push(workers.len());
            }
        }
        (over_time, peak)
    }

    #[test]
    fn all_begin_by_and_by_where_they_take_little() {
        let (workers, peak) = run(12, 1000, |asked| (asked * 2).min(8), 0);
        assert_eq!(workers, [1, 2, 4, 8, 12]);
        assert_eq!(peak, 10 + 12 * 8);
    }

    #[test]
    fn no_more_begin_than_there_is_room_for() {
        let (workers, peak) = run(64, 1000, |asked| (asked * 10).min(50), 0);
        assert_eq!(workers, [1, 2]);
        assert_eq!(peak, 10 + 2 * 50);
    }

    #[test]
    fn those_whose_tables_grow_late_end_one_after_the_other() {
        let (workers, peak) = run(64, 4000, |asked| (asked / 20).min(60), 60);
        assert_eq!(workers.iter().max(), Some(&64));
        assert_eq!(workers.last(), Some(&1));
        assert!(peak <= LIMIT.end_above() + 60 + 64, "{peak}");
    }

    #[test]
    fn one_goes_on_whatever_it_takes() {
        let (workers, _) = run(8, 1000, |asked| asked * 100, 0);
        assert_eq!(workers, [1]);
        let full = MemoryLimit { bytes: 0, resident: || Some(10) };
        assert_eq!(Crew::new(8, Some(full)).ask(), Advice::GoOn);
    }

    #[test]
    fn while_one_ends_no_other_does() {
        let crew = Crew::new(8, Some(LIMIT));
        while crew.first() < 8 {
            crew.advise(&LIMIT, 11);
        }
        assert_eq!(crew.advise(&LIMIT, 170), Advice::End);
        assert_eq!(crew.advise(&LIMIT, 200), Advice::GoOn);
        crew.has_ended();
        assert_eq!(crew.advise(&LIMIT, 170), Advice::End);
    }

    #[test]
    fn all_begin_at_once_where_there_is_no_limit_or_memory_is_unknown() {
        let unknown = MemoryLimit { bytes: 256, resident: || None };
        for limit in [None, Some(unknown)] {
            let crew = Crew::new(8, limit);
            assert_eq!((crew.first(), crew.ask()), (8, Advice::GoOn));
        }
    }
}
