//! Repeated identical reads, and what a cache in front of them would have saved.
//!
//! A GET that was answered with 2xx is identical to another if API, stage, path, route and credential
//! are: what the upstream answers depends on its credential, not on who called. A cache that answers for `n`
//! seconds is approximated by windows of `n` seconds that begin at multiples of `n`: the first
//! identical call of each asks the upstream, the others are saved. A real cache saves at least as
//! much, because its own periods, which begin where they are needed, are the fewest that cover all
//! calls. So what is counted are distinct pairs of call and window, with [`Distinct`], for a cache that
//! all callers share and for one that each principal has of its own.

use std::hash::{BuildHasher, Hasher};

use foldhash::fast::FixedState;
use serde::{Deserialize, Serialize};

use crate::bounded;
use crate::call::{Call, Forwarded};
use crate::calls::ROUTES_MAX;
use crate::dimension::{UNTOLD, role_key};
use crate::distinct::{Distinct, Sample};
use crate::intern::{Interner, OTHER, OTHER_NUMBER, slot};
use crate::names::{Names, at};

/// How long a cache may answer, seconds: from almost not to the most that the gateway allows. Each
/// divides the next.
pub const TTLS: [i64; 4] = [10, 60, 300, 3600];

/// Reads that a cache could have answered. Merges.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repeats {
    routes: Vec<String>,
    /// By route.
    reads: Vec<u64>,
    /// For each of [`TTLS`], one cache for all.
    shared: [Sample; TTLS.len()],
    /// The same with one for each principal.
    own: [Sample; TTLS.len()],
}

/// The reads of one route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteRepeats<'a> {
    /// `GET /pets/{id}`.
    pub route: &'a str,
    /// GETs that were answered with 2xx.
    pub reads: u64,
    /// For each of [`TTLS`]: calls that one cache for all would have answered, at least.
    pub shared: [Saved; TTLS.len()],
    /// The same of a cache for each principal.
    pub own: [Saved; TTLS.len()],
}

/// A number of calls that a cache would have answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Saved {
    /// How many.
    pub calls: u64,
    /// The standard error; 0 where it was counted exactly.
    pub error: u64,
}

impl Repeats {
    /// The routes that were read, in order of their names.
    pub fn routes(&self) -> Vec<RouteRepeats<'_>> {
        let saved = |samples: &[Sample; TTLS.len()]| samples.each_ref().map(|s| self.saved(s));
        let (shared, own) = (saved(&self.shared), saved(&self.own));
        let of_route = |saved: &[Vec<Saved>; TTLS.len()], route: usize| {
            saved.each_ref().map(|saved| saved.get(route).copied().unwrap_or_default())
        };
        let routes = self.routes.iter().zip(&self.reads).enumerate();
        let routes = routes.map(|(number, (route, &reads))| {
            let shared = growing(of_route(&shared, number));
            let mut own = growing(of_route(&own, number));
            for (own, shared) in own.iter_mut().zip(shared) {
                own.calls = own.calls.min(shared.calls);
            }
            RouteRepeats { route, reads, shared, own }
        });
        routes.collect()
    }

    /// What was saved of each route: all reads but the first of each window.
    fn saved(&self, sample: &Sample) -> Vec<Saved> {
        let mut kept = vec![0; self.routes.len()];
        sample.numbers().for_each(|route| *slot(&mut kept, route) += 1);
        let of_route = |(&reads, kept): (&u64, u64)| {
            let (distinct, error) = sample.estimate(kept);
            Saved { calls: reads.saturating_sub(distinct), error }
        };
        self.reads.iter().zip(kept).map(of_route).collect()
    }

    /// Adds what another worker, file or machine counted.
    pub fn merge(&mut self, other: Repeats) {
        if self.routes.is_empty() {
            *self = other;
            return;
        }
        let mut together = Together::default();
        together.add(std::mem::take(self));
        together.add(other);
        *self = together.finish();
        self.fold_routes();
    }

    /// Counts the routes that are too many as one.
    fn fold_routes(&mut self) {
        let (other, reads) = (OTHER.to_owned(), self.reads.iter().copied());
        let own = self.routes.iter().zip(reads).filter(|(route, _)| **route != other);
        let folded = bounded::beyond(own, ROUTES_MAX);
        if !folded.is_empty() {
            let mut all = std::mem::take(self);
            for route in all.routes.iter_mut().filter(|route| folded.contains(*route)) {
                route.clone_from(&other);
            }
            let mut together = Together::default();
            together.add(all);
            *self = together.finish();
        }
    }
}

