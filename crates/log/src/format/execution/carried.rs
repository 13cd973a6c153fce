//! Requests of an execution log that are open where the input ends, for it may grow.
//!
//! A request that is not complete waits for the next run. One that is complete was given, and is
//! only remembered for the lines that may trail, which say nothing new but its trace id: so
//! however a log grows, its runs together give each request once.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{ExecutionReader, Key, LINGER_EVENTS, Open};
use crate::account::LineAccount;
use crate::rows::Rows;
use crate::schema::Field;

/// Bytes that the values of requests may hold from one run to another, for each input.
const CARRIED_BYTES_MAX: usize = 4 << 20;

/// A request whose lines may go on in the next run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct OpenRequest {
    stream: String,
    id: String,
    time: i64,
    dated: bool,
    /// The last line of its stream is one of its.
    current: bool,
    /// It was complete so many events ago, and is a row already.
    given: Option<u64>,
    /// By the names of their columns.
    values: BTreeMap<String, String>,
}

impl OpenRequest {
    /// Whether it is still to become a row.
    pub(crate) fn waits(&self) -> bool {
        self.given.is_none()
    }
}

impl ExecutionReader {
    /// Ends a run over an input that may grow: gives what is complete, and returns what may go on.
    /// If that is too much, the oldest are given as they are.
    pub(crate) fn suspend(
        &mut self,
        rows: &mut Rows,
        account: &mut LineAccount,
    ) -> Vec<OpenRequest> {
        while self.held > CARRIED_BYTES_MAX {
            let Some(oldest) = self.order.first_key_value().map(|(_, key)| key.clone()) else {
                break;
            };
            self.close(&oldest, rows, account);
        }
        let keys: Vec<Key> = self.order.values().cloned().collect();
        // Of a request that is there twice, the first counts.
        let done: BTreeMap<Key, u64> = self.done.drain(..).rev().collect();
        let mut carried = Vec::with_capacity(keys.len());
        for key in keys {
            let current = self.current.get(&key.0) == Some(&key);
            let given = done.get(&key).map(|at| self.events - at);
            let Some(open) = self.open.get(&key) else { continue };
            let Open { time, dated, .. } = *open;
            let names = open.values.iter().filter(|_| given.is_none());
            let values = names.map(|(field, value)| (field.name().to_owned(), value.clone()));
            let values = values.collect();
            if given.is_some() {
                self.close(&key, rows, account);
            }
            let (stream, id) = key;
            carried.push(OpenRequest { stream, id, time, dated, current, given, values });
        }
        carried
    }

    /// Takes up what an earlier run left open.
    pub(crate) fn resume(&mut self, carried: Vec<OpenRequest>) {
        // Places and events of before are lower than all that come.
        self.events = LINGER_EVENTS + carried.len() as u64;
        let mut done = Vec::new();
        for (request, place) in carried.into_iter().zip(0..) {
            let OpenRequest { stream, id, time, dated, current, given, values } = request;
            let key = (stream, id);
            let values =
                values.into_iter().filter_map(|(name, value)| Some((Field::named(&name)?, value)));
            let open = Open {
                place,
                time,
                dated,
                values: values.collect(),
                done: given.is_some(),
                given: given.is_some(),
            };
            if current {
                self.current.insert(key.0.clone(), key.clone());
            }
            done.extend(given.map(|ago| (self.events.saturating_sub(ago), key.clone())));
            self.held += key.0.len() + key.1.len() + open.held();
            self.order.insert(place, key.clone());
            self.open.insert(key, open);
        }
        done.sort_unstable();
        self.done = done.into_iter().map(|(at, key)| (key, at)).collect();
    }
}
