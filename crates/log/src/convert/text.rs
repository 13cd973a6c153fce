//! Rows as text: CSV and JSON lines.

use std::io::{self, Write};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions, StringViewArray};
use arrow::datatypes::{Schema, TimestampMillisecondType, UInt16Type, UInt64Type};
use arrow::error::ArrowError;

use crate::schema::{Field, Kind};

/// A value of a row.
enum Cell<'a> {
    Text(&'a str),
    /// A number or a flag, which needs no quotes.
    Bare(String),
    Time(String),
}

/// The columns of a batch, with what they are.
fn columns(batch: &RecordBatch) -> Vec<(Field, ArrayRef)> {
    let schema = batch.schema();
    let named = schema.fields().iter().zip(batch.columns());
    named.filter_map(|(f, column)| Some((Field::named(f.name())?, Arc::clone(column)))).collect()
}

/// A value, unless it is null.
fn cell(field: Field, column: &ArrayRef, row: usize) -> Option<Cell<'_>> {
    if column.is_null(row) {
        return None;
    }
    Some(match field.kind() {
        Kind::Text => Cell::Text(column.as_string_view().value(row)),
        Kind::Status => Cell::Bare(column.as_primitive::<UInt16Type>().value(row).to_string()),
        Kind::Number => Cell::Bare(column.as_primitive::<UInt64Type>().value(row).to_string()),
        Kind::Flag => Cell::Bare(column.as_boolean().value(row).to_string()),
        Kind::Time => {
            let moment = column.as_primitive::<TimestampMillisecondType>().value(row);
            Cell::Time(jiff::Timestamp::from_millisecond(moment).ok()?.to_string())
        }
    })
}

/// Writes the names of the columns.
pub(super) fn write_header(writer: &mut impl Write, schema: &Schema) -> io::Result<()> {
    let names: Vec<_> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    writeln!(writer, "{}", names.join(","))
}

/// Writes rows as CSV. What is null is empty.
pub(super) fn write_csv(writer: &mut impl Write, batch: &RecordBatch) -> io::Result<()> {
    let columns = columns(batch);
    for row in 0..batch.num_rows() {
        for (at, (field, column)) in columns.iter().enumerate() {
            if at > 0 {
                writer.write_all(b",")?;
            }
            match cell(*field, column, row) {
                None => {}
                Some(Cell::Text(text)) if text.contains(['"', ',', '\n', '\r']) => {
                    write!(writer, "\"{}\"", text.replace('"', "\"\""))?;
                }
                Some(Cell::Text(text)) => writer.write_all(text.as_bytes())?,
                Some(Cell::Bare(text) | Cell::Time(text)) => writer.write_all(text.as_bytes())?,
            }
        }
        writer.write_all(b"\n")?;
    }
    Ok(())
}

/// Writes rows as JSON objects, a line each.
pub(super) fn write_json_lines(writer: &mut impl Write, batch: &RecordBatch) -> io::Result<()> {
    let columns = columns(batch);
    for row in 0..batch.num_rows() {
        let mut separator = "{";
        for (field, column) in &columns {
            let Some(cell) = cell(*field, column, row) else { continue };
            write!(writer, "{separator}\"{}\":", field.name())?;
            match cell {
                Cell::Text(text) => serde_json::to_writer(&mut *writer, text)?,
                Cell::Bare(text) => writer.write_all(text.as_bytes())?,
                Cell::Time(text) => write!(writer, "\"{text}\"")?,
            }
            separator = ",";
        }
        writer.write_all(if separator == "{" { b"{}\n" } else { b"}\n" })?;
    }
    Ok(())
}

/// Copies text out of the blocks that views point into, and nothing of rows without a value.
pub(super) fn compact(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let column = |column: &ArrayRef| match column.as_string_view_opt() {
        Some(views) => Arc::new(StringViewArray::from_iter(views.iter())) as ArrayRef,
        None => Arc::clone(column),
    };
    let columns = batch.columns().iter().map(column).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(batch.schema(), columns, &options)
}
