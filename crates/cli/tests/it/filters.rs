//! `--filter`, of `tollgate analyze`: it understands what reports print, and says what no call has.

use std::process::Output;

use serde_json::{Value, json};

use crate::analyze::check_schema;
use crate::support::{json as parsed, run, stdout, tollgate};

const EXAMPLE: [&str; 4] =
    ["analyze", "--account", "fixtures/github-proxy/tollgate.toml", "fixtures/github-proxy/logs"];

/// The example's report of what a filter wants, and what is said beside.
fn example(filter: &str) -> (Value, String) {
    let arguments = [&EXAMPLE, &["--filter", filter, "--format", "json"][..]].concat();
    let output = tollgate(&arguments).output().unwrap();
    let report = parsed(&output);
    check_schema(&report);
    (report, String::from_utf8(output.stderr).unwrap())
}

fn requests(filter: &str) -> u64 {
    example(filter).0["usage"]["requests"].as_u64().unwrap()
}

/// Limits, cache advice, remedies and denials name roles.
#[test]
fn a_role_is_all_of_its_sessions() {
    let nightly = requests("caller ~ \":assumed-role/analytics/\"");
    assert!(nightly > 0);
    assert_eq!(requests("caller = \"role/analytics\""), nightly);
    assert_eq!(requests("caller = \"arn:aws:iam::123456789012:role/analytics\""), nightly);
    assert_eq!(requests("not caller != \"role/analytics\""), nightly);
    let readers = requests("caller ~ \":assumed-role/issues-reader/\"");
    assert_eq!(requests("caller = \"issues-reader (3 sessions)\""), readers);
    // The account tells the path of a role, and its sessions leave it out.
    let bots = requests("caller ~ \":assumed-role/release-bot/\"");
    assert_eq!(requests("caller = \"role/ci/release-bot\""), bots);
}

/// What is printed of a caller or a route in full is found by `~`, too, and so is a part of it.
#[test]
fn a_part_is_one_of_what_reports_print() {
    for role in
        ["role/ci/release-bot", "release-bot (5 sessions)", "role/release-bot (123456789012)"]
    {
        let bots = requests(&format!("caller = \"{role}\""));
        assert!(bots > 0);
        assert_eq!(requests(&format!("caller ~ \"{role}\"")), bots, "{role}");
        assert_eq!(requests(&format!("not caller !~ \"{role}\"")), bots, "{role}");
    }
    let searches = requests("method = \"GET\" and route ~ \"/search\"");
    assert!(searches > 0);
    assert_eq!(requests("route ~ \"GET /search\""), searches);
    assert_eq!(requests("not route !~ \"GET /search\""), searches);
    assert_eq!(requests("route ~ \"POST /search\""), 0);
    assert_eq!(requests("route ~ \"PATCH \""), requests("method = \"PATCH\""));
}

/// The tables print `-` of any field that a request does not have.
#[test]
fn what_is_absent_is_a_dash() {
    let log = [
        json!({ "httpMethod": "GET", "path": "/a", "status": "200", "responseLatency": "5" }),
        json!({ "httpMethod": "GET", "path": "/b", "status": "-", "responseType": "THROTTLED" }),
        json!({ "status": "400", "responseLatency": "5", "responseType": "X", "user": "ana" }),
    ];
    let log: String = log.iter().map(|line| format!("{line}\n")).collect();
    for (filter, expected) in [
        ("status = -", 1),
        ("status = \"-\"", 1),
        ("status != -", 2),
        ("latency = -", 1),
        ("error = -", 1),
        ("error = \"-\"", 1),
        ("stage = - and status = \"200\"", 1),
        ("caller = -", 2),
        ("caller != -", 1),
        ("route = -", 1),
        ("route = \"- (unknown)\"", 1),
        ("route != -", 2),
        ("route != \"- (unknown)\"", 2),
    ] {
        let arguments = ["analyze", "--format", "json", "--filter", filter, "-"];
        let report = parsed(&run(&mut tollgate(&arguments), log.as_bytes()));
        assert_eq!(report["usage"]["requests"], expected, "{filter}");
    }
}

#[track_caller]
fn check_said(filter: &str, expected: &[&str]) {
    let (report, errors) = example(filter);
    let said: Vec<String> =
        expected.iter().map(|it| format!("No call that was looked at {it}")).collect();
    assert_eq!(errors.lines().collect::<Vec<_>>(), said);
    match said.is_empty() {
        true => assert_eq!(report["remarks"], Value::Null),
        false => assert_eq!(report["remarks"], json!(said)),
    }
}

