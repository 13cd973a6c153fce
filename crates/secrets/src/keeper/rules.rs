//! How fresh a secret is kept: pure arithmetic on times.

use jiff::{SignedDuration, Timestamp};

/// How fresh a secret is kept, and for how long an old one may serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// How long a value serves before it is read again, unless it expires before: 5 minutes.
    pub refresh_every: SignedDuration,
    /// How long after it was read a value may serve at most, when it cannot be read again: 1 hour.
    pub age_max: SignedDuration,
    /// How long a value that was replaced is still looked for in answers: 5 minutes.
    pub overlap: SignedDuration,
    /// How long one reading may take: 10 seconds.
    pub reading_max: SignedDuration,
    /// How long requests do not ask again for a source that had nothing new for them: 5 seconds.
    pub rest: SignedDuration,
}

impl Default for Rules {
    fn default() -> Self {
        Rules {
            refresh_every: SignedDuration::from_mins(5),
            age_max: SignedDuration::from_hours(1),
            overlap: SignedDuration::from_mins(5),
            reading_max: SignedDuration::from_secs(10),
            rest: SignedDuration::from_secs(5),
        }
    }
}

/// The first pause after a failed reading; each further one is twice as long.
const PAUSE: SignedDuration = SignedDuration::from_secs(1);
const PAUSE_MAX: SignedDuration = SignedDuration::from_mins(1);

/// The least time between two readings that succeed, however soon values expire.
const REFRESH_MIN: SignedDuration = SignedDuration::from_secs(1);

impl Rules {
    /// When a value read at this time is read again: after four fifths of its life.
    pub(super) fn refresh_at(&self, read_at: Timestamp, expires: Option<Timestamp>) -> Timestamp {
        let life =
            expires.map_or(self.refresh_every, |expires| expires.duration_since(read_at) / 5 * 4);
        read_at + life.min(self.refresh_every).max(REFRESH_MIN)
    }

    /// When a value read at this time ceases to be usable.
    pub(super) fn usable_until(&self, read_at: Timestamp, expires: Option<Timestamp>) -> Timestamp {
        let trusted_until = read_at + self.age_max;
        expires.map_or(trusted_until, |expires| expires.min(trusted_until))
    }

    /// When to try again after so many failures in a row.
    pub(super) fn again_at(&self, now: Timestamp, failures: u32) -> Timestamp {
        let doublings = failures.saturating_sub(1).min(6);
        now + (PAUSE * 2_i32.pow(doublings)).min(PAUSE_MAX).min(self.refresh_every)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Timestamp = Timestamp::UNIX_EPOCH;

    fn after(seconds: i64) -> Timestamp {
        NOON + SignedDuration::from_secs(seconds)
    }

    #[test]
    fn a_value_is_read_again_before_it_expires() {
        let rules = Rules::default();
        assert_eq!(rules.refresh_at(NOON, None), after(300));
        assert_eq!(rules.refresh_at(NOON, Some(after(100))), after(80));
        assert_eq!(rules.refresh_at(NOON, Some(after(36_000))), after(300));
        assert_eq!(rules.refresh_at(NOON, Some(after(-5))), after(1));
    }

    #[test]
    fn a_value_serves_until_it_expires_or_is_too_old() {
        let rules = Rules::default();
        assert_eq!(rules.usable_until(NOON, None), after(3600));
        assert_eq!(rules.usable_until(NOON, Some(after(100))), after(100));
        assert_eq!(rules.usable_until(NOON, Some(after(36_000))), after(3600));
    }

    #[test]
    fn pauses_double_up_to_a_minute() {
        let rules = Rules::default();
        let pause = |failures| rules.again_at(NOON, failures).duration_since(NOON).as_secs();
        assert_eq!([1, 2, 3, 6, 7, 8, u32::MAX].map(pause), [1, 2, 4, 32, 60, 60, 60]);
    }
}
