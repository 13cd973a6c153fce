//! Workers that join others begin with what those have learned, and count nothing twice: what several
//! gather is what one gathers.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::json;
use tollgate_analyzer::{Analysis, Detail, Grouping};
use tollgate_log::{Input, MemoryLimit, ScanOptions};
use tollgate_store::Account;

const ROLES: usize = 7;
const ROWS: usize = 90_000;

/// An account whose roles may read things from one network.
fn account() -> Account {
    let mut manifest = "account = \"123456789012\"\nregion = \"us-east-1\"\n".to_owned();
    for role in 0..ROLES {
        let arn = format!("arn:aws:iam::123456789012:role/role-{role}");
        writeln!(manifest, "[[principal]]\narn = \"{arn}\"\npolicies = [\"policy.json\"]").unwrap();
    }
    manifest.push_str("[[api]]\nid = \"api1\"\nstages = [\"prod\"]\n");
    let statement = json!({
        "Effect": "Allow", "Action": "execute-api:Invoke",
        "Resource": "arn:aws:execute-api:us-east-1:123456789012:api1/prod/GET/things/*",
        "Condition": { "IpAddress": { "aws:SourceIp": "10.0.0.0/16" } },
    });
    let files: BTreeMap<PathBuf, String> = BTreeMap::from([
        ("tollgate.toml".into(), manifest),
        (
            "policy.json".into(),
            json!({ "Version": "2012-10-17", "Statement": statement }).to_string(),
        ),
    ]);
    Account::read(&files, Path::new("tollgate.toml")).unwrap()
}

/// More reads than are sampled whole, more sessions with denied calls than are told apart, and minutes,
/// networks, statuses and limits that come in another order than callers.
fn line(row: usize) -> String {
    let (role, session) = (row % ROLES, row / 3 % 5_000);
    let (method, status) = match row % 11 {
        0..7 => ("GET", "200"),
        7 | 8 => ("GET", "403"),
        9 => ("GET", "429"),
        _ => ("POST", "403"),
    };
    json!({
        "requestTimeEpoch": 1_773_100_800_000_i64 + row as i64 * 1_370, "httpMethod": method,
        "path": format!("/things/{}", row * 7_919 % 30_000), "resourcePath": "/things/{id}",
        "stage": "prod", "apiId": "api1", "status": status, "responseLatency": row % 97,
        "sourceIp": format!("10.{}.{}.1", row % 2, row % 200),
        "userArn": format!("arn:aws:sts::123456789012:assumed-role/role-{role}/{session:06}"),
        "upstream": format!("upstream-{}", row % 3), "x-ratelimit-limit": "5000",
        "x-ratelimit-remaining": (5_000 - row % 5_000).to_string(),
    })
    .to_string()
}

#[test]
fn what_joining_workers_gather_is_what_one_gathers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.log");
    let lines: Vec<String> = (0..ROWS).map(line).collect();
    std::fs::write(&path, lines.join("\n")).unwrap();
    let account = account();
    let group_by = ["role", "network,status"].map(|by| Grouping::parse(by).unwrap());
    let analysis = Analysis {
        account: Some(&account),
        group_by: &group_by,
        timeline: true,
        ..Analysis::default()
    };
    let gathered = |threads, memory| {
        let options = ScanOptions { threads, memory, ..ScanOptions::new(analysis.projection()) };
        analysis.scan(&[Input::File(path.clone())], &options).0
    };
    let alone = gathered(1, None);
    assert_eq!(alone.usage.requests, ROWS as u64);
    assert_eq!(alone.outcomes.as_ref().unwrap().detail, Detail::Roles);
    // There is always room: two more begin as soon as any may.
    let memory = MemoryLimit { bytes: usize::MAX / 2, resident: || Some(1) };
    assert!(gathered(3, Some(memory)) == alone);
}
