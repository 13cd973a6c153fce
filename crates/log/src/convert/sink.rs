//! A table file being written.

use std::fs::File;
use std::io::{self, BufWriter, Write};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::ipc::writer::FileWriter;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use super::Output;
use super::text;

/// Rows of a row group: enough to compress well, few enough to skip by their
/// statistics.
const ROW_GROUP_ROWS: usize = 256 << 10;

/// A file of one of the outputs.
pub(super) enum Sink {
    Parquet(Box<ArrowWriter<File>>),
    Arrow(Box<FileWriter<BufWriter<File>>>),
    Csv(BufWriter<File>),
    JsonLines(BufWriter<File>),
}

impl Sink {
    pub(super) fn new(output: Output, file: File, schema: &SchemaRef) -> io::Result<Sink> {
        let buffered = |file| BufWriter::with_capacity(1 << 20, file);
        Ok(match output {
            Output::Parquet => {
                let properties = WriterProperties::builder()
                    .set_compression(Compression::ZSTD(ZstdLevel::default()))
                    .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
                    .build();
                let writer = ArrowWriter::try_new(file, schema.clone(), Some(properties));
                Sink::Parquet(Box::new(writer.map_err(io::Error::other)?))
            }
            Output::Arrow => {
                let writer = FileWriter::try_new(buffered(file), schema);
                Sink::Arrow(Box::new(writer.map_err(io::Error::other)?))
            }
            Output::Csv => {
                let mut writer = buffered(file);
                text::write_header(&mut writer, schema)?;
                Sink::Csv(writer)
            }
            Output::JsonLines => Sink::JsonLines(buffered(file)),
        })
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> io::Result<()> {
        match self {
            Sink::Parquet(writer) => writer.write(batch).map_err(io::Error::other),
            Sink::Arrow(writer) => {
                // A view keeps its whole block, of which a part may be a row.
                let batch = text::compact(batch).map_err(io::Error::other)?;
                writer.write(&batch).map_err(io::Error::other)
            }
            Sink::Csv(writer) => text::write_csv(writer, batch),
            Sink::JsonLines(writer) => text::write_json_lines(writer, batch),
        }
    }

    /// Bytes that wait for the end of a row group.
    pub(super) fn waiting_bytes(&self) -> usize {
        match self {
            Sink::Parquet(writer) => writer.memory_size(),
            Sink::Arrow(_) | Sink::Csv(_) | Sink::JsonLines(_) => 0,
        }
    }

    /// Ends the row group.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        match self {
            Sink::Parquet(writer) => writer.flush().map_err(io::Error::other),
            Sink::Arrow(_) => Ok(()),
            Sink::Csv(writer) | Sink::JsonLines(writer) => writer.flush(),
        }
    }

    /// Ends the file, and waits until it is on the disk.
    pub(super) fn finish(self) -> io::Result<()> {
        let file = match self {
            Sink::Parquet(writer) => writer.into_inner().map_err(io::Error::other)?,
            Sink::Arrow(mut writer) => {
                writer.finish().map_err(io::Error::other)?;
                let buffered = writer.into_inner().map_err(io::Error::other)?;
                buffered.into_inner().map_err(io::IntoInnerError::into_error)?
            }
            Sink::Csv(writer) | Sink::JsonLines(writer) => {
                writer.into_inner().map_err(io::IntoInnerError::into_error)?
            }
        };
        file.sync_all()
    }
}
