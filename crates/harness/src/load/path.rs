//! Paths in test files are relative to the file that names them.

/// The path of a file that `from` calls `named`, with `.` and `..` taken out as far as possible.
pub(crate) fn beside(from: &str, named: &str) -> String {
    if named.starts_with('/') {
        return named.to_owned();
    }
    let folder = from.rsplit_once('/').map_or("", |(folder, _)| folder);
    let root = if folder.starts_with('/') || (folder.is_empty() && from.starts_with('/')) {
        "/"
    } else {
        ""
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(named.split('/')) {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            other => parts.push(other),
        }
    }
    format!("{root}{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::beside;

    #[track_caller]
    fn check(from: &str, named: &str, expected: &str) {
        assert_eq!(beside(from, named), expected, "{named} named by {from}");
    }

    #[test]
    fn paths_are_relative_to_the_file_that_names_them() {
        check("a.test.yaml", "dev.json", "dev.json");
        check("tests/a.test.yaml", "dev.json", "tests/dev.json");
        check("tests/a.test.yaml", "../policies/./dev.json", "policies/dev.json");
        check("a.test.yaml", "../dev.json", "../dev.json");
        check("/w/tests/a.test.yaml", "../dev.json", "/w/dev.json");
        check("tests/a.test.yaml", "/etc/dev.json", "/etc/dev.json");
    }
}
