//! Envelopes: how events are wrapped on their way out of CloudWatch Logs.
//!
//! A [`Cutter`] takes the unpacked input as it comes and cuts it into blocks
//! of whole events. Where events stand in the input as they are (lines, with
//! or without a timestamp), a block is the input itself; where they are
//! escaped, a block holds the unescaped messages.

mod documents;
mod json;
mod lines;
mod pending;
mod stamped;
mod table;

use std::fmt;
use std::sync::Arc;

use memchr::memchr;
use serde::{Deserialize, Serialize};

pub(crate) use pending::Pending;
pub(crate) use stamped::is_stamped;
pub(crate) use table::record;

use crate::rows::NO_TIME;

/// How the events of an input are wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Envelope {
    /// Each line is an event.
    #[default]
    Lines,
    /// `2016-10-01T10:55:45.602Z message`: an S3 export task, and `aws logs
    /// tail --format short`. A line without a timestamp continues the event.
    Stamped,
    /// `2016-10-01T10:55:45.602000+00:00 stream message`: `aws logs tail`, and
    /// with the message pretty-printed over several lines, `--format json`.
    StampedWithStream,
    /// JSON documents, one after another, glued or on lines of their own, of
    /// any of these kinds: subscription filters and Firehose (`logEvents`),
    /// pages of `get-log-events` and `filter-log-events` (`events`), results
    /// of Insights (`results`), CloudTrail (`Records`), and the events that
    /// Lambda receives from a subscription (`awslogs`) or from Kinesis.
    Documents,
    /// CSV with a header line, as Insights and `convert` write it.
    Table,
}

impl Envelope {
    /// Every envelope.
    pub const ALL: [Envelope; 5] = [
        Envelope::Lines,
        Envelope::Stamped,
        Envelope::StampedWithStream,
        Envelope::Documents,
        Envelope::Table,
    ];

    /// What it is called on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Envelope::Lines => "lines",
            Envelope::Stamped => "stamped",
            Envelope::StampedWithStream => "stamped-with-stream",
            Envelope::Documents => "documents",
            Envelope::Table => "table",
        }
    }

    /// The envelope of that name.
    pub fn named(name: &str) -> Option<Envelope> {
        Envelope::ALL.into_iter().find(|envelope| envelope.name() == name)
    }
}

impl fmt::Display for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The longest event that is kept together, in bytes.
pub(crate) const EVENT_BYTES_MAX: usize = 16 << 20;

/// Text that may be unwrapped at a time: more comes with the next block.
const UNWRAPPED_BYTES_MAX: usize = 4 << 20;

/// As much of the input as one event may be, and whether the input ends with that. What becomes of
/// an event must not depend on how much more of the input is there.
fn within(rest: &[u8], finished: bool) -> (&[u8], bool) {
    match rest.get(..EVENT_BYTES_MAX + 1) {
        Some(longest) => (longest, finished && longest.len() == rest.len()),
        None => (rest, finished),
    }
}

/// A piece of the input that holds whole events.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) bytes: Vec<u8>,
    /// Where the block begins in the unpacked input.
    pub(crate) offset: u64,
    pub(crate) events: Events,
}

/// The events of a block.
#[derive(Debug)]
pub(crate) enum Events {
    /// Each line is one.
    Lines,
    /// These are.
    Listed(Vec<Event>),
}

/// One event of a block.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    /// Its text, as a range of the block.
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Where it begins in the unpacked input.
    pub(crate) offset: u64,
    /// The envelope's timestamp, or [`NO_TIME`].
    pub(crate) time: i64,
    /// Its id, as a range of the block; empty if it has none.
    pub(crate) id: (usize, usize),
    pub(crate) origin: Option<Arc<Origin>>,
    pub(crate) nature: Nature,
}

/// What the envelope knows an event to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nature {
    /// The message of a log event.
    Message,
    /// An element of CloudTrail's `Records`.
    Trail,
    /// A message of the transport itself.
    Control,
    /// Bytes that the envelope cannot place, and why.
    Broken(&'static str),
}

/// Where events come from, as far as the envelope says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Origin {
    /// The account that owns the log group.
    pub(crate) owner: String,
    pub(crate) group: String,
    pub(crate) stream: String,
}

