//! One credential's secret, at hand for every request.
//!
//! A request takes the current value without waiting. Meanwhile it is read again before it grows
//! old; when the source fails, the last good value serves until it is too old to be trusted, and
//! then no value does. When an upstream refuses the value that a request carried, it is read again
//! at once, by one reader for all requests that were refused together.
//!
//! Time is told by a [`Clock`]; waiting is tokio's, so that tests wait for nothing.

mod flight;
mod rules;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use jiff::{SignedDuration, Timestamp};
use tokio::task::JoinHandle;
pub use tollgate_outbound::Clock;

use self::flight::Flight;
pub use self::rules::Rules;
use crate::secret::Secret;
use crate::source::{Reading, Source, SourceError, Version};

/// Is told what happens to the credential with this alias.
pub type Observer = Arc<dyn Fn(&str, &Event<'_>) + Send + Sync>;

/// What happens to a kept secret, without its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// It was read.
    Refreshed {
        /// What the source calls this version.
        version: &'a Version,
        /// Whether the value is another one than before.
        changed: bool,
    },
    /// It could not be read.
    Failed {
        /// Why not.
        error: &'a SourceError,
        /// When it will be tried again, unless a request asks for it before.
        again_at: Timestamp,
    },
    /// From now on, a value serves that ought to have been read again.
    Stale {
        /// Until when, unless the source comes back.
        usable_until: Timestamp,
    },
    /// From now on, no value serves.
    Closed,
}

/// Keeps one credential's secret fresh.
pub struct Keeper {
    alias: String,
    source: Box<dyn Source>,
    rules: Rules,
    clock: Clock,
    observer: Observer,
    kept: ArcSwapOption<Kept>,
    flight: Flight,
    plan: Mutex<Plan>,
}

/// What the task that keeps a secret fresh has to do next.
#[derive(Clone, Copy)]
struct Plan {
    read_at: Timestamp,
    failures: u32,
    is_closed: bool,
}

/// A secret as it is kept: the current value, and the one before while it may still be under way.
#[derive(Clone, Debug)]
pub struct Kept {
    reading: Reading,
    previous: Option<Replaced>,
    read_at: Timestamp,
    usable_until: Timestamp,
}

#[derive(Clone, Debug)]
struct Replaced {
    secret: Secret,
    forgotten_at: Timestamp,
}

/// No value may be used: it was never read, or has not been for too long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// The credential.
    pub alias: String,
    /// When the last value ceased to be usable; `None` if there never was one.
    pub since: Option<Timestamp>,
}

/// How a kept secret is doing, for metrics and a readiness check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The current version, as the source calls it.
    pub version: Version,
    /// When it was read.
    pub read_at: Timestamp,
    /// Until when it serves if it cannot be read again.
    pub usable_until: Timestamp,
}

/// The task that keeps a secret fresh, for as long as this is held.
#[must_use = "the secret is kept fresh for as long as this is held"]
pub struct Tending(JoinHandle<()>);

impl Kept {
    /// The secret to use.
    pub fn secret(&self) -> &Secret {
        &self.reading.secret
    }

    /// Which version of it this is.
    pub fn version(&self) -> &Version {
        &self.reading.version
    }

    /// The secret that this one replaced, while answers to requests that carried it may still
    /// arrive: what is kept out of an answer must include it.
    pub fn previous(&self, now: Timestamp) -> Option<&Secret> {
        self.previous.as_ref().filter(|old| now < old.forgotten_at).map(|old| &old.secret)
    }
}

impl Keeper {
    /// A keeper that has read nothing yet, and gives out nothing.
    pub fn new(
        alias: impl Into<String>,
        source: Box<dyn Source>,
        rules: Rules,
        clock: Clock,
        observer: Observer,
    ) -> Arc<Keeper> {
        let plan = Plan { read_at: clock(), failures: 0, is_closed: true };
        Arc::new(Keeper {
            alias: alias.into(),
            source,
            rules,
            clock,
            observer,
            kept: ArcSwapOption::empty(),
            flight: Flight::default(),
            plan: Mutex::new(plan),
        })
    }

    /// The name by which routes refer to the credential.
    pub fn alias(&self) -> &str {
        &self.alias
    }

    /// The secret to use now. Never waits.
    ///
    /// # Errors
    /// There is no value that may be used: the request must fail.
    pub fn current(&self, now: Timestamp) -> Result<Arc<Kept>, Closed> {
        let kept = self.kept.load_full();
        match kept {
            Some(kept) if now < kept.usable_until => Ok(kept),
            other => Err(Closed {
                alias: self.alias.clone(),
                since: other.map(|kept| kept.usable_until),
            }),
        }
    }

    /// Reads the secret, or waits for whoever is about to.
    ///
    /// # Errors
    /// The source does not give it. The value read last, if any, stays in use until it is too old.
    pub async fn refresh(&self) -> Result<(), SourceError> {
        self.flight.join(|| false, || self.read()).await
    }

