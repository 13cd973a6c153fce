//! API Gateway execution logs: several lines a request, interleaved.
//!
//! Every line names its request in front, `(id) `, except in old exports and
//! test invocations, where lines follow their request's first line in the same
//! stream. A request is complete at `Method completed with status`, but a few
//! lines may trail, so it is kept for some more events. What is still open at
//! the end, or when too many requests are, becomes a row all the same and
//! counts as incomplete.

mod carried;
mod rules;

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::Outcome;
use crate::account::LineAccount;
use crate::envelope::Origin;
use crate::rows::{NO_TIME, Rows};
use crate::schema::Field;
use crate::time;
use crate::told::ApiStage;
use rules::{Rule, rule};

pub(crate) use carried::OpenRequest;

/// Requests that may be open at a time.
const OPEN_MAX: usize = 64 << 10;

/// Bytes that the values of open requests may hold together.
const HELD_BYTES_MAX: usize = 64 << 20;

/// Events for which a completed request waits for lines that trail.
const LINGER_EVENTS: u64 = 64;

/// Longer ids are no request ids.
const ID_BYTES_MAX: usize = 128;

/// How the log groups of execution logs are called, before `API/STAGE`.
pub(crate) const GROUP: &str = "API-Gateway-Execution-Logs_";

/// A request being put together.
#[derive(Debug)]
struct Open {
    /// Its place in the order of first lines.
    place: u64,
    time: i64,
    values: BTreeMap<Field, String>,
    /// Its lines have dates instead of the request's id.
    dated: bool,
    done: bool,
    /// It is done, and an earlier run has given its row.
    given: bool,
}

/// A stream and a request in it.
type Key = (String, String);

/// Reads execution logs into rows.
#[derive(Debug, Default)]
pub(crate) struct ExecutionReader {
    open: HashMap<Key, Open>,
    /// Requests in the order of their first line.
    order: BTreeMap<u64, Key>,
    /// Bytes that their values hold.
    held: usize,
    /// Completed requests, and at which event they were.
    done: VecDeque<(Key, u64)>,
    /// The request that the last line of each stream belongs to.
    current: HashMap<String, Key>,
    events: u64,
    /// Whose the requests are, where their log group does not say it.
    api_stage: ApiStage,
}

/// Whether a text looks like a line of an execution log.
pub(crate) fn is_execution(text: &str) -> bool {
    let (id, _, message) = prefix(text);
    id.is_some() && message.len() < text.len()
        || message.len() < text.len() && rule(message).is_some()
        || STARTS.iter().any(|start| message.starts_with(start))
}

/// What lines without a prefix begin with, where a request begins or ends.
const STARTS: [&str; 8] = [
    "Starting execution for request: ",
    "Verifying Usage Plan for request: ",
    "Starting authorizer: ",
    "Unauthorized request: ",
    "HTTP Method: ",
    "Method completed with status: ",
    "Extended Request Id: ",
    "Method request path: ",
];

/// Splits `(id) ` or `Sun Oct 15 13:41:13 UTC 2023 : ` off a line.
fn prefix(text: &str) -> (Option<&str>, Option<i64>, &str) {
    if let Some((id, message)) = text.strip_prefix('(').and_then(|rest| rest.split_once(") ")) {
        let plausible =
            |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '=' | '+' | '/');
        if !id.is_empty() && id.len() <= ID_BYTES_MAX && id.chars().all(plausible) {
            return (Some(id), None, message);
        }
    }
    if let Some((date, message)) = text.split_once(" : ")
        && date.len() == 28
        && let Some(moment) = time::parse(date.as_bytes())
    {
        return (None, Some(moment), message);
    }
    (None, None, text)
}

impl ExecutionReader {
    pub(crate) fn new(api_stage: ApiStage) -> ExecutionReader {
        ExecutionReader { api_stage, ..ExecutionReader::default() }
    }

    /// Takes a line, or an event of several lines.
    pub(crate) fn read(
        &mut self,
        text: &str,
        time: i64,
        origin: Option<&Origin>,
        rows: &mut Rows,
        account: &mut LineAccount,
    ) -> Outcome {
        self.events += 1;
        self.flush_done(rows, account);
        let stream = origin.map_or("", |origin| &origin.stream);
        let (id, moment, message) = prefix(text);
        let named = id.or_else(|| request_in(message));
        let known = rule(message);
        if named.is_none() && known.is_none() && moment.is_none() && self.is_of_body(stream, time) {
            return Outcome::Parsed;
        }
        let id = named.or_else(|| self.current(stream, moment.is_some())).unwrap_or_default();
        let key = (stream.to_owned(), id.to_owned());
        if named.is_none() && known.is_none() && !self.open.contains_key(&key) {
            return Outcome::Quarantined("the line belongs to no request".to_owned());
        }
        if begins(message) && self.open.get(&key).is_some_and(|open| open.done) {
            self.close(&key, rows, account);
        }
        if self.current.get(stream).is_none_or(|current| *current != key) {
            self.current.insert(key.0.clone(), key.clone());
        }
        self.take(key.clone(), moment.unwrap_or(time), message, known, origin);
        if let Some(open) = self.open.get_mut(&key) {
            open.dated |= moment.is_some();
        }
        while self.open.len() > OPEN_MAX || self.held > HELD_BYTES_MAX {
            let Some(oldest) = self.order.first_key_value().map(|(_, key)| key.clone()) else {
                break;
            };
            self.close(&oldest, rows, account);
        }
        Outcome::Parsed
    }

