//! `--filter`, of `tollgate analyze`: it understands what reports print.

use serde_json::json;

use crate::support::{json as parsed, run, tollgate};

const EXAMPLE: [&str; 4] =
    ["analyze", "--account", "fixtures/github-proxy/tollgate.toml", "fixtures/github-proxy/logs"];

fn requests(filter: &str) -> u64 {
    let arguments = [&EXAMPLE, &["--filter", filter, "--format", "json"][..]].concat();
    let report = parsed(&tollgate(&arguments).output().unwrap());
    report["usage"]["requests"].as_u64().unwrap()
}

/// Limits, cache advice, remedies and denials name roles.
#[test]
fn a_role_is_all_of_its_sessions() {
    let nightly = requests("caller ~ \":assumed-role/analytics/\"");
    assert!(nightly > 0);
    assert_eq!(requests("caller = \"role/analytics\""), nightly);
    assert_eq!(requests("caller = \"arn:aws:iam::123456789012:role/analytics\""), nightly);
    assert_eq!(requests("not caller != \"role/analytics\""), nightly);
    let readers = requests("caller ~ \":assumed-role/issues-reader/\"");
    assert_eq!(requests("caller = \"issues-reader (3 sessions)\""), readers);
    // The account tells the path of a role, and its sessions leave it out.
    let bots = requests("caller ~ \":assumed-role/release-bot/\"");
    assert_eq!(requests("caller = \"role/ci/release-bot\""), bots);
}

/// The tables print `-` of any field that a request does not have.
#[test]
fn what_is_absent_is_a_dash() {
    let log = [
        json!({ "httpMethod": "GET", "path": "/a", "status": "200", "responseLatency": "5" }),
        json!({ "httpMethod": "GET", "path": "/b", "status": "-", "responseType": "THROTTLED" }),
    ];
    let log: String = log.iter().map(|line| format!("{line}\n")).collect();
    for (filter, expected) in [
        ("status = -", 1),
        ("status = \"-\"", 1),
        ("status != -", 1),
        ("latency = -", 1),
        ("error = -", 1),
        ("error = \"-\"", 1),
        ("stage = - and status = 200", 1),
    ] {
        let arguments = ["analyze", "--format", "json", "--filter", filter, "-"];
        let report = parsed(&run(&mut tollgate(&arguments), log.as_bytes()));
        assert_eq!(report["usage"]["requests"], expected, "{filter}");
    }
}
