//! What an upstream's headers say about its rate limit.

use std::borrow::Cow;

use http::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use jiff::Timestamp;
use tollgate_fields::RateTold;

/// What is said of a rate limit, as it is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RateLimit<'h> {
    /// Requests a window.
    pub(crate) limit: Option<Cow<'h, str>>,
    /// Requests that are left.
    pub(crate) remaining: Option<Cow<'h, str>>,
    /// Requests that were made.
    pub(crate) used: Option<Cow<'h, str>>,
    /// When the window ends.
    pub(crate) reset: Option<Cow<'h, str>>,
    /// Which of the credential's limits it is.
    pub(crate) resource: Option<Cow<'h, str>>,
    /// How long to wait.
    pub(crate) retry_after: Option<&'h str>,
}

/// The headers that say one thing: GitHub's, that of the IETF's drafts, and the one with a unit
/// behind. The first that is there holds.
struct Names([HeaderName; 3]);

macro_rules! names {
    ($what:literal) => {
        Names([
            HeaderName::from_static(concat!("x-ratelimit-", $what)),
            HeaderName::from_static(concat!("ratelimit-", $what)),
            HeaderName::from_static(concat!("x-ratelimit-", $what, "-requests")),
        ])
    };
}

static LIMIT: Names = names!("limit");
static REMAINING: Names = names!("remaining");
static USED: Names = names!("used");
static RESET: Names = names!("reset");
static RESOURCE: Names = names!("resource");

impl Names {
    fn found_in<'h>(&self, headers: &'h HeaderMap) -> Option<Cow<'h, str>> {
        self.0.iter().find_map(|name| text(headers.get(name)?)).map(Cow::Borrowed)
    }
}

impl<'h> RateLimit<'h> {
    /// Reads the headers of an answer; `now` is its time.
    pub(crate) fn of(headers: &'h HeaderMap, now: Timestamp) -> RateLimit<'h> {
        // Most answers have none of them.
        if !headers.keys().any(|name| tells(name.as_str())) {
            return RateLimit::default();
        }
        let told = |name: &str| headers.get(name).and_then(text);
        let now = Some(now.as_millisecond());
        let told = RateTold::read(told("ratelimit-policy"), told("ratelimit"), now);
        // Of several limits, the one that has the least left is the one to know of.
        let told = told.into_iter().min_by_key(|told| told.remaining.unwrap_or(u64::MAX));
        let told = told.unwrap_or_default();
        let number = |number: Option<u64>| number.map(|number| Cow::Owned(number.to_string()));
        RateLimit {
            limit: LIMIT.found_in(headers).or_else(|| number(told.limit)),
            remaining: REMAINING.found_in(headers).or_else(|| number(told.remaining)),
            used: USED.found_in(headers),
            reset: RESET.found_in(headers).or_else(|| Some(told.reset?.to_string().into())),
            resource: RESOURCE.found_in(headers).or(told.bucket),
            retry_after: headers.get(RETRY_AFTER).and_then(text),
        }
    }

    /// Whether nothing is left.
    pub(crate) fn is_used_up(&self) -> bool {
        self.remaining.as_deref().is_some_and(|left| left.trim() == "0")
    }
}

fn tells(name: &str) -> bool {
    match name.as_bytes() {
        [b'x', b'-', name @ ..] => name.starts_with(b"ratelimit"),
        [b'r', ..] => name.starts_with("ratelimit") || name == "retry-after",
        _ => false,
    }
}

fn text(value: &HeaderValue) -> Option<&str> {
    value.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(headers: &[(&'static str, &'static str)], expected: [&str; 4]) {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        let found = RateLimit::of(&headers, Timestamp::UNIX_EPOCH);
        let all = [&found.limit, &found.remaining, &found.reset, &found.resource];
        assert_eq!(all.map(|it| it.as_deref().unwrap_or("-")), expected);
    }

    #[test]
    fn rate_limits_are_read_in_every_form() {
        check(&[], ["-", "-", "-", "-"]);
        check(
            &[
                ("x-ratelimit-limit", "5000"),
                ("x-ratelimit-remaining", "4999"),
                ("x-ratelimit-reset", "1773234000"),
                ("x-ratelimit-resource", "core"),
            ],
            ["5000", "4999", "1773234000", "core"],
        );
        check(
            &[("ratelimit-policy", "\"burst\";q=100;w=60"), ("ratelimit", "\"burst\";r=50;t=30")],
            ["100", "50", "30000", "burst"],
        );
        check(
            &[("x-ratelimit-limit-requests", "60"), ("x-ratelimit-reset-requests", "6m0s")],
            ["60", "-", "6m0s", "-"],
        );
    }
}
