//! The period before the one that is reported, to compare with.

use serde::{Deserialize, Serialize};

use crate::call::Call;
use crate::callers::CallerNumbers;
use crate::gather::{Gathered, Window};
use crate::intern::Interner;
use crate::limits::{LimitTally, Limits};
use crate::time::Span;
use crate::usage::{Usage, UsageTally};

/// What was used in the period before, which is as long. Merges.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Previous {
    /// Where this period begins, which is where the other ended, and where it ends; UTC milliseconds.
    pub now: (i64, i64),
    /// Where the other begins.
    pub since: i64,
    /// Its usage.
    pub usage: Usage,
    /// Its rate limits.
    pub limits: Limits,
}

impl Previous {
    /// Adds what another worker, file or machine counted.
    pub fn merge(&mut self, other: Previous) {
        self.now = (self.now.0.min(other.now.0), self.now.1.max(other.now.1));
        self.since = self.since.min(other.since);
        self.usage.merge(other.usage);
        self.limits.merge(other.limits);
    }
}

/// A period as it is compared.
#[derive(Clone, Copy)]
pub(crate) struct Period<'a> {
    bounds: Option<(i64, i64)>,
    /// From the first row of the logs to the last, whether they count or not.
    read: Span,
    pub(crate) usage: &'a Usage,
    pub(crate) limits: &'a Limits,
}

impl<'a> Period<'a> {
    /// What was asked for, and where that has no bound, from the first request or to the last.
    pub(crate) fn of(gathered: &'a Gathered, asked: Window) -> Period<'a> {
        let (usage, limits) = (&gathered.usage, &gathered.limits);
        let (from, until) = (asked.since.or(usage.span.first()), asked.until.or(usage.span.last()));
        let mut read = usage.span;
        read.merge(gathered.left_out_span);
        Period {
            bounds: from.zip(until).filter(|(from, until)| from <= until),
            read,
            usage,
            limits,
        }
    }

    /// What was gathered of a window and of the one before: that before comes first.
    pub(crate) fn both(gathered: &'a Gathered) -> Option<[Period<'a>; 2]> {
        let previous = gathered.previous.as_ref()?;
        let now = Window { since: Some(previous.now.0), until: Some(previous.now.1) };
        let now = Period::of(gathered, now);
        let before = Period {
            bounds: Some((previous.since, previous.now.0)),
            usage: &previous.usage,
            limits: &previous.limits,
            ..now
        };
        Some([before, now])
    }

    /// Where it begins and ends, UTC milliseconds.
    pub(crate) fn bounds(self) -> Option<(i64, i64)> {
        self.bounds
    }

    /// What is of another, too, unless both are the same: then it is no matter of time what is compared.
    pub(crate) fn overlap(self, other: Period<'_>) -> Option<(i64, i64)> {
        let ((from, until), (since, end)) =
            self.bounds.zip(other.bounds).filter(|(own, others)| own != others)?;
        Some((from.max(since), until.min(end))).filter(|(from, until)| from < until)
    }

    /// How long it is, at least a second.
    pub(crate) fn hours(self) -> f64 {
        hours(self.bounds.map_or(0, |(from, until)| until - from))
    }

    /// How much of it the logs cover, likewise.
    pub(crate) fn hours_covered(self) -> f64 {
        let read = self.read.first().zip(self.read.last());
        let both = self.bounds.zip(read);
        hours(both.map_or(0, |((from, until), (first, last))| until.min(last) - from.max(first)))
    }
}

fn hours(ms: i64) -> f64 {
    ms.max(1000) as f64 / 3_600_000.0
}

/// The period before, while one worker counts it.
pub(crate) struct PreviousTally {
    now: (i64, i64),
    since: i64,
    usage: UsageTally,
    limits: LimitTally,
}

impl PreviousTally {
    /// For a window that has both bounds.
    pub(crate) fn before(window: Window) -> Option<PreviousTally> {
        let now @ (since, until) = window.since.zip(window.until)?;
        let usage = UsageTally::default();
        Some(PreviousTally {
            now,
            since: since - (until - since),
            usage,
            limits: LimitTally::new(),
        })
    }

    /// Whether a row is of that period.
    pub(crate) fn contains(&self, time: Option<i64>) -> bool {
        time.is_some_and(|time| (self.since..self.now.0).contains(&time))
    }

    pub(crate) fn add(&mut self, calls: &[Call<'_, '_>], callers: &CallerNumbers) {
        self.usage.add(calls);
        calls.iter().for_each(|call| self.limits.add(call, callers));
    }

    /// Everything counted, in words.
    pub(crate) fn finish(self, callers: &CallerNumbers, routes: &Interner) -> Previous {
        let PreviousTally { now, since, usage, limits } = self;
        let (usage, limits) = (usage.finish(callers, routes), limits.finish(callers));
        Previous { now, since, usage, limits }
    }
}
