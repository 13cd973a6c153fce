//! `tollgate secrets`, as a user runs it: from the top of the repository.

use std::fs;
use std::io::Write;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::support::{run, tollgate, top};

fn secrets(arguments: &[&str], stdin: &str) -> Output {
    run(&mut tollgate(&[&["secrets"], arguments].concat()), stdin.as_bytes())
}

#[track_caller]
fn stdout(arguments: &[&str], stdin: &str, code: i32) -> String {
    let output = secrets(arguments, stdin);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(code));
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
fn check_refused(arguments: &[&str], stdin: &str, expected: &str) {
    let output = secrets(arguments, stdin);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(errors.contains(expected), "expected `{expected}` in\n{errors}");
}

#[track_caller]
fn json(schema: &str, arguments: &[&str], stdin: &str, code: i32) -> Value {
    let arguments = [arguments, &["--format", "json"]].concat();
    let report: Value = serde_json::from_str(&stdout(&arguments, stdin, code)).unwrap();
    let schema = fs::read_to_string(top().join("fixtures/schemas").join(schema)).unwrap();
    let validator = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    let errors: Vec<String> = validator.iter_errors(&report).map(|it| it.to_string()).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    report
}

const GITHUB: [&str; 8] = [
    "advise",
    "--name",
    "GITHUB_TOKEN",
    "--secrecy",
    "shared",
    "--uniqueness",
    "per-stage",
    "--third-party-api",
];

#[test]
fn advice_has_the_outcome_all_reasons_and_what_to_write() {
    insta::assert_snapshot!(stdout(&GITHUB, "", 0));
}

#[test]
fn the_readme_shows_the_advice_and_the_findings() {
    let readme = fs::read_to_string(top().join("README.md")).unwrap();
    for shown in
        [stdout(&GITHUB, "", 0), stdout(&["lint", "fixtures/secrets/lint/template.yaml"], "", 1)]
    {
        assert!(readme.contains(shown.trim_end()), "the README lacks\n{shown}");
    }
}

#[test]
fn answers_and_advice_are_json_too() {
    let answers = r#"{"secrecy": "shared", "uniqueness": "static", "rebuildAcceptable": false}"#;
    let advice = json("secrets-advise.schema.json", &["advise", "--profile", "-"], answers, 0);
    assert_eq!(advice["outcome"], "runtimeKeystore");
    let rules: Vec<&Value> =
        advice["reasons"].as_array().unwrap().iter().map(|reason| &reason["rule"]).collect();
    assert_eq!(rules, ["rotatesWhileRunning", "oneReader"]);
    // What is printed as the profile is read as one.
    let again = advice["profile"].to_string();
    assert_eq!(
        json("secrets-advise.schema.json", &["advise", "--profile", "-"], &again, 0),
        advice
    );
}

#[test]
fn without_answers_and_a_terminal_there_is_no_advice() {
    check_refused(&["advise"], "", "expected `--secrecy` and `--uniqueness`, or `--profile FILE`");
    check_refused(&["advise", "--secrecy", "shared"], "", "--uniqueness");
    check_refused(&["advise", "--database-login"], "", "--secrecy");
    check_refused(&["advise", "--profile", "-"], r#"{"secrecy": "top"}"#, "unknown variant `top`");
    check_refused(&["advise", "--name", "$(x)"], "", "expected a letter");
}

#[test]
fn questions_are_asked_on_a_terminal() {
    // `script` gives the command a terminal of its own.
    let typed = format!("{} secrets advise --name DB", env!("CARGO_BIN_EXE_tollgate"));
    let mut child = Command::new("script")
        .args(["--quiet", "--return", "--echo", "never", "--command", &typed, "/dev/null"])
        .env("NO_COLOR", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"shared\nstatic\ny\nn\nn\nn\nn\ny\nn\nn\n").unwrap();
    let output = child.wait_with_output().unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{shown}");
    assert!(shown.contains("Is it a login to a database?"), "{shown}");
    assert!(shown.contains("DB: let the broker make a database login"), "{shown}");
}

#[test]
fn literals_of_an_account_are_found_with_their_places() {
    let report = json(
        "secrets-lint.schema.json",
        &["lint", "--account", "fixtures/secrets/lint/tollgate.toml"],
        "",
        1,
    );
    let found: Vec<String> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| format!("{}:{}:{}: {}", it["path"], it["line"], it["column"], it["kind"]))
        .map(|line| line.replace('"', ""))
        .collect();
    assert_eq!(
        found,
        [
            "fixtures/secrets/lint/tollgate.toml:18:23: a password in a URL",
            "fixtures/secrets/lint/policies/web.json:7:68: the value of a field for secrets",
        ]
    );
}

