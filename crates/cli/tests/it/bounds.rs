//! `--fail-on`, of `tollgate analyze` and `tollgate merge`.

use std::path::Path;
use std::process::Output;

use crate::support::{run, stdout, tollgate};

const ACCOUNT: [&str; 2] = ["--account", "fixtures/github-proxy/tollgate.toml"];
const AGAINST: [&str; 2] = ["--against", "fixtures/github-proxy/tollgate.toml"];
const LOGS: &str = "fixtures/github-proxy/logs";

/// Ends with this exit code, and these are the lines on standard error.
#[track_caller]
fn check(output: &Output, code: i32, said: &[&str]) {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{errors}");
    assert_eq!(errors.lines().collect::<Vec<_>>(), said);
}

fn analyze(bounds: &[&str]) -> Output {
    let bounds: Vec<&str> = bounds.iter().flat_map(|bound| ["--fail-on", bound]).collect();
    tollgate(&[&["analyze", LOGS], &ACCOUNT[..], &AGAINST, &bounds].concat()).output().unwrap()
}

fn merge(partial: &str, bounds: &[&str]) -> Output {
    let bounds: Vec<&str> = bounds.iter().flat_map(|bound| ["--fail-on", bound]).collect();
    tollgate(&[&["merge", partial], &bounds[..]].concat()).output().unwrap()
}

fn partial(folder: &Path, options: &[&str]) -> String {
    let path = folder.join("partial.json").to_str().unwrap().to_owned();
    let arguments = [&["analyze", LOGS, "--partial", &path], options].concat();
    stdout(&tollgate(&arguments).output().unwrap());
    path
}

const EXCEEDED: [(&str, &str); 6] = [
    ("denied>0", "--fail-on denied>0: 114 requests"),
    ("disagreeing", "--fail-on disagreeing: 11 requests"),
    ("undetermined >= 1", "--fail-on undetermined >= 1: 18 requests"),
    ("quarantined", "--fail-on quarantined: 3 lines"),
    ("429>=20", "--fail-on 429>=20: 20 requests"),
    ("p99>2s", "--fail-on p99>2s: 28,992 ms at GET /search/issues"),
];

#[test]
fn a_bound_that_is_exceeded_is_said_with_what_was_measured() {
    for (bound, said) in EXCEEDED {
        check(&analyze(&[bound]), 3, &[said]);
    }
}

#[test]
fn a_bound_on_nothing_is_kept_and_said_to_be_on_nothing() {
    let nobody = ["--fail-on", "denied>0", "--fail-on", "p99>2s", "--filter", "caller~\"nobody\""];
    let output = tollgate(&[&["analyze", LOGS], &ACCOUNT[..], &nobody].concat()).output().unwrap();
    let said = "--fail-on: nothing to judge, all of 3,609 requests are left out by `--filter`, `--since` \
                or `--until`";
    let none = "No call that was looked at satisfies `caller ~ \"nobody\"` of `--filter`: calls have \
                `analytics/adhoc-marc`, `analytics/nightly-20260310`, `analytics/nightly-20260311` and others.";
    check(&output, 0, &[none, said]);
}

/// A histogram tells 700 ms as 702.
#[test]
fn a_latency_does_not_exceed_a_bound_that_it_may_be_within() {
    let line = r#"{"httpMethod":"GET","resourcePath":"/x","status":"200","responseLatency":"700"}"#;
    let bounded = |bound| {
        run(&mut tollgate(&["analyze", "--fail-on", bound, "-"]), format!("{line}\n").as_bytes())
    };
    for bound in ["p99>700ms", "p50>700", "p95>=704ms"] {
        check(&bounded(bound), 0, &[]);
    }
    for bound in ["p99>699ms", "p99>=700ms", "p50>0"] {
        check(&bounded(bound), 3, &[&format!("--fail-on {bound}: 702 ms at GET /x")]);
    }
}

#[test]
fn every_exceeded_bound_is_said_and_no_other() {
    let bounds = ["p50>100s", "denied>0", "newly-denied", "429>=20"];
    let said = ["--fail-on denied>0: 114 requests", "--fail-on 429>=20: 20 requests"];
    check(&analyze(&bounds), 3, &said);
}

#[test]
fn merged_runs_are_held_to_the_same_bounds() {
    let folder = tempfile::tempdir().unwrap();
    let path = partial(folder.path(), &[&ACCOUNT[..], &AGAINST].concat());
    for (bound, said) in EXCEEDED {
        check(&merge(&path, &[bound]), 3, &[said]);
    }
    check(&merge(&path, &["newly-denied", "denied>114"]), 0, &[]);
}

#[test]
fn merged_runs_must_have_measured_what_is_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let path = partial(folder.path(), &[]);
    for (bound, option) in [("newly-denied", "against"), ("denied>5", "account")] {
        let output = merge(&path, &[bound]);
        let errors = String::from_utf8_lossy(&output.stderr).replace("\n  │ ", " ");
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{errors}");
        let expected = format!("`--fail-on {bound}` needs `--{option}`, and {path} was");
        assert!(errors.contains(&expected), "expected {expected} in\n{errors}");
    }
    check(&merge(&path, &["429>=21"]), 0, &[]);
}
