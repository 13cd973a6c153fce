//! Converting logs to tables: decoded once, read often.
//!
//! A conversion is a set of files named after its inputs. They are written
//! under temporary names and renamed when all are whole, so that a run that is
//! killed leaves no half file; running it again replaces what it wrote before.

mod files;
mod sink;
mod text;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::PathBuf;

use arrow::array::{Array, RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;

use crate::account::{LineAccount, Quarantine};
use crate::dedup;
use crate::input::Input;
use crate::ordered::{Found, scan_in_order};
use crate::reading::Source;
use crate::scan::{Batch, ScanOptions};
use crate::schema::Field;
use crate::state::ScanState;
use files::{Files, Partition};

/// What to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// Parquet, compressed with Zstandard.
    Parquet,
    /// Arrow IPC, the file format.
    Arrow,
    /// CSV with a header line.
    Csv,
    /// A JSON object a line, without the columns that are null.
    JsonLines,
}

impl Output {
    /// Every output.
    pub const ALL: [Output; 4] = [Output::Parquet, Output::Arrow, Output::Csv, Output::JsonLines];

    /// The extension of its files, and what it is called on the command line.
    pub fn extension(self) -> &'static str {
        match self {
            Output::Parquet => "parquet",
            Output::Arrow => "arrow",
            Output::Csv => "csv",
            Output::JsonLines => "jsonl",
        }
    }

    /// The output of that name.
    pub fn named(name: &str) -> Option<Output> {
        Output::ALL.into_iter().find(|output| output.extension() == name)
    }
}

/// Where to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// Into a folder, a file for each day and API: `date=2025-11-21/api=a1b2/…`.
    /// Rows without either go to `__HIVE_DEFAULT_PARTITION__`, as Hive has it. Where there are more
    /// than 64 at a time, one may have several files.
    Folder(PathBuf),
    /// Into one file.
    File(PathBuf),
}

/// What was converted.
#[derive(Debug)]
pub struct Converted {
    /// The files, in the order of their names.
    pub files: Vec<WrittenFile>,
    /// What became of the lines.
    pub account: LineAccount,
    /// Lines that could not be read. They are in none of the files.
    pub quarantine: Quarantine,
    /// The inputs.
    pub sources: Vec<Source>,
    /// What is read now, if the options said what was read before.
    pub state: Option<ScanState>,
}

/// A file that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenFile {
    /// Its path.
    pub path: PathBuf,
    /// Its rows.
    pub rows: u64,
}

/// Why a conversion failed. Nothing is left of it.
#[derive(Debug)]
pub struct ConvertError {
    /// What could not be written.
    pub path: PathBuf,
    /// What the system says.
    pub source: io::Error,
}

impl fmt::Display for ConvertError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot write `{}`: {}", self.path.display(), self.source)
    }
}

impl std::error::Error for ConvertError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// What stands for a partition value that is null.
const NO_VALUE: &str = "__HIVE_DEFAULT_PARTITION__";

/// Converts inputs. The columns are those of the options' projection.
///
/// # Errors
/// If a file cannot be written. What cannot be read is no error: it is
/// accounted for.
///
/// ```
/// use tollgate_log::{Destination, Input, Output, Projection, ScanOptions, convert};
///
/// let folder = tempfile::tempdir()?;
/// let log = folder.path().join("access.log");
/// std::fs::write(&log, "{\"status\":\"200\",\"requestTimeEpoch\":1763700000000}\n")?;
///
/// let inputs = [Input::File(log)];
/// let options = ScanOptions::new(Projection::all());
/// let destination = Destination::Folder(folder.path().join("table"));
/// let converted = convert(&inputs, Output::Parquet, &destination, &options)?;
/// let path = converted.files[0].path.to_string_lossy();
/// assert!(path.contains("date=2025-11-21/api=__HIVE_DEFAULT_PARTITION__/part-"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn convert(
    inputs: &[Input],
    output: Output,
    destination: &Destination,
    options: &ScanOptions,
) -> Result<Converted, ConvertError> {
    let mut projection = options.projection;
    if let Destination::Folder(_) = destination {
        projection = projection.with(Field::Time).with(Field::ApiId);
    }
    let options = ScanOptions { projection, ..options.clone() };
    let run = run_name(inputs, &options);
    let mut files = Files::new(output, destination, run);
    let found = scan_in_order(inputs, &options, |batch| write(&mut files, destination, batch))?;
    let files = files.finish(&RecordBatch::new_empty(options.projection.schema()))?;
    let Found { account, quarantine, sources, state } = found;
    Ok(Converted { files, account, quarantine, sources, state })
}

