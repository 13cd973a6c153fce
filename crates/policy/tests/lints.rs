//! Lints: every case of `fixtures/lints`, a file a rule, with what is said word for word. Each file
//! has a hit and a near miss.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tollgate_policy::{Code, Diagnostic, PolicyDocument, PolicyType, Severity};

/// One document, exactly as it stands in the file; or `filled` up to a number of characters with
/// statements, for what depends on length.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(rename = "type")]
    policy_type: String,
    document: Option<Box<RawValue>>,
    filled: Option<usize>,
    #[serde(default)]
    findings: Vec<Finding>,
}

#[derive(Debug, Deserialize, Serialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Finding {
    code: String,
    at: String,
    covers: String,
    pointer: String,
    message: String,
    suggestion: Option<String>,
}

impl Finding {
    fn of(finding: &Diagnostic, source: &str) -> Finding {
        assert_ne!(finding.severity(), Severity::Error, "{finding}");
        Finding {
            code: finding.code.to_string(),
            at: finding.position.to_string(),
            covers: source.get(finding.span.range()).unwrap().to_owned(),
            pointer: finding.pointer.clone(),
            message: finding.message.clone(),
            suggestion: finding.suggestion.clone(),
        }
    }
}

impl Case {
    fn source(&self) -> String {
        match (&self.document, self.filled) {
            (Some(document), None) => document.get().to_owned(),
            (None, Some(characters)) => filled(characters),
            _ => panic!("`{}` needs a document or a length", self.name),
        }
    }

    fn findings(&self) -> Vec<Finding> {
        let source = self.source();
        let named = |policy_type: &PolicyType| policy_type.as_str() == self.policy_type;
        let policy_type = PolicyType::ALL.into_iter().find(named).unwrap();
        let document = PolicyDocument::parse(&source, policy_type)
            .unwrap_or_else(|errors| panic!("`{}`: {errors}", self.name));
        document.lint().iter().map(|finding| Finding::of(finding, &source)).collect()
    }
}

/// A document of so many characters, without and with white space beside them.
fn filled(characters: usize) -> String {
    let head = "{\"Statement\":[{\"Effect\":\"Deny\",\"Action\":\"execute-api:Invoke\",\"Resource\":\"*\",\n\t   \"Condition\":{\"StringEquals\":{\"a:b\":\"";
    let tail = "\"}}}]}";
    let white = head.chars().filter(|character| character.is_whitespace()).count();
    let missing = characters - (head.len() - white) - tail.len();
    format!("{head}{}{tail}", "x".repeat(missing))
}

fn files() -> Vec<(String, Vec<Case>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/lints");
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let read = |path: PathBuf| {
        let cases = serde_json::from_str(&fs::read_to_string(&path).unwrap())
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        (path.file_stem().unwrap().to_string_lossy().into_owned(), cases)
    };
    paths.into_iter().map(read).collect()
}

#[test]
fn every_finding_is_as_written_down() {
    let mut failed = Vec::new();
    for (code, cases) in files() {
        for case in cases {
            let findings = case.findings();
            if findings != case.findings {
                let findings = serde_json::to_string_pretty(&findings).unwrap();
                failed.push(format!("{code}/{}: {findings}", case.name));
            }
        }
    }
    assert!(failed.is_empty(), "{} cases differ:\n{}", failed.len(), failed.join("\n"));
}

#[test]
fn every_rule_has_a_hit_and_a_near_miss() {
    let rules = Code::ALL.iter().filter(|code| code.severity() != Severity::Error);
    let rules: BTreeSet<String> = rules.map(|code| code.to_string()).collect();
    let files = files();
    assert_eq!(rules, files.iter().map(|(code, _)| code.clone()).collect());
    for (code, cases) in files {
        let hits = |case: &Case| case.findings.iter().any(|finding| finding.code == code);
        assert!(cases.iter().any(hits), "no hit of `{code}`");
        assert!(!cases.iter().all(hits), "no near miss of `{code}`");
    }
}
