//! Calls that are sorted into classes are decided as each by itself: random policies and logs, once
//! through the analysis, once request by request.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Mutex;

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value as Json, json};
use tollgate_analyzer::{Analysis, Observer};
use tollgate_log::{Input, ScanOptions, scan};
use tollgate_policy::{
    AuthorizationType, Outcome, Policies, PolicyDocument, PolicySet, PolicyType, Request, authorize,
};
use tollgate_store::Account;

const APIS: &str = "arn:aws:execute-api:us-east-1:123456789012:";

const CALLERS: [&str; 6] = [
    "arn:aws:sts::123456789012:assumed-role/one/a",
    "arn:aws:sts::123456789012:assumed-role/one/b",
    "arn:aws:sts::123456789012:assumed-role/two/a",
    "arn:aws:iam::123456789012:user/ana",
    "arn:aws:sts::999999999999:assumed-role/other/x",
    "-",
];

fn resource() -> impl Strategy<Value = String> {
    let tail = select(vec![
        "*",
        "GET/*",
        "GET/a",
        "GET/a/*",
        "*/b",
        "GET/?",
        "POST/a*",
        "GET/${aws:username}",
        "*/a/*/c",
    ]);
    let api = select(vec!["api1", "api1", "*"]);
    (api, tail).prop_map(|(api, tail)| format!("{APIS}{api}/prod/{tail}"))
}

fn condition() -> impl Strategy<Value = Json> {
    select(vec![
        json!({}),
        json!({}),
        json!({ "IpAddress": { "aws:SourceIp": "10.0.0.0/8" } }),
        json!({ "NotIpAddress": { "aws:SourceIp": ["10.1.0.0/16", "192.168.0.0/16"] } }),
        json!({ "StringLike": { "aws:UserAgent": "curl*" } }),
        json!({ "DateLessThan": { "aws:CurrentTime": "2026-03-10T00:00:05Z" } }),
        json!({ "DateEquals": { "aws:EpochTime": "1773100803" } }),
        json!({ "NumericGreaterThan": { "aws:EpochTime": "1773100804" } }),
        json!({ "StringEquals": { "aws:userid": "AROA:a" } }),
        json!({ "ArnLike": { "aws:PrincipalArn": "arn:aws:iam::*:role/o*" } }),
        json!({ "Bool": { "aws:MultiFactorAuthPresent": "true" } }),
        json!({ "StringEquals": { "aws:UserAgent": "${aws:username}" } }),
    ])
}

fn statement() -> impl Strategy<Value = Json> {
    let effect = select(vec!["Allow", "Allow", "Allow", "Deny"]);
    let resources = prop::collection::vec(resource(), 1..3);
    let element = select(vec!["Resource", "Resource", "Resource", "NotResource"]);
    (effect, (element, resources), condition()).prop_map(|(effect, about, condition)| {
        let (element, resources) = about;
        let mut statement =
            json!({ "Effect": effect, "Action": "execute-api:*", element: resources });
        if condition != json!({}) {
            statement.as_object_mut().unwrap().insert("Condition".to_owned(), condition);
        }
        statement
    })
}

fn policy() -> impl Strategy<Value = Json> {
    let statements = prop::collection::vec(statement(), 1..4);
    statements.prop_map(|statements| json!({ "Version": "2012-10-17", "Statement": statements }))
}

/// The same as the policy of an API, which names somebody.
fn resource_policy() -> impl Strategy<Value = Json> {
    let named =
        select(vec![json!("*"), json!({ "AWS": CALLERS[1] }), json!({ "AWS": "123456789012" })]);
    (statement(), named).prop_map(|(mut statement, named)| {
        statement.as_object_mut().unwrap().insert("Principal".to_owned(), named);
        json!({ "Version": "2012-10-17", "Statement": [statement] })
    })
}

fn account(policies: &[Json], resource: &Json) -> Account {
    let mut manifest = "account = \"123456789012\"\nregion = \"us-east-1\"\n".to_owned();
    let mut files = BTreeMap::new();
    for (number, (name, policy)) in
        ["role/one", "role/two", "user/ana"].iter().zip(policies).enumerate()
    {
        files.insert(PathBuf::from(format!("{number}.json")), policy.to_string());
        let arn = format!("arn:aws:iam::123456789012:{name}");
        writeln!(manifest, "[[principal]]\narn = \"{arn}\"\npolicies = [\"{number}.json\"]")
            .unwrap();
    }
    manifest
        .push_str("[[api]]\nid = \"api1\"\nstages = [\"prod\"]\nresourcePolicy = \"api.json\"\n");
    manifest.push_str(
        "[[api.route]]\npath = \"/a/{x}\"\nmethods = [\"POST\"]\nauthorization = \"NONE\"\n",
    );
    manifest.push_str("[[api]]\nid = \"api2\"\nstages = [\"prod\"]\nauthorization = \"NONE\"\n");
    manifest.push_str("[[api.route]]\npath = \"/a\"\nauthorization = \"AWS_IAM\"\n");
    files.insert("api.json".into(), resource.to_string());
    files.insert("tollgate.toml".into(), manifest);
    Account::read(&files, "tollgate.toml".as_ref()).unwrap()
}

