//! `--compare`: which periods are compared, and how much of them the logs cover.

use std::fs;

use serde_json::json as value;

use crate::support::{json, run, stdout, tollgate};

const MIDNIGHT: u64 = 1_772_409_600;
const DAY: u64 = 86_400;

/// A log of requests at these seconds from 2026-03-02 on.
fn log(seconds: impl Iterator<Item = u64>) -> String {
    let line = |second| {
        let at = (MIDNIGHT + second) * 1000;
        let line = value!({
            "requestTimeEpoch": at, "httpMethod": "GET", "resourcePath": "/a", "status": "200",
        });
        format!("{line}\n")
    };
    seconds.map(line).collect()
}

fn analyze(arguments: &[&str], log: &str) -> std::process::Output {
    run(&mut tollgate(&[&["analyze"], arguments, &["-"]].concat()), log.as_bytes())
}

/// Twenty requests all over Monday, and as many within an hour of Tuesday.
#[test]
fn another_run_is_compared_by_the_periods_that_both_were_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (monday, tuesday) = (path("monday.json"), path("tuesday.json"));
    let on_monday = log((0..20).map(|at| at * 4_000));
    let on_tuesday = log((0..20).map(|at| DAY + 32_400 + at * 180));
    let first = ["--since", "2026-03-02", "--until", "2026-03-03", "--partial", &monday];
    stdout(&analyze(&first, &on_monday));
    let second = ["--since", "2026-03-03", "--until", "2026-03-04"];
    let compared =
        [&second[..], &["--compare", &monday, "--partial", &tuesday, "--format", "json"]].concat();
    let compared = &json(&analyze(&compared, &on_tuesday))["comparison"];
    assert_eq!(compared["before"]["from"], "2026-03-02T00:00:00Z");
    assert_eq!(compared["before"]["until"], "2026-03-03T00:00:00Z");
    assert_eq!(compared["now"]["until"], "2026-03-04T00:00:00Z");
    assert_eq!(
        (&compared["now"]["hours"], &compared["requests"]["change"]),
        (&24.0.into(), &0.0.into())
    );
    let merge = ["merge", &tuesday, "--compare", &monday, "--format", "json"];
    assert_eq!(&json(&tollgate(&merge).output().unwrap())["comparison"], compared);
}

#[test]
fn a_period_that_the_logs_do_not_cover_is_said_to_be() {
    let every_minute = log((0..4 * DAY / 60).map(|at| at * 60));
    let bounds = ["--since", "2026-03-02T12:00", "--until", "2026-03-03T12:00"];
    let halves = |format| {
        let arguments = [&bounds[..], &["--compare", "previous", "--format", format]].concat();
        analyze(&arguments, &every_minute)
    };
    let compared = json(&halves("json"));
    assert_eq!(compared["comparison"]["before"]["coveredHours"], 12.0);
    assert_eq!(compared["comparison"]["now"]["coveredHours"], 24.0);
    let sentence = "the logs' requests, from first to last, cover 12.0 of the 24.0 hours before; \
                    the rest counts as without any";
    for format in ["text", "markdown"] {
        let report = stdout(&halves(format));
        assert!(report.contains(sentence), "{report}");
        assert!(!report.contains("24.0 hours now"), "{report}");
    }
}

#[test]
fn a_period_that_the_logs_cover_needs_no_word() {
    let every_minute = log((0..4 * DAY / 60).map(|at| at * 60));
    let bounds = ["--since", "2026-03-04", "--until", "2026-03-05", "--compare", "previous"];
    let report = stdout(&analyze(&bounds, &every_minute));
    assert!(report.contains("In comparison") && !report.contains("the logs' requests"), "{report}");
    // A filter leaves out rows that the logs have all the same.
    let filtered = [&bounds[..], &["--filter", "status = 404"]].concat();
    let report = stdout(&analyze(&filtered, &every_minute));
    assert!(!report.contains("the logs' requests"), "{report}");
}

#[test]
fn the_tables_tell_the_periods() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let bounds = ["--since", "2026-03-03", "--until", "2026-03-04", "--compare", "previous"];
    let every_minute = log((0..3 * DAY / 60).map(|at| at * 60));
    stdout(&analyze(&[&bounds[..], &["--format", "csv", "--out", out]].concat(), &every_minute));
    let periods = fs::read_to_string(folder.path().join("periods.csv")).unwrap();
    let expected = "period,from,until,hours,coveredHours\r\n\
                    before,2026-03-02T00:00:00Z,2026-03-03T00:00:00Z,24.0,24.0\r\n\
                    now,2026-03-03T00:00:00Z,2026-03-04T00:00:00Z,24.0,24.0\r\n";
    assert_eq!(periods, expected);
}
