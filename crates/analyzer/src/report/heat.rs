//! Requests by hour and weekday, in the report.

use serde::Serialize;

use crate::heat::Heat;
use crate::time::Span;

/// The days of the week as reports name them.
pub const WEEKDAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// One hour of the week, in UTC.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HeatReport {
    /// One of [`WEEKDAYS`].
    pub weekday: &'static str,
    /// From 0 to 23.
    pub hour: usize,
    /// All requests.
    pub requests: u64,
    /// How many times the hour lies within the log, if only partly.
    pub hours: u64,
}

impl HeatReport {
    /// Requests in one such hour, on average; `None` for hours that the log does not have.
    pub fn each(&self) -> Option<f64> {
        (self.hours > 0).then(|| self.requests as f64 / self.hours as f64)
    }
}

/// All hours of the week, Monday first; none of a log without times.
pub(super) fn hours(heat: &Heat, span: Span) -> Vec<HeatReport> {
    let (Some(first), Some(last)) = (span.first(), span.last()) else { return Vec::new() };
    let hours = heat.iter().zip(Heat::occurrences(first, last));
    let report = |((day, hour, requests), hours)| {
        let weekday = WEEKDAYS.get(day).copied().unwrap_or_default();
        HeatReport { weekday, hour, requests, hours }
    };
    hours.map(report).collect()
}
