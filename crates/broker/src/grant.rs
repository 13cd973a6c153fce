//! How long a login may last: never longer than was asked for, than the profile allows, or than the
//! caller's own session.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

use crate::Profile;

/// What a caller asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ask {
    /// How long the login should last; the profile's default unless given.
    pub ttl: Option<SignedDuration>,
}

/// Who asks. That it may ask has been decided before.
#[derive(Clone, Copy, Debug)]
pub struct Caller<'a> {
    /// Its ARN, for the journal.
    pub arn: &'a str,
    /// When its own credentials end; `None` for long-lived ones.
    pub session_expires: Option<Timestamp>,
}

/// A login that may be made. Only [`Grant::decide`] makes one.
#[derive(Clone, Debug)]
pub struct Grant {
    caller: String,
    expires: Timestamp,
}

/// Why no login is made for an ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantRefusal {
    /// It asks for no time at all.
    NoTime,
    /// The caller's own credentials end too soon for a login to be of use.
    SessionEnds,
}

/// A login for less than this is not worth a role.
const TTL_MIN: SignedDuration = SignedDuration::from_secs(1);

impl Grant {
    /// Decides until when a login lasts that is asked for at `now`: whole seconds, as the server's
    /// `VALID UNTIL` and the caller's answer both show it.
    ///
    /// # Errors
    /// There is no time for it.
    pub fn decide(
        profile: &Profile,
        ask: Ask,
        caller: &Caller<'_>,
        now: Timestamp,
    ) -> Result<Self, GrantRefusal> {
        let asked = ask.ttl.unwrap_or(profile.ttl_default);
        if asked < TTL_MIN {
            return Err(GrantRefusal::NoTime);
        }
        let left = caller.session_expires.map(|expires| expires.duration_since(now));
        let ttl = asked.min(profile.ttl_max).min(left.unwrap_or(SignedDuration::MAX));
        if ttl < TTL_MIN {
            return Err(GrantRefusal::SessionEnds);
        }
        let expires = now.saturating_add(ttl).unwrap_or(Timestamp::MAX);
        let expires = Timestamp::from_second(expires.as_second()).unwrap_or(expires);
        Ok(Self { caller: caller.arn.to_owned(), expires })
    }

    /// Who asked.
    pub(crate) fn caller(&self) -> &str {
        &self.caller
    }

    /// When the login ends.
    pub fn expires(&self) -> Timestamp {
        self.expires
    }
}

impl fmt::Display for GrantRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoTime => "expected a login to last at least a second",
            Self::SessionEnds => "the session that asks for a login ends within a second",
        })
    }
}

impl std::error::Error for GrantRefusal {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{PublicAddress, SslMode};
    use proptest::prelude::*;

    fn profile() -> Profile {
        let address =
            PublicAddress { host: "localhost".into(), port: 5432, ssl_mode: SslMode::Disable };
        Profile::new("reports", "readers", "app", address).unwrap()
    }

    #[track_caller]
    fn check(ttl_s: Option<i64>, session_left_s: Option<i64>, expected: Result<i64, GrantRefusal>) {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let caller = Caller {
            arn: "arn:aws:iam::123456789012:user/ana",
            session_expires: session_left_s.map(|left| now + SignedDuration::from_secs(left)),
        };
        let ask = Ask { ttl: ttl_s.map(SignedDuration::from_secs) };
        let granted = Grant::decide(&profile(), ask, &caller, now);
        assert_eq!(granted.map(|grant| grant.expires().as_second() - now.as_second()), expected);
    }

    #[test]
    fn the_default_is_a_quarter_of_an_hour() {
        check(None, None, Ok(900));
    }

    #[test]
    fn the_profile_bounds_what_is_asked_for() {
        check(Some(60), None, Ok(60));
        check(Some(86_400), None, Ok(3_600));
    }

    #[test]
    fn a_login_does_not_outlive_the_session_that_asked_for_it() {
        check(None, Some(100), Ok(100));
        check(Some(50), Some(100), Ok(50));
        check(None, Some(0), Err(GrantRefusal::SessionEnds));
        check(None, Some(-5), Err(GrantRefusal::SessionEnds));
    }

    #[test]
    fn no_time_is_refused() {
        check(Some(0), None, Err(GrantRefusal::NoTime));
        check(Some(-1), None, Err(GrantRefusal::NoTime));
    }

    proptest! {
        #[test]
        fn a_grant_never_exceeds_any_of_its_bounds(
            ttl in prop::option::of(-10_i64..100_000),
            left in prop::option::of(-10_i64..100_000),
            now_ms in 0_i64..4_000_000_000_000,
        ) {
            let now = Timestamp::from_millisecond(now_ms).unwrap();
            let session_expires = left.map(|left| now + SignedDuration::from_secs(left));
            let caller = Caller { arn: "arn", session_expires };
            let ask = Ask { ttl: ttl.map(SignedDuration::from_secs) };
            if let Ok(grant) = Grant::decide(&profile(), ask, &caller, now) {
                let lasts = grant.expires().duration_since(now);
                prop_assert!(lasts <= profile().ttl_max);
                prop_assert!(ask.ttl.is_none_or(|ttl| lasts <= ttl));
                prop_assert!(session_expires.is_none_or(|end| grant.expires() <= end));
            }
        }
    }
}
