//! Reports on a terminal: what a log holds must not steer it, and lines end between words.

use std::process::Command;

use serde_json::json;

use crate::support::{Folder, ended_on_terminal, on_terminal, stdout, tollgate};

/// What steers terminals, and what hides or turns what follows.
const UNSEEN: [char; 5] = ['\u{1b}', '\u{7f}', '\u{9b}', '\u{202e}', '\u{2060}'];

/// A log of one call, whose caller and path have all of these.
fn log(folder: &Folder) -> String {
    let unseen: String = UNSEEN.iter().collect();
    let path = format!("/pets/{unseen}[2J");
    let line = json!({ "httpMethod": "GET", "path": path, "status": "200", "user": unseen });
    folder.write("access.log", &line.to_string())
}

fn analyze(arguments: &[&str], log: &str) -> Command {
    tollgate(&[&["analyze"], arguments, &[log]].concat())
}

#[test]
fn what_a_log_holds_does_not_steer_a_terminal() {
    let folder = Folder::new();
    let log = log(&folder);
    for format in ["text", "json", "html", "markdown", "csv"] {
        let mut arguments = vec!["--format", format];
        arguments.extend((format == "csv").then_some(["--table", "callers"]).into_iter().flatten());
        let shown = on_terminal(analyze(&arguments, &log).env("NO_COLOR", "1"), 80);
        assert!(shown.contains("202e"), "{format}: {shown:?}");
        assert!(!shown.contains(UNSEEN), "{format}: {shown:?}");
    }
}

/// Nor do the names of files, wherever they are told.
#[test]
fn what_is_said_on_standard_error_does_not_steer_a_terminal() {
    let folder = Folder::new();
    let unseen: String = UNSEEN.iter().collect();
    let log = folder.write(&format!("{unseen}.log"), "{\"status\": \"200\"}");
    let other = folder.write(&format!("{unseen}.json"), &format!("{{\"{unseen}\""));
    for arguments in [
        &["analyze", "--verbose", &log][..],
        &["analyze", &log, &log],
        &["analyze", &other],
        &["merge", &other],
        &["account", "show", "--account", &other, "ana"],
    ] {
        let errors = String::from_utf8(tollgate(arguments).output().unwrap().stderr).unwrap();
        assert!(errors.contains("\\u{202e}"), "{arguments:?}: {errors:?}");
        assert!(!errors.contains(UNSEEN), "{arguments:?}: {errors:?}");
    }
    let (_, shown) = ended_on_terminal(&mut tollgate(&["check", &other]), 80);
    assert!(shown.contains("\\u{202e}") && !shown.contains(UNSEEN), "{shown:?}");
}

#[test]
fn programs_get_values_as_they_are() {
    let folder = Folder::new();
    let log = log(&folder);
    let csv = stdout(&analyze(&["--format", "csv", "--table", "callers"], &log).output().unwrap());
    assert!(csv.contains("\r\n\u{1b}\u{7f}\u{9b}\u{202e}\u{2060},1,"), "{csv:?}");
    let json = stdout(&analyze(&["--format", "json"], &log).output().unwrap());
    assert!(json.contains(r#""caller": "\u001b\u007f\u009b\u202e\u2060""#), "{json}");
}

#[test]
fn parquet_does_not_go_to_a_terminal() {
    let mut command = tollgate(&[
        "analyze",
        "--format",
        "parquet",
        "--table",
        "callers",
        "fixtures/github-proxy/logs",
    ]);
    let (code, shown) = ended_on_terminal(&mut command, 80);
    assert_eq!((code, &*shown), (Some(2), ""));
}

const ACCOUNT: &str = "fixtures/github-proxy/tollgate.toml";

const LOGS: &str = "fixtures/github-proxy/logs";

/// What is to be copied stays whole: statements to add, and policies.
fn is_to_copy(line: &str) -> bool {
    line.trim_start().starts_with(['{', '"'])
}

#[test]
fn lines_are_folded_to_the_terminal() {
    let analyze = ["analyze", "--account", ACCOUNT, LOGS];
    let suggest = ["suggest", "--account", ACCOUNT, "--principal", "ana", LOGS];
    for arguments in [&analyze[..], &suggest] {
        let elsewhere = stdout(&tollgate(arguments).output().unwrap());
        assert!(elsewhere.lines().any(|line| line.chars().count() > 120 && !is_to_copy(line)));
        for columns in [80, 100, 120] {
            let shown = on_terminal(tollgate(arguments).env("NO_COLOR", "1"), columns);
            let too_wide = |line: &&str| line.chars().count() > columns.into() && !is_to_copy(line);
            assert_eq!(shown.lines().find(too_wide), None);
            // As wide as elsewhere, so that there are as many bars.
            if columns == 100 {
                let [shown, elsewhere] = [&shown, &elsewhere].map(|text| text.split_whitespace());
                assert_eq!(shown.collect::<String>(), elsewhere.collect::<String>());
            }
        }
    }
}
