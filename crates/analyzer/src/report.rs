//! The report: what was gathered, in the order and words that people and programs get.
//!
//! Serialized, it is the JSON document that `fixtures/schemas/analyze.schema.json` describes.

use hashbrown::HashMap;
use serde::Serialize;
use tollgate_log::{LineAccount, QuarantinedLine};

use crate::changes::{Change, ChangeKey, Changes, Side};
use crate::gather::Gathered;
use crate::limits::{Level, LimitKey, LimitUse};
use crate::outcomes::{Cited, Group, GroupKey, Nearest, Outcomes};
use crate::series::Series;
use crate::time::rfc3339;
use crate::timeline::{Cell, Count, Timeline};
use crate::usage::{CallerUse, RouteUse, Usage};
use crate::verdict::Logged;

/// The most points of a series in a report.
const POINTS: usize = 200;

/// A report.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The version of this document's form.
    pub version: u8,
    /// What became of the lines that were read.
    pub lines: Lines,
    /// Requests that were read and left out: outside of the window, or not wanted by the filter.
    pub left_out: u64,
    /// Usage.
    pub usage: UsageReport,
    /// Rate limits, the nearest to exhaustion first.
    pub rate_limits: Vec<LimitReport>,
    /// Denied calls, the most frequent first. Only with an account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub denied: Option<Vec<DeniedReport>>,
    /// How log and replay compare. Only with an account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agreement: Option<AgreementReport>,
    /// Callers that the account does not know; resource policies alone decided their calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unknown_principals: Option<Vec<CallerCount>>,
    /// What the account changes in comparison with another. Only with one to compare with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes: Option<ChangesReport>,
    /// Requests by time, caller, route, status and denied group at once. Only where asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeline: Option<TimelineReport>,
}

/// What one account decides otherwise than another, over the calls of the log.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChangesReport {
    /// Calls that both decide alike.
    pub unchanged: u64,
    /// Calls that were not denied and would be.
    pub newly_denied: u64,
    /// Calls that were not allowed and would be.
    pub newly_allowed: u64,
    /// Calls that change in another way: from one kind of denial to another, or between denied and
    /// indeterminate.
    pub otherwise: u64,
    /// The groups, newly denied ones first, then newly allowed ones, each the most frequent first.
    pub groups: Vec<ChangeReport>,
}

/// Calls of one caller that two accounts decide differently.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChangeReport {
    /// `newlyDenied`, `newlyAllowed` or `otherwise`.
    pub change: &'static str,
    /// Who.
    pub caller: String,
    /// On what: the ARN if all calls had the same, else with the route's placeholders.
    pub resource: String,
    /// Requests.
    pub requests: u64,
    /// The first, RFC 3339.
    pub first: Option<String>,
    /// The last, RFC 3339.
    pub last: Option<String>,
    /// The status that the log has.
    pub logged_status: Option<u16>,
    /// The decision compared with.
    pub before: Side,
    /// The decision of the account.
    pub after: Side,
}

/// What a reader needs to narrow the report down: every list of it as a sum of cells.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TimelineReport {
    /// The width of an interval in seconds.
    pub interval_seconds: i64,
    /// Where the first interval starts, RFC 3339.
    pub start: Option<String>,
    /// Callers that cells refer to by their place. Where there were too many combinations, the
    /// sessions of a role are one caller, `…:assumed-role/name/*`.
    pub callers: Vec<String>,
    /// Routes that cells refer to by their place, `GET /pets/{id}`.
    pub routes: Vec<String>,
    /// What was counted.
    pub cells: Vec<CellReport>,
}

/// One combination, in this order: the interval's number from 0 (none without a time), caller,
/// route, status, place in `denied` (which may lie beyond a list that was cut short), requests,
/// those of them whose latency is known, and the sum of these latencies in milliseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct CellReport(
    pub Option<i64>,
    pub u32,
    pub u32,
    pub Option<u16>,
    pub Option<usize>,
    pub u64,
    pub u64,
    pub u64,
);

