//! A period in comparison with another.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::limits::{LimitKey, LimitUse, Limits};
use crate::previous::Period;
use crate::time::rfc3339;
use crate::usage::Usage;

/// The share of a period that logs must cover, so that it is told as if they covered all of it.
const COVERED: f64 = 0.99;

/// What is otherwise than in another period. Periods may differ in length: changes are of requests an
/// hour.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ComparisonReport {
    /// The other period.
    pub before: PeriodReport,
    /// This one.
    pub now: PeriodReport,
    /// All requests.
    pub requests: DifferenceReport,
    /// Of these, answered 401 or 403.
    pub refused: DifferenceReport,
    /// Answered 429.
    pub throttled: DifferenceReport,
    /// Answered 5xx.
    pub failed: DifferenceReport,
    /// By caller, those first whose requests an hour changed the most.
    pub callers: Vec<NamedDifference>,
    /// By route, likewise.
    pub routes: Vec<RouteDifference>,
    /// By status, in order.
    pub statuses: Vec<NamedDifference>,
    /// Rate limits, in order of their names.
    pub rate_limits: Vec<LimitDifference>,
}

/// A period.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PeriodReport {
    /// Where it begins, RFC 3339.
    pub from: Option<String>,
    /// Where it ends.
    pub until: Option<String>,
    /// How long it is, hours.
    pub hours: f64,
    /// How much of it lies between the first and the last request of the logs, hours.
    pub covered_hours: f64,
    /// The same, not rounded.
    #[serde(skip)]
    exactly: [f64; 2],
}

/// A count in both periods.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DifferenceReport {
    /// In the other period.
    pub before: u64,
    /// In this one.
    pub now: u64,
    /// What became of the number an hour: 0.5 is half as many again, -1 none; `None` if there were
    /// none before.
    pub change: Option<f64>,
}

/// A caller or a status in both periods.
#[derive(Clone, Debug, Serialize)]
pub struct NamedDifference {
    /// Its name.
    pub name: String,
    /// Its requests.
    #[serde(flatten)]
    pub requests: DifferenceReport,
}

/// A route in both periods.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RouteDifference {
    /// `GET /pets/{id}`.
    pub name: String,
    /// Its requests.
    #[serde(flatten)]
    pub requests: DifferenceReport,
    /// 95 in a hundred took at most this long before, milliseconds.
    pub p95_ms_before: Option<u64>,
    /// And now.
    pub p95_ms_now: Option<u64>,
}

/// A rate limit in both periods.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LimitDifference {
    /// Which.
    #[serde(flatten)]
    pub key: LimitKey,
    /// Answers that told of it.
    #[serde(flatten)]
    pub requests: DifferenceReport,
    /// The lowest number left before.
    pub lowest_before: Option<u64>,
    /// And now.
    pub lowest_now: Option<u64>,
    /// Refused by the upstream before.
    pub throttled_before: u64,
    /// And now.
    pub throttled_now: u64,
}

/// The lengths of both periods, which counts are compared by.
#[derive(Clone, Copy)]
struct Hours {
    before: f64,
    now: f64,
}

impl Hours {
    fn difference(self, before: u64, now: u64) -> DifferenceReport {
        let was = before as f64 / self.before;
        let change = (before > 0).then(|| (now as f64 / self.now - was) / was);
        let thousandth = |change: f64| (change * 1000.0).round() / 1000.0;
        DifferenceReport { before, now, change: change.map(thousandth) }
    }

    /// How much more or less an hour.
    fn moved(self, difference: DifferenceReport) -> f64 {
        (difference.now as f64 / self.now - difference.before as f64 / self.before).abs()
    }
}

impl ComparisonReport {
    pub(super) fn new(before: Period<'_>, now: Period<'_>) -> ComparisonReport {
        let hours = Hours { before: before.hours(), now: now.hours() };
        let (was, is) = (before.usage, now.usage);
        let of_statuses = |from: u16, to: u16| {
            let sum = |usage: &Usage| {
                usage.statuses.range(from..=to).map(|(_, requests)| requests).sum::<u64>()
            };
            hours.difference(sum(was), sum(is))
        };
        let refused = [of_statuses(401, 401), of_statuses(403, 403)];
        let [one, other] = refused;
        ComparisonReport {
            before: PeriodReport::new(before),
            now: PeriodReport::new(now),
            requests: hours.difference(was.requests, is.requests),
            refused: hours.difference(one.before + other.before, one.now + other.now),
            throttled: of_statuses(429, 429),
            failed: of_statuses(500, u16::MAX),
            callers: callers(was, is, hours),
            routes: routes(was, is, hours),
            statuses: statuses(was, is, hours),
            rate_limits: limits(before.limits, now.limits, hours),
        }
    }
}

