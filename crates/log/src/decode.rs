//! From blocks of events to batches of rows.
//!
//! A *block* is a piece of the unpacked input that holds whole events. Blocks
//! of stateless formats can be decoded by any worker in any order.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::buffer::Buffer;
use memchr::memchr;

use crate::account::{LineAccount, Quarantine};
use crate::dedup::Seen;
use crate::envelope::{Block, EVENT_BYTES_MAX, Event, Events, Nature, Origin};
use crate::format::access::AccessReader;
use crate::format::execution::{self, ExecutionReader, OpenRequest};
use crate::format::{Format, Outcome, trail};
use crate::marks::Marks;
use crate::names::NameMap;
use crate::rows::{Home, Layout, Memory, NO_TIME, Rows, View};
use crate::schema::{Field, Projection};
use crate::sniff::Plan;
use crate::template::located::Located;
use crate::whose::Whose;

/// Turns blocks of one input into batches.
#[derive(Debug)]
pub(crate) struct BlockDecoder {
    file: Arc<str>,
    rows: Rows,
    access: AccessReader,
    whose: Whose,
    execution: ExecutionReader,
    /// Lines are of an execution log unless they cannot be.
    format: Format,
    /// The envelope may hold events of several formats.
    mixed: bool,
    seen: Option<Seen>,
    /// Of the block that is being decoded.
    marks: Marks,
}

/// A decoded block.
#[derive(Debug)]
pub(crate) struct Decoded {
    pub(crate) records: RecordBatch,
    pub(crate) account: LineAccount,
    /// To be used again when the batch is gone.
    pub(crate) memory: Memory,
}

impl Decoded {
    /// Rows that were a table already.
    pub(crate) fn rows(records: RecordBatch) -> Decoded {
        let rows = records.num_rows() as u64;
        let account = LineAccount { parsed: rows, records: rows, ..LineAccount::default() };
        Decoded { records, account, memory: Memory::default() }
    }
}

impl BlockDecoder {
    pub(crate) fn new(
        file: Arc<str>,
        plan: &Plan,
        names: &NameMap,
        projection: Projection,
        seen: Option<Seen>,
    ) -> BlockDecoder {
        let ids = Projection::of([Field::EventId, Field::ExtendedRequestId]);
        let others = if seen.is_some() { ids } else { Projection::NONE };
        let layout = Layout::new(projection, others);
        BlockDecoder {
            file,
            access: AccessReader::new(&plan.templates, names, &layout),
            whose: Whose::new(plan),
            execution: ExecutionReader::new(plan.api_stage.clone()),
            format: plan.format,
            mixed: plan.envelope == crate::envelope::Envelope::Documents,
            rows: Rows::new(layout),
            seen,
            marks: Marks::default(),
        }
    }

    /// Decodes a block.
    pub(crate) fn decode(&mut self, block: Block, quarantine: &mut Quarantine) -> Decoded {
        let Block { bytes, offset, events } = block;
        self.marks.begin();
        let mut run = Run {
            escapes: Escapes { bytes: &bytes, next: 0 },
            utf8: None,
            account: LineAccount::default(),
            decoder: self,
            quarantine,
        };
        match &events {
            Events::Lines => run.lines(offset),
            Events::Listed(events) => events.iter().for_each(|event| run.event(event)),
        }
        let account = run.account;
        self.complete(account, bytes)
    }

    /// Ends the input: requests that are still open become rows.
    pub(crate) fn finish(&mut self) -> Decoded {
        let mut account = LineAccount::default();
        self.execution.finish(&mut self.rows, &mut account);
        self.complete(account, Vec::new())
    }

    /// Ends a run over an input that may grow. Returns the requests that are still open as well.
    pub(crate) fn suspend(&mut self) -> (Decoded, Vec<OpenRequest>) {
        let mut account = LineAccount::default();
        let open = self.execution.suspend(&mut self.rows, &mut account);
        (self.complete(account, Vec::new()), open)
    }

    /// Goes on with the requests that an earlier run left open.
    pub(crate) fn resume(&mut self, open: Vec<OpenRequest>) {
        self.execution.resume(open);
    }

