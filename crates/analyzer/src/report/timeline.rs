//! The timeline in the report: what a reader needs to narrow it down.

use hashbrown::HashMap;
use serde::Serialize;

use super::POINTS;
use crate::outcomes::GroupKey;
use crate::time::rfc3339;
use crate::timeline::{Cell, Count, Timeline};

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

impl TimelineReport {
    /// `denied` are the groups in the order of the report's list.
    pub(super) fn new(timeline: &Timeline, denied: &[&GroupKey]) -> TimelineReport {
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
