//! Columns of text: each value a view of where it stands, with nothing copied.

use std::sync::Arc;

use arrow::array::{ArrayRef, StringViewArray};
use arrow::buffer::{Buffer, NullBuffer, ScalarBuffer};

use super::{SCRATCH, Span};
use crate::wide;

/// Makes a column of text.
///
/// Checking each view again, as the safe constructor does, took a quarter of
/// the time of decoding.
#[expect(unsafe_code, reason = "measured; the proof stands at the block")]
pub(super) fn text_array(
    views: Vec<u128>,
    buffers: &Arc<[Buffer]>,
    nulls: Option<NullBuffer>,
) -> ArrayRef {
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
pub(super) fn view(block: &[u8], scratch: &[u8], span: Span) -> u128 {
    let (at, len) = (span.start as usize, span.len as usize);
    // The text is read where it stands in a view, after the four bytes of its length. Scratch lies
    // beyond any block.
    let Some(wide) = at.checked_sub(4).and_then(|before| wide::wide(block, before)) else {
        return view_at_the_edge(block, scratch, span);
    };
    match TEXT_MASKS.get(len) {
        // There are twelve bytes from where it begins.
        Some(mask) => short(wide & mask, span),
        None if at + len <= block.len() => long(wide, span, 0),
        None => 0,
    }
}

/// The view of a value of at most twelve bytes, which stand in `text`.
#[inline]
fn short(text: u128, span: Span) -> u128 {
    let view = text | u128::from(span.len);
    if view == UNSET { 0 } else { view }
}

/// The view of a longer value, which begins as `wide` does and stands in this buffer.
#[inline]
fn long(wide: u128, span: Span, buffer: u32) -> u128 {
    u128::from(span.len)
        | wide & PREFIX_MASK
        | u128::from(buffer) << 64
        | u128::from(span.start & !SCRATCH) << 96
}

/// The view of no value, or of one in scratch, or near the start or the end of the block.
#[cold]
fn view_at_the_edge(block: &[u8], scratch: &[u8], span: Span) -> u128 {
    if span == Span::NULL {
        return 0;
    }
    let in_scratch = span.start & SCRATCH != 0;
    let (buffer, start) =
        if in_scratch { (scratch, span.start & !SCRATCH) } else { (block, span.start) };
    let (start, len) = (start as usize, span.len as usize);
    let Some(text) = buffer.get(start..start + len) else { return 0 };
    let mut wide = [0; 16];
    wide.iter_mut().skip(4).zip(text).for_each(|(to, from)| *to = *from);
    let wide = u128::from_le_bytes(wide);
    if len < TEXT_MASKS.len() { short(wide, span) } else { long(wide, span, in_scratch.into()) }
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
