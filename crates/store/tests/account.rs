//! Manifests and policies in memory: what applies to whom, and what is wrong where.

#![expect(clippy::unwrap_used, reason = "a test fails by saying where")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tollgate_policy::{Outcome, PolicyDocument, PolicyType, Principal, Request, authorize};
use tollgate_store::{Account, Problems, WhatIf};

const READ: &str = r#"{"Version":"2012-10-17","Statement":[
  {"Sid":"Read","Effect":"Allow","Action":"execute-api:Invoke","Resource":"arn:aws:execute-api:*:*:api1/prod/GET/*"}]}"#;
const DENY_DELETE: &str = r#"{"Version":"2012-10-17","Statement":[
  {"Sid":"NoDelete","Effect":"Deny","Principal":"*","Action":"execute-api:Invoke","Resource":"execute-api:/*/DELETE/*"},
  {"Sid":"Open","Effect":"Allow","Principal":"*","Action":"execute-api:Invoke","Resource":"execute-api:/prod/GET/open"}]}"#;

const HEAD: &str = "account = \"111122223333\"\nregion = \"eu-west-1\"\n";

fn read(manifest: &str) -> Result<Account, Problems> {
    let manifest = format!("{HEAD}{manifest}");
    let files = [
        ("a/tollgate.toml", manifest.as_str()),
        ("a/read.json", READ),
        ("a/api.json", DENY_DELETE),
        ("a/broken.json", "{\"Statement\":[}"),
        ("a/described.json", "{\"Policy\":{\"PolicySummary\":{},\"Content\":\"{}\"}}"),
        (
            "a/version.json",
            "{\"PolicyVersion\":{\"Document\":{\"Version\":\"2012-10-17\",\"Statement\":[]}}}",
        ),
    ]
    .map(|(path, text)| (PathBuf::from(path), text.to_owned()));
    Account::read(&BTreeMap::from(files), Path::new("a/tollgate.toml"))
}

const ACCOUNT: &str = r#"
[[group]]
name = "readers"
policies = ["read.json"]

[[principal]]
arn = "arn:aws:iam::111122223333:role/team/reader"
policies = ["read.json"]

[[principal]]
arn = "arn:aws:iam::111122223333:user/ana"
groups = ["readers"]

[[api]]
id = "api1"
stages = ["prod"]
resourcePolicy = "api.json"

[[api.route]]
path = "/{proxy+}"

[[api.route]]
path = "/pets/{id}"
methods = ["GET"]
upstream = "pets"
"#;

/// Decides `METHOD /path` for a caller: the outcome and where its first statement stands.
#[track_caller]
fn check(caller: &str, call: &str, outcome: Outcome, statement: Option<&str>) {
    check_in(&read(ACCOUNT).unwrap(), caller, call, outcome, statement);
}

#[track_caller]
fn check_in(
    account: &Account,
    caller: &str,
    call: &str,
    outcome: Outcome,
    statement: Option<&str>,
) {
    let principal = Principal::parse(caller).unwrap();
    let applicable = account.policies_for(&principal, account.api("api1"));
    let resource = format!(
        "arn:aws:execute-api:eu-west-1:111122223333:api1/prod/{}",
        call.replacen(" /", "/", 1)
    );
    let request = Request::new(principal, "execute-api:Invoke", &resource);
    let decision = authorize(&applicable.policies(), &request);
    let cited = decision.determined_by.first().and_then(|id| applicable.cite(id));
    let cited = cited.map(|citation| format!("{citation} {}", citation.sid().unwrap_or("-")));
    assert_eq!((decision.outcome, cited.as_deref()), (outcome, statement), "{caller} {call}");
}

#[test]
fn a_session_has_the_policies_of_its_role_whose_path_its_arn_leaves_out() {
    let session = "arn:aws:sts::111122223333:assumed-role/reader/s1";
    check(session, "GET /pets", Outcome::Allowed, Some("a/read.json:2:3 Read"));
    check(session, "POST /pets", Outcome::ImplicitDeny, None);
}

#[test]
fn a_user_has_the_policies_of_its_groups() {
    let ana = "arn:aws:iam::111122223333:user/ana";
    check(ana, "GET /pets", Outcome::Allowed, Some("a/read.json:2:3 Read"));
    check(ana, "DELETE /pets/7", Outcome::ExplicitDeny, Some("a/api.json:2:3 NoDelete"));
}

