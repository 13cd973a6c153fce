//! `tollgate check`, as a user runs it: from the top of the repository.

use std::fs;
use std::process::Output;

use serde_json::Value;

use crate::support::{run, tollgate, top};

fn check(arguments: &[&str], stdin: &[u8]) -> Output {
    run(&mut tollgate(&[&["check"], arguments].concat()), stdin)
}

/// Runs, expects the exit code and nothing on standard error, and gives standard output.
#[track_caller]
fn stdout(arguments: &[&str], stdin: &str, code: i32) -> String {
    let output = check(arguments, stdin.as_bytes());
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(code));
    String::from_utf8(output.stdout).unwrap()
}

/// Expects exit code 2, nothing on standard output, and `expected` on standard error.
#[track_caller]
fn check_refused(arguments: &[&str], stdin: &[u8], expected: &str) {
    let output = check(arguments, stdin);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    assert!(errors.contains(expected), "expected `{expected}` in\n{errors}");
}

#[track_caller]
fn json(arguments: &[&str], code: i32) -> Value {
    let report: Value =
        serde_json::from_str(&stdout(&[arguments, &["--format", "json"]].concat(), "", code))
            .unwrap();
    let schema = fs::read_to_string(top().join("fixtures/schemas/check.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(&report)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
    report
}

#[test]
fn all_errors_are_shown_with_their_lines() {
    insta::assert_snapshot!(stdout(&["fixtures/check/broken.json"], "", 1));
}

#[test]
fn a_long_line_is_cut_around_the_place() {
    insta::assert_snapshot!(stdout(&["fixtures/check/trap.json"], "", 0));
}

#[test]
fn a_folder_is_its_json_files() {
    let text = stdout(&["--type", "identity", "fixtures/check"], "", 1);
    let summary: Vec<&str> = text.lines().rev().take(4).collect();
    assert_eq!(
        summary,
        [
            "3 files checked: 6 errors",
            "fixtures/check/trap.json (identity-based policy): 1 error",
            "fixtures/check/clean.json (identity-based policy): nothing found",
            "fixtures/check/broken.json (identity-based policy): 5 errors",
        ]
    );
}

#[test]
fn globs_choose_files() {
    let report = json(&["fixtures/check/{clean,trap}.*son"], 0);
    let names: Vec<_> =
        report["files"].as_array().unwrap().iter().map(|file| &file["path"]).collect();
    assert_eq!(names, ["fixtures/check/clean.json", "fixtures/check/trap.json"]);
}

#[test]
fn the_manifest_says_what_a_policy_is() {
    let types = |report: &Value| -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let files = report["files"].as_array().unwrap();
        files.iter().map(|it| (text(&it["policyType"]), text(&it["policyTypeFrom"]))).collect()
    };
    let manifest = ["--account", "fixtures/check/tollgate.toml"];
    let of = |policy_type: &str, from: &str| (policy_type.to_owned(), from.to_owned());
    let all = ["identity", "permissionsBoundary", "serviceControl", "resource"];
    assert_eq!(types(&json(&manifest, 0)), all.map(|it| of(it, "manifest")));
    let one = [&manifest[..], &["fixtures/check/./trap.json"]].concat();
    assert_eq!(types(&json(&one, 0)), [of("resource", "manifest")]);
    let other = [&manifest[..], &["fixtures/check/broken.json"]].concat();
    assert_eq!(types(&json(&other, 1)), [of("identity", "guess")]);
    let flag = [&one[..], &["--type", "vpcEndpoint"]].concat();
    assert_eq!(types(&json(&flag, 0)), [of("vpcEndpoint", "flag")]);
}

#[test]
fn json_says_what_the_text_says() {
    let report = json(&["fixtures/check/broken.json"], 1);
    assert_eq!((&report["errors"], &report["warnings"]), (&Value::from(5), &Value::from(0)));
    let findings = report["files"][0]["findings"].as_array().unwrap();
    let repeated = findings.iter().find(|it| it["code"] == "duplicate-key").unwrap();
    assert_eq!(
        (&repeated["line"], &repeated["related"]["line"]),
        (&Value::from(5), &Value::from(5))
    );
    let source = fs::read_to_string(top().join("fixtures/check/broken.json")).unwrap();
    let offset = |at: usize| usize::try_from(repeated["bytes"][at].as_u64().unwrap()).unwrap();
    assert_eq!(&source[offset(0)..offset(1)], "\"Effect\"");
}

#[test]
fn sarif_has_what_version_2_1_0_requires() {
    let text = stdout(&["--format", "sarif", "fixtures/check"], "", 1);
    let log: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    assert_eq!(run["columnKind"], "unicodeCodePoints");
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    assert_eq!(run["tool"]["driver"]["name"], "tollgate");
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), 6);
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        assert!(["note", "warning", "error"].contains(&result["level"].as_str().unwrap()));
        assert!(!result["message"]["text"].as_str().unwrap().is_empty());
        for list in ["locations", "relatedLocations"] {
            for location in result[list].as_array().unwrap() {
                let physical = &location["physicalLocation"];
                let uri = physical["artifactLocation"]["uri"].as_str().unwrap();
                assert!(uri.starts_with("fixtures/check/"), "{uri}");
                assert!(physical["region"]["startLine"].as_u64().unwrap() >= 1);
                assert!(physical["region"]["startColumn"].as_u64().unwrap() >= 1);
            }
        }
    }
}

#[test]
fn a_report_goes_to_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("report.txt");
    let arguments = ["fixtures/check/clean.json", "--out", out.to_str().unwrap()];
    assert_eq!(stdout(&arguments, "", 0), "");
    assert!(fs::read_to_string(out).unwrap().contains("1 file checked: nothing found"));
}

#[test]
fn strict_fails_on_warnings() {
    assert!(stdout(&["fixtures/check/trap.json", "--strict"], "", 1).contains("1 warning"));
    assert!(stdout(&["fixtures/check/clean.json", "--strict"], "", 0).contains("nothing found"));
}

#[test]
fn standard_input_is_read() {
    let text = stdout(&["-"], "{\"Statement\": [1, {}]}", 1);
    assert!(text.contains("standard input (identity-based policy, a guess): 4 errors"), "{text}");
}

#[test]
fn more_errors_than_are_kept_are_counted() {
    let text = stdout(&["-"], &format!("{{\"Statement\": [{}1]}}", "1,".repeat(149)), 1);
    let summary =
        "standard input (identity-based policy, a guess): 150 errors, 50 of the errors not shown";
    assert!(text.contains(summary), "{text}");
}

#[test]
fn a_code_is_explained() {
    insta::assert_snapshot!(stdout(&["--explain", "stage-wildcard"], "", 0));
    check_refused(&["--explain", "stage-wild"], b"", "a similar value exists: 'stage-wildcard'");
}

#[test]
fn what_cannot_be_read_is_refused() {
    check_refused(&["no-such.json"], b"", "cannot read `no-such.json`");
    check_refused(&["no-such-*.json"], b"", "found none");
    check_refused(&["crates/cli/src/check"], b"", "expected policy files (`.json`)");
    check_refused(&["-"], b"{\"Statement\": \xff}", "expected UTF-8, byte 14 is not");
    check_refused(&["--account", "no-such.toml"], b"", "cannot read the account manifest");
    check_refused(&[], b"", "required arguments");
}
