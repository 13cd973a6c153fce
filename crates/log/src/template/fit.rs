//! Fitting a line to a template.

use super::located::Located;
use super::{Part, Syntax, Template};
use crate::marks::{Bits, Marks};
use crate::rows::{Home, Layout, NO_SLOT, Slots, View};
use crate::schema::Field;
use crate::wide::{AT_ONCE, Literal, WIDE, find, has, wide};

/// A template for the columns of one projection.
#[derive(Debug, Clone)]
pub(crate) struct Fitter {
    head: Literal,
    vars: Box<[Var]>,
    /// Where in a row its values go.
    slots: Slots,
    json: bool,
    finds_ends: bool,
}

/// How to read one variable.
#[derive(Debug, Clone)]
struct Var {
    literal: Literal,
    /// Where in a row the value goes, or [`NO_SLOT`] if it is not asked for.
    slot: u8,
    end: End,
    near: Near,
    last: bool,
    field: Option<Field>,
}

/// How the end of a value is looked for at first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Near {
    /// As a near quotation mark, which a short literal begins with.
    Quoted,
    /// As that of a number before a near quotation mark, which a short literal has.
    Number,
    /// Not so.
    No,
}

/// What takes the values of a line, each for a slot; those that are not asked for are for
/// [`NO_SLOT`].
pub(crate) trait Put {
    /// Takes a value of so many bytes that begins here in the line's text, which is also given from
    /// [`View::BEFORE`] the value to beyond it.
    fn put_near(&mut self, slot: u8, start: usize, len: usize, around: &[u8]);

    /// Takes any value: from where to where it stands in the line's text.
    fn put(&mut self, slot: u8, start: usize, end: usize);
}

impl<F: FnMut(usize, usize)> Put for F {
    fn put_near(&mut self, _: u8, start: usize, len: usize, _: &[u8]) {
        self(start, start + len);
    }

    fn put(&mut self, _: u8, start: usize, end: usize) {
        self(start, end);
    }
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
    if !fitter.fits_alone(line.as_bytes(), |start, end| values.push(start..end)) {
        return None;
    }
    values.into_iter().map(|value| line.get(value)).collect()
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
            let literal = Literal::new(&part.literal);
            let end = match part.literal.find('"') {
                Some(0) if json && quoted => End::Quote,
                Some(quote) if json && at + 1 != count => End::BeforeQuote(quote),
                _ => End::Literal(part.literal.bytes().next().unwrap_or_default()),
            };
            let near = match end {
                End::Quote if literal.is_short() => Near::Quoted,
                End::BeforeQuote(_) if literal.is_short() => Near::Number,
                _ => Near::No,
            };
            quoted = part.literal.ends_with('"');
            let field = part.target.map(|target| target.field);
            Var { literal, slot, end, near, last: at + 1 == count, field }
        });
        let vars: Box<[Var]> = vars.collect();
        let is_of_line = |text: &str| !text.contains(['\n', '\r', '\\']);
        let finds_ends = vars.iter().all(|var| !matches!(var.end, End::Literal(_)))
            && is_of_line(&template.head)
            && template.parts.iter().all(|part| is_of_line(&part.literal));
        Fitter { vars, slots, head: Literal::new(&template.head), json, finds_ends }
    }

    /// Where in a row the values go that [`Fitter::fit`] finds.
    pub(crate) fn slots(&self) -> Slots {
        self.slots
    }

    /// Finds the values of a line. Returns where the line ends, if it fits; if not, some of the
    /// values are missing.
    #[inline(always)]
    pub(crate) fn fit(&self, line: &Located<'_>, mut values: impl Put) -> Option<usize> {
        if !self.head.stands(line.text, line.start) {
            return None;
        }
        let stops = line.marks.stops();
        let mut at = line.start + self.head.len();
        for var in &self.vars {
            if let Some((around, len)) = var.near(line.text, stops, at) {
                values.put_near(var.slot, at, len, around);
                at += len + var.literal.len();
                continue;
            }
            let end = self.any_end(var, line, at)?;
            let start = if self.is_null(var, line, at, end) { end } else { at };
            values.put(var.slot, start, end);
            at = end + var.literal.len();
        }
        // What was found beyond the line cannot end where the line does.
        let ends = match line.end {
            Some(end) => at == end,
            None => matches!(line.text.get(at..)?, [] | [b'\n', ..] | [b'\r'] | [b'\r', b'\n', ..]),
        };
        ends.then_some(at)
    }

    /// [`Fitter::fit`] of a line that stands nowhere.
    pub(crate) fn fits_alone(&self, line: &[u8], put: impl FnMut(usize, usize)) -> bool {
        let marks = Marks::of(line);
        let (end, home) = (Some(line.len()), Home::BLOCK);
        let line = Located { text: line, marks: &marks, start: 0, end, home };
        self.fit(&line, put).is_some()
    }

    /// Whether it tells where a line ends: nothing of the template or a value may be a line end, or a
    /// backslash.
    pub(crate) fn finds_ends(&self) -> bool {
        self.finds_ends
    }

    /// Where the value ends that stands at a position, before the literal.
    #[inline(never)]
    fn any_end(&self, var: &Var, line: &Located<'_>, at: usize) -> Option<usize> {
        match var.end {
            End::Literal(stop) => self.end_at_literal(var, stop, line, at),
            _ => var.end_at_quote(line, at),
        }
    }

    /// Whether a value without quotes is the `null` of JSON.
    fn is_null(&self, var: &Var, line: &Located<'_>, at: usize, end: usize) -> bool {
        !matches!(var.end, End::Quote)
            && self.json
            && end - at == 4
            && line.text.get(at..end) == Some(b"null")
    }

    /// Where the value ends that stands at a position, before a literal that begins with `stop`.
    #[inline(never)]
    fn end_at_literal(&self, var: &Var, stop: u8, line: &Located<'_>, at: usize) -> Option<usize> {
        let line = line.rest(at)?;
        let len = if var.last {
            line.strip_suffix(var.literal.text())?.len()
        } else {
            find_literal(line, var, stop)?
        };
        let value = line.get(..len)?;
        let possible = if self.json {
            !value.contains(&b'"') && !has_brackets(value, 0, value.len())
        } else {
            var.field != Some(Field::Status) || is_status(value)
        };
        possible.then_some(at + len)
    }
}

