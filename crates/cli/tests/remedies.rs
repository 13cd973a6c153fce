//! What a report proposes is done, and the log decided again: exactly what was promised is allowed.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by saying where")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn analyze(arguments: &[&str]) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_tollgate"))
        .args(["analyze", "--format", "json", "fixtures/github-proxy/logs"])
        .args(arguments)
        .current_dir(top())
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{errors}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A copy of the example's account.
fn copy(to: &Path) {
    let from = top().join("fixtures/github-proxy");
    fs::create_dir(to.join("policies")).unwrap();
    fs::copy(from.join("tollgate.toml"), to.join("tollgate.toml")).unwrap();
    for entry in fs::read_dir(from.join("policies")).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, to.join("policies").join(path.file_name().unwrap())).unwrap();
    }
}

/// Adds a statement to a policy file.
fn add_to_file(path: &Path, statement: &Value) {
    let mut policy: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    policy["Statement"].as_array_mut().unwrap().push(statement.clone());
    fs::write(path, policy.to_string()).unwrap();
}

/// Gives a principal one policy more, in the text of the manifest.
fn attach(folder: &Path, principal: &str, statement: &Value) {
    let policy = json!({ "Version": "2012-10-17", "Statement": [statement] });
    fs::write(folder.join("policies/remedy.json"), policy.to_string()).unwrap();
    let path = folder.join("tollgate.toml");
    let manifest = fs::read_to_string(&path).unwrap();
    let arn = format!("arn      = \"{principal}\"\n");
    let more = "policies/remedy.json";
    let manifest = match manifest.split_once(&arn) {
        None => {
            let entry = format!("[[principal]]\narn = \"{principal}\"\npolicies = [\"{more}\"]\n");
            manifest.replacen("[[api]]", &format!("{entry}\n[[api]]"), 1)
        }
        Some((before, after)) => match after.strip_prefix("policies = [") {
            Some(rest) => format!("{before}{arn}policies = [\"{more}\", {rest}"),
            None => format!("{before}{arn}policies = [\"{more}\"]\n{after}"),
        },
    };
    fs::write(path, manifest).unwrap();
}

fn apply(folder: &Path, change: &Value) {
    let statement = &change["statement"];
    match change["policyType"].as_str().unwrap() {
        "identity" => attach(folder, change["attachedTo"].as_str().unwrap(), statement),
        "permissionsBoundary" => add_to_file(&folder.join("policies/boundary.json"), statement),
        "resource" => add_to_file(&folder.join("policies/api.json"), statement),
        "serviceControl" => add_to_file(&folder.join("policies/full-access.json"), statement),
        other => assert_eq!(other, "", "no such layer in the example"),
    }
}

fn sum(remedy: &Value, all: bool) -> u64 {
    let also = remedy["alsoAllows"].as_array().unwrap().iter();
    also.filter(|each| each["all"] == all).map(|each| each["requests"].as_u64().unwrap()).sum()
}

#[test]
fn what_is_proposed_allows_what_was_promised_and_nothing_else() {
    let report = analyze(&["--account", "fixtures/github-proxy/tollgate.toml"]);
    let remedies = report["remedies"].as_array().unwrap();
    let mut tried = 0;
    for remedy in remedies.iter().filter(|remedy| remedy["changes"] != json!([])) {
        let folder = tempfile::tempdir().unwrap();
        copy(folder.path());
        remedy["changes"].as_array().unwrap().iter().for_each(|each| apply(folder.path(), each));
        let manifest = folder.path().join("tollgate.toml");
        let against = ["--against", "fixtures/github-proxy/tollgate.toml"];
        let account = ["--account", manifest.to_str().unwrap()];
        let changes = &analyze(&[account, against].concat())["changes"];
        let least = remedy["allows"].as_u64().unwrap() + sum(remedy, true);
        let allowed = changes["newlyAllowed"].as_u64().unwrap();
        assert!((least..=least + sum(remedy, false)).contains(&allowed), "{allowed}: {remedy:#}");
        assert_eq!(changes["newlyDenied"], 0, "{remedy:#}");
        assert_eq!(remedy["decision"], "allowed");
        assert_eq!(remedy["allows"], remedy["requests"], "{remedy:#}");
        tried += 1;
    }
    assert!(tried >= 4, "{remedies:#?}");
}

#[test]
fn against_an_explicit_deny_nothing_is_proposed_but_the_deny_is_named() {
    let report = analyze(&["--account", "fixtures/github-proxy/tollgate.toml"]);
    let denied = report["denied"].as_array().unwrap().iter();
    let explicit = denied
        .filter(|group| group["decision"] == "explicitDeny" && group["caller"] != "anonymous");
    let mut seen = 0;
    for group in explicit {
        let remedies = report["remedies"].as_array().unwrap().iter();
        let of_it: Vec<&Value> =
            remedies.filter(|each| each["blockedBy"] == group["determinedBy"]).collect();
        assert!(!of_it.is_empty(), "{group:#}");
        assert!(of_it.iter().all(|each| each["changes"] == json!([]) && each["allows"] == 0));
        seen += 1;
    }
    assert!(seen > 0);
}

#[test]
fn requests_that_passed_and_that_no_policy_allows_are_counted() {
    let report = analyze(&["--account", "fixtures/github-proxy/tollgate.toml"]);
    let groups = report["agreement"]["disagreements"].as_array().unwrap().iter();
    let passed =
        groups.filter(|group| group["logged"] == "passed" && group["decision"] != "allowed");
    let requests: u64 = passed.map(|group| group["requests"].as_u64().unwrap()).sum();
    assert_eq!(report["agreement"]["unexplained"], requests);
    assert!(requests > 0);
}
