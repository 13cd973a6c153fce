//! `tollgate test` from the outside: what it prints, writes and ends with.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::support::tollgate;

const POLICY: &str = r#"{
  "Version": "2012-10-17",
  "Statement": {
    "Sid": "ReadPets",
    "Effect": "Allow",
    "Action": "execute-api:Invoke",
    "Resource": "arn:aws:execute-api:eu-west-1:111122223333:a1b2c3/prod/GET/pets/*"
  }
}
"#;

const TEST: &str = "\
policies: { identity: pets.json }
principals: { dev: \"arn:aws:iam::111122223333:role/dev\" }
tests:
  - { name: pets are readable, principal: dev, request: { method: GET, path: [/pets/1, /pets/2] }, expect: allow }
  - { name: nothing else is, principal: dev, request: { method: GET, path: /keys/1 }, expect: deny }
";

/// A folder with a policy and its tests.
fn folder(test: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("pets.json"), POLICY).unwrap();
    fs::write(folder.path().join("pets.test.yaml"), test).unwrap();
    folder
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = tollgate(&[&["test"], arguments].concat());
    command.current_dir(folder);
    command
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    command(folder, arguments).output().unwrap()
}

/// Exit code and standard output.
#[track_caller]
fn check(test: &str, arguments: &[&str], code: i32) -> String {
    let folder = folder(test);
    let output = run(folder.path(), arguments);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}\n{stderr}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn passing_tests_end_with_0() {
    assert_eq!(check(TEST, &[], 0), "3 tests in 1 file: 3 passed\n");
}

#[test]
fn a_failing_test_ends_with_1() {
    let wrong = TEST.replace("expect: deny", "expect: allow");
    insta::assert_snapshot!(check(&wrong, &[], 1));
}

#[test]
fn what_cannot_be_read_ends_with_2() {
    let folder = folder(&TEST.replace("expect: deny", "expects: deny"));
    let output = run(folder.path(), &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    insta::assert_snapshot!(String::from_utf8_lossy(&output.stderr));
}

#[test]
fn no_tests_found_ends_with_2() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(run(folder.path(), &[]).status.code(), Some(2));
    check("tests: []\n", &[], 2);
    check(TEST, &["--filter", "no such test"], 2);
}

#[test]
fn thresholds_unmet_end_with_3() {
    check(TEST, &["--fail-under", "90"], 3);
    check(TEST, &["--mutate", "--min-score", "100"], 3);
    check(TEST, &["--fail-under", "50"], 0);
}

#[test]
fn survivors_are_findings_unless_a_threshold_says_how_many_may() {
    check(TEST, &["--mutate"], 1);
    check(TEST, &["--mutate", "--min-score", "10"], 0);
}

#[test]
fn list_prints_ids_and_runs_nothing() {
    let list = check(&TEST.replace("deny", "allow"), &["--list", "--filter", "readable"], 0);
    assert_eq!(
        list,
        "pets.test.yaml::pets are readable::path=/pets/1\npets.test.yaml::pets are readable::path=/pets/2\n"
    );
}

#[test]
fn fail_fast_stops_at_the_first() {
    let wrong = TEST.replace("expect: allow", "expect: deny");
    let text = check(&wrong, &["--fail-fast"], 1);
    assert!(text.ends_with("1 test in 1 file: 0 passed, 1 failed, 2 not reached\n"), "{text}");
}

#[test]
fn several_reports_at_once_and_one_on_standard_output() {
    let folder = folder(TEST);
    let outs =
        ["junit=r.xml", "sarif=r.sarif", "tap=r.tap", "json=r.json", "lcov=r.info", "html=r.html"];
    let mut arguments = vec!["--format", "github"];
    outs.iter().for_each(|out| arguments.extend(["--out", out]));
    let output = run(folder.path(), &arguments);
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stdout.is_empty(), "nothing failed, so there is nothing to annotate");
    for out in outs {
        let path = folder.path().join(out.split_once('=').unwrap().1);
        assert!(fs::metadata(&path).unwrap().len() > 100, "{out}");
    }
    let report: serde_json::Value =
        serde_json::from_slice(&fs::read(folder.path().join("r.json")).unwrap()).unwrap();
    assert_eq!(report["counts"]["passed"], 3);
    assert!(report["coverage"]["percent"].is_number(), "coverage was measured for lcov");
}

#[test]
fn coverage_in_a_machine_format_is_all_of_standard_output() {
    assert!(check(TEST, &["--coverage", "lcov"], 0).starts_with("TN:\nSF:pets.json\n"));
    assert!(check(TEST, &["--coverage", "html"], 0).starts_with("<!DOCTYPE html>"));
    assert!(
        check(TEST, &["--coverage"], 0).starts_with("3 tests in 1 file: 3 passed\n\ncoverage ")
    );
    check(TEST, &["--coverage", "html", "--format", "json"], 2);
}

