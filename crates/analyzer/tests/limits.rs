//! Rate limits, from a line of log to the report: in every dialect, `fixtures/limits/dialects.json`, and of
//! upstreams whose limits are known.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by saying where")]

use std::fmt::Write;
use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use tollgate_analyzer::text::{self, Style};
use tollgate_analyzer::{Analysis, Report};
use tollgate_log::{Input, ScanOptions};

/// Lines, and what the report must say of limits.
#[derive(Deserialize)]
struct Case {
    name: String,
    lines: Vec<Value>,
    limits: Vec<Map<String, Value>>,
}

fn limits_of(lines: &[Value]) -> Vec<Value> {
    let (report, _) = reported(lines);
    let mut limits = report["rateLimits"].as_array().unwrap().clone();
    limits.sort_by_key(|limit| limit["bucket"].as_str().unwrap().to_owned());
    limits
}

/// The report as JSON and as text.
fn reported(lines: &[Value]) -> (Value, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.jsonl");
    let mut text = String::new();
    lines.iter().for_each(|line| writeln!(text, "{line}").unwrap());
    fs::write(&path, text).unwrap();
    let inputs = Input::expand(path.to_str().unwrap()).unwrap();
    let analysis = Analysis::default();
    let options = ScanOptions::new(analysis.projection());
    let (gathered, read) = analysis.scan(&inputs, &options);
    let report = Report::new(&gathered, read.account, read.quarantine.samples());
    (
        serde_json::to_value(&report).unwrap(),
        text::render(&report, &Style { width: 100, fold: false, colour: false, top: 10 }),
    )
}

#[test]
fn every_dialect_is_the_same_limit() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/limits/dialects.json");
    let cases: Vec<Case> = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    assert!(cases.len() >= 9);
    for Case { name, lines, limits } in cases {
        let found = limits_of(&lines);
        assert_eq!(found.len(), limits.len(), "{name}: {found:#?}");
        for (found, expected) in found.iter().zip(limits) {
            for (field, value) in expected {
                let same = found[&field] == value
                    || found[&field].as_f64() == value.as_f64() && value.is_number();
                assert!(same, "{name}: {field} is {}, expected {value}", found[&field]);
            }
        }
    }
}

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// A Monday at midnight, 2026-03-02.
const START: i64 = 1_772_409_600_000;

/// An upstream that tells of its limit as GitHub does.
struct Upstream {
    limit: u64,
    window: i64,
    used: u64,
    present: i64,
    lines: Vec<Value>,
}

impl Upstream {
    fn new(limit: u64, window: i64) -> Upstream {
        Upstream { limit, window, used: 0, present: 0, lines: Vec::new() }
    }

    /// A call after so many milliseconds that takes so many of the window.
    fn call(&mut self, after: i64, cost: u64) {
        let (at, window) = (START + after, (START + after) / self.window);
        if window != self.present {
            (self.present, self.used) = (window, 0);
        }
        let served = self.used + cost <= self.limit;
        self.used += if served { cost } else { 0 };
        self.lines.push(json!({
            "requestTimeEpoch": at, "httpMethod": "GET", "path": "/x", "status": if served { "200" } else { "429" },
            "userArn": "arn:aws:iam::123456789012:user/ana", "upstream": "api", "credential": "token",
            "x-ratelimit-limit": self.limit.to_string(),
            "x-ratelimit-remaining": (self.limit - self.used).to_string(),
            "x-ratelimit-reset": ((window + 1) * self.window / SECOND).to_string(),
        }));
    }

    /// What the report says of the limit, and its text.
    fn reported(&self) -> (Value, String) {
        let (mut report, text) = reported(&self.lines);
        (report["rateLimits"][0].take(), text)
    }
}

#[track_caller]
fn check_has(text: &str, part: &str) {
    assert!(text.contains(part), "{text}");
}

#[test]
fn a_limit_that_runs_out_in_every_window_is_reached() {
    // Of 30 a minute six are ours: the 1,000 of an hour are gone at :33.
    let mut upstream = Upstream::new(1_000, HOUR);
    (0..2 * 24 * 360 + 30).for_each(|call| upstream.call(call * 10 * SECOND, 5));
    let (limit, _) = upstream.reported();
    assert_eq!(limit["costPerRequest"], 5.0);
    assert_eq!(limit["forecast"]["reached"], "2026-03-04T00:33:00Z");
    assert!(limit["advice"]["bucket"]["refused"].as_u64() >= limit["primary"].as_u64());
}

#[test]
fn what_is_forgotten_within_a_window_is_said() {
    let mut upstream = Upstream::new(500, HOUR);
    for minute in 0..3 * 1_440 {
        upstream.used = if minute % 30 == 0 { 0 } else { upstream.used };
        (0..10).for_each(|call| upstream.call(minute * MINUTE + call * 5 * SECOND, 1));
    }
    let (limit, text) = upstream.reported();
    assert_eq!((&limit["costPerRequest"], &limit["primary"]), (&json!(0.5), &json!(0)));
    check_has(
        &text,
        "a request goes with 0.5 used: some calls cost nothing, or what was used is forgotten",
    );
}

#[test]
fn a_window_may_be_longer_than_what_is_seen_of_it() {
    // Calls come at :51 of every hour.
    let mut upstream = Upstream::new(100, HOUR);
    for hour in 0..30 {
        (0..120).for_each(|call| upstream.call(hour * HOUR + 51 * MINUTE + call * 4 * SECOND, 1));
    }
    let (limit, text) = upstream.reported();
    let found = ["windowSeconds", "windowLeastSeconds", "windowKnown"].map(|name| &limit[name]);
    assert_eq!(json!(found), json!([3600.0, 600.0, false]));
    let bucket =
        ["burst", "ratePerSecond"].map(|name| limit["advice"]["bucket"][name].as_f64().unwrap());
    assert!(bucket[0] + bucket[1] * 3600.0 <= 100.0, "{bucket:?}");
    check_has(&text, "limit 100 in 10 minutes or more, lowest 0 left");
    check_has(&text, "if a window is one hour, which is not certain");
}

