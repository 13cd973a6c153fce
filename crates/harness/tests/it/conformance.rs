//! The project's own decisions, each written as a test file and run by the harness.

use std::fs;
use std::path::PathBuf;

use serde_json::{Map, Value, json};
use tollgate_harness::{Format, Report, Selection, Suite, run};

use crate::{Files, fixtures};

/// The actions that are decided by a role's trust policy.
const TRUSTED: [&str; 3] = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"];

#[test]
fn every_decision_of_the_corpus_is_a_passing_test() {
    let mut paths: Vec<PathBuf> = fs::read_dir(fixtures("decisions"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "jsonl"))
        .collect();
    paths.sort();
    let mut tests = 0;
    for path in paths {
        let text = fs::read_to_string(&path).unwrap();
        let file = test_file(text.lines().map(|line| serde_json::from_str(line).unwrap()));
        let name = "t.test.json".to_owned();
        let files = Files::from([(PathBuf::from(&name), file.to_string())]);
        let suite = Suite::load(&files, &[name]).unwrap_or_else(|problems| panic!("{problems}"));
        tests += suite.cells.len();
        let report = Report::of(run(&suite, &Selection::default())).unwrap();
        assert!(!report.failed(), "{}\n{}", path.display(), report.render(Format::Pretty));
    }
    assert!(tests > 900, "only {tests} decisions");
}

fn test_file(cases: impl Iterator<Item = Value>) -> Value {
    let mut principals = Map::new();
    let tests: Vec<Value> = cases.map(|case| test(&case, &mut principals)).collect();
    json!({ "principals": principals, "tests": tests })
}

fn test(case: &Value, principals: &mut Map<String, Value>) -> Value {
    let request = &case["request"];
    let id = case["id"].as_str().unwrap();
    let mut principal = json!({ "arn": request["principal"] });
    copy(request, "sessionIssuer", &mut principal, "issuedBy");
    principals.insert(id.to_owned(), principal);
    let mut policies = case["policies"].clone();
    let action = request["action"].as_str().unwrap();
    if is_trust(case)
        && let Some(policy) = policies.as_object_mut().unwrap().remove("resource")
    {
        policies["roleTrust"] = policy;
    }
    copy(request, "authorizationType", &mut policies, "authorizationType");
    let mut asked = json!({ "action": action, "resource": request["resource"] });
    copy(request, "resourceAccount", &mut asked, "resourceAccount");
    let mut test = json!({
        "name": id,
        "policies": policies,
        "principal": id,
        "request": asked,
        "context": context(request),
        "unknown": request.get("unknown").cloned().unwrap_or(json!([])),
        "expect": expectation(case["expect"].as_str().unwrap()),
    });
    let by = by(case);
    if !by.is_empty() {
        test["by"] = json!(by);
    }
    test
}

fn copy(from: &Value, name: &str, to: &mut Value, as_name: &str) {
    if let Some(value) = from.get(name) {
        to[as_name] = value.clone();
    }
}

/// Every key tries one value; what is a list in the corpus is one set of values.
fn context(request: &Value) -> Value {
    let keys = request.get("context").and_then(Value::as_object).cloned().unwrap_or_default();
    let one = |(key, value): (String, Value)| match value {
        Value::Array(_) => (key, json!([value])),
        other => (key, other),
    };
    Value::Object(keys.into_iter().map(one).collect())
}

fn expectation(outcome: &str) -> &str {
    match outcome {
        "allowed" => "allow",
        "explicitDeny" => "explicit-deny",
        "implicitDeny" => "implicit-deny",
        other => other,
    }
}

/// `identity/0/1` is the second statement of the first policy.
fn by(case: &Value) -> Vec<Value> {
    let named = case["determinedBy"].as_array().cloned().unwrap_or_default();
    let statement = |text: &Value| {
        let text = text.as_str().unwrap();
        let (layer, rest) = text.split_once('/').unwrap();
        let layer = if layer == "resource" && is_trust(case) { "roleTrust" } else { layer };
        json!({ "layer": layer, "statement": rest.rsplit('/').next().unwrap() })
    };
    named.iter().map(statement).collect()
}

fn is_trust(case: &Value) -> bool {
    let action = case["request"]["action"].as_str().unwrap();
    TRUSTED.iter().any(|trusted| action.starts_with(trusted))
}
