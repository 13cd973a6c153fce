//! Accounts as AWS exports them: what applies is what the exports say, and what is wrong with an
//! export is shown where it stands.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by saying where")]

use std::fmt::Write;
use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;
use tollgate_policy::{Outcome, Principal, Request, Value, authorize, explain, key};
use tollgate_store::{Account, Problem, Source};

/// The repository, so that files are named from its top.
struct Repository;

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

impl Source for Repository {
    fn read(&self, path: &Path) -> io::Result<String> {
        fs::read_to_string(top().join(path))
    }
}

fn account() -> Account {
    let manifest = Path::new("fixtures/accounts/export/tollgate.toml");
    Account::read(&Repository, manifest).unwrap_or_else(|problems| panic!("{problems}"))
}

fn principal_of<'a>(text: &'a str) -> Principal<'a> {
    Principal::parse(text).unwrap()
}

#[test]
fn every_decision_is_as_the_exports_say() {
    let account = account();
    let cases = Repository.read(Path::new("fixtures/accounts/export/decisions.jsonl")).unwrap();
    for line in cases.lines() {
        let case: Json = serde_json::from_str(line).unwrap();
        check(&account, &case);
    }
}

/// Decides a case, and looks up the statement that decided where the citation says that it stands.
#[track_caller]
fn check(account: &Account, case: &Json) {
    let text = |name: &str| case[name].as_str();
    let why = text("why").unwrap();
    let principal = principal_of(text("principal").unwrap());
    let applicable = account.policies_for(&principal, account.api("a1b2c3"));
    let path = text("call").unwrap().replacen(" /", "/", 1);
    let resource = format!("arn:aws:execute-api:eu-west-1:111122223333:a1b2c3/prod/{path}");
    let ip: IpAddr = text("sourceIp").unwrap().parse().unwrap();
    let mut request =
        Request::new(principal, "execute-api:Invoke", &resource).with(key::SOURCE_IP, ip);
    for tag in applicable.tags() {
        request.context.set(tag.key(), tag.value());
    }
    let decision = authorize(&applicable.policies(), &request);
    assert_eq!(Some(decision.outcome.as_str()), text("decision"), "{why}");
    let Some(sid) = text("sid") else { return };
    let ids = explain(&applicable.policies(), &request).determined_by;
    let cited: Vec<_> = ids.iter().map(|id| applicable.cite(*id).unwrap()).collect();
    let citation = cited.iter().find(|citation| citation.sid() == Some(sid)).unwrap();
    let expected = format!("fixtures/accounts/export/{}", text("file").unwrap());
    assert_eq!(citation.file, expected, "{why}");
    // However the policy is encoded, the place is that of its statement's opening brace.
    let file = Repository.read(Path::new(citation.file)).unwrap();
    let line = file.lines().nth(citation.position().line as usize - 1).unwrap();
    let column = citation.position().column as usize - 1;
    let there: String = line.chars().skip(column).take(3).collect();
    assert!(there.starts_with('{') || there == "%7B", "{why}: `{there}` at {citation}");
    let after: String = file.lines().skip(citation.position().line as usize - 1).collect();
    let after: String = after.chars().skip(column).take(200).collect();
    assert!(after.contains(sid), "{why}: `{after}`");
}

#[test]
fn tags_are_known_unless_a_session_may_have_others() {
    let account = account();
    let tag = |caller: &str, name: &str| {
        let applicable = account.policies_for(&principal_of(caller), None);
        format!("{:?}", applicable.principal_tag(name))
    };
    let known = |text: &str| format!("{:?}", Value::Text(text));
    assert_eq!(tag("arn:aws:iam::111122223333:user/ana", "TEAM"), known("web"));
    assert_eq!(tag("arn:aws:iam::111122223333:user/ana", "cost center"), known("é-17"));
    assert_eq!(tag("arn:aws:iam::111122223333:user/ana", "other"), "Absent");
    assert_eq!(tag("arn:aws:sts::111122223333:assumed-role/reporter/s", "team"), known("finance"));
    assert_eq!(tag("arn:aws:sts::111122223333:assumed-role/deployer/s", "team"), "Unknown");
    assert_eq!(tag("arn:aws:iam::111122223333:user/stranger", "team"), "Unknown");
    assert_eq!(tag("anonymous", "team"), "Absent");
}

