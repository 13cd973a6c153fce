//! Lines folded to the width of a terminal, which would cut into words.

use unicode_width::UnicodeWidthStr;

use super::style::PAINTS;
use super::table::{BREAK, breakable};

/// Ends lines between words, so that none is wider than `width`; those after the first are indented
/// by `hang`. A word that is wider, such as an ARN, ends lines where tables break it.
pub(super) fn fold(line: &str, width: usize, hang: usize) -> String {
    let hang = hang.min(width / 2);
    let (mut folded, mut column) = (String::with_capacity(line.len()), 0);
    for word in words(line) {
        let is_too_wide = columns(word.trim()) > width - hang;
        let pieces = if is_too_wide { breakable(&word) } else { word };
        for piece in pieces.split(BREAK).filter(|piece| !piece.is_empty()) {
            if column > hang && column + columns(piece.trim_end()) > width {
                folded.truncate(folded.trim_end().len());
                folded.push('\n');
                folded.extend(std::iter::repeat_n(' ', hang));
                column = hang;
            }
            let piece = if column == hang { piece.trim_start() } else { piece };
            folded.push_str(piece);
            column += columns(piece);
        }
    }
    folded
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
            &["  /pets", "    /0123456789abcdef0123", "    x"],
        );
    }

    #[test]
    fn paint_has_no_width_and_some_characters_are_wide() {
        check("  \u{1b}[31mred\u{1b}[0m and", 9, &["  \u{1b}[31mred\u{1b}[0m and"]);
        check("  東京 東京", 11, &["  東京 東京"]);
        check("  東京 東京", 10, &["  東京", "    東京"]);
    }
}