#[test]
fn a_stranger_is_left_to_the_resource_policy() {
    let stranger = "arn:aws:iam::111122223333:user/bob";
    check(stranger, "GET /pets", Outcome::ImplicitDeny, None);
    check(stranger, "GET /open", Outcome::Allowed, Some("a/api.json:3:3 Open"));
    check("anonymous", "GET /open", Outcome::Allowed, Some("a/api.json:3:3 Open"));
}

#[test]
fn the_most_specific_route_is_chosen() {
    let account = read(ACCOUNT).unwrap();
    let api = account.api("api1").unwrap();
    let route = |method, path| api.route(method, path).map(|route| route.template.as_str());
    assert_eq!(route("GET", "/pets/7"), Some("/pets/{id}"));
    assert_eq!(route("PUT", "/pets/7"), Some("/{proxy+}"));
    assert_eq!(route("PUT", "/"), None);
}

#[test]
fn a_principal_is_found_by_what_people_call_it() {
    let twin = "[[principal]]\narn = \"arn:aws:iam::111122223333:user/ops/ana\"\n";
    let account = read(&format!("{ACCOUNT}\n{twin}")).unwrap();
    let find = |name: &str| match account.find(name) {
        Ok(subject) => subject.arn().to_owned(),
        Err(error) => format!("{error}; {}", error.help().unwrap_or_default()),
    };
    for name in ["reader", "team/reader", "arn:aws:sts::111122223333:assumed-role/reader/s"] {
        assert_eq!(find(name), "arn:aws:iam::111122223333:role/team/reader", "{name}");
    }
    assert_eq!(find("user/ana"), "arn:aws:iam::111122223333:user/ana");
    assert_eq!(
        find("ana"),
        "2 principals are called `ana`; write the whole ARN: \
         `arn:aws:iam::111122223333:user/ana` or `arn:aws:iam::111122223333:user/ops/ana`"
    );
    assert_eq!(find("readr"), "the account has no principal `readr`; did you mean `reader`?");
    // The same with another path.
    assert_eq!(
        find("role/reader"),
        "the account has no principal `role/reader`; did you mean `role/team/reader`?"
    );
    assert_eq!(
        find("arn:aws:iam::111122223333:role/reader"),
        "the account has no principal `arn:aws:iam::111122223333:role/reader`; did you mean \
         `arn:aws:iam::111122223333:role/team/reader`?"
    );
}

#[track_caller]
fn check_problems(manifest: &str, expected: &[(&str, Option<&str>)]) {
    let problems = read(manifest).unwrap_err();
    let found: Vec<(String, Option<&str>)> =
        problems.iter().map(|problem| (problem.to_string(), problem.help.as_deref())).collect();
    let found: Vec<(&str, Option<&str>)> =
        found.iter().map(|(text, help)| (text.as_str(), *help)).collect();
    assert_eq!(found, expected);
}

#[test]
fn every_problem_is_found_with_its_place() {
    check_problems(
        r#"[[group]]
name = "developers"
policies = []
[[principal]]
arn = "arn:aws:iam::111122223333:user/ana"
groups = ["develpers"]
policies = ["missing.json"]
[[principal]]
arn = "arn:aws:sts::111122223333:assumed-role/reader/s1"
[[api]]
id = "x"
authorization = "aws_iam"
"#,
        &[
            ("a/tollgate.toml:8:11: unknown group `develpers`", Some("did you mean `developers`?")),
            ("a/tollgate.toml:9:13: cannot read `a/missing.json`: no such file", None),
            (
                "a/tollgate.toml:11:7: expected the ARN of a user, role or federated user, found \
                 `arn:aws:sts::111122223333:assumed-role/reader/s1`",
                Some("list the role, `arn:…:role/reader`: it stands for all of its sessions"),
            ),
            (
                "a/tollgate.toml:14:17: expected authorization `AWS_IAM` or `NONE`, found `aws_iam`",
                Some("did you mean `AWS_IAM`?"),
            ),
        ],
    );
}

#[test]
fn unknown_fields_hide_nothing_else() {
    check_problems(
        r#"regin = "eu-west-1"
[[principals]]
arn = "arn:aws:iam::111122223333:user/ana"
groups = ["develpers"]
polices = ["missing.json"]
"#,
        &[
            ("a/tollgate.toml:3:1: unknown field `regin`", Some("did you mean `region`?")),
            ("a/tollgate.toml:4:3: unknown field `principals`", Some("did you mean `principal`?")),
            ("a/tollgate.toml:7:1: unknown field `polices`", Some("did you mean `policies`?")),
            ("a/tollgate.toml:6:11: unknown group `develpers`", None),
            ("a/tollgate.toml:7:12: cannot read `a/missing.json`: no such file", None),
        ],
    );
}

