//! Where the values of the rows stand: column by column, as everything that reads them goes through
//! one column after the other.

use std::ops::Range;

use super::Span;
use crate::schema::FIELDS_MAX;

/// Rows that there is room for at first. Columns are written side by side, and of a power of two they
/// would all lie in the same few lines of a cache.
const ROWS: usize = 1048;

/// The slot of a field that is not needed.
pub(crate) const NO_SLOT: u8 = u8::MAX;

/// All there may be.
const SLOTS: Range<u8> = 0..FIELDS_MAX as u8;

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

    fn has(self, slot: u8) -> bool {
        self.0.checked_shr(slot.into()).is_some_and(|slots| slots & 1 != 0)
    }
}

/// Where a column begins that there is none of: beyond all.
const NOWHERE: u32 = u32::MAX;

/// The spans of the rows of a block: [`Span::NULL`] where there is no value or no row yet.
#[derive(Debug)]
pub(super) struct Spans {
    /// The columns, one after the other, of as many rows as there is room for.
    spans: Vec<Span>,
    room: usize,
    /// Where the column of each slot begins, or [`NOWHERE`].
    starts: [u32; NO_SLOT as usize + 1],
    /// The slots that have a column.
    placed: Slots,
    /// Those of which any row of this block may have a value: each has a column.
    used: Slots,
}

impl Default for Spans {
    fn default() -> Self {
        let starts = [NOWHERE; NO_SLOT as usize + 1];
        let (placed, used) = Default::default();
        Spans { spans: Vec::new(), room: ROWS, starts, placed, used }
    }
}

impl Spans {
    /// How many rows there is room for.
    #[inline]
    pub(super) fn room(&self) -> usize {
        self.room
    }

    /// Makes room for more rows.
    #[cold]
    pub(super) fn grow(&mut self) {
        let (old, new) = (self.room, self.room * 2 + ROWS / 64);
        let mut spans = vec![Span::NULL; self.spans.len() / old * new];
        for (to, from) in spans.chunks_mut(new).zip(self.spans.chunks(old)) {
            to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
        }
        for start in self.starts.iter_mut().filter(|start| **start != NOWHERE) {
            *start = (*start as usize / old * new) as u32;
        }
        (self.spans, self.room) = (spans, new);
    }

    /// Makes sure that slots have a column.
    #[inline]
    pub(super) fn make_used(&mut self, slots: Slots) {
        if self.used.and(slots) != self.used {
            self.used = self.used.and(slots);
            if self.placed.and(slots) != self.placed {
                self.add_columns();
            }
        }
    }

    #[cold]
    fn add_columns(&mut self) {
        self.placed = self.placed.and(self.used);
        for (slot, start) in SLOTS.zip(&mut self.starts) {
            if *start == NOWHERE && self.placed.has(slot) {
                *start = self.spans.len() as u32;
                self.spans.resize(self.spans.len() + self.room, Span::NULL);
            }
        }
    }

    /// Where the values of a row go whose slots are used.
    #[inline]
    pub(super) fn row(&mut self, row: usize) -> Place<'_> {
        debug_assert!(row < self.room, "a row has its room");
        let spans = self.spans.get_mut(row..).unwrap_or_default();
        Place { spans, starts: &self.starts }
    }

    /// The spans of a slot, as many as there is room for; none if no row has a value of it.
    pub(super) fn column(&self, slot: u8) -> &[Span] {
        let start = self.starts.get(usize::from(slot)).filter(|_| self.used.has(slot));
        let column = start.and_then(|start| self.spans.get(*start as usize..));
        column.and_then(|column| column.get(..self.room)).unwrap_or_default()
    }

    /// Takes the values of a row back.
    pub(super) fn reset(&mut self, row: usize) {
        let spans = self.spans.iter_mut().skip(row).step_by(self.room);
        spans.for_each(|span| *span = Span::NULL);
    }

    /// Takes the values of the first rows back, which are all. If this block has not used all columns,
    /// they give up their room.
    pub(super) fn clear(&mut self, rows: usize) {
        if self.used != self.placed {
            self.spans = Vec::new();
            self.starts.fill(NOWHERE);
            self.placed = Slots::default();
        }
        for column in self.spans.chunks_mut(self.room) {
            column.iter_mut().take(rows).for_each(|span| *span = Span::NULL);
        }
        self.used = Slots::default();
    }
}

/// Where the values of one row go.
pub(crate) struct Place<'r> {
    /// All from the first of the row on.
    spans: &'r mut [Span],
    starts: &'r [u32; NO_SLOT as usize + 1],
}

impl Place<'_> {
    /// Sets the value of a slot, if it is one that is used.
    #[inline(always)]
    pub(crate) fn put(&mut self, slot: u8, span: Span) {
        let start = self.starts.get(usize::from(slot)).copied().unwrap_or(NOWHERE);
        if let Some(place) = self.spans.get_mut(start as usize) {
            *place = span;
        }
    }
}
