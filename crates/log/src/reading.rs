//! One input on its way from a file to blocks.

mod log;

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow::array::RecordBatch;

use crate::account::{LineAccount, Quarantine};
use crate::container::Container;
use crate::decode::Decoded;
use crate::dedup::Seen;
use crate::envelope::Block;
use crate::format::Format;
use crate::input::Input;
use crate::scan::{Progress, ScanOptions};
use crate::sniff::Plan;
use crate::state::{Consumed, End, Identity, Resume};
use crate::table::Table;
use log::Log;

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
    known: Known,
    /// How much of it has been read, for the next run.
    pub(crate) consumed: Option<Consumed>,
}

/// What an earlier run read of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    Nothing,
    /// All that there is.
    All,
    /// Its start.
    GoesOn,
    /// Something else that was called like it.
    Replaced,
}

impl Source {
    fn new(name: Arc<str>) -> Source {
        let (containers, plan, damage, consumed) = (Vec::new(), None, None, None);
        let account = LineAccount::default();
        let (passed_bytes, known) = (0, Known::Nothing);
        Source { name, containers, plan, account, damage, passed_bytes, known, consumed }
    }

    /// Whether an earlier run with the same state has read it, or what was called like it.
    pub fn is_known(&self) -> bool {
        self.known != Known::Nothing
    }

    /// How the input was read, as in `gzip › lines › access, 22 variables`.
    pub fn description(&self) -> String {
        let mut layers: Vec<String> = self.containers.iter().map(Container::to_string).collect();
        match &self.plan {
            None if self.known == Known::All => layers.push("nothing new".to_owned()),
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
        if self.known == Known::Replaced {
            layers.push("from its start, as it is not what was read before".to_owned());
        }
        layers.extend(self.consumed.iter().flat_map(Consumed::waiting));
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
        let path = options.state.as_ref().and_then(|_| input.kept());
        let resume = match (&options.state, path) {
            (Some(state), Some(path)) => state.resume(path)?,
            _ => Resume::Start,
        };
        if let Resume::Nothing(consumed) = resume {
            source.known = Known::All;
            source.passed_bytes = input.size().unwrap_or_default();
            source.consumed = Some(consumed);
            return Ok(Body::Nothing);
        }
        if Table::sniff(input) {
            let consumed = path.map(whole).transpose()?;
            return Ok(Body::Table(Table::open(input, options.projection)?, consumed));
        }
        Ok(Body::Log(Box::new(Log::open(input, (path, resume), options, seen, source)?)))
    }

    /// How much was read.
    fn consumed(self) -> Option<Consumed> {
        match self {
            Body::Log(log) => log.consumed(),
            Body::Table(_, consumed) => consumed,
            Body::Nothing => None,
        }
    }
}

/// All of a file, as it is now.
fn whole(path: &Path) -> io::Result<Consumed> {
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    Consumed::note(Identity::of(&mut file)?, &mut file, size, End::whole())
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
