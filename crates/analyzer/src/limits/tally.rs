//! Limits while one worker counts them.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::callers::{CallerNames, Callers};
use super::counts::Counts;
use super::run::Run;
use super::{
    CALLERS_MAX, Level, LimitKey, LimitUse, Limits, WindowUse, intervals, later, lower, wider,
};
use crate::call::{Call, Forwarded};
use crate::callers::CallerNumbers;
use crate::consumption::ConsumptionTally;
use crate::dimension::{Dimension, UNTOLD, role_key};
use crate::intern::{Interner, OTHER, OTHER_NUMBER, TEXT_BYTES_MAX, slot};
use crate::series::{Measure, Series};
use crate::short::same;
use crate::told::{self, Told};

/// The most limits that are told apart; those beyond are one, `(other)`.
pub(crate) const LIMITS_MAX: usize = 200;

/// The most principals that are told apart in who used what when.
pub(crate) const PRINCIPALS_MAX: usize = 4_000;

/// The limits of one worker.
pub(crate) struct LimitTally {
    hasher: DefaultHashBuilder,
    /// The numbers of limits, by hash.
    numbers: HashTable<u32>,
    limits: Vec<Counted>,
    /// How many intervals each may have.
    intervals: usize,
    /// By the number of a route: what its answers told of last.
    latest: Vec<LatestLimit>,
    principals: Interner,
    /// By the number of a caller: that of its principal and one more, or 0 if it is not known yet.
    principal_of: Vec<u32>,
    consumption: ConsumptionTally,
}

/// A service and one of its limits, by their numbers.
#[derive(Clone, Copy, Default)]
struct LatestLimit {
    service: u32,
    limit: u32,
}

impl LimitTally {
    pub(crate) fn new() -> LimitTally {
        LimitTally {
            hasher: DefaultHashBuilder::default(),
            numbers: HashTable::new(),
            limits: vec![Counted::of(LimitKey::other())],
            intervals: intervals(1),
            latest: Vec::new(),
            principals: Interner::new(PRINCIPALS_MAX),
            principal_of: Vec::new(),
            consumption: ConsumptionTally::default(),
        }
    }

    /// Of a worker that joins this one's and knows what it knows: nothing counted yet.
    pub(crate) fn joining(&self) -> LimitTally {
        LimitTally {
            hasher: self.hasher.clone(),
            numbers: self.numbers.clone(),
            limits: self.limits.iter().map(|limit| Counted::of(limit.key.clone())).collect(),
            intervals: self.intervals,
            latest: self.latest.clone(),
            principals: self.principals.clone(),
            principal_of: self.principal_of.clone(),
            consumption: self.consumption.like(),
        }
    }

    /// Counts a call whose answer tells of limits; others are none of its business.
    #[inline]
    pub(crate) fn add(&mut self, call: &Call<'_, '_>, callers: &CallerNumbers) {
        if told::may_be_several(call.row) {
            told::all(call).iter().for_each(|told| self.count(call, told, callers));
        } else if let Some(told) = told::single(call) {
            self.count(call, &told, callers);
        }
    }

    // Twice it would be too long for what it calls to be a part of it.
    #[inline(never)]
    fn count(&mut self, call: &Call<'_, '_>, told: &Told<'_>, callers: &CallerNumbers) {
        let number = self.number(call, &told.bucket);
        let Some(counted) = self.limits.get_mut(number as usize) else { return };
        counted.add(call.time, told, self.intervals);
        counted.callers.add(call.caller_number);
        if counted.callers.others() > CALLERS_MAX {
            counted.tell_callers(callers);
        }
        if let Some(at) = call.time {
            let principal = self.principal(call);
            self.consumption.add(at, number, principal);
        }
    }

    fn principal(&mut self, call: &Call<'_, '_>) -> u32 {
        let mut number = || self.principals.number(role_key(call.caller));
        if call.caller_number == OTHER_NUMBER {
            return number();
        }
        let known = slot(&mut self.principal_of, call.caller_number);
        if *known == 0 {
            *known = number() + 1;
        }
        *known - 1
    }

    /// The number of the limit of a call's service.
    #[inline]
    fn number(&mut self, call: &Call<'_, '_>, bucket: &str) -> u32 {
        let latest = *slot(&mut self.latest, call.route_number);
        if latest.service == call.service
            && latest.limit != OTHER_NUMBER
            && let Some(counted) = self.limits.get(latest.limit as usize)
            && same(&counted.key.bucket, bucket)
        {
            return latest.limit;
        }
        let Forwarded { upstream, credential } = call.forwarded();
        let [upstream, credential] = [upstream, credential].map(|text| text.unwrap_or(UNTOLD));
        let limit = self.look_up(upstream, credential, bucket);
        if call.service != OTHER_NUMBER {
            let latest = LatestLimit { service: call.service, limit };
            *slot(&mut self.latest, call.route_number) = latest;
        }
        limit
    }

