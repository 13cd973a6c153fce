//! `--explain`: a rule at length.

use tollgate_policy::Code;

/// The page of a code, wrapped to `width` columns.
pub(super) fn page(code: Code, width: usize) -> String {
    let heading = format!("{} ({}): {}", code, code.severity(), code.title());
    format!("{}\n{}", wrap(&heading, width), wrap(code.explanation(), width))
}

/// Breaks text at blanks into lines of at most `width` characters; a longer word has its own line.
fn wrap(text: &str, width: usize) -> String {
    let mut wrapped = String::new();
    let mut column = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > width {
            wrapped.push('\n');
            column = 0;
        } else if column > 0 {
            wrapped.push(' ');
            column += 1;
        }
        wrapped.push_str(word);
        column += length;
    }
    wrapped.push('\n');
    wrapped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_blanks() {
        assert_eq!(wrap("aa bb cccccc d", 5), "aa bb\ncccccc\nd\n");
    }

    #[test]
    fn every_code_has_a_page() {
        for code in Code::ALL {
            let page = page(*code, 80);
            assert!(
                page.lines().count() >= 3 && page.lines().all(|line| line.chars().count() <= 80)
            );
        }
    }
}