impl Event {
    /// A message without anything else.
    pub(crate) fn message(start: usize, end: usize, offset: u64) -> Event {
        let (time, id, origin, nature) = (NO_TIME, (0, 0), None, Nature::Message);
        Event { start, end, offset, time, id, origin, nature }
    }
}

/// How an input ends after its last whole event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Rest {
    /// Bytes of a last event whose line has no end, or which is not whole.
    pub(crate) bytes: usize,
    /// More input may make another event of it: it is not whole for sure.
    pub(crate) may_go_on: bool,
}

/// Cuts the input into blocks.
#[derive(Debug)]
pub(crate) struct Cutter {
    pending: Pending,
    /// Where `pending` begins in the unpacked input.
    offset: u64,
    /// How much input there must be before it is worth looking for the end of an event again.
    enough: usize,
    context: Context,
}

/// What the input before some place tells of what comes after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Context {
    /// The input stands in a line that is too long, of which enough was taken.
    passing: bool,
    kind: Kind,
}

/// What each envelope keeps in mind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Kind {
    Lines,
    Stamped(stamped::Stamped),
    Documents(Box<documents::Documents>),
    Table(Box<table::Table>),
}

impl Cutter {
    pub(crate) fn new(envelope: Envelope) -> Cutter {
        let kind = match envelope {
            Envelope::Lines => Kind::Lines,
            Envelope::Stamped => Kind::Stamped(stamped::Stamped::new(false)),
            Envelope::StampedWithStream => Kind::Stamped(stamped::Stamped::new(true)),
            Envelope::Documents => Kind::Documents(Box::default()),
            Envelope::Table => Kind::Table(Box::default()),
        };
        Cutter::going_on(Context { passing: false, kind })
    }

    /// Goes on in the middle of an input.
    pub(crate) fn going_on(context: Context) -> Cutter {
        Cutter { pending: Pending::default(), offset: 0, enough: 0, context }
    }

    /// What the input so far tells of its rest.
    pub(crate) fn context(&self) -> &Context {
        &self.context
    }

    /// Leaves out the first bytes: a byte order mark, or what was read before.
    pub(crate) fn skip(&mut self, bytes: usize) {
        self.pending.skip(bytes);
        self.offset += bytes as u64;
    }

    /// Where to append more of the input.
    pub(crate) fn pending(&mut self) -> &mut Pending {
        &mut self.pending
    }

    /// How the input ends, when all whole events are cut from what there is of it.
    pub(crate) fn rest(&self) -> Rest {
        let pending = self.pending.get();
        let all = Rest { bytes: pending.len(), may_go_on: !pending.is_empty() };
        match &self.context.kind {
            _ if self.context.passing => Rest::default(),
            Kind::Lines => Rest { may_go_on: all.may_go_on && !is_object(pending), ..all },
            Kind::Stamped(stamped) => stamped.rest(pending),
            Kind::Documents(documents) => {
                Rest { may_go_on: all.may_go_on || documents.is_open(), ..all }
            }
            Kind::Table(_) => all,
        }
    }

    /// Looks at what there is again, though it may not have become more.
    pub(crate) fn look_again(&mut self) {
        self.enough = 0;
    }

    /// How much of the input has been cut.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Takes the whole events so far, or nothing if there is none; at the end
    /// of the input, all. `spare` is memory to go on with.
    pub(crate) fn cut(&mut self, finished: bool, spare: Vec<u8>) -> Option<Block> {
        if self.context.passing && !self.pass()
            || self.pending.get().len() < self.enough && !finished
        {
            return None;
        }
        let (whole, events) = match &mut self.context.kind {
            Kind::Lines => (lines::whole(self.pending.get(), finished), Events::Lines),
            Kind::Stamped(stamped) => {
                let whole = stamped.whole(self.pending.get(), finished);
                let block = self.take(whole, finished, spare)?;
                let Kind::Stamped(stamped) = &mut self.context.kind else { return None };
                return Some(stamped.list(block));
            }
            Kind::Documents(documents) => {
                let unwrapped = documents.unwrap(self.pending.get(), self.offset, finished, spare);
                return self.advance(unwrapped);
            }
            Kind::Table(table) => {
                let unwrapped = table.unwrap(self.pending.get(), self.offset, finished, spare);
                return self.advance(unwrapped);
            }
        };
        let block = self.take(whole, finished, spare)?;
        Some(Block { events, ..block })
    }

