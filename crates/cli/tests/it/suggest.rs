//! `tollgate suggest`, as a user runs it: from the top of the repository.

use std::fs;
use std::process::Output;

use serde_json::{Value, json};

use crate::support::{Folder, allow, allow_if, json, run, shop, stdout, tollgate, top};

const EXAMPLE: [&str; 3] =
    ["--account", "fixtures/github-proxy/tollgate.toml", "fixtures/github-proxy/logs"];
const SHOP: [&str; 3] = ["--account", "fixtures/suggest/tollgate.toml", "fixtures/suggest/logs"];

pub(crate) fn suggest(arguments: &[&str]) -> Output {
    reading(arguments, b"")
}

fn reading(arguments: &[&str], log: &[u8]) -> Output {
    run(&mut tollgate(&[&["suggest"], arguments].concat()), log)
}

#[track_caller]
pub(crate) fn check_schema(document: &Value) {
    let schema = fs::read_to_string(top().join("fixtures/schemas/suggest.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(document)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
}

#[track_caller]
fn check_refused(arguments: &[&str], expected: &[&str]) {
    let output = suggest(arguments);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    for text in expected {
        assert!(errors.contains(text), "expected `{text}` in\n{errors}");
    }
}

#[test]
fn the_readme_shows_what_is_suggested() {
    let printed = stdout(&suggest(&[&["--principal", "ana"], &EXAMPLE[..]].concat()));
    let readme = fs::read_to_string(top().join("README.md")).unwrap();
    let (_, after) = readme.split_once("<!-- output of tollgate suggest -->\n```text\n").unwrap();
    let shown = after.split("```").next().unwrap();
    assert!(shown == printed, "README.md does not show this:\n{printed}");
}

#[test]
fn every_way_in_which_a_policy_can_be_wide() {
    insta::assert_snapshot!(stdout(&suggest(&[&["--all"], &SHOP[..]].concat())));
}

#[test]
fn more_values_are_listed_if_asked_for() {
    let listed = |values: &str| {
        let arguments = ["--principal", "billing", "--values", values, "--format", "json"];
        let report: Value = json(&suggest(&[&arguments[..], &SHOP].concat()));
        let statements = report.pointer("/principals/0/statements").unwrap().as_array().unwrap();
        let resources = statements.iter().map(|it| it["resources"].as_array().unwrap().len());
        resources.sum::<usize>()
    };
    assert_eq!((listed("5"), listed("8")), (4, 19));
}

#[test]
fn json_fits_its_schema_and_so_do_the_notes() {
    let folder = tempfile::tempdir().unwrap();
    let notes = folder.path().join("notes.json");
    let arguments = ["--all", "--format", "json", "--notes", notes.to_str().unwrap()];
    for account in [EXAMPLE, SHOP] {
        let output = suggest(&[&arguments[..], &account].concat());
        let report = json(&output);
        check_schema(&report);
        let notes: Value = serde_json::from_str(&fs::read_to_string(&notes).unwrap()).unwrap();
        check_schema(&notes);
        assert!(notes.pointer("/principals/0/policies").is_none());
        assert_eq!(
            notes.pointer("/principals/0/statements"),
            report.pointer("/principals/0/statements")
        );
    }
}

#[test]
fn policies_are_files_that_change_nothing_for_whom_they_are_for() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("new/policies");
    let arguments = ["--all", "--out", out.to_str().unwrap()];
    stdout(&suggest(&[&arguments[..], &EXAMPLE].concat()));
    let mut names: Vec<String> = fs::read_dir(&out)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "role-analytics.json",
            "role-ci-release-bot.json",
            "role-issues-reader.json",
            "user-ana.json"
        ]
    );
    // The account with these in the place of the present ones decides every call as before.
    let example = top().join("fixtures/github-proxy");
    for kept in ["api.json", "boundary.json", "full-access.json"] {
        fs::copy(example.join("policies").join(kept), out.join(kept)).unwrap();
    }
    let manifest = fs::read_to_string(example.join("tollgate.toml")).unwrap();
    let manifest = manifest
        .replace("policies/issues-reader.json", "policies/role-issues-reader.json")
        .replace("policies/release-bot.json", "policies/role-ci-release-bot.json")
        .replace("policies/analytics.json", "policies/role-analytics.json")
        .replace("policies/developers.json", "policies/user-ana.json");
    let new = folder.path().join("new/tollgate.toml");
    fs::write(&new, manifest).unwrap();
    let arguments = ["--account", new.to_str().unwrap(), "--against", EXAMPLE[1], EXAMPLE[2]];
    let arguments = [&arguments[..], &["--format", "json"]].concat();
    let report = json(&tollgate(&[&["analyze"], &arguments[..]].concat()).output().unwrap());
    let changes = &report["changes"];
    assert_eq!(changes["newlyAllowed"], 0);
    // Calls that may have been allowed and were refused, here without a second factor, are not asked
    // for any more.
    let groups = changes["groups"].as_array().unwrap();
    assert!(groups.iter().all(|group| group["loggedStatus"] == 403), "{changes:#}");
    assert_eq!(changes["newlyDenied"], 3);
}

