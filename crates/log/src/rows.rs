//! Rows under construction: spans of text, turned into columns block by block.
//!
//! Every format writes its rows in the same way: for each variable of the
//! projection, where in the block (or in `scratch`, for text that had to be
//! unescaped) the value stands. Only [`Rows::finish`] knows types. It goes
//! column by column, so that each loop does one thing.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions, StringViewArray,
    TimestampMillisecondArray, UInt16Array, UInt64Array, new_null_array,
};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer, ScalarBuffer};
use arrow::datatypes::SchemaRef;

use crate::derive;
use crate::rate;
use crate::schema::{FIELDS_MAX, Field, Kind, Projection};
use crate::time::Clock;
use crate::wide;

/// Marks a span that lies in `scratch` instead of the block.
const SCRATCH: u32 = 1 << 31;

/// Blocks and scratch stay below this, so that positions fit a span.
pub(crate) const BYTES_MAX: usize = SCRATCH as usize;

/// Digits of an epoch in milliseconds, from 2001 until 2286.
const MILLIS_DIGITS: u32 = 13;

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
        let mut columns = Columns { unreadable: 0, moments: None, rows: self, block: &block };
        columns.derive();
        let prepared: Vec<_> =
            layout.projection.fields().map(|field| columns.prepare(field)).collect();
        let unreadable = columns.unreadable;
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

