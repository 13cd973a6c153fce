//! `--explain`: a rule at length.

use tollgate_policy::Code;

use crate::texts::wrap;

/// The page of a code, wrapped to `width` columns.
pub(super) fn page(code: Code, width: usize) -> String {
    let heading = format!("{} ({}): {}", code, code.severity(), code.title());
    format!("{}\n{}", wrap(&heading, width, ""), wrap(code.explanation(), width, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

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
