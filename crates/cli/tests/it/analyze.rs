//! `tollgate analyze`, as a user runs it: from the top of the repository.

use std::fs;
use std::process::Output;

use serde_json::Value;

use crate::support::{self, run, stdout, tollgate, top};

const ACCOUNT: &str = "fixtures/github-proxy/tollgate.toml";
const LOGS: &str = "fixtures/github-proxy/logs";

fn analyze(arguments: &[&str], stdin: &[u8]) -> Output {
    run(&mut tollgate(&[&["analyze"], arguments].concat()), stdin)
}

#[track_caller]
fn json(arguments: &[&str]) -> Value {
    let output = analyze(&[arguments, &["--format", "json"]].concat(), b"");
    support::json(&output)
}

#[track_caller]
pub(crate) fn check_schema(report: &Value) {
    let schema = fs::read_to_string(top().join("fixtures/schemas/analyze.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(report)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
}

/// Lines of the report that are requests.
fn readable(report: &Value) -> u64 {
    let number = |name: &str| report["lines"][name].as_u64().unwrap();
    number("parsed") + number("recovered")
}

/// Fails with exit code 2, nothing on standard output, and every one of `expected` on standard
/// error.
#[track_caller]
fn check_refused(arguments: &[&str], stdin: &[u8], expected: &[&str]) {
    let output = analyze(arguments, stdin);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    for text in expected {
        assert!(errors.contains(text), "expected `{text}` in\n{errors}");
    }
}

/// An account whose one policy is `policy`.
fn account_with(policy: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let manifest = "account = \"123456789012\"\nregion = \"us-east-1\"\n[[principal]]\n\
                    arn = \"arn:aws:iam::123456789012:user/ana\"\npolicies = [\"policy.json\"]\n";
    fs::write(folder.path().join("tollgate.toml"), manifest).unwrap();
    fs::write(folder.path().join("policy.json"), policy).unwrap();
    let path = folder.path().join("tollgate.toml").to_str().unwrap().to_owned();
    (folder, path)
}

#[test]
fn the_report_on_the_example() {
    let report = stdout(&analyze(&["--account", ACCOUNT, LOGS], b""));
    insta::assert_snapshot!(report);
}

#[test]
fn the_json_of_the_example() {
    let mut report = json(&["--account", ACCOUNT, "--top", "3", LOGS]);
    check_schema(&report);
    let shorten = |owner: &mut Value, name: &str| {
        let entries = owner[name].as_array().unwrap().len();
        owner[name] = format!("{entries} entries").into();
    };
    shorten(&mut report["usage"], "series");
    shorten(&mut report["usage"], "heat");
    for limit in report["rateLimits"].as_array_mut().unwrap() {
        shorten(limit, "series");
        shorten(limit, "windows");
    }
    insta::assert_snapshot!(serde_json::to_string_pretty(&report).unwrap());
}

#[test]
fn every_entry_of_the_json_fits_the_schema() {
    check_schema(&json(&["--account", ACCOUNT, LOGS]));
    check_schema(&json(&[LOGS]));
}

#[test]
fn the_articles_post_is_denied_and_its_get_is_the_nearest() {
    let report = json(&["--account", ACCOUNT, LOGS]);
    let denied = report["denied"].as_array().unwrap();
    let post = denied
        .iter()
        .find(|group| {
            group["caller"].as_str().unwrap().contains(":assumed-role/issues-reader/")
                && group["resource"].as_str().unwrap().contains("/POST/")
        })
        .unwrap();
    assert_eq!(post["decision"], "implicitDeny");
    let nearest = &post["nearest"];
    assert_eq!(nearest["policy"], "fixtures/github-proxy/policies/issues-reader.json");
    assert_eq!((&nearest["sid"], &nearest["element"]), (&"ReadIssues".into(), &"Resource".into()));
    assert_eq!(
        nearest["pattern"],
        "arn:aws:execute-api:us-east-1:123456789012:a1b2c3d4e5/prod/GET/repos/PokaInc/test-github-api/issues"
    );
    assert_eq!(
        nearest["value"],
        "arn:aws:execute-api:us-east-1:123456789012:a1b2c3d4e5/prod/POST/repos/PokaInc/test-github-api/issues"
    );
}

#[test]
fn a_day_is_compared_with_the_one_before() {
    let day = |day| ["--since", ["2026-03-10", "2026-03-11", "2026-03-12"][day]];
    let arguments = [&day(1)[..], &["--until", day(2)[1], "--compare", "previous", LOGS]].concat();
    let report = json(&arguments);
    check_schema(&report);
    let comparison = &report["comparison"];
    let before = json(&[&day(0)[..], &["--until", day(1)[1], LOGS]].concat());
    let now = json(&[&day(1)[..], &["--until", day(2)[1], LOGS]].concat());
    assert_eq!(comparison["requests"]["before"], before["usage"]["requests"]);
    assert_eq!(comparison["requests"]["now"], now["usage"]["requests"]);
    assert_eq!(
        (&comparison["before"]["hours"], &comparison["now"]["hours"]),
        (&24.0.into(), &24.0.into())
    );
    let requests = |report: &Value, caller: &Value| {
        let callers = report["usage"]["callers"].as_array().unwrap();
        let found = callers.iter().find(|each| each["caller"] == *caller);
        found.map_or(0, |each| each["requests"].as_u64().unwrap())
    };
    let callers = comparison["callers"].as_array().unwrap();
    assert_eq!(callers.len(), 27);
    for caller in callers {
        let counts = [&before, &now].map(|report| requests(report, &caller["name"]));
        assert_eq!(
            [&caller["before"], &caller["now"]],
            counts.map(Value::from).each_ref(),
            "{caller}"
        );
        let change = (counts[0] > 0).then(|| counts[1] as f64 / counts[0] as f64 - 1.0);
        match (caller["change"].as_f64(), change) {
            (Some(found), Some(exact)) => assert!((found - exact).abs() < 0.001, "{caller}"),
            (found, exact) => assert_eq!(found, exact, "{caller}"),
        }
    }
    // What else is reported is of the day alone.
    assert_eq!(report["usage"], now["usage"]);
    insta::assert_snapshot!(stdout(&analyze(&[&arguments[..], &["--top", "4"]].concat(), b"")));
}

#[test]
fn a_run_is_compared_with_another() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("before.json").to_str().unwrap().to_owned();
    let day = "fixtures/github-proxy/logs/2026-03-10.jsonl.gz";
    stdout(&analyze(&["--partial", &path, day], b""));
    let report = json(&["--compare", &path, LOGS]);
    check_schema(&report);
    let (comparison, before) = (&report["comparison"], json(&[day]));
    assert_eq!(comparison["requests"]["before"], before["usage"]["requests"]);
    assert_eq!(comparison["before"]["until"], before["usage"]["last"]);
    let hours = |name: &str| comparison[name]["hours"].as_f64().unwrap();
    let counts = [("before", &before), ("now", &report)]
        .map(|(name, report)| report["usage"]["requests"].as_f64().unwrap() / hours(name));
    let change = comparison["requests"]["change"].as_f64().unwrap();
    assert!((change - (counts[1] / counts[0] - 1.0)).abs() < 0.002, "{change}");
    let all = folder.path().join("all.json").to_str().unwrap().to_owned();
    stdout(&analyze(&["--partial", &all, LOGS], b""));
    let merged = merge(&[&all, "--compare", &path, "--format", "json"]);
    assert_eq!(serde_json::from_str::<Value>(&stdout(&merged)).unwrap(), report);
}

#[test]
fn the_previous_period_needs_bounds() {
    check_refused(
        &["--compare", "previous", LOGS],
        b"",
        &["needs a period", "`--since`, `--until`"],
    );
    check_refused(&["--compare", "nowhere.json", LOGS], b"", &["cannot read `nowhere.json`"]);
    check_refused(&["--compare", "previos", LOGS], b"", &["did you mean `previous`?"]);
    check_refused(
        &["--compare", "fixtures/github-proxy/policies/api.json", LOGS],
        b"",
        &["`tollgate analyze --partial FILE`"],
    );
    check_refused(&["--name", "who=user_anr", LOGS], b"", &["did you mean `user_arn`?"]);
    check_refused(&["--group-by", "rolle", LOGS], b"", &["did you mean `role`?"]);
    check_refused(&["--fail-on", "denid>0", LOGS], b"", &["did you mean `denied`?"]);
}

#[test]
fn parts_of_a_comparison_merge_into_what_one_run_gives() {
    let folder = tempfile::tempdir().unwrap();
    let window = ["--since", "2026-03-10T12:00", "--until", "2026-03-11", "--compare", "previous"];
    let files = ["2026-03-10.jsonl.gz", "2026-03-11-night.jsonl.gz", "2026-03-11.jsonl"];
    let mut partials = Vec::new();
    for file in files {
        let path = folder.path().join(file).to_str().unwrap().to_owned();
        let log = format!("{LOGS}/{file}");
        stdout(&analyze(&[&window[..], &["--partial", &path, &log]].concat(), b""));
        partials.push(path);
    }
    let mut arguments: Vec<&str> = partials.iter().map(String::as_str).collect();
    arguments.extend(["--format", "json"]);
    let merged = merge(&arguments);
    let merged = support::json(&merged);
    assert_eq!(merged, json(&[&window[..], &[LOGS]].concat()));
}

#[test]
fn without_an_account_usage_and_limits_are_reported() {
    let report = json(&[LOGS]);
    assert_eq!(report.get("denied"), None);
    assert_eq!(report.get("agreement"), None);
    assert_eq!(report["usage"]["requests"], readable(&report));
}

#[test]
fn standard_input_is_read() {
    let line = r#"{"userArn":"arn:aws:iam::123456789012:user/ana","requestTimeEpoch":1773100800000,"httpMethod":"GET","resourcePath":"/pets","status":"200"}"#;
    let report = analyze(&["--format", "json", "-"], line.as_bytes());
    let report = support::json(&report);
    assert_eq!(report["usage"]["callers"][0]["caller"], "arn:aws:iam::123456789012:user/ana");
    assert_eq!(report["usage"]["first"], "2026-03-10T00:00:00Z");
}

/// Neither in a table nor below: the colours would be those of the report itself.
#[test]
fn what_a_log_holds_steers_no_terminal() {
    let read = "{\"userArn\":\"a\\u001b[31mb\u{202e}c\",\"status\":\"200\"}\n";
    let unread = "{\"userArn\":\"\u{1b}[1mx\u{feff}\u{200b}y\n";
    let report = stdout(&analyze(&["-"], [read, unread].concat().as_bytes()));
    for shown in ["a\\u{1b}[31mb\\u{202e}c", "\\u{1b}[1mx\\u{feff}\\u{200b}y"] {
        assert!(report.contains(shown), "{report}");
    }
    assert!(!report.contains(['\u{1b}', '\u{202e}', '\u{feff}', '\u{200b}']), "{report:?}");
    check_refused(&["-"], unread.as_bytes(), &["\\u{1b}", "1mx\\u{feff}\\u{200b}y"]);
}

#[test]
fn a_report_says_what_was_asked() {
    let options = [
        ["--account", ACCOUNT],
        ["--assume", "aws:MultiFactorAuthPresent=true"],
        ["--filter", "status>=400 and caller~\"ana\""],
        ["--until", "2026-03-12"],
    ];
    let arguments = [&options.concat()[..], &[LOGS]].concat();
    let report = json(&arguments);
    check_schema(&report);
    let asked = [
        "--until 2026-03-12T00:00:00Z",
        "--filter status >= 400 and caller ~ \"ana\"",
        "--assume aws:MultiFactorAuthPresent=true",
    ];
    assert_eq!(report["asked"], Value::from(asked.to_vec()));
    let text = stdout(&analyze(&arguments, b""));
    assert!(text.contains(&format!("  as asked: {}\n", asked.join(", "))), "{text}");
    let comment = stdout(&analyze(&[&arguments[..], &["--format", "markdown"]].concat(), b""));
    assert!(comment.contains(&format!("As asked: `{}`\n", asked.join("`, `"))), "{comment}");
    assert!(json(&[LOGS]).get("asked").is_none());
}

/// A line that cannot be read is shown, whatever stands in it.
#[test]
fn a_line_that_is_shown_tells_no_credential() {
    // In two pieces, as nobody is to take it for one.
    let token = ["ghp_", "abcdefghijklmnopqrstuvwxyz0123456789"].concat();
    let unread = format!("{{\"userArn\":\"a\",\"authorization\":\"Bearer {token}\"\n");
    let log = format!("{{\"status\":\"200\"}}\n{unread}");
    for format in ["text", "json", "html", "markdown"] {
        let report = stdout(&analyze(&["--format", format, "-"], log.as_bytes()));
        assert!(!report.contains(&token[4..]), "{report}");
    }
    let report = stdout(&analyze(&["-"], log.as_bytes()));
    assert!(report.contains("\"authorization\":\"Bearer ghp_***"), "{report}");
    check_refused(&["-"], unread.as_bytes(), &["Bearer ghp_***"]);
}

#[test]
fn a_window_is_a_day_or_a_moment() {
    let second_day = json(&["--since", "2026-03-11", "--until", "2026-03-11T12:00:00Z", LOGS]);
    let usage = &second_day["usage"];
    assert!(usage["first"].as_str() > Some("2026-03-11T00"));
    assert!(usage["last"].as_str() < Some("2026-03-11T12"));
    let requests = usage["requests"].as_u64().unwrap() + second_day["leftOut"].as_u64().unwrap();
    assert_eq!(requests, readable(&second_day));
    for relative in ["yesterday", "-1h", "1h"] {
        for bound in ["--since", "--until"] {
            let expected = ["expected a moment such as", "absolute"];
            check_refused(&[bound, relative, LOGS], b"", &expected);
        }
    }
    let zoned = "2026-03-11T04:42:00[Europe/Berlin]";
    check_refused(&["--since", zoned, LOGS], b"", &["`+01:00`", "`[Europe/Berlin]`"]);
}

#[test]
fn a_period_that_ends_before_it_begins_is_refused() {
    for until in ["2026-03-11", "2026-03-11T01:00+01:00", "2026-03-10"] {
        let bounds = ["--since", "2026-03-11", "--until", until, LOGS];
        let expected = ["expected `--since` before `--until`", "found 2026-03-11T00:00:00Z and"];
        check_refused(&bounds, b"", &expected);
    }
}

#[test]
fn output_goes_to_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("report.json");
    let output = analyze(&["--format", "json", "--out", out.to_str().unwrap(), LOGS], b"");
    assert_eq!(stdout(&output), "");
    let report: Value = serde_json::from_str(&fs::read_to_string(out).unwrap()).unwrap();
    assert_eq!(report["version"], 1);
}

