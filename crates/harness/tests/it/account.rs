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

#[test]
fn sessions_have_the_path_of_their_role_and_routes_their_authorization() {
    let files = [("tollgate.toml", MANIFEST), ("own.json", OWN), ("a.test.yaml", TESTS)];
    let files: Files =
        files.into_iter().map(|(path, text)| (PathBuf::from(path), text.to_owned())).collect();
    let suite = Suite::load(&files, &["a.test.yaml".to_owned()]).unwrap();
    let counts = run(&suite, &Selection::default()).counts();
    assert_eq!((counts.passed, counts.failed), (4, 0));
}
