//! JSON documents that hold events: subscriptions, pages, results, trails.
//!
//! A document may be larger than memory (CloudTrail's `Records`, a saved
//! `get-log-events`), so what is kept is one element of its array at a time.
//! Documents follow each other with anything or nothing between them.

use std::borrow::Cow;
use std::io::Read;
use std::sync::Arc;

use memchr::memmem;
use serde::{Deserialize, Serialize};

use super::json::{self, Value};
use super::{EVENT_BYTES_MAX, Nature, Origin, Unwrapped, within};
use crate::container;
use crate::rows::NO_TIME;
use crate::time;

/// What a document lacks that is no event either.
const EVENTLESS: &str = "expected events in `logEvents`, `events`, `Records`, `results` or `awslogs`, \
                         or one with `timestamp` and `message`, found none";

/// How much is shown of the names in such a document, and of each.
const SHOWN_MAX: usize = 80;

/// What a Lambda event may unpack to, bytes.
const NESTED_BYTES_MAX: u64 = EVENT_BYTES_MAX as u64;

/// The state of the envelope.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Documents {
    at: At,
    header: Header,
    /// That of the last event, to be shared with the next.
    #[serde(skip)]
    origin: Option<Arc<Origin>>,
    /// Whether the document had events.
    eventful: bool,
    /// The document as an event by itself.
    #[serde(default)]
    alone: Alone,
}

/// An event that is a document by itself, as `jq -c '.events[]'` prints them: what it says, as far as it
/// has been read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Alone {
    /// Where it begins.
    #[serde(default)]
    start: u64,
    id: String,
    timestamp: Option<i64>,
    message: Option<String>,
    /// Whether it has something that events do not have: a request may have a message, too.
    is_more: bool,
    /// Its first members, without their values.
    #[serde(default)]
    shown: String,
}

impl Alone {
    fn note(&mut self, key: &str, value: &[u8]) {
        if self.shown.len() < SHOWN_MAX {
            self.shown.push_str(if self.shown.is_empty() { "\"" } else { ",\"" });
            self.shown.extend(key.chars().take(SHOWN_MAX));
            self.shown.push_str("\":…");
        }
        match key {
            "id" | "eventId" => self.id = serde_json::from_slice(value).unwrap_or_default(),
            "timestamp" => self.timestamp = serde_json::from_slice(value).ok(),
            "message" => self.message = serde_json::from_slice(value).ok(),
            "logStreamName" | "ingestionTime" | "extractedFields" => {}
            _ => self.is_more = true,
        }
    }
}

/// Where in a document the input stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum At {
    #[default]
    Between,
    Object,
    Array(Array),
    /// An array that is a document by itself, such as `--query events` prints.
    Bare,
}

/// The arrays that hold events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Array {
    /// `logEvents` and `events`
    Events,
    /// `Records`
    Records,
    /// `results`
    Results,
}

impl Array {
    fn named(key: &str) -> Option<Array> {
        match key {
            "logEvents" | "events" => Some(Array::Events),
            "Records" => Some(Array::Records),
            "results" => Some(Array::Results),
            _ => None,
        }
    }
}

/// What a document says before its events.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    control: bool,
    origin: Origin,
}

/// What a step through the input came to.
enum Step {
    /// This many bytes are done with.
    Used(usize),
    /// More bytes are needed.
    Wait,
    /// This is no document.
    Bad,
}

impl Documents {
    /// Whether the input stands among the events of a document.
    pub(super) fn is_among_events(&self) -> bool {
        matches!(self.at, At::Array(_))
    }

    /// Whether the input stands within a document.
    pub(super) fn is_open(&self) -> bool {
        self.at != At::Between
    }

