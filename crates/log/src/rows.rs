//! Rows under construction: values by column, turned into a batch block by block.
//!
//! Every format writes its rows in the same way: for each variable of the
//! projection, a view of where in the block (or in `scratch`, for text that had
//! to be unescaped) the value stands. Only [`Rows::finish`] knows types.

mod cells;
mod columns;
mod derive;
mod nulls;
mod views;

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::buffer::Buffer;
use arrow::datatypes::SchemaRef;

use crate::schema::{FIELDS_MAX, Field, Projection};
use cells::Cells;
pub(crate) use cells::{NO_SLOT, Place, Slots};
use columns::{Columns, Lacking, Prepared};
use derive::derive;
use views::Text;
pub(crate) use views::{Home, View};

/// Blocks and scratch stay below this.
pub(crate) const BYTES_MAX: usize = 1 << 31;

/// No envelope time.
pub(crate) const NO_TIME: i64 = i64::MIN;

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
    cells: Cells,
    len: usize,
    /// The envelope's times of the first rows: of the others there is none.
    times: Vec<i64>,
    /// Whether each of the first rows is suspect: the others are not.
    suspect: Vec<bool>,
    scratch: Vec<u8>,
    lacking: Lacking,
}

impl Rows {
    /// No rows.
    pub(crate) fn new(layout: Arc<Layout>) -> Rows {
        let (cells, len, times, suspect, scratch, lacking) = Default::default();
        Rows { layout, cells, len, times, suspect, scratch, lacking }
    }

    /// How rows are laid out.
    pub(crate) fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    /// The number of rows.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Begins a row without values; `time` is the envelope's, or [`NO_TIME`].
    pub(crate) fn begin(&mut self, time: i64) {
        self.begin_unset(time);
        self.reset();
    }

    /// Begins a row that may have any values, until its own are set: see [`Rows::last`].
    #[inline]
    pub(crate) fn begin_unset(&mut self, time: i64) {
        self.cells.make_room(self.len);
        if time != NO_TIME {
            self.times.resize(self.len, NO_TIME);
            self.times.push(time);
        }
        self.len += 1;
    }

    /// Takes the last row back.
    pub(crate) fn abandon(&mut self) {
        self.len = self.len.saturating_sub(1);
        self.times.truncate(self.len);
        self.suspect.truncate(self.len);
    }

    /// Clears the values of the last row.
    pub(crate) fn reset(&mut self) {
        if let Some(last) = self.len().checked_sub(1) {
            self.cells.clear(last);
        }
    }

    /// The cells of a field, by row; none if no row has a value of it.
    fn column(&self, field: Field) -> &[u128] {
        let column = self.cells.column(self.layout.slot(field));
        column.get(..self.len()).unwrap_or_default()
    }

    fn view(&self, row: usize, field: Field) -> View {
        self.column(field).get(row).map_or(View::NONE, |cell| View::in_cell(*cell))
    }

    /// The value of the last row; empty if there is none, or it is `-`.
    pub(crate) fn value<'a>(&'a self, field: Field, block: &'a [u8]) -> Text<'a> {
        self.view(self.len().wrapping_sub(1), field).text(block, &self.scratch)
    }

    /// Marks the last row suspect.
    pub(crate) fn mark_suspect(&mut self) {
        self.suspect.resize(self.len, false);
        if let Some(last) = self.suspect.last_mut() {
            *last = true;
        }
    }

    /// Sets a value of the last row, if it is asked for.
    pub(crate) fn set(&mut self, field: Field, view: View) {
        if let (Some(last), true) = (self.len().checked_sub(1), self.layout.has(field)) {
            self.put(last, field, view);
        }
    }

