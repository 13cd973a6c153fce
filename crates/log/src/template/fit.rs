//! Fitting a line to a template.

use super::{Syntax, Template};
use crate::marks::Marks;
use crate::rows::{Layout, NO_SLOT, Span};
use crate::schema::Field;
use crate::wide::{Literal, find};

/// A line, and where it stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Located<'a> {
    /// The text that it is a part of: what follows it there may be looked at.
    pub(crate) text: &'a [u8],
    /// Of that text.
    pub(crate) marks: &'a Marks,
    /// Where it begins and ends in that text.
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Where that text begins in the block.
    pub(crate) base: usize,
}

impl<'a> Located<'a> {
    /// The line alone.
    pub(crate) fn line(&self) -> &'a [u8] {
        self.text.get(self.start..self.end).unwrap_or_default()
    }

    fn is(&self, at: usize, value: &[u8]) -> bool {
        self.text.get(at..).is_some_and(|text| text.starts_with(value))
    }
}

/// A template for the columns of one projection.
#[derive(Debug, Clone)]
pub(crate) struct Fitter {
    head: Box<[u8]>,
    vars: Box<[Var]>,
    /// Where in a row the values go that are asked for, in their order.
    slots: Box<[u8]>,
    json: bool,
}

/// How to read one variable.
#[derive(Debug, Clone)]
struct Var {
    literal: Literal,
    /// The first byte of the literal.
    stop: u8,
    /// Whether the value is asked for.
    wanted: bool,
    /// Whether the value stands in quotes that end it.
    quoted: bool,
    last: bool,
    field: Option<Field>,
}

/// The values of a line that fits a template, one for each variable.
pub(crate) fn values<'a>(template: &Template, line: &'a str) -> Option<Vec<&'a str>> {
    let mut fitter = Fitter::without_columns(template);
    fitter.vars.iter_mut().for_each(|var| var.wanted = true);
    let mut values = Vec::new();
    if !fitter.fits_alone(line.as_bytes(), &mut values) {
        return None;
    }
    values.iter().map(|span| line.get(span.start()..span.start() + span.len())).collect()
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
        let mut slots = Vec::new();
        let count = template.parts.len();
        let vars = template.parts.iter().enumerate().map(|(at, part)| {
            let literal = Literal::new(&part.literal);
            let stop = part.literal.bytes().next().unwrap_or_default();
            let slot = part.target.map_or(NO_SLOT, |target| slot(target.field));
            slots.extend((slot != NO_SLOT).then_some(slot));
            let var = Var {
                stop,
                wanted: slot != NO_SLOT,
                quoted: json && quoted && stop == b'"',
                last: at + 1 == count,
                field: part.target.map(|target| target.field),
                literal,
            };
            quoted = part.literal.ends_with('"');
            var
        });
        let vars = vars.collect();
        Fitter { vars, slots: slots.into(), head: template.head.as_bytes().into(), json }
    }

    /// Where in a row the values go that [`Fitter::fit`] finds, in their order.
    pub(crate) fn slots(&self) -> &[u8] {
        &self.slots
    }

    /// Finds the values of a line that are asked for, in their order. Returns whether the line fits;
    /// if not, some of the values are missing.
    #[inline]
    pub(crate) fn fit(&self, line: &Located<'_>, values: &mut Vec<Span>) -> bool {
        values.clear();
        if !line.text.get(line.start..).is_some_and(|text| text.starts_with(&self.head)) {
            return false;
        }
        let mut at = line.start + self.head.len();
        for var in &self.vars {
            let Some(len) = self.value_len(var, line, at) else { return false };
            if var.wanted {
                let is_null = self.json && !var.quoted && line.is(at, b"null");
                let from = line.base + at;
                values.push(if is_null && len == 4 {
                    Span::NULL
                } else {
                    Span::new(from, from + len)
                });
            }
            at += len + var.literal.text().len();
        }
        // What was found beyond the line cannot end where the line does.
        at == line.end
    }

    /// [`Fitter::fit`] of a line that stands nowhere.
    pub(crate) fn fits_alone(&self, line: &[u8], values: &mut Vec<Span>) -> bool {
        let marks = Marks::of(line);
        let line = Located { text: line, marks: &marks, start: 0, end: line.len(), base: 0 };
        self.fit(&line, values)
    }

    /// The length of the value that stands at a position, before the literal.
    #[inline]
    fn value_len(&self, var: &Var, line: &Located<'_>, at: usize) -> Option<usize> {
        if var.quoted {
            let end = line.marks.quote(at, line.end)?;
            var.literal.after(line.text.get(end..)?)?;
            return Some(end - at);
        }
        self.unquoted_len(var, line.text.get(at..line.end)?)
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
