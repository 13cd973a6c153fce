//! Answers that come one after the other, and tell of a limit alike but for what is left of it.
//!
//! Most answers are like the one before: what a limit's use has of them is worked out once for all.

use std::cmp::Reverse;

use super::{Latest, Level, Lowest, WindowUse, lower};
use crate::time::{Span, minute};
use crate::told::{Refusal, Told};

/// A run of such answers.
#[derive(Default)]
pub(super) struct Run {
    alike: Alike,
    pub(super) requests: u64,
    /// Of these, refused because nothing was left.
    pub(super) primary: u64,
    /// Refused although something was.
    pub(super) secondary: u64,
    /// Refused without a word of what was left.
    pub(super) untold: u64,
    span: Span,
    /// The least that was left, and when.
    lowest: Option<(u64, i64)>,
    /// When something was left last, and how little.
    latest: Option<(i64, Reverse<u64>)>,
}

/// What all answers of a run tell.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Alike {
    /// The minute in which they came.
    minute: Option<i64>,
    limit: Option<u64>,
    reset: Option<i64>,
    window: Option<u64>,
}

impl Run {
    /// Counts an answer that is like the others; whether it is.
    #[inline]
    pub(super) fn add(&mut self, time: Option<i64>, told: &Told<'_>) -> bool {
        let alike = self.alike.of(time, told);
        let is_alike = alike == self.alike;
        if is_alike {
            self.count(time, told);
        }
        is_alike
    }

    /// A run that begins with an answer.
    pub(super) fn of(time: Option<i64>, told: &Told<'_>) -> Run {
        let mut run = Run { alike: Alike::default().of(time, told), ..Run::default() };
        run.count(time, told);
        run
    }

    #[inline]
    fn count(&mut self, time: Option<i64>, told: &Told<'_>) {
        self.requests += 1;
        if let Some(refusal) = told.refusal {
            self.primary += u64::from(refusal == Refusal::Primary);
            self.secondary += u64::from(refusal == Refusal::Secondary);
            self.untold += u64::from(refusal == Refusal::Untold);
        }
        self.span.merge(Span::at(time));
        if let Some(left) = told.left {
            self.lowest = lower(self.lowest, Some((left, time.unwrap_or_default())));
            self.latest = self.latest.max(time.map(|at| (at, Reverse(left))));
        }
    }

    /// The limit, and when it was told last.
    pub(super) fn limit(&self) -> Option<(i64, u64)> {
        Some((self.span.last().unwrap_or_default(), self.alike.limit?))
    }

    /// The limit as the least and the most.
    pub(super) fn range(&self) -> Option<(u64, u64)> {
        self.alike.limit.map(|limit| (limit, limit))
    }

    /// The least that was left.
    pub(super) fn lowest(&self) -> Option<Lowest> {
        let (left, at) = self.lowest?;
        Some(Lowest { left, at, of: self.alike.limit })
    }

    /// What the last answer told.
    pub(super) fn latest(&self) -> Option<Latest> {
        let (at, Reverse(left)) = self.latest?;
        Some(Latest { at, left, reset: self.alike.reset })
    }

    /// How long the window is, seconds.
    pub(super) fn window(&self) -> Option<u64> {
        self.alike.window
    }

    /// The longest time from an answer to the end of the window.
    pub(super) fn reach(&self) -> Option<i64> {
        Some(self.alike.reset?.saturating_sub(self.span.first()?))
    }

    /// The window by its end.
    pub(super) fn window_use(&self) -> Option<(i64, WindowUse)> {
        let lowest = self.lowest.map(|(left, _)| left);
        let limit = self.alike.limit;
        let used = limit.zip(lowest).map(|(limit, left)| limit.saturating_sub(left));
        let used = used.unwrap_or_default();
        let (requests, refused) = (self.requests, self.primary);
        Some((self.alike.reset?, WindowUse { requests, refused, used, lowest, limit }))
    }

    /// The minute by its start.
    pub(super) fn level(&self) -> Option<(i64, Level)> {
        let lowest = self.lowest.map(|(left, _)| left);
        Some((self.alike.minute?, Level { requests: self.requests, lowest }))
    }
}

impl Alike {
    /// What an answer tells; its minute is likely to be the present one's.
    #[inline]
    fn of(self, time: Option<i64>, told: &Told<'_>) -> Alike {
        let minute = time.map(|time| minute(time, self.minute.unwrap_or_default()));
        Alike { minute, limit: told.limit, reset: told.reset, window: told.window }
    }
}