#[test]
fn a_share_that_is_none_is_refused() {
    for share in ["--strict=101", "--strict=-1", "--strict=nan", "--strict=half"] {
        check_refused(&[share, LOGS], b"", &["per cent, from 0 to 100"]);
    }
}

#[test]
fn strict_reports_and_then_fails() {
    let output = analyze(&["--strict", LOGS], b"");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stdout).contains("requests by 27 callers"));
    assert!(String::from_utf8_lossy(&output.stderr).contains("of 3613 lines could not be read"));
}

#[test]
fn a_log_without_a_readable_line_says_what_was_tried() {
    check_refused(
        &["-"],
        b"hello\nworld\n",
        &["no line is a request", "hello", "expected access logs"],
    );
    check_refused(&["-"], b"", &["no line is a request", "it is empty"]);
}

#[test]
fn objects_over_several_lines_are_told_from_other_text() {
    let one = "{\n  \"path\": \"/a\",\n  \"status\": \"200\"\n}\n";
    check_refused(
        &["-"],
        one.repeat(2).as_bytes(),
        &["no line is a request", "in one line, as `jq"],
    );
}

#[test]
fn missing_inputs_are_named() {
    check_refused(&["nowhere.log"], b"", &["cannot read `nowhere.log`"]);
    check_refused(&["--account", "nowhere.toml", LOGS], b"", &["nowhere.toml", "no such file"]);
}

