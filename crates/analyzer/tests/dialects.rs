//! Rate limits in every dialect, from a line of log to the report: `fixtures/limits/dialects.json`.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by saying where")]

use std::fmt::Write;
use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};
use tollgate_analyzer::{Analysis, Report};
use tollgate_log::{Input, ScanOptions};

/// Lines, and what the report must say of limits.
#[derive(Deserialize)]
struct Case {
    name: String,
    lines: Vec<Value>,
    limits: Vec<Map<String, Value>>,
}

fn limits_of(lines: &[Value]) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.jsonl");
    let mut text = String::new();
    lines.iter().for_each(|line| writeln!(text, "{line}").unwrap());
    fs::write(&path, text).unwrap();
    let inputs = Input::expand(path.to_str().unwrap()).unwrap();
    let analysis = Analysis::default();
    let options = ScanOptions::new(analysis.projection());
    let (gathered, read) = analysis.scan(&inputs, &options);
    let report = Report::new(&gathered, read.account, read.quarantine.samples());
    let report = serde_json::to_value(report).unwrap();
    let mut limits = report["rateLimits"].as_array().unwrap().clone();
    limits.sort_by_key(|limit| limit["bucket"].as_str().unwrap().to_owned());
    limits
}

#[test]
fn every_dialect_is_the_same_limit() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/limits/dialects.json");
    let cases: Vec<Case> = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    assert!(cases.len() >= 9);
    for Case { name, lines, limits } in cases {
        let found = limits_of(&lines);
        assert_eq!(found.len(), limits.len(), "{name}: {found:#?}");
        for (found, expected) in found.iter().zip(limits) {
            for (field, value) in expected {
                let same = found[&field] == value
                    || found[&field].as_f64() == value.as_f64() && value.is_number();
                assert!(same, "{name}: {field} is {}, expected {value}", found[&field]);
            }
        }
    }
}
