//! Fitting a line to a template.

use memchr::memchr;

use super::{Syntax, Template};
use crate::rows::{Layout, NO_SLOT, Span};
use crate::schema::Field;

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
    slot: u8,
    /// Whether the value stands in quotes that end it.
    quoted: bool,
    last: bool,
    field: Option<Field>,
}

/// The values of a line that fits a template, one for each variable.
pub(crate) fn values<'a>(template: &Template, line: &'a str) -> Option<Vec<&'a str>> {
    let mut fitter = Fitter::without_columns(template);
    for (slot, var) in fitter.vars.iter_mut().enumerate() {
        var.slot = u8::try_from(slot).ok()?;
    }
    let mut row = vec![Span::NULL; fitter.vars.len()];
    if !fitter.fit(line.as_bytes(), 0, &mut row) {
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
            rest = rest.get(len + var.literal.text.len()..).unwrap_or_default();
        }
        rest.is_empty()
    }

    /// The length of the value that `rest` begins with.
    #[inline]
    fn value_len(&self, var: &Var, rest: &[u8]) -> Option<usize> {
        if var.quoted {
            let len = find_byte(b'"', rest)?;
            return var.literal.begins(rest.get(len..)?).then_some(len);
        }
        let len =
            if var.last { rest.strip_suffix(&*var.literal.text)?.len() } else { find(rest, var)? };
        let value = rest.get(..len)?;
        let possible = if self.json {
            !value.iter().any(|c| matches!(c, b'"' | b'{' | b'['))
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

/// Where a byte first occurs. Most values of a log are short, and to call a
/// search costs more than to look at the first sixteen bytes here.
#[inline]
fn find_byte(byte: u8, text: &[u8]) -> Option<usize> {
    const LOW: u128 = u128::from_le_bytes([0x01; WIDE]);
    const HIGH: u128 = u128::from_le_bytes([0x80; WIDE]);
    let Some((wide, rest)) = text.split_first_chunk::<WIDE>() else {
        return memchr(byte, text);
    };
    // A byte that is the one sought becomes zero, and the lowest zero byte is
    // the lowest whose high bit survives this.
    let zeroed = u128::from_le_bytes(*wide) ^ (LOW * u128::from(byte));
    let found = zeroed.wrapping_sub(LOW) & !zeroed & HIGH;
    match found {
        0 => memchr(byte, rest).map(|at| at + WIDE),
        _ => Some(found.trailing_zeros() as usize / 8),
    }
}

/// Where the literal after a variable begins.
fn find(rest: &[u8], var: &Var) -> Option<usize> {
    let mut from = 0;
    loop {
        let tail = rest.get(from..)?;
        let at = from + find_byte(var.stop, tail)?;
        let (value, after) = rest.split_at_checked(at)?;
        if var.literal.begins(after) && !is_half_route(var, value, after) {
            return Some(at);
        }
        from = at + 1;
    }
}

/// The text after a variable, ready to be compared sixteen bytes at a time: a
/// call to `memcmp` costs more than the comparison of so few bytes.
#[derive(Debug, Clone)]
struct Literal {
    text: Box<[u8]>,
    head: u128,
    mask: u128,
}

/// Bytes that are compared at once.
const WIDE: usize = 16;

impl Literal {
    fn new(text: &str) -> Literal {
        let mut head = [0; WIDE];
        let mut mask = [0; WIDE];
        for ((to, mask), from) in head.iter_mut().zip(&mut mask).zip(text.bytes()) {
            *to = from;
            *mask = u8::MAX;
        }
        let (head, mask) = (u128::from_le_bytes(head), u128::from_le_bytes(mask));
        Literal { text: text.as_bytes().into(), head, mask }
    }

    /// Whether `rest` begins with the literal.
    #[inline]
    fn begins(&self, rest: &[u8]) -> bool {
        let Some((wide, rest)) = rest.split_first_chunk::<WIDE>() else {
            return rest.starts_with(&self.text);
        };
        if u128::from_le_bytes(*wide) & self.mask != self.head {
            return false;
        }
        match self.text.get(WIDE..) {
            Some(tail) if !tail.is_empty() => same_start(rest, tail),
            _ => true,
        }
    }
}

/// Whether `rest` begins with a tail of a few bytes.
#[inline]
fn same_start(rest: &[u8], tail: &[u8]) -> bool {
    rest.len() >= tail.len() && rest.iter().zip(tail).all(|(a, b)| a == b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_is_found_where_it_first_occurs() {
        for len in 0..40 {
            for at in 0..len {
                let mut text = vec![b'!'; len];
                text.iter_mut().skip(at).step_by(3).for_each(|c| *c = b'"');
                assert_eq!(find_byte(b'"', &text), Some(at), "{len} bytes");
                assert_eq!(find_byte(b'#', &text), None, "{len} bytes");
            }
        }
        let all: Vec<u8> = (0..=255).collect();
        for byte in 0..=255u8 {
            assert_eq!(find_byte(byte, &all), Some(usize::from(byte)));
        }
    }
}