#[test]
fn a_duplicate_key_in_a_policy_stops_everything() {
    let (_folder, account) = account_with(
        "{\"Version\": \"2012-10-17\", \"Statement\": [{\n  \"Effect\": \"Deny\",\n  \
         \"Effect\": \"Allow\",\n  \"Action\": \"*\", \"Resource\": \"*\"\n}]}\n",
    );
    check_refused(&["--account", &account, LOGS], b"", &["policy.json:3:3", "`Effect`"]);
}

#[test]
fn an_unknown_operator_in_a_policy_stops_everything() {
    let (_folder, account) = account_with(
        r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*",
  "Condition": {"StringEqualz": {"aws:username": "ana"}}}]}"#,
    );
    check_refused(
        &["--account", &account, LOGS],
        b"",
        &["policy.json:2:17", "`StringEqualz`", "`StringEquals`"],
    );
}

#[test]
fn an_unknown_field_of_the_manifest_is_suggested() {
    let (folder, account) = account_with("{}");
    let manifest = "account = \"123456789012\"\nregion = \"us-east-1\"\n[[principle]]\n";
    fs::write(folder.path().join("tollgate.toml"), manifest).unwrap();
    check_refused(
        &["--account", &account, LOGS],
        b"",
        &["tollgate.toml:3:3", "unknown field `principle`", "did you mean `principal`?"],
    );
}