#[test]
fn a_log_format_of_an_api_that_is_misspelt() {
    let api = |id: &str| format!("[[api]]\nid = \"a1b2c3d4e5\"\n[[log.format]]\napi = \"{id}\"\n");
    check_problems(
        &api("a1b2c3d4e6"),
        &[(
            "a/tollgate.toml:6:7: the account has no API `a1b2c3d4e6`",
            Some("did you mean `a1b2c3d4e5`?"),
        )],
    );
    for id in ["a1b2c3d4e5", "z9y8x7w6v5"] {
        assert!(read(&api(id)).is_ok(), "{id}");
    }
}

#[test]
fn a_broken_policy_is_reported_in_its_own_file_once() {
    let manifest = r#"[[principal]]
arn = "arn:aws:iam::111122223333:user/ana"
policies = ["broken.json"]
[[principal]]
arn = "arn:aws:iam::111122223333:user/ben"
policies = ["broken.json"]
"#;
    let problems = read(manifest).unwrap_err();
    let files: Vec<&str> = problems.iter().map(|problem| problem.file.as_str()).collect();
    assert_eq!(files, ["a/broken.json"]);
}

#[test]
fn what_aws_prints_around_a_policy_is_none() {
    let check = |file: &str, place: &str, alone: &str| {
        let manifest = format!(
            "[[principal]]\narn = \"arn:aws:iam::111122223333:user/ana\"\npolicies = [\"{file}\"]\n"
        );
        let message = format!(
            "a/{file}:1:1: expected a policy, found what AWS prints around one, in `{place}`"
        );
        let help = format!("have the command print the policy alone: `{alone}`");
        check_problems(&manifest, &[(&message, Some(&help))]);
    };
    check("described.json", "Policy.Content", "--query Policy.Content --output text");
    check("version.json", "PolicyVersion.Document", "--query PolicyVersion.Document");
}

#[test]
fn the_same_principal_twice_is_a_problem() {
    let one = "[[principal]]\narn = \"arn:aws:iam::111122223333:user/ana\"\n";
    check_problems(
        &format!("{one}{one}"),
        &[(
            "a/tollgate.toml:6:7: principal `arn:aws:iam::111122223333:user/ana` is listed twice",
            None,
        )],
    );
}

#[test]
fn a_missing_manifest_says_so() {
    let problems =
        Account::read(&BTreeMap::<PathBuf, String>::new(), Path::new("no.toml")).unwrap_err();
    assert_eq!(problems.to_string(), "no.toml: cannot read the account manifest: no such file");
}

#[test]
fn what_if_a_principal_had_other_policies() {
    let account = read(ACCOUNT).unwrap();
    let (ana, session) =
        ("arn:aws:iam::111122223333:user/ana", "arn:aws:sts::111122223333:assumed-role/reader/s1");
    let pets = READ.replace("GET/*", "GET/pets").replace("Read", "Pets");
    let pets = PolicyDocument::parse(&pets, PolicyType::Identity).unwrap();
    let changed = account.what_if(&[
        WhatIf { principal: ana.to_owned(), policies: vec![("new.json".to_owned(), pets)] },
        WhatIf { principal: "arn:aws:iam::111122223333:user/nobody".to_owned(), policies: vec![] },
    ]);
    // The policy of the group is replaced as well.
    check_in(&changed, ana, "GET /pets", Outcome::Allowed, Some("new.json:2:3 Pets"));
    check_in(&changed, ana, "GET /pets/1", Outcome::ImplicitDeny, None);
    // The API's policy and other principals are as before.
    check_in(&changed, ana, "DELETE /pets", Outcome::ExplicitDeny, Some("a/api.json:2:3 NoDelete"));
    check_in(&changed, session, "GET /pets/1", Outcome::Allowed, Some("a/read.json:2:3 Read"));

    let role = "arn:aws:iam::111122223333:role/team/reader".to_owned();
    let without = account.what_if(&[WhatIf { principal: role, policies: vec![] }]);
    check_in(&without, session, "GET /pets/1", Outcome::ImplicitDeny, None);
}
