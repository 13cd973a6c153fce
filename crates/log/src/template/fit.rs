//! Fitting a line to a template.

use memchr::memchr;

use super::{Syntax, Template};
use crate::rows::{Layout, NO_SLOT, Span};

/// A template for the columns of one projection.
#[derive(Debug, Clone)]
pub(crate) struct Fitter {
    head: Box<[u8]>,
    vars: Box<[Var]>,
    json: bool,
}

/// How to read one variable.
#[derive(Debug, Clone)]
struct Var {
    literal: Box<[u8]>,
    /// The first byte of the literal.
    stop: u8,
    slot: u8,
    /// Whether the value stands in quotes that end it.
    quoted: bool,
    last: bool,
}

impl Fitter {
    /// Prepares a template for rows of a layout.
    pub(crate) fn new(template: &Template, layout: &Layout) -> Fitter {
        let json = template.syntax == Syntax::Json;
        let mut quoted = template.head.ends_with('"');
        let count = template.parts.len();
        let vars = template.parts.iter().enumerate().map(|(at, part)| {
            let literal: Box<[u8]> = part.literal.as_bytes().into();
            let stop = literal.first().copied().unwrap_or_default();
            let slot = part.target.map_or(NO_SLOT, |target| layout.slot(target.field));
            let var = Var {
                stop,
                slot,
                quoted: json && quoted && stop == b'"',
                last: at + 1 == count,
                literal,
            };
            quoted = part.literal.ends_with('"');
            var
        });
        Fitter { vars: vars.collect(), head: template.head.as_bytes().into(), json }
    }

    /// Writes the values of `line`, which begins at `base` of the block, into
    /// a row. Returns whether the line fits; if not, the row is half written.
    #[inline]
    pub(crate) fn fit(&self, line: &[u8], base: usize, row: &mut [Span]) -> bool {
        let Some(mut rest) = line.strip_prefix(&*self.head) else { return false };
        let end = base + line.len();
        for var in &self.vars {
            let from = end - rest.len();
            let Some(len) = self.value_len(var, rest) else { return false };
            if let Some(place) = row.get_mut(usize::from(var.slot)) {
                let null = self.json && !var.quoted && rest.starts_with(b"null") && len == 4;
                *place = if null { Span::NULL } else { Span::new(from, from + len) };
            }
            rest = rest.get(len + var.literal.len()..).unwrap_or_default();
        }
        rest.is_empty()
    }

    /// The length of the value that `rest` begins with.
    #[inline]
    fn value_len(&self, var: &Var, rest: &[u8]) -> Option<usize> {
        if var.quoted {
            let len = memchr(b'"', rest)?;
            return rest.get(len..)?.starts_with(&var.literal).then_some(len);
        }
        let len = if var.last { rest.strip_suffix(&*var.literal)?.len() } else { find(rest, var)? };
        let value = rest.get(..len)?;
        let opaque = !self.json || !value.iter().any(|c| matches!(c, b'"' | b'{' | b'['));
        opaque.then_some(len)
    }
}

/// Where the literal after a variable begins.
fn find(rest: &[u8], var: &Var) -> Option<usize> {
    let mut from = 0;
    loop {
        let tail = rest.get(from..)?;
        let at = from + memchr(var.stop, tail)?;
        if rest.get(at..)?.starts_with(&var.literal) {
            return Some(at);
        }
        from = at + 1;
    }
}