#[test]
fn the_readme_shows_what_the_command_prints() {
    let report = stdout(&analyze(&["--account", ACCOUNT, LOGS], b""));
    let readme = fs::read_to_string(top().join("README.md")).unwrap();
    let shown = readme.split("```text\n").nth(1).unwrap().split("```").next().unwrap();
    assert!(shown == report, "README.md does not show this:\n{report}");
}

#[test]
fn the_readme_shows_what_a_change_would_do() {
    let proposed = "fixtures/github-proxy/proposed.toml";
    let arguments =
        ["--account", proposed, "--against", ACCOUNT, "--fail-on", "newly-denied", LOGS];
    let output = analyze(&arguments, b"");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "--fail-on newly-denied: 182 requests\n");
    let report = String::from_utf8(output.stdout).unwrap();
    let (_, changes) = report.split_once("\n\nChanges in").unwrap();
    let (changes, _) = changes.split_once("\n\nDenied calls\n").unwrap();
    let shown = format!("```text\nChanges in{changes}\n```\n");
    let readme = fs::read_to_string(top().join("README.md")).unwrap();
    assert!(readme.contains(&shown), "README.md does not show this:\n{shown}");
}

/// A copy of the example's account in which `old` text of a policy is `new`.
fn changed_account(policy: &str, old: &str, new: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let example = top().join("fixtures/github-proxy");
    fs::create_dir(folder.path().join("policies")).unwrap();
    fs::copy(example.join("tollgate.toml"), folder.path().join("tollgate.toml")).unwrap();
    for entry in fs::read_dir(example.join("policies")).unwrap() {
        let entry = entry.unwrap();
        let text = fs::read_to_string(entry.path()).unwrap();
        let changed = if entry.file_name() == policy { text.replace(old, new) } else { text };
        fs::write(folder.path().join("policies").join(entry.file_name()), changed).unwrap();
    }
    let path = folder.path().join("tollgate.toml").to_str().unwrap().to_owned();
    (folder, path)
}

