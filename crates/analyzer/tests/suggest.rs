//! Suggested policies, checked by code that shares nothing with the analyzer: policies as JSON, a glob
//! by its definition, and the calls as the log has them.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by saying where"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use serde_json::{Value as Json, json};
use tollgate_analyzer::Window;
use tollgate_analyzer::suggest::{Bounds, Suggest, Suggestions, Unproven};
use tollgate_log::{Input, ScanOptions};
use tollgate_store::{Account, Files, Subject};

/// The definition: a star is nothing, or one character and again a star.
fn glob(pattern: &[char], text: &[char]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some(('*', rest)) => (0..=text.len()).any(|taken| glob(rest, &text[taken..])),
        Some(('?', rest)) => !text.is_empty() && glob(rest, &text[1..]),
        Some((wanted, rest)) => text.first() == Some(wanted) && glob(rest, &text[1..]),
    }
}

fn matches(pattern: &str, text: &str) -> bool {
    let characters = |text: &str| text.chars().collect::<Vec<_>>();
    glob(&characters(pattern), &characters(text))
}

/// The values of an element, whether it is a list or not.
fn list(element: &Json) -> Vec<&str> {
    match element {
        Json::Array(items) => items.iter().map(|item| item.as_str().unwrap()).collect(),
        Json::String(one) => vec![one],
        _ => vec![],
    }
}

/// A call, with the one context value that the policies of these tests ask about.
#[derive(Clone, Debug)]
struct Call {
    action: String,
    resource: String,
    agent: String,
}

fn applies(statement: &Json, call: &Call) -> bool {
    let any = |name: &str, text: &str| list(&statement[name]).iter().any(|it| matches(it, text));
    let action = any("Action", &call.action);
    let resource = match statement.get("NotResource") {
        Some(_) => !any("NotResource", &call.resource),
        None => any("Resource", &call.resource),
    };
    let condition = match statement.get("Condition") {
        None => true,
        Some(block) => {
            let values = list(&block["StringLike"]["aws:UserAgent"]);
            values.iter().any(|pattern| matches(pattern, &call.agent))
        }
    };
    action && resource && condition
}

/// Whether identity policies allow a call: some Allow does, and no Deny.
fn allowed(policies: &[Json], call: &Call) -> bool {
    let statements: Vec<&Json> = policies
        .iter()
        .flat_map(|policy| match &policy["Statement"] {
            Json::Array(all) => all.iter().collect(),
            one => vec![one],
        })
        .collect();
    let some =
        |effect: &str| statements.iter().any(|it| it["Effect"] == effect && applies(it, call));
    some("Allow") && !some("Deny")
}

fn suggest(account: &Account, inputs: &[&Path], values: usize, threads: usize) -> Suggestions {
    let principals: Vec<&Subject> = account.subjects().iter().collect();
    let suggest = Suggest {
        account,
        principals: &principals,
        all: true,
        assumed: &[],
        window: Window::default(),
        filter: None,
        bounds: Bounds { named: values },
    };
    let inputs: Vec<Input> =
        inputs.iter().flat_map(|path| Input::expand(path.to_str().unwrap()).unwrap()).collect();
    let options =
        ScanOptions { threads, block_bytes: 4 << 10, ..ScanOptions::new(Suggest::projection()) };
    suggest.run(&inputs, &options).unwrap_or_else(|unproven| panic!("{unproven}")).0
}

fn documents(suggestions: &Suggestions) -> BTreeMap<String, Vec<Json>> {
    let of = |policies: &[tollgate_analyzer::suggest::Policy]| {
        policies.iter().map(|policy| serde_json::to_value(&policy.document).unwrap()).collect()
    };
    let principals = suggestions.principals.iter();
    principals.map(|each| (each.principal.clone(), of(&each.policies))).collect()
}

fn fixtures(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(path)
}

/// What the example's manifest says, put down by hand.
const EXAMPLE: [(&str, &str, &str); 4] = [
    (":assumed-role/issues-reader/", "role/issues-reader", "issues-reader.json"),
    (":assumed-role/release-bot/", "role/ci/release-bot", "release-bot.json"),
    (":assumed-role/analytics/", "role/analytics", "analytics.json"),
    (":user/ana", "user/ana", "developers.json"),
];

