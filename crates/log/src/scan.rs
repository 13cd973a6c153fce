//! Scanning: many inputs, several workers, one account.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::array::{
    Array, BooleanArray, RecordBatch, StringViewArray, TimestampMillisecondArray, UInt16Array,
    UInt64Array,
};

use crate::account::{LineAccount, Quarantine, QuarantineFile};
use crate::crew::{Advice, Crew, MemoryLimit, ROWS_BETWEEN};
use crate::decode::{BlockDecoder, Decoded};
use crate::dedup::Seen;
use crate::input::Input;
use crate::names::NameMap;
use crate::reading::{Reading, Source, Work};
use crate::schema::{Field, Projection};
use crate::sniff::Plan;
use crate::state::ScanState;
use crate::told::{LogFormat, Overrides};

/// What to read, and how.
#[derive(Debug, Clone)]
pub struct ScanOptions {
    /// The columns to decode.
    pub projection: Projection,
    /// Names in the logs beside the known ones.
    pub names: NameMap,
    /// What is not to be sniffed.
    pub overrides: Overrides,
    /// What is known of the logs of some APIs, or in some places.
    pub formats: Vec<LogFormat>,
    /// Whether to leave out events whose id was seen before in this scan:
    /// exports and deliveries overlap.
    pub deduplicate: bool,
    /// Workers at most; 0 for one a core.
    pub threads: usize,
    /// What all of them are to stay within; nothing for as much as they take.
    pub memory: Option<MemoryLimit>,
    /// Bytes of unpacked input that a worker decodes at a time. Memory is a
    /// small multiple of this per worker, whatever the size of the input.
    pub block_bytes: usize,
    /// Where to count progress.
    pub progress: Option<Arc<Progress>>,
    /// Once this is set, no more blocks are read: what was read until then is what was found.
    pub stop: Option<Arc<AtomicBool>>,
    /// Where to keep quarantined lines whole.
    pub quarantine: Option<Arc<QuarantineFile>>,
    /// What earlier runs have read, to go on from there. Implies
    /// `deduplicate`.
    pub state: Option<Arc<ScanState>>,
}

impl ScanOptions {
    /// Decodes these columns, with a worker a core.
    pub fn new(projection: Projection) -> ScanOptions {
        ScanOptions {
            projection,
            names: NameMap::default(),
            overrides: Overrides::default(),
            formats: Vec::new(),
            deduplicate: false,
            threads: 0,
            memory: None,
            block_bytes: 160 << 10,
            progress: None,
            stop: None,
            quarantine: None,
            state: None,
        }
    }

    /// Whether events are left out whose id was seen before.
    pub fn leaves_out_duplicates(&self) -> bool {
        self.deduplicate || self.state.is_some()
    }

    /// Whether reading is to end early.
    pub fn is_stopped(&self) -> bool {
        self.stop.as_ref().is_some_and(|stop| stop.load(Ordering::Relaxed))
    }

    pub(crate) fn quarantine(&self) -> Quarantine {
        Quarantine::with_file(self.quarantine.clone())
    }

    pub(crate) fn seen(&self) -> Option<Seen> {
        match &self.state {
            Some(state) => Some(state.seen()),
            None => self.deduplicate.then(Seen::default),
        }
    }

    /// The state after a run that found these sources.
    pub(crate) fn next_state(&self, sources: &[Source], seen: Option<&Seen>) -> Option<ScanState> {
        let consumed = sources.iter().filter_map(|s| Some((&*s.name, s.consumed.as_ref()?)));
        Some(self.state.as_ref()?.after(consumed, seen?))
    }
}

/// Counters that another thread can watch.
#[derive(Debug, Default)]
pub struct Progress {
    /// Bytes read, as they lie in the files.
    pub bytes: AtomicU64,
    /// Inputs that are done.
    pub inputs: AtomicU64,
}

