//! Keys that a request is known to lack: because the log says so, or somebody does.

use serde_json::{Value, json};

use crate::support::{Folder, allow_if, json as parsed, tollgate};

const CLERK: &str = "arn:aws:iam::123456789012:user/clerk";

/// A folder with an account whose clerk may do all under a condition.
fn account(condition: &Value) -> (Folder, String) {
    let folder = Folder::new();
    folder.policy("p.json", &json!([allow_if("*", condition)]));
    let manifest = format!(
        "account = \"123456789012\"\nregion = \"eu-west-1\"\n[[principal]]\narn = \"{CLERK}\"\n\
         policies = [\"p.json\"]\n[[api]]\nid = \"shop\"\nstages = [\"prod\"]\n"
    );
    let account = folder.write("tollgate.toml", &manifest);
    (folder, account)
}

/// How many calls were allowed as the log has it, were not, and are open.
fn agreement(arguments: &[&str]) -> [u64; 3] {
    let arguments = [&["analyze", "--format", "json"], arguments].concat();
    let report = parsed(&tollgate(&arguments).output().unwrap());
    ["agreeing", "disagreeing", "undetermined"]
        .map(|name| report["agreement"][name].as_u64().unwrap())
}

/// What is found of a call of which the log says this beside what it says of all.
fn of_call(condition: &Value, said: &Value) -> [u64; 3] {
    let (folder, account) = account(condition);
    let mut line = json!({
        "requestTimeEpoch": 1_773_100_800_000_i64, "httpMethod": "GET", "path": "/a", "stage": "prod",
        "apiId": "shop", "status": "200", "userArn": CLERK,
    });
    line.as_object_mut().unwrap().extend(said.as_object().unwrap().clone());
    let log = folder.write("access.log", &line.to_string());
    let table = folder.path("table.parquet");
    let converted = tollgate(&["convert", "--out", &table, &log]).output().unwrap();
    assert_eq!(converted.status.code(), Some(0), "{}", String::from_utf8_lossy(&converted.stderr));
    let found = agreement(&["--account", &account, &log]);
    assert_eq!(agreement(&["--account", &account, &table]), found, "the table says the same");
    found
}

const ALLOWED: [u64; 3] = [1, 0, 0];
const DENIED: [u64; 3] = [0, 1, 0];
const OPEN: [u64; 3] = [0, 0, 1];

#[test]
fn a_call_of_which_a_dash_is_logged_came_through_no_vpc_endpoint() {
    for (key, field) in [("aws:SourceVpce", "vpceId"), ("aws:SourceVpc", "vpcId")] {
        let is_one = json!({ "StringEquals": { key: "one" } });
        let is_another = json!({ "StringNotEquals": { key: "one" } });
        let is_none = json!({ "Null": { key: "true" } });
        let said =
            [json!({ field: "-" }), json!({ field: "one" }), json!({}), json!({ field: "" })];
        let found = |condition| said.clone().map(|said| of_call(condition, &said));
        assert_eq!(found(&is_one), [DENIED, ALLOWED, OPEN, OPEN], "{key}");
        assert_eq!(found(&is_another), [ALLOWED, DENIED, OPEN, OPEN], "{key}");
        assert_eq!(found(&is_none), [ALLOWED, DENIED, OPEN, OPEN], "{key}");
    }
}

/// A client may send it.
#[test]
fn a_dash_proves_nothing_of_other_keys() {
    for (key, field) in [("aws:UserAgent", "userAgent"), ("aws:PrincipalOrgID", "principalOrgId")] {
        let condition = json!({ "StringNotEquals": { key: "one" } });
        assert_eq!(of_call(&condition, &json!({ field: "-" })), OPEN, "{key}");
    }
}

/// Where tollgate's own gateway wrote the log, connections need not be.
#[test]
fn no_log_tells_whether_a_connection_was_encrypted() {
    let condition = json!({ "Bool": { "aws:SecureTransport": "true" } });
    assert_eq!(of_call(&condition, &json!({})), OPEN);
}

const CALL: (&str, &str, u16, &str) = (CLERK, "GET /a", 200, "10.0.0.1");

/// What is found of a call of which something is assumed.
fn of_assumed(condition: &Value, assumed: &[&str]) -> [u64; 3] {
    let (folder, account) = account(condition);
    let log = folder.log(&[CALL]);
    agreement(&[&["--account", &account, &log], assumed].concat())
}

#[test]
fn a_key_is_assumed_to_be_absent() {
    let absent = ["--assume-absent", "AWS:multifactorauthpresent"];
    for (operator, value, expected) in
        [("Bool", "true", DENIED), ("BoolIfExists", "true", ALLOWED), ("Null", "true", ALLOWED)]
    {
        let condition = json!({ operator: { "aws:MultiFactorAuthPresent": value } });
        assert_eq!(of_assumed(&condition, &[]), OPEN, "{operator}");
        assert_eq!(of_assumed(&condition, &absent), expected, "{operator}");
    }
}

#[test]
fn a_key_of_several_values_is_assumed_to_have_all_of_them() {
    let two = ["--assume", "aws:TagKeys=a", "--assume", "AWS:tagkeys=b"];
    for (operator, values, expected) in [
        ("ForAllValues:StringEquals", json!(["a", "b"]), ALLOWED),
        ("ForAllValues:StringEquals", json!(["a", "c"]), DENIED),
        ("ForAnyValue:StringEquals", json!(["b", "c"]), ALLOWED),
        ("ForAnyValue:StringEquals", json!(["c"]), DENIED),
    ] {
        let condition = json!({ operator: { "aws:TagKeys": values } });
        assert_eq!(of_assumed(&condition, &[]), OPEN, "{condition}");
        assert_eq!(of_assumed(&condition, &two), expected, "{condition}");
    }
}

#[test]
fn what_is_assumed_does_not_contradict_itself() {
    let (folder, account) = account(&json!({ "StringEquals": { "aws:TagKeys": "a" } }));
    let log = folder.log(&[CALL]);
    for (assumed, expected) in [
        (vec!["--assume", "aws:TagKeys=a", "--assume", "aws:TagKeys=b"], "is assumed twice"),
        (
            vec!["--assume", "aws:TagKeys=a", "--assume-absent", "AWS:tagkeys"],
            "`AWS:tagkeys` is assumed to have a value, and to be absent",
        ),
        (vec!["--assume-absent", "aws:TagKeys=a"], "expected a condition key without a value"),
        (vec!["--assume-absent", "tags"], "expected a condition key without a value"),
    ] {
        let arguments = [&["analyze", "--account", &account, &log], &assumed[..]].concat();
        let output = tollgate(&arguments).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{errors}");
        assert!(errors.contains(expected), "{errors}");
    }
    let output = tollgate(&["analyze", "--assume-absent", "aws:TagKeys", &log]).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("`--assume-absent` needs `--account`"), "{errors}");
}

#[test]
fn runs_of_which_different_things_are_assumed_are_not_merged() {
    let (folder, account) = account(&json!({ "Null": { "aws:TagKeys": "true" } }));
    let log = folder.log(&[CALL]);
    let paths = ["none.partial", "absent.partial"].map(|name| folder.path(name));
    let absent = ["--assume-absent", "aws:TagKeys"];
    for (path, assumed) in paths.iter().zip([&[][..], &absent]) {
        let arguments = ["analyze", "--account", &account, "--partial", path, &log];
        let output = tollgate(&[&arguments, assumed].concat()).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(text.contains("--assume-absent aws:TagKeys"), !assumed.is_empty(), "{text}");
    }
    let output = tollgate(&["merge", &paths[0], &paths[1]]).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("--assume"), "{errors}");
}
