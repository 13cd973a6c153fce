//! What a log holds must not steer the terminal that its report is printed on.

use super::style::PAINTS;

/// The same without control characters, but for the colours that [`super::Style`] paints with: they
/// are shown as they would be written. Lines stay lines.
pub(super) fn lines(text: &str) -> String {
    escaped(text, |c| c == '\n')
}

/// A text of a log without control characters, so that it stays in its line: they are shown as they
/// would be written.
pub fn in_a_line(text: &str) -> String {
    escaped(text, |_| false)
}

fn escaped(text: &str, keep: impl Fn(char) -> bool) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(char::is_control) {
        let (before, from) = rest.split_at(at);
        shown.push_str(before);
        let painted = PAINTS.iter().find(|paint| from.starts_with(**paint));
        let mut after = from.chars();
        match (painted, after.next()) {
            (Some(paint), _) => {
                shown.push_str(paint);
                after = from.get(paint.len()..).unwrap_or_default().chars();
            }
            (None, Some(c)) if keep(c) => shown.push(c),
            (None, c) => shown.extend(c.into_iter().flat_map(char::escape_default)),
        }
        rest = after.as_str();
    }
    shown + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown_and_colours_are_painted() {
        let text = "a\u{1b}[31mred\u{1b}[0m \u{1b}[2J\u{1b}]0;title\u{7}\r\nnext\u{9b}1m";
        let shown = "a\u{1b}[31mred\u{1b}[0m \\u{1b}[2J\\u{1b}]0;title\\u{7}\\r\nnext\\u{9b}1m";
        assert_eq!(lines(text), shown);
        assert_eq!(in_a_line("a\nb"), "a\\nb");
    }
}