    /// Takes the whole events out of `pending`, which begins at `offset`.
    pub(super) fn unwrap(
        &mut self,
        pending: &[u8],
        offset: u64,
        finished: bool,
        mut spare: Vec<u8>,
    ) -> Unwrapped {
        spare.clear();
        let mut out = Unwrapped { bytes: spare, ..Unwrapped::default() };
        while let Some(rest) = out.rest(pending) {
            let at = offset + out.used as u64;
            let (rest, ends) = within(rest, finished);
            let used = match self.step(rest, at, &mut out) {
                Step::Used(used) => Some(used),
                Step::Wait if ends || rest.len() > EVENT_BYTES_MAX => {
                    self.give_up(rest, at, ends, &mut out, "the document ends early")
                }
                Step::Wait => None,
                Step::Bad => self.give_up(rest, at, ends, &mut out, "expected a JSON document"),
            };
            let Some(used) = used else { break };
            out.used += used;
        }
        if finished && out.used == pending.len() && self.is_open() {
            *self = Documents::default();
            out.push_broken(b"", offset + out.used as u64, "the document ends early");
        }
        out
    }

    fn step(&mut self, rest: &[u8], offset: u64, out: &mut Unwrapped) -> Step {
        let space = json::space(rest, b',');
        if space > 0 {
            return Step::Used(space);
        }
        match (self.at, rest.first()) {
            (At::Between, Some(b'{')) => {
                let alone = Alone { start: offset, ..Alone::default() };
                *self = Documents { at: At::Object, alone, ..Documents::default() };
                Step::Used(1)
            }
            (At::Between, Some(b'[')) => self.enter(At::Bare),
            (At::Between, Some(0)) => Step::Used(1),
            (At::Object, Some(b'}')) => {
                if !self.eventful {
                    self.alone(out);
                }
                self.enter(At::Between)
            }
            (At::Object, Some(b'"')) => self.member(rest, offset, out),
            (At::Bare, Some(b']')) => self.enter(At::Between),
            (At::Array(_), Some(b']')) => self.enter(At::Object),
            (At::Bare, _) => self.element(None, rest, offset, out),
            (At::Array(array), _) => self.element(Some(array), rest, offset, out),
            _ => Step::Bad,
        }
    }

    fn enter(&mut self, at: At) -> Step {
        self.at = at;
        Step::Used(1)
    }

    /// A key and its value, or only the key if its value is an array of events.
    fn member(&mut self, rest: &[u8], offset: u64, out: &mut Unwrapped) -> Step {
        let Value::Whole(key_len) = json::value(rest) else { return Step::Wait };
        let key = rest.get(..key_len).unwrap_or_default();
        let Ok(key) = serde_json::from_slice::<Cow<'_, str>>(key) else { return Step::Bad };
        let colon = key_len + json::space(rest.get(key_len..).unwrap_or_default(), b' ');
        match rest.get(colon) {
            Some(b':') => {}
            Some(_) => return Step::Bad,
            None => return Step::Wait,
        }
        let start = colon + 1 + json::space(rest.get(colon + 1..).unwrap_or_default(), b' ');
        let value = rest.get(start..).unwrap_or_default();
        if let (Some(array), Some(b'[')) = (Array::named(&key), value.first()) {
            self.at = At::Array(array);
            self.eventful = true;
            return Step::Used(start + 1);
        }
        match json::value(value) {
            Value::Whole(len) => {
                self.note(&key, value.get(..len).unwrap_or_default(), offset, out);
                Step::Used(start + len)
            }
            Value::Partial => Step::Wait,
            Value::Bad => Step::Bad,
        }
    }