#[test]
fn a_policy_change_is_checked_against_what_was_called() {
    let (_folder, new) = changed_account("issues-reader.json", "/GET/", "/POST/");
    let arguments = ["--account", &new, "--against", ACCOUNT, LOGS];
    let report = json(&arguments);
    check_schema(&report);
    let changes = &report["changes"];
    let gets = changes["newlyDenied"].as_u64().unwrap();
    assert!(gets > 1000, "{gets}");
    assert_eq!((&changes["newlyAllowed"], &changes["otherwise"]), (&34.into(), &0.into()));
    let others = ["unchanged", "undecided"].map(|count| changes[count].as_u64().unwrap());
    assert_eq!(gets + 34 + others.iter().sum::<u64>(), report["usage"]["requests"]);
    let group = &changes["groups"][0];
    assert_eq!(group["before"]["determinedBy"][0]["sid"], "ReadIssues");
    assert_eq!(group["after"]["decision"], "implicitDeny");

    let fail = |change: &str| analyze(&[&arguments[..], &["--fail-on", change]].concat(), b"");
    assert_eq!(fail("newly-denied").status.code(), Some(1));
    let allowed = fail("newly-allowed");
    assert_eq!(allowed.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&allowed.stderr), "--fail-on newly-allowed: 34 requests\n");
    let comment = stdout(&analyze(&[&arguments[..], &["--format", "markdown"]].concat(), b""));
    assert!(comment.contains("**34** newly allowed"), "{comment}");
    let by = "`allowed` by `ReadIssues` at `fixtures/github-proxy/policies/issues-reader.json:4` → \
              `implicitDeny`";
    for shown in ["| Newly denied call | Caller |", "| Newly allowed call | Caller |", by] {
        assert!(comment.contains(shown), "{comment}");
    }
    let text = String::from_utf8(fail("newly-denied").stdout).unwrap();
    assert!(text.contains("newly denied, 34 newly allowed"), "{text}");
}

#[test]
fn the_same_account_changes_nothing() {
    let arguments = ["--account", ACCOUNT, "--against", ACCOUNT, "--fail-on", "newly-denied", LOGS];
    let report = json(&arguments);
    assert_eq!(report["changes"]["groups"], Value::Array(Vec::new()));
}

