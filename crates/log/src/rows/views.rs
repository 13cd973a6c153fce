//! Values as a column of text has them: each a view of where it stands, with nothing copied.

use std::hint::select_unpredictable;
use std::ops::Deref;
use std::sync::Arc;

use arrow::array::{ArrayRef, StringViewArray};
use arrow::buffer::{Buffer, NullBuffer, ScalarBuffer};

/// Makes a column of text.
///
/// Checking each view again, as the safe constructor does, took a quarter of
/// the time of decoding.
#[expect(unsafe_code, reason = "measured; the proof stands at the block")]
pub(super) fn text_array(
    views: ScalarBuffer<u128>,
    buffers: &Arc<[Buffer]>,
    nulls: Option<NullBuffer>,
) -> ArrayRef {
    // SAFETY: every cell of a row is put or cleared before the row counts
    // (`Cells::claim`), and only a `View` can be put, which is only made of a
    // part of a text that stands in its buffer; of a longer value it holds the
    // first four bytes, of a short one all its text and zeros. The text is
    // UTF-8: lines are checked before they are read (`Run::line`), values are
    // cut off a checked line where a literal, itself UTF-8, begins or ends, or
    // come from a `str`, and scratch is only ever given `str`s. A row without a
    // value is null, and what its view holds ([`View::is_unset`]) has no length.
    Arc::new(unsafe { StringViewArray::new_unchecked(views, Arc::clone(buffers), nulls) })
}

/// A value, or that there is none.
///
/// As Arrow has it, in 16 bytes: the length, then the text if it has at most 12 bytes, else its
/// first four bytes, the buffer and the position there. The length is zero if there is no value; so is
/// the rest, unless the log says so with a `-`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct View(u128);

/// Where a text stands that views are made of, as the second half of a view has it: the buffer,
/// which is the block or scratch, and the position there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Home(u64);

impl Home {
    /// At the start of the block.
    pub(crate) const BLOCK: Home = Home(0);

    /// At a position of scratch.
    fn scratch(start: usize) -> Home {
        Home(1).after(start)
    }

    /// That of what stands at a position of the text.
    #[inline]
    pub(crate) fn after(self, start: usize) -> Home {
        Home(self.0.wrapping_add((start as u64) << 32))
    }
}

impl View {
    /// No value.
    pub(crate) const NONE: View = View(0);

    /// The text `-`, as a value.
    pub(super) const DASH: View = View(DASH as u128);

    /// Bytes of a view before the text: those of its length.
    pub(crate) const BEFORE: usize = 4;

    /// The view of a part of a text; none if it is not in the text, or `-`, which stands for no value.
    #[inline(always)]
    pub(crate) fn new(text: &[u8], start: usize, end: usize, home: Home) -> View {
        // The text is read where it stands in a view, after the four bytes of its length.
        let before = start.wrapping_sub(Self::BEFORE);
        let wide = text.get(before..before.wrapping_add(16)).and_then(|wide| wide.first_chunk());
        match wide {
            Some(wide) if start <= end && end <= text.len() => {
                View::of(u128::from_le_bytes(*wide), end - start, home.after(start))
            }
            _ => View::at_the_edge(text, start, end, home),
        }
    }

    /// The view of a value of so many bytes that stands at its home, in a text that begins
    /// [`View::BEFORE`] it and is not shorter than a view.
    #[inline(always)]
    pub(crate) fn within(text: &[u8], len: usize, home: Home) -> View {
        match text.first_chunk() {
            Some(wide) if len + Self::BEFORE <= text.len() => {
                View::of(u128::from_le_bytes(*wide), len, home)
            }
            _ => View::NONE,
        }
    }

    /// The view of a value of so many bytes, which begins as `wide` does after four bytes.
    #[inline(always)]
    fn of(wide: u128, len: usize, home: Home) -> View {
        // How long a value is, and whether there is one, cannot be foreseen.
        let [mask, more, long, _] = MASKS.get(len.min(LONG)).copied().unwrap_or_default();
        let first = wide as u64 & mask | len as u64;
        let second = (wide >> 64) as u64 & more | home.0 & long;
        let first = select_unpredictable(first == DASH, UNSET, first);
        View(u128::from(first) | u128::from(second) << 64)
    }

    /// The view of a value near the start or the end of a text.
    #[cold]
    #[inline(never)]
    fn at_the_edge(text: &[u8], start: usize, end: usize, home: Home) -> View {
        let Some(value) = text.get(start..end) else { return View::NONE };
        let mut wide = [0; 16];
        wide.iter_mut().skip(Self::BEFORE).zip(value).for_each(|(to, from)| *to = *from);
        View::of(u128::from_le_bytes(wide), value.len(), home.after(start))
    }

    /// The view of text that stands nowhere in the block. It is appended to `scratch` if need be;
    /// none if that is full.
    pub(super) fn kept(scratch: &mut Vec<u8>, text: &str) -> View {
        if text.len() < LONG {
            return View::new(text.as_bytes(), 0, text.len(), Home::BLOCK);
        }
        let Some(home) = keep(scratch, text) else { return View::NONE };
        View::new(text.as_bytes(), 0, text.len(), home)
    }

    /// That of a cell, which was put there as [`View::cell`].
    #[inline]
    pub(super) fn in_cell(cell: u128) -> View {
        View(cell)
    }

    /// What stands in the column.
    #[inline]
    pub(super) fn cell(self) -> u128 {
        self.0
    }