/// Rows of one input, in the order of the log.
#[derive(Debug)]
pub struct Batch<'a> {
    /// The rows, with the columns of the projection. The view of a text that is null may be any.
    pub records: &'a RecordBatch,
    /// The name of the input.
    pub file: &'a Arc<str>,
    pub(crate) projection: Projection,
}

impl<'a> Batch<'a> {
    /// A column of text; nothing if it is not in the projection.
    pub fn text(&self, field: Field) -> Option<&'a StringViewArray> {
        self.column(field)
    }

    /// A column of statuses; nothing if it is not in the projection.
    pub fn statuses(&self, field: Field) -> Option<&'a UInt16Array> {
        self.column(field)
    }

    /// A column of numbers; nothing if it is not in the projection.
    pub fn numbers(&self, field: Field) -> Option<&'a UInt64Array> {
        self.column(field)
    }

    /// A column of moments in UTC milliseconds; nothing if it is not in the
    /// projection.
    pub fn times(&self, field: Field) -> Option<&'a TimestampMillisecondArray> {
        self.column(field)
    }

    /// A column of flags; nothing if it is not in the projection.
    pub fn flags(&self, field: Field) -> Option<&'a BooleanArray> {
        self.column(field)
    }

    fn column<T: Array + 'static>(&self, field: Field) -> Option<&'a T> {
        let column = self.records.columns().get(self.projection.place(field)?)?;
        column.as_any().downcast_ref()
    }
}

/// What a scan found.
#[derive(Debug)]
pub struct Scanned<A> {
    /// What each worker gathered, to be merged.
    pub accumulators: Vec<A>,
    /// What became of the lines of all inputs.
    pub account: LineAccount,
    /// Lines that could not be read.
    pub quarantine: Quarantine,
    /// The inputs, in the order given.
    pub sources: Vec<Source>,
    /// What is read now, if the options said what was read before.
    pub state: Option<ScanState>,
}

/// Decodes inputs in parallel and folds their batches.
///
/// Each worker has an accumulator of its own, made by `new`, into which `fold`
/// puts one batch after another; merging them is the caller's last step, so
/// what is gathered must not depend on the order of batches. A batch borrows
/// the block it was decoded from: copy what must outlive the call, and share
/// nothing (a clone of an array keeps the whole block in memory).
///
/// An input that cannot be opened or ends early is no error: its [`Source`]
/// says so, what could be read counts, and the rest is one quarantined line.
///
/// ```
/// use std::collections::BTreeMap;
/// use tollgate_log::{Field, Input, Projection, ScanOptions, scan};
///
/// let folder = tempfile::tempdir()?;
/// let file = folder.path().join("access.log");
/// std::fs::write(&file, "{\"status\":\"200\"}\n{\"status\":\"403\"}\n{\"status\":\"200\"}\n")?;
///
/// let inputs = Input::expand(folder.path().to_str().expect("a plain path"))?;
/// let options = ScanOptions::new(Projection::of([Field::Status]));
/// let scanned = scan(&inputs, &options, BTreeMap::new, |counts, batch| {
///     for status in batch.statuses(Field::Status).into_iter().flatten().flatten() {
///         *counts.entry(status).or_insert(0) += 1;
///     }
/// });
/// let mut total = BTreeMap::new();
/// for (status, count) in scanned.accumulators.into_iter().flatten() {
///     *total.entry(status).or_insert(0) += count;
/// }
/// assert_eq!(total, BTreeMap::from([(200, 2), (403, 1)]));
/// assert_eq!(scanned.account.total(), 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn scan<A: Send>(
    inputs: &[Input],
    options: &ScanOptions,
    new: impl Fn() -> A + Sync,
    fold: impl Fn(&mut A, &Batch<'_>) + Sync,
) -> Scanned<A> {
    scan_into(inputs, options, |_| new(), fold, |accumulator| accumulator)
}