/// Columns under construction, from the rows of one block.
struct Columns<'a> {
    rows: &'a mut Rows,
    block: &'a [u8],
    moments: Option<Vec<i64>>,
    unreadable: u64,
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
    fn derive(&mut self) {
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
    fn prepare(&mut self, field: Field) -> Prepared {
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
        let read = |text: &[u8]| number(text).or_else(|| rate::quota(field, text));
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
        let read = |(span, now): (Span, i64)| rate::reset_in_row(self.value(span), now);
        let values: Vec<_> = spans.map(read).collect();
        self.count_unreadable(field, &values);
        let nulls = Nulls::of(&values, Option::is_some);
        Prepared::Times(values.into_iter().map(Option::unwrap_or_default).collect(), nulls)
    }

    /// Seconds to wait, from delta seconds or an HTTP date.
    fn retry_after(&mut self) -> Prepared {
        let moments = self.moments().to_vec();
        let spans = self.slot_spans(Field::RetryAfter).zip(moments);
        let read = |(span, now): (Span, i64)| rate::retry_after_in_row(self.value(span), now);
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
enum Prepared {
    Lacking(Kind, usize),
    Text(Vec<u128>, Nulls),
    Numbers(Vec<u64>, Nulls),
    Statuses(Vec<u16>, Nulls),
    Times(Vec<i64>, Nulls),
    Flags(Vec<Option<bool>>),
}

impl Prepared {
    fn build(self, buffers: &Arc<[Buffer]>) -> ArrayRef {
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

/// Makes a column of text.
///
/// Checking each view again, as the safe constructor does, took a quarter of
/// the time of decoding.
#[expect(unsafe_code, reason = "measured; the proof stands at the block")]
fn text_array(views: Vec<u128>, buffers: &Arc<[Buffer]>, nulls: Option<NullBuffer>) -> ArrayRef {
    let views = ScalarBuffer::from(views);
    // SAFETY: `view` makes every view, and only of a span that lies in its
    // buffer; a view of a longer value holds the first four bytes of it, a
    // short one all its text and zeros. The text is UTF-8: lines are checked
    // before they are read (`Run::line`), spans are cut off a checked line
    // where a literal, itself UTF-8, begins or ends, or come from a `str`, and
    // scratch is only ever given `str`s.
    Arc::new(unsafe { StringViewArray::new_unchecked(views, Arc::clone(buffers), nulls) })
}

/// The view of a value; 0 if there is none.
///
/// A view is 16 bytes: the length, then the text if it has at most 12 bytes,
/// else its first four bytes, the buffer and the position there.
#[inline]
fn view(block: &[u8], scratch: &[u8], span: Span) -> u128 {
    let in_scratch = span.start & SCRATCH != 0;
    let (buffer, start) =
        if in_scratch { (scratch, span.start & !SCRATCH) } else { (block, span.start) };
    let (at, len) = (start as usize, span.len as usize);
    // The text is read where it stands in a view, after the four bytes of its length.
    if len == 0 {
        return 0;
    }
    let wide = at.checked_sub(4).and_then(|before| wide::wide(buffer, before));
    let Some(wide) = wide.or_else(|| wide_at_the_edge(buffer, at)) else { return 0 };
    let Some(mask) = TEXT_MASKS.get(len) else {
        let whole = at + len <= buffer.len();
        let long = u128::from(span.len)
            | wide & PREFIX_MASK
            | u128::from(in_scratch) << 64
            | u128::from(start) << 96;
        return if whole { long } else { 0 };
    };
    let view = wide & mask | u128::from(span.len);
    if view == UNSET || at + len > buffer.len() { 0 } else { view }
}

/// The view of `-`, which stands for no value.
const UNSET: u128 = 1 | (b'-' as u128) << 32;

/// The first four bytes of a text in a view.
const PREFIX_MASK: u128 = 0xFFFF_FFFF << 32;

/// The texts of up to twelve bytes in a view.
const TEXT_MASKS: [u128; 13] = {
    let mut masks = [0; 13];
    let mut len = 0;
    while len < 13 {
        #[expect(clippy::indexing_slicing, reason = "evaluated when this is compiled")]
        {
            masks[len] = ((1 << (8 * len)) - 1) << 32;
        }
        len += 1;
    }
    masks
};

/// The sixteen bytes from four before `at`, where there are not so many around it.
#[cold]
fn wide_at_the_edge(buffer: &[u8], at: usize) -> Option<u128> {
    let mut wide = [0; 16];
    let text = buffer.get(at..)?;
    wide.iter_mut().skip(4).zip(text).for_each(|(to, from)| *to = *from);
    Some(u128::from_le_bytes(wide))
}

/// The whole part of a decimal number.
#[inline]
pub(crate) fn number(text: &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for (at, &digit) in text.iter().enumerate() {
        let digit_value = digit.wrapping_sub(b'0');
        if digit_value > 9 {
            let fraction = text.get(at + 1..).unwrap_or_default();
            let whole = at > 0 && digit == b'.' && fraction.iter().all(u8::is_ascii_digit);
            return whole.then_some(value);
        }
        value = value.checked_mul(10)?.checked_add(u64::from(digit_value))?;
    }
    (!text.is_empty()).then_some(value)
}

/// A null bitmap under construction.
struct Nulls {
    words: Vec<u64>,
    word: u64,
    len: usize,
    valid: usize,
}

impl Nulls {
    /// Which of the values are any.
    fn of<T>(values: &[T], is_valid: impl Fn(&T) -> bool) -> Nulls {
        let mut nulls = Nulls::with_capacity(values.len());
        for values in values.chunks(64) {
            let bits =
                values.iter().rev().fold(0, |bits, value| bits << 1 | u64::from(is_valid(value)));
            nulls.len += values.len();
            nulls.valid += bits.count_ones() as usize;
            match values.len() {
                64 => nulls.words.push(bits),
                _ => nulls.word = bits,
            }
        }
        nulls
    }

    fn with_capacity(rows: usize) -> Nulls {
        Nulls { words: Vec::with_capacity(rows / 64 + 1), word: 0, len: 0, valid: 0 }
    }

    #[inline]
    fn push(&mut self, valid: bool) {
        self.word |= u64::from(valid) << (self.len % 64);
        self.len += 1;
        self.valid += usize::from(valid);
        if self.len.is_multiple_of(64) {
            self.words.push(self.word);
            self.word = 0;
        }
    }

    fn finish(mut self) -> Option<NullBuffer> {
        if self.valid == self.len {
            return None;
        }
        self.words.push(self.word);
        Some(NullBuffer::new(BooleanBuffer::new(Buffer::from_vec(self.words), 0, self.len)))
    }
}
