//! Usage in the report: callers, routes, statuses, requests by time.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;

use super::heat::{self, HeatReport};
use super::{PERCENTS, POINTS};
use crate::answers::Answers;
use crate::callers::is_shared;
use crate::detail::ANY;
use crate::dimension::{Dimension, role_key, session};
use crate::groups::Merge;
use crate::intern::OTHER;
use crate::time::{Moment, Span, rfc3339};
use crate::usage::{CallerUse, RouteUse, Usage};

/// Who called what, how often, how fast, and when.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UsageReport<'g> {
    /// All requests.
    pub requests: u64,
    /// The first, RFC 3339.
    pub first: Option<String>,
    /// The last, RFC 3339.
    pub last: Option<String>,
    /// How many callers are told apart, however many are listed.
    pub caller_count: usize,
    /// How many routes are told apart, however many are listed.
    pub route_count: usize,
    /// Whether there are more callers, which are counted together.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub more_callers: bool,
    /// The same of routes.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub more_routes: bool,
    /// Principals, the busiest first.
    pub principals: Vec<PrincipalReport<'g>>,
    /// Callers, the busiest first.
    pub callers: Vec<CallerReport<'g>>,
    /// Routes, the busiest first.
    pub routes: Vec<RouteReport>,
    /// Statuses in order.
    pub statuses: Vec<StatusReport>,
    /// Requests without a status.
    pub without_status: u64,
    /// The width of an interval of `series` in seconds.
    pub interval_seconds: i64,
    /// Requests by time; intervals without any are left out.
    pub series: Vec<AnswersReport>,
    /// Requests by hour of the week.
    pub heat: Vec<HeatReport>,
}

/// How many requests there were of something, how they were answered, and when.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UseReport {
    /// Requests.
    pub requests: u64,
    /// Of these, answered 401 or 403.
    pub refused: u64,
    /// Of these, answered 429.
    pub throttled: u64,
    /// Of these, answered 5xx.
    pub failed: u64,
    /// The first.
    pub first: Option<Moment>,
    /// The last.
    pub last: Option<Moment>,
}

impl UseReport {
    pub(super) fn new(answers: Answers, span: Span) -> UseReport {
        let Answers { requests, refused, throttled, failed, .. } = answers;
        let [first, last] = [span.first(), span.last()].map(|at| at.map(Moment));
        UseReport { requests, refused, throttled, failed, first, last }
    }

    /// Requests, refused, throttled and failed ones.
    pub(crate) fn counts(&self) -> [u64; 4] {
        [self.requests, self.refused, self.throttled, self.failed]
    }
}

/// What a role with all of its sessions used, or another principal.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PrincipalReport<'g> {
    /// Its ARN, of a role as far as its sessions tell it: they leave its path out. Of others as the caller.
    pub principal: Cow<'g, str>,
    /// Sessions of a role that are told apart; none of other principals.
    pub sessions: Option<u64>,
    /// Whether it has more sessions, which are counted together.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub more_sessions: bool,
    /// How much, and when.
    #[serde(flatten)]
    pub used: UseReport,
}

/// What one caller used.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CallerReport<'g> {
    /// `$context.identity.userArn`, else user, caller, `anonymous`.
    pub caller: &'g str,
    /// How much, and when.
    #[serde(flatten)]
    pub used: UseReport,
}

/// How one route was used.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RouteReport {
    /// The method.
    pub method: String,
    /// The route.
    pub route: String,
    /// Requests.
    pub requests: u64,
    /// Of these, answered 4xx.
    pub client_errors: u64,
    /// Of these, answered 5xx.
    pub failed: u64,
    /// Half of the requests took at most this long, milliseconds; off by at most 0.4 %.
    pub p50_ms: Option<u64>,
    /// 95 in a hundred did.
    pub p95_ms: Option<u64>,
    /// 99 in a hundred did.
    pub p99_ms: Option<u64>,
}

/// How often one status was answered.
#[derive(Clone, Debug, Serialize)]
pub struct StatusReport {
    /// The status that the client received.
    pub status: u16,
    /// Requests.
    pub requests: u64,
}