/// The account of lines: `total` is the sum of the next five.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Lines {
    /// All lines.
    pub total: u64,
    /// See [`LineAccount`].
    #[serde(flatten)]
    pub account: LineAccount,
    /// The first lines that could not be read.
    pub samples: Vec<QuarantinedLine>,
}

/// Who called what, how often, how fast, and when.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UsageReport {
    /// All requests.
    pub requests: u64,
    /// The first, RFC 3339.
    pub first: Option<String>,
    /// The last, RFC 3339.
    pub last: Option<String>,
    /// How many callers there are, however many are listed.
    pub caller_count: usize,
    /// How many routes there are, however many are listed.
    pub route_count: usize,
    /// Callers, the busiest first.
    pub callers: Vec<CallerReport>,
    /// Routes, the busiest first.
    pub routes: Vec<RouteReport>,
    /// Statuses in order.
    pub statuses: Vec<StatusReport>,
    /// Requests without a status.
    pub without_status: u64,
    /// The width of an interval of `series` in seconds.
    pub interval_seconds: i64,
    /// Requests by time; intervals without any are left out.
    pub series: Vec<PointReport>,
}

/// What one caller used.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CallerReport {
    /// `$context.identity.userArn`, else user, caller, `anonymous`.
    pub caller: String,
    /// Requests.
    pub requests: u64,
    /// Of these, answered 401 or 403.
    pub refused: u64,
    /// Of these, answered 429.
    pub throttled: u64,
    /// Of these, answered 5xx.
    pub failed: u64,
    /// The first, RFC 3339.
    pub first: Option<String>,
    /// The last, RFC 3339.
    pub last: Option<String>,
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

/// A caller and how often it called.
#[derive(Clone, Debug, Serialize)]
pub struct CallerCount {
    /// Who.
    pub caller: String,
    /// Requests.
    pub requests: u64,
}

/// How one limit was used.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LimitReport {
    /// Which limit.
    #[serde(flatten)]
    pub key: LimitKey,
    /// Answers that told of it, or that it was reached.
    pub requests: u64,
    /// The limit, as last told: requests per window.
    pub limit: Option<u64>,
    /// The lowest number of requests left.
    pub lowest_remaining: Option<u64>,
    /// When that was, RFC 3339.
    pub lowest_at: Option<String>,
    /// Refused by the upstream: `primary` and `secondary`.
    pub throttled: u64,
    /// Refused because nothing was left.
    pub primary: u64,
    /// Refused although requests were left.
    pub secondary: u64,
    /// How many times the bucket was filled again.
    pub resets: usize,
    /// Callers, the heaviest first.
    pub callers: Vec<CallerCount>,
    /// The width of an interval of `series` in seconds.
    pub interval_seconds: i64,
    /// Requests and the lowest number left, by time.
    pub series: Vec<LevelReport>,
}

/// One interval of a limit.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LevelReport {
    /// Where the interval starts, RFC 3339.
    pub start: String,
    /// Requests.
    pub requests: u64,
    /// The lowest number left.
    pub lowest_remaining: Option<u64>,
}

/// Calls of one caller that were denied, then or now, for one reason.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeniedReport {
    /// Who.
    pub caller: String,
    /// What: `execute-api:Invoke`.
    pub action: String,
    /// On what: the ARN if all calls had the same, else with the route's placeholders.
    pub resource: String,
    /// Requests.
    pub requests: u64,
    /// The first, RFC 3339.
    pub first: Option<String>,
    /// The last, RFC 3339.
    pub last: Option<String>,
    /// The status that the log has.
    pub logged_status: Option<u16>,
    /// What that says about authorization.
    pub logged: Logged,
    /// The replayed decision; `null` where the log does not tell enough to decide.
    pub decision: Option<String>,
    /// The statements that determined it; none for an implicit deny.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub determined_by: Vec<Cited>,
    /// For an implicit deny: the statement that came nearest to allowing it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nearest: Option<Nearest>,
    /// For an indeterminate decision: the keys that it depends on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<String>,
}

