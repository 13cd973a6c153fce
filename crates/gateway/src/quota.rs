//! What upstreams say is left of their rate limits, and requests that would find nothing left.
//!
//! A limit belongs to the credential, and may have several buckets (GitHub's `core` and `search`).
//! Which one a request falls into is known only from its answer, so a route is believed to use the
//! bucket that its last answer named.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use http::StatusCode;
use jiff::Timestamp;

use crate::rate_limit::RateLimit;
use crate::refusal::Refusal;

/// What is known of the limits of one credential, or of an upstream without one.
#[derive(Debug, Default)]
pub(crate) struct Quota {
    /// By bucket: until when nothing is left, in milliseconds since 1970.
    used_up: Mutex<HashMap<String, i64>>,
}

/// What a route knows of its quota.
#[derive(Debug)]
pub(crate) struct Learned {
    /// Whose limit it is, in words.
    name: String,
    quota: Arc<Quota>,
    bucket: Mutex<String>,
}

/// Upstreams have few buckets; one that names more is not believed.
const BUCKETS_MAX: usize = 64;
/// The longest that an upstream is believed to have nothing left.
const HOLD_MS_MAX: i64 = 24 * 3600 * 1000;

impl Learned {
    /// Of a quota with this name.
    pub(crate) fn new(name: String, quota: Arc<Quota>) -> Learned {
        Learned { name, quota, bucket: Mutex::default() }
    }

    /// Whether anything is left, as far as is known.
    ///
    /// # Errors
    /// The upstream said that nothing is, until a moment that has not come.
    pub(crate) fn check(&self, now: Timestamp) -> Result<(), Refusal> {
        let bucket = lock(&self.bucket).clone();
        let until = lock(&self.quota.used_up).get(&bucket).copied();
        let wait_ms = until.map_or(0, |until| until - now.as_millisecond());
        if wait_ms <= 0 {
            return Ok(());
        }
        let limit = match bucket.as_str() {
            "" => self.name.clone(),
            bucket => format!("{}, bucket `{bucket}`,", self.name),
        };
        let retry_after_s = u64::try_from(wait_ms).unwrap_or_default().div_ceil(1000);
        Err(Refusal::Throttled { limit, retry_after_s })
    }

    /// Learns from an answer.
    pub(crate) fn learn(&self, status: StatusCode, told: &RateLimit<'_>, now: Timestamp) {
        let now_ms = now.as_millisecond();
        let bucket = told.resource.as_deref().unwrap_or_default();
        bucket.clone_into(&mut lock(&self.bucket));
        let is_refused = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::FORBIDDEN);
        let waited = told
            .retry_after
            .filter(|_| is_refused)
            .and_then(|text| tollgate_fields::retry_after(text.as_bytes(), Some(now_ms)));
        let waited = waited.and_then(|wait| i64::try_from(wait).ok()).map(|s| now_ms + s * 1000);
        let reset = told.reset.as_deref().filter(|_| told.is_used_up());
        let reset = reset.and_then(|text| tollgate_fields::reset(text.as_bytes(), Some(now_ms)));
        let mut used_up = lock(&self.quota.used_up);
        match waited.into_iter().chain(reset).max() {
            Some(until) if used_up.len() < BUCKETS_MAX || used_up.contains_key(bucket) => {
                used_up.insert(bucket.to_owned(), until.min(now_ms + HOLD_MS_MAX));
            }
            Some(_) => {}
            None => {
                used_up.remove(bucket);
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_763_700_000;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn told<'h>(remaining: &'h str, reset: &'h str, bucket: &'h str) -> RateLimit<'h> {
        RateLimit {
            remaining: Some(remaining.into()),
            reset: Some(reset.into()),
            resource: Some(bucket.into()),
            ..RateLimit::default()
        }
    }

    fn wait(learned: &Learned, now: i64) -> Option<u64> {
        match learned.check(at(now)) {
            Ok(()) => None,
            Err(Refusal::Throttled { retry_after_s, .. }) => Some(retry_after_s),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn requests_wait_until_the_upstream_has_something_left() {
        let learned = Learned::new("credential `a`".to_owned(), Arc::default());
        assert_eq!(wait(&learned, NOW), None);
        learned.learn(StatusCode::OK, &told("0", &(NOW + 60).to_string(), "core"), at(NOW));
        assert_eq!(wait(&learned, NOW + 1), Some(59));
        assert_eq!(wait(&learned, NOW + 60), None);
        learned.learn(StatusCode::OK, &told("1", &(NOW + 60).to_string(), "core"), at(NOW));
        assert_eq!(wait(&learned, NOW), None);
    }

    #[test]
    fn routes_with_the_same_credential_share_what_is_left_of_each_bucket() {
        let quota = Arc::new(Quota::default());
        let [search, core] =
            ["search", "core"].map(|_| Learned::new(String::new(), Arc::clone(&quota)));
        core.learn(StatusCode::OK, &told("9", "60", "core"), at(NOW));
        search.learn(StatusCode::OK, &told("0", "60", "search"), at(NOW));
        assert_eq!((wait(&search, NOW), wait(&core, NOW)), (Some(60), None));
    }

    #[test]
    fn a_refusal_says_how_long() {
        let learned = Learned::new(String::new(), Arc::default());
        let told = RateLimit { retry_after: Some("17"), ..RateLimit::default() };
        learned.learn(StatusCode::OK, &told, at(NOW));
        assert_eq!(wait(&learned, NOW), None, "only a refusal is one");
        learned.learn(StatusCode::TOO_MANY_REQUESTS, &told, at(NOW));
        assert_eq!(wait(&learned, NOW), Some(17));
    }
}
