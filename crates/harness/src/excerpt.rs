//! A few lines of a file, with what they are about marked.

use std::fmt::Write;

use crate::place::Place;

/// The most lines of an excerpt.
const LINES_MAX: u32 = 8;
/// The most characters of a line that are shown.
const COLUMNS_MAX: usize = 140;
/// Of a longer line, how many characters are shown before the place.
const COLUMNS_BEFORE: usize = 20;

/// The lines of a place, numbered; a place within one line is underlined.
pub(crate) fn excerpt(place: &Place) -> String {
    let first = place.position();
    let text = place.text();
    let last = first.line + u32::try_from(text.matches('\n').count()).unwrap_or(u32::MAX);
    let shown_last = last.min(first.line + LINES_MAX - 1);
    let width = shown_last.to_string().len();
    let column = first.column as usize - 1;
    let mut excerpt = String::new();
    let lines = place.source.text.lines().zip(1u32..);
    let lines = lines.skip(first.line as usize - 1).take_while(|(_, number)| *number <= shown_last);
    for (line, number) in lines {
        let _ = writeln!(excerpt, "{number:>width$} | {}", window(line.trim_end(), column).0);
    }
    if last > shown_last {
        let _ = writeln!(excerpt, "{:>width$} | …", "");
    } else if first.line == last {
        let line = place.source.text.lines().nth(first.line as usize - 1).unwrap_or_default();
        let (shown, skipped) = window(line.trim_end(), column);
        let indent = column - skipped;
        let marks =
            text.chars().count().clamp(1, shown.chars().count().saturating_sub(indent).max(1));
        let _ = writeln!(excerpt, "{:>width$} | {:indent$}{}", "", "", "^".repeat(marks));
    }
    excerpt
}

/// What is shown of a line that is too long to be shown whole, and how many characters before it
/// are not. `column` is the character, from 0, that must be seen.
fn window(line: &str, column: usize) -> (String, usize) {
    let count = line.chars().count();
    if count <= COLUMNS_MAX {
        return (line.to_owned(), 0);
    }
    let skipped = column.min(count).saturating_sub(COLUMNS_BEFORE);
    let mut shown: String = line.chars().skip(skipped).take(COLUMNS_MAX).collect();
    if skipped + COLUMNS_MAX < count {
        shown.push('…');
    }
    (shown, skipped)
}

/// Puts white space before every line.
pub(crate) fn indent(text: &str, by: usize) -> String {
    let mut indented = String::new();
    for line in text.lines() {
        let by = if line.is_empty() { 0 } else { by };
        let _ = writeln!(indented, "{:by$}{line}", "");
    }
    indented
}

#[cfg(test)]
mod tests {
    use tollgate_policy::Span;

    use super::*;
    use crate::place::SourceFile;

    #[track_caller]
    fn check(text: &str, marked: &str, expected: &str) {
        let start = text.find(marked).unwrap();
        let source = SourceFile::new("t", text);
        let place = Place::new(&source, Span::new(start, start + marked.len()));
        assert_eq!(excerpt(&place), expected);
    }

    #[test]
    fn a_place_within_a_line_is_underlined() {
        check("a\nbü cd e\n", "cd", "2 | bü cd e\n  |    ^^\n");
    }

    #[test]
    fn of_a_long_line_only_the_neighbourhood_is_shown() {
        let text = format!("{}HERE{}", "x".repeat(500), "y".repeat(500));
        let shown = format!("{}HERE{}…", "x".repeat(20), "y".repeat(116));
        check(&text, "HERE", &format!("1 | {shown}\n  | {:20}^^^^\n", ""));
    }

    #[test]
    fn of_many_lines_the_first_are_shown() {
        let text = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10";
        check(text, text, "1 | 1\n2 | 2\n3 | 3\n4 | 4\n5 | 5\n6 | 6\n7 | 7\n8 | 8\n  | …\n");
    }
}