    /// Whether there is no value.
    #[inline]
    pub(crate) fn is_none(self) -> bool {
        self.len() == 0
    }

    /// Whether the log says with a `-` that there is no value.
    pub(super) fn is_unset(self) -> bool {
        self.0 == u128::from(UNSET)
    }

    /// Its length in bytes.
    #[inline]
    pub(crate) fn len(self) -> usize {
        self.0 as u32 as usize
    }

    /// The first eight bytes of a text of up to twelve, and zeros.
    #[inline]
    pub(super) fn word(self) -> u64 {
        (self.0 >> 32) as u64
    }

    /// The sixteen bytes that end with the value, if it is no longer: those before it may be any.
    #[inline]
    pub(super) fn wide(self, block: &[u8]) -> Option<u128> {
        if self.len() < LONG {
            return Some(self.0 << (96 - 8 * self.len()));
        }
        let (0, start) = self.place() else { return None };
        Some(u128::from_le_bytes(*block.get(..start + self.len())?.last_chunk()?))
    }

    /// The buffer and the position there of a value that is not short.
    fn place(self) -> (u32, usize) {
        ((self.0 >> 64) as u32, (self.0 >> 96) as usize)
    }

    /// The text.
    pub(super) fn text<'a>(self, block: &'a [u8], scratch: &'a [u8]) -> Text<'a> {
        if self.len() < LONG {
            return Text::Short((self.0 >> 32).to_le_bytes(), self.len());
        }
        let (buffer, start) = self.place();
        let buffer = if buffer == 0 { block } else { scratch };
        Text::Long(buffer.get(start..start + self.len()).unwrap_or_default())
    }

    /// A part of the value, whose text this is.
    pub(super) fn part(self, text: &[u8], from: usize, to: usize) -> View {
        View::new(text, from, to, Home((self.0 >> 64) as u64))
    }
}

/// Appends text to `scratch`, and tells where it stands; nothing if that is full.
pub(super) fn keep(scratch: &mut Vec<u8>, text: &str) -> Option<Home> {
    let start = scratch.len();
    if start + text.len() >= super::BYTES_MAX {
        return None;
    }
    scratch.extend_from_slice(text.as_bytes());
    Some(Home::scratch(start))
}

/// The text of a value.
#[derive(Debug)]
pub(crate) enum Text<'a> {
    /// The first bytes of these.
    Short([u8; 16], usize),
    Long(&'a [u8]),
}

impl Deref for Text<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Text::Short(bytes, len) => bytes.get(..*len).unwrap_or_default(),
            Text::Long(text) => text,
        }
    }
}

/// The view of `-`.
const DASH: u64 = 1 | UNSET;

/// In its place, as it stands for no value: the same text, of which none counts.
const UNSET: u64 = (b'-' as u64) << 32;

/// The length from which on a view has only the first four bytes of a text.
const LONG: usize = 13;

/// By its length, what of a view is text: all of a short one in both words, or the first four bytes of
/// a longer one; and then whether the second word is its home.
const MASKS: [[u64; 4]; LONG + 1] = {
    let mut masks = [[0xFFFF_FFFF << 32, 0, u64::MAX, 0]; LONG + 1];
    let mut len = 0;
    while len < LONG {
        let mask: u128 = ((1 << (8 * len)) - 1) << 32;
        #[expect(clippy::indexing_slicing, reason = "evaluated when this is compiled")]
        {
            masks[len] = [mask as u64, (mask >> 64) as u64, 0, 0];
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
            before in "[a-c-]{0,30}",
            text in "[a-c-]{0,60}",
            start in 0..60_usize,
            len in prop_oneof![0..3_usize, 0..40_usize],
            part in (0..40_usize, 0..40_usize),
            in_scratch: bool,
        ) {
            let whole = format!("{before}{text}");
            let [mut block, mut scratch] = [whole.clone().into_bytes(), Vec::new()];
            let mut home = Home::BLOCK.after(before.len());
            if in_scratch {
                scratch.extend(before.bytes());
                home = keep(&mut scratch, &text).unwrap();
                block.clear();
            }
            let start = start.min(text.len());
            let end = (start + len).min(text.len());
            let expected = |from: usize, to: usize| match &text[from..to] {
                "" => 0,
                "-" => u128::from(UNSET),
                value => {
                    make_view(value.as_bytes(), in_scratch.into(), (before.len() + from) as u32)
                }
            };
            let view = View::new(text.as_bytes(), start, end, home);
            prop_assert_eq!(view.cell(), expected(start, end));
            let value = if view.is_none() { "" } else { &text[start..end] };
            let found = view.text(&block, &scratch);
            prop_assert_eq!(&*found, value.as_bytes());
            let (from, to) = (part.0.min(value.len()), part.1.min(value.len()));
            let (from, to) = (from.min(to), from.max(to));
            prop_assert_eq!(view.part(&found, from, to).cell(), expected(start + from, start + to));
            if let Some(wide) = view.wide(&block) {
                let tail = wide.to_be_bytes().into_iter().zip(value.bytes().rev());
                prop_assert!(tail.into_iter().all(|(one, other)| one == other));
            }
            let beyond = View::new(text.as_bytes(), start, text.len() + 1, home);
            prop_assert_eq!(beyond, View::NONE);
            let kept = View::kept(&mut scratch, value);
            prop_assert_eq!(&*kept.text(&block, &scratch), value.as_bytes());
        }
    }
}