#[test]
fn standard_input_is_read_and_a_window_counts() {
    let log = fs::read(top().join("fixtures/suggest/logs/2026-03-10.jsonl")).unwrap();
    let arguments = ["--account", SHOP[1], "--principal", "eve", "--format", "json"];
    let report = |more: &[&str]| -> Value {
        let arguments = [&arguments[..], more, &["-"]].concat();
        json(&reading(&arguments, &log))
    };
    let calls = |report: &Value| report.pointer("/principals/0/calls/requests").unwrap().as_u64();
    assert_eq!(calls(&report(&[])), Some(41));
    assert_eq!(calls(&report(&["--since", "2026-03-10T01:29:30"])), Some(4));
    let refunds = report(&["--filter", "path ~ \"refunds\""]);
    assert_eq!(calls(&refunds), Some(3));
    let document = refunds.pointer("/principals/0/policies/0/document/Statement").unwrap();
    assert_eq!(document.as_array().unwrap().len(), 1);
}

/// A suggestion of some of the calls alone must not be taken for one of all of them.
#[test]
fn what_was_asked_is_said_and_how_much_it_leaves_out() {
    let whole = fs::read_to_string(top().join("fixtures/suggest/logs/2026-03-10.jsonl")).unwrap();
    let eve = whole.lines().find(|line| line.contains("/eve\"")).unwrap();
    let mut untimed: Value = serde_json::from_str(eve).unwrap();
    untimed.as_object_mut().unwrap().remove("requestTimeEpoch");
    let log = format!("{whole}{untimed}\n");
    let report = |more: &[&str]| {
        let arguments = [&["--account", SHOP[1], "--principal", "eve"], more, &["-"]].concat();
        reading(&arguments, log.as_bytes())
    };
    let all = json(&report(&["--format", "json"]));
    let all = all["observation"]["requests"].as_u64().unwrap();
    let options = [
        ("--since", "2026-03-10T01:29:30Z"),
        ("--filter", "caller ~ \"eve\""),
        ("--assume", "aws:MultiFactorAuthPresent=true"),
    ];
    let options = options.map(|(name, value)| [name, value]).concat();
    let some = json(&report(&[&options[..], &["--format", "json"]].concat()));
    check_schema(&some);
    let observed = &some["observation"];
    let said: Vec<String> = options.chunks(2).map(|option| option.join(" ")).collect();
    assert_eq!(observed["asked"], json!(said));
    let left_out = all - observed["requests"].as_u64().unwrap();
    assert_eq!(
        (&observed["leftOut"], &observed["leftOutWithoutTime"]),
        (&left_out.into(), &1.into())
    );
    let text = stdout(&report(&options));
    assert!(text.contains(&format!("  as asked: {}\n", said.join(", "))), "{text}");
    let left_out = format!("  {left_out} calls left out, as asked, of which 1 without a time\n");
    assert!(text.contains(&left_out), "{text}");
}

