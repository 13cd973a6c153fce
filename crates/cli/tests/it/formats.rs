//! `tollgate analyze` in the formats for others: where output goes, and what is refused.

use std::fs;
use std::process::Output;

use serde_json::Value;

use crate::analyze::check_schema;
use crate::support::{Folder, json, stdout, tollgate};

const LOGS: &str = "fixtures/github-proxy/logs";

fn analyze(arguments: &[&str]) -> Output {
    analyze_log(LOGS, arguments)
}

fn analyze_log(log: &str, arguments: &[&str]) -> Output {
    tollgate(&[&["analyze"], arguments, &[log]].concat()).output().unwrap()
}

#[track_caller]
fn check_refused(arguments: &[&str], expected: &[&str]) {
    let output = analyze(arguments);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{errors}");
    for text in expected {
        assert!(errors.contains(text), "expected `{text}` in\n{errors}");
    }
}

#[test]
fn tables_go_into_a_folder_a_file_each() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("report");
    for (format, tables) in [("csv", 16), ("parquet", 16)] {
        let output = analyze(&["--format", format, "--out", out.to_str().unwrap()]);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(0), 0));
        let files = fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().path());
        let written = files.filter(|path| path.extension().unwrap() == format).count();
        assert_eq!(written, tables, "{format}");
    }
}

#[test]
fn one_table_goes_to_standard_output() {
    let output = analyze(&["--format", "csv", "--table", "statuses"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("status,requests\r\n200,3399\r\n"), "{text}");
}

#[test]
fn what_one_table_cannot_say_goes_to_standard_error() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("a.log");
    let line = |route| {
        format!("{{\"httpMethod\":\"GET\",\"resourcePath\":\"/{route}\",\"status\":\"200\"}}\n")
    };
    fs::write(&log, (0..5_001).map(line).collect::<String>()).unwrap();
    let log = log.to_str().unwrap();
    let output = analyze_log(log, &["--threads", "1", "--format", "csv", "--table", "routes"]);
    let said = "At most 5,000 routes are told apart, by names of at most 2,048 bytes: others, with 1 \
                request, are counted as (other).\nWhere several workers or runs were merged, some of what is counted \
                together may be of callers, routes or groups that are listed.\n";
    assert_eq!(String::from_utf8(output.stderr).unwrap(), said);
    assert_eq!(String::from_utf8(output.stdout).unwrap().lines().count(), 5_002);
    let output = analyze_log(log, &["--threads", "1", "--format", "csv", "--table", "folded"]);
    assert!(String::from_utf8(output.stdout).unwrap().contains("5,000 routes are told apart"));
    let report = json(&analyze_log(log, &["--threads", "1", "--format", "json"]));
    check_schema(&report);
    let usage = &report["usage"];
    assert_eq!((&usage["routeCount"], &usage["moreRoutes"]), (&5_000.into(), &true.into()));
    assert_eq!((&usage["callerCount"], &usage["moreCallers"]), (&1.into(), &Value::Null));
}

#[test]
fn what_could_not_be_read_is_said_first() {
    let folder = Folder::new();
    let request = r#"{"httpMethod":"GET","path":"/a","status":"200"}"#;
    let log = folder.write("a.log", &format!("{request}\n{request}\n{{\n  \"path\": \"/a\"\n}}\n"));
    let print = |format: &[&str]| {
        let output = analyze_log(&log, &[&["--format"], format].concat());
        (stdout(&output), String::from_utf8(output.stderr).unwrap())
    };
    let why = "expected a JSON object in one line, as `jq -c` writes it";
    let first = format!("{log}, byte 96: {why}");
    let said = format!("3 of 5 lines could not be read; the first: {first}\n");
    let (text, _) = print(&["text"]);
    assert!(text.lines().take(3).any(|line| line.trim() == said.trim()), "{text}");
    let (markdown, _) = print(&["markdown"]);
    let head =
        "### Requests, limits and denials\n\n**3** of 5 lines could not be read; the first: ``";
    assert!(markdown.starts_with(&format!("{head}{first}``\n")), "{markdown}");
    assert!(print(&["csv", "--table", "about"]).0.contains(&format!("\nsamples,\"{first}\",")));
    assert_eq!(print(&["csv", "--table", "callers"]).1, said);
}

