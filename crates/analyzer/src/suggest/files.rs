//! The names of the files that policies are written to.

use std::collections::BTreeSet;

use tollgate_store::Subject;

/// The names of principals' policies as files, without `.json`: `role-issues-reader`, `user-ops-ben`. No
/// two are alike.
pub fn file_names(principals: &[&Subject]) -> Vec<String> {
    let mut names = Names::default();
    principals.iter().map(|subject| names.unique(plain(subject.arn()))).collect()
}

fn plain(arn: &str) -> String {
    let name = arn.splitn(6, ':').nth(5).unwrap_or(arn);
    let safe = |letter: char| letter.is_ascii_alphanumeric() || "-_.+=,@".contains(letter);
    name.chars().map(|letter| if safe(letter) { letter } else { '-' }).collect()
}

/// Names that are given once, also where files are told apart by their letters alone.
#[derive(Default)]
pub(crate) struct Names(BTreeSet<String>);

impl Names {
    /// Names that are given already.
    pub(crate) fn of(given: &[String]) -> Names {
        Names(given.iter().map(|name| name.to_ascii_lowercase()).collect())
    }

    /// The names of so many policies of one name.
    pub(crate) fn numbered(&mut self, name: String, policies: usize) -> Vec<String> {
        match policies {
            0 | 1 => vec![name],
            many => (1..=many).map(|number| self.unique(format!("{name}-{number}"))).collect(),
        }
    }

    /// The name, with a number if it is given already. No principal's own name has a `~`.
    pub(crate) fn unique(&mut self, name: String) -> String {
        let mut candidate = name.clone();
        let mut number = 1;
        while !self.0.insert(candidate.to_ascii_lowercase()) {
            number += 1;
            candidate = format!("{name}~{number}");
        }
        candidate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_are_given_once() {
        let arns = ["iam::111122223333:role/a/b", "iam::111122223333:role/a-B", "iam::1:role/a/b"];
        let mut names = Names::default();
        let given = arns.map(|arn| names.unique(plain(&format!("arn:aws:{arn}"))));
        assert_eq!(given, ["role-a-b", "role-a-B~2", "role-a-b~3"]);
        assert_eq!(Names::of(&given).unique("role-a-b".to_owned()), "role-a-b~4");
    }
}
