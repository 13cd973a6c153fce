//! A few lines of a file, with what they are about marked.

use std::fmt::Write;

use crate::place::Place;

/// The most lines of an excerpt.
const LINES_MAX: u32 = 8;

/// The lines of a place, numbered; a place within one line is underlined.
pub(crate) fn excerpt(place: &Place) -> String {
    let first = place.position();
    let text = place.text();
    let last = first.line + u32::try_from(text.matches('\n').count()).unwrap_or(u32::MAX);
    let shown_last = last.min(first.line + LINES_MAX - 1);
    let width = shown_last.to_string().len();
    let mut excerpt = String::new();
    let lines = place.source.text.lines().zip(1u32..);
    for (line, number) in
        lines.skip(first.line as usize - 1).take_while(|(_, at)| *at <= shown_last)
    {
        let _ = writeln!(excerpt, "{number:>width$} | {}", line.trim_end());
    }
    if last > shown_last {
        let _ = writeln!(excerpt, "{:>width$} | …", "");
    } else if first.line == last {
        let indent = " ".repeat(first.column as usize - 1);
        let marks = "^".repeat(text.chars().count().max(1));
        let _ = writeln!(excerpt, "{:>width$} | {indent}{marks}", "");
    }
    excerpt
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