/// How log and replay compare.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AgreementReport {
    /// Both passed it, or both denied it.
    pub agreeing: u64,
    /// One passed what the other denied.
    pub disagreeing: u64,
    /// They cannot be compared.
    pub undetermined: u64,
    /// Why not.
    pub reasons: Vec<ReasonCount>,
    /// The groups that disagree, the most frequent first.
    pub disagreements: Vec<DeniedReport>,
}

/// A reason and how many requests it holds for.
#[derive(Clone, Debug, Serialize)]
pub struct ReasonCount {
    /// Why.
    pub reason: String,
    /// Requests.
    pub requests: u64,
}

impl Report {
    /// Puts the report together.
    pub fn new(gathered: &Gathered, lines: LineAccount, samples: &[QuarantinedLine]) -> Report {
        let outcomes = gathered.outcomes.as_ref();
        let denied = outcomes.map(|outcomes| denied(outcomes, |key, _| is_denied(key)));
        let keys: Vec<&GroupKey> = denied.iter().flatten().map(|(key, _)| *key).collect();
        let mut rate_limits: Vec<_> =
            gathered.limits.iter().map(|(key, used)| LimitReport::new(key, used)).collect();
        rate_limits.sort_by(|one, other| one.share_left().total_cmp(&other.share_left()));
        Report {
            version: 1,
            lines: Lines { total: lines.total(), account: lines, samples: samples.to_vec() },
            left_out: gathered.left_out,
            usage: UsageReport::new(&gathered.usage),
            rate_limits,
            timeline: gathered.timeline.as_ref().map(|lived| TimelineReport::new(lived, &keys)),
            denied: denied.map(in_words),
            agreement: outcomes.map(AgreementReport::new),
            unknown_principals: outcomes
                .map(|outcomes| by_requests(outcomes.unknown_principals.iter())),
            changes: gathered.changes.as_ref().map(ChangesReport::new),
        }
    }

    /// The same with at most `top` entries in each list that has no bound of its own.
    #[must_use]
    pub fn top(mut self, top: usize) -> Report {
        self.usage.callers.truncate(top);
        self.usage.routes.truncate(top);
        self.rate_limits.truncate(top);
        self.rate_limits.iter_mut().for_each(|limit| limit.callers.truncate(top));
        self.denied.iter_mut().for_each(|denied| denied.truncate(top));
        self.agreement.iter_mut().for_each(|agreement| agreement.disagreements.truncate(top));
        self.unknown_principals.iter_mut().for_each(|callers| callers.truncate(top));
        self.changes.iter_mut().for_each(|changes| changes.groups.truncate(top));
        self
    }
}

impl UsageReport {
    fn new(usage: &Usage) -> UsageReport {
        let shown = usage.series.for_showing(POINTS);
        let mut callers: Vec<_> =
            usage.callers.iter().map(|(caller, used)| CallerReport::new(caller, used)).collect();
        callers.sort_by_key(|caller| std::cmp::Reverse(caller.requests));
        let mut routes: Vec<_> =
            usage.routes.iter().map(|(route, used)| RouteReport::new(route, used)).collect();
        routes.sort_by_key(|route| std::cmp::Reverse(route.requests));
        UsageReport {
            requests: usage.requests,
            first: usage.span.first().map(rfc3339),
            last: usage.span.last().map(rfc3339),
            caller_count: callers.len(),
            route_count: routes.len(),
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
                .map(|(start, requests)| PointReport { start: rfc3339(start), requests })
                .collect(),
        }
    }
}

