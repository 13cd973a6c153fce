//! Recovery of damaged JSON lines by the anchors of their template.
//!
//! Before 2024 API Gateway did not escape a quote in `User-Agent`, so that a
//! line with one is no JSON. Its template still shows where each value ends.
//! Values are read strictly from both ends towards the middle; if the two
//! meet at one variable, all that is between is its value, and what a client
//! wrote into that value cannot shift the others.

use std::ops::Range;

use memchr::{memchr, memmem, memrchr};

use super::{Part, Syntax, Template};
use crate::schema::Field;

/// The values of a damaged line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Recovered {
    /// Where the value of each variable stands.
    pub(crate) values: Vec<Range<usize>>,
    /// A value holds the syntax of the log around it.
    pub(crate) suspect: bool,
}

/// Fields that a client writes. If in doubt, they hold the damage.
const CLIENT: [Field; 3] = [Field::UserAgent, Field::Path, Field::ErrorMessage];

/// Tells the values of a line apart, if every literal of the template is
/// there, in order, from the start of the line to its end.
pub(crate) fn recover(template: &Template, line: &str) -> Option<Recovered> {
    let line = line.trim_end();
    if template.syntax != Syntax::Json {
        return None;
    }
    let forward = forward(template, line)?;
    let backward = backward(template, line)?;
    let count = template.parts.len();
    let (left, right) = (forward.len() - 1, count - backward.len());
    if left < right {
        return between(template, line, &forward, &backward);
    }
    let damaged = damaged(template, left.min(count - 1), right);
    let mut values = Vec::with_capacity(count);
    for at in 0..damaged {
        let start = *forward.get(at)?;
        let end = forward.get(at + 1)?.checked_sub(template.parts.get(at)?.literal.len())?;
        values.push(start..end);
    }
    values.push(*forward.get(damaged)?..*backward.get(count - 1 - damaged)?);
    for at in damaged + 1..count {
        let literal = template.parts.get(at - 1)?.literal.len();
        values.push(backward.get(count - at)? + literal..*backward.get(count - 1 - at)?);
    }
    let value = line.get(values.get(damaged)?.clone())?;
    Some(Recovered { suspect: left != right || holds_syntax(template, value), values })
}

/// Which variable holds the damage, if reading from the left comes to `left`
/// and reading from the right to `right` before it.
fn damaged(template: &Template, left: usize, right: usize) -> usize {
    let client = |at: usize| {
        let target = template.parts.get(at).and_then(|part| part.target);
        target.is_some_and(|target| CLIENT.contains(&target.field))
    };
    if client(left) && !client(right) { left } else { right }
}

/// Whether a value looks like more of the log.
fn holds_syntax(template: &Template, value: &str) -> bool {
    let literal = |part: &Part| part.literal.len() > 3 && value.contains(&part.literal);
    value.contains("\":\"") || template.parts.iter().any(literal)
}

/// Where each variable begins, from the left, as far as values are strict.
fn forward(template: &Template, line: &str) -> Option<Vec<usize>> {
    let mut at = line.strip_prefix(&template.head).map(|_| template.head.len())?;
    let mut starts = vec![at];
    for part in &template.parts {
        let rest = line.get(at..)?;
        let Some(len) = strict_end(rest.as_bytes(), part) else { break };
        at += len + part.literal.len();
        starts.push(at);
        if starts.len() == template.parts.len() + 1 {
            break;
        }
    }
    Some(starts)
}

/// The length of a value that does not hold the byte that ends it.
fn strict_end(rest: &[u8], part: &Part) -> Option<usize> {
    let stop = *part.literal.as_bytes().first()?;
    let mut from = 0;
    loop {
        let at = from + memchr(stop, rest.get(from..)?)?;
        if stop != b'"' || !is_escaped(rest, at) {
            return rest.get(at..)?.starts_with(part.literal.as_bytes()).then_some(at);
        }
        from = at + 1;
    }
}

/// Where each variable ends, from the right, as far as values are strict. The
/// last variable comes first.
fn backward(template: &Template, line: &str) -> Option<Vec<usize>> {
    let mut ends = Vec::new();
    let mut end = line.len();
    for (at, part) in template.parts.iter().enumerate().rev() {
        let before = line.get(..end)?;
        let Some(value) = before.strip_suffix(&part.literal) else { break };
        end = value.len();
        ends.push(end);
        let literal = match at.checked_sub(1) {
            Some(before) => &template.parts.get(before)?.literal,
            None => break,
        };
        let Some(start) = strict_start(value.as_bytes(), literal) else { break };
        end = start;
    }
    (!ends.is_empty()).then_some(ends)
}