/// Otherwise whoever may call could keep a report from being commented.
#[test]
fn a_comment_is_no_longer_than_github_takes() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("a.log");
    let line = |number: usize| {
        let name = format!("{number}{}", "|a".repeat(1_000));
        format!(
            "{{\"apiId\":\"a1b2c3d4e5\",\"stage\":\"prod\",\"httpMethod\":\"GET\",\"resourcePath\":\"/{name}\",\
             \"path\":\"/prod/{name}\",\"userArn\":\"arn:aws:iam::123456789012:user/{name}\",\
             \"status\":\"403\"}}\n"
        )
    };
    fs::write(&log, (0..20).map(line).collect::<String>()).unwrap();
    let account = ["--account", "fixtures/github-proxy/tollgate.toml", "--format", "markdown"];
    let comment = |options: &[&str]| {
        stdout(&analyze_log(log.to_str().unwrap(), &[&account, options].concat()))
    };
    for options in [&[][..], &["--top", "20"]] {
        let comment = comment(options);
        assert!(comment.chars().count() <= 65_536, "{}", comment.chars().count());
        for said in
            ["| Denied call |", "What would allow them", "Routes", "20 lines in 1 file read"]
        {
            assert!(comment.contains(said), "no `{said}` in\n{comment}");
        }
    }
    assert_eq!(comment(&["--top", "0"]).matches("| <code>GET").count(), 60);
}

/// Whoever gets the tables alone has to see that they are of a part.
#[test]
fn a_table_tells_what_the_others_are_of() {
    let asked = ["--filter", "status = 200", "--since", "2026-03-11", "--dedup"];
    let about = |format: &[&str]| {
        String::from_utf8(analyze(&[&asked[..], format].concat()).stdout).unwrap()
    };
    let text = about(&["--format", "csv", "--table", "about"]);
    let json: Value = serde_json::from_str(&about(&["--format", "json"])).unwrap();
    for asked in json["asked"].as_array().unwrap() {
        let option = asked.as_str().unwrap().trim_start_matches("--");
        assert!(text.contains(&format!("\r\nasked,{option},\r\n")), "{text}");
    }
    let counts = [
        ("requests", &json["usage"]["requests"]),
        ("leftOut", &json["leftOut"]),
        ("files", &json["lines"]["files"]),
        ("lines", &json["lines"]["total"]),
        ("quarantined", &json["lines"]["quarantined"]),
        ("duplicates", &json["lines"]["duplicates"]),
    ];
    for (fact, count) in counts {
        assert!(text.contains(&format!("\r\n{fact},,{count}\r\n")), "{fact} {count}: {text}");
    }
    let first = format!("\r\nfirst,{},\r\n", json["usage"]["first"].as_str().unwrap());
    assert!(text.starts_with("fact,value,count\r\ninterrupted,false,\r\n"), "{text}");
    assert!(text.contains(&first), "{text}");
}

#[test]
fn top_shortens_tables() {
    let output = analyze(&["--format", "csv", "--table", "callers", "--top", "2"]);
    assert_eq!(String::from_utf8(output.stdout).unwrap().lines().count(), 3);
}

#[test]
fn a_page_and_a_comment_go_to_standard_output() {
    let page = String::from_utf8(analyze(&["--format", "html"]).stdout).unwrap();
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>\n"));
    let comment = String::from_utf8(analyze(&["--format", "markdown"]).stdout).unwrap();
    assert!(comment.starts_with("### Requests, limits and denials\n"));
}

#[test]
fn tables_without_a_place_are_refused_before_anything_is_read() {
    check_refused(&["--format", "csv"], &["told no folder", "`--out`", "`--table`", "`callers`"]);
}

#[test]
fn a_table_is_one_of_those_that_are() {
    check_refused(&["--format", "csv", "--table", "caller"], &["caller", "callers"]);
    check_refused(&["--format", "csv", "--table", "denied"], &["without an account", "--account"]);
    check_refused(&["--table", "callers"], &["no tables of its own", "--format csv"]);
}