impl CallerReport {
    fn new(caller: &str, used: &CallerUse) -> CallerReport {
        CallerReport {
            caller: caller.to_owned(),
            requests: used.requests,
            refused: used.refused,
            throttled: used.throttled,
            failed: used.failed,
            first: used.span.first().map(rfc3339),
            last: used.span.last().map(rfc3339),
        }
    }
}

impl RouteReport {
    fn new(name: &str, used: &RouteUse) -> RouteReport {
        let (method, route) = name.split_once(' ').unwrap_or(("-", name));
        RouteReport {
            method: method.to_owned(),
            route: route.to_owned(),
            requests: used.requests,
            client_errors: used.client_errors,
            failed: used.failed,
            p50_ms: used.latency.percentile(50.0),
            p95_ms: used.latency.percentile(95.0),
            p99_ms: used.latency.percentile(99.0),
        }
    }
}

impl LimitReport {
    fn new(key: &LimitKey, used: &LimitUse) -> LimitReport {
        let shown: Series<Level> = used.series.for_showing(POINTS);
        LimitReport {
            key: key.clone(),
            requests: used.requests,
            limit: used.limit.map(|(_, limit)| limit),
            lowest_remaining: used.lowest.map(|(remaining, _)| remaining),
            lowest_at: used.lowest.map(|(_, at)| rfc3339(at)),
            throttled: used.primary + used.secondary,
            primary: used.primary,
            secondary: used.secondary,
            resets: used.resets.len().saturating_sub(1),
            callers: by_requests(used.callers.iter()),
            interval_seconds: shown.interval_ms() / 1000,
            series: shown
                .iter()
                .map(|(start, level)| LevelReport {
                    start: rfc3339(start),
                    requests: level.requests,
                    lowest_remaining: level.lowest,
                })
                .collect(),
        }
    }

    /// The share of the limit that was left at the lowest point: 0 for nothing, 1 for untold.
    pub fn share_left(&self) -> f64 {
        match (self.lowest_remaining, self.limit) {
            (Some(lowest), Some(limit)) if limit > 0 => lowest as f64 / limit as f64,
            _ if self.throttled > 0 => 0.0,
            _ => 1.0,
        }
    }
}

impl AgreementReport {
    fn new(outcomes: &Outcomes) -> AgreementReport {
        let mut reasons: Vec<ReasonCount> = outcomes
            .undetermined
            .iter()
            .map(|(reason, &requests)| ReasonCount { reason: reason.clone(), requests })
            .collect();
        reasons.sort_by_key(|reason| std::cmp::Reverse(reason.requests));
        AgreementReport {
            agreeing: outcomes.agreeing,
            disagreeing: outcomes.disagreeing,
            undetermined: outcomes.undetermined.values().sum(),
            reasons,
            disagreements: in_words(denied(outcomes, |_, group| group.disagrees)),
        }
    }
}

impl ChangesReport {
    fn new(changes: &Changes) -> ChangesReport {
        let mut groups: Vec<ChangeReport> =
            changes.groups.iter().map(|(key, change)| ChangeReport::new(key, change)).collect();
        groups.sort_by_key(|group| (rank(group.change), std::cmp::Reverse(group.requests)));
        let sum = |change| {
            let of_kind = groups.iter().filter(|group| group.change == change);
            of_kind.map(|group| group.requests).sum()
        };
        let [newly_denied, newly_allowed, otherwise] = KINDS.map(sum);
        ChangesReport {
            unchanged: changes.unchanged,
            newly_denied,
            newly_allowed,
            otherwise,
            groups,
        }
    }
}

const KINDS: [&str; 3] = ["newlyDenied", "newlyAllowed", "otherwise"];

fn rank(change: &str) -> usize {
    KINDS.iter().position(|kind| *kind == change).unwrap_or(KINDS.len())
}

