//! Who called, as far as a log and an account tell it: decisions are those that AWS takes.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{self, tollgate};

const ROLE_ID: &str = "AROAEXAMPLEBOT0000001";
const USER_ID: &str = "AIDAEXAMPLEANA0000001";

fn allow(path: &str, condition: &Value) -> Value {
    statement("Allow", path, condition)
}

fn statement(effect: &str, path: &str, condition: &Value) -> Value {
    json!({
        "Effect": effect,
        "Action": "execute-api:Invoke",
        "Resource": format!("arn:aws:execute-api:eu-west-1:111122223333:a1b2c3/prod/GET/{path}"),
        "Condition": condition,
    })
}

/// An account with a role that has a path, a user, and an API with a resource policy.
fn write_account(folder: &Path) {
    let ids = json!({ "StringEquals": { "aws:userid": [format!("{ROLE_ID}:run-1"), USER_ID] } });
    let ci = json!({ "ArnLike": { "aws:PrincipalArn": "arn:aws:iam::111122223333:role/ci/*" } });
    let statements = json!([
        allow("own/*", &json!({})),
        allow("id", &ids),
        statement("Deny", "own/closed", &ci),
    ]);
    let own = json!([{
        "PolicyName": "own",
        "PolicyDocument": { "Version": "2012-10-17", "Statement": statements },
    }]);
    let export = json!({
        "UserDetailList": [{
            "Path": "/", "UserName": "ana", "UserId": USER_ID,
            "Arn": "arn:aws:iam::111122223333:user/ana",
            "UserPolicyList": own, "GroupList": [], "AttachedManagedPolicies": [], "Tags": [],
        }],
        "GroupDetailList": [],
        "RoleDetailList": [{
            "Path": "/ci/", "RoleName": "bot", "RoleId": ROLE_ID,
            "Arn": "arn:aws:iam::111122223333:role/ci/bot",
            "AssumeRolePolicyDocument": { "Version": "2012-10-17", "Statement": [] },
            "InstanceProfileList": [], "RolePolicyList": own, "AttachedManagedPolicies": [],
            "Tags": [],
        }],
        "Policies": [],
    });
    fs::write(folder.join("account.json"), export.to_string()).unwrap();
    let organization = json!({ "StringEquals": { "aws:PrincipalOrgID": "o-example" } });
    let team = json!({ "StringNotEquals": { "aws:PrincipalTag/team": "red" } });
    let mut resource =
        [allow("named", &ci), allow("organized", &organization), allow("other", &team)];
    resource.iter_mut().for_each(|statement| statement["Principal"] = json!("*"));
    let resource = json!({ "Version": "2012-10-17", "Statement": resource });
    fs::write(folder.join("api.json"), resource.to_string()).unwrap();
    let manifest = "account = \"111122223333\"\nregion = \"eu-west-1\"\n\
                    authorizationDetails = \"account.json\"\n\n\
                    [[api]]\nid = \"a1b2c3\"\nstages = [\"prod\"]\nresourcePolicy = \"api.json\"\n";
    fs::write(folder.join("tollgate.toml"), manifest).unwrap();
}

/// Calls that were all refused, so that the report tells of each what the policies say: who called,
/// by names of columns, and the path.
fn decisions(calls: &[(Value, &str)], more: &[&str]) -> Vec<(String, String)> {
    let folder = tempfile::tempdir().unwrap();
    write_account(folder.path());
    let line = |(minute, (caller, path)): (usize, &(Value, &str))| {
        let mut line = caller.clone();
        line["requestTime"] = json!(format!("10/Mar/2026:00:{minute:02}:00 +0000"));
        line["httpMethod"] = json!("GET");
        line["resourcePath"] = json!(format!("/{path}"));
        line["status"] = json!("403");
        format!("{line}\n")
    };
    let log: String = calls.iter().enumerate().map(line).collect();
    fs::write(folder.path().join("log.jsonl"), log).unwrap();
    let text = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (manifest, log) = (text("tollgate.toml"), text("log.jsonl"));
    let arguments = ["analyze", "--format", "json", "--account", &manifest, &log];
    let report = support::json(&tollgate(&[&arguments, more].concat()).output().unwrap());
    let mut denied = report["denied"].as_array().unwrap().clone();
    denied.sort_by_key(|group| group["first"].as_str().unwrap().to_owned());
    let told = |group: &Value, name: &str| group[name].as_str().unwrap_or("undecided").to_owned();
    denied.iter().map(|group| (told(group, "caller"), told(group, "decision"))).collect()
}

