//! From spans to columns: one column after the other, so that each loop does one thing.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, TimestampMillisecondArray, UInt16Array, UInt64Array, new_null_array,
};
use arrow::buffer::Buffer;
use tollgate_fields::time::Clock;
use tollgate_fields::{number, quota, reset, retry_after};

use super::nulls::Nulls;
use super::views::{text_array, view};
use super::{NO_TIME, Rows, Span, text};
use crate::derive;
use crate::schema::{Field, Kind};
use crate::wide;

/// Digits of an epoch in milliseconds, from 2001 until 2286.
const MILLIS_DIGITS: u32 = 13;

/// Columns under construction, from the rows of one block.
pub(super) struct Columns<'a> {
    rows: &'a mut Rows,
    block: &'a [u8],
    moments: Option<Vec<i64>>,
    unreadable: u64,
}

impl<'a> Columns<'a> {
    pub(super) fn new(rows: &'a mut Rows, block: &'a [u8]) -> Columns<'a> {
        Columns { rows, block, moments: None, unreadable: 0 }
    }

    /// Values so far that their column could not hold.
    pub(super) fn unreadable(&self) -> u64 {
        self.unreadable
    }
}

impl Columns<'_> {
    fn slot_spans(&self, field: Field) -> impl Iterator<Item = Span> {
        let stride = self.rows.layout.stride.max(1);
        let slot = usize::from(self.rows.layout.slot(field));
        let rows = self.rows.spans.chunks_exact(stride);
        rows.map(move |row| row.get(slot).copied().unwrap_or(Span::NULL))
    }

    fn value(&self, span: Span) -> &[u8] {
        text(self.block, &self.rows.scratch, span)
    }

    /// Fills the slots that follow from others.
    pub(super) fn derive(&mut self) {
        let stride = self.rows.layout.stride;
        if stride == 0 || !derive::any(self.rows.layout.projection) {
            return;
        }
        let layout = Arc::clone(&self.rows.layout);
        let mut deriver = derive::Deriver::new(&layout);
        for row in self.rows.spans.chunks_exact_mut(stride) {
            deriver.derive(row, self.block, &mut self.rows.scratch);
        }
    }

    /// Whether no row has a value of a field. Most logs lack many, and those that they have are in the
    /// first rows.
    fn lacks(&self, field: Field) -> bool {
        !matches!(field, Field::Time | Field::Suspect) && self.slot_spans(field).all(Span::is_empty)
    }

    /// Reads a column's values out of the text.
    pub(super) fn prepare(&mut self, field: Field) -> Prepared {
        match field.kind() {
            kind if self.lacks(field) => Prepared::Lacking(kind, self.rows.len()),
            Kind::Text => self.views(field),
            Kind::Status => self.statuses(field),
            Kind::Number if field == Field::RetryAfter => self.retry_after(),
            Kind::Number => self.numbers(field),
            Kind::Time if field == Field::Time => {
                let moments = self.moments().to_vec();
                let nulls = Nulls::of(&moments, |&moment| moment != NO_TIME);
                Prepared::Times(moments, nulls)
            }
            Kind::Time => self.resets(field),
            Kind::Flag if field == Field::Suspect => {
                let logged = self.slot_spans(field).map(|span| self.value(span) == b"true");
                let flags = self.rows.suspect.iter().zip(logged);
                Prepared::Flags(flags.map(|(&flag, logged)| Some(flag || logged)).collect())
            }
            Kind::Flag => self.flags(field),
        }
    }

    fn views(&self, field: Field) -> Prepared {
        let (block, scratch) = (self.block, &*self.rows.scratch);
        let views: Vec<u128> =
            self.slot_spans(field).map(|span| view(block, scratch, span)).collect();
        let nulls = Nulls::of(&views, |view| *view != 0);
        Prepared::Text(views, nulls)
    }

    fn numbers(&mut self, field: Field) -> Prepared {
        // A limit may be written as early versions of the IETF draft have it.
        let of_limit = |text: &[u8]| quota(text).filter(|_| field == Field::RateLimit);
        let read = |text: &[u8]| number(text).or_else(|| of_limit(text));
        let (values, nulls, unreadable) = self.read_numbers(field, Some, read);
        self.unreadable += unreadable;
        Prepared::Numbers(values, nulls)
    }

    fn statuses(&mut self, field: Field) -> Prepared {
        let status = |status: u64| u16::try_from(status).ok();
        let (values, nulls, unreadable) = self.read_numbers(field, status, number);
        self.unreadable += unreadable;
        Prepared::Statuses(values, nulls)
    }

    /// Reads a column of numbers, those that are not plain digits by `read`. Returns also how many
    /// are none.
    fn read_numbers<T: Copy + Default>(
        &self,
        field: Field,
        convert: impl Fn(u64) -> Option<T>,
        read: impl Fn(&[u8]) -> Option<u64>,
    ) -> (Vec<T>, Nulls, u64) {
        let mut unreadable = 0;
        let mut nulls = Nulls::with_capacity(self.rows.len());
        let values = self.slot_spans(field).map(|span| {
            let value = self.digits(span).or_else(|| {
                let text = self.value(span);
                let value = read(text);
                unreadable += u64::from(value.is_none() && !text.is_empty());
                value
            });
            let converted = value.and_then(&convert);
            unreadable += u64::from(converted.is_none() && value.is_some());
            nulls.push(converted.is_some());
            converted.unwrap_or_default()
        });
        let values = values.collect();
        (values, nulls, unreadable)
    }

    /// The number of a few digits that a value is.
    #[inline]
    fn digits(&self, span: Span) -> Option<u64> {
        let start = span.start as usize;
        // Scratch lies beyond any block.
        wide::digits(self.block, start, start + span.len as usize)
    }

    fn flags(&mut self, field: Field) -> Prepared {
        let flag = |text: &[u8]| match text {
            b"true" => Some(true),
            b"false" => Some(false),
            _ => None,
        };
        Prepared::Flags(self.slot_spans(field).map(|span| flag(self.value(span))).collect())
    }

    /// The time of each row: the record's own, else the envelope's.
    fn moments(&mut self) -> &[i64] {
        if self.moments.is_none() {
            let mut clock = Clock::default();
            let mut unreadable = 0;
            let mut moments = self.rows.times.clone();
            for (span, moment) in self.slot_spans(Field::Time).zip(&mut moments) {
                let text = self.value(span);
                let millis = (span.len == MILLIS_DIGITS).then(|| self.digits(span)).flatten();
                if let Some(millis) = millis {
                    *moment = millis as i64;
                } else if !text.is_empty() {
                    let own = clock.read(text);
                    unreadable += u64::from(own.is_none());
                    *moment = own.unwrap_or(*moment);
                }
            }
            self.unreadable += unreadable;
            self.moments = Some(moments);
        }
        self.moments.as_deref().unwrap_or_default()
    }

    /// Moments of reset, whose form is told apart by the row's own time.
    fn resets(&mut self, field: Field) -> Prepared {
        let moments = self.moments().to_vec();
        let spans = self.slot_spans(field).zip(moments);
        let read = |(span, now): (Span, i64)| reset(self.value(span), known(now));
        let values: Vec<_> = spans.map(read).collect();
        self.count_unreadable(field, &values);
        let nulls = Nulls::of(&values, Option::is_some);
        Prepared::Times(values.into_iter().map(Option::unwrap_or_default).collect(), nulls)
    }

    /// Seconds to wait, from delta seconds or an HTTP date.
    fn retry_after(&mut self) -> Prepared {
        let moments = self.moments().to_vec();
        let spans = self.slot_spans(Field::RetryAfter).zip(moments);
        let read = |(span, now): (Span, i64)| retry_after(self.value(span), known(now));
        let values: Vec<_> = spans.map(read).collect();
        self.count_unreadable(Field::RetryAfter, &values);
        let nulls = Nulls::of(&values, Option::is_some);
        Prepared::Numbers(values.into_iter().map(Option::unwrap_or_default).collect(), nulls)
    }

    fn count_unreadable<T>(&mut self, field: Field, values: &[Option<T>]) {
        let spans = self.slot_spans(field).zip(values);
        let failed =
            |(span, value): &(Span, &Option<T>)| value.is_none() && !self.value(*span).is_empty();
        self.unreadable += spans.filter(failed).count() as u64;
    }
}