/// The calls of the example's log: who, and what.
fn example_calls() -> Vec<(String, Call)> {
    let mut calls = Vec::new();
    for entry in fs::read_dir(fixtures("github-proxy/logs")).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        let mut text = Vec::new();
        match path.extension().unwrap() == "gz" {
            true => {
                let mut unpacked = flate2::read::MultiGzDecoder::new(&*bytes);
                std::io::Read::read_to_end(&mut unpacked, &mut text).unwrap();
            }
            false => text = bytes,
        }
        for line in text.split(|byte| *byte == b'\n') {
            let Ok(row) = serde_json::from_slice::<Json>(line) else { continue };
            let path = row["path"].as_str().unwrap();
            let path = path.strip_prefix("/prod").unwrap_or(path);
            calls.push((
                row["userArn"].as_str().unwrap().to_owned(),
                Call {
                    action: "execute-api:Invoke".to_owned(),
                    resource: format!(
                        "arn:aws:execute-api:us-east-1:123456789012:a1b2c3d4e5/prod/{}{path}",
                        row["httpMethod"].as_str().unwrap()
                    ),
                    agent: String::new(),
                },
            ));
        }
    }
    calls
}

/// Statements without conditions: those with one depend on what the log does not tell.
fn plain(policies: &[Json]) -> Vec<Json> {
    let mut plain = policies.to_vec();
    for policy in &mut plain {
        if let Json::Array(statements) = &mut policy["Statement"] {
            statements.retain(|statement| statement.get("Condition").is_none());
        }
    }
    plain
}

#[test]
fn on_the_example_every_allowed_call_stays_allowed_and_none_is_added() {
    let account = Account::read(&Files, &fixtures("github-proxy/tollgate.toml")).unwrap();
    let suggestions = suggest(&account, &[&fixtures("github-proxy/logs")], 5, 2);
    let suggested = documents(&suggestions);
    let calls = example_calls();
    let mut checked = 0;
    for (caller, principal, file) in EXAMPLE {
        let text = fs::read_to_string(fixtures("github-proxy/policies").join(file)).unwrap();
        let present = vec![serde_json::from_str::<Json>(&text).unwrap()];
        let own = &suggested[&format!("arn:aws:iam::123456789012:{principal}")];
        for (_, call) in calls.iter().filter(|(who, _)| who.contains(caller)) {
            let (before, after) = (allowed(&plain(&present), call), allowed(&plain(own), call));
            assert_eq!(after, before, "{principal} {call:?}");
            checked += 1;
        }
        // Calls of others, in other methods and stages, above and below: never more than now.
        for (_, call) in &calls {
            for changed in variations(call) {
                let holds = !allowed(own, &changed) || allowed(&present, &changed);
                assert!(holds, "{principal} {changed:?}");
            }
        }
    }
    assert!(checked > 3_500, "{checked}");
}

fn variations(call: &Call) -> Vec<Call> {
    let change = |from: &str, to: &str| Call {
        resource: call.resource.replacen(from, to, 1),
        ..call.clone()
    };
    let mut all = vec![call.clone(), change("/GET/", "/DELETE/"), change("/prod/", "/test/")];
    all.extend([change("/repos/PokaInc", "/repos/other"), change("/issues", "/issues/1/comments")]);
    all.push(Call { resource: format!("{}/x", call.resource), ..call.clone() });
    all.push(Call { action: "execute-api:ManageConnections".to_owned(), ..call.clone() });
    all
}

#[test]
fn the_suggestion_does_not_depend_on_the_number_of_workers() {
    for folder in ["github-proxy", "suggest"] {
        let manifest = fixtures(folder).join("tollgate.toml");
        let account = Account::read(&Files, &manifest).unwrap();
        let logs = fixtures(folder).join("logs");
        let json = |threads| serde_json::to_value(suggest(&account, &[&logs], 3, threads)).unwrap();
        assert_eq!(json(1), json(4), "{folder}");
    }
}

