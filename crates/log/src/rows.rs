//! Rows under construction: spans of text, turned into columns block by block.
//!
//! Every format writes its rows in the same way: for each variable of the
//! projection, where in the block (or in `scratch`, for text that had to be
//! unescaped) the value stands. Only [`Rows::finish`] knows types.

mod columns;
mod nulls;
mod views;

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::buffer::Buffer;
use arrow::datatypes::SchemaRef;

use crate::derive;
use crate::schema::{FIELDS_MAX, Field, Projection};
use columns::Columns;

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

    /// Whether there is no value.
    #[inline]
    pub(crate) fn is_empty(self) -> bool {
        self.len == 0
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
    stride: usize,
    slots: [u8; FIELDS_MAX],
}

/// The slot of a field that is not needed.
pub(crate) const NO_SLOT: u8 = u8::MAX;

impl Layout {
    /// The layout of rows for `projection`, with room for other fields that
    /// are needed on the way.
    pub(crate) fn new(projection: Projection, others: Projection) -> Arc<Layout> {
        let mut slots = [NO_SLOT; FIELDS_MAX];
        let mut stride = 0;
        for field in derive::inputs(projection).union(others).fields() {
            if let Some(slot) = slots.get_mut(field as usize) {
                *slot = stride as u8;
                stride += 1;
            }
        }
        Arc::new(Layout { projection, schema: projection.schema(), stride, slots })
    }

    /// The position of a field in each row; [`NO_SLOT`] if it is not needed.
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
    spans: Vec<Span>,
    times: Vec<i64>,
    suspect: Vec<bool>,
    scratch: Vec<u8>,
}

impl Rows {
    /// No rows.
    pub(crate) fn new(layout: Arc<Layout>) -> Rows {
        let (spans, times, suspect, scratch) = Default::default();
        Rows { layout, spans, times, suspect, scratch }
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
    pub(crate) fn begin(&mut self, time: i64) -> &mut [Span] {
        let start = self.spans.len();
        self.spans.resize(start + self.layout.stride, Span::NULL);
        self.times.push(time);
        self.suspect.push(false);
        self.spans.get_mut(start..).unwrap_or_default()
    }

    /// Takes the last row back.
    pub(crate) fn abandon(&mut self) {
        self.spans.truncate(self.spans.len() - self.layout.stride);
        self.times.pop();
        self.suspect.pop();
    }

    /// Clears the values of the last row.
    pub(crate) fn reset(&mut self) -> &mut [Span] {
        let start = self.spans.len() - self.layout.stride;
        let row = self.spans.get_mut(start..).unwrap_or_default();
        row.fill(Span::NULL);
        row
    }

    /// The value of the last row; empty if there is none, or it is `-`.
    pub(crate) fn value<'a>(&'a self, field: Field, block: &'a [u8]) -> &'a [u8] {
        let slot = self.layout.slot(field);
        let at = (self.spans.len() + usize::from(slot)).wrapping_sub(self.layout.stride);
        match self.spans.get(at) {
            Some(&span) if slot != NO_SLOT => text(block, &self.scratch, span),
            _ => b"",
        }
    }

    /// Marks the last row suspect.
    pub(crate) fn mark_suspect(&mut self) {
        if let Some(last) = self.suspect.last_mut() {
            *last = true;
        }
    }

    /// Sets a value of the last row, if it is asked for.
    #[inline]
    pub(crate) fn set(&mut self, field: Field, span: Span) {
        let slot = self.layout.slot(field);
        if slot != NO_SLOT {
            let at = self.spans.len() - self.layout.stride + usize::from(slot);
            if let Some(place) = self.spans.get_mut(at) {
                *place = span;
            }
        }
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
        let slot = self.layout.slot(field);
        let at = row * self.layout.stride + usize::from(slot);
        let own = self.spans.get(at).filter(|_| slot != NO_SLOT).copied();
        if own.is_some_and(|own| text(block, &self.scratch, own).is_empty()) {
            let span = self.keep(value);
            if let Some(place) = self.spans.get_mut(at) {
                *place = span;
            }
        }
    }

    /// Turns the rows into a batch. The block becomes part of it.
    pub(crate) fn finish(&mut self, block: Vec<u8>) -> Finished {
        let layout = Arc::clone(&self.layout);
        let suspect = self.suspect.iter().filter(|suspect| **suspect).count() as u64;
        let mut columns = Columns::new(self, &block);
        columns.derive();
        let prepared: Vec<_> =
            layout.projection.fields().map(|field| columns.prepare(field)).collect();
        let unreadable = columns.unreadable();
        let rows = self.len();
        let scratch = Buffer::from_vec(std::mem::take(&mut self.scratch));
        let block = Buffer::from_vec(block);
        let buffers: Arc<[Buffer]> = [block.clone(), scratch].into();
        let arrays = prepared.into_iter().map(|column| column.build(&buffers)).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let records =
            RecordBatch::try_new_with_options(Arc::clone(&layout.schema), arrays, &options)
                .unwrap_or_else(|_| RecordBatch::new_empty(Arc::clone(&layout.schema)));
        self.spans.clear();
        self.times.clear();
        self.suspect.clear();
        Finished { records, unreadable, suspect, block }
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