    /// Notes what a document says of its events.
    fn note(&mut self, key: &str, value: &[u8], offset: u64, out: &mut Unwrapped) {
        let text = || serde_json::from_slice::<String>(value).unwrap_or_default();
        match key {
            "messageType" => self.header.control = text() == "CONTROL_MESSAGE",
            "owner" => self.header.origin.owner = text(),
            "logGroup" => self.header.origin.group = text(),
            "logStream" | "logStreamName" => self.header.origin.stream = text(),
            "awslogs" => {
                self.eventful = true;
                match serde_json::from_slice::<Data<'_>>(value) {
                    Ok(awslogs) => self.nested(&awslogs.data, offset, out),
                    Err(_) => out.push_broken(value, offset, "expected `awslogs.data`"),
                }
            }
            _ => {}
        }
        self.alone.note(key, value);
        self.origin = None;
    }

    /// The document that ends is an event, or nothing is known of it.
    fn alone(&mut self, out: &mut Unwrapped) {
        let Alone { start, id, timestamp, message, is_more, shown } =
            std::mem::take(&mut self.alone);
        match (timestamp, message) {
            (Some(time), Some(message)) if !is_more => self.push(&id, time, &message, start, out),
            _ => out.push_broken(format!("{{{shown}}}").as_bytes(), start, EVENTLESS),
        }
    }

    fn element(
        &mut self,
        array: Option<Array>,
        rest: &[u8],
        offset: u64,
        out: &mut Unwrapped,
    ) -> Step {
        let len = match json::value(rest) {
            Value::Whole(len) => len,
            Value::Partial => return Step::Wait,
            Value::Bad => return Step::Bad,
        };
        let element = rest.get(..len).unwrap_or_default();
        let placed = match array {
            None => self.bare(element, offset, out),
            Some(Array::Events) => self.event(element, offset, out),
            Some(Array::Records) => self.record(element, offset, out),
            Some(Array::Results) => self.result(element, offset, out),
        };
        if let Err(error) = placed {
            let reason = match error.classify() {
                serde_json::error::Category::Data => "expected an event, found other JSON",
                _ => "the event is damaged JSON",
            };
            out.push_broken(element, offset, reason);
        }
        Step::Used(len)
    }

    /// An element of an array that is in no document: an event, its message alone (`--query
    /// 'events[].message'`), or what the message would hold.
    fn bare(&mut self, element: &[u8], offset: u64, out: &mut Unwrapped) -> serde_json::Result<()> {
        let event = self.event(element, offset, out);
        match &event {
            Err(error) if error.is_data() => {}
            _ => return event,
        }
        match serde_json::from_slice::<Cow<'_, str>>(element) {
            Ok(message) if message.trim_start().starts_with('{') => {
                out.push(message.as_bytes(), offset);
            }
            _ if element.starts_with(b"{") => {
                out.push(element, offset);
            }
            _ => return event,
        }
        Ok(())
    }

    /// `{"id","timestamp","message"}` or `{"eventId","logStreamName",…}`
    fn event(
        &mut self,
        element: &[u8],
        offset: u64,
        out: &mut Unwrapped,
    ) -> serde_json::Result<()> {
        let event: LogEvent<'_> = serde_json::from_slice(element)?;
        self.origin(event.log_stream_name.as_deref());
        let id = event.id.or(event.event_id).unwrap_or_default();
        self.push(&id, event.timestamp.unwrap_or(NO_TIME), &event.message, offset, out);
        Ok(())
    }

    fn push(&mut self, id: &str, time: i64, message: &str, offset: u64, out: &mut Unwrapped) {
        let origin = self.origin(None);
        let start = out.bytes.len();
        out.bytes.extend_from_slice(id.as_bytes());
        let id = (start, out.bytes.len());
        let nature = if self.header.control { Nature::Control } else { Nature::Message };
        let listed = out.push(message.as_bytes(), offset);
        listed.id = id;
        listed.origin = Some(origin);
        listed.nature = nature;
        listed.time = time;
    }

    /// A record of CloudTrail, or of Kinesis as Lambda receives it.
    fn record(
        &mut self,
        element: &[u8],
        offset: u64,
        out: &mut Unwrapped,
    ) -> serde_json::Result<()> {
        let record: Record<'_> = serde_json::from_slice(element)?;
        match record.kinesis {
            Some(kinesis) => self.nested(&kinesis.data, offset, out),
            None => out.push(element, offset).nature = Nature::Trail,
        }
        Ok(())
    }

    /// A row of an Insights query: the message it quotes, else its fields.
    fn result(
        &mut self,
        element: &[u8],
        offset: u64,
        out: &mut Unwrapped,
    ) -> serde_json::Result<()> {
        let cells: Vec<Cell<'_>> = serde_json::from_slice(element)?;
        let cells = cells.iter().map(|cell| (&*cell.field, cell.value.as_deref().unwrap_or("")));
        push_cells(cells, offset, out);
        Ok(())
    }

    /// Base64 of a document, packed or not, inside a document.
    fn nested(&mut self, data: &str, offset: u64, out: &mut Unwrapped) {
        let unpacked = container::decode_base64(data).and_then(|packed| {
            let mut bytes = Vec::new();
            let (_, reader) = container::unpack(Box::new(std::io::Cursor::new(packed))).ok()?;
            reader.take(NESTED_BYTES_MAX).read_to_end(&mut bytes).ok()?;
            Some(bytes)
        });
        let Some(bytes) = unpacked else {
            return out.push_broken(data.as_bytes(), offset, "expected base64 of gzip");
        };
        let mut inner = Documents::default();
        let mut unwrapped = inner.unwrap(&bytes, offset, true, Vec::new());
        if unwrapped.events.is_empty() {
            return out.push_broken(data.as_bytes(), offset, EVENTLESS);
        }
        if unwrapped.used < bytes.len() {
            unwrapped.push_broken(b"", offset, "the document holds more than may be unpacked");
        }
        let base = out.bytes.len();
        out.bytes.extend_from_slice(&unwrapped.bytes);
        out.events.extend(unwrapped.events.into_iter().map(|mut event| {
            event.start += base;
            event.end += base;
            event.id = (event.id.0 + base, event.id.1 + base);
            event.offset = offset;
            event
        }));
    }

    fn origin(&mut self, stream: Option<&str>) -> Arc<Origin> {
        if let Some(origin) = &self.origin
            && stream.is_none_or(|stream| origin.stream == stream)
        {
            return Arc::clone(origin);
        }
        let mut origin = self.header.origin.clone();
        if let Some(stream) = stream {
            stream.clone_into(&mut origin.stream);
        }
        Arc::clone(self.origin.insert(Arc::new(origin)))
    }

    /// Sets what cannot be read aside, up to where the next document may begin.
    /// Returns how much that is, or nothing if that is still to be seen.
    fn give_up(
        &mut self,
        rest: &[u8],
        offset: u64,
        finished: bool,
        out: &mut Unwrapped,
        reason: &'static str,
    ) -> Option<usize> {
        let after = rest.get(1..).unwrap_or_default();
        let marks = MARKS.iter().filter_map(|mark| memmem::find(after, mark));
        let used = match marks.min() {
            Some(next) => next + 1,
            None if finished => rest.len(),
            None if rest.len() > EVENT_BYTES_MAX => rest.len(),
            None => return None,
        };
        *self = Documents::default();
        out.push_broken(rest.get(..used).unwrap_or_default(), offset, reason);
        Some(used)
    }
}

