//! What is read is not written over.

use std::fs;
use std::path::Path;

use crate::support::{stdout, tollgate};

const LOG: &str =
    "{\"requestTime\":\"10/Mar/2026:00:00:00 +0000\",\"status\":\"200\"}\nnot a request\n";

/// Runs a command in a folder that has the log `calls.csv` and another name of it.
#[track_caller]
fn check(arguments: &[&str], option: &str, read: &str) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("calls.csv"), LOG).unwrap();
    fs::hard_link(folder.path().join("calls.csv"), folder.path().join("same.csv")).unwrap();
    fs::write(
        folder.path().join("tollgate.toml"),
        "account = \"111122223333\"\nregion = \"eu-west-1\"\n",
    )
    .unwrap();
    let output = tollgate(arguments).current_dir(&folder).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{errors}");
    let expected = format!("`{option}` would write over `{read}`, which is to be read");
    let joined = errors.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(joined.contains(&expected), "{errors}");
    assert_eq!(fs::read_to_string(folder.path().join("calls.csv")).unwrap(), LOG);
}

#[test]
fn no_option_writes_over_a_log() {
    for option in ["--out", "--partial", "--quarantine"] {
        check(&["analyze", "calls.csv", option, "calls.csv"], option, "calls.csv");
    }
    check(&["analyze", "calls.csv", "--out", "same.csv"], "--out", "calls.csv");
    check(&["analyze", ".", "--out", "calls.csv"], "--out", "./calls.csv");
    check(&["convert", "calls.csv", "--to", "csv", "--out", "same.csv"], "--out", "calls.csv");
    check(&["suggest", "--all", "calls.csv", "--notes", "same.csv"], "--notes", "calls.csv");
}

/// A folder of tables has files of its own names.
#[test]
fn no_table_writes_over_a_log() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("callers.csv");
    fs::write(&log, LOG).unwrap();
    let run = |out: &Path| {
        let (log, out) = (log.to_str().unwrap(), out.to_str().unwrap());
        tollgate(&["analyze", "--format", "csv", log, "--out", out]).output().unwrap()
    };
    let refused = run(folder.path());
    assert_eq!(refused.status.code(), Some(2));
    assert_eq!(fs::read_to_string(&log).unwrap(), LOG);
    stdout(&run(&folder.path().join("tables")));
}

#[test]
fn no_partial_report_is_written_over_by_the_merged_one() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("calls.log"), LOG).unwrap();
    let run = |arguments: &[&str]| tollgate(arguments).current_dir(&folder).output().unwrap();
    stdout(&run(&["analyze", "calls.log", "--partial", "one.json"]));
    let before = fs::read(folder.path().join("one.json")).unwrap();
    let refused = run(&["merge", "one.json", "--out", "one.json"]);
    assert_eq!(refused.status.code(), Some(2));
    assert_eq!(fs::read(folder.path().join("one.json")).unwrap(), before);
}