#[test]
fn a_finding_says_what_to_write_and_does_not_repeat_the_literal() {
    let text = stdout(&["lint", "--account", "fixtures/secrets/lint/tollgate.toml"], "", 1);
    assert!(
        !text.contains("vanilla") && text.contains("robot:******************@tickets"),
        "{text}"
    );
    assert!(text.contains("`secret = { env = \"API_TOKEN\" }`"), "{text}");
}

#[test]
fn a_manifest_that_is_wrong_by_its_literal_is_reported_as_that() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tollgate.toml");
    let head = "account = \"123456789012\"\nregion = \"us-east-1\"\n[[credential]]\n";
    fs::write(&path, format!("{head}name = \"a\"\nupstream = \"b\"\nsecret = \"vanilla\"\n"))
        .unwrap();
    let text = stdout(&["lint", "--account", path.to_str().unwrap()], "", 1);
    assert!(text.contains("tollgate.toml:6:11: the value of a field for secrets"), "{text}");
    assert!(!text.contains("vanilla"), "{text}");
    // Nor does any other command show it.
    fs::write(&path, format!("{head}name = \"a\"\nupstream = \"b\"\nsecret = 1234567\n")).unwrap();
    let show = ["account", "show", "role/a", "--account", path.to_str().unwrap()];
    let show = tollgate(&show).output().unwrap();
    let errors = String::from_utf8(show.stderr).unwrap();
    assert!(errors.contains("a literal secret") && !errors.contains("1234567"), "{errors}");
}

#[test]
fn what_stands_in_the_place_of_a_reference_is_found_whatever_it_looks_like() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("any.toml");
    for line in [
        "secret = { value = \"vanilla\" }",
        "secret = { env = \"X\", value = \"vanilla\" }",
        "secret = [\"vanilla\"]",
        "secret = \"\"\"vanilla\"\"\"",
        "secret = \"vanilla",
        "secrets = \"vanilla\"",
        "inject = { header = { name = \"x-api-key\", format = \"vanilla\" } }",
        "inject = { header = { name = \"x-api-key\", value = \"vanilla\" } }",
    ] {
        fs::write(&path, format!("[[credential]]\nname = \"a\"\n{line}\n")).unwrap();
        let text = stdout(&["lint", path.to_str().unwrap()], "", 1);
        assert!(text.contains("any.toml:3:") && !text.contains("vanilla"), "{line}\n{text}");
        assert!(text.ends_with("1 literal credential\n"), "{line}\n{text}");
        assert!(text.contains("`secret = { env = \"API_TOKEN\" }`"), "{text}");
    }
}

#[test]
fn our_own_examples_are_clean() {
    for account in ["fixtures/github-proxy/tollgate.toml", "fixtures/gateway/tollgate.toml"] {
        let text = stdout(&["lint", "--account", account], "", 0);
        assert!(text.ends_with("nothing found\n"), "{text}");
    }
    check_refused(&["lint", "--account", "nowhere.toml"], "", "cannot read `nowhere.toml`");
    check_refused(&["lint", "crates/cli/src/secrets"], "", "expected files (`.json`, `.toml`");
}