/// What depends on a second factor is open; assumed, it is decided, and stays under its condition.
#[test]
fn what_is_assumed_decides_and_the_condition_stays() {
    let report = |more: &[&str]| -> Value {
        let arguments = ["--principal", "ana", "--format", "json"];
        json(&suggest(&[&arguments[..], more, &EXAMPLE].concat()))
    };
    let calls = |report: &Value, name: &str| {
        report.pointer(&format!("/principals/0/calls/{name}")).unwrap().as_u64().unwrap()
    };
    let open = report(&[]);
    let settled = report(&["--assume", "aws:MultiFactorAuthPresent=true"]);
    let undecided = calls(&open, "open");
    assert!(undecided > 0, "{open:#}");
    assert_eq!(calls(&settled, "open"), 0, "{settled:#}");
    assert!(calls(&settled, "allowed") >= calls(&open, "allowed") + undecided, "{settled:#}");
    assert!(settled["principals"][0].to_string().contains("aws:MultiFactorAuthPresent"));
    check_refused(&[&["--all", "--assume", "mfa"], &EXAMPLE[..]].concat(), &["a condition key"]);
}

/// A path that the log does not tell: the suggestion may lack what was asked for there.
#[test]
fn calls_that_the_log_does_not_tell_leave_the_suggestion_undecided() {
    let line = r#"{"userArn":"arn:aws:iam::111122223333:user/ops/eve","apiId":"shop1","stage":"prod","requestTimeEpoch":1773100800000,"httpMethod":"GET","resourcePath":"/customers/{customer}/orders/{order}","status":"200"}"#;
    let arguments = ["--account", SHOP[1], "--principal", "eve", "-"];
    let output = reading(&arguments, line.as_bytes());
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(4), "{text}");
    assert!(
        text.contains("1 call cannot be replayed, for the log does not tell the path"),
        "{text}"
    );
}

#[test]
fn what_cannot_be_done_is_refused() {
    check_refused(&SHOP, &["--principal <ARN>"]);
    check_refused(&[&["--principal", "ev"], &SHOP[..]].concat(), &["no principal `ev`", "`eve`"]);
    check_refused(&[&["--all", "--values", "0"], &SHOP[..]].concat(), &["0 is not in 1..=200"]);
    let backwards = ["--all", "--since", "2026-03-11", "--until", "2026-03-10"];
    check_refused(&[&backwards[..], &SHOP].concat(), &["expected `--since` before `--until`"]);
    check_refused(&["--all", "--account", SHOP[1], "nowhere"], &["cannot read `nowhere`"]);
    let why = ["no line is a request that can be read", "(read as", "expected access logs"];
    check_refused(&["--all", "--account", SHOP[1], SHOP[1]], &why);
}

/// A policy for who called nothing takes everything away, and is proven by nothing.
#[test]
fn of_whom_nothing_was_observed_nothing_is_suggested() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("policies");
    let late = ["--since", "2030-01-01", "--out", out.to_str().unwrap()];
    let said = ["3,609 calls were read", "3,609 of them are left out"];
    let of_ana = ["nothing was observed of arn:aws:iam::123456789012:user/ana"];
    let arguments = [&["--principal", "ana"], &late[..], &EXAMPLE].concat();
    check_refused(&arguments, &[&of_ana[..], &said].concat());
    let of_all = ["nothing was observed of any principal of the account"];
    check_refused(&[&["--all"], &late[..], &EXAMPLE].concat(), &[&of_all[..], &said].concat());
    let silent = [&["--principal", "forgotten"], &SHOP[..]].concat();
    check_refused(&silent, &["nothing was observed of arn:aws:iam::111122223333:role/forgotten"]);
    assert!(!out.exists());
}

