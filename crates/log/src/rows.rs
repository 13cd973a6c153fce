//! Rows under construction: spans of text, turned into columns block by block.
//!
//! Every format writes its rows in the same way: for each variable of the
//! projection, where in the block (or in `scratch`, for text that had to be
//! unescaped) the value stands. Only [`Rows::finish`] knows types.

mod columns;
mod derive;
mod nulls;
mod spans;
mod views;

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::buffer::Buffer;
use arrow::datatypes::SchemaRef;

use crate::schema::{FIELDS_MAX, Field, Projection};
use columns::{Columns, Lacking, Prepared};
use derive::derive;
use spans::Spans;
pub(crate) use spans::{NO_SLOT, Place, Slots};

/// Marks a span that lies in `scratch` instead of the block.
const SCRATCH: u32 = 1 << 31;

/// Blocks and scratch stay below this, so that positions fit a span.
pub(crate) const BYTES_MAX: usize = SCRATCH as usize;

/// No envelope time.
pub(crate) const NO_TIME: i64 = i64::MIN;

/// Where a value stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    start: u32,
    len: u32,
}

impl Span {
    /// No value.
    pub(crate) const NULL: Span = Span { start: 0, len: 0 };

    /// `start..end` of the block, or of scratch if `start` is marked so.
    #[inline]
    pub(crate) fn new(start: usize, end: usize) -> Span {
        debug_assert!(start <= end);
        Span { start: start as u32, len: (end - start) as u32 }
    }

    /// Text appended to `scratch`; nothing if that is full.
    pub(crate) fn in_scratch(scratch: &mut Vec<u8>, text: &str) -> Span {
        let start = scratch.len();
        if start + text.len() >= BYTES_MAX {
            return Span::NULL;
        }
        scratch.extend_from_slice(text.as_bytes());
        Span { start: start as u32 | SCRATCH, len: text.len() as u32 }
    }

    /// Where it begins.
    pub(crate) fn start(self) -> usize {
        self.start as usize
    }

    /// Where it ends.
    pub(crate) fn end(self) -> usize {
        self.start() + self.len()
    }

    /// Its length in bytes.
    pub(crate) fn len(self) -> usize {
        self.len as usize
    }

    /// A part of this span, `from..to` relative to its start.
    pub(crate) fn part(self, from: usize, to: usize) -> Span {
        debug_assert!(from <= to && to <= self.len as usize);
        Span { start: self.start + from as u32, len: (to - from) as u32 }
    }
}

/// Which variables a projection needs, and where in a row each stands.
#[derive(Debug)]
pub(crate) struct Layout {
    projection: Projection,
    schema: SchemaRef,
    slots: [u8; FIELDS_MAX],
}

impl Layout {
    /// The layout of rows for `projection`, with room for other fields that
    /// are needed on the way.
    pub(crate) fn new(projection: Projection, others: Projection) -> Arc<Layout> {
        let mut slots = [NO_SLOT; FIELDS_MAX];
        for (place, field) in (0..).zip(derive::inputs(projection).union(others).fields()) {
            if let Some(slot) = slots.get_mut(field as usize) {
                *slot = place;
            }
        }
        Arc::new(Layout { projection, schema: projection.schema(), slots })
    }

    /// The place of a field among those needed; [`NO_SLOT`] if it is not.
    #[inline]
    pub(crate) fn slot(&self, field: Field) -> u8 {
        self.slots.get(field as usize).copied().unwrap_or(NO_SLOT)
    }

    /// Whether rows have a place for a field.
    pub(crate) fn has(&self, field: Field) -> bool {
        self.slot(field) != NO_SLOT
    }
}

/// The rows of one block.
#[derive(Debug)]
pub(crate) struct Rows {
    layout: Arc<Layout>,
    spans: Spans,
    times: Vec<i64>,
    suspect: Vec<bool>,
    scratch: Vec<u8>,
    lacking: Lacking,
}

impl Rows {
    /// No rows.
    pub(crate) fn new(layout: Arc<Layout>) -> Rows {
        let (spans, times, suspect, scratch, lacking) = Default::default();
        Rows { layout, spans, times, suspect, scratch, lacking }
    }

    /// How rows are laid out.
    pub(crate) fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    /// The number of rows.
    pub(crate) fn len(&self) -> usize {
        self.times.len()
    }

    /// Begins a row without values; `time` is the envelope's, or [`NO_TIME`].
    #[inline]
    pub(crate) fn begin(&mut self, time: i64) {
        if self.times.len() == self.spans.room() {
            self.spans.grow();
        }
        self.times.push(time);
        self.suspect.push(false);
    }

    /// Takes the last row back.
    pub(crate) fn abandon(&mut self) {
        self.reset();
        self.times.pop();
        self.suspect.pop();
    }

    /// Clears the values of the last row.
    pub(crate) fn reset(&mut self) {
        if let Some(last) = self.len().checked_sub(1) {
            self.spans.reset(last);
        }
    }

