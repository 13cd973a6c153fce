//! Rate limits: how near each credential came to its upstream's limits, and through whom.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use crate::call::Call;
use crate::dimension::UNTOLD;
use crate::intern::Interner;
use crate::rows::Row;
use crate::series::{Measure, Series};

/// The bucket of upstreams that name none.
const DEFAULT: &str = "default";

/// Resets remembered for each bucket; beyond, they are no longer told apart.
const RESETS_MAX: usize = 20_000;

/// All limits, by upstream, credential and bucket. Merges.
///
/// A limit belongs to the credential that was injected, not to the caller: callers share it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Limits(Vec<(LimitKey, LimitUse)>);

/// Which limit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LimitKey {
    /// The third party; `-` if the log does not tell.
    pub upstream: String,
    /// The alias of the credential; `-` if the log does not tell.
    pub credential: String,
    /// Which of the credential's buckets: `core`, `search`; `default` if the upstream has one.
    pub bucket: String,
}

/// How one limit was used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LimitUse {
    /// Answers that told of the limit, or that it was reached.
    pub requests: u64,
    /// The limit, as the last answer that told of it had it, and when that was.
    pub limit: Option<(i64, u64)>,
    /// The lowest number of requests left, and when.
    pub lowest: Option<(u64, i64)>,
    /// Refused because nothing was left: 429, or 403 with none remaining.
    pub primary: u64,
    /// Refused although requests were left: too many at once, or too fast.
    pub secondary: u64,
    /// Requests by caller.
    pub callers: BTreeMap<String, u64>,
    /// Moments at which the upstream said that it would fill the bucket again.
    pub resets: BTreeSet<i64>,
    /// Requests and the lowest number left, by time.
    pub series: Series<Level>,
}

/// Requests of an interval, and the lowest number left in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Level {
    /// Requests.
    pub requests: u64,
    /// The lowest number left; `None` if no answer told it.
    pub lowest: Option<u64>,
}

impl Measure for Level {
    fn with(self, other: Level) -> Level {
        let lowest = match (self.lowest, other.lowest) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        Level { requests: self.requests + other.requests, lowest }
    }
}

impl Limits {
    /// The limits, in order of upstream, credential and bucket.
    pub fn iter(&self) -> impl Iterator<Item = (&LimitKey, &LimitUse)> {
        self.0.iter().map(|(key, used)| (key, used))
    }

    /// Adds what another worker, file or machine counted.
    pub fn merge(&mut self, other: Limits) {
        let mut all: BTreeMap<LimitKey, LimitUse> =
            std::mem::take(&mut self.0).into_iter().collect();
        for (key, more) in other.0 {
            all.entry(key).or_default().merge(more);
        }
        self.0 = all.into_iter().collect();
    }
}

impl LimitUse {
    fn merge(&mut self, other: LimitUse) {
        self.requests += other.requests;
        self.limit = self.limit.max(other.limit);
        self.lowest = lower(self.lowest, other.lowest);
        self.primary += other.primary;
        self.secondary += other.secondary;
        for (caller, requests) in other.callers {
            *self.callers.entry(caller).or_default() += requests;
        }
        self.resets.extend(other.resets);
        while self.resets.len() > RESETS_MAX {
            self.resets.pop_last();
        }
        self.series.merge(&other.series);
    }
}

/// The smaller of two that may be missing.
fn lower<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// Why an answer was a refusal to serve more.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Throttle {
    Primary,
    Secondary,
}

impl Throttle {
    /// Reads an answer of the upstream: GitHub refuses with 403 as well as with 429, and says with
    /// what is left, or with `retry-after`, whether the limit itself was reached.
    fn of(row: Row<'_, '_>) -> Option<Throttle> {
        let status = row.integration_status().or_else(|| row.status());
        match (status?, row.rate_remaining(), row.retry_after()) {
            (429, None | Some(0), _) | (403, Some(0), _) => Some(Throttle::Primary),
            (429, Some(_), _) => Some(Throttle::Secondary),
            (403, _, Some(_)) => Some(Throttle::Secondary),
            _ => None,
        }
    }
}

/// The limits of one worker, while they are counted.
pub(crate) struct LimitTally {
    names: Interner,
    limits: HashMap<[u32; 3], Counted>,
}

#[derive(Default)]
struct Counted {
    used: LimitUse,
    callers: HashMap<u32, u64>,
    last_reset: Option<i64>,
    /// The interval that is being read, and what it holds so far.
    current: Option<(i64, Level)>,
}

const MINUTE: i64 = 60_000;
const NAMES_MAX: usize = 4_000;

impl LimitTally {
    pub(crate) fn new() -> LimitTally {
        LimitTally { names: Interner::new(NAMES_MAX), limits: HashMap::new() }
    }

    /// Counts a call whose answer tells of a limit; others are none of its business.
    #[inline]
    pub(crate) fn add(&mut self, call: &Call<'_, '_>) {
        let row = call.row;
        let (limit, remaining) = (row.rate_limit(), row.rate_remaining());
        let throttle = Throttle::of(row);
        if limit.is_none() && remaining.is_none() && throttle.is_none() {
            return;
        }
        let texts = [call.upstream.unwrap_or(UNTOLD), call.credential.unwrap_or(UNTOLD)];
        let [upstream, credential] = texts.map(|text| self.names.number(text));
        let bucket = self.names.number(row.rate_bucket().unwrap_or(DEFAULT));
        let counted = self.limits.entry([upstream, credential, bucket]).or_default();
        counted.add(row, throttle);
        *counted.callers.entry(call.caller_number).or_default() += 1;
    }

    pub(crate) fn finish(self, callers: &Interner) -> Limits {
        let names = &self.names;
        let mut limits = Limits::default();
        for ([upstream, credential, bucket], counted) in self.limits {
            let [upstream, credential, bucket] =
                [upstream, credential, bucket].map(|number| names.text(number).to_owned());
            let key = LimitKey { upstream, credential, bucket };
            limits.0.push((key, counted.finish(callers)));
        }
        limits.0.sort_by(|(one, _), (other, _)| one.cmp(other));
        limits
    }
}

impl Counted {
    fn add(&mut self, row: Row<'_, '_>, throttle: Option<Throttle>) {
        let (time, remaining, used) = (row.time(), row.rate_remaining(), &mut self.used);
        used.requests += 1;
        used.primary += u64::from(throttle == Some(Throttle::Primary));
        used.secondary += u64::from(throttle == Some(Throttle::Secondary));
        let at = time.unwrap_or_default();
        used.limit = used.limit.max(row.rate_limit().map(|limit| (at, limit)));
        used.lowest = lower(used.lowest, remaining.map(|remaining| (remaining, at)));
        if row.rate_reset() != self.last_reset {
            self.last_reset = row.rate_reset();
            if used.resets.len() < RESETS_MAX {
                used.resets.extend(self.last_reset);
            }
        }
        if let Some(time) = time {
            self.level_at(time, Level { requests: 1, lowest: remaining });
        }
    }

    fn level_at(&mut self, time: i64, level: Level) {
        let start = time - time.rem_euclid(MINUTE);
        self.current = match self.current.take() {
            Some((held, sum)) if held == start => Some((start, sum.with(level))),
            Some((held, sum)) => {
                self.used.series.add(held, sum);
                Some((start, level))
            }
            None => Some((start, level)),
        };
    }

    fn finish(mut self, callers: &Interner) -> LimitUse {
        if let Some((start, level)) = self.current {
            self.used.series.add(start, level);
        }
        for (number, requests) in self.callers {
            *self.used.callers.entry(callers.text(number).to_owned()).or_default() += requests;
        }
        self.used
    }
}
