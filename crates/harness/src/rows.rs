//! Rows from files: CSV with the fields' names as its header, or one JSON object a line.

use std::sync::Arc;

use csv::{Position as CsvPosition, ReaderBuilder, StringRecord};
use tollgate_policy::Span;

use crate::file::{Axis, By, Case, ContextFields, Known, RequestFields};
use crate::parse;
use crate::place::{Located, Place, Problem, Problems, SourceFile, did_you_mean};
use crate::read::Reader;
use crate::yaml;

/// The columns of a CSV file that are not context keys. A context key has a colon in its name.
const COLUMNS: [&str; 12] = [
    "name",
    "principal",
    "action",
    "resource",
    "resourceAccount",
    "api",
    "stage",
    "method",
    "path",
    "expect",
    "by",
    "skip",
];

/// Reads the rows of a file by its extension: `.csv`, `.jsonl` or `.ndjson`.
///
/// # Errors
/// All that is wrong in the file, each with its place; another extension.
pub fn parse_rows(source: &Arc<SourceFile>) -> Result<Vec<Case>, Problems> {
    let extension = source.name.rsplit_once('.').map_or("", |(_, extension)| extension);
    match extension {
        "csv" => csv_rows(source),
        "jsonl" | "ndjson" => json_rows(source),
        _ => Err(Problem::nowhere(format!("cannot read rows from `{}`", source.name))
            .help("rows are read from `.csv` and `.jsonl` files")
            .into()),
    }
}

fn json_rows(source: &Arc<SourceFile>) -> Result<Vec<Case>, Problems> {
    let mut reader = Reader::new(source);
    let mut rows = Vec::new();
    let mut offset = 0;
    for line in source.text.split_inclusive('\n') {
        let start = offset;
        offset += line.len();
        if line.trim().is_empty() {
            continue;
        }
        match yaml::parse(source, line, start) {
            Ok(node) => rows.extend(parse::row(&mut reader, &node)),
            Err(problem) => reader.problems.push(problem),
        }
    }
    if reader.problems.is_empty() { Ok(rows) } else { Err(Problems(reader.problems)) }
}

fn csv_rows(source: &Arc<SourceFile>) -> Result<Vec<Case>, Problems> {
    let mut csv = ReaderBuilder::new().has_headers(false).from_reader(source.text.as_bytes());
    let mut reader = Reader::new(source);
    let mut records = csv.records();
    let Some(first) = records.next() else { return Ok(Vec::new()) };
    let header = first.map_err(|error| csv_problem(source, &error))?;
    check_header(&mut reader, &header);
    let mut rows = Vec::new();
    for record in records {
        let record = record.map_err(|error| csv_problem(source, &error))?;
        rows.push(csv_row(&mut reader, &header, &record));
    }
    if reader.problems.is_empty() { Ok(rows) } else { Err(Problems(reader.problems)) }
}

fn csv_problem(source: &Arc<SourceFile>, error: &csv::Error) -> Problem {
    let span = error.position().map_or(Span::default(), |position| line_span(source, position));
    let place = Place::new(source, span);
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => Problem::at(
            place,
            format!("expected {expected_len} columns as in the header, found {len}"),
        ),
        _ => Problem::at(place, format!("not CSV: {error}")),
    }
}

/// The line that a record starts in.
fn line_span(source: &SourceFile, position: &CsvPosition) -> Span {
    let from = usize::try_from(position.byte()).unwrap_or(usize::MAX).min(source.text.len());
    let rest = source.text.get(from..).unwrap_or_default();
    // The position of a record is the end of the one before it, line break included or not.
    let start = from + (rest.len() - rest.trim_start_matches(['\r', '\n']).len());
    let end = source.text.get(start..).and_then(|text| text.find('\n'));
    Span::new(start, end.map_or(source.text.len(), |length| start + length))
}

fn check_header(reader: &mut Reader<'_>, header: &StringRecord) {
    let span = Span::new(0, reader.source.text.find('\n').unwrap_or(reader.source.text.len()));
    for (index, name) in header.iter().enumerate() {
        if !COLUMNS.contains(&name) && !name.contains(':') {
            let help = did_you_mean(name, COLUMNS).unwrap_or_else(|| {
                format!("known columns: `{}`, and condition keys", COLUMNS.join("`, `"))
            });
            reader.advise(span, format!("unknown column `{name}`"), help);
        }
        if header.iter().take(index).any(|earlier| earlier.eq_ignore_ascii_case(name)) {
            reader.complain(span, format!("two columns named `{name}`"));
        }
    }
}

/// An empty cell says nothing: what the test says applies.
fn csv_row(reader: &mut Reader<'_>, header: &StringRecord, record: &StringRecord) -> Case {
    let span = record.position().map_or(Span::default(), |at| line_span(reader.source, at));
    let cells = header.iter().zip(record).filter(|(_, value)| !value.is_empty());
    let mut row = empty_case(reader.place(span));
    for (column, value) in cells {
        csv_cell(reader, &mut row, column, reader.located(span, value.to_owned()));
    }
    row
}

fn csv_cell(reader: &mut Reader<'_>, row: &mut Case, column: &str, value: Located<String>) {
    let axis = |value| Some(Axis { values: vec![value], listed: false });
    let place = value.place.clone();
    match column {
        "name" => row.name = Some(value),
        "principal" => row.principal = axis(value),
        "expect" => row.expect = parse::expectation(reader, &value),
        "skip" => row.skip = Some(value),
        "by" => row.by.push(By { layer: None, policy: None, statement: value.value, place }),
        key if key.contains(':') => row.context.push(ContextFields {
            key: Located { value: key.to_owned(), place: place.clone() },
            values: vec![Located { value: Known::Values(vec![value.value]), place }],
            listed: false,
        }),
        name => {
            if let Some(field) = row.request.axis_mut(name) {
                *field = axis(value);
            }
        }
    }
}

fn empty_case(place: Place) -> Case {
    Case {
        place,
        name: None,
        policies: None,
        principal: None,
        request: RequestFields::default(),
        context: Vec::new(),
        unknown: Vec::new(),
        expect: None,
        by: Vec::new(),
        skip: None,
        except: Vec::new(),
        rows: None,
    }
}
