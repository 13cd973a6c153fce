//! One input on its way from a file to blocks.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow::array::RecordBatch;

use crate::account::{LineAccount, Quarantine};
use crate::container::{self, Container};
use crate::decode::{BlockDecoder, Decoded};
use crate::dedup::Seen;
use crate::envelope::{Block, Cutter};
use crate::format::Format;
use crate::input::Input;
use crate::scan::{Progress, ScanOptions};
use crate::sniff::{self, Plan};
use crate::table::Table;

/// What one input turned out to be.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its name.
    pub name: Arc<str>,
    /// Its containers, outermost first; none if it is not packed.
    pub containers: Vec<Container>,
    /// How its events are wrapped and what they are; nothing if it could not
    /// be opened, or is a table.
    pub plan: Option<Arc<Plan>>,
    /// What became of its lines.
    pub account: LineAccount,
    /// Why it could not be read to its end, if so.
    pub damage: Option<String>,
}

impl Source {
    fn new(name: Arc<str>) -> Source {
        let (containers, plan, damage) = (Vec::new(), None, None);
        Source { name, containers, plan, account: LineAccount::default(), damage }
    }

    /// How the input was read, as in `gzip › lines › access, 22 variables`.
    pub fn description(&self) -> String {
        let mut layers: Vec<String> = self.containers.iter().map(Container::to_string).collect();
        match &self.plan {
            None if self.damage.is_some() => layers.push("unreadable".to_owned()),
            None => layers.push("request table".to_owned()),
            Some(plan) => {
                layers.push(plan.envelope.to_string());
                let templates: Vec<_> =
                    plan.templates.iter().map(|t| t.variables().count().to_string()).collect();
                layers.push(match (plan.format, templates.as_slice()) {
                    (Format::Access, []) => "access, any JSON".to_owned(),
                    (Format::Access, counts) => {
                        format!("access, {} variables", counts.join(" or "))
                    }
                    (format, _) => format.to_string(),
                });
            }
        }
        layers.join(" › ")
    }

    /// Notes that the rest of the input cannot be read.
    fn note_damage(&mut self, error: &io::Error, offset: u64, quarantine: &mut Quarantine) {
        let reason = format!("the rest of the input cannot be read: {error}");
        quarantine.add(&self.name, offset, reason, b"");
        self.account.quarantined += 1;
        self.damage = Some(error.to_string());
    }
}

/// Something to do for a worker.
pub(crate) enum Work {
    /// Decode this block.
    Block(Block),
    /// These rows are decoded.
    Decoded(Decoded),
    /// These rows were a table already.
    Rows(RecordBatch),
}

/// An input being read.
pub(crate) struct Reading {
    pub(crate) source: Source,
    body: Body,
    progress: Option<Arc<Progress>>,
}

enum Body {
    /// A log.
    Log(Box<Log>),
    /// A request table that `convert` wrote.
    Table(Table),
    /// It could not be opened.
    Nothing,
}

struct Log {
    reader: Box<dyn Read + Send>,
    cutter: Cutter,
    block_bytes: usize,
    ended: bool,
    /// For logs whose blocks must be decoded in order.
    decoder: Option<BlockDecoder>,
}

impl Reading {
    /// Opens an input. If that fails, its source says so.
    pub(crate) fn open(
        input: &Input,
        options: &ScanOptions,
        seen: Option<&Seen>,
        quarantine: &mut Quarantine,
    ) -> Reading {
        let mut source = Source::new(input.name());
        let body = match Table::sniff(input) {
            true => Table::open(input, options.projection).map(Body::Table),
            false => {
                Log::open(input, options, seen, &mut source).map(|log| Body::Log(Box::new(log)))
            }
        };
        let body = body.unwrap_or_else(|error| {
            source.note_damage(&error, 0, quarantine);
            Body::Nothing
        });
        Reading { source, body, progress: options.progress.clone() }
    }