/// The longer a cache answers, the more it saves: an estimate that says otherwise is brought down to that
/// of the longer time, of which there are fewer windows and so a larger sample.
fn growing(mut saved: [Saved; TTLS.len()]) -> [Saved; TTLS.len()] {
    let mut most = u64::MAX;
    for each in saved.iter_mut().rev() {
        most = most.min(each.calls);
        each.calls = most;
    }
    saved
}

/// Repeats of several workers, while they are put together.
#[derive(Default)]
struct Together {
    routes: Names<String>,
    reads: Vec<u64>,
    samples: [Sample; 2 * TTLS.len()],
}

impl Together {
    fn add(&mut self, other: Repeats) {
        let routes: Vec<u32> =
            other.routes.into_iter().map(|route| self.routes.number(route)).collect();
        for (&route, reads) in routes.iter().zip(other.reads) {
            *slot(&mut self.reads, route) += reads;
        }
        for (held, more) in self.samples.iter_mut().zip(other.shared.into_iter().chain(other.own)) {
            *held = std::mem::take(held).merge(more.renumbered(|route| at(&routes, route)));
        }
    }

    fn finish(self) -> Repeats {
        let used = (0..).zip(&self.reads).filter(|(_, reads)| **reads > 0);
        let (routes, places) = self.routes.in_order(used.map(|(number, _)| number));
        let mut reads = vec![0; routes.len()];
        for (number, counted) in (0..).zip(self.reads).filter(|(_, reads)| *reads > 0) {
            *slot(&mut reads, at(&places, number)) += counted;
        }
        let [a, b, c, d, e, f, g, h] =
            self.samples.map(|sample| sample.renumbered(|of| at(&places, of)));
        Repeats { routes, reads, shared: [a, b, c, d], own: [e, f, g, h] }
    }
}

/// What makes two reads identical, hashed: the same in every run, so that runs can be merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity(u64);

const HASHES: FixedState = FixedState::with_seed(0);

impl Identity {
    /// Of a text.
    #[inline]
    pub(crate) fn of(text: &str) -> Identity {
        let mut hasher = HASHES.build_hasher();
        hasher.write(text.as_bytes());
        Identity(hasher.finish())
    }

    /// As a number.
    pub(crate) fn number(self) -> u64 {
        self.0
    }

    /// Of both together; the order matters.
    #[inline]
    pub(crate) fn and(self, other: Identity) -> Identity {
        Identity(mixed(self.0, other.0))
    }
}

/// Both numbers in one, all bits of which depend on all of both: the halves of a long product.
#[inline]
fn mixed(one: u64, other: u64) -> u64 {
    folded(left(one), right(other))
}

/// What a number is as the first factor of [`mixed`].
#[inline]
fn left(number: u64) -> u64 {
    number ^ 0x9e37_79b9_7f4a_7c15
}

/// And as the second.
#[inline]
fn right(number: u64) -> u64 {
    number.rotate_left(32) ^ 0xd6e8_feb8_6659_fd93
}

#[inline]
fn folded(left: u64, right: u64) -> u64 {
    let product = u128::from(left) * u128::from(right);
    (product as u64) ^ ((product >> 64) as u64)
}

/// The reads of one worker, while they are counted.
#[derive(Default)]
pub(crate) struct RepeatsTally {
    reads: Vec<u64>,
    samples: [Distinct; 2 * TTLS.len()],
    /// The present window of the shortest kind, in milliseconds, and the numbers of the windows as
    /// factors.
    present: (i64, i64),
    windows: [u64; TTLS.len()],
    /// By the numbers of routes and callers, once they are known.
    known_routes: Vec<Option<Identity>>,
    known_callers: Vec<Option<Identity>>,
    /// Of the third party and of the credential, by the number of both.
    known_services: Vec<Option<[Identity; 2]>>,
    /// Of the API and the stage, by the number of both.
    known_places: Vec<Option<Identity>>,
}

impl RepeatsTally {
    /// Of a worker that joins this one's and knows what it knows: nothing counted yet.
    pub(crate) fn joining(&self) -> RepeatsTally {
        RepeatsTally {
            reads: Vec::new(),
            samples: self.samples.each_ref().map(Distinct::like),
            present: self.present,
            windows: self.windows,
            known_routes: self.known_routes.clone(),
            known_callers: self.known_callers.clone(),
            known_services: self.known_services.clone(),
            known_places: self.known_places.clone(),
        }
    }

