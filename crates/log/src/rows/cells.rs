//! The values of the rows of a block, column by column: a column of text is ready when its rows are.

use arrow::buffer::{Buffer, ScalarBuffer};

use super::View;
use crate::schema::FIELDS_MAX;

/// Rows that there is room for at first.
const ROWS: usize = 60;

/// The slot of a field that is not needed.
pub(crate) const NO_SLOT: u8 = u8::MAX;

/// A set of slots.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Slots(u128);

const _: () = assert!(FIELDS_MAX <= u128::BITS as usize, "slots are a set of bits");

impl Slots {
    /// One slot.
    pub(crate) fn one(slot: u8) -> Slots {
        Slots(1 << slot)
    }

    /// The slots of both.
    pub(crate) fn and(self, other: Slots) -> Slots {
        Slots(self.0 | other.0)
    }

    fn without(self, other: Slots) -> Slots {
        Slots(self.0 & !other.0)
    }

    fn has(self, slot: u8) -> bool {
        self.0.checked_shr(slot.into()).is_some_and(|slots| slots & 1 != 0)
    }

    fn count(self) -> usize {
        self.0.count_ones() as usize
    }

    fn iter(self) -> impl Iterator<Item = u8> {
        let mut left = self.0;
        std::iter::from_fn(move || {
            let slot = u8::try_from(left.trailing_zeros()).ok().filter(|_| left != 0)?;
            left &= left - 1;
            Some(slot)
        })
    }
}

/// Where a column begins that there is none of: beyond all.
const NOWHERE: u32 = u32::MAX;

/// The values of the rows of a block.
#[derive(Debug)]
pub(super) struct Cells {
    /// The columns, one after the other, of as many rows as there is room for. What is beyond the
    /// rows that there are may be anything.
    cells: Vec<u128>,
    /// Rows that there is room for: none before the first of a block, unless the cells of the last
    /// were given back.
    room: usize,
    /// As many as there was room for in the last block, and as many as it had.
    last: (usize, usize),
    /// Where the column of each slot begins, or [`NOWHERE`].
    starts: [u32; NO_SLOT as usize + 1],
    /// The slots that have a column.
    placed: Slots,
    /// Those of which any row of this block may have a value: each has a column.
    used: Slots,
}

impl Default for Cells {
    fn default() -> Self {
        let starts = [NOWHERE; NO_SLOT as usize + 1];
        let (cells, room, placed, used) = Default::default();
        Cells { cells, room, last: (0, ROWS), starts, placed, used }
    }
}

impl Cells {
    /// Makes sure that there is room for one more row.
    #[inline]
    pub(super) fn make_room(&mut self, rows: usize) {
        if rows == self.room {
            self.grow(rows);
        }
    }

    #[cold]
    fn grow(&mut self, rows: usize) {
        let room = if rows == 0 { self.last.1 + self.last.1 / 8 } else { rows * 2 };
        // Columns are written side by side: so they lie in different lines of a cache.
        let room = room / 8 * 8 + 4;
        let mut cells = Vec::with_capacity(self.placed.count() * room);
        for slot in self.placed.iter() {
            let start = cells.len();
            cells.extend_from_slice(self.column(slot).get(..rows).unwrap_or_default());
            cells.resize(start + room, 0);
            self.set_start(slot, start as u32);
        }
        (self.cells, self.room) = (cells, room);
    }

    fn set_start(&mut self, slot: u8, start: u32) {
        if let Some(place) = self.starts.get_mut(usize::from(slot)) {
            *place = start;
        }
    }

    fn start(&self, slot: u8) -> u32 {
        self.starts.get(usize::from(slot)).copied().unwrap_or(NOWHERE)
    }

    /// Makes sure that slots have a column; so many rows have no values there yet.
    #[inline]
    pub(super) fn make_used(&mut self, slots: Slots, rows: usize) {
        if self.used.and(slots) != self.used {
            self.use_more(slots, rows);
        }
    }

