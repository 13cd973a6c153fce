//! The line that a finding is about, with its neighbours, cut to what a terminal shows: a policy is
//! often one line of thousands of characters.

use miette::{MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};
use tollgate_policy::{Position, Span};

/// The most characters of a line that are shown.
const LINE_MAX: usize = 160;

/// The characters that are shown on either side of the place in a longer line.
const AROUND: usize = 60;

/// A few lines of a source, and where the place in question stands in them.
#[derive(Debug)]
pub(super) struct Excerpt {
    name: String,
    text: String,
    /// The number of the first line of the text, from 0.
    first_line: usize,
    position: Position,
    /// The place, in bytes of the text.
    pub(super) label: SourceSpan,
}

impl Excerpt {
    pub(super) fn new(name: &str, source: &str, span: Span, position: Position) -> Excerpt {
        let start = (span.start as usize).min(source.len());
        let line = line_around(source, start);
        let end = (span.end as usize).clamp(start, line.end);
        let before = line.start.checked_sub(1).map(|end| line_around(source, end));
        let after = (line.end < source.len()).then(|| line_around(source, line.end + 1));
        let mut text = String::new();
        if let Some(before) = &before {
            text.push_str(&shortened(source.get(before.clone()).unwrap_or("")));
            text.push('\n');
        }
        let slice = |from: usize, to: usize| source.get(from..to).unwrap_or("");
        let long = slice(line.start, line.end).chars().count() > LINE_MAX;
        let (left, place, right) =
            (slice(line.start, start), slice(start, end), slice(end, line.end));
        text.push_str(&if long { last(left) } else { left.to_owned() });
        let label_start = text.len();
        text.push_str(&if long { first(place, LINE_MAX - AROUND) } else { place.to_owned() });
        let label = (label_start..text.len()).into();
        text.push_str(&if long { first(right, AROUND) } else { right.to_owned() });
        if let Some(after) = &after {
            text.push('\n');
            text.push_str(&shortened(source.get(after.clone()).unwrap_or("")));
        }
        let first_line = position.line as usize - 1 - usize::from(before.is_some());
        Excerpt { name: name.to_owned(), text, first_line, position, label }
    }
}

/// The bytes of the line that `at` stands in, without its line break.
fn line_around(source: &str, at: usize) -> std::ops::Range<usize> {
    let start = source.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |end| end + 1);
    let length = source.get(start..).and_then(|rest| rest.find('\n'));
    start..length.map_or(source.len(), |length| start + length)
}

fn shortened(line: &str) -> String {
    first(line, LINE_MAX)
}

fn first(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or(text)),
        None => text.to_owned(),
    }
}

fn last(text: &str) -> String {
    match text.char_indices().rev().nth(AROUND - 1) {
        Some((start, _)) if start > 0 => format!("…{}", text.get(start..).unwrap_or(text)),
        _ => text.to_owned(),
    }
}

impl SourceCode for Excerpt {
    /// The whole excerpt, whatever is asked for: it is short. Asked for the place alone, it says the
    /// place's own line and column, in characters.
    fn read_span<'a>(
        &'a self,
        _: &SourceSpan,
        lines_before: usize,
        lines_after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let (line, column) = match (lines_before, lines_after) {
            (0, 0) => (self.position.line as usize - 1, self.position.column as usize - 1),
            _ => (self.first_line, 0),
        };
        Ok(Box::new(MietteSpanContents::new_named(
            self.name.clone(),
            self.text.as_bytes(),
            (0..self.text.len()).into(),
            line,
            column,
            self.text.lines().count(),
        )))
    }
}
