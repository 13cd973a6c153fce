//! `tollgate account`, as a user runs it: from the top of the repository.

use std::process::Output;

use serde_json::json;

use crate::support::{Folder, json as as_json, run, stdout, tollgate, top};

const EXPORT: &str = "fixtures/accounts/export/tollgate.toml";

fn show(arguments: &[&str]) -> Output {
    tollgate(&[&["account", "show"], arguments].concat()).output().unwrap()
}

#[track_caller]
fn shown(arguments: &[&str]) -> String {
    stdout(&show(arguments))
}

/// What is said on standard error when the account or the principal cannot be read.
#[track_caller]
fn stderr(arguments: &[&str]) -> String {
    let output = show(arguments);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_user_has_policies_of_its_own_and_of_its_groups() {
    insta::assert_snapshot!(shown(&["--account", EXPORT, "ana"]));
}

#[test]
fn a_role_has_a_boundary_and_a_trust_policy() {
    insta::assert_snapshot!(shown(&["--account", EXPORT, "AROAEXAMPLEDEP000002:build-7"]));
}

#[test]
fn the_manifest_stands_beside_and_before_the_export() {
    insta::assert_snapshot!(shown(&["--account", EXPORT, "user/ops/ben"]));
}

#[test]
fn a_manifest_alone_is_an_account_too() {
    let account = "fixtures/github-proxy/tollgate.toml";
    insta::assert_snapshot!(shown(&["--account", account, "release-bot"]));
}

/// Each as the first is, and what has unknown fields is read as it was meant.
#[test]
fn everything_wrong_is_told_at_once() {
    let folder = Folder::new();
    let manifest = "account = \"1\"\nregin = \"r\"\nregion = \"r\"\n[[principal]]\narn = \"ana\"\n";
    let account = folder.write("tollgate.toml", manifest);
    let errors = stderr(&["--account", &account, "ana"]);
    let told: Vec<&str> = errors.lines().filter(|line| line.contains('×')).collect();
    assert_eq!(
        told,
        [
            "  × unknown field `regin`",
            "  × expected an account id of twelve digits, found `1`",
            "  × expected the ARN of a user, role or federated user, found `ana`",
        ]
    );
    assert!(!errors.contains("Error"), "{errors}");
}

#[test]
fn what_is_no_manifest_is_told_as_what_it_is() {
    let errors = stderr(&["--account", "fixtures/github-proxy/policies/api.json", "ana"]);
    assert!(errors.contains("a manifest names it: `policies` of a `[[principal]]`"), "{errors}");
    let errors = stderr(&["--account", "fixtures/github-proxy", "ana"]);
    assert!(errors.contains("did you mean `fixtures/github-proxy/tollgate.toml`?"), "{errors}");
}

#[test]
fn json_fits_its_schema() {
    let document = shown(&["--account", EXPORT, "--format", "json", "reporter"]);
    let document = serde_json::from_str(&document).unwrap();
    let schema = top().join("fixtures/schemas/account-show.schema.json");
    let schema = serde_json::from_str(&std::fs::read_to_string(schema).unwrap()).unwrap();
    let errors: Vec<String> = jsonschema::validator_for(&schema)
        .unwrap()
        .iter_errors(&document)
        .map(|error| error.to_string())
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
}

/// The account's control policies are not for it, and its own are not known.
#[test]
fn a_principal_of_another_account_has_control_policies_that_are_not_known() {
    let folder = Folder::new();
    folder.policy("scp.json", &json!([{ "Effect": "Allow", "Action": "*", "Resource": "*" }]));
    let principal = |account: &str, name: &str| {
        format!("[[principal]]\narn = \"arn:aws:iam::{account}:role/{name}\"\n")
    };
    let own = principal("123456789012", "clerk") + &principal("999988887777", "partner");
    let head =
        "account = \"123456789012\"\nregion = \"eu-west-1\"\nserviceControl = [[\"scp.json\"]]\n";
    let account = folder.write("tollgate.toml", &format!("{head}{own}"));
    let heading = "service control policies\n  ";
    let partner = shown(&["--account", &account, "partner"]);
    assert!(
        partner.contains(&format!("{heading}not known: those of its own account\n")),
        "{partner}"
    );
    let partner = as_json(&show(&["--account", &account, "--format", "json", "partner"]));
    assert_eq!(partner["principal"]["foreign"], true);
    let clerk = shown(&["--account", &account, "clerk"]);
    assert!(clerk.contains("scp.json") && !clerk.contains("not known: those"), "{clerk}");
}

#[test]
fn a_principal_that_is_not_there_has_a_suggestion() {
    insta::assert_snapshot!(stderr(&["--account", EXPORT, "reportr"]));
}

#[test]
fn an_encoded_policy_is_shown_decoded() {
    let account = "fixtures/accounts/broken/policy-url-encoded/tollgate.toml";
    insta::assert_snapshot!(stderr(&["--account", account, "reader"]));
}

#[test]
fn a_policy_that_stands_in_the_file_as_it_is_is_shown_there() {
    let account = "fixtures/accounts/broken/policy-as-object/tollgate.toml";
    insta::assert_snapshot!(stderr(&["--account", account, "ana"]));
}

/// What the replay of one call says of its denial; nothing if it is allowed.
fn denial(caller: &str, method: &str, path: &str) -> Option<serde_json::Value> {
    let line = serde_json::json!({
        "requestTime": "10/Mar/2026:09:00:00 +0000", "requestTimeEpoch": 1_773_133_200_000_u64,
        "requestId": "r1", "apiId": "a1b2c3", "stage": "prod", "httpMethod": method,
        "path": path, "resourcePath": "/{proxy+}", "status": 200, "ip": "10.20.1.1",
        "userArn": caller,
    });
    let mut command = tollgate(&["analyze", "--account", EXPORT, "--format", "json", "-"]);
    let report = as_json(&run(&mut command, format!("{line}\n").as_bytes()));
    assert_eq!(report.pointer("/agreement/undetermined"), Some(&0.into()), "{report:#}");
    report.pointer("/denied/0").cloned()
}

#[test]
fn replay_knows_the_tags_of_the_export() {
    let ana = "arn:aws:iam::111122223333:user/ana";
    assert_eq!(denial(ana, "PUT", "/teams/web/x"), None);
    let denied = denial(ana, "PUT", "/teams/finance/x").unwrap();
    let nearest = denied.get("nearest").unwrap();
    // The place is that of the pattern, in the export.
    assert_eq!(nearest["policy"], "fixtures/accounts/export/account.json");
    assert_eq!((&nearest["line"], &nearest["column"]), (&33.into(), &45.into()), "{denied:#}");
}