#[test]
fn an_assumption_settles_what_the_log_does_not_tell() {
    let patches = |arguments: &[&str]| {
        let report = json(&[&["--account", ACCOUNT], arguments, &[LOGS]].concat());
        report["agreement"]["undetermined"].as_u64().unwrap()
    };
    assert_eq!(patches(&[]), 18);
    assert_eq!(patches(&["--assume", "aws:multifactorauthpresent=true"]), 7);
    check_refused(&["--account", ACCOUNT, "--assume", "mfa", LOGS], b"", &["condition key"]);
}

#[test]
fn quarantined_lines_are_kept_whole() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("quarantine");
    stdout(&analyze(&["--quarantine", file.to_str().unwrap(), LOGS], b""));
    let kept = fs::read(file).unwrap();
    assert!(kept.windows(7).any(|window| window == b"garbage"));
}

#[track_caller]
fn merge(arguments: &[&str]) -> Output {
    tollgate(&[&["merge"], arguments].concat()).output().unwrap()
}

#[test]
fn runs_of_single_files_merge_into_the_report_of_one_run() {
    let folder = tempfile::tempdir().unwrap();
    let mut partials = Vec::new();
    for entry in fs::read_dir(top().join(LOGS)).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let partial = folder.path().join(&name).to_str().unwrap().to_owned();
        let log = format!("{LOGS}/{name}");
        stdout(&analyze(&["--account", ACCOUNT, "--partial", &partial, &log], b""));
        partials.push(partial);
    }
    let partials: Vec<&str> = partials.iter().map(String::as_str).collect();
    let printed = ["--account", ACCOUNT, "--format", "json"];
    let merged = stdout(&merge(&[&partials[..], &printed].concat()));
    let whole = stdout(&analyze(&[&printed[..], &[LOGS]].concat(), b""));
    assert!(merged == whole, "the reports differ");

    let output = merge(&[ACCOUNT]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("expected a partial report"));
}

#[test]
fn a_filter_chooses_what_counts() {
    let report = json(&["--filter", "status >= 400 and caller ~ \"/release-bot/\"", LOGS]);
    let usage = &report["usage"];
    assert_eq!(usage["requests"].as_u64().unwrap() + report["leftOut"].as_u64().unwrap(), 3609);
    for status in usage["statuses"].as_array().unwrap() {
        assert!(status["status"].as_u64().unwrap() >= 400);
    }
    for caller in usage["callers"].as_array().unwrap() {
        assert!(caller["caller"].as_str().unwrap().contains("/release-bot/"));
    }
    let refused = ["at column 1", "`caller`", "did you mean `status`?"];
    check_refused(&["--filter", "STATUS = 5", LOGS], b"", &refused);
}

#[test]
fn latencies_have_units_in_filters_as_in_bounds() {
    let slow = |filter: &str| json(&["--filter", filter, LOGS])["usage"]["requests"].clone();
    assert_eq!(slow("latency>2000"), slow("latency > 2s"));
    assert_eq!(slow("latency>2000"), slow("latency>2000ms"));
    assert_ne!(slow("latency>2000"), slow("latency>2"));
}

#[test]
fn usage_is_grouped_by_what_is_asked_for() {
    let arguments = ["--group-by", "role", "--group-by", "upstream,status", LOGS];
    let report = json(&arguments);
    check_schema(&report);
    for breakdown in report["breakdowns"].as_array().unwrap() {
        let groups = breakdown["groups"].as_array().unwrap().iter();
        let requests: u64 = groups.map(|group| group["requests"].as_u64().unwrap()).sum();
        assert_eq!(requests, report["usage"]["requests"]);
    }
    let text = stdout(&analyze(&[&["--top", "3"], &arguments[..]].concat(), b""));
    let (_, grouped) = text.split_once("By role\n").unwrap();
    insta::assert_snapshot!(grouped.split_once("\nRate limits").unwrap().0);
    check_refused(&["--group-by", "team", LOGS], b"", &["`role`", "found `team`"]);
    check_refused(
        &["--format", "csv", "--table", "breakdowns", LOGS],
        b"",
        &["give it with `--group-by`"],
    );
}

