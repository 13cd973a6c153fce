//! What a cache would have saved, in the report.

use serde::Serialize;

use crate::cache::{Repeats, RouteRepeats, Saved, TTLS};

/// Of what the longest cache saves, the share that is worth a longer one.
const WORTH: f64 = 0.8;

/// What a cache in front of the upstreams would have saved.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CacheReport {
    /// GETs that were answered with 2xx.
    pub reads: u64,
    /// What caches would have answered of them, at least, by how long they answer.
    pub saved: Vec<SavedReport>,
    /// Routes of which a cache would have saved anything, those first of which it would have saved the
    /// most.
    pub routes: Vec<CacheRouteReport>,
}

/// What a cache would have saved of one route.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CacheRouteReport {
    /// `GET /pets/{id}`.
    pub route: String,
    /// GETs that were answered with 2xx.
    pub reads: u64,
    /// The shortest time that saves four fifths of what an hour does, seconds.
    pub advised_ttl_seconds: i64,
    /// What caches would have answered, at least, by how long they answer.
    pub saved: Vec<SavedReport>,
}

/// What a cache that answers for so long would have saved.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SavedReport {
    /// How long an answer is given again, seconds.
    pub ttl_seconds: i64,
    /// Calls answered by one cache for all who use the credential.
    pub shared: u64,
    /// The standard error of that; 0 where it was counted exactly.
    pub shared_error: u64,
    /// Calls answered if every role, or caller without one, has a cache of its own.
    pub own: u64,
    /// The standard error of that.
    pub own_error: u64,
}

impl CacheReport {
    pub(super) fn new(repeats: &Repeats) -> CacheReport {
        let all = repeats.routes();
        let saves = |route: &&RouteRepeats<'_>| most(route).calls > most(route).error;
        let mut routes: Vec<CacheRouteReport> =
            all.iter().filter(saves).map(CacheRouteReport::new).collect();
        let most_shared =
            |route: &CacheRouteReport| route.saved.iter().map(|saved| saved.shared).max();
        routes.sort_by_key(|route| std::cmp::Reverse(most_shared(route)));
        CacheReport {
            reads: all.iter().map(|route| route.reads).sum(),
            saved: in_all(&all),
            routes,
        }
    }
}

impl CacheRouteReport {
    fn new(route: &RouteRepeats<'_>) -> CacheRouteReport {
        let enough = most(route).calls as f64 * WORTH;
        let mut worth =
            TTLS.iter().zip(route.shared).filter(|(_, saved)| saved.calls as f64 >= enough);
        CacheRouteReport {
            route: route.route.to_owned(),
            reads: route.reads,
            advised_ttl_seconds: worth.next().map_or(0, |(ttl, _)| *ttl),
            saved: reports(route.shared, route.own),
        }
    }
}

/// What the longest cache for all saves.
fn most(route: &RouteRepeats<'_>) -> Saved {
    route.shared.last().copied().unwrap_or_default()
}

fn reports(shared: [Saved; TTLS.len()], own: [Saved; TTLS.len()]) -> Vec<SavedReport> {
    let of_ttl = |(&ttl_seconds, (shared, own)): (&i64, (Saved, Saved))| SavedReport {
        ttl_seconds,
        shared: shared.calls,
        shared_error: shared.error,
        own: own.calls,
        own_error: own.error,
    };
    TTLS.iter().zip(shared.into_iter().zip(own)).map(of_ttl).collect()
}

/// The routes together. Their errors are independent of each other.
fn in_all(routes: &[RouteRepeats<'_>]) -> Vec<SavedReport> {
    let sum = |of: fn(&RouteRepeats<'_>) -> [Saved; TTLS.len()]| {
        let mut sums = [Saved::default(); TTLS.len()];
        for (index, sum) in sums.iter_mut().enumerate() {
            let saved = || routes.iter().filter_map(|route| of(route).get(index).copied());
            let squares: u64 = saved().map(|saved| saved.error.saturating_mul(saved.error)).sum();
            let calls = saved().map(|saved| saved.calls).sum();
            *sum = Saved { calls, error: squares.isqrt() };
        }
        sums
    };
    reports(sum(|route| route.shared), sum(|route| route.own))
}