impl ChangeReport {
    fn new(key: &ChangeKey, change: &Change) -> ChangeReport {
        let [newly_denied, newly_allowed, otherwise] = KINDS;
        ChangeReport {
            change: match (key.is_newly_denied(), key.is_newly_allowed()) {
                (true, _) => newly_denied,
                (_, true) => newly_allowed,
                _ => otherwise,
            },
            caller: key.caller.clone(),
            resource: change.only_resource.clone().unwrap_or_else(|| key.resource.clone()),
            requests: change.requests,
            first: change.span.first().map(rfc3339),
            last: change.span.last().map(rfc3339),
            logged_status: key.status,
            before: key.before.clone(),
            after: key.after.clone(),
        }
    }
}

/// Whether a group was denied: then, by the log, or now, by the replay.
fn is_denied(key: &GroupKey) -> bool {
    key.logged == Logged::Refused
        || matches!(key.decision.as_deref(), Some("explicitDeny" | "implicitDeny"))
}

/// The groups that `wanted` picks, the most frequent first.
fn denied(
    outcomes: &Outcomes,
    wanted: impl Fn(&GroupKey, &Group) -> bool,
) -> Vec<(&GroupKey, &Group)> {
    let groups = outcomes.groups.iter().map(|(key, group)| (key, group));
    let mut denied: Vec<_> = groups.filter(|(key, group)| wanted(key, group)).collect();
    denied.sort_by_key(|(_, group)| std::cmp::Reverse(group.requests));
    denied
}

fn in_words(groups: Vec<(&GroupKey, &Group)>) -> Vec<DeniedReport> {
    groups.into_iter().map(|(key, group)| DeniedReport::new(key, group)).collect()
}

impl TimelineReport {
    /// `denied` are the groups in the order of the report's list.
    fn new(timeline: &Timeline, denied: &[&GroupKey]) -> TimelineReport {
        let shown = timeline.for_showing(POINTS);
        let starts = shown.cells().iter().filter_map(|(cell, _)| cell.start);
        let (width, first) = (shown.interval_ms(), starts.min());
        let listed: HashMap<&GroupKey, usize> =
            denied.iter().enumerate().map(|(place, key)| (*key, place)).collect();
        let listed: Vec<Option<usize>> =
            shown.groups().iter().map(|key| listed.get(key).copied()).collect();
        let cell = |(cell, count): &(Cell, Count)| {
            let interval = cell.start.zip(first).map(|(start, first)| (start - first) / width);
            let group = cell.group.and_then(|group| *listed.get(group as usize)?);
            let Count { requests, timed, latency_ms } = *count;
            let (caller, route, status) = (cell.caller, cell.route, cell.status);
            CellReport(interval, caller, route, status, group, requests, timed, latency_ms)
        };
        TimelineReport {
            interval_seconds: width / 1000,
            start: first.map(rfc3339),
            callers: shown.callers().to_vec(),
            routes: shown.routes().to_vec(),
            cells: shown.cells().iter().map(cell).collect(),
        }
    }
}

impl DeniedReport {
    fn new(key: &GroupKey, group: &Group) -> DeniedReport {
        DeniedReport {
            caller: key.caller.clone(),
            action: key.action.clone(),
            resource: group.only_resource.clone().unwrap_or_else(|| key.resource.clone()),
            requests: group.requests,
            first: group.span.first().map(rfc3339),
            last: group.span.last().map(rfc3339),
            logged_status: key.status,
            logged: key.logged,
            decision: key.decision.clone(),
            determined_by: key.determined_by.clone(),
            nearest: group.nearest.clone(),
            depends_on: key.depends_on.clone(),
        }
    }
}

/// Callers by how often they called, the most first.
fn by_requests<'a>(callers: impl Iterator<Item = (&'a String, &'a u64)>) -> Vec<CallerCount> {
    let mut counts: Vec<_> = callers
        .map(|(caller, &requests)| CallerCount { caller: caller.clone(), requests })
        .collect();
    counts.sort_by_key(|count| std::cmp::Reverse(count.requests));
    counts
}