    /// The number of a limit, which is added if it is new and there are not too many.
    fn look_up(&mut self, upstream: &str, credential: &str, bucket: &str) -> u32 {
        let hash = self.hasher.hash_one((upstream, credential, bucket));
        let limits = &self.limits;
        let is = |&number: &u32| {
            let counted = limits.get(number as usize);
            counted.is_some_and(|counted| counted.key.is(upstream, credential, bucket))
        };
        match self.numbers.find(hash, is) {
            Some(&number) => number,
            None if self.limits.len() > LIMITS_MAX => OTHER_NUMBER,
            None if [upstream, credential, bucket].iter().any(|it| it.len() > TEXT_BYTES_MAX) => {
                OTHER_NUMBER
            }
            None => {
                let number = u32::try_from(self.limits.len()).unwrap_or_default();
                self.add_limit(Counted::of(LimitKey::new(upstream, credential, bucket)));
                let (hasher, limits) = (&self.hasher, &self.limits);
                let rehash = |&number: &u32| {
                    let key = limits.get(number as usize).map(|counted| &counted.key);
                    key.map_or(0, |key| {
                        hasher.hash_one((&*key.upstream, &*key.credential, &*key.bucket))
                    })
                };
                self.numbers.insert_unique(hash, number, rehash);
                number
            }
        }
    }

    /// Adds a limit; the others may have fewer intervals then.
    fn add_limit(&mut self, limit: Counted) {
        // The first is that of those which are too many.
        let intervals = intervals(self.limits.len());
        if self.intervals > intervals {
            self.intervals = intervals;
            self.limits.iter_mut().for_each(|limit| limit.used.keep_within(intervals));
        }
        self.limits.push(limit);
    }

    /// Everything counted, in words.
    pub(crate) fn finish(mut self, callers: &CallerNumbers) -> Limits {
        self.limits.iter_mut().for_each(|counted| counted.file(Run::default(), self.intervals));
        let keys: Vec<LimitKey> = self.limits.iter().map(|counted| counted.key.clone()).collect();
        let limit =
            |number: u32| keys.get(number as usize).cloned().unwrap_or_else(LimitKey::other);
        let principal = |number| Dimension::Role.value(self.principals.text(number)).into_owned();
        let consumption = self.consumption.finish(limit, principal);
        let numbers = self.limits.iter().flat_map(|counted| counted.callers.numbers());
        let names = CallerNames::of(numbers, callers);
        let used = self.limits.into_iter().filter(|counted| counted.used.requests > 0);
        let mut limits: Vec<_> = used.map(|counted| counted.finish(&names)).collect();
        limits.sort_by(|(one, _), (other, _)| one.cmp(other));
        let mut limits = Limits { limits, consumption };
        limits.keep_within();
        limits
    }
}

impl LimitKey {
    fn new(upstream: &str, credential: &str, bucket: &str) -> LimitKey {
        let [upstream, credential, bucket] = [upstream, credential, bucket].map(str::to_owned);
        LimitKey { upstream, credential, bucket }
    }

    /// All limits that are too many to be told apart.
    pub(crate) fn other() -> LimitKey {
        LimitKey::new(OTHER, OTHER, OTHER)
    }

    fn is(&self, upstream: &str, credential: &str, bucket: &str) -> bool {
        self.upstream == upstream && self.credential == credential && self.bucket == bucket
    }
}

/// One limit.
struct Counted {
    key: LimitKey,
    used: LimitUse,
    /// Answers that `used` does not have yet.
    run: Run,
    /// Requests of callers, likewise.
    callers: Counts,
    /// The minute that is being read, and what it holds so far.
    minute: (i64, Option<Level>),
    /// The window that is being read, likewise, by its end.
    window: (i64, Option<WindowUse>),
}

impl Counted {
    fn of(key: LimitKey) -> Counted {
        Counted {
            key,
            used: LimitUse::default(),
            run: Run::default(),
            callers: Counts::default(),
            minute: (0, None),
            window: (0, None),
        }
    }

    #[inline]
    fn add(&mut self, time: Option<i64>, told: &Told<'_>, intervals: usize) {
        if !self.run.add(time, told) {
            self.file(Run::of(time, told), intervals);
        }
    }

