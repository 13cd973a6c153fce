//! Fitting a line to a template.

use super::{Syntax, Template};
use crate::rows::{Layout, NO_SLOT, Span};
use crate::schema::Field;
use crate::wide::{Literal, find};

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
    literal: Literal,
    /// The first byte of the literal.
    stop: u8,
    /// Where in the row the value goes; nowhere if that is beyond its end.
    slot: u16,
    /// Whether the value stands in quotes that end it.
    quoted: bool,
    last: bool,
    field: Option<Field>,
}

/// The values of a line that fits a template, one for each variable.
pub(crate) fn values<'a>(template: &Template, line: &'a str) -> Option<Vec<&'a str>> {
    let mut fitter = Fitter::without_columns(template);
    for (slot, var) in fitter.vars.iter_mut().enumerate() {
        var.slot = u16::try_from(slot).ok()?;
    }
    let mut row = vec![Span::NULL; fitter.vars.len()];
    if !fitter.fit(line.as_bytes(), line.len(), 0, &mut row) {
        return None;
    }
    row.iter().map(|span| line.get(span.start()..span.start() + span.len())).collect()
}

impl Fitter {
    /// Prepares a template for rows of a layout.
    pub(crate) fn new(template: &Template, layout: &Layout) -> Fitter {
        Self::with_slots(template, |field| layout.slot(field))
    }

    /// Prepares a template only to tell whether a line fits it.
    pub(crate) fn without_columns(template: &Template) -> Fitter {
        Self::with_slots(template, |_| NO_SLOT)
    }

    fn with_slots(template: &Template, slot: impl Fn(Field) -> u8) -> Fitter {
        let json = template.syntax == Syntax::Json;
        let mut quoted = template.head.ends_with('"');
        let count = template.parts.len();
        let vars = template.parts.iter().enumerate().map(|(at, part)| {
            let literal = Literal::new(&part.literal);
            let stop = part.literal.bytes().next().unwrap_or_default();
            let slot = part.target.map_or(NO_SLOT, |target| slot(target.field));
            let slot = if slot == NO_SLOT { u16::MAX } else { u16::from(slot) };
            let var = Var {
                stop,
                slot,
                quoted: json && quoted && stop == b'"',
                last: at + 1 == count,
                field: part.target.map(|target| target.field),
                literal,
            };
            quoted = part.literal.ends_with('"');
            var
        });
        Fitter { vars: vars.collect(), head: template.head.as_bytes().into(), json }
    }

    /// Writes the values of a line into a row. The line is the first `end` bytes of `text`, which
    /// may go on behind it, and begins at `base` of the block. Returns whether the line fits; if
    /// not, the row is half written.
    #[inline]
    pub(crate) fn fit(&self, text: &[u8], end: usize, base: usize, row: &mut [Span]) -> bool {
        let Some(mut rest) = text.strip_prefix(&*self.head) else { return false };
        for var in &self.vars {
            let from = text.len() - rest.len();
            let Some((value, after)) = self.value(var, rest, end.saturating_sub(from)) else {
                return false;
            };
            if let Some(place) = row.get_mut(usize::from(var.slot)) {
                let null = self.json && !var.quoted && value == b"null";
                let from = base + from;
                *place = if null { Span::NULL } else { Span::new(from, from + value.len()) };
            }
            rest = after;
        }
        // What was found beyond the line cannot end where the line does.
        text.len() - rest.len() == end
    }

    /// The value that `rest` begins with, and what follows the literal after it. The line ends at
    /// `end`.
    #[inline]
    fn value<'a>(&self, var: &Var, rest: &'a [u8], end: usize) -> Option<(&'a [u8], &'a [u8])> {
        if var.quoted {
            let (value, after) = rest.split_at_checked(find(b'"', rest, end)?)?;
            return Some((value, var.literal.after(after)?));
        }
        let len = self.unquoted_len(var, rest.get(..end)?)?;
        let (value, after) = rest.split_at_checked(len)?;
        Some((value, after.get(var.literal.text().len()..)?))
    }

    /// The length of the value that `line` begins with, which no quotes stand around.
    fn unquoted_len(&self, var: &Var, line: &[u8]) -> Option<usize> {
        let len = if var.last {
            line.strip_suffix(var.literal.text())?.len()
        } else {
            find_literal(line, var)?
        };
        let value = line.get(..len)?;
        let possible = if self.json {
            !value.iter().fold(false, |found, c| found | matches!(c, b'"' | b'{' | b'['))
        } else {
            var.field != Some(Field::Status) || is_status(value)
        };
        possible.then_some(len)
    }
}

/// Whether a value can be a status: digits, or `-` for none.
fn is_status(value: &[u8]) -> bool {
    value == b"-" || !value.is_empty() && value.iter().all(u8::is_ascii_digit)
}

/// Whether a value is only the first word of a route key such as `GET /pets`.
fn is_half_route(var: &Var, value: &[u8], rest: &[u8]) -> bool {
    var.field == Some(Field::RouteKey)
        && rest.starts_with(b" /")
        && value.iter().all(u8::is_ascii_uppercase)
}

/// Where the literal after a variable begins.
fn find_literal(line: &[u8], var: &Var) -> Option<usize> {
    let mut from = 0;
    loop {
        let rest = line.get(from..)?;
        let at = from + find(var.stop, rest, rest.len())?;
        let (value, after) = line.split_at_checked(at)?;
        if var.literal.after(after).is_some() && !is_half_route(var, value, after) {
            return Some(at);
        }
        from = at + 1;
    }
}
