//! From spans to columns: one column after the other, so that each loop does one thing.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, TimestampMillisecondArray, UInt16Array, UInt64Array, new_null_array,
};
use arrow::buffer::Buffer;
use tollgate_fields::time::Clock;
use tollgate_fields::{number, quota, reset, retry_after};

use super::nulls::{Nulls, bits};
use super::views::{text_array, view};
use super::{NO_TIME, Rows, Span, text};
use crate::schema::{Field, Kind};
use crate::wide::{self, Digits};

/// Digits of an epoch in milliseconds, from 2001 until 2286.
const MILLIS_DIGITS: u32 = 13;

/// Digits of an epoch in seconds, from 2001 until 2286.
const SECONDS_DIGITS: u32 = 10;

/// Columns under construction, from the rows of one block.
pub(super) struct Columns<'a> {
    rows: &'a Rows,
    block: &'a [u8],
    moments: Option<Vec<i64>>,
    unreadable: u64,
}

impl<'a> Columns<'a> {
    pub(super) fn new(rows: &'a Rows, block: &'a [u8]) -> Columns<'a> {
        Columns { rows, block, moments: None, unreadable: 0 }
    }

    /// Values so far that their column could not hold.
    pub(super) fn unreadable(&self) -> u64 {
        self.unreadable
    }

    fn value(&self, span: Span) -> &'a [u8] {
        text(self.block, &self.rows.scratch, span)
    }

    /// Reads a column, if any row may have a value of it. Most logs lack many.
    pub(super) fn prepare(&mut self, field: Field) -> Prepared {
        let spans = self.rows.column(field);
        if spans.is_empty() && !matches!(field, Field::Time | Field::Suspect) {
            return Prepared::Lacking(field.kind());
        }
        Prepared::Values(self.read(field, spans))
    }

    /// Reads a column's values out of the text.
    fn read(&mut self, field: Field, spans: &[Span]) -> Values {
        match field.kind() {
            Kind::Text => self.views(spans),
            Kind::Status => self.statuses(spans),
            Kind::Number if field == Field::RetryAfter => self.retry_after(spans),
            Kind::Number => self.numbers(field, spans),
            Kind::Time if field == Field::Time => {
                let moments = self.moments().to_vec();
                let nulls = Nulls::of(&moments, |&moment| moment != NO_TIME);
                Values::Times(moments, nulls)
            }
            Kind::Time => self.resets(spans),
            Kind::Flag if field == Field::Suspect => {
                let logged = spans.iter().map(|span| self.value(*span) == b"true");
                let flags = self.rows.suspect.iter().zip(logged.chain(std::iter::repeat(false)));
                Values::Flags(flags.map(|(&flag, logged)| Some(flag || logged)).collect())
            }
            Kind::Flag => self.flags(spans),
        }
    }

    fn views(&self, spans: &[Span]) -> Values {
        let (block, scratch) = (self.block, &*self.rows.scratch);
        let (views, nulls) = nullable(spans, |_, span| {
            let view = view(block, scratch, span);
            (view, view as u64 != 0)
        });
        Values::Text(views, nulls)
    }

    fn numbers(&mut self, field: Field, spans: &[Span]) -> Values {
        // A limit may be written as early versions of the IETF draft have it.
        let of_limit = |text: &[u8]| quota(text).filter(|_| field == Field::RateLimit);
        let read = |text: &[u8]| number(text).or_else(|| of_limit(text));
        let (values, nulls, unreadable) = self.read_numbers(spans, Some, read);
        self.unreadable += unreadable;
        Values::Numbers(values, nulls)
    }

    fn statuses(&mut self, spans: &[Span]) -> Values {
        let status = |status: u64| u16::try_from(status).ok();
        let (values, nulls, unreadable) = self.read_numbers(spans, status, number);
        self.unreadable += unreadable;
        Values::Statuses(values, nulls)
    }

    /// Reads a column of numbers, those that are not plain digits by `read`. Returns also how many
    /// are none.
    fn read_numbers<T: Copy + Default>(
        &self,
        spans: &[Span],
        convert: impl Fn(u64) -> Option<T>,
        read: impl Fn(&[u8]) -> Option<u64>,
    ) -> (Vec<T>, Nulls, u64) {
        let mut unreadable = 0;
        let (values, nulls) = nullable(spans, |_, span| {
            // What is in scratch lies beyond any block, and is none.
            let digits = wide::digits(self.block, span.end(), span.len());
            if let Some(known) = digits.and_then(|d| Some((convert(d.number)?, d.is_set))) {
                return known;
            }
            let read = |text: &_| read(text).and_then(&convert);
            let value = self.read_other(span, read, &mut unreadable);
            (value.unwrap_or_default(), value.is_some())
        });
        (values, nulls, unreadable)
    }

    /// Reads a value that is not of a few digits, and counts it if that cannot be.
    #[inline(never)]
    fn read_other<T>(
        &self,
        span: Span,
        read: impl Fn(&[u8]) -> Option<T>,
        unreadable: &mut u64,
    ) -> Option<T> {
        let text = self.value(span);
        if text.is_empty() {
            return None;
        }
        let value = read(text);
        *unreadable += u64::from(value.is_none());
        value
    }

    fn flags(&mut self, spans: &[Span]) -> Values {
        let flag = |text: &[u8]| match text {
            b"true" => Some(true),
            b"false" => Some(false),
            _ => None,
        };
        Values::Flags(spans.iter().map(|span| flag(self.value(*span))).collect())
    }

    /// The time of each row: the record's own, else the envelope's.
    fn moments(&mut self) -> &[i64] {
        if self.moments.is_none() {
            let mut clock = Clock::default();
            let mut unreadable = 0;
            let mut moments = self.rows.times.clone();
            for (&span, moment) in self.rows.column(Field::Time).iter().zip(&mut moments) {
                let digits = match span.len {
                    MILLIS_DIGITS => wide::many_digits(self.block, span.end(), span.len()),
                    _ => None,
                };
                if let Some(Digits { number: millis, is_set: true }) = digits {
                    *moment = millis as i64;
                    continue;
                }
                let text = self.value(span);
                if !text.is_empty() {
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
    fn resets(&mut self, spans: &[Span]) -> Values {
        let block = self.block;
        let read_digits = |span: Span, now: Now<'_>| {
            let digits = wide::many_digits(block, span.end(), span.len())?;
            if !digits.is_set {
                return Some((0, false));
            }
            Some((reset_of_digits(digits.number, span.len, || now.get())?, true))
        };
        let (values, nulls) = self.told_at(spans, read_digits, reset);
        Values::Times(values, nulls)
    }

    /// Seconds to wait, from delta seconds or an HTTP date.
    fn retry_after(&mut self, spans: &[Span]) -> Values {
        let block = self.block;
        let read_digits = |span: Span, _: Now<'_>| {
            // So few digits are seconds.
            wide::digits(block, span.end(), span.len())
                .map(|seconds| (seconds.number, seconds.is_set))
        };
        let (values, nulls) = self.told_at(spans, read_digits, retry_after);
        Values::Numbers(values, nulls)
    }

    /// Reads values that may count from their row's own time: by `read_digits`, if it can and says
    /// whether there is one, and else from their text by `read`.
    fn told_at<T: Copy + Default>(
        &mut self,
        spans: &[Span],
        read_digits: impl Fn(Span, Now<'_>) -> Option<(T, bool)>,
        read: impl Fn(&[u8], Option<i64>) -> Option<T>,
    ) -> (Vec<T>, Nulls) {
        self.moments();
        let moments = self.moments.as_deref().unwrap_or_default();
        let mut unreadable = 0;
        let (values, nulls) = nullable(spans, |row, span| {
            let now = Now { moments, row };
            if let Some(known) = read_digits(span, now) {
                return known;
            }
            let read = |text: &_| read(text, now.get());
            let value = self.read_other(span, read, &mut unreadable);
            (value.unwrap_or_default(), value.is_some())
        });
        self.unreadable += unreadable;
        (values, nulls)
    }
}

/// The time of a row, looked up when it matters.
#[derive(Clone, Copy)]
struct Now<'a> {
    moments: &'a [i64],
    row: usize,
}

impl Now<'_> {
    #[inline]
    fn get(self) -> Option<i64> {
        self.moments.get(self.row).copied().filter(|now| *now != NO_TIME)
    }
}

