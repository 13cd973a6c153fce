//! `tollgate convert`, as a user runs it: from the top of the repository.

#![expect(clippy::unwrap_used, reason = "a test fails by saying where")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

const LOGS: &str = "fixtures/github-proxy/logs";
const ACCOUNT: &str = "fixtures/github-proxy/tollgate.toml";

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn tollgate(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tollgate"))
        .args(arguments)
        .current_dir(top())
        .output()
        .unwrap()
}

#[track_caller]
fn json(arguments: &[&str]) -> Value {
    let output = tollgate(arguments);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{errors}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn analyze(input: &str) -> Value {
    json(&["analyze", "--account", ACCOUNT, "--format", "json", input])
}

#[test]
fn the_table_is_analysed_as_the_log_was() {
    let folder = tempfile::tempdir().unwrap();
    let original = analyze(LOGS);
    for to in ["parquet", "arrow", "csv", "jsonl"] {
        let out = folder.path().join(to);
        let out = out.to_str().unwrap();
        let report = json(&["convert", LOGS, "--to", to, "--out", out, "--format", "json"]);
        for (what, lines) in report["lines"].as_object().unwrap() {
            assert_eq!(*lines, original["lines"][what], "{what} of {to}");
        }
        let table = analyze(out);
        for part in ["usage", "rateLimits", "denied", "agreement"] {
            assert_eq!(table[part], original[part], "{part} of {to}");
        }
    }
}

#[test]
fn a_resumed_run_reads_nothing_twice() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state.json");
    let (state, out) = (state.to_str().unwrap(), folder.path().join("table"));
    let run = || {
        let out = out.to_str().unwrap();
        json(&["convert", LOGS, "--state", state, "--out", out, "--format", "json"])
    };
    assert_ne!(run()["lines"]["total"], 0);
    assert_eq!(run()["lines"]["total"], 0);
}

#[test]
fn strict_fails_above_its_percentage() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("calls.csv");
    let code = |strict: &str| {
        let out = out.to_str().unwrap();
        let output = tollgate(&["convert", strict, LOGS, "--to", "csv", "--out", out]);
        output.status.code()
    };
    assert_eq!(code("--strict"), Some(2));
    assert_eq!(code("--strict=50"), Some(0));
}

#[test]
fn a_wrong_log_format_is_said() {
    let format = "$context.httpMethod$context.path";
    let output = tollgate(&["convert", LOGS, "--out", "/nowhere", "--log-format", format]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2));
    assert!(errors.contains("expected text between `$context.httpMethod`"), "{errors}");
}

#[test]
fn what_an_input_was_taken_for_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("table");
    let log = "fixtures/logs/tail-detailed-clf.txt";
    let output = tollgate(&["convert", "--verbose", log, "--out", out.to_str().unwrap()]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("stamped-with-stream › access, 11 variables"), "{errors}");
}

/// What `[log]` of a manifest tells, beside logs that need it.
const TOLD: &str = "fixtures/told";

#[test]
fn a_manifest_tells_what_logs_cannot() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("table.jsonl");
    let manifest = format!("{TOLD}/tollgate.toml");
    let logs = [
        format!("{TOLD}/legacy/access.txt"),
        format!("{TOLD}/orders.jsonl"),
        format!("{TOLD}/own-names.jsonl"),
    ];
    let convert = ["convert", "--to", "jsonl", "--account", &manifest, "--out"];
    let logs = logs.iter().map(String::as_str);
    let report = tollgate(
        &convert.into_iter().chain([out.to_str().unwrap()]).chain(logs).collect::<Vec<_>>(),
    );
    assert_eq!(report.status.code(), Some(0), "{}", String::from_utf8_lossy(&report.stderr));
    insta::assert_snapshot!(std::fs::read_to_string(&out).unwrap());
}

#[test]
fn a_manifest_whose_log_is_wrong_is_refused_with_the_places() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = folder.path().join("tollgate.toml");
    let text = "account = \"111122223333\"\nregion = \"eu-west-1\"\n[log]\n\
                names = { who = \"$context.identity.userAnr\", ms = \"latenzy\" }\n\
                [[log.format]]\ntemplate = \"no variable\"\n\
                [[log.format]]\npaths = \"logs\"\n\
                [[log.format]]\nfrom = \"stage.json\"\n";
    std::fs::write(&manifest, text).unwrap();
    let manifest = manifest.to_str().unwrap();
    let output = tollgate(&["convert", "--account", manifest, "--out", "never", LOGS]);
    assert_eq!(output.status.code(), Some(2));
    let errors =
        String::from_utf8_lossy(&output.stderr).replace(folder.path().to_str().unwrap(), "");
    insta::assert_snapshot!(errors);
}
