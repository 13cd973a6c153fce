//! Documents that must or must not parse: every case of `fixtures/documents`, with what is said
//! about it word for word, and where.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tollgate_policy::{Diagnostic, PolicyDocument, PolicyType};

/// One document. Its text is `text`, or `document` exactly as it stands in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(rename = "type")]
    policy_type: String,
    document: Option<Box<RawValue>>,
    text: Option<String>,
    #[serde(default)]
    errors: Vec<Finding>,
}

#[derive(Debug, Deserialize, Serialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Finding {
    code: String,
    /// Line and column.
    at: String,
    /// What the span covers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    covers: Option<String>,
    pointer: String,
    message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    help: Option<String>,
}

impl Finding {
    fn of(error: &Diagnostic, source: &str) -> Finding {
        let covered = &source[error.span.range()];
        Finding {
            code: error.code.to_string(),
            at: error.position.to_string(),
            covers: (covered.len() <= 80).then(|| covered.to_owned()),
            pointer: error.pointer.clone(),
            message: error.message.clone(),
            help: error.help(),
        }
    }
}

impl Case {
    fn source(&self) -> &str {
        match (&self.document, &self.text) {
            (Some(document), None) => document.get(),
            (None, Some(text)) => text,
            _ => panic!("`{}` needs a document or a text", self.name),
        }
    }

    fn policy_type(&self) -> PolicyType {
        let named = |policy_type: &PolicyType| policy_type.as_str() == self.policy_type;
        PolicyType::ALL.into_iter().find(named).unwrap()
    }

    /// What is said about the document; nothing if it parses.
    fn findings(&self) -> Vec<Finding> {
        match PolicyDocument::parse(self.source(), self.policy_type()) {
            Ok(document) => {
                self.check_round_trip(&document);
                Vec::new()
            }
            Err(errors) => {
                errors.errors().iter().map(|error| Finding::of(error, self.source())).collect()
            }
        }
    }

    fn check_round_trip(&self, document: &PolicyDocument) {
        let printed = document.to_json();
        let read = PolicyDocument::parse(&printed, self.policy_type());
        assert_eq!(read.as_ref(), Ok(document), "`{}` printed as {printed}", self.name);
    }
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/documents")
}

fn cases() -> Vec<(String, Case)> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(fixtures()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let cases = files.into_iter().flat_map(|path| {
        let cases: Vec<Case> = serde_json::from_str(&fs::read_to_string(&path).unwrap())
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        cases.into_iter().map(move |case| (format!("{stem}/{}", case.name), case))
    });
    cases.collect()
}

#[test]
fn every_document_is_accepted_or_refused_as_written_down() {
    let cases = cases();
    assert!(cases.len() >= 120, "only {} cases", cases.len());
    let mut failed = Vec::new();
    for (name, case) in cases {
        let findings = case.findings();
        if findings != case.errors {
            let findings = serde_json::to_string_pretty(&findings).unwrap();
            failed.push(format!("{name}: {findings}"));
        }
    }
    assert!(failed.is_empty(), "{} cases differ:\n{}", failed.len(), failed.join("\n"));
}

/// What the shared cases call an error, and the codes that it may have here.
const SHARED_KINDS: [(&str, &[&str]); 14] = [
    ("json", &["json-syntax", "too-deep", "wrong-type"]),
    ("missing-statement", &["missing-statement"]),
    ("effect", &["unknown-effect"]),
    ("duplicate-key", &["duplicate-key"]),
    ("duplicate-condition-key", &["duplicate-condition-key"]),
    ("missing-action", &["missing-action"]),
    ("principal-in-identity", &["forbidden-element"]),
    ("sid", &["invalid-sid"]),
    ("operator", &["unknown-operator"]),
    ("action", &["invalid-action", "variable-not-allowed"]),
    ("resource", &["invalid-resource"]),
    ("element", &["unknown-element"]),
    ("condition", &["wrong-type"]),
    ("variable", &["invalid-variable"]),
];

#[derive(Deserialize)]
struct SharedCase {
    id: String,
    doc: String,
    expect: String,
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test reads where the shared cases are")]
fn the_shared_documents_are_refused_for_their_reason() {
    let Ok(shared) = std::env::var("TOLLGATE_SHARED") else {
        eprintln!("skipped: TOLLGATE_SHARED is not set");
        return;
    };
    let path = Path::new(&shared).join("conformance/documents.json");
    let cases: Vec<SharedCase> = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    assert!(!cases.is_empty());
    for SharedCase { id, doc, expect } in cases {
        let doc = if doc.starts_with('<') { "[".repeat(100_000) } else { doc };
        let kind = expect.strip_prefix("error:").unwrap().split([' ', '(']).next().unwrap();
        let (_, codes) = SHARED_KINDS.iter().find(|(known, _)| *known == kind).unwrap();
        let errors = PolicyDocument::parse(&doc, PolicyType::Identity).unwrap_err();
        let code = errors.first().code.as_str();
        assert!(codes.contains(&code), "{id}: {code} instead of {expect}");
        if expect.contains("ok (resource)") {
            let with_principal = doc.replace("\"Effect\"", "\"Principal\":\"*\",\"Effect\"");
            assert!(PolicyDocument::parse(&with_principal, PolicyType::Resource).is_ok(), "{id}");
        }
    }
}