const HEAD: &str = "arn:aws:execute-api:eu-west-1:111122223333:api1";
const MANIFEST: &str = r#"
account = "111122223333"
region  = "eu-west-1"
[[group]]
name     = "all"
policies = ["group.json"]
[[principal]]
arn      = "arn:aws:iam::111122223333:role/one"
policies = ["one.json"]
[[principal]]
arn      = "arn:aws:iam::111122223333:user/two"
policies = ["two.json"]
groups   = ["all"]
[[api]]
id     = "api1"
stages = ["prod", "test"]
"#;

/// An account with these routes and policies, in memory.
fn account(routes: &BTreeSet<String>, policies: &[Json; 3]) -> Account {
    let routes: String =
        routes.iter().map(|route| format!("[[api.route]]\npath = \"{route}\"\n")).collect();
    let mut files: BTreeMap<PathBuf, String> = ["one.json", "two.json", "group.json"]
        .into_iter()
        .zip(policies)
        .map(|(name, policy)| (PathBuf::from(name), policy.to_string()))
        .collect();
    files.insert("tollgate.toml".into(), format!("{MANIFEST}{routes}"));
    Account::read(&files, Path::new("tollgate.toml")).unwrap_or_else(|it| panic!("{it:?}"))
}

fn segment() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["a", "b", "c", "17", "18", "x*y", "$x", "{z}"])
}

fn path() -> impl Strategy<Value = String> {
    prop::collection::vec(segment(), 0..4).prop_map(|segments| format!("/{}", segments.join("/")))
}

fn route() -> impl Strategy<Value = String> {
    let part = prop::sample::select(vec!["a", "b", "{p}", "{q}"]);
    prop::collection::vec(part, 1..4).prop_map(|parts| {
        let numbered = parts.iter().enumerate().map(|(at, part)| match part.strip_suffix('}') {
            Some(parameter) => format!("{parameter}{at}}}"),
            None => (*part).to_owned(),
        });
        format!("/{}", numbered.collect::<Vec<_>>().join("/"))
    })
}

fn resource() -> impl Strategy<Value = String> {
    let part = || prop::sample::select(vec!["a", "b", "c", "*", "*", "1?", "17"]);
    let stage = prop::sample::select(vec!["prod", "*"]);
    let method = prop::sample::select(vec!["GET", "PUT", "*"]);
    (stage, method, prop::collection::vec(part(), 0..4), any::<bool>()).prop_map(
        |(stage, method, parts, more)| {
            let path = parts.join("/");
            format!("{HEAD}/{stage}/{method}/{path}{}", if more { "*" } else { "" })
        },
    )
}

fn statement() -> impl Strategy<Value = Json> {
    let action = prop::sample::select(vec!["execute-api:Invoke", "execute-api:*", "*", "s3:*"]);
    let agent = prop::option::weighted(0.3, prop::sample::select(vec!["curl*", "*bot*", "x"]));
    let resources = prop::collection::vec(resource(), 1..4);
    (action, agent, resources, 0..10_u8).prop_map(|(action, agent, resources, kind)| {
        let mut statement = json!({
            "Effect": if kind == 0 { "Deny" } else { "Allow" },
            "Action": action,
        });
        statement[if kind == 1 { "NotResource" } else { "Resource" }] = json!(resources);
        if let Some(agent) = agent {
            statement["Condition"] = json!({ "StringLike": { "aws:UserAgent": agent } });
        }
        statement
    })
}

fn policy() -> impl Strategy<Value = Json> {
    prop::collection::vec(statement(), 1..4)
        .prop_map(|all| json!({ "Version": "2012-10-17", "Statement": all }))
}

/// A row of a log: who called what, and whether the log tells the route.
fn row() -> impl Strategy<Value = (bool, &'static str, &'static str, String, &'static str)> {
    let stage = prop::sample::select(vec!["prod", "prod", "test"]);
    let method = prop::sample::select(vec!["GET", "PUT"]);
    let agent = prop::sample::select(vec!["curl/8", "a bot", "other"]);
    (any::<bool>(), stage, method, path(), agent)
}

