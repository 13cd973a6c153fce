//! `--assume`, of `tollgate analyze` and `tollgate suggest`.

use std::process::Output;

use serde_json::json;

use crate::support::{Folder, allow_if, shop, stdout, tollgate};

const EXAMPLE: [&str; 3] =
    ["--account", "fixtures/github-proxy/tollgate.toml", "fixtures/github-proxy/logs"];
const ANALYZE: [&str; 1] = ["analyze"];
const SUGGEST: [&str; 3] = ["suggest", "--principal", "ana"];

fn run(command: &[&str], assumed: &[&str]) -> Output {
    let assumed: Vec<&str> = assumed.iter().flat_map(|it| ["--assume", it]).collect();
    tollgate(&[command, &EXAMPLE, &assumed].concat()).output().unwrap()
}

/// What a command says of assumptions that are made all the same.
#[track_caller]
fn check_said(command: &[&str], assumed: &[&str], expected: &[&str]) {
    let output = run(command, assumed);
    stdout(&output);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said.lines().collect::<Vec<_>>(), expected);
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
    for command in [&ANALYZE[..], &SUGGEST] {
        check_said(command, &["aws:MultiFactorAuthPresent=TRUE"], &[]);
    }
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
    let assumed =
        ["aws:MultiFactorAuthPresnt=true", "shop:Colour=blue", "aws:multifactorauthpresent=true"];
    let said = [
        "`--assume aws:MultiFactorAuthPresnt` settles nothing: no policy refers to this key; did you mean \
         `aws:MultiFactorAuthPresent`?",
        "`--assume shop:Colour` settles nothing: no policy refers to this key.",
    ];
    for command in [&ANALYZE[..], &SUGGEST] {
        check_said(command, &assumed, &said);
    }
}

/// In every format; of merged runs, if none of them used it.
#[test]
fn an_assumption_that_settles_nothing_is_said() {
    let folder = Folder::new();
    let when = |resource: &str, key: &str, value: &str| {
        allow_if(&shop(resource), &json!({ "StringEquals": { key: value } }))
    };
    folder.policy(
        "p.json",
        &json!([
            when("GET/a", "aws:UserAgent", "curl"),
            when("GET/other", "aws:PrincipalTag/team", "blue"),
        ]),
    );
    let ana = "arn:aws:iam::123456789012:user/ana";
    let account = folder.write(
        "tollgate.toml",
        &format!(
            "account = \"123456789012\"\nregion = \"eu-west-1\"\n[[principal]]\narn = \"{ana}\"\n\
             policies = [\"p.json\"]\n[[api]]\nid = \"shop\"\nstages = [\"prod\"]\n"
        ),
    );
    let line = |agent: &str, path: &str| {
        json!({
            "requestTimeEpoch": 1_773_100_800_000_i64, "httpMethod": "GET", "path": path,
            "stage": "prod", "apiId": "shop", "status": "200", "userArn": ana, "userAgent": agent,
        })
        .to_string()
    };
    let log = |name: &str, agents: &[&str]| {
        let lines: Vec<String> = agents.iter().map(|agent| line(agent, "/a")).collect();
        folder.write(name, &lines.join("\n"))
    };
    let told = log("told.log", &["curl", "wget"]);
    // The agent is assumed to be the one that another call tells: both are decided alike.
    let untold = log("untold.log", &["curl", ""]);
    let assumed = ["--assume", "aws:UserAgent=curl", "--assume", "aws:PrincipalTag/team=blue"];
    let unused = "`--assume aws:UserAgent` settles nothing: wherever a decision depends on this key, the log \
                  or the account tells it.";
    let unasked =
        "`--assume aws:PrincipalTag/team` settles nothing: no decision depends on this key.";
    let analyze = |log: &str, more: &[&str]| {
        let arguments = [&["analyze", "--account", &account, log], &assumed[..], more].concat();
        let output = tollgate(&arguments).output().unwrap();
        (stdout(&output), String::from_utf8(output.stderr).unwrap())
    };
    for format in ["text", "json", "markdown", "html"] {
        let (report, errors) = analyze(&told, &["--format", format]);
        assert_eq!(errors, format!("{unasked}\n{unused}\n"), "{format}");
        assert!(report.contains(unasked) && report.contains(unused), "{report}");
    }
    for (log, said) in
        [(&told, format!("{unasked}\n{unused}\n")), (&untold, format!("{unasked}\n"))]
    {
        let suggest = ["suggest", "--account", &account, "--principal", "ana", log];
        let output = tollgate(&[&suggest, &assumed[..]].concat()).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), said);
        assert!(stdout(&output).contains(unasked));
    }
    let about = ["--format", "csv", "--table", "about"];
    let (table, errors) = analyze(&told, &about);
    assert!(table.contains(unasked) && errors.contains(unused), "{table}{errors}");

    let partials = ["told.json", "untold.json"].map(|name| folder.path(name));
    analyze(&told, &["--partial", &partials[0]]);
    let (report, errors) = analyze(&untold, &["--partial", &partials[1]]);
    assert!(errors == format!("{unasked}\n") && !report.contains(unused), "{errors}");
    let merged = tollgate(&["merge", &partials[0], &partials[1]]).output().unwrap();
    assert!(stdout(&merged).contains(unasked) && !stdout(&merged).contains(unused));
}

/// The policies of both accounts decide.
#[test]
fn a_key_of_the_other_account_is_one() {
    let against = ["--against", "fixtures/suggest/tollgate.toml"];
    let assumed = ["aws:MultiFactorAuthPresent=true", "aws:PrincipalTag/team=blue"];
    let output = run(&[&ANALYZE[..], &against].concat(), &assumed);
    stdout(&output);
    let said =
        "`--assume aws:PrincipalTag/team` settles nothing: no decision depends on this key.\n";
    assert_eq!(String::from_utf8_lossy(&output.stderr), said);
}
