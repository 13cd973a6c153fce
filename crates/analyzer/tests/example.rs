//! The bundled example: its logs are what the generator makes, and every number of its report is
//! what a second, independent computation finds.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by saying where"
)]

#[path = "../examples/github_proxy/actors.rs"]
mod actors;
#[path = "../examples/github_proxy/gateway.rs"]
mod gateway;
mod independent;
#[path = "../examples/github_proxy/random.rs"]
mod random;
#[path = "../examples/github_proxy/story.rs"]
mod story;

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use independent::Independent;
use serde_json::Value;
use tollgate_analyzer::{Analysis, Gathered, Grouping, Report, Window};
use tollgate_log::{Input, ScanOptions};
use tollgate_store::{Account, Files};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/github-proxy")
}

/// The text of a committed file, unpacked.
fn committed(name: &str) -> Vec<u8> {
    let bytes = fs::read(folder().join("logs").join(name)).unwrap();
    if !name.ends_with(".gz") {
        return bytes;
    }
    let mut text = Vec::new();
    GzDecoder::new(&*bytes).read_to_end(&mut text).unwrap();
    text
}

fn report(inputs: &[Input], threads: usize, account: &Account, window: Window) -> Value {
    let by = ["role,status", "network", "agent,method"].map(|by| Grouping::parse(by).unwrap());
    let account = Some(account);
    let analysis = Analysis { account, window, group_by: &by, ..Analysis::default() };
    let mut options = ScanOptions::new(analysis.projection());
    (options.threads, options.block_bytes) = (threads, 64 << 10);
    let (gathered, scanned) = analysis.scan(inputs, &options);
    let report = Report::new(&gathered, scanned.account, scanned.quarantine.samples());
    serde_json::to_value(report).unwrap()
}

fn account() -> Account {
    Account::read(&Files, &folder().join("tollgate.toml")).unwrap()
}

fn inputs() -> Vec<Input> {
    Input::expand(folder().join("logs").to_str().unwrap()).unwrap()
}

#[test]
fn the_committed_logs_are_what_the_generator_makes() {
    for (name, text) in story::files() {
        assert!(committed(name) == text, "{name} differs: run the example `github_proxy`");
    }
}

#[test]
fn every_number_is_found_independently() {
    let report = report(&inputs(), 1, &account(), Window::default());
    let texts = story::files().map(|(name, _)| committed(name));
    let independent = Independent::count(&texts);
    independent.check_lines(&report["lines"]);
    independent.check_usage(&report["usage"]);
    independent.check_breakdowns(report["breakdowns"].as_array().unwrap());
    independent.check_heat(report["usage"]["heat"].as_array().unwrap());
    independent.check_limits(report["rateLimits"].as_array().unwrap());
    independent.check_cache(&report["cache"]);
    independent.check_denied(report["denied"].as_array().unwrap());
    independent.check_agreement(&report["agreement"]);
}

#[test]
fn the_number_of_workers_does_not_matter() {
    let account = account();
    let one = report(&inputs(), 1, &account, Window::default());
    let several = report(&inputs(), 3, &account, Window::default());
    assert_eq!(one, several);
}

#[test]
fn days_merge_into_what_one_run_gives() {
    let account = account();
    let analysis = Analysis { account: Some(&account), timeline: true, ..Analysis::default() };
    let options = ScanOptions::new(analysis.projection());
    let whole = analysis.scan(&inputs(), &options).0;
    let mut merged = Gathered::default();
    for input in inputs() {
        let part = analysis.scan(&[input], &options).0;
        let carried = serde_json::to_string(&part).unwrap();
        merged.merge(serde_json::from_str(&carried).unwrap());
    }
    assert!(merged == whole);
}

#[test]
fn a_window_leaves_out_what_is_outside_and_says_how_much() {
    let account = account();
    let second_day = Some(1_773_187_200_000);
    let all = report(&inputs(), 1, &account, Window::default());
    let before = report(&inputs(), 1, &account, Window { since: None, until: second_day });
    let after = report(&inputs(), 1, &account, Window { since: second_day, until: None });
    let requests = |report: &Value| report["usage"]["requests"].as_u64().unwrap();
    assert_eq!(requests(&before) + requests(&after), requests(&all));
    assert_eq!(before["leftOut"], after["usage"]["requests"]);
    assert!(before["usage"]["last"].as_str() < Some("2026-03-11"));
}
