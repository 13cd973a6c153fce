//! The access log: lines on their way to where they are kept.
//!
//! A request never waits for its line to be written. Lines wait for the thread of each sink, so many
//! at most; a line that finds no room, or that a sink could not write, is lost and counted:
//! `lines = written + lost`.

mod cloudwatch;
mod file;
mod waiting;

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use tollgate_store::{AccessLogDecl, GatewayDecl, ManifestFile, Problem};

use crate::snapshot::Surroundings;

use self::waiting::Waiting;

pub use self::cloudwatch::CloudWatchSink;
pub use self::file::{FileSink, Rotation};

/// Some lines of the access log, one behind the other, each with its line feed.
#[derive(Clone, Debug)]
pub struct Lines {
    text: Bytes,
    /// When the request of each line arrived, and how long the line is.
    each: Vec<(Timestamp, usize)>,
}

impl Lines {
    /// How many they are.
    pub fn count(&self) -> usize {
        self.each.len()
    }

    /// All of them, to be written at once.
    pub fn as_bytes(&self) -> &[u8] {
        &self.text
    }

    /// Each, with the time at which its request arrived.
    pub fn iter(&self) -> impl Iterator<Item = (Timestamp, &[u8])> {
        let mut rest = self.as_bytes();
        self.each.iter().map(move |(time, length)| {
            let (line, behind) = rest.split_at_checked(*length).unwrap_or((rest, &[]));
            rest = behind;
            (*time, line)
        })
    }
}

/// A place that the access log is kept in. Each has a thread of its own, so it may wait.
pub trait Sink: Send {
    /// Writes some lines, at least one.
    ///
    /// # Errors
    /// They are not written, and will not be: all of them count as lost.
    ///
    /// Returns how many of them are lost although others are not.
    fn write(&mut self, lines: &Lines) -> io::Result<u64>;

    /// How long to wait for more lines when there is one, where each call of `write` is dear.
    fn linger(&self) -> Duration {
        Duration::ZERO
    }
}

/// The access log.
#[derive(Debug)]
pub struct AccessLog {
    outlets: Vec<Outlet>,
    lost: Arc<AtomicU64>,
}

