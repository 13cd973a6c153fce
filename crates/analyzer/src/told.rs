//! What an answer tells of rate limits, whichever dialect it is told in.
//!
//! Vendors differ in names and forms; the decoder has made numbers and moments of them. Left to do
//! here: an answer may tell of several limits at once, in the headers of the IETF draft or as requests
//! and tokens; some tell what was used instead of what is left; and a refusal belongs to one of them.

use std::borrow::Cow;

use tollgate_log::RateTold;

use crate::call::Call;
use crate::rows::Row;

/// The bucket of upstreams that name none.
const DEFAULT: &str = "default";

/// What the bucket of tokens is called, as OpenAI and others count them beside requests.
const TOKENS: &str = "tokens";

/// One limit, as an answer tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told<'a> {
    /// Its name.
    pub(crate) bucket: Cow<'a, str>,
    /// How much every window allows.
    pub(crate) limit: Option<u64>,
    /// How much is left of this one.
    pub(crate) left: Option<u64>,
    /// When it ends, UTC milliseconds.
    pub(crate) reset: Option<i64>,
    /// How long it is, seconds.
    pub(crate) window: Option<u64>,
    /// Whether this limit refused the call, and why.
    pub(crate) refusal: Option<Refusal>,
}

/// Why an answer is a refusal to serve more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Nothing was left.
    Primary,
    /// Something was left: too many calls at once, or too fast.
    Secondary,
    /// What was left is not told.
    Untold,
}

impl Refusal {
    /// Reads an answer of the upstream: GitHub refuses with 403 as well as with 429, and says with
    /// what is left, or with `retry-after`, whether the limit itself was reached. Slack and Stripe
    /// say nothing but 429.
    #[inline]
    fn of(call: &Call<'_, '_>, limit: Option<u64>, left: Option<u64>) -> Option<Refusal> {
        match call.row.integration_status().or(call.status)? {
            status @ (429 | 403) => Refusal::with(status, call, limit, left),
            _ => None,
        }
    }

    /// What an answer of 429 or 403 says: few answers are.
    #[cold]
    fn with(
        status: u16,
        call: &Call<'_, '_>,
        limit: Option<u64>,
        left: Option<u64>,
    ) -> Option<Refusal> {
        match (status, left) {
            (429 | 403, Some(0)) => Some(Refusal::Primary),
            (429, Some(_)) => Some(Refusal::Secondary),
            (429, None) => Refusal::without_count(call.row, limit),
            (403, _) if call.row.retry_after().is_some() => Some(Refusal::Secondary),
            _ => None,
        }
    }

    /// Reads 429 that does not tell what is left. Where the gateway itself throttled, the upstream
    /// never saw the call, and no limit is concerned but one that the gateway tells of.
    fn without_count(row: Row<'_, '_>, limit: Option<u64>) -> Option<Refusal> {
        match row.integration_status().is_none() && row.error_type().is_some_and(is_throttle) {
            true => limit.map(|_| Refusal::Primary),
            false => Some(Refusal::Untold),
        }
    }
}

/// Whether a response type says that the gateway itself throttled.
fn is_throttle(response_type: &str) -> bool {
    matches!(response_type, "THROTTLED" | "QUOTA_EXCEEDED")
}

/// Whether a row tells of limits in a dialect that may tell of several.
#[inline]
pub(crate) fn may_be_several(row: Row<'_, '_>) -> bool {
    row.rate_state().is_some()
        || row.rate_policy().is_some()
        || row.token_limit().is_some()
        || row.token_left().is_some()
}

/// The limit that the answer to a call tells of, if any, where it is no more than one.
#[inline]
pub(crate) fn single<'a>(call: &Call<'a, '_>) -> Option<Told<'a>> {
    let (limit, left) = plain(call.row);
    let refusal = Refusal::of(call, limit, left);
    let is_told = limit.is_some() || left.is_some() || refusal.is_some();
    is_told.then(|| Told::plain(call.row, limit, left, refusal))
}

/// The limit, and what is left of it, that the headers tell of which tell of a single one.
#[inline(always)]
fn plain(row: Row<'_, '_>) -> (Option<u64>, Option<u64>) {
    let limit = row.rate_limit();
    let by_use = || Some(limit?.saturating_sub(row.rate_used()?));
    (limit, row.rate_remaining().or_else(by_use))
}

impl<'a> Told<'a> {
    /// What these headers tell, once it is known that they do.
    #[inline(always)]
    fn plain(
        row: Row<'_, 'a>,
        limit: Option<u64>,
        left: Option<u64>,
        refusal: Option<Refusal>,
    ) -> Told<'a> {
        let bucket = row.rate_bucket().unwrap_or(DEFAULT).into();
        Told { bucket, limit, left, reset: row.rate_reset(), window: None, refusal }
    }
}

/// All limits that the answer to a call tells of: a refusal is that of the first of which nothing is
/// left, else of the first.
pub(crate) fn all<'a>(call: &Call<'a, '_>) -> Vec<Told<'a>> {
    let row = call.row;
    let mut all: Vec<Told<'a>> = Vec::new();
    let (limit, left) = plain(row);
    if limit.is_some() || left.is_some() {
        all.push(Told::plain(row, limit, left, None));
    }
    for told in RateTold::read(row.rate_policy(), row.rate_state(), call.time) {
        let bucket = told.bucket.unwrap_or(DEFAULT.into());
        let RateTold { limit, remaining: left, reset, window, .. } = told;
        let told = Told { bucket, limit, left, reset, window, refusal: None };
        // The same limit in both dialects is one.
        match all.iter_mut().find(|known| known.bucket == told.bucket) {
            Some(known) => known.window = known.window.or(told.window),
            None => all.push(told),
        }
    }
    let (limit, left) = (row.token_limit(), row.token_left());
    if limit.is_some() || left.is_some() {
        let (bucket, reset) = (TOKENS.into(), row.token_reset());
        all.push(Told { bucket, limit, left, reset, window: None, refusal: None });
    }
    let empty = all.iter().position(|told| told.left == Some(0));
    if let Some(refusing) = all.get_mut(empty.unwrap_or_default()) {
        refusing.refusal = Refusal::of(call, refusing.limit, refusing.left);
    }
    all
}