/// How calls authorize, as the manifest says.
fn authorization(resource: &str) -> AuthorizationType {
    let unsigned = match resource.strip_prefix(APIS).unwrap() {
        "api1/prod/POST/a/b" => true,
        call => {
            call.starts_with("api2/") && !matches!(call, "api2/prod/GET/a" | "api2/prod/POST/a")
        }
    };
    if unsigned { AuthorizationType::None } else { AuthorizationType::AwsIam }
}

fn line() -> impl Strategy<Value = String> {
    let ip = select(vec!["10.1.2.3", "10.2.0.1", "192.168.1.1", "8.8.8.8", "-"]);
    let agent = select(vec!["curl/8", "ana", "-"]);
    let path = select(vec!["/a", "/b", "/a/b", "/a/x/c", "/ana", "/", "/é"]);
    let id = select(vec!["AROA:a", "AROA:b", "-"]);
    let called = (select(vec!["api1", "api2"]), select(vec!["GET", "POST"]));
    let status = select(vec![200, 403]);
    (select(&CALLERS[..]), ip, agent, path, id, (called, status, 0..8_000_i64)).prop_map(
        |(caller, ip, agent, path, id, ((api, method), status, ms))| {
            json!({
                "requestTimeEpoch": 1_773_100_800_000_i64 + ms, "httpMethod": method, "path": path,
                "apiId": api, "stage": "prod", "status": status.to_string(), "userArn": caller, "caller": id,
                "ip": ip, "userAgent": agent,
            })
            .to_string()
        },
    )
}

fn denies(policies: &Policies<'_>, request: &Request<'_>) -> bool {
    let outcome = authorize(policies, request).outcome;
    matches!(outcome, Outcome::ImplicitDeny | Outcome::ExplicitDeny)
}

/// A layer that allows everything.
fn everything() -> PolicySet {
    let allow = json!({ "Effect": "Allow", "Action": "*", "Resource": "*" });
    let policy = json!({ "Version": "2012-10-17", "Statement": allow }).to_string();
    PolicySet::compile([PolicyDocument::parse(&policy, PolicyType::Identity).unwrap()])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn deciding_by_class_is_deciding_each_call(
        policies in prop::collection::vec(policy(), 3),
        resource in resource_policy(),
        lines in prop::collection::vec(line(), 1..80),
    ) {
        let (account, everything) = (account(&policies, &resource), everything());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("access.log");
        std::fs::write(&path, lines.join("\n") + "\n").unwrap();
        let inputs = [Input::File(path)];
        let analysis = Analysis { account: Some(&account), ..Analysis::default() };
        let of = |projection| ScanOptions { threads: 1, ..ScanOptions::new(projection) };
        let (gathered, _) = analysis.scan(&inputs, &of(analysis.projection()));
        // With all columns it is the same.
        let options = of(Observer::projection());
        prop_assert_eq!(&analysis.scan(&inputs, &options).0, &gathered);
        let outcomes = gathered.outcomes.unwrap();
        let mut found: BTreeMap<(String, String), u64> = BTreeMap::new();
        for (key, group) in &outcomes.groups {
            let decision = key.decision.clone().unwrap_or_default();
            *found.entry((key.caller.clone(), decision)).or_default() += group.requests;
        }
        found.retain(|(_, decision), _| decision.ends_with("Deny"));

        // Every denied call is in a group, whatever the log says of it.
        let mut expected: BTreeMap<(String, String), u64> = BTreeMap::new();
        let mut open = 0_u64;
        let counts = Mutex::new((&mut expected, &mut open));
        let observed = scan(&inputs, &options, || Observer::new(&account), |observer, batch| {
            observer.observe(batch, |request, api| {
                let applicable = account.policies_for(request.principal(), api);
                let authorization_type = authorization(request.resource());
                let policies = Policies { authorization_type, ..applicable.policies() };
                let outcome = authorize(&policies, request).outcome;
                let mut counts = counts.lock().unwrap();
                match outcome {
                    Outcome::Allowed => {}
                    Outcome::Indeterminate => *counts.1 += 1,
                    // What the policies of another account say is not known.
                    Outcome::ImplicitDeny
                        if request.principal().account() == Some("999999999999")
                            && !denies(&Policies { identity: Some(&everything), ..policies }, request) =>
                    {
                        *counts.1 += 1;
                    }
                    denied => {
                        let key = (request.principal().as_str().to_owned(), denied.to_string());
                        *counts.0.entry(key).or_default() += 1;
                    }
                }
            });
        });
        prop_assert_eq!(found, expected);
        // Those whose caller is named, but not by an ARN.
        let left_out = observed.accumulators.iter().flat_map(Observer::left_out);
        open += left_out.map(|(_, rows)| rows).sum::<u64>();
        let open_ones = outcomes.undetermined.values().sum::<u64>();
        prop_assert_eq!(open_ones, open);
        let total = outcomes.agreeing + outcomes.disagreeing + open_ones;
        prop_assert_eq!(total, lines.len() as u64);
    }
}
