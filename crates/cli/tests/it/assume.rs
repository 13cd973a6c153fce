//! `--assume`, of `tollgate analyze` and `tollgate suggest`.

use std::process::Output;

use serde_json::json;

use crate::support::{Folder, allow_if, stdout, tollgate};

const EXAMPLE: [&str; 3] =
    ["--account", "fixtures/github-proxy/tollgate.toml", "fixtures/github-proxy/logs"];
const ANALYZE: [&str; 1] = ["analyze"];
const SUGGEST: [&str; 3] = ["suggest", "--principal", "ana"];

fn run(command: &[&str], assumed: &[&str]) -> Output {
    let assumed: Vec<&str> = assumed.iter().flat_map(|it| ["--assume", it]).collect();
    tollgate(&[command, &EXAMPLE, &assumed].concat()).output().unwrap()
}

/// What is said of assumptions that are made all the same.
#[track_caller]
fn check_said(assumed: &[&str], expected: &[&str]) {
    for command in [&ANALYZE[..], &SUGGEST] {
        let output = run(command, assumed);
        stdout(&output);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(said.lines().collect::<Vec<_>>(), expected);
    }
}

#[test]
fn a_key_is_assumed_once() {
    let twice = ["aws:MultiFactorAuthPresent=true", "AWS:multifactorauthpresent=false"];
    for command in [&ANALYZE[..], &SUGGEST] {
        let output = run(command, &twice);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{errors}");
        assert!(errors.contains("`aws:MultiFactorAuthPresent` is assumed twice"), "{errors}");
    }
}

/// It would be false in every condition, and deny calls that are open.
#[test]
fn a_value_that_no_condition_can_read_is_refused() {
    for value in ["yes", "", "1"] {
        let assumed = format!("aws:MultiFactorAuthPresent={value}");
        for command in [&ANALYZE[..], &SUGGEST] {
            let output = run(command, &[&assumed]);
            let errors = String::from_utf8_lossy(&output.stderr);
            assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{errors}");
            assert!(errors.contains("no condition on this key can read"), "{errors}");
            assert!(errors.contains("expected `true` or `false`"), "{errors}");
        }
    }
    check_said(&["aws:MultiFactorAuthPresent=TRUE"], &[]);
}

/// `Null` does not look at the value; text and variables take any.
#[test]
fn what_is_read_depends_on_all_conditions_on_the_key() {
    let folder = Folder::new();
    let when = |operator: &str, key: &str, value: &str| {
        allow_if("*", &json!({ operator: { key: value } }))
    };
    let statements = json!([
        when("Bool", "aws:MultiFactorAuthPresent", "true"),
        when("Null", "aws:MultiFactorAuthPresent", "false"),
        when("ArnLike", "aws:SourceArn", "arn:aws:iam::*:role/*"),
        when("NotIpAddress", "aws:VpcSourceIp", "10.0.0.0/8"),
        when("Bool", "aws:PrincipalTag/a", "true"),
        when("Bool", "aws:PrincipalTag/b", "true"),
        when("StringLike", "aws:PrincipalTag/b", "*"),
        when("StringLike", "aws:PrincipalTag/c", "${aws:PrincipalTag/ab}"),
    ]);
    folder.policy("p.json", &statements);
    let account = folder.write(
        "tollgate.toml",
        "account = \"123456789012\"\nregion = \"eu-west-1\"\n\
         [[principal]]\narn = \"arn:aws:iam::123456789012:role/clerk\"\npolicies = [\"p.json\"]\n",
    );
    let log = folder.log(&[("-", "GET /", 200, "10.0.0.1")]);
    for (assumed, code) in [
        ("aws:MultiFactorAuthPresent=yes", 2),
        ("aws:MultiFactorAuthPresent=true", 0),
        ("aws:SourceArn=junk", 2),
        ("aws:SourceArn=arn:aws:iam::123456789012:role/a", 0),
        ("aws:VpcSourceIp=10.0.0.0/8", 2),
        ("aws:PrincipalTag/a=red", 2),
        ("aws:PrincipalTag/b=red", 0),
        ("aws:PrincipalTag/ab=red", 0),
    ] {
        let output = tollgate(&["analyze", "--account", &account, "--assume", assumed, &log])
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{assumed}: {errors}");
    }
}

#[test]
fn a_key_that_no_policy_refers_to_is_said() {
    check_said(
        &["aws:MultiFactorAuthPresnt=true", "shop:Colour=blue", "aws:multifactorauthpresent=true"],
        &[
            "--assume aws:MultiFactorAuthPresnt: no policy refers to this key; did you mean \
             `aws:MultiFactorAuthPresent`?",
            "--assume shop:Colour: no policy refers to this key",
        ],
    );
}

/// The policies of both accounts decide.
#[test]
fn a_key_of_the_other_account_is_one() {
    let against = ["--against", "fixtures/suggest/tollgate.toml"];
    let assumed = ["aws:MultiFactorAuthPresent=true", "aws:PrincipalTag/team=blue"];
    let output = run(&[&ANALYZE[..], &against].concat(), &assumed);
    stdout(&output);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}
