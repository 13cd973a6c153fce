//! A line where it stands, to be fitted to a template.

use memchr::memchr;

use crate::marks::Marks;
use crate::rows::Home;

/// A line, and where it stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Located<'a> {
    /// The text that it is a part of: what follows it there may be looked at.
    pub(crate) text: &'a [u8],
    /// Of that text.
    pub(crate) marks: &'a Marks,
    /// Where it begins in that text.
    pub(crate) start: usize,
    /// Where it ends there; unless that is known, where the text's own line does.
    pub(crate) end: Option<usize>,
    /// Where that text itself stands.
    pub(crate) home: Home,
}

impl<'a> Located<'a> {
    /// The line alone.
    pub(crate) fn line(&self) -> &'a [u8] {
        self.rest(self.start).unwrap_or_default()
    }

    /// The line from a position on.
    pub(super) fn rest(&self, from: usize) -> Option<&'a [u8]> {
        let rest = self.text.get(from..)?;
        match self.end {
            Some(end) => rest.get(..end.checked_sub(from)?),
            None => rest.get(..memchr(b'\n', rest).unwrap_or(rest.len())),
        }
    }

    /// The first quotation mark at a position or after it; it may lie beyond the line.
    #[inline]
    pub(super) fn quote(&self, mut from: usize) -> Option<usize> {
        let end = self.end.unwrap_or(self.text.len());
        loop {
            let stop = self.marks.stops().next(from, end)?;
            if self.text.get(stop) == Some(&b'"') {
                return Some(stop);
            }
            // A line of an event may have line ends of its own.
            if self.end.is_none_or(|end| stop >= end) {
                return None;
            }
            from = stop + 1;
        }
    }
}
