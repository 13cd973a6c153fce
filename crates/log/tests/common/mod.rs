//! What the tests over `fixtures/logs` share.
#![allow(dead_code, reason = "no test uses all of it")]
#![allow(clippy::unwrap_used, reason = "a test may stop")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use arrow::array::{Array, RecordBatch};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use tollgate_log::{Input, NameMap, Overrides, Projection, ScanOptions, Scanned, Template, scan};

/// Where the logs are.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/logs")
}

/// The logs, without the expected tables and the formats beside them.
pub(crate) fn logs() -> Vec<PathBuf> {
    let mut logs: Vec<_> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file() && path.extension().is_none_or(|e| e != "format"))
        .collect();
    logs.sort();
    logs
}

/// What a log's template is, if it stands in a file beside it.
pub(crate) fn overrides(log: &Path) -> Overrides {
    let formats = std::fs::read_to_string(log.with_extension("format")).ok();
    let templates =
        formats.iter().map(|format| Template::parse(format, &NameMap::default()).unwrap());
    Overrides { templates: templates.collect(), ..Overrides::default() }
}

pub(crate) fn scan_file(
    path: &Path,
    overrides: Overrides,
    block_bytes: usize,
) -> (Scanned<()>, String) {
    let options =
        ScanOptions { overrides, block_bytes, threads: 1, ..ScanOptions::new(Projection::all()) };
    let rows = Mutex::new(String::new());
    let input = [Input::File(path.to_owned())];
    let scanned = scan(
        &input,
        &options,
        || (),
        |(), batch| {
            rows.lock().unwrap().push_str(&table(batch.records));
        },
    );
    (scanned, rows.into_inner().unwrap())
}

/// A batch as text: a row a line, the columns that are not null.
pub(crate) fn table(batch: &RecordBatch) -> String {
    let options = FormatOptions::default();
    let mut text = String::new();
    for row in 0..batch.num_rows() {
        text.push('-');
        for (column, field) in batch.columns().iter().zip(batch.schema().fields()) {
            let suspect = field.name() == "suspect";
            let value = ArrayFormatter::try_new(column, &options).unwrap().value(row).to_string();
            if column.is_valid(row) && !(suspect && value == "false") {
                write!(text, " {}={value}", field.name()).unwrap();
            }
        }
        text.push('\n');
    }
    text
}