    #[cold]
    fn use_more(&mut self, slots: Slots, rows: usize) {
        for slot in slots.without(self.used).iter() {
            if !self.placed.has(slot) {
                self.set_start(slot, self.cells.len() as u32);
                self.cells.resize(self.cells.len() + self.room, 0);
                self.placed = self.placed.and(Slots::one(slot));
            }
            let start = self.start(slot) as usize;
            let column = self.cells.get_mut(start..start + rows).unwrap_or_default();
            column.fill(View::NONE.cell());
        }
        self.used = self.used.and(slots);
    }

    /// The last of so many rows, all of whose values in these slots are going to be put. It has no
    /// others.
    #[inline]
    pub(super) fn claim(&mut self, rows: usize, slots: Slots) -> Place<'_> {
        if self.used != slots {
            self.claim_other(rows, slots);
        }
        self.row(rows.saturating_sub(1))
    }

    #[cold]
    fn claim_other(&mut self, rows: usize, slots: Slots) {
        self.make_used(slots, rows);
        self.clear_of(rows.saturating_sub(1), self.used.without(slots));
    }

    /// Where the values of a row go whose slots are used.
    #[inline]
    pub(super) fn row(&mut self, row: usize) -> Place<'_> {
        debug_assert!(row < self.room, "a row has its room");
        let cells = self.cells.get_mut(row..).unwrap_or_default();
        Place { cells, starts: &self.starts }
    }

    /// Takes the values of a row back.
    pub(super) fn clear(&mut self, row: usize) {
        self.clear_of(row, self.used);
    }

    fn clear_of(&mut self, row: usize, slots: Slots) {
        let mut place = self.row(row);
        slots.iter().for_each(|slot| place.put(slot, || View::NONE));
    }

    /// The cells of a slot, as many as there is room for; none if no row has a value of it.
    pub(super) fn column(&self, slot: u8) -> &[u128] {
        let start = self.used.has(slot).then(|| self.start(slot) as usize);
        let column = start.and_then(|start| self.cells.get(start..));
        column.and_then(|column| column.get(..self.room)).unwrap_or_default()
    }

    /// Ends a block of so many rows. Takes all columns out, to be cut off with [`Taken::column`].
    pub(super) fn take(&mut self, rows: usize) -> Taken {
        let taken = Buffer::from_vec(std::mem::take(&mut self.cells));
        let starts = self.starts;
        // Columns that some blocks use and others do not keep their room, if they are not many.
        if self.used.count() < self.placed.count() / 2 {
            (self.starts, self.placed) = ([NOWHERE; _], Slots::default());
        }
        self.last = (std::mem::take(&mut self.room), rows);
        self.used = Slots::default();
        Taken { cells: taken, starts, rows }
    }

    /// Takes cells to be used again, if they are those of the last block.
    pub(super) fn give_back(&mut self, cells: Vec<u128>) {
        let room = self.last.0;
        if self.room == 0 && !cells.is_empty() && cells.len() == room * self.placed.count() {
            (self.cells, self.room) = (cells, room);
        }
    }
}

/// Where the values of one row go.
pub(crate) struct Place<'r> {
    /// All from the first of the row on.
    cells: &'r mut [u128],
    starts: &'r [u32; NO_SLOT as usize + 1],
}

impl Place<'_> {
    /// Sets the value of a slot, if it is one that is used.
    #[inline(always)]
    pub(crate) fn put(&mut self, slot: u8, view: impl FnOnce() -> View) {
        let start = self.starts.get(usize::from(slot)).copied().unwrap_or(NOWHERE);
        if let Some(place) = self.cells.get_mut(start as usize) {
            *place = view().cell();
        }
    }
}

/// The columns of a block that is read.
pub(super) struct Taken {
    pub(super) cells: Buffer,
    starts: [u32; NO_SLOT as usize + 1],
    rows: usize,
}

impl Taken {
    /// The cells of a slot that is used.
    pub(super) fn column(&self, slot: u8) -> ScalarBuffer<u128> {
        let start = self.starts.get(usize::from(slot)).copied().unwrap_or(NOWHERE);
        ScalarBuffer::new(self.cells.clone(), start as usize, self.rows)
    }
}