    /// Counts a call if it is a read that could be answered from a cache.
    #[inline]
    pub(crate) fn add_call(&mut self, call: &Call<'_, '_>) {
        let answered = matches!(call.status, Some(200..300));
        let (Some(at), Some(path)) = (call.time, call.path) else { return };
        if !answered || call.method != "GET" {
            return;
        }
        let route = known(&mut self.known_routes, call.route_number, || Identity::of(call.route));
        let role = || Identity::of(role_key(call.caller));
        let caller = known(&mut self.known_callers, call.caller_number, role);
        let [upstream, credential] = self.service(call);
        let place = self.place(call);
        let what = Identity::of(path).and(route).and(upstream).and(credential).and(place);
        self.add(at, call.route_number, what, caller);
    }

    #[inline]
    fn service(&mut self, call: &Call<'_, '_>) -> [Identity; 2] {
        let of = || {
            let Forwarded { upstream, credential } = call.forwarded();
            [upstream, credential].map(|text| Identity::of(text.unwrap_or(UNTOLD)))
        };
        known(&mut self.known_services, call.service, of)
    }

    #[inline]
    fn place(&mut self, call: &Call<'_, '_>) -> Identity {
        let of = || {
            let [api, stage] = [call.row.api_id(), call.row.stage()]
                .map(|text| Identity::of(text.unwrap_or(UNTOLD)));
            api.and(stage)
        };
        match call.target.place {
            Some(number) => *slot(&mut self.known_places, number.into()).get_or_insert_with(of),
            None => of(),
        }
    }

    /// Counts a read of a route at a moment, UTC milliseconds. `what` is what was read, `by` who.
    #[inline]
    fn add(&mut self, at: i64, route: u32, what: Identity, by: Identity) {
        if at < self.present.0 || at >= self.present.1 {
            self.turn(at);
        }
        *slot(&mut self.reads, route) += 1;
        let (shared, own) = (left(what.0), left(what.and(by).0));
        let [a, b, c, d, e, f, g, h] = &mut self.samples;
        for (window, (shared_by_all, of_its_own)) in
            self.windows.iter().zip([(a, e), (b, f), (c, g), (d, h)])
        {
            shared_by_all.add(folded(shared, *window), route);
            of_its_own.add(folded(own, *window), route);
        }
    }

    fn turn(&mut self, at: i64) {
        let [shortest, ..] = TTLS.map(|ttl| ttl * 1000);
        let start = at - at.rem_euclid(shortest);
        self.present = (start, start + shortest);
        self.windows = TTLS.map(|ttl| right(at.div_euclid(ttl * 1000).cast_unsigned()));
    }

    /// What was counted, in words.
    pub(crate) fn finish(self, names: &Interner) -> Repeats {
        // Every route has a space in it, so none is another's name, and numbers stay as they are.
        let mut routes = Names::default();
        for number in 0..self.reads.len() as u32 {
            routes.number(names.text(number).to_owned());
        }
        let samples = self.samples.map(Distinct::sample);
        Together { routes, reads: self.reads, samples }.finish()
    }
}