#[derive(Debug)]
struct Outlet {
    waiting: Arc<Waiting>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl AccessLog {
    /// A log that goes to all of these; at most `lines_max` lines wait for each.
    pub fn new(sinks: Vec<Box<dyn Sink>>, lines_max: usize) -> AccessLog {
        let lost = Arc::new(AtomicU64::new(0));
        let outlet = |sink: Box<dyn Sink>| {
            let waiting = Arc::new(Waiting::new(lines_max));
            let drain = Drain { waiting: Arc::clone(&waiting), lost: Arc::clone(&lost) };
            let thread = std::thread::spawn(move || drain.into(sink));
            Outlet { waiting, thread: Mutex::new(Some(thread)) }
        };
        AccessLog { outlets: sinks.into_iter().map(outlet).collect(), lost }
    }

    /// The log that a manifest asks for; files are relative to its folder.
    ///
    /// # Errors
    /// The places that cannot be written to.
    pub fn open(
        file: &ManifestFile,
        gateway: &GatewayDecl,
        surroundings: &Surroundings,
    ) -> Result<AccessLog, Vec<Problem>> {
        let mut sinks: Vec<Box<dyn Sink>> = Vec::new();
        let mut problems = Vec::new();
        for place in &gateway.access_log {
            match sink(file, place, surroundings) {
                Ok(sink) => sinks.push(sink),
                Err(problem) => problems.push(problem),
            }
        }
        if gateway.access_log.is_empty() {
            sinks.push(Box::new(StdoutSink));
        }
        match problems.is_empty() {
            true => {
                let lines_max = usize::try_from(gateway.limits.log_lines_max);
                Ok(AccessLog::new(sinks, lines_max.unwrap_or(usize::MAX)))
            }
            false => Err(problems),
        }
    }

    /// Takes the line, with its line feed, of a request that arrived at `time`. Never waits.
    pub fn take(&self, time: Timestamp, line: &[u8]) {
        for outlet in &self.outlets {
            if !outlet.waiting.push(time, line) {
                self.lost.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// How many lines were lost, at all sinks together.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Waits until every line that was taken is written or lost. What is taken later is lost.
    pub fn close(&self) {
        for Outlet { waiting, thread } in &self.outlets {
            waiting.end();
            let thread = thread.lock().unwrap_or_else(PoisonError::into_inner).take();
            let _ = thread.map(JoinHandle::join);
        }
    }
}

/// One place that the log goes to.
fn sink(
    file: &ManifestFile,
    place: &AccessLogDecl,
    surroundings: &Surroundings,
) -> Result<Box<dyn Sink>, Problem> {
    match place {
        AccessLogDecl::Stdout => Ok(Box::new(StdoutSink)),
        AccessLogDecl::File(decl) => {
            let path = file.folder.join(decl.path.get_ref());
            let rotation = Rotation { bytes_max: decl.bytes_max, files_max: decl.files_max };
            match FileSink::open(&path, rotation) {
                Ok(sink) => Ok(Box::new(sink)),
                Err(error) => {
                    let message = format!("cannot write `{}`: {error}", path.display());
                    Err(file.problem(decl.path.span(), message))
                }
            }
        }
        AccessLogDecl::CloudWatch(decl) => {
            let Surroundings { environment, clock, .. } = surroundings;
            match CloudWatchSink::open(decl, environment, Arc::clone(clock)) {
                Ok(sink) => Ok(Box::new(sink)),
                Err(error) => Err(file.problem(decl.group.span(), error.to_string())),
            }
        }
    }
}

/// What the thread of a sink does.
struct Drain {
    waiting: Arc<Waiting>,
    lost: Arc<AtomicU64>,
}

impl Drain {
    fn into(self, mut sink: Box<dyn Sink>) {
        let mut is_failing = false;
        while let Some(batch) = self.waiting.take(sink.linger()) {
            match sink.write(&batch) {
                Ok(some_lost) => {
                    self.lost.fetch_add(some_lost, Ordering::Relaxed);
                    is_failing = false;
                }
                Err(error) => {
                    let count = self.lose(batch.count());
                    // Once for a row of failures: a full disk need not fill another one.
                    if !std::mem::replace(&mut is_failing, true) {
                        tracing::error!(%error, lines = count, "the access log cannot be written");
                    }
                }
            }
        }
    }

    fn lose(&self, lines: usize) -> u64 {
        let count = u64::try_from(lines).unwrap_or(u64::MAX);
        self.lost.fetch_add(count, Ordering::Relaxed);
        count
    }
}

impl Drop for Drain {
    /// Even if the sink panicked, no line waits for it in vain.
    fn drop(&mut self) {
        self.lose(self.waiting.end());
    }
}

/// Standard output.
#[derive(Debug)]
pub struct StdoutSink;

impl Sink for StdoutSink {
    fn write(&mut self, lines: &Lines) -> io::Result<u64> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(lines.as_bytes())?;
        stdout.flush()?;
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    /// Says that it was given lines, then waits to be told how writing them ends.
    struct Told(mpsc::Sender<usize>, mpsc::Receiver<io::Result<u64>>);

    impl Sink for Told {
        fn write(&mut self, lines: &Lines) -> io::Result<u64> {
            self.0.send(lines.count()).unwrap();
            self.1.recv().unwrap()
        }
    }

    #[test]
    fn what_does_not_fit_or_cannot_be_written_is_counted() {
        let (given, seen) = mpsc::channel();
        let (tell, told) = mpsc::channel();
        let log = AccessLog::new(vec![Box::new(Told(given, told))], 2);
        let take = |count| (0..count).for_each(|_| log.take(Timestamp::UNIX_EPOCH, b"{}\n"));
        take(1);
        assert_eq!(seen.recv().unwrap(), 1);
        // While the sink is busy, two lines wait and three find no room.
        take(5);
        assert_eq!(log.lost(), 3);
        tell.send(Err(io::ErrorKind::StorageFull.into())).unwrap();
        assert_eq!(seen.recv().unwrap(), 2);
        tell.send(Ok(1)).unwrap();
        let lost = Arc::clone(&log.lost);
        log.close();
        assert_eq!(lost.load(Ordering::Relaxed), 3 + 2);
    }
}
