//! From blocks of events to batches of rows.
//!
//! A *block* is a piece of the unpacked input that holds whole events. Blocks
//! of stateless formats can be decoded by any worker in any order. Nothing
//! here does I/O: [`Decoder`] takes bytes and hands batches out.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::buffer::Buffer;
use memchr::memchr;

use crate::account::{LineAccount, Quarantine};
use crate::envelope::{Block, Cutter, Event, Events};
use crate::format::Outcome;
use crate::format::access::AccessReader;
use crate::names::NameMap;
use crate::rows::{Layout, NO_TIME, Rows};
use crate::schema::Projection;
use crate::sniff::Plan;

/// Turns blocks of one input into batches.
#[derive(Debug)]
pub(crate) struct BlockDecoder {
    file: Arc<str>,
    rows: Rows,
    reader: AccessReader,
}

/// A decoded block.
#[derive(Debug)]
pub(crate) struct Decoded {
    pub(crate) records: RecordBatch,
    pub(crate) account: LineAccount,
    /// The block's memory, to be used again when the batch is gone.
    pub(crate) block: Buffer,
}

impl BlockDecoder {
    pub(crate) fn new(
        file: Arc<str>,
        plan: &Plan,
        names: &NameMap,
        projection: Projection,
    ) -> BlockDecoder {
        let layout = Layout::new(projection);
        let reader = AccessReader::new(&plan.templates, names, &layout);
        BlockDecoder { file, rows: Rows::new(layout), reader }
    }

    /// Decodes a block.
    pub(crate) fn decode(&mut self, block: Block, quarantine: &mut Quarantine) -> Decoded {
        let Block { bytes, offset, events } = block;
        let mut run = Run {
            escapes: Escapes { next: 0, bytes: &bytes },
            utf8: std::str::from_utf8(&bytes).is_ok(),
            account: LineAccount::default(),
            decoder: self,
            quarantine,
        };
        match events {
            Events::Lines => run.lines(offset),
            Events::Listed(events) => events.iter().for_each(|event| run.event(event)),
        }
        let mut account = run.account;
        let finished = self.rows.finish(bytes);
        account.records += finished.records.num_rows() as u64;
        account.unreadable_values += finished.unreadable;
        account.suspect += finished.suspect;
        Decoded { records: finished.records, account, block: finished.block }
    }
}

/// One block being decoded.
struct Run<'a, 'd> {
    decoder: &'d mut BlockDecoder,
    quarantine: &'d mut Quarantine,
    escapes: Escapes<'a>,
    /// Whether the whole block is UTF-8.
    utf8: bool,
    account: LineAccount,
}

