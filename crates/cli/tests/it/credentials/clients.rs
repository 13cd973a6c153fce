//! The AWS CLI and boto3, unmodified.

use std::fs;
use std::process::{Child, Output, Stdio};

use tollgate_services::Python;

use super::gateway::{Gateway, clean};
use crate::support::{tollgate, top};

const MODULES: [&str; 5] = ["boto3", "awscli", "requests", "aws_requests_auth", "cryptography"];

/// A token that the provider of the fixture gives to the main branch.
fn web_identity(python: &Python) -> String {
    let key = top().join("fixtures/sts/test-issuer.pk8");
    let made = python
        .command()
        .arg(top().join("crates/cli/tests/it/credentials/id_token.py"))
        .arg(key)
        .output()
        .unwrap();
    printed(made)
}

#[track_caller]
fn printed(output: Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{}{errors}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn the_aws_cli_and_boto3_begin_sessions_and_say_who_they_are() {
    let Some(python) = Python::with(&MODULES) else { return };
    let gateway = Gateway::start(&python, 900, 1);
    let token = gateway.write("id.token", &web_identity(&python));
    let output = clean(&python, gateway.path("").as_path())
        .arg(top().join("crates/cli/tests/it/credentials/clients.py"))
        .args([format!("http://127.0.0.1:{}", gateway.sts), token.display().to_string()])
        .output()
        .unwrap();
    let lines = printed(output);
    let session = "arn:aws:sts::123456789012:assumed-role/web";
    assert_eq!(
        lines.lines().collect::<Vec<_>>(),
        [
            "boto3 GetCallerIdentity arn:aws:iam::123456789012:user/ana",
            "boto3 GetSessionToken arn:aws:iam::123456789012:user/ana",
            &format!("boto3 AssumeRole {session}/boto3"),
            &format!("boto3 AssumeRoleWithWebIdentity {session}/boto3-web"),
            "boto3 AssumeRole of another role: AccessDenied",
            "boto3 AssumeRole for two days: ValidationError",
            "boto3 with another secret: SignatureDoesNotMatch",
            "aws get-caller-identity arn:aws:iam::123456789012:user/ana",
            "aws get-session-token 1",
            &format!("aws assume-role {session}/cli"),
            &format!("aws assume-role-with-web-identity {session}/cli-web"),
        ]
    );
    check_calls(&gateway.operator_log());
    // A check looks at all of it, and takes nothing away from the gateway that is under way.
    let check = gateway.command().args(["serve", "--check"]).output().unwrap();
    assert_eq!(check.status.code(), Some(0), "{}", String::from_utf8_lossy(&check.stderr));
    let all = "[issuedBefore]\n\"arn:aws:iam::123456789012:role/web\" = \"2100-01-01T00:00:00Z\"\n";
    fs::write(gateway.path("revoked.toml"), all).unwrap();
    gateway.says("what is revoked was read anew");
    gateway.reload();
    gateway.says("the configuration was read anew, and holds");
}

/// Each call of the STS has a line in the operator's log: who, what, which role, and what came of it.
#[track_caller]
fn check_calls(log: &str) {
    assert!(!log.contains("tgs1_"), "a token is in\n{log}");
    let ana = "arn:aws:iam::123456789012:user/ana";
    let role = "arn:aws:iam::123456789012:role/web";
    let (none, ok, denied) = ("-", "200 -", "403 AccessDenied");
    let calls = [
        ("GetCallerIdentity", ana, none, none, ok),
        ("GetSessionToken", ana, none, ana, ok),
        ("AssumeRole", ana, role, "arn:aws:sts::123456789012:assumed-role/web/cli", ok),
        ("AssumeRole", ana, "arn:aws:iam::123456789012:role/admin", none, denied),
        ("GetCallerIdentity", none, none, none, "403 SignatureDoesNotMatch"),
    ];
    for (action, caller, role, session, outcome) in calls {
        let (status, code) = outcome.split_once(' ').unwrap();
        let words = [
            format!("\"action\":\"{action}\""),
            format!("\"caller\":\"{caller}\""),
            format!("\"role\":\"{role}\""),
            format!("\"principal\":\"{session}\""),
            format!("\"status\":{status}"),
            format!("\"errorCode\":\"{code}\""),
        ];
        let is_it = |line: &str| words.iter().all(|word| line.contains(word.as_str()));
        assert!(log.lines().any(is_it), "no line of\n{log}\nhas {words:?}");
    }
}

/// What botocore calls a way of delivery, the session that comes by it, and the environment for it.
type Way = (&'static str, &'static str, Vec<(&'static str, String)>);

/// Seconds that a session lasts here.
const SESSION_S: u32 = 8;

fn ways(gateway: &Gateway, python: &Python) -> [Way; 4] {
    let token = gateway.write("id.token", &web_identity(python));
    let key = gateway.write(
        "key.toml",
        "accessKeyId = \"AKIAEXAMPLEANA000001\"\n\
         secretAccessKey = \"an-example-key-of-ana-that-opens-this-example-only\"\n",
    );
    let sts = format!("http://127.0.0.1:{}", gateway.sts);
    let role = "arn:aws:iam::123456789012:role/web";
    let process = format!(
        "[default]\ncredential_process = {} credentials --endpoint {sts} --key-file {} --role-arn {role} \
         --role-session-name process-1\n",
        env!("CARGO_BIN_EXE_tollgate"),
        key.display()
    );
    let config = gateway.write("aws-config", &process);
    [
        ("container-role", "web-1", gateway.container_variables().into()),
        (
            "iam-role",
            "host-1",
            vec![(
                "AWS_EC2_METADATA_SERVICE_ENDPOINT",
                format!("http://127.0.0.1:{}/", gateway.metadata),
            )],
        ),
        (
            "assume-role-with-web-identity",
            "web-2",
            vec![
                ("AWS_WEB_IDENTITY_TOKEN_FILE", token.display().to_string()),
                ("AWS_ROLE_ARN", role.to_owned()),
                ("AWS_ROLE_SESSION_NAME", "web-2".to_owned()),
                ("AWS_ENDPOINT_URL_STS", sts),
            ],
        ),
        ("custom-process", "process-1", vec![("AWS_CONFIG_FILE", config.display().to_string())]),
    ]
}

#[test]
fn stock_sdks_renew_sessions_that_end_by_every_way_of_delivery() {
    let Some(python) = Python::with(&MODULES) else { return };
    let gateway = Gateway::start(&python, SESSION_S, 1);
    let running: Vec<(&str, &str, Child)> = ways(&gateway, &python)
        .into_iter()
        .map(|(method, session, variables)| {
            let child = clean(&python, gateway.path("").as_path())
                .arg(top().join("crates/cli/tests/it/credentials/renew.py"))
                .args([format!("127.0.0.1:{}", gateway.port), SESSION_S.to_string()])
                .envs(variables)
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            (method, session, child)
        })
        .collect();
    for (method, session, child) in running {
        let lines = printed(child.wait_with_output().unwrap());
        assert_eq!(
            lines.lines().collect::<Vec<_>>(),
            [
                &format!("found by {method}"),
                "with the first session: 200",
                "after its end: 403 ExpiredTokenException",
                "with the next session: 200",
            ],
            "{method}"
        );
        let arn = format!("arn:aws:sts::123456789012:assumed-role/web/{session}");
        assert!(gateway.access_log().contains(&arn), "{arn} is not in the log");
    }
}

#[test]
fn credentials_says_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key.toml");
    let check = |text: &str, mode: u32, words: &str| {
        use std::os::unix::fs::PermissionsExt;
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        let output = tollgate(&["credentials", "--endpoint", "http://127.0.0.1:1", "--key-file"])
            .arg(&file)
            .output()
            .unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{errors}");
        let joined: String = errors.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(joined.replace("│ ", "").contains(words), "{errors}");
        assert!(!errors.contains("vanilla"), "{errors}");
    };
    let key = "accessKeyId = \"AKIA1\"\nsecretAccessKey = \"vanilla\"\n";
    check(key, 0o644, "has mode 0644, expected 0600: it holds a secret");
    check("secretAccessKey = \"vanilla\"\n", 0o600, "is not the TOML of `accessKeyId` and");
    check(key, 0o600, "no session");
}