    /// The last row, of which there must be one, to set its values in all of these slots, and no
    /// other. It is to be [abandoned](Rows::abandon) if not all are.
    #[inline]
    pub(crate) fn last(&mut self, slots: Slots) -> Place<'_> {
        debug_assert!(self.len > 0, "a row is begun before it has values");
        self.cells.claim(self.len, slots)
    }

    fn put(&mut self, row: usize, field: Field, view: View) {
        let slot = self.layout.slot(field);
        self.cells.make_used(Slots::one(slot), self.len);
        self.cells.row(row).put(slot, || view);
    }

    /// Keeps text that stands nowhere in the block as it is.
    pub(crate) fn keep(&mut self, text: &str) -> View {
        View::kept(&mut self.scratch, text)
    }

    /// Keeps text that values are going to be cut off, and tells where it stands, unless there is
    /// no room.
    pub(crate) fn keep_whole(&mut self, text: &str) -> Option<Home> {
        views::keep(&mut self.scratch, text)
    }

    /// Sets a value of the last row to text that stands nowhere in the block.
    pub(crate) fn set_text(&mut self, field: Field, text: &str) {
        if self.layout.has(field) && !text.is_empty() {
            let view = self.keep(text);
            self.set(field, view);
        }
    }

    /// Sets a value of a row to text that stands nowhere in the block, unless it has one.
    pub(crate) fn complete(&mut self, row: usize, field: Field, value: &str) {
        if self.lacks(row, field) {
            let view = self.keep(value);
            self.put(row, field, view);
        }
    }

    /// Sets a value of a row, unless it has one.
    fn fill(&mut self, row: usize, field: Field, view: View) {
        if self.lacks(row, field) {
            self.put(row, field, view);
        }
    }

    /// Whether a field is asked for and a row does not have it.
    fn lacks(&self, row: usize, field: Field) -> bool {
        self.layout.has(field) && self.view(row, field).is_none()
    }

    /// Whether a field is asked for and the last row does not have it.
    pub(crate) fn last_lacks(&self, field: Field) -> bool {
        self.len().checked_sub(1).is_some_and(|last| self.lacks(last, field))
    }

    /// Turns the rows into a batch. The block becomes part of it.
    pub(crate) fn finish(&mut self, block: Vec<u8>) -> Finished {
        let layout = Arc::clone(&self.layout);
        let suspect = self.suspect.iter().filter(|suspect| **suspect).count() as u64;
        derive(self, &block);
        let rows = self.len();
        let mut columns = Columns::new(self, &block);
        let count = layout.schema.fields().len();
        let mut prepared = Vec::with_capacity(count);
        prepared.extend(layout.projection.fields().map(|field| columns.prepare(field)));
        let unreadable = columns.unreadable();
        let scratch = Buffer::from_vec(std::mem::take(&mut self.scratch));
        let block = Buffer::from_vec(block);
        let buffers: Arc<[Buffer]> = [block.clone(), scratch].into();
        let (lacking, taken) = (&mut self.lacking, self.cells.take(rows));
        let arrays = prepared.into_iter().map(|column| match column {
            Prepared::Lacking(kind) => lacking.array(kind, rows),
            Prepared::Text(slot, nulls) => {
                views::text_array(taken.column(slot), &buffers, nulls.finish())
            }
            Prepared::Values(values) => values.build(),
        });
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let records = RecordBatch::try_new_with_options(
            Arc::clone(&layout.schema),
            arrays.collect(),
            &options,
        )
        .unwrap_or_else(|_| RecordBatch::new_empty(Arc::clone(&layout.schema)));
        self.len = 0;
        self.times.clear();
        self.suspect.clear();
        Finished { records, unreadable, suspect, memory: Memory { block, cells: taken.cells } }
    }

    /// Takes memory of an earlier batch that is gone, to be used again.
    pub(crate) fn give_back(&mut self, cells: Buffer) {
        if let Ok(cells) = cells.into_vec() {
            self.cells.give_back(cells);
        }
    }
}

/// What [`Rows::finish`] makes.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) records: RecordBatch,
    pub(crate) unreadable: u64,
    pub(crate) suspect: u64,
    pub(crate) memory: Memory,
}

/// The memory of a batch, to be used again when that is gone.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// Of the block.
    pub(crate) block: Buffer,
    /// Of its values, by column.
    pub(crate) cells: Buffer,
}