#[track_caller]
fn check(calls: &[(Value, &str, &str, &str)], more: &[&str]) {
    let asked: Vec<_> = calls.iter().map(|(who, path, ..)| (who.clone(), *path)).collect();
    let expected =
        calls.iter().map(|(.., caller, decision)| ((*caller).to_owned(), (*decision).to_owned()));
    assert_eq!(decisions(&asked, more), expected.collect::<Vec<_>>());
}

const SESSION: &str = "arn:aws:sts::111122223333:assumed-role/bot/run-1";
const GONE: &str = "arn:aws:sts::111122223333:assumed-role/gone/run-1";
const ANA: &str = "arn:aws:iam::111122223333:user/ana";

/// `aws:PrincipalArn` of a session is its role's ARN, with the path that the session's leaves out. Of a
/// role that the account does not know, the path is not known.
#[test]
fn a_condition_on_the_callers_arn_sees_the_path_of_its_role() {
    check(
        &[
            (json!({ "userArn": SESSION }), "own/closed", SESSION, "explicitDeny"),
            (json!({ "userArn": SESSION }), "own/open", SESSION, "allowed"),
            (json!({ "userArn": ANA }), "own/closed", ANA, "allowed"),
            (json!({ "userArn": SESSION }), "named", SESSION, "allowed"),
            (json!({ "userArn": ANA }), "named", ANA, "implicitDeny"),
            (json!({ "userArn": GONE }), "named", GONE, "indeterminate"),
        ],
        &[],
    );
}

/// AWS's own log formats hold nothing of a caller but its unique id.
#[test]
fn callers_are_found_by_their_unique_ids() {
    let session = format!("{ROLE_ID}:run-1");
    let session = json!({ "caller": session, "user": session });
    let ana = json!({ "caller": USER_ID, "user": USER_ID });
    let stranger = json!({ "caller": "AIDANOBODY", "user": "AIDANOBODY" });
    check(
        &[
            (session.clone(), "own/closed", SESSION, "explicitDeny"),
            (session, "id", SESSION, "allowed"),
            (ana.clone(), "own/closed", ANA, "allowed"),
            (ana, "id", ANA, "allowed"),
            (stranger, "own/open", "AIDANOBODY", "undecided"),
        ],
        &[],
    );
}

/// An unsigned request has no keys of a principal, whatever is assumed of those who sign.
#[test]
fn nobody_has_no_keys_of_a_principal() {
    let calls = [
        (json!({ "ip": "192.0.2.1" }), "organized", "anonymous", "implicitDeny"),
        (json!({ "ip": "192.0.2.1" }), "other", "anonymous", "allowed"),
        (json!({ "ip": "192.0.2.1" }), "named", "anonymous", "implicitDeny"),
    ];
    check(&calls, &[]);
    let assumed =
        ["--assume", "aws:PrincipalOrgID=o-example", "--assume", "aws:PrincipalTag/team=red"];
    check(&calls, &assumed);
}

#[test]
fn the_account_tells_unique_ids_that_the_log_does_not() {
    check(
        &[
            (json!({ "userArn": SESSION }), "id", SESSION, "allowed"),
            (json!({ "userArn": ANA }), "id", ANA, "allowed"),
            (json!({ "userArn": GONE }), "id", GONE, "implicitDeny"),
            // What the log tells counts.
            (json!({ "userArn": ANA, "caller": "AIDAOTHER" }), "id", ANA, "implicitDeny"),
        ],
        &[],
    );
}