const CALLERS: [(&str, &str); 2] = [
    ("arn:aws:sts::111122223333:assumed-role/one/s1", "arn:aws:iam::111122223333:role/one"),
    ("arn:aws:iam::111122223333:user/two", "arn:aws:iam::111122223333:user/two"),
];

fn call(stage: &str, method: &str, path: &str, agent: &str) -> Call {
    Call {
        action: "execute-api:Invoke".to_owned(),
        resource: format!("{HEAD}/{stage}/{method}{path}"),
        agent: agent.to_owned(),
    }
}

fn line(caller: &str, stage: &str, method: &str, path: &str, agent: &str) -> Json {
    json!({
        "requestTimeEpoch": 1_773_100_800_000_u64, "apiId": "api1", "stage": stage,
        "httpMethod": method, "resourcePath": "/{proxy+}", "path": format!("/{stage}{path}"),
        "status": "200", "userAgent": agent, "ip": "10.0.0.1", "userArn": caller,
    })
}

/// A log of these lines, in a folder that lives as long as it is held.
fn written(lines: impl Iterator<Item = Json>) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log.jsonl");
    let lines: Vec<String> = lines.map(|line| line.to_string()).collect();
    fs::write(&log, lines.join("\n")).unwrap();
    (folder, log)
}

fn allow_all(resource: &str) -> Json {
    let statement = json!({ "Sid": "All", "Effect": "Allow", "Action": "*", "Resource": resource });
    json!({ "Version": "2012-10-17", "Statement": statement })
}

/// A policy over AWS's quota becomes several, each within it, and together they allow everything.
#[test]
fn what_is_too_long_for_one_policy_is_split() {
    let routes: BTreeSet<String> =
        (0..150).map(|at| format!("/a-route-with-a-long-name/{at:03}/and/more")).collect();
    let account = account(&routes, &["*", "*", "*"].map(allow_all));
    let lines = routes.iter().map(|path| line(CALLERS[0].0, "prod", "GET", path, "x"));
    let (_folder, log) = written(lines);
    let suggestions = suggest(&account, &[&log], 5, 1);
    let policies = &suggestions.principals[0].policies;
    assert!(policies.len() > 1);
    for policy in policies {
        let shortest = serde_json::to_string(&policy.document).unwrap();
        assert_eq!(policy.characters, shortest.len());
        assert!(policy.characters <= 6_144, "{}", policy.characters);
    }
    let names: BTreeSet<&str> = policies.iter().map(|policy| policy.name.as_str()).collect();
    assert_eq!(names.len(), policies.len());
    let own = &documents(&suggestions)[CALLERS[0].1];
    for path in &routes {
        assert!(allowed(own, &call("prod", "GET", path, "x")), "{path}");
    }
    assert!(!allowed(own, &call("prod", "GET", "/a-route-with-a-long-name/001", "x")));
}

/// Where no narrower pattern can be shown to be within the present statement, its own is kept.
#[test]
fn the_present_pattern_is_kept_for_want_of_a_proof() {
    let present = format!("{HEAD}/prod/GET/pets/*-cat/toys");
    let account = account(&BTreeSet::new(), &[present.as_str(), "*", "*"].map(allow_all));
    let path = |at: u32| format!("/pets/{at}-cat/toys");
    let lines = (0..40).map(|at| line(CALLERS[0].0, "prod", "GET", &path(at), "x"));
    let (_folder, log) = written(lines);
    let suggestions = suggest(&account, &[&log], 3, 1);
    let note = &suggestions.principals[0].statements[0];
    let resource = &note.resources[0];
    assert_eq!((resource.basis, resource.requests), ("present", 40));
    assert_eq!(resource.patterns, [present]);
    // The action is narrowed all the same.
    let own = &documents(&suggestions)[CALLERS[0].1];
    assert_eq!(own[0]["Statement"][0]["Action"], "execute-api:Invoke");
}

/// Escapes of a suggestion as the naive glob can read them: characters that nothing else has.
fn unescaped(policies: &[Json]) -> Vec<Json> {
    let text = serde_json::to_string(policies).unwrap();
    let text = text.replace("${*}", "\u{2605}").replace("${?}", "\u{2047}").replace("${$}", "$");
    serde_json::from_str(&text).unwrap()
}