    /// Whether a line that does not name its request is one of those that a stream's request has.
    pub(crate) fn continues(&self, stream: &str, text: &str) -> bool {
        rule(text).is_some() || !text.starts_with('{') && self.current(stream, false).is_some()
    }

    /// The request that a line without an id belongs to.
    fn current(&self, stream: &str, dated: bool) -> Option<&str> {
        let key = self.current.get(stream)?;
        let open = self.open.get(key)?;
        (open.dated || !dated).then_some(&key.1)
    }

    /// Whether a line that says nothing by itself goes on with what a request said before it, and
    /// changes nothing of that: bodies may have any number of lines.
    fn is_of_body(&self, stream: &str, time: i64) -> bool {
        let open = self.current.get(stream).and_then(|key| self.open.get(key));
        open.is_some_and(|open| !open.done && (open.time != NO_TIME || time == NO_TIME))
    }

    /// Adds a line to its request.
    fn take(
        &mut self,
        key: Key,
        time: i64,
        message: &str,
        known: Option<&Rule>,
        origin: Option<&Origin>,
    ) {
        let place = self.events;
        let open = self.open.entry(key.clone()).or_insert_with(|| {
            self.order.insert(place, key.clone());
            let open = Open::new(&key.1, place, time, origin);
            self.held += key.0.len() + key.1.len() + open.held();
            open
        });
        let before = open.held();
        if open.time == NO_TIME {
            open.time = time;
        }
        if let Some((start, read)) = known {
            read(open, message.get(start.len()..).unwrap_or_default());
        }
        self.held += open.held() - before;
        if open.done && self.done.back().is_none_or(|(last, _)| *last != key) {
            self.done.push_back((key, self.events));
        }
    }

    /// Writes out the requests that were completed a while ago.
    fn flush_done(&mut self, rows: &mut Rows, account: &mut LineAccount) {
        while let Some((key, at)) = self.done.front() {
            if self.events - at <= LINGER_EVENTS {
                return;
            }
            let key = key.clone();
            self.done.pop_front();
            self.close(&key, rows, account);
        }
    }

    /// Writes out all requests.
    pub(crate) fn finish(&mut self, rows: &mut Rows, account: &mut LineAccount) {
        while let Some((_, key)) = self.order.pop_first() {
            self.close(&key, rows, account);
        }
        *self = ExecutionReader::new(std::mem::take(&mut self.api_stage));
    }

    fn close(&mut self, key: &Key, rows: &mut Rows, account: &mut LineAccount) {
        self.done.retain(|(other, _)| other != key);
        let Some(mut open) = self.open.remove(key) else { return };
        self.order.remove(&open.place);
        self.held -= open.held() + key.0.len() + key.1.len();
        if self.current.get(&key.0) == Some(key) {
            self.current.remove(&key.0);
        }
        open.set(Field::ApiId, self.api_stage.api.as_deref().unwrap_or_default());
        open.set(Field::Stage, self.api_stage.stage.as_deref().unwrap_or_default());
        if open.given {
            return;
        }
        account.incomplete += u64::from(!open.done);
        rows.begin(open.time);
        for (field, value) in &open.values {
            rows.set_text(*field, value);
        }
    }
}

impl Open {
    fn new(id: &str, place: u64, time: i64, origin: Option<&Origin>) -> Open {
        let (values, dated, done, given) = (BTreeMap::new(), false, false, false);
        let mut open = Open { place, time, values, dated, done, given };
        open.set(Field::RequestId, id);
        if let Some(origin) = origin {
            open.set(Field::AccountId, &origin.owner);
            let group = origin.group.rsplit(':').next().unwrap_or_default();
            if let Some(api) = group.strip_prefix(GROUP) {
                open.set_api(api);
            }
        }
        open
    }

    /// Bytes of its values.
    fn held(&self) -> usize {
        self.values.values().map(String::len).sum()
    }

    /// Sets a value unless an earlier line said it.
    fn set(&mut self, field: Field, value: &str) {
        if !value.is_empty() {
            self.values.entry(field).or_insert_with(|| value.to_owned());
        }
    }

    /// `api/stage`
    fn set_api(&mut self, api: &str) {
        let (api, stage) = api.trim().split_once('/').unwrap_or((api.trim(), ""));
        self.set(Field::ApiId, api);
        self.set(Field::Stage, stage);
    }

    fn set_error(&mut self, error_type: &str, message: &str) {
        self.set(Field::ErrorType, error_type);
        self.set(Field::ErrorMessage, message);
    }
}

/// The id in `… for request: ID` and `Unauthorized request: ID`.
fn request_in(message: &str) -> Option<&str> {
    let starts = ["Starting execution", "Verifying Usage", "Starting authorizer", "Unauthorized"];
    starts.iter().find(|start| message.starts_with(*start))?;
    let (_, rest) = message.split_once("request: ")?;
    rest.split([' ', '.', '\n']).next().filter(|id| !id.is_empty())
}

/// Whether a line is a request's first.
fn begins(message: &str) -> bool {
    ["Extended Request Id: ", "Verifying Usage Plan", "Starting execution", "Starting authorizer"]
        .iter()
        .any(|start| message.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_an_execution_log() {
        for line in [
            "(515f1e99-39db-11e9-9e96-01e5c04505b9) anything at all",
            "Sun Oct 15 13:41:13 UTC 2023 : Received response. Status: 403, Integration latency: 2 ms",
            "Starting execution for request: 9ac0eacd",
        ] {
            assert!(is_execution(line), "`{line}`");
        }
        for line in ["{\"status\":200}", "(not an id) x", "10.0.0.1 - - [x]", ""] {
            assert!(!is_execution(line), "`{line}`");
        }
    }
}