    /// The spans of a field, by row; none if no row has a value of it.
    fn column(&self, field: Field) -> &[Span] {
        let column = self.spans.column(self.layout.slot(field));
        column.get(..self.len()).unwrap_or_default()
    }

    /// The value of a row; empty if there is none, or it is `-`.
    fn value_at<'a>(&'a self, row: usize, field: Field, block: &'a [u8]) -> &'a [u8] {
        self.column(field).get(row).map_or(b"", |span| text(block, &self.scratch, *span))
    }

    /// The value of the last row; empty if there is none, or it is `-`.
    pub(crate) fn value<'a>(&'a self, field: Field, block: &'a [u8]) -> &'a [u8] {
        self.value_at(self.len().wrapping_sub(1), field, block)
    }

    /// Marks the last row suspect.
    pub(crate) fn mark_suspect(&mut self) {
        if let Some(last) = self.suspect.last_mut() {
            *last = true;
        }
    }

    /// Sets a value of the last row, if it is asked for.
    pub(crate) fn set(&mut self, field: Field, span: Span) {
        let slot = self.layout.slot(field);
        if let (Some(last), true) = (self.len().checked_sub(1), slot != NO_SLOT) {
            self.put(last, slot, span);
        }
    }

    /// The last row, of which there must be one, to set values in these slots only.
    #[inline]
    pub(crate) fn last(&mut self, slots: Slots) -> Place<'_> {
        debug_assert!(!self.times.is_empty(), "a row is begun before it has values");
        self.spans.make_used(slots);
        self.spans.row(self.times.len().saturating_sub(1))
    }

    fn put(&mut self, row: usize, slot: u8, span: Span) {
        self.spans.make_used(Slots::one(slot));
        self.spans.row(row).put(slot, span);
    }

    /// Copies text that stands nowhere in the block as it is.
    pub(crate) fn keep(&mut self, text: &str) -> Span {
        Span::in_scratch(&mut self.scratch, text)
    }

    /// Sets a value of the last row to text that stands nowhere in the block.
    pub(crate) fn set_text(&mut self, field: Field, text: &str) {
        if self.layout.has(field) && !text.is_empty() {
            let span = self.keep(text);
            self.set(field, span);
        }
    }

    /// Sets a value of a row to text that stands nowhere in the block, unless it has one.
    pub(crate) fn complete(&mut self, row: usize, field: Field, value: &str, block: &[u8]) {
        if self.lacks(row, field, block) {
            let span = self.keep(value);
            self.put(row, self.layout.slot(field), span);
        }
    }

    /// Sets a value of a row, unless it has one.
    fn fill(&mut self, row: usize, field: Field, span: Span, block: &[u8]) {
        if self.lacks(row, field, block) {
            self.put(row, self.layout.slot(field), span);
        }
    }

    /// Whether a field is asked for and a row does not have it.
    fn lacks(&self, row: usize, field: Field, block: &[u8]) -> bool {
        self.layout.has(field) && self.value_at(row, field, block).is_empty()
    }

    /// Turns the rows into a batch. The block becomes part of it.
    pub(crate) fn finish(&mut self, block: Vec<u8>) -> Finished {
        let layout = Arc::clone(&self.layout);
        let suspect = self.suspect.iter().filter(|suspect| **suspect).count() as u64;
        derive(self, &block);
        let rows = self.len();
        let mut columns = Columns::new(self, &block);
        let prepared: Vec<_> =
            layout.projection.fields().map(|field| columns.prepare(field)).collect();
        let unreadable = columns.unreadable();
        let scratch = Buffer::from_vec(std::mem::take(&mut self.scratch));
        let block = Buffer::from_vec(block);
        let buffers: Arc<[Buffer]> = [block.clone(), scratch].into();
        let lacking = &mut self.lacking;
        let arrays = prepared.into_iter().map(|column| match column {
            Prepared::Lacking(kind) => lacking.array(kind, rows),
            Prepared::Values(values) => values.build(&buffers),
        });
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let records = RecordBatch::try_new_with_options(
            Arc::clone(&layout.schema),
            arrays.collect(),
            &options,
        )
        .unwrap_or_else(|_| RecordBatch::new_empty(Arc::clone(&layout.schema)));
        self.clear();
        Finished { records, unreadable, suspect, block }
    }

    /// Takes all rows back.
    fn clear(&mut self) {
        self.spans.clear(self.len());
        self.times.clear();
        self.suspect.clear();
    }
}

/// What [`Rows::finish`] makes.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) records: RecordBatch,
    pub(crate) unreadable: u64,
    pub(crate) suspect: u64,
    /// The block, to be used again when the batch is gone.
    pub(crate) block: Buffer,
}

/// Read access to a value by its span.
pub(crate) fn text<'a>(block: &'a [u8], scratch: &'a [u8], span: Span) -> &'a [u8] {
    let (buffer, start) = if span.start & SCRATCH != 0 {
        (scratch, span.start & !SCRATCH)
    } else {
        (block, span.start)
    };
    let start = start as usize;
    let text = buffer.get(start..start + span.len as usize).unwrap_or_default();
    if text == b"-" { b"" } else { text }
}