    /// Drops the rest of a line that is too long. Returns whether it has come to its end.
    fn pass(&mut self) -> bool {
        let pending = self.pending.get();
        let end = memchr(b'\n', pending);
        let dropped = end.map_or(pending.len(), |newline| newline + 1);
        self.pending.skip(dropped);
        self.offset += dropped as u64;
        self.context.passing = end.is_none();
        end.is_some()
    }

    /// Takes the first `whole` bytes of the input as they are. If they end in the middle of a
    /// line, the rest of that is dropped.
    fn take(&mut self, whole: usize, finished: bool, spare: Vec<u8>) -> Option<Block> {
        if whole == 0 {
            return None;
        }
        self.context.passing = !finished && self.pending.get().get(whole - 1) != Some(&b'\n');
        let bytes = self.pending.take(whole, spare);
        let offset = self.offset;
        self.offset += whole as u64;
        Some(Block { bytes, offset, events: Events::Lines })
    }

    /// Drops what was unwrapped from the input.
    fn advance(&mut self, unwrapped: Unwrapped) -> Option<Block> {
        let Unwrapped { used, bytes, events } = unwrapped;
        let offset = self.offset;
        // An event without an end is looked through from its start each time: with half as much
        // more each time, that is three times its length, and not its square.
        let held = self.pending.get().len();
        self.enough = if used == 0 { held + held / 2 } else { 0 };
        self.pending.skip(used);
        self.offset += used as u64;
        (!events.is_empty()).then_some(Block { bytes, offset, events: Events::Listed(events) })
    }
}

impl Context {
    /// How the input is wrapped.
    pub(crate) fn envelope(&self) -> Envelope {
        match &self.kind {
            Kind::Lines => Envelope::Lines,
            Kind::Stamped(stamped) if stamped.with_stream() => Envelope::StampedWithStream,
            Kind::Stamped(_) => Envelope::Stamped,
            Kind::Documents(_) => Envelope::Documents,
            Kind::Table(_) => Envelope::Table,
        }
    }

    /// Whether the input stands among the events of a document.
    pub(crate) fn is_among_events(&self) -> bool {
        matches!(&self.kind, Kind::Documents(documents) if documents.is_among_events())
    }

    /// Whether the input stands within a document.
    pub(crate) fn is_within_document(&self) -> bool {
        matches!(&self.kind, Kind::Documents(documents) if documents.is_open())
    }
}

/// Whether a text is a JSON object, which needs no more. What begins like a number may go on as an
/// address.
fn is_object(text: &[u8]) -> bool {
    text.starts_with(b"{") && serde_json::from_slice::<serde::de::IgnoredAny>(text).is_ok()
}

/// Messages taken out of an envelope.
#[derive(Debug, Default)]
struct Unwrapped {
    /// How much of the input they took.
    used: usize,
    /// Their text.
    bytes: Vec<u8>,
    events: Vec<Event>,
}

impl Unwrapped {
    /// The input that is not unwrapped yet, unless enough is.
    fn rest<'a>(&self, pending: &'a [u8]) -> Option<&'a [u8]> {
        let rest = pending.get(self.used..).filter(|rest| !rest.is_empty());
        rest.filter(|_| self.bytes.len() < UNWRAPPED_BYTES_MAX)
    }

    /// Appends an event's text and lists it.
    fn push(&mut self, text: &[u8], offset: u64) -> &mut Event {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(text);
        self.list(Event::message(start, self.bytes.len(), offset))
    }

    fn list(&mut self, event: Event) -> &mut Event {
        let at = self.events.len();
        self.events.push(event);
        #[expect(clippy::indexing_slicing, reason = "it was pushed in the line above")]
        &mut self.events[at]
    }

    /// Lists bytes that cannot be placed.
    fn push_broken(&mut self, text: &[u8], offset: u64, reason: &'static str) {
        self.push(text, offset).nature = Nature::Broken(reason);
    }
}