#[test]
fn when_all_is_there_again_is_not_when_a_window_ends() {
    // 10,000 a minute that come back one by one: one is back after six milliseconds.
    let mut upstream = Upstream::new(10_000, MINUTE);
    (0..1_800).for_each(|call| upstream.call(call * 2 * SECOND, 1));
    for line in &mut upstream.lines {
        line["x-ratelimit-reset"] = json!("6ms");
        line["x-ratelimit-remaining"] = json!("9999");
    }
    let (limit, text) = upstream.reported();
    for name in ["windowSeconds", "resets", "headroom", "forecast", "advice"] {
        assert!(limit[name].is_null(), "{name}: {}", limit[name]);
    }
    check_has(&text, "limit 10,000 in one second or more, lowest 9,999 left");
    check_has(&text, "1,800 requests\n");
}

#[test]
fn windows_of_seconds_are_seen_one_by_one() {
    let mut upstream = Upstream::new(10, 10 * SECOND);
    for window in 0..360 {
        let calls = if window % 6 == 5 { 10 } else { 5 };
        (0..calls).for_each(|call| upstream.call(window * 10 * SECOND + call * SECOND, 1));
    }
    let (limit, text) = upstream.reported();
    assert_eq!(limit["resets"], 359);
    assert_eq!(limit["headroom"], json!({"windows": 360, "median": 5, "little": 60}));
    assert_eq!(limit["windowsApart"], true);
    check_has(&text, "simulated by one minute: bursts within are not seen");
}

#[test]
fn windows_that_are_too_many_are_said_not_to_be_seen_apart() {
    let mut upstream = Upstream::new(10, 10 * SECOND);
    (0..3_600).for_each(|window| upstream.call(window * 10 * SECOND, 1));
    (0..10).for_each(|_| upstream.call(36_000 * SECOND, 1));
    let (limit, text) = upstream.reported();
    assert_eq!(limit["windowsApart"], false);
    assert_eq!(limit["windowIntervalSeconds"], 60);
    assert!(limit["windows"].as_array().unwrap().iter().all(|row| row["windows"].is_null()));
    check_has(&text, "limit 10 in 10 seconds, lowest 0 left");
    check_has(&text, "over at least 600 resets");
    check_has(&text, "half of 601 groups of windows that end within one minute had 9 or more left");
}

#[test]
fn a_window_is_that_of_the_hour_in_which_it_lies() {
    // Used up from 10:00:00 to 10:00:10 every day.
    let mut upstream = Upstream::new(10, 10 * SECOND);
    for day in 0..3 {
        for part in 0..144 {
            let calls = if part == 60 { 12 } else { 1 };
            let begin = day * DAY + part * 10 * MINUTE;
            (0..calls).for_each(|call| upstream.call(begin + call * 700, 1));
        }
    }
    let (limit, _) = upstream.reported();
    assert_eq!(limit["forecast"]["reached"], "2026-03-05T10:00:00Z");
}

#[test]
fn windows_whose_ends_are_told_as_seconds_to_wait_are_not_mixed() {
    // Each answer comes later than its call, by up to a second and a half, and seconds are rounded up.
    let mut upstream = Upstream::new(100, MINUTE);
    for minute in 0..60 {
        let calls = if minute % 10 == 5 { 95 } else { 10 };
        (0..calls).for_each(|call| upstream.call(minute * MINUTE + call * 58_000 / calls, 1));
    }
    for (number, line) in (0..).zip(&mut upstream.lines) {
        let answered = line["requestTimeEpoch"].as_i64().unwrap() + 100 + number * 373 % 1_400;
        let wait = MINUTE - answered.rem_euclid(MINUTE);
        line["x-ratelimit-reset"] = json!(((wait + 999) / SECOND).to_string());
    }
    let (limit, _) = upstream.reported();
    assert_eq!((&limit["resets"], &limit["windowSeconds"]), (&json!(59), &json!(60.0)));
    assert_eq!(limit["headroom"]["little"], 6);
}

#[test]
fn windows_are_measured_by_the_limit_of_their_time() {
    let mut upstream = Upstream::new(500, HOUR);
    for minute in 0..3 * 1_440 {
        upstream.limit = if minute < 36 * 60 { 500 } else { 5_000 };
        (0..3).for_each(|call| upstream.call(minute * MINUTE + call * 15 * SECOND, 1));
    }
    let (limit, text) = upstream.reported();
    let found = ["limit", "limitLeast", "limitMost", "lowestRemaining", "lowestOf"]
        .map(|name| &limit[name]);
    assert_eq!(json!(found), json!([5_000, 500, 5_000, 320, 500]));
    assert_eq!((&limit["headroom"]["little"], &limit["advice"]), (&json!(0), &Value::Null));
    check_has(
        &text,
        "limit 5,000 in one hour (it changed: 500 to 5,000), lowest 320 of 500 left at",
    );
}

#[test]
fn windows_that_are_listed_as_one_are_counted() {
    let mut upstream = Upstream::new(60, MINUTE);
    (0..1_600).for_each(|call| upstream.call(call * MINUTE, 1));
    let (limit, _) = upstream.reported();
    let listed = limit["windows"].as_array().unwrap();
    assert!(listed.len() <= 750 && listed[0]["windows"] == 3);
    let windows: u64 = listed.iter().map(|row| row["windows"].as_u64().unwrap()).sum();
    assert_eq!((windows, &limit["resets"]), (1_600, &json!(1_599)));
}
