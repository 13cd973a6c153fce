//! What is read is not written over.

use std::fs;
use std::path::Path;

use crate::support::{Folder, allow, shop, stdout, tollgate};

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

/// The manifest, its policies and its exports are read as the logs are.
#[test]
fn no_option_writes_over_an_account() {
    let folder = Folder::new();
    let manifest = account(&folder);
    let policy = folder.path("policies/role-web.json");
    let before = fs::read(&policy).unwrap();
    let log =
        folder.log(&[("arn:aws:sts::123456789012:assumed-role/web/s", "GET /a", 200, "10.0.0.1")]);
    let partial = folder.path("partial.json");
    let account = ["--account", &*manifest];
    stdout(
        &tollgate(&[&["analyze", &*log, "--partial", &*partial], &account[..]].concat())
            .output()
            .unwrap(),
    );
    for (command, option) in [
        (&["analyze", &*log][..], "--out"),
        (&["analyze", &*log], "--partial"),
        (&["analyze", &*log, "--against", &*manifest], "--quarantine"),
        (&["suggest", "--all", &*log], "--notes"),
        (&["merge", &*partial], "--out"),
    ] {
        let arguments = [command, &account, &[option, &*policy]].concat();
        let output = tollgate(&arguments).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{errors}");
        assert!(errors.contains(&format!("`{option}` would write over")), "{errors}");
    }
    let convert = ["convert", &*log, "--to", "csv", "--out", &*manifest];
    let output = tollgate(&[&convert[..], &account].concat()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(fs::read(&policy).unwrap(), before);
}

/// An account of one role, `web`, whose policy is in a file of the name that a suggestion has.
fn account(folder: &Folder) -> String {
    fs::create_dir(folder.path("policies")).unwrap();
    folder.policy("policies/role-web.json", &allow(&shop("*")));
    folder.write(
        "tollgate.toml",
        "account = \"123456789012\"\nregion = \"eu-west-1\"\n\
         [[principal]]\narn = \"arn:aws:iam::123456789012:role/web\"\n\
         policies = [\"policies/role-web.json\"]\n\
         [[api]]\nid = \"shop\"\nstages = [\"prod\"]\n",
    )
}

/// Neither what the account has, nor anything else that lies there.
#[test]
fn a_suggestion_is_written_over_no_file() {
    let folder = Folder::new();
    let manifest = account(&folder);
    let log =
        folder.log(&[("arn:aws:sts::123456789012:assumed-role/web/s", "GET /a", 200, "10.0.0.1")]);
    let run = |out: &str| {
        let arguments = ["suggest", "--all", "--account", &*manifest, "--out", out, &*log];
        tollgate(&arguments).output().unwrap()
    };
    let check = |folder: &str, text: &str| {
        let output = run(folder);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{errors}");
        assert!(errors.contains(text), "expected `{text}` in\n{errors}");
    };
    check(&folder.path("policies"), "which is to be read");
    stdout(&run(&folder.path("new")));
    let first = fs::read(folder.path("new/role-web.json")).unwrap();
    check(&folder.path("new"), "name a new folder");
    assert_eq!(fs::read(folder.path("new/role-web.json")).unwrap(), first);
    fs::rename(folder.path("new/role-web.json"), folder.path("new/role-web-1.json")).unwrap();
    check(&folder.path("new"), "role-web-1.json");
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
