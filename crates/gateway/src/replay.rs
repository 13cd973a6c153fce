//! Requests that may be made once: on routes that refuse replays, a signature is good for one.
//!
//! A signature holds for as long as clocks may differ, and whoever copies a request could make it
//! again until then. What was used is remembered until it would be refused by itself. It is remembered
//! in this process, over reloads and not over restarts.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

use crate::refusal::Refusal;

/// Signatures that were used, with the last moment at which each would be accepted.
#[derive(Debug)]
pub(crate) struct Used {
    until: Mutex<HashMap<[u8; 32], Timestamp>>,
    max: usize,
}

/// At most 50 MB. Beyond that, requests are refused rather than forgotten.
const SIGNATURES_MAX: usize = 1 << 20;

impl Default for Used {
    fn default() -> Used {
        Used { until: Mutex::default(), max: SIGNATURES_MAX }
    }
}

impl Used {
    /// Uses a signature up, which is accepted until `until`.
    ///
    /// # Errors
    /// It was used before, or nothing more can be remembered.
    pub(crate) fn once(
        &self,
        signature: [u8; 32],
        until: Timestamp,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let mut used = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        if used.contains_key(&signature) {
            return Err(Refusal::Replayed);
        }
        // What has doubled since is looked through: each signature costs as much as two, whatever
        // their number.
        if used.len() == used.capacity().min(self.max) {
            used.retain(|_, until| *until >= now);
        }
        if used.len() >= self.max {
            let limit = "signatures that are remembered".to_owned();
            return Err(Refusal::Throttled { limit, retry_after_s: 1 });
        }
        used.insert(signature, until);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// Uses the signature of this number at a second; until ten seconds later.
    fn once(used: &Used, number: u8, second: i64) -> &'static str {
        match used.once([number; 32], at(second + 10), at(second)) {
            Ok(()) => "once",
            Err(Refusal::Replayed) => "again",
            Err(Refusal::Throttled { .. }) => "full",
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn a_signature_is_good_for_one_request() {
        let used = Used::default();
        assert_eq!((once(&used, 1, 0), once(&used, 2, 0)), ("once", "once"));
        assert_eq!((once(&used, 1, 10), once(&used, 2, 10)), ("again", "again"));
    }

    #[test]
    fn what_cannot_be_remembered_is_refused() {
        let used = Used { max: 3, ..Used::default() };
        for number in 0..3 {
            assert_eq!(once(&used, number, 0), "once");
        }
        assert_eq!((once(&used, 3, 10), once(&used, 0, 10)), ("full", "again"));
        assert_eq!(once(&used, 3, 11), "once", "the others are refused by themselves now");
    }

    #[test]
    fn what_is_over_is_forgotten() {
        let used = Used::default();
        for second in 0..10_000_i64 {
            let mut signature = [0; 32];
            signature[..8].copy_from_slice(&second.to_be_bytes());
            used.once(signature, at(second + 10), at(second)).unwrap();
        }
        assert!(used.until.lock().unwrap().len() < 100);
    }
}