impl Run<'_, '_> {
    /// Decodes every line of the block.
    fn lines(&mut self, offset: u64) {
        let bytes = self.escapes.bytes;
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            let len = memchr(b'\n', rest).unwrap_or(rest.len());
            let line = rest.get(..len).unwrap_or(rest);
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            self.line(line, at, offset + at as u64, NO_TIME);
            at += len + 1;
        }
    }

    /// Decodes a listed event.
    fn event(&mut self, event: &Event) {
        let range = event.start as usize..event.end as usize;
        let line = self.escapes.bytes.get(range).unwrap_or_default();
        self.line(line, event.start as usize, event.offset, event.time);
    }

    #[inline]
    fn line(&mut self, line: &[u8], at: usize, offset: u64, time: i64) {
        if !self.utf8 && std::str::from_utf8(line).is_err() {
            return self.broken(line, offset, time);
        }
        let plain = !self.escapes.within(at, line.len());
        let rows = &mut self.decoder.rows;
        match self.decoder.reader.read(line, at, time, plain, rows) {
            Outcome::Parsed => self.account.parsed += 1,
            outcome => self.settle(outcome, line, offset),
        }
    }

    /// Decodes a line that is not UTF-8, with `U+FFFD` for what is broken.
    #[cold]
    fn broken(&mut self, line: &[u8], offset: u64, time: i64) {
        let text = String::from_utf8_lossy(line);
        let rows = &mut self.decoder.rows;
        let at = rows.keep(&text).start();
        let outcome = match self.decoder.reader.read(text.as_bytes(), at, time, false, rows) {
            Outcome::Parsed => Outcome::Recovered,
            outcome => outcome,
        };
        self.settle(outcome, line, offset);
    }

    /// Accounts for a line that is not plainly a record.
    #[cold]
    fn settle(&mut self, outcome: Outcome, line: &[u8], offset: u64) {
        match outcome {
            Outcome::Parsed => self.account.parsed += 1,
            Outcome::Recovered => self.account.recovered += 1,
            Outcome::Control => self.account.control += 1,
            Outcome::Quarantined(_) if line.trim_ascii().is_empty() => self.account.blank += 1,
            Outcome::Quarantined(reason) => {
                self.account.quarantined += 1;
                self.quarantine.add(&self.decoder.file, offset, reason, line);
            }
        }
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

/// Decodes bytes as they come: push some, take the batches that are complete.
///
/// The format is sniffed from the first 64 KiB unless it is given.
///
/// ```
/// use tollgate_log::{Decoder, Field, Projection};
///
/// let mut decoder = Decoder::new("example", Projection::of([Field::Status]));
/// decoder.push(br#"{"status":"200"}"#);
/// decoder.push(b"\n{\"status\":\"4");
/// decoder.push(b"03\"}\n");
/// let batches = decoder.finish();
/// assert_eq!(batches.iter().map(|batch| batch.num_rows()).sum::<usize>(), 2);
/// assert_eq!(decoder.account().parsed, 2);
/// ```
#[derive(Debug)]
pub struct Decoder {
    file: Arc<str>,
    projection: Projection,
    names: NameMap,
    state: State,
    account: LineAccount,
    quarantine: Quarantine,
}

#[derive(Debug)]
enum State {
    /// Gathering bytes to sniff.
    Sniffing(Vec<u8>),
    Decoding(Cutter, Box<BlockDecoder>),
}

impl Decoder {
    /// A decoder of the input called `file`, for these columns.
    pub fn new(file: &str, projection: Projection) -> Decoder {
        Decoder {
            file: file.into(),
            projection,
            names: NameMap::default(),
            state: State::Sniffing(Vec::new()),
            account: LineAccount::default(),
            quarantine: Quarantine::default(),
        }
    }

    /// Takes more bytes of the unpacked input. Returns the batches that they
    /// complete.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<RecordBatch> {
        match &mut self.state {
            State::Sniffing(head) => {
                head.extend_from_slice(bytes);
                if head.len() < crate::sniff::HEAD_BYTES { Vec::new() } else { self.begin() }
            }
            State::Decoding(cutter, _) => {
                cutter.buffer().extend_from_slice(bytes);
                self.drain(false)
            }
        }
    }

    /// Ends the input. Returns the last batches.
    pub fn finish(&mut self) -> Vec<RecordBatch> {
        let mut batches = match &self.state {
            State::Sniffing(_) => self.begin(),
            State::Decoding(..) => Vec::new(),
        };
        batches.extend(self.drain(true));
        batches
    }

    /// What became of the lines so far.
    pub fn account(&self) -> LineAccount {
        self.account
    }

    /// The lines that could not be read so far.
    pub fn quarantine(&self) -> &Quarantine {
        &self.quarantine
    }

    fn begin(&mut self) -> Vec<RecordBatch> {
        let State::Sniffing(head) = &mut self.state else { return Vec::new() };
        let head = std::mem::take(head);
        let plan = crate::sniff::plan(&head, &self.names);
        let decoder =
            BlockDecoder::new(Arc::clone(&self.file), &plan, &self.names, self.projection);
        let mut cutter = Cutter::new(&plan);
        cutter.buffer().extend_from_slice(&head);
        self.state = State::Decoding(cutter, Box::new(decoder));
        self.drain(false)
    }

    fn drain(&mut self, finished: bool) -> Vec<RecordBatch> {
        let State::Decoding(cutter, decoder) = &mut self.state else { return Vec::new() };
        let mut batches = Vec::new();
        while let Some(block) = cutter.cut(finished, Vec::new()) {
            let decoded = decoder.decode(block, &mut self.quarantine);
            self.account += decoded.account;
            if decoded.records.num_rows() > 0 {
                batches.push(decoded.records);
            }
        }
        batches
    }
}
