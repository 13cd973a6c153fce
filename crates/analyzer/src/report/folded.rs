//! What of a report is told less finely than it could be, because there was too much of it, or drawn
//! wider, because of a few times far from all others.

use crate::breakdown::{Breakdown, GROUPS_MAX, is_folded};
use crate::callers::{CALLERS_MAX, is_shared};
use crate::calls::ROUTES_MAX;
use crate::detail::Detail;
use crate::gather::Gathered;
use crate::intern::{OTHER, TEXT_BYTES_MAX};
use crate::labels::LABELS_MAX;
use crate::limits::{self, LIMITS_MAX, Limits, PRINCIPALS_MAX};
use crate::outcomes::Outcomes;
use crate::remedy::Remedy;
use crate::text::{count, number};
use crate::time::rfc3339;
use crate::usage::Usage;

/// What holds where each worker, or run, has told others apart.
const MERGED: &str = "Where several workers or runs were merged, some of what is counted together may be \
                      of callers, routes or groups that are listed.";

/// A sentence for everything that is counted together, although it is not the same.
pub(super) fn sentences(gathered: &Gathered) -> Vec<String> {
    let mut sentences = of_usage(&gathered.usage);
    sentences.extend(gathered.breakdowns.iter().filter_map(of_breakdown));
    if !sentences.is_empty() {
        sentences.push(MERGED.to_owned());
    }
    sentences.extend(of_times(&gathered.usage));
    sentences.extend(of_limits(&gathered.limits));
    let outcomes = gathered.outcomes.as_ref();
    sentences
        .extend(outcomes.and_then(|outcomes| of_groups("groups of denied calls", outcomes.detail)));
    sentences.extend(outcomes.and_then(of_resources));
    let changes = gathered.changes.as_ref();
    sentences
        .extend(changes.and_then(|changes| of_groups("groups of changed calls", changes.detail)));
    sentences
}

fn of_usage(usage: &Usage) -> Vec<String> {
    let callers = of_callers(usage);
    let routes = usage.routes.get(OTHER);
    let routes = routes.map(|used| counted_together("routes", ROUTES_MAX, used.answers.requests));
    callers.into_iter().chain(routes).collect()
}

fn of_callers(usage: &Usage) -> Option<String> {
    let shared = || usage.callers.iter().filter(|(caller, _)| is_shared(caller));
    let requests = shared().map(|(_, used)| used.answers.requests).sum();
    let [of_roles, others] =
        [true, false].map(|of_roles| shared().any(|(caller, _)| (caller != OTHER) == of_roles));
    let how = match (of_roles, others) {
        (false, false) => return None,
        (false, true) => return Some(counted_together("callers", CALLERS_MAX, requests)),
        (true, false) => "by their roles".to_owned(),
        (true, true) => format!("by their roles, or as {OTHER}"),
    };
    let told = told_apart("callers", CALLERS_MAX);
    Some(format!("{told}: others, with {}, are counted {how}.", count(requests, "request")))
}

/// What is told apart, and the requests of all else.
fn counted_together(name: &str, bound: usize, requests: u64) -> String {
    let requests = count(requests, "request");
    format!("{}: others, with {requests}, are counted as {OTHER}.", told_apart(name, bound))
}

/// There may be too many, or some may be called by too long a name: what counts them knows no more.
fn told_apart(name: &str, bound: usize) -> String {
    let [bound, bytes] = [bound, TEXT_BYTES_MAX].map(|number_of| number(number_of as u64));
    format!("At most {bound} {name} are told apart, by names of at most {bytes} bytes")
}

/// How many times longer than all others is long before, or after, them.
const FAR: i64 = 10;

/// Of so many requests, one that is far from the others may have a wrong time.
const FEW: u64 = 100;

/// A few requests that are far from all others: whatever is drawn by time is as wide as they make it.
fn of_times(usage: &Usage) -> Option<String> {
    let intervals = usage.series.iter().map(|(start, answers)| (start, answers.requests));
    let intervals: Vec<(i64, u64)> = intervals.collect();
    let gaps = intervals.iter().zip(intervals.iter().skip(1)).map(|(one, next)| next.0 - one.0);
    let (at, gap) = gaps.enumerate().max_by_key(|(_, gap)| *gap)?;
    let (before, after) = intervals.split_at_checked(at + 1)?;
    let all = |part: &[(i64, u64)]| part.iter().map(|(_, requests)| requests).sum::<u64>();
    let is_before = all(before) < all(after);
    let (few, others) = if is_before { (before, after) } else { (after, before) };
    let span = others.last()?.0 - others.first()?.0 + usage.series.interval_ms();
    if gap < FAR * span || all(few) * FEW > all(before) + all(after) {
        return None;
    }
    let (when, at, option) = match is_before {
        true => ("before", usage.span.first()?, "--since"),
        false => ("after", usage.span.last()?, "--until"),
    };
    Some(format!(
        "{} came long {when} all others, at {}: what is drawn by time reaches that far, unless \
         `{option}` leaves it out.",
        count(all(few), "request"),
        rfc3339(at)
    ))
}

