//! Coverage as an `lcov` trace file (`man geninfo`, section FILES): a statement is a function and
//! its first line, a pattern or value is a line with a branch for true and one for false.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::{Coverage, PolicyCoverage};

pub(super) fn render(coverage: &Coverage) -> String {
    let mut files: BTreeMap<&str, Vec<&PolicyCoverage>> = BTreeMap::new();
    for policy in &coverage.policies {
        files.entry(&policy.source.name).or_default().push(policy);
    }
    let mut text = String::new();
    for (file, policies) in files {
        let _ = write!(text, "TN:\nSF:{file}\n{}end_of_record\n", record(&policies));
    }
    text
}

/// The lines between `SF` and `end_of_record`.
fn record(policies: &[&PolicyCoverage]) -> String {
    let statements = || policies.iter().flat_map(|policy| &policy.statements);
    let mut text = String::new();
    let mut lines: BTreeMap<u32, usize> = BTreeMap::new();
    let mut hit = 0;
    for statement in statements() {
        let line = statement.place.position().line;
        let name = format!("{}@{line}", statement.name);
        let _ = writeln!(text, "FN:{line},{name}\nFNDA:{},{name}", statement.matched);
        *lines.entry(line).or_default() += statement.matched;
        hit += usize::from(statement.matched > 0);
    }
    let _ = writeln!(text, "FNF:{}\nFNH:{hit}", statements().count());
    let (mut found, mut hit) = (0, 0);
    for (block, part) in statements().flat_map(|statement| &statement.parts).enumerate() {
        let line = part.place.position().line;
        *lines.entry(line).or_default() += part.seen_true;
        let reached = part.seen_true + part.seen_false > 0;
        let taken = |count: usize| if reached { count.to_string() } else { "-".to_owned() };
        let branches =
            if part.constant { &[part.seen_true][..] } else { &[part.seen_true, part.seen_false] };
        for (branch, count) in branches.iter().enumerate() {
            let _ = writeln!(text, "BRDA:{line},{block},{branch},{}", taken(*count));
            found += 1;
            hit += usize::from(*count > 0);
        }
    }
    let _ = writeln!(text, "BRF:{found}\nBRH:{hit}");
    for (line, count) in &lines {
        let _ = writeln!(text, "DA:{line},{count}");
    }
    let hit = lines.values().filter(|count| **count > 0).count();
    let _ = writeln!(text, "LF:{}\nLH:{hit}", lines.len());
    text
}