#[test]
fn unique_ids_lead_to_their_owners() {
    let account = account();
    let arn = |id: &str| account.arn_of_id(id).map(String::from);
    assert_eq!(arn("AIDAEXAMPLEBEN000002").unwrap(), "arn:aws:iam::111122223333:user/ops/ben");
    assert_eq!(
        arn("AROAEXAMPLEDEP000002:build-7").unwrap(),
        "arn:aws:sts::111122223333:assumed-role/deployer/build-7"
    );
    assert_eq!(arn("AIDANOBODY"), None);
}

#[test]
fn a_session_is_of_the_role_that_the_account_knows() {
    let account = account();
    let identify = |arn: &'static str| {
        let principal = principal_of(arn);
        account.policies_for(&principal, None).identify(principal)
    };
    let session = identify("arn:aws:sts::111122223333:assumed-role/deployer/build-7");
    assert_eq!(session.unique_id().unwrap(), "AROAEXAMPLEDEP000002:build-7");
    assert_eq!(session.role().unwrap().arn, "arn:aws:iam::111122223333:role/ci/deployer");
    let stranger = identify("arn:aws:sts::444455556666:assumed-role/deployer/build-7");
    assert_eq!((stranger.role(), stranger.unique_id()), (None, None));
    let user = identify("arn:aws:iam::111122223333:user/ops/ben");
    assert_eq!(user.unique_id().unwrap(), "AIDAEXAMPLEBEN000002");
}

#[test]
fn a_role_is_assumed_by_leave_of_its_trust_policy() {
    let account = account();
    let role = account.subject(&principal_of("arn:aws:iam::111122223333:role/reporter")).unwrap();
    let assume = |caller: &str| {
        let principal = principal_of(caller);
        let applicable = account.policies_to_assume(&principal, role);
        let request = Request::new(principal, "sts:AssumeRole", role.arn());
        authorize(&applicable.policies(), &request).outcome
    };
    assert_eq!(assume("ecs-tasks.amazonaws.com"), Outcome::Allowed);
    assert_eq!(assume("lambda.amazonaws.com"), Outcome::ImplicitDeny);
}

#[test]
fn an_exported_api_takes_region_and_account_of_the_manifest() {
    let account = account();
    let internal = account.api("d4e5f6").unwrap();
    assert_eq!((internal.api().region, internal.api().account), ("eu-west-1", "111122223333"));
    assert!(internal.stages().is_empty());
    assert_eq!(account.api("a1b2c3").unwrap().stages(), ["prod", "test"]);
}

#[test]
fn the_overview_names_each_policy_and_its_place() {
    let account = account();
    for name in ["user/ana", "user/ops/ben", "role/reporter", "role/ci/deployer"] {
        let arn = format!("arn:aws:iam::111122223333:{name}");
        let subject = account.subject(&principal_of(&arn)).unwrap();
        let overview = serde_json::to_value(account.overview(subject)).unwrap();
        check_schema(&overview);
        let text = serde_json::to_string_pretty(&overview).unwrap();
        insta::assert_snapshot!(format!("overview-of-{}", name.replace('/', "-")), text);
    }
}

#[track_caller]
fn check_schema(document: &Json) {
    let schema = Path::new("fixtures/schemas/account-show.schema.json");
    let schema = serde_json::from_str(&Repository.read(schema).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(document).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:#?}");
}

#[test]
fn what_is_wrong_with_an_export_is_shown_where_it_stands() {
    let folder = top().join("fixtures/accounts/broken");
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let mut found = String::new();
    for name in names {
        let manifest = format!("fixtures/accounts/broken/{name}/tollgate.toml");
        let problems = Account::read(&Repository, Path::new(&manifest)).unwrap_err();
        writeln!(found, "# {name}").unwrap();
        problems.iter().for_each(|problem| describe(problem, &mut found));
        found.push('\n');
    }
    insta::assert_snapshot!(found.replace("fixtures/accounts/broken/", ""));
}

/// The message, the help, and the text that each span underlines.
fn describe(problem: &Problem, out: &mut String) {
    writeln!(out, "{problem}").unwrap();
    if let Some(help) = &problem.help {
        writeln!(out, "  help: {help}").unwrap();
    }
    if let Some(span) = &problem.span {
        writeln!(out, "  text: {}", &problem.text[span.clone()]).unwrap();
    }
    if let Some(policy) = &problem.policy {
        writeln!(out, "  policy's own: {}", &policy.text[policy.span.clone()]).unwrap();
    }
}
