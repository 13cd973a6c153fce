//! Request tables that were written before: Parquet and Arrow IPC as inputs.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::compute::cast;
use arrow::datatypes::Schema;
use arrow::error::ArrowError;
use arrow::ipc::reader::FileReader;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::format::json::CORE;
use crate::input::Input;
use crate::schema::{Field, Projection};

/// What the files begin with.
const PARQUET: &[u8] = b"PAR1";
const ARROW: &[u8] = b"ARROW1";

/// Rows that are read at a time.
const ROWS: usize = 8192;

/// A table being read.
pub(crate) struct Table {
    batches: Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>> + Send>,
    projection: Projection,
}

impl Table {
    /// Whether an input is a table.
    pub(crate) fn sniff(input: &Input) -> bool {
        // What is read of a pipe is gone.
        let Some(path) = input.kept() else { return false };
        let mut head = Vec::new();
        let read = File::open(path).and_then(|file| file.take(8).read_to_end(&mut head));
        read.is_ok() && (head.starts_with(PARQUET) || head.starts_with(ARROW))
    }

    /// Opens a table for these columns.
    pub(crate) fn open(input: &Input, projection: Projection) -> io::Result<Table> {
        let Input::File(path) = input else { return Err(io::ErrorKind::Unsupported.into()) };
        let mut head = [0; 4];
        File::open(path)?.read_exact(&mut head)?;
        let file = File::open(path)?;
        let batches: Box<dyn Iterator<Item = _> + Send> = if head == *PARQUET {
            let builder =
                ParquetRecordBatchReaderBuilder::try_new(file).map_err(io::Error::other)?;
            check(builder.schema())?;
            let wanted = wanted(builder.schema(), projection);
            let mask = ProjectionMask::roots(builder.parquet_schema(), wanted);
            let reader = builder.with_projection(mask).with_batch_size(ROWS).build();
            Box::new(reader.map_err(io::Error::other)?)
        } else {
            let schema = FileReader::try_new(&file, None).map_err(io::Error::other)?.schema();
            check(&schema)?;
            let wanted = wanted(&schema, projection);
            Box::new(FileReader::try_new(file, Some(wanted)).map_err(io::Error::other)?)
        };
        Ok(Table { batches, projection })
    }

    /// The next rows, with exactly the columns of the projection.
    pub(crate) fn next_batch(&mut self) -> Option<io::Result<RecordBatch>> {
        let batch = self.batches.next()?;
        Some(batch.and_then(|batch| conform(&batch, self.projection)).map_err(io::Error::other))
    }
}

/// Whether this is a table of requests at all.
fn check(schema: &Schema) -> io::Result<()> {
    let known = CORE.iter().any(|field| schema.field_with_name(field.name()).is_ok());
    let error = || io::Error::other("expected a table of requests, found none of its columns");
    known.then_some(()).ok_or_else(error)
}

/// The positions of the columns that are asked for.
fn wanted(schema: &Schema, projection: Projection) -> Vec<usize> {
    let asked = |name: &str| Field::named(name).is_some_and(|field| projection.contains(field));
    let columns = schema.fields().iter().enumerate();
    columns.filter(|(_, column)| asked(column.name())).map(|(at, _)| at).collect()
}

/// Brings a batch into the shape of the projection: a column that it lacks is
/// null, one of another type is cast.
fn conform(batch: &RecordBatch, projection: Projection) -> Result<RecordBatch, ArrowError> {
    let column = |field: Field| -> Result<ArrayRef, ArrowError> {
        let data_type = field.kind().data_type();
        match batch.column_by_name(field.name()) {
            None => Ok(new_null_array(&data_type, batch.num_rows())),
            Some(column) if *column.data_type() == data_type => Ok(Arc::clone(column)),
            Some(column) => cast(column, &data_type),
        }
    };
    let columns = projection.fields().map(column).collect::<Result<_, _>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(projection.schema(), columns, &options)
}