#[test]
fn what_no_call_has_is_said() {
    check_said("caller = \"user/ana\" and status >= 400", &[]);
    check_said(
        "caller = \"user/anna\"",
        &["satisfies `caller = \"user/anna\"` of `--filter`: did you mean `user/ana`?"],
    );
    check_said(
        "route = \"get /search/issues\"",
        &[
            "satisfies `route = \"get /search/issues\"` of `--filter`: did you mean `GET /search/issues`?",
        ],
    );
    // Whether other comparisons hold does not matter, nor whether it is denied.
    check_said(
        "status = 999 and upstream != \"gitlab\"",
        &[
            "satisfies `status = 999` of `--filter`: calls have `200`, `201`, `403` and others.",
            "satisfies `upstream = \"gitlab\"` of `--filter`: did you mean `github`?",
        ],
    );
    check_said(
        "route = \"GET /repos/*/*\" or path = \"/none\"",
        &[
            "satisfies `path = \"/none\"` of `--filter`. A path is told without its stage; `~` finds parts \
             of one.",
            "satisfies `route = \"GET /repos/*/*\"` of `--filter`: calls have \
             `DELETE /repos/{owner}/{repo}/git/refs/{ref+}`, `DELETE /repos/{owner}/{repo}/labels/{label}`, \
             `GET /` and others. A `*` stands for itself; `~` finds parts: `path ~ \"/repos/\"`.",
        ],
    );
    // Nothing is wrong with what all calls have.
    for (name, meant) in [("ANA", "user/ana"), ("issues-reader", "role/issues-reader")] {
        check_said(
            &format!("caller = \"{name}\" and status != - and stage != -"),
            &[&format!("satisfies `caller = \"{name}\"` of `--filter`: did you mean `{meant}`?")],
        );
    }
}

/// Tables tell how many sessions of a role made the same call, and a filter knows all of the role's.
#[test]
fn that_all_sessions_are_meant_is_said() {
    let filter = "caller = \"release-bot (5 sessions)\"";
    let (report, errors) = example(filter);
    let said = "`caller = \"release-bot (5 sessions)\"` of `--filter` is all sessions of the role, as \
                `role/release-bot` is.";
    assert_eq!(report["remarks"], json!([said]));
    assert_eq!(errors.trim_end(), said);
}

#[test]
fn what_no_call_has_is_said_in_every_format() {
    let filter = ["--filter", "caller = \"nobody|`<b>\""];
    let said =
        "No call that was looked at satisfies `caller = \"nobody|'<b>\"` of `--filter`: calls have";
    for format in ["text", "markdown"] {
        let output =
            tollgate(&[&EXAMPLE, &filter[..], &["--format", format]].concat()).output().unwrap();
        assert!(stdout(&output).contains(said), "{}", stdout(&output));
    }
    let table = [&EXAMPLE, &filter[..], &["--format", "csv", "--table", "about"]].concat();
    let table = stdout(&tollgate(&table).output().unwrap());
    assert!(table.contains("remarks,\"No call that was looked at satisfies"), "{table}");
    let page = stdout(
        &tollgate(&[&EXAMPLE, &filter[..], &["--format", "html"]].concat()).output().unwrap(),
    );
    assert!(page.contains("No call that was looked at satisfies") && !page.contains("<b>\\\"`"));
}

/// Also where there is nothing left to suggest anything for.
#[test]
fn what_no_call_has_is_said_of_a_suggestion() {
    let suggest = |filter: &str, format: &str| {
        let arguments = [&["suggest"], &EXAMPLE[1..], &["--principal", "ana", "--filter", filter]];
        tollgate(&[&arguments.concat()[..], &["--format", format]].concat()).output().unwrap()
    };
    let said = |output: &Output| String::from_utf8(output.stderr.clone()).unwrap();
    let known = "caller = \"user/ana\" or caller = \"role/nobody\"";
    let none =
        "No call that was looked at satisfies `caller = \"role/nobody\"` of `--filter`: calls have";
    for format in ["text", "json"] {
        let output = suggest(known, format);
        assert!(said(&output).starts_with(none), "{}", said(&output));
        assert!(
            stdout(&output)
                .contains(&none.replace('"', if format == "json" { "\\\"" } else { "\"" }))
        );
    }
    let output = suggest("caller = \"user/anna\"", "text");
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("of `--filter`: did you mean `user/ana`?"), "{}", said(&output));
}

/// One of the runs that were asked has it.
#[test]
fn merged_runs_look_for_it_together() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let logs = ["2026-03-10.jsonl.gz", "2026-03-11-night.jsonl.gz"];
    let asked = |filter: &str| {
        for log in logs {
            let log_path = format!("fixtures/github-proxy/logs/{log}");
            let arguments = ["analyze", "--filter", filter, "--partial", &path(log), &log_path];
            stdout(&tollgate(&arguments).output().unwrap());
        }
        let merged = tollgate(&["merge", &path(logs[0]), &path(logs[1]), "--format", "json"]);
        parsed(&{ merged }.output().unwrap())["remarks"].clone()
    };
    assert_eq!(asked("caller = \"analytics/nightly-20260310\""), Value::Null);
    let nobody = asked("caller = \"analytics/nightly-20260312\"");
    let near = ": did you mean `analytics/nightly-20260310` or `analytics/nightly-20260311`?";
    assert!(nobody[0].as_str().unwrap().ends_with(near), "{nobody}");
}