/// What is known of all that has a number. What has none of its own, `(other)`, is not one thing.
#[inline]
fn known<T: Copy>(known: &mut Vec<Option<T>>, number: u32, of: impl Fn() -> T) -> T {
    match number {
        OTHER_NUMBER => of(),
        number => *slot(known, number).get_or_insert_with(of),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use proptest::prelude::*;

    use super::*;

    /// A read: millisecond, path, caller.
    type Read = (i64, u8, u8);

    fn route_of(path: u8) -> u32 {
        u32::from(path % 3)
    }

    fn repeats(reads: &[Read]) -> Repeats {
        let (mut tally, mut routes) = (RepeatsTally::default(), Interner::new(100));
        for &(at, path, caller) in reads {
            let route = routes.number(&format!("GET /{}", route_of(path)));
            let what = Identity::of(&format!("/{path}"));
            tally.add(at, route, what, Identity::of(&caller.to_string()));
        }
        tally.finish(&routes)
    }

    /// Windows counted the simple way.
    fn in_windows(reads: &[Read], route: u32, ttl: i64, own: bool) -> u64 {
        let of_route = reads.iter().filter(|(_, path, _)| route_of(*path) == route);
        let windows: HashSet<_> = of_route
            .clone()
            .map(|&(at, path, caller)| (path, own.then_some(caller), at.div_euclid(ttl * 1000)))
            .collect();
        of_route.count() as u64 - windows.len() as u64
    }

    /// A cache as it is: an answer is kept for so long from when it was fetched.
    fn in_a_cache(reads: &[Read], route: u32, ttl: i64) -> u64 {
        let mut in_order = reads.to_vec();
        in_order.sort_unstable();
        let (mut fetched, mut saved) = (HashMap::new(), 0);
        for (at, path, _) in in_order.into_iter().filter(|(_, path, _)| route_of(*path) == route) {
            match fetched.get(&path) {
                Some(&when) if at < when + ttl * 1000 => saved += 1,
                _ => drop(fetched.insert(path, at)),
            }
        }
        saved
    }

    /// Both hashes are kept in files, so they must not change without the version of those.
    #[test]
    fn identities_are_the_same_in_every_version() {
        let what = Identity::of("/repos/PokaInc/test-github-api/issues");
        assert_eq!(format!("{:016x}", what.0), "4eceb1929762ca13");
        assert_eq!(format!("{:016x}", what.and(Identity::of("token")).0), "e2f8391d606a2985");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn what_is_saved_is_counted_by_windows_and_a_real_cache_saves_more(
            reads in prop::collection::vec((0..20_000_000_i64, 0..7_u8, 0..3_u8), 0..900),
        ) {
            let repeats = repeats(&reads);
            for of_route in repeats.routes() {
                let route: u32 = of_route.route.trim_start_matches("GET /").parse().unwrap();
                for (index, ttl) in TTLS.into_iter().enumerate() {
                    let (shared, own) = (of_route.shared[index], of_route.own[index]);
                    prop_assert_eq!(shared.calls, in_windows(&reads, route, ttl, false));
                    prop_assert_eq!(own.calls, in_windows(&reads, route, ttl, true));
                    prop_assert_eq!((shared.error, own.error), (0, 0));
                    prop_assert!(in_a_cache(&reads, route, ttl) >= shared.calls);
                }
            }
        }

        #[test]
        fn merging_is_counting_together(
            left in prop::collection::vec((0..20_000_000_i64, 0..7_u8, 0..3_u8), 0..300),
            right in prop::collection::vec((0..20_000_000_i64, 0..7_u8, 0..3_u8), 0..300),
        ) {
            let mut merged = repeats(&left);
            merged.merge(repeats(&right));
            prop_assert_eq!(merged, repeats(&[left, right].concat()));
        }
    }

    /// Twice as much as is kept, of routes that few of the reads are of.
    #[test]
    fn a_longer_time_never_saves_less() {
        let reads: Vec<Read> = (0..300_000)
            .map(|at| {
                (at * 1000, if at % 97 == 0 { 1 + (at % 2) as u8 } else { 0 }, (at % 3) as u8)
            })
            .collect();
        let repeats = repeats(&reads);
        let routes = repeats.routes();
        assert!(routes.iter().any(|route| route.shared.iter().any(|saved| saved.error > 0)));
        for RouteRepeats { shared, own, .. } in routes {
            assert!(shared.is_sorted_by_key(|saved| saved.calls), "{shared:?}");
            assert!(own.is_sorted_by_key(|saved| saved.calls), "{own:?}");
            for (own, shared) in own.iter().zip(shared) {
                assert!(own.calls <= shared.calls, "{own:?} of {shared:?}");
            }
        }
    }

    #[test]
    fn estimates_are_brought_down_to_what_a_longer_time_saves() {
        let of = |calls: [u64; TTLS.len()]| calls.map(|calls| Saved { calls, error: 29 });
        assert_eq!(growing(of([0, 58, 42, 70])), of([0, 42, 42, 70]));
        assert_eq!(growing(of([1, 2, 2, 3])), of([1, 2, 2, 3]));
    }

    #[test]
    fn beyond_what_is_kept_the_error_is_stated_and_true() {
        let reads: Vec<Read> = (0..300_000).map(|at| (at * 1000, (at % 7) as u8, 0)).collect();
        for of_route in repeats(&reads).routes() {
            let route: u32 = of_route.route.trim_start_matches("GET /").parse().unwrap();
            for (index, ttl) in TTLS.into_iter().enumerate() {
                let Saved { calls, error } = of_route.shared[index];
                let exact = in_windows(&reads, route, ttl, false);
                assert!(calls.abs_diff(exact) <= 3 * error, "{calls} ± {error} for {exact}");
            }
        }
    }
}
