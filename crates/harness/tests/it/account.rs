//! What an account tells of principals and routes counts in the tests of its policies.

use std::path::PathBuf;

use tollgate_harness::{Selection, Suite, run};

use crate::Files;

const MANIFEST: &str = r#"account = "111122223333"
region = "eu-west-1"

[[principal]]
arn = "arn:aws:iam::111122223333:role/ci/bot"
policies = ["own.json"]

[[api]]
id = "a1b2c3"
stages = ["prod"]

[[api.route]]
path = "/open/{id}"
methods = ["GET"]
authorization = "NONE"
"#;

const OWN: &str = r#"{
  "Version": "2012-10-17",
  "Statement": {
    "Effect": "Allow", "Action": "execute-api:Invoke", "Resource": "*",
    "Condition": { "ArnLike": { "aws:PrincipalArn": "arn:aws:iam::111122223333:role/ci/*" } }
  }
}"#;

const TESTS: &str = r#"account: tollgate.toml
tests:
  - name: the path of a session's role
    principal: arn:aws:sts::111122223333:assumed-role/bot/run-1
    request: { method: GET, path: /pets }
    expect: allow
  - name: what the test says of it
    principal: arn:aws:sts::111122223333:assumed-role/bot/run-1
    request: { method: GET, path: /pets }
    context: { aws:PrincipalArn: "arn:aws:iam::111122223333:role/bot" }
    expect: deny
  - name: a route that is public
    principal: anonymous
    request: { method: GET, path: /open/1 }
    expect: allow
  - name: no other method of it
    principal: anonymous
    request: { method: PUT, path: /open/1 }
    expect: deny
"#;

/// As the gateway sets them, and the analyzer.
#[test]
fn an_api_tells_whose_it_is_and_where() {
    let manifest = MANIFEST.replace("own.json", "here.json");
    let here = OWN.replace(
        r#""ArnLike": { "aws:PrincipalArn": "arn:aws:iam::111122223333:role/ci/*" }"#,
        r#""StringEquals": { "aws:ResourceAccount": "111122223333", "aws:RequestedRegion": "eu-west-1" }"#,
    );
    let tests = r#"account: tollgate.toml
tests:
  - name: what the account tells
    principal: arn:aws:sts::111122223333:assumed-role/bot/run-1
    request: { method: GET, path: /pets }
    expect: allow
  - name: what the test says instead
    principal: arn:aws:sts::111122223333:assumed-role/bot/run-1
    request: { method: GET, path: /pets }
    context: { aws:RequestedRegion: us-east-1 }
    expect: deny
"#;
    let files = [("tollgate.toml", &*manifest), ("here.json", &here), ("a.test.yaml", tests)];
    let files: Files =
        files.into_iter().map(|(path, text)| (PathBuf::from(path), text.to_owned())).collect();
    let suite = Suite::load(&files, &["a.test.yaml".to_owned()]).unwrap();
    let counts = run(&suite, &Selection::default()).counts();
    assert_eq!((counts.passed, counts.failed), (2, 0));
}

#[test]
fn sessions_have_the_path_of_their_role_and_routes_their_authorization() {
    let files = [("tollgate.toml", MANIFEST), ("own.json", OWN), ("a.test.yaml", TESTS)];
    let files: Files =
        files.into_iter().map(|(path, text)| (PathBuf::from(path), text.to_owned())).collect();
    let suite = Suite::load(&files, &["a.test.yaml".to_owned()]).unwrap();
    let counts = run(&suite, &Selection::default()).counts();
    assert_eq!((counts.passed, counts.failed), (4, 0));
}

const ROUTES: &str = r#"
[[api.route]]
path = "/slugs/{proxy+}"
allowEncodedSlash = true
"#;

const GUARDED: &str = r#"{
  "Version": "2012-10-17",
  "Statement": [
    { "Effect": "Allow", "Action": "execute-api:Invoke", "Resource": "*" },
    { "Sid": "NoAdmin", "Effect": "Deny", "Action": "*", "Resource": "arn:aws:execute-api:*:*:*/*/GET/admin/*" },
    { "Sid": "NoSlug", "Effect": "Deny", "Action": "*", "Resource": "arn:aws:execute-api:*:*:*/*/GET/slugs/a%2Fb" }
  ]
}"#;

/// What comes of a test that expects this of somebody's `GET` for a path.
fn asking(principal: &str, path: &str, expected: &str) -> String {
    let test = format!(
        "account: tollgate.toml\ntests:\n  - {{ name: n, principal: {principal}, request: {{ method: GET, \
         path: \"{path}\" }}, expect: {expected} }}\n"
    );
    let manifest = format!("{MANIFEST}{ROUTES}");
    let files = [("tollgate.toml", &*manifest), ("own.json", GUARDED), ("a.test.yaml", &test)];
    let files: Files =
        files.into_iter().map(|(path, text)| (PathBuf::from(path), text.to_owned())).collect();
    match Suite::load(&files, &["a.test.yaml".to_owned()]) {
        Ok(suite) => format!("{} passed", run(&suite, &Selection::default()).counts().passed),
        Err(problems) => problems.to_string(),
    }
}

#[test]
fn a_path_is_decided_as_the_gateway_decides_it() {
    for (path, expected) in [
        ("/admin/x", "explicit-deny"),
        ("/%61dmin/x", "explicit-deny"),
        ("/%2561dmin/x", "allow"),
        ("/slugs/a%2fb", "explicit-deny"),
    ] {
        assert_eq!(asking("bot", path, expected), "1 passed", "{path}");
    }
    // The route is found by it, too.
    assert_eq!(asking("anonymous", "/%6fpen/1", "allow"), "1 passed");
}

#[test]
fn a_path_that_the_gateway_refuses_is_no_case() {
    for (path, why) in [
        ("/pets/%00", "a space or control character at position 6"),
        ("/pets/../admin", "a dot segment, `.` or `..` at position 6"),
        ("/pets/a%2Fb", "an encoded slash, `%2F`, which this route does not accept at position 7"),
        (
            "/%70ets/a%2Fb",
            "an encoded slash, `%2F`, which this route does not accept at position 9",
        ),
    ] {
        let message = format!(
            "a.test.yaml:3:62: request path refused: {why}, found `{path}`\n  help: the gateway \
             answers 400 to such a request, and decides nothing"
        );
        assert_eq!(asking("bot", path, "deny"), message);
    }
}