/// [`scan`] where each worker makes of its accumulator, as soon as it ends, what is kept of it: where
/// memory is short, some end early ([`MemoryLimit`]). A worker that joins others begins with what `new`
/// makes of the accumulator of one of them, which may have learned something by then.
pub fn scan_into<A: Send, B: Send>(
    inputs: &[Input],
    options: &ScanOptions,
    new: impl Fn(Option<&A>) -> A + Sync,
    fold: impl Fn(&mut A, &Batch<'_>) + Sync,
    end: impl Fn(A) -> B + Sync,
) -> Scanned<B> {
    let threads = if options.threads == 0 { rayon::current_num_threads() } else { options.threads };
    let queue = Queue {
        options,
        seen: options.seen(),
        opened: inputs.iter().map(|input| Mutex::new(Opened::Not(input.clone()))).collect(),
        next: AtomicUsize::new(0),
    };
    let crew = Crew::new(threads, options.memory);
    let first = crew.first();
    let job = Job { queue, crew, new: &new, fold: &fold, end: &end, ended: Mutex::default() };
    rayon::scope(|scope| {
        job.begin(first.saturating_sub(1), None, scope);
        job.work((job.new)(None), scope);
    });
    let workers = job.ended.into_inner().unwrap_or_else(PoisonError::into_inner);
    merge(job.queue, workers)
}

/// What all workers share.
struct Job<'a, A, B> {
    queue: Queue<'a>,
    crew: Crew,
    new: &'a (dyn Fn(Option<&A>) -> A + Sync),
    fold: &'a (dyn Fn(&mut A, &Batch<'_>) + Sync),
    end: &'a (dyn Fn(A) -> B + Sync),
    ended: Mutex<Vec<Worker<B>>>,
}

/// The inputs, and how far they are.
struct Queue<'a> {
    options: &'a ScanOptions,
    seen: Option<Seen>,
    opened: Vec<Mutex<Opened>>,
    next: AtomicUsize,
}

/// An input on its way.
enum Opened {
    Not(Input),
    Reading(Box<Reading>),
}

/// What one worker has.
struct Worker<A> {
    accumulator: A,
    /// Rows since it last asked what to do.
    rows: usize,
    /// Accounts by input.
    sources: Vec<(usize, LineAccount)>,
    quarantine: Quarantine,
}

impl<A: Send, B: Send> Job<'_, A, B> {
    /// Lets so many workers begin, with what another has learned.
    fn begin<'scope>(&'scope self, workers: usize, with: Option<&A>, scope: &rayon::Scope<'scope>) {
        for _ in 0..workers {
            let accumulator = (self.new)(with);
            scope.spawn(move |scope| self.work(accumulator, scope));
        }
    }

    /// What one worker does.
    fn work<'scope>(&'scope self, accumulator: A, scope: &rayon::Scope<'scope>) {
        let mut worker = Worker {
            accumulator,
            rows: 0,
            sources: Vec::new(),
            quarantine: self.queue.options.quarantine(),
        };
        let to_the_end = self.read_all(&mut worker, scope);
        let Worker { accumulator, rows, sources, quarantine } = worker;
        let kept = Worker { accumulator: (self.end)(accumulator), rows, sources, quarantine };
        lock(&self.ended).push(kept);
        if to_the_end.is_break() {
            self.crew.has_ended();
        }
    }

    /// Takes inputs that nobody reads yet; then helps with those being read. So whoever comes to the end
    /// of this knows that nothing is left, whatever others left unread.
    fn read_all<'scope>(
        &'scope self,
        worker: &mut Worker<A>,
        scope: &rayon::Scope<'scope>,
    ) -> ControlFlow<()> {
        loop {
            let input = self.queue.next.fetch_add(1, Ordering::Relaxed);
            if input >= self.queue.opened.len() {
                break;
            }
            self.read(input, worker, scope)?;
        }
        (0..self.queue.opened.len()).try_for_each(|input| self.read(input, worker, scope))
    }

    /// Decodes blocks of an input until there is none left, or the worker is to end.
    fn read<'scope>(
        &'scope self,
        input: usize,
        worker: &mut Worker<A>,
        scope: &rayon::Scope<'scope>,
    ) -> ControlFlow<()> {
        let queue = &self.queue;
        let mut decoder: Option<BlockDecoder> = None;
        let mut account = LineAccount::default();
        let (mut spare, mut go_on) = (Vec::new(), ControlFlow::Continue(()));
        while go_on.is_continue()
            && let Some((work, file, plan)) = queue.work(input, spare, &mut worker.quarantine)
        {
            let decoded = match work {
                Work::Decoded(decoded) => decoded,
                Work::Rows(records) => Decoded::rows(records),
                Work::Block(block) => {
                    let decoder = decoder.get_or_insert_with(|| queue.decoder(&file, &plan));
                    decoder.decode(block, &mut worker.quarantine)
                }
            };
            account += decoded.account;
            let rows = decoded.records.num_rows();
            if rows > 0 {
                let (records, projection) = (&decoded.records, queue.options.projection);
                (self.fold)(&mut worker.accumulator, &Batch { records, file: &file, projection });
            }
            drop(decoded.records);
            spare = decoded.memory.block.into_vec().unwrap_or_default();
            if let Some(decoder) = &mut decoder {
                decoder.give_back(decoded.memory.cells);
            }
            go_on = self.ask(worker, rows, scope);
        }
        worker.sources.push((input, account));
        go_on
    }

    /// Whether a worker that has read so many more rows is to read on. Others may begin.
    fn ask<'scope>(
        &'scope self,
        worker: &mut Worker<A>,
        rows: usize,
        scope: &rayon::Scope<'scope>,
    ) -> ControlFlow<()> {
        worker.rows += rows;
        if worker.rows < ROWS_BETWEEN {
            return ControlFlow::Continue(());
        }
        worker.rows = 0;
        match self.crew.ask() {
            Advice::GoOn => {}
            Advice::Begin(more) => self.begin(more, Some(&worker.accumulator), scope),
            Advice::End => return ControlFlow::Break(()),
        }
        ControlFlow::Continue(())
    }
}

