//! Lines folded to the width of a terminal, which would cut into words.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::style::PAINTS;

/// Where a word may end a line. A text has none, as it has no width: [`in_a_line`](super::in_a_line).
const BREAK: char = '\u{200b}';

/// Ends lines between words, so that none is wider than `width`; those after the first are indented
/// by `hang`. A word that is wider, such as an ARN, ends lines between its parts, and a part that is wider
/// wherever it must.
pub(super) fn fold(line: &str, width: usize, hang: usize) -> String {
    let hang = hang.min(width / 2);
    let mut folded = String::with_capacity(line.len());
    // Where text begins, of the first line and of others.
    let mut start = columns(line) - columns(line.trim_start());
    let mut column = 0;
    for word in words(line) {
        let is_too_wide = columns(word.trim()) > width - hang;
        let pieces = if is_too_wide { breakable(&word) } else { word };
        for piece in pieces.split(BREAK).flat_map(|piece| cut(piece, width - hang)) {
            if column > start && column + columns(piece.trim_end()) > width {
                folded.truncate(folded.trim_end().len());
                folded.push('\n');
                folded.extend(std::iter::repeat_n(' ', hang));
                (start, column) = (hang, hang);
            }
            let piece = if column == start { piece.trim_start() } else { piece };
            folded.push_str(piece);
            column += columns(piece);
        }
    }
    folded
}

/// The widths of the parts of a text that stay whole if its words are too wide.
pub(super) fn pieces(text: &str) -> Vec<usize> {
    breakable(text).split(BREAK).map(|piece| columns(piece.trim_end())).collect()
}

/// A text that may be broken after spaces and colons and before slashes, before a point that a letter
/// follows, and around what is escaped: between words, and the parts of ARNs, paths and names.
fn breakable(text: &str) -> String {
    let mut breakable = String::with_capacity(text.len() + text.len() / 4);
    let mut chars = text.chars().peekable();
    let mut is_escaped = false;
    while let Some(c) = chars.next() {
        let next = chars.peek();
        let is_point = c == '.' && next.is_some_and(|next| next.is_alphabetic());
        is_escaped |= c == '\\' && next == Some(&'u');
        if c == '/' || is_point || c == '\\' {
            breakable.push(BREAK);
        }
        breakable.push(c);
        if matches!(c, ' ' | ':') || is_escaped && c == '}' {
            breakable.push(BREAK);
            is_escaped = false;
        }
    }
    breakable
}

/// A piece in parts of at most `width` columns. One that is painted stays whole.
fn cut(piece: &str, width: usize) -> Vec<&str> {
    let (mut parts, mut rest) = (Vec::new(), piece);
    while !rest.is_empty() {
        let is_whole = rest.trim_end().width() <= width || rest.contains('\u{1b}');
        let mut column = 0;
        let end = rest.char_indices().find(|(at, c)| {
            column += c.width().unwrap_or_default();
            !is_whole && *at > 0 && column > width
        });
        let (part, after) = rest.split_at(end.map_or(rest.len(), |(at, _)| at));
        parts.push(part);
        rest = after;
    }
    parts
}

/// Words, each with the blank after it. What is read as one is one: `43.0 %`, `GET /pets`.
fn words(line: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in line.split_inclusive(' ') {
        match words.last_mut() {
            Some(last) if word.starts_with(['%', '/']) => last.push_str(word),
            _ => words.push(word.to_owned()),
        }
    }
    words
}

/// How wide a text is: what it is painted with has no width.
fn columns(text: &str) -> usize {
    let painted = PAINTS.iter().map(|paint| text.matches(paint).count() * paint.width());
    text.width().saturating_sub(painted.sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, width: usize, expected: &[&str]) {
        let folded = fold(line, width, 4);
        assert_eq!(folded.lines().collect::<Vec<_>>(), expected, "\n{folded}");
        let joined = |text: &str| text.split_whitespace().collect::<String>();
        assert_eq!(joined(&folded), joined(line));
    }

    #[test]
    fn lines_end_between_words() {
        check("  used by ana, ben and 21 others", 40, &["  used by ana, ben and 21 others"]);
        check(
            "  used by ana, ben and 21 others",
            15,
            &["  used by ana,", "    ben and 21", "    others"],
        );
        check("  2026-03-10 02:05", 17, &["  2026-03-10", "    02:05"]);
    }

    #[test]
    fn what_is_read_as_one_stays_in_a_line() {
        check("  ana and ben  GET /pets/7", 20, &["  ana and ben", "    GET /pets/7"]);
        check("  half of them (43.0 %); x", 22, &["  half of them", "    (43.0 %); x"]);
        check("  by  /pets/1.json:8:9", 20, &["  by", "    /pets/1.json:8:9"]);
    }

    #[test]
    fn a_word_that_is_too_wide_ends_them_where_tables_break_it() {
        check(
            "  by arn:aws:iam::123456789012:user/ana now",
            20,
            &["  by arn:aws:iam::", "    123456789012:", "    user/ana now"],
        );
        check(
            "  /pets/0123456789abcdef0123 x",
            12,
            &["  /pets", "    /0123456", "    789abcde", "    f0123 x"],
        );
        check("  /東京東京 x", 9, &["  /東京", "    東京", "    x"]);
    }

    #[test]
    fn what_is_escaped_stays_whole() {
        let line = "  web/\\u{1b}]0;pwned\\u{7}x\\u{202e}y\\n";
        check(line, 16, &["  web/\\u{1b}", "    ]0;pwned", "    \\u{7}x", "    \\u{202e}y\\n"]);
    }

    #[test]
    fn paint_has_no_width_and_some_characters_are_wide() {
        check("  \u{1b}[31mred\u{1b}[0m and", 9, &["  \u{1b}[31mred\u{1b}[0m and"]);
        check("  東京 東京", 11, &["  東京 東京"]);
        check("  東京 東京", 10, &["  東京", "    東京"]);
    }
}
