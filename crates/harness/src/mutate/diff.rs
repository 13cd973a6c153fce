//! Which lines of which files a change touches: the output of `git diff --unified=0`.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use crate::place::Place;

/// Changed lines by file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changed(BTreeMap<String, Vec<RangeInclusive<u32>>>);

impl Changed {
    /// Reads a unified diff. Paths are as it names the new files, without their `b/`; lines are
    /// those of the new files. Where lines were only removed, the lines around the gap count.
    pub fn parse(diff: &str) -> Changed {
        let mut changed = Changed::default();
        let mut file = None;
        for line in diff.lines() {
            if let Some(path) = line.strip_prefix("+++ ") {
                file = path.strip_prefix("b/").map(str::to_owned);
            } else if let (Some(file), Some(lines)) = (&file, hunk(line)) {
                changed.0.entry(file.clone()).or_default().push(lines);
            }
        }
        changed
    }

    /// Whether any changed line lies in a place. A file is known by the end of its path, so that it
    /// does not matter in which folder of the repository the tool runs.
    pub fn touches(&self, place: &Place) -> bool {
        let first = place.position().line;
        let lines = u32::try_from(place.text().matches('\n').count()).unwrap_or(u32::MAX);
        let last = first.saturating_add(lines);
        let name = place.file();
        let same = |path: &str| {
            let ends_with = |long: &str, short: &str| {
                long.strip_suffix(short).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
            };
            ends_with(path, name) || ends_with(name, path)
        };
        let files = self.0.iter().filter(|(path, _)| same(path));
        files
            .flat_map(|(_, ranges)| ranges)
            .any(|range| *range.start() <= last && first <= *range.end())
    }
}

/// The new file's lines of `@@ -a,b +c,d @@`.
fn hunk(line: &str) -> Option<RangeInclusive<u32>> {
    let new = line.strip_prefix("@@ ")?.split(' ').find_map(|field| field.strip_prefix('+'))?;
    let (start, count) = new.split_once(',').unwrap_or((new, "1"));
    let (start, count): (u32, u32) = (start.parse().ok()?, count.parse().ok()?);
    Some(match count {
        0 => start..=start + 1,
        count => start..=start + count - 1,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place::SourceFile;

    const DIFF: &str = "diff --git a/policies/dev.json b/policies/dev.json\n\
        --- a/policies/dev.json\n+++ b/policies/dev.json\n@@ -3 +3,2 @@ x\n-a\n+b\n+c\n@@ -9,2 +10,0 @@\n-d\n-e\n";

    #[track_caller]
    fn check(name: &str, line: usize, expected: bool) {
        let text = "x\n".repeat(20);
        let source = SourceFile::new(name, text);
        let start = (line - 1) * 2;
        let place = Place::new(&source, tollgate_policy::Span::new(start, start + 1));
        assert_eq!(Changed::parse(DIFF).touches(&place), expected, "{name}:{line}");
    }

    #[test]
    fn lines_added_and_gaps_count() {
        for (line, expected) in
            [(2, false), (3, true), (4, true), (5, false), (10, true), (11, true), (12, false)]
        {
            check("policies/dev.json", line, expected);
        }
    }

    #[test]
    fn the_folder_that_the_tool_runs_in_does_not_matter() {
        check("dev.json", 3, true);
        check("/repo/policies/dev.json", 3, true);
        check("other/dev.json", 3, false);
        check("mydev.json", 3, false);
    }
}