/// [`reset`] of a number of so many digits, if its form is a usual one.
#[inline]
fn reset_of_digits(number: u64, digits: u32, now: impl FnOnce() -> Option<i64>) -> Option<i64> {
    let number = i64::try_from(number).ok()?;
    match digits {
        SECONDS_DIGITS => Some(number * 1000),
        MILLIS_DIGITS if number >= 1_000_000_000_000 => Some(number),
        0..SECONDS_DIGITS => Some(now()?.saturating_add(number * 1000)),
        _ => None,
    }
}

/// Reads the value of each row of a column, and whether there is one.
fn nullable<T>(spans: &[Span], mut read: impl FnMut(usize, Span) -> (T, bool)) -> (Vec<T>, Nulls) {
    let (mut values, mut nulls) = (Vec::with_capacity(spans.len()), Nulls::default());
    let mut row = 0;
    for spans in spans.chunks(Nulls::AT_ONCE) {
        let mut valid = [false; Nulls::AT_ONCE];
        values.extend(spans.iter().zip(&mut valid).enumerate().map(|(at, (&span, is_valid))| {
            let (value, is) = read(row + at, span);
            *is_valid = is;
            value
        }));
        nulls.push(bits(valid), spans.len());
        row += spans.len();
    }
    (values, nulls)
}

