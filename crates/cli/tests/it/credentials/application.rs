//! An application that holds no secret, from its credentials to its last query.

use tollgate_services::{Postgres, Python};

use super::gateway::{Gateway, clean};
use crate::support::{tollgate, top};

/// Seconds that a session lasts here.
const SESSION_S: u32 = 12;

#[test]
fn an_application_that_holds_no_secret_works_until_its_session_ends() {
    let Some(python) = Python::with(&["boto3", "requests", "aws_requests_auth"]) else { return };
    let Some(postgres) = Postgres::shared() else { return };
    let script = top().join("fixtures/credentials/database.sql");
    postgres.script(&script, Postgres::PASSWORD);
    let gateway = Gateway::start(&python, SESSION_S, postgres.port);
    let output = clean(&python, &gateway.path(""))
        .arg(top().join("fixtures/credentials/app.py"))
        .arg("--wait")
        .env("GATEWAY", format!("127.0.0.1:{}", gateway.port))
        .env("SESSION_S", SESSION_S.to_string())
        .envs(gateway.container_variables())
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}\n{}", gateway.operator_log());
    let printed = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = printed.lines().collect();
    let issues = r#"[{"number": 1, "title": "Secrets in source code", "state": "open"}]"#;
    let denied = "User: arn:aws:sts::123456789012:assumed-role/web/web-1 is not authorized to perform: \
                  execute-api:Invoke on resource: arn:aws:execute-api:us-east-1:123456789012:a1b2c3d4e5\
                  /prod/POST/repos/PokaInc/test-github-api/issues";
    let expired = "The security token included in the request is expired";
    assert_eq!(
        lines,
        [
            format!("GET issues: 200 {issues}"),
            format!("POST issues: 403 {{\"Message\":\"{denied}\"}}"),
            "login: tollgate_app_web1_…".to_owned(),
            "SELECT: 3".to_owned(),
            "the session has ended".to_owned(),
            format!("GET issues: 403 {{\"message\":\"{expired}\"}}"),
            "SELECT: refused".to_owned(),
            format!("GET issues: 200 {issues}"),
        ]
    );
    let readme = std::fs::read_to_string(top().join("README.md")).unwrap();
    assert!(readme.contains(printed.trim_end()), "the README lacks\n{printed}");
    analysed(&gateway);
    // The login is gone from the server, and its password was never in a log.
    let roles = "SELECT count(*) FROM pg_roles WHERE rolname LIKE 'tollgate_app_%'";
    let gone = (0..100).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(100));
        postgres.run("app", roles) == "0"
    });
    assert!(gone, "the login is still there: {}", gateway.operator_log());
    assert!(postgres.log().contains("SCRAM-SHA-256$"));
    check_logins(&python, &gateway);
    let made = postgres.log().matches("CREATE ROLE \"tollgate_app_").count();
    assert_eq!(made, 4, "a login for each that was answered, and none for a refusal");
}

/// A login is for those whom the policies allow, as they may ask for it.
#[track_caller]
fn check_logins(python: &Python, gateway: &Gateway) {
    let output = clean(python, &gateway.path(""))
        .arg(top().join("crates/cli/tests/it/credentials/logins.py"))
        .arg(format!("127.0.0.1:{}", gateway.port))
        .envs(gateway.container_variables())
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}\n{}", gateway.operator_log());
    let printed = String::from_utf8(output.stdout).unwrap();
    let denied =
        |arn: &str| format!("403 User: {arn} is not authorized to perform: execute-api:Invoke");
    assert_eq!(
        printed.lines().collect::<Vec<_>>(),
        [
            "env: 200 no-store PGHOST PGPORT PGDATABASE PGUSER PGPASSWORD PGSSLMODE",
            "psql: 3",
            "a day and a second: True True",
            "unknown parameter: 400 expected `ttlS` and `format`, found `ttl`",
            "no time: 400 expected a login to last at least a second",
            &format!("GET: {}", denied("arn:aws:sts::123456789012:assumed-role/web/web-1")),
            &format!("ana: {}", denied("arn:aws:iam::123456789012:user/ana")),
            "unsigned: 403 Missing Authentication Token",
        ]
    );
}

/// What the log says of it, replayed through the policies that decided.
fn analysed(gateway: &Gateway) {
    let arguments = ["analyze", "--account", "tollgate.toml", "--format", "json", "access.jsonl"];
    let output = tollgate(&arguments).current_dir(gateway.path("")).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}\n{}", gateway.access_log());
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = report.to_string();
    assert!(text.contains("assumed-role/web/web-1"), "{text}");
    assert!(text.contains("/databases/app"), "{text}");
    assert!(!gateway.access_log().contains("tgs1_"), "a token is in the log");
}
