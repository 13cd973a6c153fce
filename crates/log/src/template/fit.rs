//! Fitting a line to a template.

use super::{Part, Syntax, Template};
use crate::marks::Marks;
use crate::rows::{Layout, NO_SLOT, Slots, Span};
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

    /// Where a part of the text stands in the block.
    #[inline]
    fn span(&self, start: usize, end: usize) -> Span {
        Span::new(self.base + start, self.base + end)
    }
}

/// A template for the columns of one projection.
#[derive(Debug, Clone)]
pub(crate) struct Fitter {
    head: Literal,
    vars: Box<[Var]>,
    /// Where in a row its values go.
    slots: Slots,
    json: bool,
}

/// How to read one variable.
#[derive(Debug, Clone)]
struct Var {
    literal: Literal,
    /// Where in a row the value goes, or [`NO_SLOT`] if it is not asked for.
    slot: u8,
    end: End,
    last: bool,
    field: Option<Field>,
}

/// What ends a value.
#[derive(Debug, Clone, Copy)]
enum End {
    /// The quotation mark that the literal begins with; the value stands in quotes.
    Quote,
    /// The literal of JSON that has the first quotation mark so far in: the value has none.
    BeforeQuote(usize),
    /// The literal, which begins with this byte.
    Literal(u8),
}

/// The values of a line that fits a template, one for each variable.
pub(crate) fn values<'a>(template: &Template, line: &'a str) -> Option<Vec<&'a str>> {
    let fitter = Fitter::with_slots(template, |_| 0);
    let mut values = Vec::new();
    if !fitter.fits_alone(line.as_bytes(), |span| values.push(span)) {
        return None;
    }
    values.iter().map(|span| line.get(span.start()..span.start() + span.len())).collect()
}

impl Fitter {
    /// Prepares a template for rows of a layout.
    pub(crate) fn new(template: &Template, layout: &Layout) -> Fitter {
        Self::with_slots(template, |part| {
            part.target.map_or(NO_SLOT, |target| layout.slot(target.field))
        })
    }

    /// Prepares a template only to tell whether a line fits it.
    pub(crate) fn without_columns(template: &Template) -> Fitter {
        Self::with_slots(template, |_| NO_SLOT)
    }

    fn with_slots(template: &Template, slot: impl Fn(&Part) -> u8) -> Fitter {
        let json = template.syntax == Syntax::Json;
        let mut quoted = template.head.ends_with('"');
        let mut slots = Slots::default();
        let count = template.parts.len();
        let vars = template.parts.iter().enumerate().map(|(at, part)| {
            let slot = slot(part);
            if slot != NO_SLOT {
                slots = slots.and(Slots::one(slot));
            }
            let end = match part.literal.find('"') {
                Some(0) if json && quoted => End::Quote,
                Some(quote) if json && at + 1 != count => End::BeforeQuote(quote),
                _ => End::Literal(part.literal.bytes().next().unwrap_or_default()),
            };
            quoted = part.literal.ends_with('"');
            let field = part.target.map(|target| target.field);
            Var { literal: Literal::new(&part.literal), slot, end, last: at + 1 == count, field }
        });
        let vars = vars.collect();
        Fitter { vars, slots, head: Literal::new(&template.head), json }
    }

    /// Where in a row the values go that [`Fitter::fit`] finds.
    pub(crate) fn slots(&self) -> Slots {
        self.slots
    }

    /// Finds the values of a line that are asked for. Returns whether the line fits; if not, some of
    /// the values are missing.
    #[inline(always)]
    pub(crate) fn fit(&self, line: &Located<'_>, mut put: impl FnMut(u8, Span)) -> bool {
        if !self.head.stands(line.text, line.start) {
            return false;
        }
        let mut at = line.start + self.head.len();
        for var in &self.vars {
            let end = match var.end {
                End::Quote => quoted_end(var, line, at),
                _ => self.unquoted_end(var, line, at),
            };
            let Some(end) = end else { return false };
            if var.slot != NO_SLOT {
                let is_null = !matches!(var.end, End::Quote) && self.is_null(line, at, end);
                put(var.slot, if is_null { Span::NULL } else { line.span(at, end) });
            }
            at = end + var.literal.len();
        }
        // What was found beyond the line cannot end where the line does.
        at == line.end
    }

    /// [`Fitter::fit`] of a line that stands nowhere.
    pub(crate) fn fits_alone(&self, line: &[u8], mut put: impl FnMut(Span)) -> bool {
        let marks = Marks::of(line);
        let line = Located { text: line, marks: &marks, start: 0, end: line.len(), base: 0 };
        self.fit(&line, |_, span| put(span))
    }

    /// Where the value ends that stands at a position without quotes, before the literal.
    #[inline(never)]
    fn unquoted_end(&self, var: &Var, line: &Located<'_>, at: usize) -> Option<usize> {
        match var.end {
            End::Quote => None,
            End::BeforeQuote(quote) => {
                let end = line.marks.quote(at, line.end)?.checked_sub(quote)?;
                let possible = !has_brackets(line.text.get(at..end)?);
                (possible && var.literal.stands(line.text, end)).then_some(end)
            }
            End::Literal(stop) => {
                Some(at + self.len_before(var, stop, line.text.get(at..line.end)?)?)
            }
        }
    }

    /// Whether a value without quotes is the `null` of JSON.
    fn is_null(&self, line: &Located<'_>, at: usize, end: usize) -> bool {
        self.json && end - at == 4 && line.text.get(at..end) == Some(b"null")
    }

    /// The length of the value that `line` begins with, before the literal.
    fn len_before(&self, var: &Var, stop: u8, line: &[u8]) -> Option<usize> {
        let len = if var.last {
            line.strip_suffix(var.literal.text())?.len()
        } else {
            find_literal(line, var, stop)?
        };
        let value = line.get(..len)?;
        let possible = if self.json {
            !value.contains(&b'"') && !has_brackets(value)
        } else {
            var.field != Some(Field::Status) || is_status(value)
        };
        possible.then_some(len)
    }
}

/// Where the value ends that stands at a position in quotes, before the literal.
#[inline(always)]
fn quoted_end(var: &Var, line: &Located<'_>, at: usize) -> Option<usize> {
    let end = line.marks.quote(at, line.end)?;
    var.literal.stands(line.text, end).then_some(end)
}

/// Whether there is what an object or a list of JSON begins with.
#[inline]
fn has_brackets(value: &[u8]) -> bool {
    value.iter().any(|c| matches!(c, b'{' | b'['))
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
fn find_literal(line: &[u8], var: &Var, stop: u8) -> Option<usize> {
    let mut from = 0;
    loop {
        let rest = line.get(from..)?;
        let at = from + find(stop, rest, rest.len())?;
        let (value, after) = line.split_at_checked(at)?;
        if var.literal.stands(line, at) && !is_half_route(var, value, after) {
            return Some(at);
        }
        from = at + 1;
    }
}