/// What the files of these inputs are called: the same each time, so that a run that is repeated
/// replaces what it wrote; another name for each state that a run goes on from, because what
/// earlier runs wrote is not read again.
fn run_name(inputs: &[Input], options: &ScanOptions) -> String {
    let mut text = Vec::new();
    for input in inputs {
        text.extend_from_slice(input.name().as_bytes());
        text.push(b'\0');
    }
    if let Some(state) = &options.state {
        text.extend_from_slice(&state.to_bytes());
    }
    format!("part-{:016x}", dedup::hash(&text))
}

/// Writes a batch, each row to its partition.
fn write(
    files: &mut Files<'_>,
    destination: &Destination,
    batch: &Batch<'_>,
) -> Result<(), ConvertError> {
    for (partition, rows) in partitions(destination, batch) {
        let part = match rows {
            None => batch.records.clone(),
            Some(rows) => take_record_batch(batch.records, &UInt32Array::from(rows))
                .map_err(|error| destination.error(io::Error::other(error)))?,
        };
        files.write(partition, &part)?;
    }
    files.flush_excess()
}

/// The partitions of a batch and their rows, or no rows if it is all of them.
fn partitions(destination: &Destination, batch: &Batch<'_>) -> Vec<(Partition, Option<Vec<u32>>)> {
    let Destination::Folder(_) = destination else {
        return vec![(Partition::default(), None)];
    };
    let mut parts: BTreeMap<(Option<i64>, Option<&str>), Vec<u32>> = BTreeMap::new();
    let (times, apis) = (batch.times(Field::Time), batch.text(Field::ApiId));
    for row in 0..batch.records.num_rows() {
        let day = times.filter(|times| times.is_valid(row)).map(|times| times.value(row));
        let day = day.map(|moment| moment.div_euclid(DAY_MS));
        let api = apis.filter(|apis| apis.is_valid(row)).map(|apis| apis.value(row));
        parts.entry((day, api)).or_default().push(row as u32);
    }
    let whole = parts.len() == 1;
    let named = parts.into_iter().map(|((day, api), rows)| {
        ((day.map_or(NO_VALUE.to_owned(), date), segment(api)), (!whole).then_some(rows))
    });
    named.collect()
}

impl Destination {
    fn error(&self, source: io::Error) -> ConvertError {
        let (Destination::Folder(path) | Destination::File(path)) = self;
        ConvertError { path: path.clone(), source }
    }
}

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// The date of a day since 1970.
fn date(day: i64) -> String {
    match jiff::Timestamp::from_millisecond(day * DAY_MS) {
        Ok(moment) => jiff::tz::Offset::UTC.to_datetime(moment).date().to_string(),
        Err(_) => NO_VALUE.to_owned(),
    }
}

/// A value as the name of a folder: what a path may not hold is escaped as
/// Hive does, `%2F`.
fn segment(value: Option<&str>) -> String {
    let Some(value) = value else { return NO_VALUE.to_owned() };
    let mut name = String::new();
    for byte in value.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => name.push(char::from(byte)),
            _ => name.push_str(&format!("%{byte:02X}")),
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_safe_as_a_folder() {
        assert_eq!(segment(Some("a1b2-c_d")), "a1b2-c_d");
        assert_eq!(segment(Some("../x y")), "%2E%2E%2Fx%20y");
        assert_eq!(segment(None), NO_VALUE);
    }

    #[test]
    fn days_have_dates() {
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(-1), "1969-12-31");
        assert_eq!(date(20_413), "2025-11-21");
        assert_eq!(date(i64::MAX / DAY_MS), NO_VALUE);
    }
}