    /// The next piece of work, or nothing at the end.
    pub(crate) fn work(&mut self, spare: Vec<u8>, quarantine: &mut Quarantine) -> Option<Work> {
        let work = match &mut self.body {
            Body::Log(log) => log.work(spare, &mut self.source, quarantine),
            Body::Table(table) => match table.next_batch() {
                None => None,
                Some(Ok(rows)) => Some(Work::Rows(rows)),
                Some(Err(error)) => {
                    self.source.note_damage(&error, 0, quarantine);
                    None
                }
            },
            Body::Nothing => None,
        };
        if work.is_none() {
            self.body = Body::Nothing;
            if let Some(progress) = self.progress.take() {
                progress.inputs.fetch_add(1, Ordering::Relaxed);
            }
        }
        work
    }
}

/// What text editors put before UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

impl Log {
    fn open(
        input: &Input,
        options: &ScanOptions,
        seen: Option<&Seen>,
        source: &mut Source,
    ) -> io::Result<Log> {
        let raw = Counted { inner: input.open()?, progress: options.progress.clone() };
        let (containers, mut reader) = container::unpack(Box::new(raw))?;
        source.containers = containers;
        let mut head = Vec::with_capacity(sniff::HEAD_BYTES);
        let read = reader.by_ref().take(sniff::HEAD_BYTES as u64).read_to_end(&mut head);
        let whole = read.as_ref().is_ok_and(|read| *read < sniff::HEAD_BYTES);
        let text = head.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&head);
        let mark = head.len() - text.len();
        let plan = Arc::new(sniff::plan(text, whole, &options.names, &options.overrides));
        let mut cutter = Cutter::new(plan.envelope);
        *cutter.buffer() = head;
        cutter.skip(mark);
        source.plan = Some(Arc::clone(&plan));
        let decoder = plan.is_sequential().then(|| {
            let ScanOptions { names, projection, .. } = options;
            BlockDecoder::new(Arc::clone(&source.name), &plan, names, *projection, seen.cloned())
        });
        if let Err(error) = read {
            reader = Box::new(Failed(Some(error)));
        }
        Ok(Log { reader, cutter, block_bytes: options.block_bytes, ended: whole, decoder })
    }

    fn work(
        &mut self,
        spare: Vec<u8>,
        source: &mut Source,
        quarantine: &mut Quarantine,
    ) -> Option<Work> {
        match (self.block(spare, source, quarantine), &mut self.decoder) {
            (Some(block), Some(decoder)) => Some(Work::Decoded(decoder.decode(block, quarantine))),
            (Some(block), None) => Some(Work::Block(block)),
            (None, _) => self.decoder.take().map(|mut decoder| Work::Decoded(decoder.finish())),
        }
    }

    /// Reads on until there is a block.
    fn block(
        &mut self,
        mut spare: Vec<u8>,
        source: &mut Source,
        quarantine: &mut Quarantine,
    ) -> Option<Block> {
        loop {
            if !self.ended {
                self.fill(source, quarantine);
            }
            let block = self.cutter.cut(self.ended, std::mem::take(&mut spare));
            if block.is_some() || self.ended {
                return block;
            }
        }
    }

    fn fill(&mut self, source: &mut Source, quarantine: &mut Quarantine) {
        let buffer = self.cutter.buffer();
        let missing =
            self.block_bytes.saturating_sub(buffer.len()).max(self.block_bytes / 4).max(1);
        // A little more, because views read sixteen bytes at a time.
        buffer.reserve(missing + 32);
        match self.reader.by_ref().take(missing as u64).read_to_end(buffer) {
            Ok(read) => self.ended = read < missing,
            Err(error) => {
                self.ended = true;
                let offset = self.cutter.offset() + self.cutter.buffer().len() as u64;
                source.note_damage(&error, offset, quarantine);
            }
        }
    }
}

/// Counts what is read.
struct Counted {
    inner: Box<dyn Read + Send>,
    progress: Option<Arc<Progress>>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        if let Some(progress) = &self.progress {
            progress.bytes.fetch_add(read as u64, Ordering::Relaxed);
        }
        Ok(read)
    }
}

/// Repeats, at its place, an error that was met while looking at the head.
struct Failed(Option<io::Error>);

impl Read for Failed {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}
