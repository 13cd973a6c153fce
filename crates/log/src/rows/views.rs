//! Columns of text: each value a view of where it stands, with nothing copied.

use std::hint::select_unpredictable;
use std::sync::Arc;

use arrow::array::{ArrayRef, StringViewArray};
use arrow::buffer::{Buffer, NullBuffer, ScalarBuffer};

use super::{SCRATCH, Span};

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
    // The text is read where it stands in a view, after the four bytes of its length. Scratch lies
    // beyond any block.
    let Some(before) = span.start.checked_sub(4).map(|before| before as usize) else {
        return if span.len == 0 { 0 } else { view_at_the_edge(block, scratch, span) };
    };
    match block.get(before..before + 16).and_then(|wide| wide.first_chunk()) {
        Some(wide) if span.end() <= block.len() => {
            view_of(u128::from_le_bytes(*wide), span.len, span.start, 0)
        }
        _ => view_at_the_edge(block, scratch, span),
    }
}

/// The view of a value of so many bytes, which begins as `wide` does and stands in this buffer.
#[inline]
fn view_of(wide: u128, len: u32, start: u32, buffer: u32) -> u128 {
    // How long a value is, and whether there is one, cannot be foreseen.
    let masks = TEXT_MASKS.get((len as usize).min(LONG));
    let [mask, more] = masks.copied().unwrap_or_default();
    let is_long = len as usize >= LONG;
    let place = u64::from(buffer) | u64::from(start) << 32;
    let first = wide as u64 & mask | u64::from(len);
    let second = (wide >> 64) as u64 & more | select_unpredictable(is_long, place, 0);
    u128::from(select_unpredictable(first == UNSET, 0, first)) | u128::from(second) << 64
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
    let Some(text) = buffer.get(start as usize..start as usize + span.len()) else { return 0 };
    let mut wide = [0; 16];
    wide.iter_mut().skip(4).zip(text).for_each(|(to, from)| *to = *from);
    view_of(u128::from_le_bytes(wide), span.len, start, in_scratch.into())
}

/// The view of `-`, which stands for no value.
const UNSET: u64 = 1 | (b'-' as u64) << 32;

/// The length from which on a view has only the first four bytes of a text.
const LONG: usize = 13;

/// The texts of up to twelve bytes in a view, and the first four of longer ones.
const TEXT_MASKS: [[u64; 2]; LONG + 1] = {
    let mut masks = [[0xFFFF_FFFF << 32, 0]; LONG + 1];
    let mut len = 0;
    while len < LONG {
        let mask: u128 = ((1 << (8 * len)) - 1) << 32;
        #[expect(clippy::indexing_slicing, reason = "evaluated when this is compiled")]
        {
            masks[len] = [mask as u64, (mask >> 64) as u64];
        }
        len += 1;
    }
    masks
};

#[cfg(test)]
mod tests {
    use arrow::array::make_view;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_view_is_what_arrow_makes_of_the_text(
            block in "[a-c-]{0,60}",
            scratch in "[a-c-]{0,40}",
            start in 0..60_usize,
            len in prop_oneof![0..3_usize, 0..40_usize],
            in_scratch: bool,
        ) {
            let buffer = if in_scratch { &scratch } else { &block };
            let start = start.min(buffer.len());
            let end = (start + len).min(buffer.len());
            let expected = match &buffer[start..end] {
                "" | "-" => 0,
                text => make_view(text.as_bytes(), in_scratch.into(), start as u32),
            };
            let mark = if in_scratch { SCRATCH as usize } else { 0 };
            let span = Span::new(mark + start, mark + end);
            prop_assert_eq!(view(block.as_bytes(), scratch.as_bytes(), span), expected);
            let beyond = Span::new(mark + start, mark + buffer.len() + 1);
            prop_assert_eq!(view(block.as_bytes(), scratch.as_bytes(), beyond), 0);
        }
    }
}
