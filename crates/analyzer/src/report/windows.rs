//! The windows of a limit: how long they are, how each was used, and what a request takes of one.

use serde::Serialize;

use super::length::Length;
use crate::forecast::median;
use crate::limits::{LimitUse, WindowUse};
use crate::series::Measure;
use crate::time::rfc3339;

/// The most windows that are listed; beyond, neighbours are one.
const LISTED: usize = 750;

/// Calls that a window must have served before it tells what a request takes.
const SERVED_MIN: u64 = 10;

/// One window of a limit, or neighbours where there are many.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WindowReport {
    /// When it ends, RFC 3339; the last, of several.
    pub ends: String,
    /// How many these are; `None` where windows are not seen apart.
    pub windows: Option<usize>,
    /// Answers that told of it.
    pub requests: u64,
    /// The most that was used of one, by whomever.
    pub used: u64,
    /// The lowest number left: the headroom that it had.
    pub lowest_remaining: Option<u64>,
}

/// The windows of one limit.
#[derive(Clone, Debug)]
pub(crate) struct Windows {
    /// When they end, UTC milliseconds, and how they were used.
    pub(crate) all: Vec<(i64, WindowUse)>,
    /// How long one is taken to be, milliseconds.
    pub(crate) length: Option<i64>,
    /// How long one is at least.
    pub(crate) least: Option<i64>,
    /// Whether answers tell that; else it is concluded from when windows end.
    pub(crate) told: bool,
    /// Whether it is known, told or not.
    pub(crate) is_known: bool,
    /// What ends within so many milliseconds is one.
    pub(crate) interval: i64,
}

impl Windows {
    /// Finds them. Resets that are told in seconds to wait are off by a second and more, so what ends
    /// within half a window is one.
    pub(crate) fn of(used: &LimitUse) -> Windows {
        let told =
            used.window.map(|seconds| i64::try_from(seconds).unwrap_or(i64::MAX / 1000) * 1000);
        let length = told.map(Length::known).or_else(|| Length::concluded(used));
        let least = length.map(|length| length.least);
        let within = length.and_then(|length| length.likely).or(least).map(|length| length / 2);
        let mut all: Vec<(i64, WindowUse)> = Vec::new();
        for (ends, window) in used.windows.iter() {
            match all.last_mut() {
                Some((first, sum)) if within.is_some_and(|within| ends - *first < within) => {
                    *sum = sum.with(window);
                }
                _ => all.push((ends, window)),
            }
        }
        Windows {
            all,
            length: length.and_then(|length| length.likely),
            least,
            told: told.is_some(),
            is_known: length.is_some_and(|length| length.is_known),
            interval: used.windows.interval_ms(),
        }
    }

    /// Whether each is seen by itself: the moments at which windows end are off by an interval at most.
    pub(crate) fn are_apart(&self) -> bool {
        self.length.is_some_and(|length| length >= 2 * self.interval)
    }

    /// How much of a window one request takes: more than one where calls cost more, or where others
    /// use the same credential. 1 where windows cannot be told apart.
    pub(crate) fn cost(&self) -> f64 {
        let apart = self.are_apart();
        let whole = self.all.iter().skip(1).rev().skip(1).filter(|_| apart);
        let cost = |(_, window): &(i64, WindowUse)| {
            // What was refused took nothing of it.
            let served = window.requests.saturating_sub(window.refused);
            let is_told = window.lowest.is_some() && served >= SERVED_MIN;
            is_told.then(|| window.used as f64 / served as f64)
        };
        let mut each: Vec<f64> = whole.filter_map(cost).collect();
        median(&mut each).filter(|cost| *cost > 0.0).unwrap_or(1.0)
    }

    /// For the report, in order of time.
    pub(crate) fn listed(&self) -> Vec<WindowReport> {
        let together = self.all.len().div_ceil(LISTED).max(1);
        let joined = self.all.chunks(together).filter_map(|windows| {
            let (ends, _) = windows.last()?;
            let uses = windows.iter().map(|(_, window)| *window);
            Some((*ends, windows.len(), uses.reduce(WindowUse::with)?))
        });
        let listed = joined.map(|(ends, windows, window)| WindowReport {
            ends: rfc3339(ends),
            windows: self.are_apart().then_some(windows),
            requests: window.requests,
            used: window.used,
            lowest_remaining: window.lowest,
        });
        listed.collect()
    }
}
