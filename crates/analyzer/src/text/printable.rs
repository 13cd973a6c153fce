//! What a log holds must not steer the terminal that its report is printed on, nor hide in it.

use super::style::{PAINTS, Style};

/// What begins all that terminals are steered with.
const ESCAPE: char = '\u{1b}';

/// What `lay_out` makes of a report, with control characters and invisible ones shown as they would
/// be written. Lines stay lines.
///
/// Colours stay colours where the style paints and the report holds no escape sequence of its own:
/// it could not be told from them.
pub(super) fn painted(style: &Style, lay_out: impl Fn(&Style) -> String) -> String {
    let plain = lay_out(&Style { colour: false, ..*style });
    if !style.colour || plain.contains(ESCAPE) {
        return escaped(&plain, &[], |c| c == '\n');
    }
    escaped(&lay_out(style), &PAINTS, |c| c == '\n')
}

/// A text of a log with control characters and invisible ones shown as they would be written, so
/// that it stays in its line.
pub fn in_a_line(text: &str) -> String {
    escaped(text, &[], |_| false)
}

/// The same between back-ticks, as a sentence has it: it has none itself, so that in Markdown, too, nothing of
/// it is markup.
pub(crate) fn quoted(text: &str) -> String {
    format!("`{}`", in_a_line(text).replace('`', "'"))
}

/// The same of a text of several lines, which stay lines.
pub fn in_lines(text: &str) -> String {
    escaped(text, &[], |c| c == '\n')
}

/// A JSON document in a line, with such characters as JSON escapes them: it is still the same one.
pub(crate) fn json_in_a_line(document: &serde_json::Value) -> String {
    seen_json(&document.to_string())
}

/// The same of JSON as it is written: it has line breaks between its texts, and never in them.
pub(crate) fn seen_json(json: &str) -> String {
    let (mut shown, mut units) = (String::with_capacity(json.len()), [0; 2]);
    for c in json.chars() {
        if is_unseen(c) && c != '\n' {
            let units = c.encode_utf16(&mut units).iter();
            shown.extend(units.map(|unit| format!("\\u{unit:04x}")));
        } else {
            shown.push(c);
        }
    }
    shown
}

fn escaped(text: &str, paints: &[&str], keep: impl Fn(char) -> bool) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(is_unseen) {
        let (before, from) = rest.split_at(at);
        shown.push_str(before);
        let painted = paints.iter().find(|paint| from.starts_with(**paint));
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

/// Control characters, and those that have no width, or tell in which direction others are read.
pub(crate) fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Style = Style { width: 80, fold: false, colour: false, top: 0 };
    const COLOURED: Style = Style { colour: true, ..PLAIN };

    #[track_caller]
    fn check(style: &Style, held: &str, expected: &str) {
        let lay_out = |style: &Style| format!("{}\n{held}", style.bad("red"));
        assert_eq!(painted(style, lay_out), expected);
    }

    #[test]
    fn control_characters_are_shown_and_colours_are_painted() {
        check(&PLAIN, "a\r\u{7}\u{9b}1m\nb", "red\na\\r\\u{7}\\u{9b}1m\nb");
        check(&COLOURED, "a\r\u{7}\u{9b}1m\nb", "\u{1b}[31mred\u{1b}[0m\na\\r\\u{7}\\u{9b}1m\nb");
        assert_eq!(in_a_line("a\nb"), "a\\nb");
    }

    #[test]
    fn a_document_is_the_same_with_its_escapes() {
        let document = serde_json::json!({ "a": "\u{7f}\u{202e}\u{e0041}\n\"b" });
        let shown = json_in_a_line(&document);
        assert_eq!(shown, r#"{"a":"\u007f\u202e\udb40\udc41\n\"b"}"#);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), document);
    }

    #[test]
    fn colours_of_a_log_are_not_painted() {
        let held = "\u{1b}[31mgreen\u{1b}[0m \u{1b}[2J\u{1b}]0;title\u{7}";
        let shown = "red\n\\u{1b}[31mgreen\\u{1b}[0m \\u{1b}[2J\\u{1b}]0;title\\u{7}";
        check(&PLAIN, held, shown);
        check(&COLOURED, held, shown);
        assert_eq!(in_a_line("\u{1b}[31m"), "\\u{1b}[31m");
    }

    #[test]
    fn what_cannot_be_seen_is_shown() {
        for unseen in
            "\u{200b}\u{200f}\u{202a}\u{202e}\u{2060}\u{2064}\u{2066}\u{2069}\u{feff}".chars()
        {
            let shown = format!("ana{}", unseen.escape_default());
            check(&PLAIN, &format!("ana{unseen}"), &format!("red\n{shown}"));
            assert_eq!(in_a_line(&format!("ana{unseen}")), shown);
        }
        check(&PLAIN, "añá 東京 – …", "red\nañá 東京 – …");
    }
}