    /// Counts the run that ends, and begins another.
    fn file(&mut self, next: Run, intervals: usize) {
        let (run, used) = (std::mem::replace(&mut self.run, next), &mut self.used);
        used.requests += run.requests;
        used.primary += run.primary;
        used.secondary += run.secondary;
        used.untold += run.untold;
        used.limit = used.limit.max(run.limit());
        used.range = wider(used.range, run.range());
        used.lowest = lower(used.lowest, run.lowest());
        used.latest = later(used.latest, run.latest());
        used.window = used.window.max(run.window());
        used.reach = used.reach.max(run.reach());
        if let Some(window) = run.window_use() {
            add(&mut self.window, &mut used.windows, intervals, window);
        }
        if let Some(level) = run.level() {
            add(&mut self.minute, &mut used.series, intervals, level);
        }
    }

    fn finish(mut self, names: &CallerNames) -> (LimitKey, LimitUse) {
        if let (start, Some(level)) = self.minute {
            self.used.series.add(start, level);
        }
        if let (end, Some(window)) = self.window {
            self.used.windows.add(end, window);
        }
        let callers = names.tell(self.callers.drain()).at(self.used.detail);
        self.used.add_callers(callers);
        (self.key, self.used)
    }

    /// Counts callers by their names instead of their numbers, as finely as can be.
    #[cold]
    fn tell_callers(&mut self, callers: &CallerNumbers) {
        let counted = self.callers.drain().map(|(number, more)| (callers.text(number), more));
        self.used.add_callers(Callers::of(counted, self.used.detail));
    }
}

/// Sums up what comes at the same moment, and files it when another moment comes, in no more than so
/// many intervals.
#[inline]
fn add<T: Measure>(
    present: &mut (i64, Option<T>),
    series: &mut Series<T>,
    intervals: usize,
    (at, value): (i64, T),
) {
    match &mut present.1 {
        Some(sum) if present.0 == at => *sum = sum.with(value),
        _ => turn(present, series, intervals, (at, value)),
    }
}

#[cold]
fn turn<T: Measure>(
    present: &mut (i64, Option<T>),
    series: &mut Series<T>,
    intervals: usize,
    (at, value): (i64, T),
) {
    if let (of, Some(sum)) = std::mem::replace(present, (at, Some(value))) {
        series.add_within(intervals, of, sum);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::told::Refusal;

    /// When an answer came, and what it told: mostly like another.
    fn answer() -> impl Strategy<Value = (Option<i64>, Told<'static>)> {
        let time = prop::option::weighted(0.9, (0..6_i64).prop_map(|at| at * 15_000));
        let reset = prop::option::weighted(0.9, (1..3_i64).prop_map(|at| at * 60_000));
        let limit = prop::option::weighted(0.9, 5..7_u64);
        let left = prop::option::weighted(0.9, 0..8_u64);
        let window = prop::option::weighted(0.1, 60..62_u64);
        let refusal = prop::option::of(prop_oneof![
            Just(Refusal::Primary),
            Just(Refusal::Secondary),
            Just(Refusal::Untold),
        ]);
        (time, limit, left, reset, window, refusal).prop_map(
            |(time, limit, left, reset, window, refusal)| {
                (time, Told { bucket: "core".into(), limit, left, reset, window, refusal })
            },
        )
    }

    /// A limit that counted these answers, and filed each at once if `one_by_one`.
    fn counted(answers: &[(Option<i64>, Told<'_>)], one_by_one: bool) -> LimitUse {
        let mut counted = Counted::of(LimitKey::new("github", "token", "core"));
        for (time, told) in answers {
            counted.add(*time, told, 100);
            if one_by_one {
                counted.file(Run::default(), 100);
            }
        }
        counted.file(Run::default(), 100);
        counted.finish(&CallerNames::of([].into_iter(), &CallerNumbers::new())).1
    }

    proptest! {
        #[test]
        fn answers_are_counted_in_runs_as_they_are_one_by_one(
            answers in prop::collection::vec(answer(), 0..12),
        ) {
            let used = counted(&answers, false);
            prop_assert_eq!(&used, &counted(&answers, true));
            prop_assert_eq!(used.requests, answers.len() as u64);
            let left = answers.iter().filter_map(|(time, told)| {
                Some((told.left?, time.unwrap_or_default()))
            });
            prop_assert_eq!(used.lowest.map(|lowest| (lowest.left, lowest.at)), left.min());
            let reach = answers.iter().filter_map(|(time, told)| Some(told.reset? - (*time)?));
            prop_assert_eq!(used.reach, reach.max());
            let limits = answers.iter().filter_map(|(time, told)| {
                Some((time.unwrap_or_default(), told.limit?))
            });
            prop_assert_eq!(used.limit, limits.max());
            let limits = answers.iter().filter_map(|(_, told)| told.limit);
            prop_assert_eq!(used.range, limits.clone().min().zip(limits.max()));
        }
    }
}