/// A column whose buffers are still to be attached.
pub(super) enum Prepared {
    /// No row has a value.
    Lacking(Kind),
    Values(Values),
}

/// The values of a column.
pub(super) enum Values {
    Text(Vec<u128>, Nulls),
    Numbers(Vec<u64>, Nulls),
    Statuses(Vec<u16>, Nulls),
    Times(Vec<i64>, Nulls),
    Flags(Vec<Option<bool>>),
}

impl Values {
    pub(super) fn build(self, buffers: &Arc<[Buffer]>) -> ArrayRef {
        match self {
            Values::Text(views, nulls) => text_array(views, buffers, nulls.finish()),
            Values::Numbers(values, nulls) => {
                Arc::new(UInt64Array::new(values.into(), nulls.finish()))
            }
            Values::Statuses(values, nulls) => {
                Arc::new(UInt16Array::new(values.into(), nulls.finish()))
            }
            Values::Times(values, nulls) => {
                let times = TimestampMillisecondArray::new(values.into(), nulls.finish());
                Arc::new(times.with_timezone("+00:00"))
            }
            Values::Flags(values) => Arc::new(BooleanArray::from(values)),
        }
    }
}

/// Columns without any value: one of each kind, cut to as many rows as a block has.
#[derive(Debug, Default)]
pub(super) struct Lacking(Vec<Lack>);

impl Lacking {
    pub(super) fn array(&mut self, kind: Kind, rows: usize) -> ArrayRef {
        let known = self.0.iter_mut().find(|lack| lack.kind == kind && lack.longest.len() >= rows);
        if let Some(lack) = known {
            // Of a block's many, the first is cut.
            if lack.latest.len() != rows {
                lack.latest = lack.longest.slice(0, rows);
            }
            return Arc::clone(&lack.latest);
        }
        let array = new_null_array(&kind.data_type(), rows);
        self.0.retain(|lack| lack.kind != kind);
        self.0.push(Lack { kind, longest: Arc::clone(&array), latest: Arc::clone(&array) });
        array
    }
}

/// A column of a kind without any value, and as much of it as was asked for last.
#[derive(Debug)]
struct Lack {
    kind: Kind,
    longest: ArrayRef,
    latest: ArrayRef,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_of_any_length_are_told_as_their_text_is(
            text in "0{0,3}[0-9]{1,16}",
            now in prop::option::of(any::<i64>()),
        ) {
            let digits = text.len() as u32;
            let number = text.parse().unwrap();
            if let Some(moment) = reset_of_digits(number, digits, || now) {
                prop_assert_eq!(Some(moment), reset(text.as_bytes(), now));
            }
            if digits <= 8 {
                prop_assert_eq!(Some(number), retry_after(text.as_bytes(), now));
            }
        }
    }
}