impl Var {
    /// The length of the value that stands at a position, and the text around it, if it stands in
    /// quotes or is a number, is not long, and the text not about to end.
    #[inline(always)]
    fn near<'t>(&self, text: &'t [u8], stops: Bits<'_>, at: usize) -> Option<(&'t [u8], usize)> {
        let len = match self.near {
            Near::Quoted => stops.near(at)?,
            Near::Number => self.number_len(text, stops, at)?,
            Near::No => return None,
        };
        let len = usize::from(len);
        let around = text.get(at.wrapping_sub(View::BEFORE)..)?;
        let around = around.get(..View::BEFORE + len + AT_ONCE)?;
        self.literal.stands_at_once(around, View::BEFORE + len).then_some((around, len))
    }

    /// The length of a value without quotes, if it is short and certainly no object or list, and not
    /// `null`.
    #[inline(never)]
    fn number_len(&self, text: &[u8], stops: Bits<'_>, at: usize) -> Option<u8> {
        let End::BeforeQuote(before) = self.end else { return None };
        let len = stops.near(at)?.checked_sub(u8::try_from(before).ok()?)?;
        let value = wide(text, at).filter(|_| usize::from(len) <= WIDE)?;
        (value as u8 != b'n' && !has(value, b'[', b'[' ^ b'{')).then_some(len)
    }

    /// Where the value ends that stands at a position, before a literal with a quotation mark: that
    /// is the next one.
    #[inline(never)]
    fn end_at_quote(&self, line: &Located<'_>, at: usize) -> Option<usize> {
        let quote = line.quote(at)?;
        let (end, possible) = match self.end {
            End::BeforeQuote(before) => {
                let end = quote.checked_sub(before).filter(|end| at <= *end)?;
                (end, !has_brackets(line.text, at, end))
            }
            _ => (quote, true),
        };
        (possible && self.literal.stands(line.text, end)).then_some(end)
    }
}