    fn complete(&mut self, mut account: LineAccount, bytes: Vec<u8>) -> Decoded {
        let finished = self.rows.finish(bytes);
        account.records += finished.records.num_rows() as u64;
        account.unreadable_values += finished.unreadable;
        account.suspect += finished.suspect;
        Decoded { records: finished.records, account, memory: finished.memory }
    }

    /// Takes memory of an earlier batch that is gone, to be used again.
    pub(crate) fn give_back(&mut self, cells: Buffer) {
        self.rows.give_back(cells);
    }
}

/// One block being decoded.
struct Run<'a, 'd> {
    decoder: &'d mut BlockDecoder,
    quarantine: &'d mut Quarantine,
    escapes: Escapes<'a>,
    /// Whether the whole block is UTF-8, if it is not ASCII as far as it was looked at.
    utf8: Option<bool>,
    account: LineAccount,
}

/// A line and what is known about it.
#[derive(Debug, Clone, Copy)]
struct Line<'a> {
    text: &'a [u8],
    /// Where it stands in the block.
    at: usize,
    /// Where it stands in the unpacked input.
    offset: u64,
    time: i64,
    origin: Option<&'a Origin>,
}

impl<'a> Run<'a, '_> {
    /// Decodes every line of the block.
    fn lines(&mut self, offset: u64) {
        let bytes = self.escapes.bytes;
        let BlockDecoder { format, mixed, .. } = *self.decoder;
        let may_be_usual = !mixed && format != Format::Execution;
        let mut at = 0;
        loop {
            if may_be_usual {
                at = self.usual_lines(at);
            }
            let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) else { break };
            let len = memchr(b'\n', rest).unwrap_or(rest.len());
            let text = rest.get(..len).unwrap_or(rest);
            let text = text.strip_suffix(b"\r").unwrap_or(text);
            let line = Line { text, at, offset: offset + at as u64, time: NO_TIME, origin: None };
            match text.get(..EVENT_BYTES_MAX) {
                Some(start) if text.len() > EVENT_BYTES_MAX => {
                    self.settle(too_long(), Line { text: start, ..line });
                }
                _ => self.line(line, false),
            }
            at += len + 1;
        }
    }

    /// Looks at the block up to a position or farther. Returns whether that is UTF-8.
    fn look(&mut self, to: usize) -> bool {
        self.decoder.marks.find(self.escapes.bytes, to);
        self.is_text()
    }

    /// Whether the block is UTF-8 as far as it was looked at.
    #[inline]
    fn is_text(&mut self) -> bool {
        let is_text = || std::str::from_utf8(self.escapes.bytes).is_ok();
        self.decoder.marks.is_ascii() || *self.utf8.get_or_insert_with(is_text)
    }

    /// Decodes the lines from a position of a block without execution logs on, as long as they are of
    /// the template seen last, as nearly all are, and returns where the next one begins.
    fn usual_lines(&mut self, mut at: usize) -> usize {
        let bytes = self.escapes.bytes;
        loop {
            if at + AHEAD / 2 > self.decoder.marks.seen() {
                self.look(at + AHEAD);
            }
            if !self.is_text() {
                return at;
            }
            let BlockDecoder { access, marks, rows, whose, seen, .. } = &mut *self.decoder;
            let alone = seen.is_some() || !matches!(whose, Whose::Unknown);
            let until = match marks.seen() {
                _ if alone => bytes.len().min(at + 1),
                seen if seen == bytes.len() => seen,
                seen => seen - AHEAD / 2 + 1,
            };
            let first = rows.len();
            let next = access.read_alike((bytes, marks), at..until, rows);
            self.account.parsed += (rows.len() - first) as u64;
            if alone && next > at {
                self.complete(whole_line(bytes, at, next), first, false);
            }
            at = next;
            if at < until || at >= bytes.len() {
                return at;
            }
        }
    }

    /// Adds to the rows from `first` on, all of one line, what else is known, and drops what was seen
    /// before.
    #[inline(always)]
    fn complete(&mut self, text: &[u8], first: usize, identified: bool) {
        let BlockDecoder { whose, rows, seen, .. } = &mut *self.decoder;
        whose.complete(text, first, rows);
        if seen.is_some() && !identified && rows.len() > first {
            self.drop_duplicate();
        }
    }

    /// Decodes a listed event.
    fn event(&mut self, event: &'a Event) {
        let text = self.escapes.bytes.get(event.start..event.end).unwrap_or_default();
        let origin = event.origin.as_deref();
        let line = Line { text, at: event.start, offset: event.offset, time: event.time, origin };
        let id = self.escapes.bytes.get(event.id.0..event.id.1).unwrap_or_default();
        if !id.is_empty() && self.decoder.seen.as_ref().is_some_and(|seen| !seen.insert(id)) {
            self.account.parsed += 1;
            self.account.duplicates += 1;
            return;
        }
        let before = self.decoder.rows.len();
        match event.nature {
            Nature::Message if text.len() == EVENT_BYTES_MAX => self.settle(too_long(), line),
            Nature::Message => self.line(line.trimmed(), !id.is_empty()),
            Nature::Control => self.settle(Outcome::Control, line),
            Nature::Broken(reason) => self.set_aside(reason.to_owned(), line),
            Nature::Trail => {
                let outcome = trail::read(text, event.time, &mut self.decoder.rows);
                self.settle(outcome, line);
            }
        }
        if self.decoder.rows.len() == before + 1 {
            self.attribute(event);
        }
    }

    /// Adds what the envelope knows of an event to its row.
    fn attribute(&mut self, event: &Event) {
        let rows = &mut self.decoder.rows;
        if event.id.1 > event.id.0 && rows.last_lacks(Field::EventId) {
            let (start, end) = event.id;
            rows.set(Field::EventId, View::new(self.escapes.bytes, start, end, Home::BLOCK));
        }
        if let Some(origin) = &event.origin
            && rows.last_lacks(Field::AccountId)
        {
            rows.set_text(Field::AccountId, &origin.owner);
        }
    }

    /// Decodes a line. `identified` says that its event has an id.
    #[inline]
    fn line(&mut self, line: Line<'a>, identified: bool) {
        if line.text.is_empty() {
            self.account.blank += 1;
            return;
        }
        let first = self.decoder.rows.len();
        if !self.look(line.at + line.text.len()) && std::str::from_utf8(line.text).is_err() {
            return self.broken(line);
        }
        if self.decoder.format == Format::Execution || self.decoder.mixed {
            let text = std::str::from_utf8(line.text).unwrap_or_default();
            if self.is_execution(text, line.origin) {
                return self.execution(text, line);
            }
        }
        let plain = !self.escapes.within(line.at, line.text.len());
        let Line { text, at, time, .. } = line;
        let BlockDecoder { access, marks, rows, .. } = &mut *self.decoder;
        let (start, end) = (at, Some(at + text.len()));
        let home = Home::BLOCK;
        let located = Located { text: self.escapes.bytes, marks, start, end, home };
        match access.read(&located, time, plain, rows) {
            Outcome::Parsed => self.account.parsed += 1,
            Outcome::Quarantined(_) if is_padded(text) => return self.padded(line, identified),
            outcome => self.settle(outcome, line),
        }
        self.complete(text, first, identified);
    }

    /// Whether a line is one of an execution log, or continues one.
    fn is_execution(&self, text: &str, origin: Option<&Origin>) -> bool {
        let (group, stream) = origin.map_or(("", ""), |origin| (&origin.group, &origin.stream));
        match self.decoder.mixed {
            _ if text.trim().is_empty() => false,
            false => self.decoder.format == Format::Execution,
            true if execution::is_execution(text) => true,
            true if group.is_empty() => self.decoder.execution.continues(stream, text),
            true => group.contains(execution::GROUP),
        }
    }

    fn execution(&mut self, text: &str, line: Line<'a>) {
        let BlockDecoder { execution, rows, .. } = &mut *self.decoder;
        let outcome = execution.read(text, line.time, line.origin, rows, &mut self.account);
        self.settle(outcome, line);
    }

    /// Decodes a line that is not UTF-8, with `U+FFFD` for what is broken.
    #[cold]
    fn broken(&mut self, line: Line<'a>) {
        let text = String::from_utf8_lossy(line.text);
        if self.decoder.format == Format::Execution {
            return self.execution(&text, line);
        }
        let BlockDecoder { access, whose, rows, .. } = &mut *self.decoder;
        let (first, bytes) = (rows.len(), text.as_bytes());
        let Some(home) = rows.keep_whole(&text) else {
            return self.set_aside("expected UTF-8".to_owned(), line);
        };
        let marks = Marks::of(bytes);
        let whole = Located { text: bytes, marks: &marks, start: 0, end: Some(bytes.len()), home };
        let outcome = match access.read(&whole, line.time, false, rows) {
            Outcome::Parsed => Outcome::Recovered,
            outcome => outcome,
        };
        whose.complete(text.as_bytes(), first, rows);
        self.settle(outcome, line);
    }

    /// Decodes what stands between NUL bytes: a log that was truncated while it was written to
    /// begins with them, up to where it was.
    #[cold]
    fn padded(&mut self, line: Line<'a>, identified: bool) {
        let is_text = |c: &u8| *c != 0 && !c.is_ascii_whitespace();
        let start = line.text.iter().position(is_text).unwrap_or(line.text.len());
        let end = line.text.iter().rposition(is_text).map_or(start, |last| last + 1);
        let text = line.text.get(start..end).unwrap_or_default();
        let parsed = self.account.parsed;
        self.line(Line { text, at: line.at + start, ..line }, identified);
        let whole = self.account.parsed - parsed;
        self.account.parsed -= whole;
        self.account.recovered += whole;
    }

    /// Accounts for a line.
    #[cold]
    fn settle(&mut self, outcome: Outcome, line: Line<'a>) {
        match outcome {
            Outcome::Parsed => self.account.parsed += 1,
            Outcome::Recovered => self.account.recovered += 1,
            Outcome::Control => self.account.control += 1,
            Outcome::Trail => {
                let outcome = trail::read(line.text, line.time, &mut self.decoder.rows);
                self.settle(outcome, line);
            }
            Outcome::Quarantined(_) if line.text.trim_ascii().is_empty() => self.account.blank += 1,
            Outcome::Quarantined(_) if line.text.trim_ascii() == WRITE_TEST => {
                self.account.control += 1;
            }
            Outcome::Quarantined(reason) => self.set_aside(reason, line),
        }
    }

    /// Quarantines a line, or what should be there and is not.
    fn set_aside(&mut self, reason: String, line: Line<'a>) {
        self.account.quarantined += 1;
        self.quarantine.add(&self.decoder.file, line.offset, reason, line.text);
    }

    /// Takes the last row back if its event was seen before.
    fn drop_duplicate(&mut self) {
        let BlockDecoder { rows, seen: Some(seen), .. } = &mut *self.decoder else { return };
        let id = rows.value(Field::ExtendedRequestId, self.escapes.bytes);
        if !id.is_empty() && !seen.insert(&id) {
            rows.abandon();
            self.account.duplicates += 1;
        }
    }
}

