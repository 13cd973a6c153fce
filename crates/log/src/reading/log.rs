//! A log on its way from a file to blocks, and what is kept of it for the next run.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Known, Source, Work};
use crate::account::Quarantine;
use crate::container;
use crate::decode::{BlockDecoder, Decoded};
use crate::dedup::Seen;
use crate::envelope::{Block, Context, Cutter, Rest};
use crate::format::execution::OpenRequest;
use crate::input::Input;
use crate::scan::{Progress, ScanOptions};
use crate::sniff::{self, Plan};
use crate::state::{self, Consumed, End, Identity, Resume, Tail};

/// A log being read.
pub(super) struct Log {
    /// The file, if what is read of it is kept for the next run.
    kept: Option<Kept>,
    /// Bytes of the file, read or passed over.
    read: Arc<AtomicU64>,
    /// How many it had when it was opened, if it is a file and not packed.
    size: u64,
    /// How it ends, once that is known.
    end: Option<End>,
    /// Nothing was added since an earlier run: what has no end will have none.
    settled: bool,
    packed: bool,
    reader: Box<dyn Read + Send>,
    cutter: Cutter,
    block_bytes: usize,
    ended: bool,
    /// For logs whose blocks must be decoded in order.
    decoder: Option<BlockDecoder>,
}

/// What text editors put before UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

impl Log {
    /// Opens a log, and goes on where an earlier run ended.
    pub(super) fn open(
        input: &Input,
        (path, resume): (Option<&Path>, Resume),
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
        if let Some(what) = container::foreign(&head) {
            let message = format!("it is {what}, expected plain text, gzip or Zstandard");
            return Err(io::Error::other(message));
        }
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
        let mut log = Log {
            kept,
            read,
            size: input.size().filter(|_| containers.is_empty()).unwrap_or_default(),
            end: None,
            settled: false,
            packed: !containers.is_empty(),
            reader,
            cutter,
            block_bytes: options.block_bytes,
            ended: whole,
            decoder: None,
        };
        source.plan = Some(Arc::clone(&plan));
        source.containers = containers;
        let open = log.resume(resume, &plan, options, source)?;
        log.decoder = (plan.is_sequential() || !open.is_empty()).then(|| {
            let ScanOptions { names, projection, .. } = options;
            let name = Arc::clone(&source.name);
            let mut decoder = BlockDecoder::new(name, &plan, names, *projection, seen.cloned());
            decoder.resume(open);
            decoder
        });
        Ok(log)
    }

    /// Goes on where an earlier run ended, if that can be. Returns the requests that it left open.
    fn resume(
        &mut self,
        resume: Resume,
        plan: &Plan,
        options: &ScanOptions,
        source: &mut Source,
    ) -> io::Result<Vec<OpenRequest>> {
        match resume {
            Resume::Start | Resume::Nothing(_) => Ok(Vec::new()),
            Resume::Replaced(open) => {
                source.known = Known::Replaced;
                Ok(open)
            }
            Resume::At(place) => match place.context {
                Some(context) if context.envelope() == plan.envelope => {
                    source.known = Known::GoesOn;
                    source.passed_bytes = place.offset;
                    self.settled = place.settled;
                    self.go_on(place.offset, place.read, context, options)?;
                    Ok(place.open)
                }
                // Too little of it was there to tell what it is.
                _ => {
                    source.known = Known::Replaced;
                    Ok(Vec::new())
                }
            },
        }
    }

    /// Goes on at an offset. The start of the file, which was read to know what it is, is left
    /// aside.
    fn go_on(
        &mut self,
        offset: u64,
        read: Option<Tail>,
        context: Context,
        options: &ScanOptions,
    ) -> io::Result<()> {
        let Some(Kept { file, .. }) = &self.kept else { return Ok(()) };
        let mut file = file.try_clone()?;
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
        self.cutter = Cutter::going_on(context);
        self.cutter.skip((offset + passed) as usize);
        self.cutter.pending().push(&line);
        self.ended = false;
        Ok(())
    }

    /// How much was read.
    pub(super) fn consumed(mut self) -> Option<Consumed> {
        let read = self.read.load(Ordering::Relaxed);
        let end = self.end().clone();
        let Kept { mut file, identity } = self.kept?;
        // Without that, it is read again.
        Consumed::note(identity, &mut file, read, end).ok()
    }

    /// How the input ends. What has no end, and may get one, is left to a later run.
    fn end(&mut self) -> &mut End {
        let rest = if self.packed { Rest::default() } else { self.cutter.rest() };
        let Log { settled, cutter, .. } = self;
        self.end.get_or_insert_with(|| {
            let context = Some(cutter.context().clone());
            let pending = cutter.pending();
            let start = pending.get().len() - rest.bytes;
            let tail = Tail::of(pending.get().get(start..).unwrap_or_default());
            let waits = rest.may_go_on && !*settled;
            if waits {
                pending.drop_last(rest.bytes);
            }
            End { tail, waits, context, open: Vec::new() }
        })
    }

    /// Whether more may come of it, in a later run.
    fn may_grow(&self) -> bool {
        self.kept.is_some() && !self.packed && !self.settled
    }

    /// The next piece of work, or nothing at the end.
    pub(super) fn work(
        &mut self,
        spare: Vec<u8>,
        source: &mut Source,
        quarantine: &mut Quarantine,
    ) -> Option<Work> {
        match (self.block(spare, source, quarantine), &mut self.decoder) {
            (Some(block), Some(decoder)) => Some(Work::Decoded(decoder.decode(block, quarantine))),
            (Some(block), None) => Some(Work::Block(block)),
            (None, _) => self.decoder.take().map(|decoder| Work::Decoded(self.finish(decoder))),
        }
    }

    /// Ends what is decoded in order.
    fn finish(&mut self, mut decoder: BlockDecoder) -> Decoded {
        if !self.may_grow() {
            return decoder.finish();
        }
        let (decoded, open) = decoder.suspend();
        self.end().open = open;
        decoded
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
                self.cutter.look_again();
            }
            let block = self.cutter.cut(false, std::mem::take(&mut spare));
            if block.is_some() {
                return block;
            }
            if self.ended {
                let waits = self.kept.is_some() && self.end().waits;
                return if waits { None } else { self.cutter.cut(true, spare) };
            }
        }
    }

    fn fill(&mut self, source: &mut Source, quarantine: &mut Quarantine) {
        let pending = self.cutter.pending();
        let held = pending.get().len();
        let missing = self.block_bytes.saturating_sub(held).max(self.block_bytes / 4).max(1);
        let read = pending.read(&mut self.reader, missing);
        self.ended = !matches!(&read, Ok(read) if *read == missing);
        let error = match read {
            Err(error) => error,
            Ok(_) if self.ended && self.read.load(Ordering::Relaxed) < self.size => {
                io::Error::other("it became shorter while it was read")
            }
            Ok(_) => return,
        };
        let offset = self.cutter.offset() + self.cutter.pending().get().len() as u64;
        source.note_damage(&error, offset, quarantine);
    }
}

/// Opens an input; a file of which is kept what was read, with what it is known by.
fn open(input: &Input, path: Option<&Path>) -> io::Result<(Box<dyn Read + Send>, Option<Kept>)> {
    let Some(path) = path else { return Ok((input.open()?, None)) };
    let mut file = File::open(path)?;
    let identity = Identity::of(&mut file)?;
    Ok((Box::new(file.try_clone()?), Some(Kept { file, identity })))
}

/// The file that is read, and what it is known by. Wherever this is moved to, it reads from there.
struct Kept {
    file: File,
    identity: Identity,
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