impl Queue<'_> {
    /// The next piece of work of an input, or nothing at its end.
    fn work(
        &self,
        input: usize,
        spare: Vec<u8>,
        quarantine: &mut Quarantine,
    ) -> Option<(Work, Arc<str>, Arc<Plan>)> {
        let mut opened = lock(self.opened.get(input)?);
        if self.options.is_stopped() {
            return None;
        }
        if let Opened::Not(input) = &*opened {
            let reading = Reading::open(input, self.options, self.seen.as_ref(), quarantine);
            *opened = Opened::Reading(Box::new(reading));
        }
        let Opened::Reading(reading) = &mut *opened else { return None };
        let work = reading.work(spare, quarantine)?;
        let plan = reading.source.plan.clone().unwrap_or_default();
        Some((work, Arc::clone(&reading.source.name), plan))
    }

    fn decoder(&self, file: &Arc<str>, plan: &Plan) -> BlockDecoder {
        let ScanOptions { names, projection, .. } = self.options;
        BlockDecoder::new(Arc::clone(file), plan, names, *projection, self.seen.clone())
    }
}

/// Adds the workers' accounts up.
fn merge<A>(queue: Queue<'_>, workers: Vec<Worker<A>>) -> Scanned<A> {
    let Queue { options, seen, opened, .. } = queue;
    let opened = opened.into_iter();
    let mut sources: Vec<Source> = opened
        .filter_map(|opened| match opened.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Opened::Reading(reading) => Some(reading.source),
            Opened::Not(_) => None,
        })
        .collect();
    let mut quarantine = Quarantine::default();
    let mut accumulators = Vec::new();
    for worker in workers {
        for (input, account) in worker.sources {
            if let Some(source) = sources.get_mut(input) {
                source.account += account;
            }
        }
        quarantine.merge(worker.quarantine);
        accumulators.push(worker.accumulator);
    }
    let mut account = LineAccount::default();
    sources.iter().for_each(|source| account += source.account);
    let state = options.next_state(&sources, seen.as_ref());
    Scanned { accumulators, account, quarantine, sources, state }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
