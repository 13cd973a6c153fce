//! `tollgate analyze --against`: what two versions of an account decide otherwise, and what one of them
//! or both cannot decide.

use std::fs;
use std::process::Output;

use serde_json::{Value, json};

use crate::support::{Folder, allow, allow_if, shop, tollgate, top};

const CLERK: &str = "arn:aws:sts::123456789012:assumed-role/clerk/till-1";

const HEAD: &str = "account = \"123456789012\"\nregion = \"eu-west-1\"\n\
    [[principal]]\narn = \"arn:aws:iam::123456789012:role/clerk\"\npolicies = [\"POLICY\"]\n";

const API: &str = "[[api]]\nid = \"shop\"\nstages = [\"prod\"]\n";

/// An account whose clerk may call everything, and whatever `new` is made of.
fn two(new: &str, policy: &Value) -> Folder {
    let folder = Folder::new();
    folder.policy("old.json", &json!([allow("*")]));
    folder.policy("new.json", policy);
    let head = |policy| HEAD.replace("POLICY", policy);
    folder.write("old.toml", &[&head("old.json"), API].concat());
    folder.write("new.toml", &[&head("new.json"), new].concat());
    folder
}

fn compare(folder: &Folder, more: &[&str]) -> Output {
    let [old, new, log] = ["old.toml", "new.toml", "access.log"].map(|name| folder.path(name));
    let arguments = ["analyze", "--account", &new, "--against", &old, &log];
    tollgate(&[&arguments, more].concat()).output().unwrap()
}