/// Whether a line begins or ends with NUL bytes.
fn is_padded(text: &[u8]) -> bool {
    text.first() == Some(&0) || text.last() == Some(&0)
}

/// The line that begins at a position, if the next one would begin at another.
fn whole_line(text: &[u8], start: usize, next: usize) -> &[u8] {
    let line = text.get(start..next).or(text.get(start..)).unwrap_or_default();
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// How far a block is looked at before lines are read.
const AHEAD: usize = 8 << 10;

/// What becomes of an event of which only the first bytes were kept.
fn too_long() -> Outcome {
    Outcome::Quarantined(format!("expected an event of less than {} MiB", EVENT_BYTES_MAX >> 20))
}

/// What CloudWatch Logs writes into a bucket before it exports to it.
const WRITE_TEST: &[u8] = b"Permission Check Successful";

impl Line<'_> {
    /// The line without white space around it.
    fn trimmed(self) -> Self {
        let text = self.text.trim_ascii_end();
        let start = text.len() - text.trim_ascii_start().len();
        Line { text: text.trim_ascii_start(), at: self.at + start, ..self }
    }
}

/// Finds the lines that hold a backslash, searching the block once.
struct Escapes<'a> {
    bytes: &'a [u8],
    /// No backslash before this position, and one there unless it is the end.
    next: usize,
}

impl Escapes<'_> {
    /// Whether there is a backslash in a line. Lines are asked in order.
    #[inline]
    fn within(&mut self, start: usize, len: usize) -> bool {
        let end = start + len;
        if self.next <= start {
            let rest = self.bytes.get(start..).unwrap_or_default();
            self.next = memchr(b'\\', rest).map_or(usize::MAX, |at| start + at);
        }
        self.next < end
    }
}