/// The requests of one interval.
#[derive(Clone, Debug, Serialize)]
pub struct PointReport {
    /// Where the interval starts, RFC 3339.
    pub start: String,
    /// Requests.
    pub requests: u64,
}

/// The same, and how they were answered.
#[derive(Clone, Debug, Serialize)]
pub struct AnswersReport {
    /// Where the interval starts, RFC 3339.
    pub start: String,
    /// Requests, and how they were answered.
    #[serde(flatten)]
    pub answers: Answers,
}

impl<'g> UsageReport<'g> {
    pub(super) fn new(usage: &'g Usage) -> UsageReport<'g> {
        let shown = usage.series.for_showing(POINTS);
        let mut callers: Vec<_> =
            usage.callers.iter().map(|(caller, used)| CallerReport::new(caller, used)).collect();
        callers.sort_by_key(|caller| std::cmp::Reverse(caller.used.requests));
        let mut routes: Vec<_> =
            usage.routes.iter().map(|(route, used)| RouteReport::new(route, used)).collect();
        routes.sort_by_key(|route| std::cmp::Reverse(route.requests));
        let shared = usage.callers.keys().filter(|caller| is_shared(caller)).count();
        let more_routes = usage.routes.contains_key(OTHER);
        UsageReport {
            requests: usage.requests,
            first: usage.span.first().map(rfc3339),
            last: usage.span.last().map(rfc3339),
            caller_count: callers.len() - shared,
            route_count: routes.len() - usize::from(more_routes),
            more_callers: shared > 0,
            more_routes,
            principals: PrincipalReport::all(usage),
            callers,
            routes,
            statuses: usage
                .statuses
                .iter()
                .map(|(&status, &requests)| StatusReport { status, requests })
                .collect(),
            without_status: usage.without_status,
            interval_seconds: shown.interval_ms() / 1000,
            series: shown
                .iter()
                .map(|(start, answers)| AnswersReport { start: rfc3339(start), answers })
                .collect(),
            heat: heat::hours(&usage.heat, usage.span),
        }
    }
}

/// The sessions of a role: those told apart, and whether there are more.
#[derive(Default)]
struct Sessions {
    told: u64,
    more: bool,
}

impl<'g> PrincipalReport<'g> {
    fn all(usage: &'g Usage) -> Vec<PrincipalReport<'g>> {
        let mut principals: BTreeMap<&str, (Sessions, CallerUse)> = BTreeMap::new();
        for (caller, used) in &usage.callers {
            let (sessions, sum) = principals.entry(role_key(caller)).or_default();
            sum.merge(used.clone());
            match session(caller) {
                None => {}
                Some(ANY) => sessions.more = true,
                Some(_) => sessions.told += 1,
            }
        }
        let all = principals.into_iter();
        let mut all: Vec<_> =
            all.map(|(key, (sessions, sum))| Self::new(key, &sessions, &sum)).collect();
        all.sort_by_key(|principal| std::cmp::Reverse(principal.used.requests));
        all
    }

    fn new(key: &'g str, sessions: &Sessions, used: &CallerUse) -> PrincipalReport<'g> {
        let Sessions { told, more } = *sessions;
        PrincipalReport {
            principal: Dimension::Role.value(key),
            sessions: (told > 0 || more).then_some(told),
            more_sessions: more,
            used: UseReport::new(used.answers, used.span),
        }
    }
}

impl<'g> CallerReport<'g> {
    pub(super) fn new(caller: &'g str, used: &CallerUse) -> CallerReport<'g> {
        CallerReport { caller, used: UseReport::new(used.answers, used.span) }
    }
}

impl RouteReport {
    pub(super) fn new(name: &str, used: &RouteUse) -> RouteReport {
        let (method, route) = name.split_once(' ').unwrap_or(("-", name));
        let [p50_ms, p95_ms, p99_ms] = used.latency.percentiles(PERCENTS);
        RouteReport {
            method: method.to_owned(),
            route: route.to_owned(),
            requests: used.answers.requests,
            client_errors: used.answers.client_errors,
            failed: used.answers.failed,
            p50_ms,
            p95_ms,
            p99_ms,
        }
    }
}