#[track_caller]
fn changes(folder: &Folder) -> Value {
    let output = compare(folder, &["--format", "json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let schema = fs::read_to_string(top().join("fixtures/schemas/analyze.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    assert!(validator.is_valid(&report), "{report:#}");
    let changes = report["changes"].clone();
    let counts = ["unchanged", "newlyDenied", "newlyAllowed", "otherwise", "undecided"];
    let sum: u64 = counts.iter().map(|count| changes[count].as_u64().unwrap()).sum();
    assert_eq!(report["usage"]["requests"], sum, "{changes:#}");
    changes
}

/// The gate ends so, and this is said on standard error.
#[track_caller]
fn check_gate(folder: &Folder, more: &[&str], code: i32, said: &str) {
    let output = compare(folder, more);
    assert_eq!(String::from_utf8_lossy(&output.stderr), said);
    assert_eq!(output.status.code(), Some(code));
}

const GONE: &str = "the API is not in the account, or the log does not tell it";

#[test]
fn what_only_one_version_can_decide_is_undecided_and_no_gate_passes_it() {
    let elsewhere = API.replace("shop", "store");
    let fewer_stages = API.replace("prod", "test");
    for new in ["", &elsewhere] {
        let folder = two(new, &json!([allow("*")]));
        folder.log(&[(CLERK, "GET /stock", 200, "10.0.0.1"); 3]);
        let changes = changes(&folder);
        assert_eq!(changes["undecided"], 3);
        assert_eq!(changes["reasons"], json!([{ "reason": GONE, "requests": 3 }]));
        assert_eq!((&changes["perhapsDenied"], &changes["perhapsAllowed"]), (&json!(3), &json!(0)));
        let group = &changes["groups"][0];
        assert_eq!((&group["change"], &group["requests"]), (&json!("undecided"), &json!(3)));
        assert_eq!(group["resource"], shop("GET/stock"));
        assert_eq!(group["before"]["decision"], "allowed");
        assert_eq!(group["after"], json!({ "decision": null, "undecided": GONE }));
        let said = format!("--fail-on newly-denied: 3 requests may be: {GONE}\n");
        check_gate(&folder, &["--fail-on", "newly-denied"], 4, &said);
        let said = said.replace("denied", "allowed");
        check_gate(&folder, &["--fail-on", "newly-allowed"], 4, &said);
        // Three may be; four are not.
        check_gate(&folder, &["--fail-on", "newly-denied>3"], 0, "");
    }
    // The log tells the stage, so that the API has others does not matter.
    let folder = two(&fewer_stages, &json!([allow("*")]));
    folder.log(&[(CLERK, "GET /stock", 200, "10.0.0.1")]);
    assert_eq!(changes(&folder)["unchanged"], 1);
}

#[test]
fn an_api_in_another_region_has_other_arns_in_each_version() {
    let abroad = format!("{API}region = \"us-east-1\"\n");
    let folder = two(&abroad, &json!([allow(&shop("*"))]));
    folder.log(&[(CLERK, "GET /stock", 200, "10.0.0.1")]);
    assert_eq!(changes(&folder)["newlyDenied"], 1);
}

#[test]
fn what_is_undecided_is_told_in_every_format() {
    let folder = two("", &json!([allow("*")]));
    folder.log(&[(CLERK, "GET /stock", 200, "10.0.0.1"); 3]);
    let printed = |more: &[&str]| String::from_utf8(compare(&folder, more).stdout).unwrap();
    let text = printed(&[]);
    let first = "0 otherwise changed, 0 unchanged, 3 cannot be decided\n    3: ";
    for shown in [first, GONE, "  3 requests may be newly denied\n", "after    undecided: the API"]
    {
        assert!(text.contains(shown), "expected {shown} in\n{text}");
    }
    let comment = printed(&["--format", "markdown"]);
    let cannot = format!("**3 requests** cannot be decided (3: {GONE}).\n3 requests may be newly");
    assert!(comment.contains(&cannot), "{comment}");
    let counts = printed(&["--format", "csv", "--table", "changeCounts"]);
    let all = format!("perhapsDenied,,3\r\nperhapsAllowed,,0\r\nundecided,\"{GONE}\",3\r\n");
    assert!(counts.ends_with(&all), "{counts}");
    let groups = printed(&["--format", "csv", "--table", "changes"]);
    assert!(groups.contains("afterUndecided"), "{groups}");
    let page = printed(&["--format", "html"]);
    assert!(page.contains("\"undecided\":3"));
}

#[test]
fn what_neither_version_can_decide_is_only_counted() {
    let folder = two(API, &json!([allow("*")]));
    let nobody = ("AIDAEXAMPLEEXAMPLE", "GET /stock", 200, "10.0.0.1");
    folder.log(&[nobody, nobody]);
    let none = changes(&folder);
    assert_eq!((&none["undecided"], &none["groups"]), (&json!(2), &json!([])));
    // Where not one call could be compared, nothing is known of what would change.
    let reason = "the log does not tell the ARN of the caller";
    let said = format!("--fail-on newly-allowed: 2 requests may be: {reason}\n");
    check_gate(&folder, &["--fail-on", "newly-allowed"], 4, &said);
    assert_eq!((&none["perhapsDenied"], &none["perhapsAllowed"]), (&json!(2), &json!(2)));
    folder.log(&[nobody, (CLERK, "GET /stock", 200, "10.0.0.1")]);
    let some = changes(&folder);
    assert_eq!((&some["undecided"], &some["unchanged"]), (&json!(1), &json!(1)));
    check_gate(&folder, &["--fail-on", "newly-denied", "--fail-on", "newly-allowed"], 0, "");
}

/// The gate and the report say the same, whichever version could decide some calls.
#[test]
fn what_may_be_is_one_number_where_no_call_could_be_compared() {
    let folder = two("", &json!([allow("*")]));
    let nobody = ("AIDAEXAMPLEEXAMPLE", "GET /stock", 200, "10.0.0.1");
    let clerk = (CLERK, "GET /stock", 200, "10.0.0.1");
    folder.log(&[nobody, clerk, clerk, clerk]);
    let changes = changes(&folder);
    assert_eq!(changes["undecided"], 4);
    // What was allowed cannot be newly allowed.
    assert_eq!((&changes["perhapsDenied"], &changes["perhapsAllowed"]), (&json!(4), &json!(1)));
    for (measure, requests) in [("newly-denied", "4 requests"), ("newly-allowed", "1 request")] {
        let output = compare(&folder, &["--fail-on", measure]);
        let said = String::from_utf8(output.stderr).unwrap();
        let begins = format!("--fail-on {measure}: {requests} may be: ");
        assert!(said.starts_with(&begins), "{said}");
        assert_eq!(output.status.code(), Some(4));
        let text = String::from_utf8(output.stdout).unwrap();
        let reported = format!("  {requests} may be {}\n", measure.replace('-', " "));
        assert!(text.contains(&reported), "expected {reported} in\n{text}");
    }
}

#[test]
fn what_comes_to_depend_on_an_unknown_key_names_it_and_may_be_newly_denied() {
    let mfa = json!({ "Bool": { "aws:MultiFactorAuthPresent": "true" } });
    let folder = two(API, &json!([allow_if("*", &mfa)]));
    folder.log(&[(CLERK, "GET /stock", 200, "10.0.0.1"); 3]);
    let changes = changes(&folder);
    assert_eq!((&changes["otherwise"], &changes["perhapsDenied"]), (&json!(3), &json!(3)));
    let after = &changes["groups"][0]["after"];
    assert_eq!(after["decision"], "indeterminate");
    assert_eq!(after["dependsOn"], json!(["aws:MultiFactorAuthPresent"]));
    let gate = ["--fail-on", "newly-denied"];
    let said =
        "--fail-on newly-denied: 3 requests may be: it depends on aws:MultiFactorAuthPresent\n";
    check_gate(&folder, &gate, 4, said);
    check_gate(&folder, &["--fail-on", "newly-allowed"], 0, "");
    let assume = |value: &str| format!("--assume=aws:MultiFactorAuthPresent={value}");
    check_gate(&folder, &[&gate[..], &[&assume("true")]].concat(), 0, "");
    let said = "--fail-on newly-denied: 3 requests\n";
    check_gate(&folder, &[&gate[..], &[&assume("false")]].concat(), 1, said);
}

#[test]
fn what_another_account_allows_its_callers_is_not_known() {
    let named = |principal: &str| {
        let mut statement = allow(&shop("*"));
        statement["Principal"] = json!({ "AWS": principal });
        json!([statement])
    };
    let partner = "arn:aws:sts::210987654321:assumed-role/partner/p";
    let folder = two(&format!("{API}resourcePolicy = \"none.json\"\n"), &json!([allow("*")]));
    let with = format!("{API}resourcePolicy = \"api.json\"\n");
    folder.write("old.toml", &[&HEAD.replace("POLICY", "old.json"), &*with].concat());
    folder.policy("api.json", &named("arn:aws:iam::210987654321:role/partner"));
    folder.policy("none.json", &named("arn:aws:iam::210987654321:role/other"));
    folder.log(&[(partner, "GET /stock", 200, "10.0.0.1")]);
    let group = &changes(&folder)["groups"][0];
    let unknown =
        "the policies of the caller's account are not known, and must allow the call, too";
    assert_eq!(group["before"], json!({ "decision": null, "undecided": unknown }));
    assert_eq!(group["after"]["decision"], "implicitDeny");
    let said = format!("--fail-on newly-denied: 1 request may be: {unknown}\n");
    check_gate(&folder, &["--fail-on", "newly-denied"], 4, &said);
}

/// Calls that both versions leave open are unchanged only if both decisions hang on the same.
#[test]
fn open_calls_are_unchanged_only_where_they_hang_on_the_same() {
    let mfa = |value: &str| json!({ "Bool": { "aws:MultiFactorAuthPresent": value } });
    let guarded = |value: &str| json!([allow_if("*", &mfa(value))]);
    let compared = |new: &Value| {
        let folder = two(API, new);
        folder.policy("old.json", &guarded("true"));
        folder.log(&[(CLERK, "GET /stock", 200, "10.0.0.1"); 3]);
        folder
    };
    let deny = {
        let mut statement = allow_if("*", &mfa("false"));
        statement["Effect"] = json!("Deny");
        statement
    };
    let may =
        "--fail-on newly-denied: 3 requests may be: it depends on aws:MultiFactorAuthPresent\n";
    let turned = json!([allow_if("*", &mfa("false"))]);
    let with_another = json!([allow_if("*", &mfa("true")), deny]);
    for new in [turned, with_another] {
        let folder = compared(&new);
        let changes = changes(&folder);
        assert_eq!((&changes["unchanged"], &changes["otherwise"]), (&json!(0), &json!(3)));
        assert_eq!((&changes["perhapsDenied"], &changes["perhapsAllowed"]), (&json!(3), &json!(3)));
        check_gate(&folder, &["--fail-on", "newly-denied"], 4, may);
    }
    // Another name, another pattern that matches, and another statement about other calls.
    let mut renamed = allow_if(&shop("GET/*"), &mfa("true"));
    renamed["Sid"] = json!("Guarded");
    let folder = compared(&json!([allow(&shop("PUT/stock")), renamed]));
    assert_eq!(changes(&folder)["unchanged"], 3);
    check_gate(&folder, &["--fail-on", "newly-denied", "--fail-on", "newly-allowed"], 0, "");
}