/// Whether there is what an object or a list of JSON begins with, in a part of a text.
#[inline]
fn has_brackets(text: &[u8], start: usize, end: usize) -> bool {
    match wide(text, start) {
        // The brackets are one bit apart. Most often none is even near.
        Some(near) if end - start <= WIDE && !has(near, b'[', b'[' ^ b'{') => false,
        _ => {
            text.get(start..end).is_some_and(|value| value.iter().any(|c| matches!(c, b'{' | b'[')))
        }
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::names::NameMap;

    proptest! {
        #[test]
        fn values_of_any_length_are_found_wherever_their_line_stands(
            members in prop::collection::vec(("[a-z]{0,40}", "[a-z\\[{ ]{0,150}", any::<bool>()), 1..9),
            before in "[a\"\n]{0,70}",
            after in "(\r?\n[a\"\n]{0,70})?",
        ) {
            let value = |(_, value, quoted): &(String, String, bool)| {
                if *quoted { value.clone() } else { value.len().to_string() }
            };
            let member = |(at, member): (usize, &(String, String, bool))| {
                let (key, mark) = (&member.0, if member.2 { "\"" } else { "" });
                format!("\"{at}{key}\":{mark}{}{mark}", value(member))
            };
            let line: Vec<_> = members.iter().enumerate().map(member).collect();
            let line = format!("{{{}}}", line.join(","));
            let expected: Vec<_> = members.iter().map(value).collect();
            let template = Template::learn(&line, &NameMap::default()).unwrap();
            let fitter = Fitter::with_slots(&template, |_| 0);

            let text = format!("{before}{line}{after}");
            let (start, end) = (before.len(), before.len() + line.len());
            let marks = Marks::of(text.as_bytes());
            let (text_bytes, home) = (text.as_bytes(), Home::BLOCK);
            let mut located =
                Located { text: text_bytes, marks: &marks, start, end: Some(end), home };
            let mut values = Vec::new();
            let mut put = |start, end| values.push(&text[start..end]);
            prop_assert_eq!(fitter.fit(&located, &mut put), Some(end));
            prop_assert_eq!(&values, &expected);
            if fitter.finds_ends() {
                values.clear();
                located.end = None;
                let mut put = |start, end| values.push(&text[start..end]);
                prop_assert_eq!(fitter.fit(&located, &mut put), Some(end));
                prop_assert_eq!(&values, &expected);
            }
            for end in [end - 1, end + 1].into_iter().filter(|end| *end <= text.len()) {
                located.end = Some(end);
                prop_assert_eq!(fitter.fit(&located, |_, _| {}), None);
            }
        }
    }

    #[test]
    fn a_line_ends_at_a_line_end_or_with_the_text() {
        let template = r#"{"a":"1","b":2,"c":"3"}"#;
        let template = Template::learn(template, &NameMap::default()).unwrap();
        let fitter = Fitter::with_slots(&template, |_| 0);
        let check = |line: &str, after: &str, fits: bool| {
            let text = format!("{line}{after}");
            let marks = Marks::of(text.as_bytes());
            let (text, home) = (text.as_bytes(), Home::BLOCK);
            let located = Located { text, marks: &marks, start: 0, end: None, home };
            let end = fitter.fit(&located, |_, _| {});
            assert_eq!(end, fits.then_some(line.len()), "`{line}{after}`");
        };
        let line = r#"{"a":"x","b":77,"c":"y"}"#;
        for after in ["", "\n", "\r", "\r\n", "\n{\"a\"", "\r\n\n"] {
            check(line, after, true);
        }
        for after in [" ", "}", "\r\r\n", "\r ", "\0\n"] {
            check(line, after, false);
        }
        for at in ["x", "77", "y"] {
            check(&line.replace(at, "\n"), "\n", false);
            check(&line.replace(at, "7\n7"), "\n", false);
        }
        check("{\"a\":\"x\",\n\"b\":77,\"c\":\"y\"}", "\n", false);
        check(r#"{"a":"x","b":77"#, "\n,\"c\":\"y\"}\n", false);
        check(r#"{"a":"x\"x","b":77,"c":"y"}"#, "\n", false);
        check(r#"{"a":"x","b":77,"c":"\\"}"#, "\n", false);
        check(r#"{"a":"x","b":7\t7,"c":"y"}"#, "\n", false);
    }
}