/// A call as it must be matched by what [`unescaped`] makes of a suggestion: its own stars are no
/// wildcards, and a suggestion's wildcards take them.
fn starred(call: &Call) -> Call {
    let resource = call.resource.replace('*', "\u{2605}").replace('?', "\u{2047}");
    Call { resource, ..call.clone() }
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        cases: 192,
        ..ProptestConfig::default()
    })]

    #[test]
    fn what_was_allowed_stays_allowed_and_nothing_is_added(
        policies in [policy(), policy(), policy()],
        routes in prop::collection::btree_set(route(), 0..4),
        rows in prop::collection::vec(row(), 0..60),
        others in prop::collection::vec(row(), 60),
        values in 1..4_usize,
    ) {
        let account = account(&routes, &policies);
        let calls = rows.iter().map(|(second, stage, method, path, agent)| {
            line(CALLERS[usize::from(*second)].0, stage, method, path, agent)
        });
        let (_folder, log) = written(calls);
        let suggested = documents(&suggest(&account, &[&log], values, 1));
        let [one, two, group] = policies;
        let present = [vec![one], vec![two, group]];
        for (second, stage, method, path, agent) in rows.iter().chain(&others) {
            let own = unescaped(&suggested[CALLERS[usize::from(*second)].1]);
            let call = starred(&call(stage, method, path, agent));
            let before = allowed(&present[usize::from(*second)], &call);
            let after = allowed(&own, &call);
            prop_assert!(!after || before, "{call:?} is added\n{own:#?}");
        }
        for (second, stage, method, path, agent) in &rows {
            let own = unescaped(&suggested[CALLERS[usize::from(*second)].1]);
            let call = starred(&call(stage, method, path, agent));
            let before = allowed(&present[usize::from(*second)], &call);
            prop_assert!(!before || allowed(&own, &call), "{call:?} is lost\n{own:#?}");
        }
    }
}

/// Whether a path is one of a route's.
fn is_along(route: &str, path: &str) -> bool {
    let (route, path): (Vec<&str>, Vec<&str>) =
        (route.split('/').collect(), path.split('/').collect());
    let fits = |(part, value): (&&str, &&str)| part.starts_with('{') || part == value;
    route.len() == path.len() && route.iter().zip(&path).all(fits)
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        cases: 128,
        ..ProptestConfig::default()
    })]

    /// A log that tells the route of a call in the place of its path, as AWS's own formats do.
    #[test]
    fn what_was_allowed_stays_allowed_where_only_the_route_is_told(
        policies in [policy(), policy(), policy()],
        routes in prop::collection::btree_set(route(), 1..6),
        rows in prop::collection::vec(row(), 1..40),
        others in prop::collection::vec(row(), 40),
    ) {
        let account = account(&routes, &policies);
        let calls = rows.iter().map(|(second, stage, method, path, agent)| {
            let mut line = line(CALLERS[usize::from(*second)].0, stage, method, path, agent);
            if let Some(route) = routes.iter().find(|route| is_along(route, path)) {
                line["resourcePath"] = json!(route);
                line.as_object_mut().unwrap().remove("path");
            }
            line
        });
        let (_folder, log) = written(calls);
        let suggested = documents(&suggest(&account, &[&log], 2, 1));
        let [one, two, group] = policies;
        let present = [vec![one], vec![two, group]];
        for (at, (second, stage, method, path, agent)) in rows.iter().chain(&others).enumerate() {
            let own = unescaped(&suggested[CALLERS[usize::from(*second)].1]);
            let call = starred(&call(stage, method, path, agent));
            let before = allowed(&present[usize::from(*second)], &call);
            let after = allowed(&own, &call);
            prop_assert!(!after || before, "{call:?} is added\n{own:#?}");
            prop_assert!(!before || after || at >= rows.len(), "{call:?} is lost\n{own:#?}");
        }
    }
}

#[test]
fn an_unproven_suggestion_says_why() {
    let refuted = Unproven::Refuted { calls: 7, examples: vec!["GET /x by ana".to_owned()] };
    assert_eq!(refuted.to_string(), "replayed, 7 calls are decided otherwise\n  GET /x by ana");
}