impl ComparisonReport {
    /// Whether one period is longer than the other, so that requests an hour are what is compared.
    pub(crate) fn is_by_the_hour(&self) -> bool {
        let [before, now] = [&self.before, &self.now].map(|period| period.exactly);
        before.first() != now.first()
    }

    /// Which period the logs cover less of than there is: a sentence for each. Whether there were no
    /// requests or they are not in the logs, cannot be known.
    pub(crate) fn uncovered(&self) -> impl Iterator<Item = String> {
        let periods = [("before", &self.before), ("now", &self.now)];
        let lacking = periods.into_iter().filter(|(_, period)| !period.is_covered());
        lacking.map(|(which, PeriodReport { hours, covered_hours, .. })| {
            format!(
                "the logs' requests, from first to last, cover {covered_hours:.1} of the {hours:.1} \
                 hours {which}; the rest counts as without any"
            )
        })
    }

    /// Keeps at most `top` callers and routes.
    pub(super) fn truncate(&mut self, top: usize) {
        self.callers.truncate(top);
        self.routes.truncate(top);
    }
}

impl PeriodReport {
    fn new(period: Period<'_>) -> PeriodReport {
        let (from, until) = period.bounds().unzip();
        let exactly = [period.hours(), period.hours_covered()];
        let [hours, covered_hours] = exactly.map(|hours| (hours * 100.0).round() / 100.0);
        let (from, until) = (from.map(rfc3339), until.map(rfc3339));
        PeriodReport { from, until, hours, covered_hours, exactly }
    }

    /// Whether the logs cover it, but for so little that requests may be as far apart.
    fn is_covered(&self) -> bool {
        let [hours, covered] = self.exactly;
        covered >= hours * COVERED
    }
}

/// Keys of both, each once.
fn either<'a, K: Ord, V>(one: &'a BTreeMap<K, V>, other: &'a BTreeMap<K, V>) -> BTreeSet<&'a K> {
    one.keys().chain(other.keys()).collect()
}

fn callers(was: &Usage, is: &Usage, hours: Hours) -> Vec<NamedDifference> {
    let count =
        |usage: &Usage, name: &String| usage.callers.get(name).map_or(0, |c| c.answers.requests);
    let difference = |name: &String| NamedDifference {
        name: name.clone(),
        requests: hours.difference(count(was, name), count(is, name)),
    };
    let mut all: Vec<_> = either(&was.callers, &is.callers).into_iter().map(difference).collect();
    all.sort_by(|a, b| hours.moved(b.requests).total_cmp(&hours.moved(a.requests)));
    all
}

fn routes(was: &Usage, is: &Usage, hours: Hours) -> Vec<RouteDifference> {
    let count =
        |usage: &Usage, name: &String| usage.routes.get(name).map_or(0, |r| r.answers.requests);
    let p95 = |usage: &Usage, name: &String| {
        let [p95] = usage.routes.get(name)?.latency.percentiles([95.0]);
        p95
    };
    let difference = |name: &String| RouteDifference {
        name: name.clone(),
        requests: hours.difference(count(was, name), count(is, name)),
        p95_ms_before: p95(was, name),
        p95_ms_now: p95(is, name),
    };
    let mut all: Vec<_> = either(&was.routes, &is.routes).into_iter().map(difference).collect();
    all.sort_by(|a, b| hours.moved(b.requests).total_cmp(&hours.moved(a.requests)));
    all
}

fn statuses(was: &Usage, is: &Usage, hours: Hours) -> Vec<NamedDifference> {
    let count = |usage: &Usage, status: &u16| usage.statuses.get(status).copied().unwrap_or(0);
    let difference = |status: &u16| NamedDifference {
        name: status.to_string(),
        requests: hours.difference(count(was, status), count(is, status)),
    };
    either(&was.statuses, &is.statuses).into_iter().map(difference).collect()
}

fn limits(was: &Limits, is: &Limits, hours: Hours) -> Vec<LimitDifference> {
    type ByKey<'a> = BTreeMap<&'a LimitKey, &'a LimitUse>;
    let (was, is): (ByKey<'_>, ByKey<'_>) = (was.iter().collect(), is.iter().collect());
    let difference = |key: &&LimitKey| {
        let both = [was.get(key), is.get(key)];
        let [before, now] = both.map(|used| used.map_or(0, |used| used.requests));
        let [lowest_before, lowest_now] = both.map(|used| Some(used?.lowest?.left));
        let [throttled_before, throttled_now] =
            both.map(|used| used.map_or(0, |used| used.throttled()));
        LimitDifference {
            key: (*key).clone(),
            requests: hours.difference(before, now),
            lowest_before,
            lowest_now,
            throttled_before,
            throttled_now,
        }
    };
    either(&was, &is).into_iter().map(difference).collect()
}
