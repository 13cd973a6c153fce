//! Names that a log holds, as reports show them: each caller by its own.

use serde_json::json;

use crate::support::{run, stdout, tollgate};

fn analyze(arguments: &[&str], log: &[serde_json::Value]) -> String {
    let log: String = log.iter().map(|line| format!("{line}\n")).collect();
    stdout(&run(&mut tollgate(&[&["analyze"], arguments, &["-"]].concat()), log.as_bytes()))
}

#[test]
fn callers_of_different_accounts_are_told_apart() {
    let log = ["111111111111", "222222222222"].map(|account| {
        json!({
            "userArn": format!("arn:aws:sts::{account}:assumed-role/web/s-1"),
            "httpMethod": "GET", "resourcePath": "/a", "status": "200",
        })
    });
    for format in ["text", "markdown"] {
        let report = analyze(&["--group-by", "role", "--format", format], &log);
        for name in ["web/s-1", "role/web"] {
            for account in ["111111111111", "222222222222"] {
                assert_eq!(report.matches(&format!("{name} ({account})")).count(), 1, "{report}");
            }
        }
    }
    let alone = analyze(&[], &log[..1]);
    assert!(alone.contains(" web/s-1 ") && !alone.contains("(111111111111)"), "{alone}");
}
