//! One reading at a time, shared by all who asked before it began.

use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use tokio::sync::Mutex;

use crate::source::SourceError;

/// The readings of one secret, in order.
#[derive(Default)]
pub(super) struct Flight {
    /// How many readings have begun.
    begun: AtomicU64,
    /// How the last one ended, and which it was. Locked while one is under way.
    last: Mutex<Option<Ended>>,
    /// Until when requests do not ask for a reading.
    rest: std::sync::Mutex<Option<Timestamp>>,
}

struct Ended {
    number: u64,
    outcome: Result<(), SourceError>,
}

impl Flight {
    /// Does the reading, unless another begins after this call, whose outcome is then this one's,
    /// or the one under way turns out to be enough.
    ///
    /// A reading that is already under way is not simply shared: it may have seen the value that
    /// made the caller ask.
    pub(super) async fn join<F>(
        &self,
        is_enough: impl FnOnce() -> bool,
        read: impl FnOnce() -> F,
    ) -> Result<(), SourceError>
    where
        F: Future<Output = Result<(), SourceError>>,
    {
        let begun = self.begun.load(Ordering::SeqCst);
        let mut last = self.last.lock().await;
        if let Some(ended) = last.as_ref().filter(|ended| ended.number > begun) {
            return ended.outcome.clone();
        }
        if is_enough() {
            return Ok(());
        }
        let number = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
        let outcome = read().await;
        *last = Some(Ended { number, outcome: outcome.clone() });
        outcome
    }

    /// Whether requests are not to ask for a reading now.
    pub(super) fn rests(&self, now: Timestamp) -> bool {
        self.rest.lock().is_ok_and(|rest| rest.is_some_and(|until| now < until))
    }

    /// From now until then, requests do not ask for a reading.
    pub(super) fn rest_until(&self, until: Timestamp) {
        if let Ok(mut rest) = self.rest.lock() {
            *rest = Some(until);
        }
    }
}