/// A column whose buffers are still to be attached.
pub(super) enum Prepared {
    Lacking(Kind, usize),
    Text(Vec<u128>, Nulls),
    Numbers(Vec<u64>, Nulls),
    Statuses(Vec<u16>, Nulls),
    Times(Vec<i64>, Nulls),
    Flags(Vec<Option<bool>>),
}

impl Prepared {
    pub(super) fn build(self, buffers: &Arc<[Buffer]>) -> ArrayRef {
        match self {
            Prepared::Lacking(kind, rows) => new_null_array(&kind.data_type(), rows),
            Prepared::Text(views, nulls) => text_array(views, buffers, nulls.finish()),
            Prepared::Numbers(values, nulls) => {
                Arc::new(UInt64Array::new(values.into(), nulls.finish()))
            }
            Prepared::Statuses(values, nulls) => {
                Arc::new(UInt16Array::new(values.into(), nulls.finish()))
            }
            Prepared::Times(values, nulls) => {
                let times = TimestampMillisecondArray::new(values.into(), nulls.finish());
                Arc::new(times.with_timezone("+00:00"))
            }
            Prepared::Flags(values) => Arc::new(BooleanArray::from(values)),
        }
    }
}

/// A row's time, if it has one.
fn known(moment: i64) -> Option<i64> {
    (moment != NO_TIME).then_some(moment)
}
