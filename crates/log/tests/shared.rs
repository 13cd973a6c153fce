//! The samples of real logs, which are not part of the repository, decode to
//! the last line. Skipped unless `TOLLGATE_SHARED` names their folder.

mod common;

use std::path::PathBuf;

use common::scan_file;
use tollgate_log::{LineAccount, Overrides};

/// The samples, if they are there.
#[expect(clippy::disallowed_methods, clippy::print_stdout, reason = "a test is at the edge")]
fn samples() -> Option<PathBuf> {
    let shared = std::env::var_os("TOLLGATE_SHARED").map(PathBuf::from);
    if shared.is_none() {
        println!("skipped: `TOLLGATE_SHARED` is not set");
    }
    Some(shared?.join("logs/samples"))
}

#[track_caller]
fn check(name: &str, records: u64, account: LineAccount) {
    let Some(samples) = samples() else { return };
    let (scanned, rows) = scan_file(&samples.join(name), Overrides::default(), 512 << 10);
    let expected = LineAccount { records, ..account };
    assert_eq!(scanned.account, expected, "{name}: {:?}\n{rows}", scanned.quarantine.samples());
}

fn parsed(parsed: u64) -> LineAccount {
    LineAccount { parsed, ..LineAccount::default() }
}

#[test]
fn access_logs() {
    check("apigw_rest_default.jsonl", 3, parsed(3));
    check("apigw_http_api.jsonl", 2, parsed(2));
    check("apigw_websocket.jsonl", 2, parsed(2));
    check("azul_useragent_quotes.jsonl", 1, parsed(1));
}

#[test]
fn execution_logs() {
    check("exec_log_200.lines.txt", 1, parsed(19));
    check("exec_log_429.subscription.json", 1, parsed(4));
    check("exec_log_s3export_multiline.txt", 1, parsed(10));
    check("exec_log_failures.txt", 4, LineAccount { incomplete: 1, ..parsed(16) });
}

#[test]
fn envelopes() {
    check("control_message.json", 0, LineAccount { control: 1, ..LineAccount::default() });
    check("cloudtrail_denied.json", 1, parsed(1));
    // Events and results that are no requests: told apart and set aside.
    let quarantined = |quarantined| LineAccount { quarantined, ..LineAccount::default() };
    check("get_log_events.json", 0, quarantined(2));
    check("filter_log_events.json", 0, quarantined(1));
    check("insights_get_query_results.json", 0, quarantined(2));
}

#[test]
fn denials() {
    let Some(samples) = samples() else { return };
    let text = std::fs::read_to_string(samples.join("cloudtrail_error_messages.txt")).unwrap();
    let actions: Vec<_> = text
        .lines()
        .map(|line| tollgate_log::identity::Denial::parse(line).and_then(|denial| denial.action))
        .collect();
    let expected = [
        Some("s3:ListAllMyBuckets"),
        Some("kms:DescribeKey"),
        Some("s3:ListBucket"),
        Some("iam:ListAttachedUserPolicies"),
        Some("iam:GetRole"),
        Some("secretsmanager:GetSecretValue"),
        None,
    ];
    assert_eq!(actions, expected);
}