#[test]
fn who_called_nothing_among_others_is_said() {
    let both = ["--principal", "forgotten", "--principal", "eve"];
    for principals in [&["--all"][..], &both] {
        let output = suggest(&[principals, &SHOP].concat());
        stdout(&output);
        let said = "these called nothing, so that what is suggested grants them nothing: \
                    arn:aws:iam::111122223333:role/forgotten\n";
        assert_eq!(String::from_utf8_lossy(&output.stderr), said);
    }
    let output = suggest(&[&["--all"], &EXAMPLE[..]].concat());
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn a_statement_whose_calls_others_allow_is_redundant_and_said_to_be() {
    let folder = Folder::new();
    let named = |sid: &str, resource: &str| {
        let mut statement = allow(&shop(resource));
        statement["Sid"] = sid.into();
        statement
    };
    let statements = [named("One", "GET/a/*"), named("Dup", "GET/*"), named("Never", "PUT/*")];
    folder.policy("ana.json", &statements.to_vec().into());
    let manifest = folder.write(
        "tollgate.toml",
        "account = \"123456789012\"\nregion = \"eu-west-1\"\n\
         [[principal]]\narn = \"arn:aws:iam::123456789012:user/ana\"\npolicies = [\"ana.json\"]\n\
         [[api]]\nid = \"shop\"\nstages = [\"prod\"]\n",
    );
    let ana = "arn:aws:iam::123456789012:user/ana";
    let log = folder.log(&[(ana, "GET /a/1", 200, "10.0.0.1")]);
    let arguments = ["--all", "--account", &manifest, &log];
    let document = json(&suggest(&[&arguments[..], &["--format", "json"]].concat()));
    check_schema(&document);
    let unused = &document["principals"][0]["unused"];
    assert_eq!(unused["redundant"][0]["sid"], "Dup", "{unused:#}");
    assert_eq!(unused["statements"][0]["sid"], "Never", "{unused:#}");
    let text = stdout(&suggest(&arguments));
    assert!(text.contains("Dup: what it allowed, others do\n"), "{text}");

    // What was denied for want of an identity policy needed one.
    folder.log(&[(ana, "POST /a/1", 403, "10.0.0.1")]);
    let text = stdout(&suggest(&arguments));
    assert!(text.contains("nothing was allowed that needs an identity policy\n"), "{text}");
}

/// What was refused need not stay, and what becomes of it is said.
#[test]
fn calls_that_may_have_been_allowed_and_were_refused_are_counted_if_they_are_denied_now() {
    let folder = Folder::new();
    let mfa = json!({ "Bool": { "aws:MultiFactorAuthPresent": "true" } });
    let statements = json!([allow(&shop("GET/*")), allow_if(&shop("POST/x"), &mfa)]);
    folder.policy("ana.json", &statements);
    let manifest = folder.write(
        "tollgate.toml",
        "account = \"123456789012\"\nregion = \"eu-west-1\"\n\
         [[principal]]\narn = \"arn:aws:iam::123456789012:user/ana\"\npolicies = [\"ana.json\"]\n\
         [[api]]\nid = \"shop\"\nstages = [\"prod\"]\n",
    );
    let ana = "arn:aws:iam::123456789012:user/ana";
    let calls =
        [("GET /a", 200), ("POST /x", 403)].map(|(call, status)| (ana, call, status, "10.0.0.1"));
    let log = folder.log(&calls);
    let arguments = ["--all", "--account", &manifest, &log];
    let text = stdout(&suggest(&arguments));
    let said = "2 calls: 1 allowed, 1 denied, 0 open; replayed, 1 is decided as before\n  \
                1 of the denied may have been allowed, and was refused: now it is denied\n";
    assert!(text.contains(said), "{text}");
    let document = json(&suggest(&[&arguments[..], &["--format", "json"]].concat()));
    check_schema(&document);
    let calls = &document["principals"][0]["calls"];
    assert_eq!((&calls["replayed"], &calls["deniedNow"]), (&json!(2), &json!(1)));
}

/// The conditions of others' policies are not the suggestion's.
#[test]
fn conditions_are_said_to_be_kept_where_there_are_some() {
    let folder = Folder::new();
    folder.policy("ana.json", &allow(&shop("*")));
    let mut deny = allow_if("*", &json!({ "Bool": { "aws:MultiFactorAuthPresent": "false" } }));
    (deny["Effect"], deny["Principal"]) = (json!("Deny"), json!("*"));
    folder.policy("shop.json", &deny);
    let manifest = folder.write(
        "tollgate.toml",
        "account = \"123456789012\"\nregion = \"eu-west-1\"\n\
         [[principal]]\narn = \"arn:aws:iam::123456789012:user/ana\"\npolicies = [\"ana.json\"]\n\
         [[api]]\nid = \"shop\"\nstages = [\"prod\"]\nresourcePolicy = \"shop.json\"\n",
    );
    let log = folder.log(&[("arn:aws:iam::123456789012:user/ana", "GET /a", 200, "10.0.0.1")]);
    let text = stdout(&suggest(&["--all", "--account", &manifest, &log]));
    assert!(text.contains("1 open;") && !text.contains("conditions are kept"), "{text}");
}
