//! Token buckets: how many requests a route, a principal or a credential may make.
//!
//! Sessions of a role share their role's bucket, so that a new session name is no new bucket.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, NotUntil, Quota, RateLimiter};

use crate::refusal::Refusal;

/// A token bucket, or one for each principal.
pub(crate) struct Bucket {
    /// What it limits, in words: ``route `/pets` ``.
    name: String,
    rate: f64,
    burst: u32,
    kind: Kind,
    clock: DefaultClock,
}

enum Kind {
    One(DefaultDirectRateLimiter),
    Each(DefaultKeyedRateLimiter<String>),
}

impl Bucket {
    /// One bucket for all. `None` for a rate or burst that is no limit.
    pub(crate) fn one(name: String, rate: f64, burst: u32) -> Option<Bucket> {
        let limiter = RateLimiter::direct(quota(rate, burst)?);
        let clock = DefaultClock::default();
        Some(Bucket { name, rate, burst, kind: Kind::One(limiter), clock })
    }

    /// One bucket for each principal.
    pub(crate) fn each(name: String, rate: f64, burst: u32) -> Option<Bucket> {
        let limiter = RateLimiter::keyed(quota(rate, burst)?);
        let clock = DefaultClock::default();
        Some(Bucket { name, rate, burst, kind: Kind::Each(limiter), clock })
    }

    /// Takes a token of `principal`'s bucket.
    ///
    /// # Errors
    /// There is none, and when there will be one.
    pub(crate) fn take(&self, principal: &str) -> Result<(), Refusal> {
        let taken = match &self.kind {
            Kind::One(limiter) => limiter.check().map_err(|until| self.wait(&until)),
            Kind::Each(limiter) => {
                limiter.check_key(&principal.to_owned()).map_err(|until| self.wait(&until))
            }
        };
        taken.map_err(|wait| Refusal::Throttled {
            limit: self.name.clone(),
            // A client that waits as long as it is told finds a token.
            retry_after_s: wait.as_secs() + u64::from(wait.subsec_nanos() > 0).max(1),
        })
    }

    fn wait(&self, until: &NotUntil<<DefaultClock as Clock>::Instant>) -> Duration {
        until.wait_time_from(self.clock.now())
    }

    /// Whether it is the bucket that is declared now, so that its tokens count on.
    pub(crate) fn is(&self, name: &str, rate: f64, burst: u32) -> bool {
        self.name == name && self.rate.to_bits() == rate.to_bits() && self.burst == burst
    }
}

impl std::fmt::Debug for Bucket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Bucket({}, {} a second, {} at once)", self.name, self.rate, self.burst)
    }
}

fn quota(rate: f64, burst: u32) -> Option<Quota> {
    let period = Duration::try_from_secs_f64(1.0 / rate).ok()?;
    Some(Quota::with_period(period)?.allow_burst(NonZeroU32::new(burst)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retry_after_s(bucket: &Bucket, principal: &str) -> Option<u64> {
        match bucket.take(principal) {
            Ok(()) => None,
            Err(Refusal::Throttled { retry_after_s, .. }) => Some(retry_after_s),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn a_bucket_takes_its_burst_and_then_says_when() {
        let bucket = Bucket::one("route `/`".to_owned(), 0.01, 2).unwrap();
        assert_eq!(retry_after_s(&bucket, "a"), None);
        assert_eq!(retry_after_s(&bucket, "b"), None);
        let wait = retry_after_s(&bucket, "c").unwrap();
        assert!((99..=101).contains(&wait), "{wait}");
    }

    #[test]
    fn each_principal_has_its_own() {
        let bucket = Bucket::each("principals".to_owned(), 0.01, 1).unwrap();
        assert_eq!(retry_after_s(&bucket, "a"), None);
        assert_eq!(retry_after_s(&bucket, "b"), None);
        assert!(retry_after_s(&bucket, "a").is_some());
    }

    #[test]
    fn what_is_no_limit_is_no_bucket() {
        for (rate, burst) in [(0.0, 1), (-1.0, 1), (f64::NAN, 1), (f64::INFINITY, 1), (1.0, 0)] {
            assert!(Bucket::one(String::new(), rate, burst).is_none(), "{rate} {burst}");
        }
    }
}
