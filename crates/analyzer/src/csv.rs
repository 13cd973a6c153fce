//! Tables of the report as CSV ([RFC 4180](https://www.rfc-editor.org/rfc/rfc4180)): a header, then a
//! line each.

use crate::report::Report;

/// Callers and what they used.
pub fn callers(report: &Report) -> String {
    let header = ["caller", "requests", "refused", "throttled", "failed", "first", "last"];
    let rows = report.usage.callers.iter().map(|caller| {
        [
            caller.caller.clone(),
            caller.requests.to_string(),
            caller.refused.to_string(),
            caller.throttled.to_string(),
            caller.failed.to_string(),
            caller.first.clone().unwrap_or_default(),
            caller.last.clone().unwrap_or_default(),
        ]
    });
    table(header, rows)
}

/// Routes, how often they were called and how fast they were.
pub fn routes(report: &Report) -> String {
    let header =
        ["method", "route", "requests", "clientErrors", "failed", "p50Ms", "p95Ms", "p99Ms"];
    let rows = report.usage.routes.iter().map(|route| {
        [
            route.method.clone(),
            route.route.clone(),
            route.requests.to_string(),
            route.client_errors.to_string(),
            route.failed.to_string(),
            optional(route.p50_ms),
            optional(route.p95_ms),
            optional(route.p99_ms),
        ]
    });
    table(header, rows)
}

/// Rate limits.
pub fn limits(report: &Report) -> String {
    let header = [
        "upstream",
        "credential",
        "bucket",
        "requests",
        "limit",
        "lowestRemaining",
        "lowestAt",
        "primary",
        "secondary",
        "resets",
    ];
    let rows = report.rate_limits.iter().map(|limit| {
        [
            limit.key.upstream.clone(),
            limit.key.credential.clone(),
            limit.key.bucket.clone(),
            limit.requests.to_string(),
            optional(limit.limit),
            optional(limit.lowest_remaining),
            limit.lowest_at.clone().unwrap_or_default(),
            limit.primary.to_string(),
            limit.secondary.to_string(),
            limit.resets.to_string(),
        ]
    });
    table(header, rows)
}

/// Denied calls, and the first statement that determined each or came nearest to allowing it.
pub fn denied(report: &Report) -> String {
    let header = [
        "caller",
        "action",
        "resource",
        "requests",
        "first",
        "last",
        "loggedStatus",
        "decision",
        "policy",
        "line",
        "column",
        "sid",
        "element",
        "pattern",
        "value",
    ];
    let rows = report.denied.iter().flatten().map(|group| {
        let nearest = group.nearest.as_ref();
        let by = group.determined_by.first().or(nearest.map(|nearest| &nearest.statement));
        let miss = nearest.map(|nearest| {
            let element = nearest.condition.as_ref().unwrap_or(&nearest.element);
            [element.clone(), nearest.pattern.clone(), nearest.value.clone().unwrap_or_default()]
        });
        let [element, pattern, value] = miss.unwrap_or_default();
        [
            group.caller.clone(),
            group.action.clone(),
            group.resource.clone(),
            group.requests.to_string(),
            group.first.clone().unwrap_or_default(),
            group.last.clone().unwrap_or_default(),
            group.logged_status.map_or_else(String::new, |status| status.to_string()),
            group.decision.clone().unwrap_or_default(),
            by.map_or_else(String::new, |by| by.policy.clone()),
            by.map_or_else(String::new, |by| by.line.to_string()),
            by.map_or_else(String::new, |by| by.column.to_string()),
            by.and_then(|by| by.sid.clone()).unwrap_or_default(),
            element,
            pattern,
            value,
        ]
    });
    table(header, rows)
}

fn table<const N: usize>(header: [&str; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let mut text = line(header.map(str::to_owned));
    rows.for_each(|row| text.push_str(&line(row)));
    text
}

fn line<const N: usize>(cells: [String; N]) -> String {
    cells.map(|text| cell(&text)).join(",") + "\r\n"
}

/// A cell, quoted if it must be. A cell that a spreadsheet would take for a formula is told apart by
/// an apostrophe: callers choose their session names.
fn cell(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if formula { format!("'{text}") } else { text.to_owned() };
    match text.contains(['"', ',', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}

fn optional(value: Option<u64>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_only_if_they_must_be() {
        let cells = ["plain", "a,b", "say \"hi\"", "two\nlines"].map(cell);
        assert_eq!(cells, ["plain", "\"a,b\"", "\"say \"\"hi\"\"\"", "\"two\nlines\""]);
    }

    #[test]
    fn a_cell_is_never_a_formula() {
        assert_eq!(cell("=HYPERLINK(1)"), "'=HYPERLINK(1)");
        assert_eq!(cell("-"), "'-");
    }
}
