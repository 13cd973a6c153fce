//! `--filter`, of `tollgate analyze`: it understands what reports print.

use serde_json::json;

use crate::support::{json as parsed, run, tollgate};

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
