//! Lines on their way from the threads that requests are answered on to the thread of a sink.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::BytesMut;
use jiff::Timestamp;

use super::Lines;

/// Lines that a sink has not been given yet. They lie one behind the other, so that nothing is
/// allocated for each, and none is freed on another thread.
#[derive(Debug)]
pub(super) struct Waiting {
    lines: Mutex<Pending>,
    more: Condvar,
    lines_max: usize,
}

#[derive(Debug, Default)]
struct Pending {
    text: BytesMut,
    /// When the request of each line arrived, and how long the line is.
    each: VecDeque<(Timestamp, usize)>,
    is_over: bool,
}

/// How many lines a sink is given at once.
const BATCH_LINES_MAX: usize = 1024;

impl Waiting {
    pub(super) fn new(lines_max: usize) -> Waiting {
        Waiting { lines: Mutex::default(), more: Condvar::new(), lines_max: lines_max.max(1) }
    }

    /// Adds a line. `false` if there is no room for it, or nobody to take it any more.
    pub(super) fn push(&self, time: Timestamp, line: &[u8]) -> bool {
        let mut lines = self.lock();
        if lines.is_over || lines.each.len() >= self.lines_max {
            return false;
        }
        lines.text.extend_from_slice(line);
        lines.each.push_back((time, line.len()));
        let is_first = lines.each.len() == 1;
        drop(lines);
        if is_first {
            self.more.notify_one();
        }
        true
    }

    /// No line is added any more; how many there still are.
    pub(super) fn end(&self) -> usize {
        let mut lines = self.lock();
        lines.is_over = true;
        self.more.notify_one();
        lines.each.len()
    }

    /// Takes what waits, at least one line; `None` when there will be no more. Where only one batch
    /// waits, it waits so long for others to join it.
    pub(super) fn take(&self, linger: Duration) -> Option<Lines> {
        let mut lines = self.lock();
        while lines.each.is_empty() {
            if lines.is_over {
                return None;
            }
            lines = self.more.wait(lines).unwrap_or_else(PoisonError::into_inner);
        }
        if !linger.is_zero() && !lines.is_over && lines.each.len() < BATCH_LINES_MAX {
            drop(lines);
            std::thread::sleep(linger);
            lines = self.lock();
        }
        Some(lines.batch())
    }

    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pending {
    fn batch(&mut self) -> Lines {
        let count = self.each.len().min(BATCH_LINES_MAX);
        let each: Vec<(Timestamp, usize)> = self.each.drain(..count).collect();
        let length = each.iter().map(|(_, length)| length).sum();
        Lines { text: self.text.split_to(length).freeze(), each }
    }
}