#[test]
fn accepting_writes_the_snapshot_and_what_changes_afterwards_fails() {
    let folder = folder(&format!("snapshot: pets.snap\n{TEST}"));
    let code = |arguments: &[&str]| run(folder.path(), arguments).status.code();
    assert_eq!(code(&[]), Some(1), "nothing has been accepted yet");
    assert_eq!(code(&["--accept"]), Some(0));
    assert_eq!(code(&[]), Some(0));
    let wider = POLICY.replace("GET/pets/*", "GET/*");
    fs::write(folder.path().join("pets.json"), wider).unwrap();
    let test = fs::read_to_string(folder.path().join("pets.test.yaml")).unwrap();
    let open = test.replace("expect: deny", "expect: allow");
    fs::write(folder.path().join("pets.test.yaml"), open).unwrap();
    let output = run(folder.path(), &[]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("newly allowed: nothing else is\n"), "{text}");
}

#[test]
fn only_changed_lines_are_mutated_in_a_diff() {
    let folder = folder(TEST);
    let git = |arguments: &[&str]| {
        let identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"];
        let output = Command::new("git")
            .current_dir(&folder)
            .args(identity)
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    git(&["init", "-q"]);
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "first"]);
    let arguments = ["--mutate", "--in-diff", "HEAD", "--format", "json"];
    let mutants = || {
        let output = run(folder.path(), &arguments);
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        report["mutation"]["of"].as_u64().unwrap()
    };
    assert_eq!(mutants(), 0, "nothing has changed");
    fs::write(folder.path().join("pets.json"), POLICY.replace("GET/pets/*", "GET/pets/?*"))
        .unwrap();
    assert!(mutants() > 0);
    let output = run(folder.path(), &["--mutate", "--in-diff", "no-such-revision"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn watching_runs_again_when_a_policy_changes() {
    let folder = folder(TEST);
    let mut child = command(folder.path(), &["--watch"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut printed = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(printed.next().unwrap().unwrap(), "3 tests in 1 file: 3 passed");
    assert!(said.next().unwrap().unwrap().starts_with("watching for changes"));
    fs::write(folder.path().join("pets.json"), POLICY.replace("/pets/", "/cats/")).unwrap();
    let summary = printed.map(Result::unwrap).find(|line| line.contains("tests in"));
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(summary.unwrap(), "3 tests in 1 file: 1 passed, 2 failed");
}

/// Copies a folder of the workspace's fixtures.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn recorded_calls_are_a_test_file_that_passes() {
    let folder = tempfile::tempdir().unwrap();
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/github-proxy");
    copy(&example, folder.path());
    let record = run(folder.path(), &["--record", "logs", "--account", "tollgate.toml"]);
    assert_eq!(record.status.code(), Some(0), "{}", String::from_utf8_lossy(&record.stderr));
    insta::assert_snapshot!(String::from_utf8_lossy(&record.stdout));
    fs::write(folder.path().join("recorded.test.yaml"), record.stdout).unwrap();
    let again = run(folder.path(), &[]);
    assert_eq!(again.status.code(), Some(0), "{}", String::from_utf8_lossy(&again.stdout));
    assert_eq!(run(folder.path(), &["--record", "logs"]).status.code(), Some(2));
}

#[test]
fn what_was_refused_before_any_decision_is_no_case() {
    let folder = tempfile::tempdir().unwrap();
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/github-proxy");
    copy(&example, folder.path());
    let line = |path: &str, status: u16, error: &str| {
        let caller = "arn:aws:sts::123456789012:assumed-role/issues-reader/web-1";
        serde_json::json!({
            "requestTimeEpoch": 1_773_100_800_000_u64, "httpMethod": "GET", "path": path,
            "apiId": "a1b2c3d4e5", "stage": "prod", "ip": "10.20.1.11", "userArn": caller,
            "status": status.to_string(), "errorType": error,
        })
    };
    let lines = [
        line("/prod/repos/PokaInc/test-github-api/issues", 200, "-"),
        line("/prod/repos/PokaInc/test-github-api/issues/%00", 400, "BAD_REQUEST"),
        line("/prod/repos/PokaInc/test-github-api/pulls", 403, "EXPIRED_TOKEN"),
    ];
    let log: String = lines.iter().map(|line| format!("{line}\n")).collect();
    fs::write(folder.path().join("gateway.jsonl"), log).unwrap();
    let arguments = ["--record", "gateway.jsonl", "--account", "tollgate.toml"];
    let record = run(folder.path(), &arguments);
    let (said, complained) =
        (String::from_utf8_lossy(&record.stdout), String::from_utf8_lossy(&record.stderr));
    assert!(said.starts_with("# 1 observed calls"), "{said}");
    assert!(complained.contains("2 calls left out: refused before any decision"), "{complained}");
}