/// How documents that hold events begin.
const MARKS: [&[u8]; 5] =
    [b"{\"messageType\"", b"{\"events\"", b"{\"Records\"", b"{\"results\"", b"{\"awslogs\""];

/// Lists a row of named values: the message it quotes, else all as JSON.
pub(super) fn push_cells<'a>(
    cells: impl Iterator<Item = (&'a str, &'a str)> + Clone,
    offset: u64,
    out: &mut Unwrapped,
) {
    let cell = |name: &str| cells.clone().find(|(key, _)| *key == name).map(|(_, value)| value);
    let time = cell("@timestamp").and_then(|text| time::parse(text.as_bytes())).unwrap_or(NO_TIME);
    let origin = Origin {
        owner: String::new(),
        group: cell("@log").unwrap_or_default().to_owned(),
        stream: cell("@logStream").unwrap_or_default().to_owned(),
    };
    let listed = match cell("@message") {
        Some(message) => out.push(message.trim_end().as_bytes(), offset),
        None => {
            let own = cells.filter(|(key, value)| !key.starts_with('@') && !value.is_empty());
            let object = own.map(|(key, value)| (key.to_owned(), value.into()));
            let object = serde_json::Value::Object(object.collect()).to_string();
            out.push(object.as_bytes(), offset)
        }
    };
    listed.time = time;
    listed.origin = (origin != Origin::default()).then(|| Arc::new(origin));
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LogEvent<'a> {
    #[serde(borrow)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    event_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    log_stream_name: Option<Cow<'a, str>>,
    timestamp: Option<i64>,
    #[serde(borrow)]
    message: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Record<'a> {
    #[serde(borrow)]
    kinesis: Option<Data<'a>>,
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(borrow)]
    data: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Cell<'a> {
    #[serde(borrow)]
    field: Cow<'a, str>,
    #[serde(borrow)]
    value: Option<Cow<'a, str>>,
}