    /// Another secret than the one that was refused, read afresh if need be: what to retry a
    /// request with that the upstream answered with 401. `None` if the source has no other.
    ///
    /// However many requests are refused at the same time, the source is read once; and when it has
    /// had nothing new, it is left alone for [`Rules::rest`].
    pub async fn refresh_now(&self, refused: &Secret) -> Option<Arc<Kept>> {
        if let Some(replaced) = self.other_than(refused) {
            return Some(replaced);
        }
        if self.flight.rests((self.clock)()) {
            return None;
        }
        let is_enough = || self.other_than(refused).is_some();
        let read = self.flight.join(is_enough, || self.read()).await;
        let other = self.other_than(refused);
        if other.is_none() {
            self.flight.rest_until((self.clock)() + self.rules.rest);
        }
        read.ok().and(other)
    }

    /// How the secret is doing; `None` if it has never been read.
    pub fn status(&self) -> Option<Status> {
        self.kept.load().as_ref().map(|kept| Status {
            version: kept.reading.version.clone(),
            read_at: kept.read_at,
            usable_until: kept.usable_until,
        })
    }

    /// Keeps the secret fresh from now on, on the runtime that this is called on. A secret that has
    /// not been read yet is read at once.
    pub fn tend(self: &Arc<Self>) -> Tending {
        let keeper = Arc::clone(self);
        Tending(tokio::spawn(async move { keeper.keep_fresh().await }))
    }
}

/// The longest sleep: a clock that is put forward is noticed within it.
const SLEEP_MAX: SignedDuration = SignedDuration::from_secs(30);

impl Keeper {
    async fn keep_fresh(&self) {
        loop {
            let now = (self.clock)();
            self.close_if_too_old(now);
            let due = self.plan().read_at;
            if due <= now {
                // The failure is an event, and the next attempt is planned.
                let _ = self.refresh().await;
            } else {
                tokio::time::sleep(self.until(due, now)).await;
            }
        }
    }

    /// How long to sleep: until the next reading, or until the value is too old.
    fn until(&self, due: Timestamp, now: Timestamp) -> Duration {
        let usable_until = self.kept.load().as_ref().map(|kept| kept.usable_until);
        let wake = usable_until.filter(|&end| end > now).map_or(due, |end| end.min(due));
        let pause = wake.duration_since(now).min(SLEEP_MAX);
        // One millisecond more, so that a fraction does not make a turn of its own.
        Duration::try_from(pause).unwrap_or_default() + Duration::from_millis(1)
    }

    fn close_if_too_old(&self, now: Timestamp) {
        let too_old = self.kept.load().as_ref().is_some_and(|kept| kept.usable_until <= now);
        if too_old && !std::mem::replace(&mut self.plan().is_closed, true) {
            self.tell(&Event::Closed);
        }
    }

    async fn read(&self) -> Result<(), SourceError> {
        let limit = Duration::try_from(self.rules.reading_max).unwrap_or_default();
        let read = tokio::time::timeout(limit, self.source.read()).await.unwrap_or_else(|_| {
            let seconds = limit.as_secs_f32();
            Err(SourceError::unavailable(format!("no answer within {seconds} s")))
        });
        let now = (self.clock)();
        match read {
            Ok(reading) => self.keep(reading, now),
            Err(error) => return Err(self.failed(error, now)),
        }
        Ok(())
    }

    fn keep(&self, reading: Reading, now: Timestamp) {
        let before = self.kept.load_full();
        let changed =
            before.as_ref().is_none_or(|before| !before.secret().is_same(&reading.secret));
        let version = reading.version.clone();
        let expires = reading.expires;
        let previous = if changed {
            before.map(|before| Replaced {
                secret: before.secret().clone(),
                forgotten_at: now + self.rules.overlap,
            })
        } else {
            before.and_then(|before| before.previous.clone())
        };
        let usable_until = self.rules.usable_until(now, expires);
        self.kept.store(Some(Arc::new(Kept { reading, previous, read_at: now, usable_until })));
        *self.plan() =
            Plan { read_at: self.rules.refresh_at(now, expires), failures: 0, is_closed: false };
        self.tell(&Event::Refreshed { version: &version, changed });
    }

    fn failed(&self, error: SourceError, now: Timestamp) -> SourceError {
        let (failures, again_at) = {
            let mut plan = self.plan();
            plan.failures = plan.failures.saturating_add(1);
            plan.read_at = self.rules.again_at(now, plan.failures);
            (plan.failures, plan.read_at)
        };
        self.tell(&Event::Failed { error: &error, again_at });
        let usable_until = self.kept.load().as_ref().map(|kept| kept.usable_until);
        if let Some(usable_until) = usable_until.filter(|&end| failures == 1 && now < end) {
            self.tell(&Event::Stale { usable_until });
        }
        error
    }

    fn other_than(&self, refused: &Secret) -> Option<Arc<Kept>> {
        self.current((self.clock)()).ok().filter(|kept| !kept.secret().is_same(refused))
    }

    fn plan(&self) -> std::sync::MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, event: &Event<'_>) {
        (self.observer)(&self.alias, event);
    }
}

impl Drop for Tending {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "credential `{}` ", self.alias)?;
        match self.since {
            Some(since) => write!(f, "could not be read again, and is too old since {since}"),
            None => f.write_str("has never been read"),
        }
    }
}

impl std::error::Error for Closed {}

#[cfg(test)]
mod tests;