fn of_limits(limits: &Limits) -> Vec<String> {
    let other = limits.iter().find(|(key, _)| key.upstream == OTHER && key.bucket == OTHER);
    let limits_folded =
        other.map(|(_, used)| counted_together("rate limits", LIMITS_MAX, used.requests));
    let principals_folded = limits.consumption.has_folded_principals().then(|| {
        let told = told_apart("roles and other principals", PRINCIPALS_MAX);
        format!("{told}: what others used of rate limits is counted as {OTHER}.")
    });
    let callers_folded = limits.iter().any(|(_, used)| !used.detail.is_full()).then(|| {
        format!(
            "Some rate limits were used by more than {} callers: there the sessions of a role are told \
             as one.",
            number(limits::CALLERS_MAX as u64)
        )
    });
    let sentences = [limits_folded, principals_folded, callers_folded];
    sentences.into_iter().flatten().collect()
}

fn of_breakdown(breakdown: &Breakdown) -> Option<String> {
    let folded = breakdown.groups.iter().filter(|(values, _)| is_folded(values));
    let requests = folded.map(|(_, used)| used.answers.requests).sum();
    let name = format!("groups by {}", breakdown.by);
    (requests > 0).then(|| counted_together(&name, GROUPS_MAX, requests))
}

/// Where whole calls are not told apart, that is said already.
fn of_resources(outcomes: &Outcomes) -> Option<String> {
    let untold = Some(Remedy::untold(outcomes)).filter(|untold| *untold > 0)?;
    outcomes.detail.tells_calls().then(|| {
        format!(
            "What {} asked for is counted as {OTHER}, and no change looked for that would allow it: ARNs \
             of more than {} bytes are not told apart, nor more than {} of them.",
            count(untold, "denied request"),
            number(TEXT_BYTES_MAX as u64),
            number(LABELS_MAX as u64)
        )
    })
}

fn of_groups(name: &str, detail: Detail) -> Option<String> {
    let (finer, how) = match detail {
        Detail::Sessions => return None,
        Detail::Roles => (Detail::Sessions, "the sessions of a role are told as one"),
        Detail::Calls => (Detail::Roles, "callers are not told apart"),
        Detail::Reasons => (Detail::Calls, "only the reasons are told apart"),
    };
    Some(format!("There were more than {} {name}: {how}.", number(finer.groups_max() as u64)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answers::Answers;
    use crate::time::Span;

    const MINUTE: i64 = 60_000;

    fn requests(requests: u64) -> Answers {
        Answers { requests, ..Answers::default() }
    }

    /// A request a minute for a hundred minutes, and so many at another.
    fn usage(few: u64, minute: i64) -> Usage {
        let mut usage = Usage::default();
        for at in 0..100 {
            usage.series.add(at * MINUTE, requests(1));
            usage.span.merge(Span::at(Some(at * MINUTE)));
        }
        usage.series.add(minute * MINUTE, requests(few));
        usage.span.merge(Span::at(Some(minute * MINUTE)));
        usage
    }

    #[test]
    fn a_few_requests_far_from_all_others_are_told_of() {
        let before = "1 request came long before all others, at 1969-12-31T07:20:00Z: what is drawn \
                      by time reaches that far, unless `--since` leaves it out.";
        assert_eq!(of_times(&usage(1, -1_000)).as_deref(), Some(before));
        let after = "1 request came long after all others, at 1970-01-02T00:00:00Z: what is drawn by \
                     time reaches that far, unless `--until` leaves it out.";
        assert_eq!(of_times(&usage(1, 1_440)).as_deref(), Some(after));
        // Not so far, or not so few.
        assert_eq!([of_times(&usage(1, -900)), of_times(&usage(2, -1_000))], [None, None]);
        assert_eq!(of_times(&Usage::default()), None);
    }
}