/// Where a value begins that does not hold the last byte of the literal
/// before it.
fn strict_start(value: &[u8], literal: &str) -> Option<usize> {
    let stop = *literal.as_bytes().last()?;
    let mut to = value.len();
    loop {
        let at = memrchr(stop, value.get(..to)?)?;
        if stop != b'"' || !is_escaped(value, at) {
            return value.get(..=at)?.ends_with(literal.as_bytes()).then_some(at + 1);
        }
        to = at;
    }
}

/// Whether an odd number of backslashes stands before a byte.
fn is_escaped(text: &[u8], at: usize) -> bool {
    let before = text.get(..at).unwrap_or_default();
    before.iter().rev().take_while(|c| **c == b'\\').count() % 2 == 1
}

/// Several values are damaged: each ends at the first literal that fits.
fn between(
    template: &Template,
    line: &str,
    forward: &[usize],
    backward: &[usize],
) -> Option<Recovered> {
    let count = template.parts.len();
    let right = count - backward.len();
    let limit = *backward.last()?;
    let mut at = *forward.first()?;
    let mut values = Vec::with_capacity(count);
    for (index, part) in template.parts.iter().enumerate() {
        let end = if index >= right {
            *backward.get(count - 1 - index)?
        } else if let Some(next) = forward.get(index + 1) {
            next - part.literal.len()
        } else {
            at + memmem::find(line.get(at..limit)?.as_bytes(), part.literal.as_bytes())?
        };
        values.push(at..end);
        line.get(at..end)?;
        at = end + part.literal.len();
    }
    Some(Recovered { values, suspect: true })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::NameMap;

    const FORMAT: &str = r#"{"id":"$context.requestId","ua":"$context.identity.userAgent","path":"$context.path","status":$context.status}"#;

    #[track_caller]
    fn check(line: &str, expected: Option<(&[&str], bool)>) {
        let template = Template::parse(FORMAT, &NameMap::default()).unwrap();
        let actual = recover(&template, line);
        let actual = actual.as_ref().map(|found| {
            (
                found.values.iter().map(|range| &line[range.clone()]).collect::<Vec<_>>(),
                found.suspect,
            )
        });
        assert_eq!(
            actual,
            expected.map(|(values, suspect)| (values.to_vec(), suspect)),
            "`{line}`"
        );
    }

    #[test]
    fn a_stray_quote_stays_in_its_value() {
        check(
            r#"{"id":"a","ua":"Evil"Agent\/1.0","path":"/x","status":200}"#,
            Some((&["a", r#"Evil"Agent\/1.0"#, "/x", "200"], false)),
        );
        check(
            r#"{"id":"a","ua":"say \"hi\"" now","path":"/x","status":200}"#,
            Some((&["a", r#"say \"hi\"" now"#, "/x", "200"], false)),
        );
    }

    #[test]
    fn an_injected_status_stays_in_the_user_agent() {
        check(
            r#"{"id":"a","ua":"x","status":"200","path":"/x","status":403}"#,
            Some((&["a", r#"x","status":"200"#, "/x", "403"], true)),
        );
        check(
            r#"{"id":"a","ua":"x","path":"/fake","status":200}","path":"/x","status":403}"#,
            Some((&["a", r#"x","path":"/fake","status":200}"#, "/x", "403"], true)),
        );
        check(
            r#"{"id":"a","ua":"{"id":"b","ua":"y","path":"/x","status":403}"#,
            Some((&["a", r#"{"id":"b","ua":"y"#, "/x", "403"], true)),
        );
    }

    #[test]
    fn several_damaged_values() {
        check(
            r#"{"id":"a"b","ua":"c","path":"/"x","status":200}"#,
            Some((&[r#"a"b"#, "c", r#"/"x"#, "200"], true)),
        );
    }

    #[test]
    fn a_truncated_line_is_not_recovered() {
        check(r#"{"id":"a","ua":"Mozil"#, None);
        check(r#""ua":"x","path":"/x","status":200}"#, None);
        check("", None);
    }
}
