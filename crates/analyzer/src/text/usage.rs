//! Usage: principals, callers, routes, statuses.

use super::short_names::ShortNames;
use super::style::{Style, count, number, share};
use super::table::Column::{Number, Text};
use super::table::table;
use crate::report::{PrincipalReport, Report, UsageReport, UseReport};

/// Roles with all of their sessions, unless that is what callers tell anyway.
pub(super) fn principals(report: &Report, style: &Style) -> String {
    let usage = &report.usage;
    if !has_sessions(usage) {
        return String::new();
    }
    let shown = style.shown(usage.principals.len());
    let names = ShortNames::of(usage.principals.iter().map(|it| &*it.principal));
    let rows = usage.principals.iter().take(shown).map(|principal| {
        let who = [names.name(&principal.principal), sessions(principal)];
        who.into_iter().chain(used(&principal.used, usage.requests)).collect()
    });
    let columns = [
        Text("principal"),
        Number("sessions"),
        Number("requests"),
        Number("share"),
        Number("refused"),
        Number("throttled"),
        Number("failed"),
    ];
    let mut text = style.heading("Principals");
    text.push_str(&table(&columns, rows.collect(), style));
    let left_out = usage.principals.iter().skip(shown);
    text.push_str(&rest(left_out.map(|principal| principal.used.requests), "principal", style));
    text
}

/// The cells of how much was used, of `all` requests.
pub(super) fn used(used: &UseReport, all: u64) -> [String; 5] {
    let [requests, refused, throttled, failed] = used.counts().map(number);
    [requests, share(used.requests, all), refused, throttled, failed]
}

/// Whether some principal has more than one session: otherwise principals are the callers.
pub(crate) fn has_sessions(usage: &UsageReport) -> bool {
    let several = |it: &PrincipalReport| it.more_sessions || it.sessions > Some(1);
    usage.principals.iter().any(several)
}

/// How many sessions a principal has.
pub(crate) fn sessions(principal: &PrincipalReport) -> String {
    match (principal.sessions, principal.more_sessions) {
        (None, _) => "–".to_owned(),
        (Some(0), true) => "many".to_owned(),
        (Some(told), true) => format!("> {}", number(told)),
        (Some(told), false) => number(told),
    }
}

pub(super) fn callers(report: &Report, style: &Style) -> String {
    let usage = &report.usage;
    let shown = style.shown(usage.callers.len());
    let names = ShortNames::of(usage.callers.iter().map(|caller| caller.caller));
    let rows = usage.callers.iter().take(shown).map(|caller| {
        let who = names.name(caller.caller);
        std::iter::once(who).chain(used(&caller.used, usage.requests)).collect()
    });
    let columns = [
        Text("caller"),
        Number("requests"),
        Number("share"),
        Number("refused"),
        Number("throttled"),
        Number("failed"),
    ];
    let mut text = style.heading("Callers");
    text.push_str(&table(&columns, rows.collect(), style));
    let left_out = usage.callers.iter().skip(shown);
    text.push_str(&rest(left_out.map(|caller| caller.used.requests), "caller", style));
    text
}

pub(super) fn routes(report: &Report, style: &Style) -> String {
    let usage = &report.usage;
    let shown = style.shown(usage.routes.len());
    let ms = |value: Option<u64>| value.map_or("–".to_owned(), number);
    let rows = usage.routes.iter().take(shown).map(|route| {
        vec![
            format!("{} {}", route.method, route.route),
            number(route.requests),
            number(route.client_errors),
            number(route.failed),
            ms(route.p50_ms),
            ms(route.p95_ms),
            ms(route.p99_ms),
        ]
    });
    let columns = [
        Text("route"),
        Number("requests"),
        Number("4xx"),
        Number("5xx"),
        Number("p50 ms"),
        Number("p95 ms"),
        Number("p99 ms"),
    ];
    let mut text = style.heading("Routes");
    text.push_str(&table(&columns, rows.collect(), style));
    let left_out = usage.routes.iter().skip(shown);
    text.push_str(&rest(left_out.map(|route| route.requests), "route", style));
    text
}

pub(super) fn statuses(report: &Report, style: &Style) -> String {
    let usage = &report.usage;
    let mut rows: Vec<Vec<String>> = Vec::new();
    for status in &usage.statuses {
        rows.push(vec![
            status.status.to_string(),
            number(status.requests),
            share(status.requests, usage.requests),
        ]);
    }
    if usage.without_status > 0 {
        let requests = usage.without_status;
        rows.push(vec!["–".to_owned(), number(requests), share(requests, usage.requests)]);
    }
    let columns = [Number("status"), Number("requests"), Number("share")];
    style.heading("Statuses") + &table(&columns, rows, style)
}

/// What a list leaves out.
pub(super) fn rest(requests: impl Iterator<Item = u64>, noun: &str, style: &Style) -> String {
    let (entries, requests) =
        requests.fold((0, 0), |(entries, sum), each| (entries + 1, sum + each));
    match entries {
        0 => String::new(),
        _ => {
            let entries = count(entries, &format!("other {noun}"));
            style.line(2, format!("… and {entries} with {}", count(requests, "request")))
        }
    }
}
