//! `--compare`: which periods are compared, and how much of them the logs cover.

use std::fs;

use serde_json::{Value, json as value};

use crate::analyze::check_schema;
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
fn periods_that_overlap_are_said_to() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("before.json");
    let before = path.to_str().unwrap();
    let all = log((0..20).map(|at| at * 4_000));
    stdout(&analyze(&["--until", "2026-03-02T12:00", "--partial", before], &all));
    for (since, said) in [
        ("2026-03-02T12:00", ""),
        (
            "2026-03-02T09:00",
            "The periods that are compared overlap: 2026-03-02 09:00 – 12:00 is of both.\n",
        ),
    ] {
        let output = analyze(&["--since", since, "--compare", before], &all);
        assert_eq!(String::from_utf8_lossy(&output.stderr), said);
        assert!(stdout(&output).contains(said.trim_end()));
    }
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

/// Halves of a log are not all of it if some of it is in neither.
#[test]
fn requests_without_a_time_are_in_no_period_and_said_to_be_left_out() {
    let timed = log([0, DAY].into_iter());
    let line = value!({ "httpMethod": "GET", "resourcePath": "/a", "status": "200" });
    let log = format!("{timed}{line}\n{line}\n{line}\n");
    let told = |bounds: &[&str]| {
        let report = json(&analyze(&[bounds, &["--format", "json"]].concat(), &log));
        check_schema(&report);
        [&report["usage"]["requests"], &report["leftOut"], &report["leftOutWithoutTime"]]
            .map(Value::as_u64)
    };
    assert_eq!(told(&[]), [Some(5), Some(0), None]);
    assert_eq!(told(&["--filter", "status = 404"]), [Some(0), Some(5), None]);
    let [since, until] = [["--since", "2026-03-03"], ["--until", "2026-03-03"]];
    assert_eq!(told(&since), [Some(1), Some(4), Some(3)]);
    assert_eq!(told(&until), [Some(1), Some(4), Some(3)]);
    for (format, said) in [
        ("text", "4 requests left out, as asked, of which 3 without a time"),
        ("markdown", "4 requests left out, as asked, of which 3 without a time."),
        ("html", "\"leftOut\":4,\"leftOutWithoutTime\":3,"),
    ] {
        let report = stdout(&analyze(&[&since[..], &["--format", format]].concat(), &log));
        assert!(report.contains(said), "{report}");
    }
    let table = [&since[..], &["--format", "csv", "--table", "about"]].concat();
    let table = stdout(&analyze(&table, &log));
    assert!(table.contains("\r\nleftOut,,4\r\nleftOutWithoutTime,,3\r\n"), "{table}");
}
