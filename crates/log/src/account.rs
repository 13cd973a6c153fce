//! The account of lines: what became of every line that was read.
//!
//! `lines = parsed + recovered + quarantined + control + blank` holds by
//! construction, because the total is not counted but summed. A *line* is what
//! the envelope counts by: a physical line of a plain log, an event of a JSON
//! envelope, an element of CloudTrail's `Records`.

use std::io::{self, Write};
use std::ops::AddAssign;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

/// How many samples a [`Quarantine`] keeps, and how long each may be in bytes.
const SAMPLES_MAX: usize = 20;
const SAMPLE_BYTES_MAX: usize = 240;

/// What became of the lines of one or more inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LineAccount {
    /// Lines that fit their format.
    pub parsed: u64,
    /// Damaged lines whose fields could all be told apart nevertheless.
    pub recovered: u64,
    /// Lines that could not be read; see [`Quarantine`].
    pub quarantined: u64,
    /// Lines that belong to the transport: CloudWatch's control messages,
    /// header lines, the object `aws-logs-write-test`, metrics without a request.
    pub control: u64,
    /// Empty lines, and lines of white space or NUL bytes.
    pub blank: u64,
    /// Rows of the request table. Differs from `parsed + recovered` where
    /// several lines make one request (execution logs) or one line holds two.
    pub records: u64,
    /// Rows marked suspect.
    pub suspect: u64,
    /// Rows of requests whose log ends before they do.
    pub incomplete: u64,
    /// Rows left out because their event id was seen before.
    pub duplicates: u64,
    /// Values that their column could not hold, such as a status that is not
    /// a number. They are null in the table.
    pub unreadable_values: u64,
}

impl LineAccount {
    /// All lines: the sum of what became of them.
    pub fn total(&self) -> u64 {
        self.parsed + self.recovered + self.quarantined + self.control + self.blank
    }
}

impl AddAssign for LineAccount {
    fn add_assign(&mut self, other: Self) {
        self.parsed += other.parsed;
        self.recovered += other.recovered;
        self.quarantined += other.quarantined;
        self.control += other.control;
        self.blank += other.blank;
        self.records += other.records;
        self.suspect += other.suspect;
        self.incomplete += other.incomplete;
        self.duplicates += other.duplicates;
        self.unreadable_values += other.unreadable_values;
    }
}

/// A line that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QuarantinedLine {
    /// The input it stands in.
    pub file: Arc<str>,
    /// Where it begins: bytes from the start of the *unpacked* input.
    pub offset: u64,
    /// Why it could not be read: lower case, no final period.
    pub reason: String,
    /// The line, cut to 240 bytes, control characters escaped.
    pub sample: String,
}

/// The lines that could not be read: all are counted, the first are kept.
///
/// Lines of several workers are merged in the order of file and offset, so
/// that the same input always gives the same samples.
#[derive(Debug, Clone, Default)]
pub struct Quarantine {
    lines: Vec<QuarantinedLine>,
    file: Option<Arc<QuarantineFile>>,
}

impl Quarantine {
    /// The first lines that could not be read, at most twenty.
    pub fn samples(&self) -> &[QuarantinedLine] {
        self.lines.get(..SAMPLES_MAX).unwrap_or(&self.lines)
    }

    /// Whether no line was quarantined.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// A quarantine whose lines also go to a file, whole.
    pub(crate) fn with_file(file: Option<Arc<QuarantineFile>>) -> Quarantine {
        Quarantine { lines: Vec::new(), file }
    }

    /// Notes a line.
    pub(crate) fn add(&mut self, file: &Arc<str>, offset: u64, reason: String, line: &[u8]) {
        if let Some(whole) = &self.file {
            whole.add(file, offset, &reason, line);
        }
        let sample = sample(line);
        let file = Arc::clone(file);
        self.lines.push(QuarantinedLine { file, offset, reason, sample });
        if self.lines.len() > 2 * SAMPLES_MAX {
            self.keep_first();
        }
    }

    /// Adds the lines of another worker.
    pub(crate) fn merge(&mut self, other: Quarantine) {
        self.lines.extend(other.lines);
        self.keep_first();
    }

    fn keep_first(&mut self) {
        self.lines.sort_by(|a, b| (&a.file, a.offset).cmp(&(&b.file, b.offset)));
        self.lines.truncate(SAMPLES_MAX);
    }
}

/// Where all quarantined lines are kept, whole: a JSON object a line, with
/// `file`, `offset`, `reason` and `line`, in no particular order.
pub struct QuarantineFile {
    writer: Mutex<Box<dyn Write + Send>>,
    failed: Mutex<Option<io::Error>>,
}

impl std::fmt::Debug for QuarantineFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("QuarantineFile")
    }
}

/// A line as the file has it.
#[derive(Serialize)]
struct WholeLine<'a> {
    file: &'a str,
    offset: u64,
    reason: &'a str,
    line: &'a str,
}

impl QuarantineFile {
    /// Keeps lines in `writer`.
    pub fn new(writer: impl Write + Send + 'static) -> QuarantineFile {
        QuarantineFile { writer: Mutex::new(Box::new(writer)), failed: Mutex::new(None) }
    }

    /// Ends the file.
    ///
    /// # Errors
    /// If this, or a line before, could not be written.
    pub fn finish(&self) -> io::Result<()> {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner).take();
        match failed {
            Some(error) => Err(error),
            None => self.writer.lock().unwrap_or_else(PoisonError::into_inner).flush(),
        }
    }

    fn add(&self, file: &str, offset: u64, reason: &str, line: &[u8]) {
        let line = &String::from_utf8_lossy(line);
        let mut text =
            serde_json::to_vec(&WholeLine { file, offset, reason, line }).unwrap_or_default();
        text.push(b'\n');
        let written = self.writer.lock().unwrap_or_else(PoisonError::into_inner).write_all(&text);
        if let Err(error) = written {
            self.failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        }
    }
}

/// The start of a line, as text that is safe to print.
fn sample(line: &[u8]) -> String {
    let head = line.get(..SAMPLE_BYTES_MAX).unwrap_or(line);
    let mut text = String::from_utf8_lossy(head)
        .chars()
        .flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] })
        .collect::<String>();
    if head.len() < line.len() {
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_the_sum() {
        let mut account = LineAccount { parsed: 5, recovered: 1, ..LineAccount::default() };
        account += LineAccount { quarantined: 2, control: 3, blank: 4, records: 9, ..account };
        assert_eq!(account.total(), 10 + 2 + 2 + 3 + 4);
        assert_eq!(account.records, 9);
    }

    #[test]
    fn a_sample_is_short_and_printable() {
        assert_eq!(sample(b"a\x1b[31m\x00\xff"), "a\\u{1b}[31m\\u{0}\u{fffd}");
        assert_eq!(sample(&[b'x'; 500]).chars().count(), 241);
    }

    #[test]
    fn samples_are_merged_by_file_and_offset() {
        let file: Arc<str> = "a.log".into();
        let mut one = Quarantine::default();
        let mut two = Quarantine::default();
        one.add(&file, 90, "late".into(), b"x");
        two.add(&file, 10, "early".into(), b"y");
        one.merge(two);
        let reasons: Vec<_> = one.samples().iter().map(|line| line.reason.as_str()).collect();
        assert_eq!(reasons, ["early", "late"]);
    }
}
