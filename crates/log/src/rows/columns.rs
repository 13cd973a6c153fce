//! From views to columns: one column after the other, so that each loop does one thing.

use std::iter::repeat;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, TimestampMillisecondArray, UInt16Array, UInt64Array, new_null_array,
};
use tollgate_fields::time::Clock;
use tollgate_fields::{grouped, number, quota, reset, retry_after};

use super::nulls::{Nulls, bits};
use super::views::Text;
use super::{NO_TIME, Rows, View};
use crate::schema::{Field, Kind};
use crate::wide;

/// Digits of an epoch in milliseconds, from 2001 until 2286.
const MILLIS_DIGITS: usize = 13;

/// Digits of an epoch in seconds, from 2001 until 2286.
const SECONDS_DIGITS: usize = 10;

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

    fn text(&self, view: View) -> Text<'a> {
        view.text(self.block, &self.rows.scratch)
    }

    /// Reads a column, if any row may have a value of it. Most logs lack many.
    pub(super) fn prepare(&mut self, field: Field) -> Prepared {
        let cells = self.rows.column(field);
        if cells.is_empty() && !matches!(field, Field::Time | Field::Suspect) {
            return Prepared::Lacking(field.kind());
        }
        Prepared::Values(match field.kind() {
            Kind::Text => {
                let nulls = Nulls::of(cells, |cell| !View::in_cell(*cell).is_none());
                return Prepared::Text(self.rows.layout.slot(field), nulls);
            }
            Kind::Status => self.statuses(cells),
            Kind::Number if field == Field::RetryAfter => self.retry_after(cells),
            Kind::Number => self.numbers(field, cells),
            Kind::Time if field == Field::Time => {
                let moments = self.moments().to_vec();
                let nulls = Nulls::of(&moments, |&moment| moment != NO_TIME);
                Values::Times(moments, nulls)
            }
            Kind::Time => self.resets(cells),
            Kind::Flag if field == Field::Suspect => {
                let logged = cells.iter().map(|cell| &*self.text(View::in_cell(*cell)) == b"true");
                let logged = logged.chain(repeat(false));
                let flags = self.rows.suspect.iter().copied().chain(repeat(false)).zip(logged);
                let flags = flags.map(|(found, logged)| Some(found || logged));
                Values::Flags(flags.take(self.rows.len()).collect())
            }
            Kind::Flag => self.flags(cells),
        })
    }

    fn numbers(&mut self, field: Field, cells: &[u128]) -> Values {
        // Vendors write limits in more ways than one.
        let of_limit = |text: &[u8]| match field {
            Field::RateLimit => quota(text),
            Field::RateRemaining | Field::RateUsed => grouped(text),
            Field::TokenLimit | Field::TokenRemaining => grouped(text),
            _ => None,
        };
        let read = |text: &[u8]| number(text).or_else(|| of_limit(text));
        let (values, nulls, unreadable) = self.read_numbers(cells, Some, read);
        self.unreadable += unreadable;
        Values::Numbers(values, nulls)
    }

    fn statuses(&mut self, cells: &[u128]) -> Values {
        let status = |status: u64| u16::try_from(status).ok();
        let (values, nulls, unreadable) = self.read_numbers(cells, status, number);
        self.unreadable += unreadable;
        Values::Statuses(values, nulls)
    }

    /// Reads a column of numbers, those that are not plain digits by `read`. Returns also how many
    /// are none.
    fn read_numbers<T: Copy + Default>(
        &self,
        cells: &[u128],
        convert: impl Fn(u64) -> Option<T>,
        read: impl Fn(&[u8]) -> Option<u64>,
    ) -> (Vec<T>, Nulls, u64) {
        let mut unreadable = 0;
        let (values, nulls) = nullable(cells, |_, view| {
            if let Some(number) = wide::digits(view.word(), view.len()).and_then(&convert) {
                return (number, !view.is_none());
            }
            let read = |text: &_| read(text).and_then(&convert);
            let value = self.read_other(view, read, &mut unreadable);
            (value.unwrap_or_default(), value.is_some())
        });
        (values, nulls, unreadable)
    }

    /// Reads a value that is not of a few digits, and counts it if that cannot be.
    #[inline(never)]
    fn read_other<T>(
        &self,
        view: View,
        read: impl Fn(&[u8]) -> Option<T>,
        unreadable: &mut u64,
    ) -> Option<T> {
        let text = self.text(view);
        if text.is_empty() {
            return None;
        }
        let value = read(&text);
        *unreadable += u64::from(value.is_none());
        value
    }

    fn flags(&self, cells: &[u128]) -> Values {
        let flag = |text: &[u8]| match text {
            b"true" => Some(true),
            b"false" => Some(false),
            _ => None,
        };
        Values::Flags(cells.iter().map(|cell| flag(&self.text(View::in_cell(*cell)))).collect())
    }

    /// The time of each row: the record's own, else the envelope's.
    fn moments(&mut self) -> &[i64] {
        if self.moments.is_none() {
            let mut clock = Clock::default();
            let mut unreadable = 0;
            let mut moments = self.rows.times.clone();
            moments.resize(self.rows.len(), NO_TIME);
            for (&cell, moment) in self.rows.column(Field::Time).iter().zip(&mut moments) {
                let view = View::in_cell(cell);
                let millis = (view.len() == MILLIS_DIGITS).then(|| self.many_digits(view));
                if let Some(millis) = millis.flatten() {
                    *moment = millis as i64;
                    continue;
                }
                let text = self.text(view);
                if !text.is_empty() {
                    let own = clock.read(&text);
                    unreadable += u64::from(own.is_none());
                    *moment = own.unwrap_or(*moment);
                }
            }
            self.unreadable += unreadable;
            self.moments = Some(moments);
        }
        self.moments.as_deref().unwrap_or_default()
    }

    /// The number that a value of up to sixteen digits is; 0 if there is none.
    #[inline(always)]
    fn many_digits(&self, view: View) -> Option<u64> {
        wide::many_digits(view.wide(self.block)?, view.len())
    }

    /// Moments of reset, whose form is told apart by the row's own time.
    fn resets(&mut self, cells: &[u128]) -> Values {
        let (values, nulls) = self.told_at(cells, reset, |columns, view, now| {
            let number = columns.many_digits(view)?;
            if view.is_none() {
                return Some(0);
            }
            reset_of_digits(number, view.len(), || now.get())
        });
        Values::Times(values, nulls)
    }

    /// Seconds to wait, from delta seconds or an HTTP date.
    fn retry_after(&mut self, cells: &[u128]) -> Values {
        // So few digits are seconds.
        let (values, nulls) =
            self.told_at(cells, retry_after, |_, view, _| wide::digits(view.word(), view.len()));
        Values::Numbers(values, nulls)
    }

    /// Reads values that may count from their row's own time: by `read_digits`, if it can, and else
    /// from their text by `read`.
    fn told_at<T: Copy + Default>(
        &mut self,
        cells: &[u128],
        read: impl Fn(&[u8], Option<i64>) -> Option<T>,
        read_digits: impl Fn(&Self, View, Now<'_>) -> Option<T>,
    ) -> (Vec<T>, Nulls) {
        self.moments();
        let moments = self.moments.as_deref().unwrap_or_default();
        let mut unreadable = 0;
        let (values, nulls) = nullable(cells, |row, view| {
            if let Some(known) = read_digits(self, view, Now { moments, row }) {
                return (known, !view.is_none());
            }
            let read = |text: &_| read(text, Now { moments, row }.get());
            let value = self.read_other(view, read, &mut unreadable);
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
fn reset_of_digits(number: u64, digits: usize, now: impl FnOnce() -> Option<i64>) -> Option<i64> {
    let number = i64::try_from(number).ok()?;
    match digits {
        SECONDS_DIGITS => Some(number * 1000),
        MILLIS_DIGITS if number >= 1_000_000_000_000 => Some(number),
        0..SECONDS_DIGITS => Some(now()?.saturating_add(number * 1000)),
        _ => None,
    }
}

/// Reads the value of each row of a column, and whether there is one.
fn nullable<T>(cells: &[u128], mut read: impl FnMut(usize, View) -> (T, bool)) -> (Vec<T>, Nulls) {
    let (mut values, mut nulls) =
        (Vec::with_capacity(cells.len()), Nulls::with_capacity(cells.len()));
    let mut row = 0;
    for cells in cells.chunks(Nulls::AT_ONCE) {
        let mut valid = [false; Nulls::AT_ONCE];
        values.extend(cells.iter().zip(&mut valid).enumerate().map(|(at, (&cell, is_valid))| {
            let (value, is) = read(row + at, View::in_cell(cell));
            *is_valid = is;
            value
        }));
        nulls.push(bits(valid), cells.len());
        row += cells.len();
    }
    (values, nulls)
}

/// A column that is read.
pub(super) enum Prepared {
    /// No row has a value.
    Lacking(Kind),
    /// It is of text: that of a slot.
    Text(u8, Nulls),
    Values(Values),
}

/// The values of a column that is not of text.
pub(super) enum Values {
    Numbers(Vec<u64>, Nulls),
    Statuses(Vec<u16>, Nulls),
    Times(Vec<i64>, Nulls),
    Flags(Vec<Option<bool>>),
}

impl Values {
    pub(super) fn build(self) -> ArrayRef {
        match self {
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
            let digits = text.len();
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
