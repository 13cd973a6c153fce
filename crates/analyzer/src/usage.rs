//! Usage: who called what, how often, how fast, and when.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::answers::Answers;
use crate::bounded::{self, Counted};
use crate::call::Call;
use crate::callers::{self, CallerNumbers};
use crate::calls::ROUTES_MAX;
use crate::groups::Merge;
use crate::heat::Heat;
use crate::histogram::Histogram;
use crate::intern::{Interner, OTHER, slot};
use crate::rows::Row;
use crate::series::{Measure, Series};
use crate::time::{Span, minute};

/// What was used. Merges.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    /// All requests.
    pub requests: u64,
    /// When the first and the last were.
    pub span: Span,
    /// By caller.
    pub callers: BTreeMap<String, CallerUse>,
    /// By method and route: `GET /pets/{id}`.
    pub routes: BTreeMap<String, RouteUse>,
    /// By the status that the client received.
    pub statuses: BTreeMap<u16, u64>,
    /// Requests without a status.
    pub without_status: u64,
    /// Requests by time, and how they were answered.
    pub series: Series<Answers>,
    /// Requests by hour of the week.
    pub heat: Heat,
}

/// What one caller used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CallerUse {
    /// Requests, and how they were answered.
    pub answers: Answers,
    /// When the first and the last were.
    pub span: Span,
}

/// How one route was used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RouteUse {
    /// Requests, and how they were answered.
    pub answers: Answers,
    /// Latencies in milliseconds: `responseLatency`, else `integrationLatency`.
    pub latency: Histogram,
}

impl Usage {
    /// Adds what another worker, file or machine counted.
    pub fn merge(&mut self, other: Usage) {
        self.requests += other.requests;
        self.without_status += other.without_status;
        self.span.merge(other.span);
        self.series.merge(&other.series);
        self.heat.merge(&other.heat);
        callers::merge(&mut self.callers, other.callers);
        bounded::merge(&mut self.routes, other.routes, ROUTES_MAX, &OTHER.to_owned());
        for (status, requests) in other.statuses {
            *self.statuses.entry(status).or_default() += requests;
        }
    }
}

impl CallerUse {
    #[inline]
    fn add(&mut self, status: Option<u16>, time: Option<i64>) {
        self.answers.add(status);
        self.span.merge(Span::at(time));
    }
}

impl Merge for CallerUse {
    fn merge(&mut self, other: CallerUse) {
        self.answers = self.answers.with(other.answers);
        self.span.merge(other.span);
    }
}

impl Counted for CallerUse {
    fn requests(&self) -> u64 {
        self.answers.requests
    }
}

impl RouteUse {
    #[inline]
    fn add(&mut self, status: Option<u16>, latency: Option<u64>) {
        self.answers.add(status);
        if let Some(latency) = latency {
            self.latency.add(latency);
        }
    }
}

impl Merge for RouteUse {
    fn merge(&mut self, other: RouteUse) {
        self.answers = self.answers.with(other.answers);
        self.latency.merge(&other.latency);
    }
}

impl Counted for RouteUse {
    fn requests(&self) -> u64 {
        self.answers.requests
    }
}

/// The latency of a request in milliseconds: `responseLatency`, else `integrationLatency`.
#[inline]
pub(crate) fn latency(row: Row<'_, '_>) -> Option<u64> {
    row.response_latency().or_else(|| row.integration_latency())
}

/// The requests of one worker, while they are counted.
#[derive(Default)]
pub(crate) struct UsageTally {
    requests: u64,
    span: Span,
    callers: Vec<CallerUse>,
    routes: Vec<RouteUse>,
    statuses: Vec<u64>,
    without_status: u64,
    series: Series<Answers>,
    heat: Heat,
    /// The minute that is being read, and what it has: logs are nearly in order of time.
    minute: (i64, Answers),
}

impl UsageTally {
    /// Counts calls, by one of what they are counted by after the other.
    pub(crate) fn add(&mut self, calls: &[Call<'_, '_>]) {
        for call in calls {
            let caller = slot(&mut self.callers, call.caller_number);
            caller.add(call.status, call.time);
        }
        for call in calls {
            let route = slot(&mut self.routes, call.route_number);
            route.add(call.status, latency(call.row));
        }
        self.requests += calls.len() as u64;
        let mut span = Span::default();
        for call in calls {
            match call.status {
                Some(status) => *slot(&mut self.statuses, status.into()) += 1,
                None => self.without_status += 1,
            }
            span.merge(Span::at(call.time));
            if let Some(time) = call.time {
                self.count_at(time, call.status);
            }
        }
        self.span.merge(span);
    }

    fn count_at(&mut self, time: i64, status: Option<u16>) {
        let start = minute(time, self.minute.0);
        if start != self.minute.0 {
            self.flush();
            self.minute.0 = start;
        }
        self.minute.1.add(status);
    }

    fn flush(&mut self) {
        let (start, answers) = self.minute;
        if answers.requests > 0 {
            self.series.add(start, answers);
            self.heat.add(start, answers.requests);
            self.minute.1 = Answers::default();
        }
    }

    pub(crate) fn finish(mut self, callers: &CallerNumbers, routes: &Interner) -> Usage {
        self.flush();
        let statuses = (0..).zip(self.statuses).filter(|(_, requests)| *requests > 0);
        Usage {
            requests: self.requests,
            span: self.span,
            callers: named(self.callers, |number| callers.text(number)),
            routes: named(self.routes, |number| routes.text(number)),
            statuses: statuses.collect(),
            without_status: self.without_status,
            series: self.series,
            heat: self.heat,
        }
    }
}

/// A list by number as a map by name, without the entries that nothing was counted in.
fn named<'n, T: Counted>(list: Vec<T>, name: impl Fn(u32) -> &'n str) -> BTreeMap<String, T> {
    let counted = (0..).zip(list).filter(|(_, entry)| entry.requests() > 0);
    counted.map(|(number, entry)| (name(number).to_owned(), entry)).collect()
}
