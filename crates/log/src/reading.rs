//! One input on its way from a file to blocks.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::RecordBatch;

use crate::account::{LineAccount, Quarantine};
use crate::container::{self, Container};
use crate::decode::{BlockDecoder, Decoded};
use crate::dedup::Seen;
use crate::envelope::{Block, Cutter, Envelope};
use crate::format::Format;
use crate::input::Input;
use crate::scan::{Progress, ScanOptions};
use crate::sniff::{self, Plan};
use crate::state::{self, Consumed, Identity, Place, Resume, Tail};
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
    /// Bytes that an earlier run read and this one passed over.
    pub passed_bytes: u64,
    /// How much of it has been read, for the next run.
    pub(crate) consumed: Option<Consumed>,
}

impl Source {
    fn new(name: Arc<str>) -> Source {
        let (containers, plan, damage, consumed) = (Vec::new(), None, None, None);
        let account = LineAccount::default();
        Source { name, containers, plan, account, damage, passed_bytes: 0, consumed }
    }

    /// How the input was read, as in `gzip › lines › access, 22 variables`.
    pub fn description(&self) -> String {
        let mut layers: Vec<String> = self.containers.iter().map(Container::to_string).collect();
        match &self.plan {
            None if self.passed_bytes > 0 => layers.push("nothing new".to_owned()),
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
        let waiting = self.consumed.as_ref().map_or(0, Consumed::waiting_bytes);
        if waiting > 0 {
            layers.push(format!("{waiting} bytes wait for the end of their line"));
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
    /// A request table that `convert` wrote, and its file if what is read is kept.
    Table(Table, Option<Consumed>),
    /// It could not be opened.
    Nothing,
}

impl Body {
    fn open(
        input: &Input,
        options: &ScanOptions,
        seen: Option<&Seen>,
        source: &mut Source,
    ) -> io::Result<Body> {
        let path = match (&options.state, input) {
            (Some(_), Input::File(path)) => Some(path.clone()),
            _ => None,
        };
        let resume = match (&options.state, &path) {
            (Some(state), Some(path)) => state.resume(path)?,
            _ => Resume::Start,
        };
        let place = match resume {
            Resume::Nothing(consumed) => {
                source.passed_bytes = input.size().unwrap_or_default();
                source.consumed = Some(consumed);
                return Ok(Body::Nothing);
            }
            Resume::At(place) => Some(place),
            Resume::Start => None,
        };
        if Table::sniff(input) {
            let consumed = path.map(|path| whole(&path)).transpose()?;
            return Ok(Body::Table(Table::open(input, options.projection)?, consumed));
        }
        Ok(Body::Log(Box::new(Log::open(input, (path, place), options, seen, source)?)))
    }

    /// How much was read.
    fn consumed(&self) -> Option<Consumed> {
        match self {
            Body::Log(log) => log.consumed(),
            Body::Table(_, consumed) => consumed.clone(),
            Body::Nothing => None,
        }
    }
}

/// All of a file, as it is now.
fn whole(path: &Path) -> io::Result<Consumed> {
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    Ok(Consumed::note(Identity::of(&mut file)?, size, None))
}

/// Opens an input; a file of which is kept what was read, with what it is known by.
fn open(input: &Input, path: Option<PathBuf>) -> io::Result<(Box<dyn Read + Send>, Option<Kept>)> {
    let Some(path) = path else { return Ok((input.open()?, None)) };
    let mut file = File::open(&path)?;
    let identity = Identity::of(&mut file)?;
    Ok((Box::new(file), Some((path, identity))))
}

/// A file and what it is known by.
type Kept = (PathBuf, Identity);

struct Log {
    /// The file, if what is read of it is kept for the next run.
    kept: Option<Kept>,
    /// Bytes of the file, read or passed over.
    read: Arc<AtomicU64>,
    /// The last line, if it has no end.
    tail: Option<Tail>,
    /// Nothing was added since an earlier run: what has no end will have none.
    settled: bool,
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
        let body = Body::open(input, options, seen, &mut source).unwrap_or_else(|error| {
            source.note_damage(&error, 0, quarantine);
            Body::Nothing
        });
        Reading { source, body, progress: options.progress.clone() }
    }

    /// The next piece of work, or nothing at the end.
    pub(crate) fn work(&mut self, spare: Vec<u8>, quarantine: &mut Quarantine) -> Option<Work> {
        let work = match &mut self.body {
            Body::Log(log) => log.work(spare, &mut self.source, quarantine),
            Body::Table(table, _) => match table.next_batch() {
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
            let body = std::mem::replace(&mut self.body, Body::Nothing);
            if let Some(consumed) = body.consumed() {
                self.source.consumed = Some(consumed);
            }
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
        (path, place): (Option<PathBuf>, Option<Place>),
        options: &ScanOptions,
        seen: Option<&Seen>,
        source: &mut Source,
    ) -> io::Result<Log> {
        let read = Arc::new(AtomicU64::new(0));
        let (raw, kept) = open(input, path)?;
        let raw =
            Counted { inner: raw, read: Arc::clone(&read), progress: options.progress.clone() };
        let (containers, mut reader) = container::unpack(Box::new(raw))?;
        let mut head = Vec::with_capacity(sniff::HEAD_BYTES);
        let outcome = reader.by_ref().take(sniff::HEAD_BYTES as u64).read_to_end(&mut head);
        let whole = outcome.as_ref().is_ok_and(|read| *read < sniff::HEAD_BYTES);
        let text = head.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&head);
        let mark = head.len() - text.len();
        let overrides = options.overrides.of(input, &options.formats);
        let plan = Arc::new(sniff::plan(text, whole, &options.names, &overrides));
        let mut cutter = Cutter::new(plan.envelope);
        cutter.pending().push(&head);
        cutter.skip(mark);
        if let Err(error) = outcome {
            reader = Box::new(Failed(Some(error)));
        }
        let decoder = plan.is_sequential().then(|| {
            let ScanOptions { names, projection, .. } = options;
            BlockDecoder::new(Arc::clone(&source.name), &plan, names, *projection, seen.cloned())
        });
        let (block_bytes, ended) = (options.block_bytes, whole);
        let (tail, settled) = (None, false);
        let mut log =
            Log { kept, read, tail, settled, reader, cutter, block_bytes, ended, decoder };
        if let Some(place) = place.filter(|_| plan.envelope != Envelope::Table) {
            log.go_on(place, options, &plan)?;
            source.passed_bytes = place.offset;
        }
        source.plan = Some(plan);
        source.containers = containers;
        Ok(log)
    }

    /// Goes on where an earlier run ended. The start of the file, which was
    /// read to know what it is, is left aside.
    fn go_on(&mut self, place: Place, options: &ScanOptions, plan: &Plan) -> io::Result<()> {
        let Place { offset, read, settled } = place;
        let Some((path, identity)) = &self.kept else { return Ok(()) };
        let mut file = File::open(path)?;
        if identity.is_replaced_by(&file)? {
            return Err(io::Error::other("another file took its place while it was opened"));
        }
        file.seek(SeekFrom::Start(offset))?;
        let (passed, line) = match read {
            Some(tail) => state::pass_tail(&mut file, tail)?,
            None => (0, Vec::new()),
        };
        self.read.store(offset + passed + line.len() as u64, Ordering::Relaxed);
        let (read, progress) = (Arc::clone(&self.read), options.progress.clone());
        let raw = Counted { inner: Box::new(file), read, progress };
        let (_, reader) = container::unpack(Box::new(raw))?;
        self.reader = reader;
        self.cutter = Cutter::new(plan.envelope);
        self.cutter.skip((offset + passed) as usize);
        self.cutter.pending().push(&line);
        self.ended = false;
        self.settled = settled;
        Ok(())
    }

    /// How much was read.
    fn consumed(&self) -> Option<Consumed> {
        let read = self.read.load(Ordering::Relaxed);
        let (_, identity) = self.kept.as_ref()?;
        Some(Consumed::note(*identity, read, self.tail))
    }

    /// Notes the last line if it has no end, which it may get later. Unless it is whole, it is left
    /// to a later run.
    fn note_tail(&mut self, source: &Source) {
        if self.kept.is_none() || !source.containers.is_empty() || self.tail.is_some() {
            return;
        }
        let unended = self.cutter.unended();
        let pending = self.cutter.pending();
        let start = pending.get().len() - unended;
        self.tail = Tail::of(pending.get().get(start..).unwrap_or_default(), self.settled);
        pending.drop_last(self.tail.map_or(0, |tail| tail.waiting_bytes() as usize));
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
            if self.ended {
                self.note_tail(source);
            }
            let block = self.cutter.cut(self.ended, std::mem::take(&mut spare));
            if block.is_some() || self.ended {
                return block;
            }
        }
    }

    fn fill(&mut self, source: &mut Source, quarantine: &mut Quarantine) {
        let pending = self.cutter.pending();
        let held = pending.get().len();
        let missing = self.block_bytes.saturating_sub(held).max(self.block_bytes / 4).max(1);
        match pending.read(&mut self.reader, missing) {
            Ok(read) => self.ended = read < missing,
            Err(error) => {
                self.ended = true;
                let offset = self.cutter.offset() + self.cutter.pending().get().len() as u64;
                source.note_damage(&error, offset, quarantine);
            }
        }
    }
}

/// Counts what is read.
struct Counted {
    inner: Box<dyn Read + Send>,
    read: Arc<AtomicU64>,
    progress: Option<Arc<Progress>>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.read.fetch_add(read as u64, Ordering::Relaxed);
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
