//! From bytes, as they come, to batches of rows, without I/O.

use std::sync::Arc;

use arrow::array::RecordBatch;

use crate::account::{LineAccount, Quarantine};
use crate::decode::{BlockDecoder, Decoded};
use crate::envelope::Cutter;
use crate::names::NameMap;
use crate::schema::Projection;
use crate::sniff::{self, Plan};
use crate::told::Overrides;

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
    overrides: Overrides,
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
            overrides: Overrides::default(),
            state: State::Sniffing(Vec::new()),
            account: LineAccount::default(),
            quarantine: Quarantine::default(),
        }
    }

    /// Says what would otherwise be sniffed, and names of the log's own.
    pub fn with(mut self, overrides: Overrides, names: NameMap) -> Decoder {
        self.overrides = overrides;
        self.names = names;
        self
    }

    /// Goes by a plan instead of sniffing: nothing is held back.
    pub fn planned(mut self, plan: &Plan) -> Decoder {
        let file = Arc::clone(&self.file);
        let decoder = BlockDecoder::new(file, plan, &self.names, self.projection, None);
        self.state = State::Decoding(Cutter::new(plan.envelope), Box::new(decoder));
        self
    }

    /// Takes more bytes of the unpacked input. Returns the batches that they
    /// complete.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<RecordBatch> {
        match &mut self.state {
            State::Sniffing(head) => {
                head.extend_from_slice(bytes);
                if head.len() < sniff::HEAD_BYTES { Vec::new() } else { self.begin(false) }
            }
            State::Decoding(cutter, _) => {
                cutter.pending().push(bytes);
                self.drain(false)
            }
        }
    }

    /// Ends the input. Returns the last batches.
    pub fn finish(&mut self) -> Vec<RecordBatch> {
        let mut batches = match &self.state {
            State::Sniffing(_) => self.begin(true),
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

    fn begin(&mut self, whole: bool) -> Vec<RecordBatch> {
        let State::Sniffing(head) = &mut self.state else { return Vec::new() };
        let mut head = std::mem::take(head);
        // What is looked at must not depend on how the bytes arrived.
        let rest = head.split_off(head.len().min(sniff::HEAD_BYTES));
        let whole = whole && rest.is_empty();
        let plan = sniff::plan(&head, whole, &self.names, &self.overrides);
        let file = Arc::clone(&self.file);
        let decoder = BlockDecoder::new(file, &plan, &self.names, self.projection, None);
        let mut cutter = Cutter::new(plan.envelope);
        cutter.pending().push(&head);
        cutter.pending().push(&rest);
        self.state = State::Decoding(cutter, Box::new(decoder));
        self.drain(false)
    }

    fn drain(&mut self, finished: bool) -> Vec<RecordBatch> {
        let State::Decoding(cutter, decoder) = &mut self.state else { return Vec::new() };
        let mut decoded = Vec::new();
        while let Some(block) = cutter.cut(finished, Vec::new()) {
            decoded.push(decoder.decode(block, &mut self.quarantine));
        }
        if finished {
            decoded.push(decoder.finish());
        }
        let mut batches = Vec::new();
        for Decoded { records, account, .. } in decoded {
            self.account += account;
            if records.num_rows() > 0 {
                batches.push(records);
            }
        }
        batches
    }
}
