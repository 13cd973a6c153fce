//! Envelopes: how events are wrapped on their way out of CloudWatch Logs.
//!
//! A [`Cutter`] takes the unpacked input as it comes and cuts it into blocks
//! of whole events. For plain lines, which need no unwrapping, a block is the
//! input itself.

use memchr::memrchr;

use crate::sniff::Plan;

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
    #[expect(dead_code, reason = "made by the envelopes that unwrap")]
    Listed(Vec<Event>),
}

/// One event of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Event {
    /// Its text, as a range of the block.
    pub(crate) start: u32,
    pub(crate) end: u32,
    /// The envelope's timestamp or [`crate::rows::NO_TIME`].
    pub(crate) time: i64,
    /// Where it begins in the unpacked input.
    pub(crate) offset: u64,
}

/// The longest line that is kept together, in bytes.
const LINE_BYTES_MAX: usize = 16 << 20;

/// Cuts the input into blocks.
#[derive(Debug)]
pub(crate) struct Cutter {
    pending: Vec<u8>,
    offset: u64,
}

impl Cutter {
    pub(crate) fn new(_plan: &Plan) -> Cutter {
        Cutter { pending: Vec::new(), offset: 0 }
    }

    /// Where to append more of the input.
    pub(crate) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.pending
    }

    /// Takes the whole events so far, or nothing if there is none; at the end
    /// of the input, all. `spare` is memory to go on with.
    pub(crate) fn cut(&mut self, finished: bool, mut spare: Vec<u8>) -> Option<Block> {
        let whole = match memrchr(b'\n', &self.pending) {
            _ if finished => self.pending.len(),
            None if self.pending.len() < LINE_BYTES_MAX => 0,
            None => self.pending.len(),
            Some(newline) => newline + 1,
        };
        if whole == 0 {
            return None;
        }
        spare.clear();
        spare.extend_from_slice(self.pending.get(whole..).unwrap_or_default());
        self.pending.truncate(whole);
        let bytes = std::mem::replace(&mut self.pending, spare);
        let offset = self.offset;
        self.offset += bytes.len() as u64;
        Some(Block { bytes, offset, events: Events::Lines })
    }
}