#[test]
fn a_bound_that_is_exceeded_ends_the_run_with_its_code() {
    let code = |bound: &str| {
        let output = analyze(&["--account", ACCOUNT, "--fail-on", bound, LOGS], b"");
        output.status.code()
    };
    assert_eq!(code("denied>0"), Some(3));
    assert_eq!(code("denied>114"), Some(0));
    assert_eq!(code("429>=20"), Some(3));
    assert_eq!(code("p99>30s"), Some(0));
    check_refused(&["--fail-on", "newly-denied", LOGS], b"", &["needs `--against`"]);
    check_refused(&["--fail-on", "nothing>1", LOGS], b"", &["expected denied, disagreeing"]);
}

#[test]
fn tables_are_printed_as_csv() {
    let table = |name: &str| {
        let arguments = ["--account", ACCOUNT, "--format", "csv", "--table", name, LOGS];
        stdout(&analyze(&arguments, b""))
    };
    let routes = table("routes");
    let mut lines = routes.split("\r\n");
    assert_eq!(lines.next(), Some("method,route,requests,clientErrors,failed,p50Ms,p95Ms,p99Ms"));
    assert_eq!(lines.next(), Some("GET,/repos/{owner}/{repo}/issues,1247,0,11,125,213,766"));
    assert!(table("denied").contains(" NeverDelete,"));
    assert!(table("rateLimits").starts_with("upstream,credential,bucket,"));
    assert_eq!(table("callers").lines().count(), 28);
}

#[test]
fn a_file_that_is_named_twice_is_read_once() {
    let (a, b) = (format!("{LOGS}/."), LOGS);
    let once = analyze(&[b], b"");
    let twice = analyze(&[b, &a], b"");
    assert_eq!(stdout(&twice), stdout(&once));
    let said = String::from_utf8(twice.stderr).unwrap();
    assert!(said.contains("is the same file as `"), "{said}");
}

#[test]
fn a_quiet_night_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state.json");
    let logs = folder.path().join("logs");
    fs::create_dir(&logs).unwrap();
    fs::write(logs.join("a.log"), "{\"status\":\"200\"}\n").unwrap();
    fs::write(logs.join("b.log"), "").unwrap();
    let run = || {
        let paths = [state.to_str().unwrap(), logs.to_str().unwrap()];
        analyze(&["-v", "--state", paths[0], paths[1]], b"")
    };
    assert_eq!(run().status.code(), Some(0));
    let night = run();
    let said = String::from_utf8(night.stderr).unwrap();
    assert_eq!(night.status.code(), Some(0), "{said}");
    assert_eq!(said.matches(": nothing new\n").count(), 2, "{said}");
    fs::write(logs.join("a.log"), "").unwrap();
    let rotated = run();
    let said = String::from_utf8(rotated.stderr).unwrap();
    assert_eq!(rotated.status.code(), Some(0), "{said}");
    assert!(said.contains("from its start, as it is not what was read before"), "{said}");
}

/// Whose it was, and what it asked for, the gateway never found out: so no policy denied it.
#[test]
fn what_the_gateway_could_not_read_is_no_denied_call() {
    let line = |status: u16, error: &str| {
        let line = serde_json::json!({
            "requestTimeEpoch": 1_773_100_800_000_u64, "httpMethod": "GET", "path": "/prod/a",
            "apiId": "a1b2c3d4e5", "stage": "prod", "ip": "203.0.113.9", "userArn": "-",
            "status": status.to_string(), "errorType": error,
        });
        format!("{line}\n")
    };
    let log = [
        line(403, "MISSING_AUTHENTICATION_TOKEN"),
        line(400, "BAD_REQUEST"),
        line(405, "METHOD_NOT_ALLOWED"),
        line(408, "REQUEST_TIMEOUT"),
        line(413, "REQUEST_TOO_LARGE"),
        line(431, "BAD_REQUEST"),
    ];
    let arguments = ["--account", ACCOUNT, "--format", "json", "-"];
    let report = support::json(&analyze(&arguments, log.concat().as_bytes()));
    let statuses: Vec<&Value> =
        report["denied"].as_array().unwrap().iter().map(|group| &group["loggedStatus"]).collect();
    assert_eq!(statuses, [403]);
    let reasons = serde_json::json!([
        { "reason": "the gateway could not read the request", "requests": 5 },
        { "reason": "refused for another reason than permissions", "requests": 1 },
    ]);
    assert_eq!(report["agreement"]["reasons"], reasons);
}
