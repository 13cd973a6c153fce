//! Parquet: a file for each table, compressed with zstd. Moments are timestamps in UTC.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, RecordBatch, StringArray, TimestampMillisecondArray,
    UInt64Array,
};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::Result;
use parquet::file::properties::WriterProperties;

use super::tables::{Table, Values};

/// Writes a table.
///
/// # Errors
///
/// None in practice: the table has a column, its columns have the same length, and writing to
/// memory does not fail.
pub fn render(table: &Table) -> Result<Vec<u8>> {
    let columns = table.columns.iter().map(|column| (column.name, array(&column.values), true));
    let batch = RecordBatch::try_from_iter_with_nullable(columns)?;
    let zstd = Compression::ZSTD(ZstdLevel::default());
    let properties = WriterProperties::builder().set_compression(zstd).build();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties))?;
    writer.write(&batch)?;
    writer.into_inner()
}

fn array(values: &Values) -> ArrayRef {
    match values {
        Values::Text(values) => Arc::new(StringArray::from_iter(values)),
        Values::Count(values) => Arc::new(UInt64Array::from_iter(values.iter().copied())),
        Values::Real(values) => Arc::new(Float64Array::from_iter(values.iter().copied())),
        Values::Flag(values) => Arc::new(BooleanArray::from_iter(values.iter().copied())),
        Values::Moment(values) => {
            let moments = values.iter().map(|value| millisecond(value.as_deref()?));
            Arc::new(TimestampMillisecondArray::from_iter(moments).with_timezone("+00:00"))
        }
    }
}

fn millisecond(moment: &str) -> Option<i64> {
    Some(moment.parse::<jiff::Timestamp>().ok()?.as_millisecond())
}
