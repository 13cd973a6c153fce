//! Ctrl-C, as a terminal sends it: a signal to the running command.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tollgate_log::{Projection, ScanOptions};

use crate::support::tollgate;

const LINE: &str = "{\"requestTimeEpoch\":1773100800000,\"httpMethod\":\"GET\",\"path\":\"/a\",\
                    \"status\":\"200\",\"userArn\":\"arn:aws:iam::123456789012:user/ana\"}\n";

fn start(command: &str, arguments: &[&str]) -> (Child, ChildStdin) {
    let mut child = tollgate(&[&[command, "-"], arguments].concat())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let stdin = child.stdin.take().unwrap();
    (child, stdin)
}

/// Some blocks, and of another more than a pipe holds: once that is written, the command listens to
/// signals, and is reading a block that does not end.
fn feed(stdin: &mut ChildStdin) -> std::io::Result<()> {
    let block = ScanOptions::new(Projection::NONE).block_bytes;
    assert!(block * 2 / 3 > 65_536, "a pipe holds so much");
    stdin.write_all(LINE.repeat((block * 12 + block * 2 / 3) / LINE.len()).as_bytes())
}

fn interrupt(child: &Child) {
    let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(kill.unwrap().success());
}

#[test]
fn an_interrupted_run_reports_what_it_read_and_says_so() {
    let partial = tempfile::NamedTempFile::new().unwrap();
    let path = partial.path().to_str().unwrap();
    let (mut child, mut stdin) = start("analyze", &["--format", "json", "--partial", path]);
    feed(&mut stdin).unwrap();
    interrupt(&child);
    // The log never ends by itself: that the command does is the signal's doing.
    while feed(&mut stdin).is_ok() {}
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(4));
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report["interrupted"], true);
    let requests = report["usage"]["requests"].as_u64().unwrap();
    assert!(requests > 0);
    assert_eq!(report["lines"]["total"], requests);

    let output = tollgate(&["merge", path]).output().unwrap();
    assert_eq!(output.status.code(), Some(4));
    let merged = String::from_utf8(output.stdout).unwrap();
    assert!(merged.contains("Interrupted: reading was ended early"), "{merged}");
    let about = tollgate(&["merge", path, "--format", "csv", "--table", "about"]).output().unwrap();
    let [about, said] = [about.stdout, about.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    assert!(about.contains("\r\ninterrupted,true,\r\n"), "{about}");
    assert!(said.contains("Interrupted: reading was ended early"), "{said}");
}

/// Only a whole run knows from where to go on, so the next one reads again what this one has counted:
/// of both, no merge may count it.
#[test]
fn an_interrupted_run_leaves_the_state_as_it_was_and_no_partial_report() {
    let folder = tempfile::tempdir().unwrap();
    let [state, partial] = ["state", "partial"].map(|name| folder.path().join(name));
    let [state_path, partial_path] = [&state, &partial].map(|path| path.to_str().unwrap());
    let (child, mut stdin) = start("analyze", &["--state", state_path, "--partial", partial_path]);
    feed(&mut stdin).unwrap();
    interrupt(&child);
    while feed(&mut stdin).is_ok() {}
    let run = child.wait_with_output().unwrap();
    assert_eq!(run.status.code(), Some(4));
    assert!(!partial.exists() && !state.exists());
    let errors = String::from_utf8(run.stderr).unwrap();
    let said = "--state: stays as it was, so the next run reads all of this again\n\
                --partial: not written, so that no merge counts what is read again twice\n";
    assert!(errors.contains(said), "{errors}");
}

/// What is measured of a part says little of the whole, whichever way it goes.
#[test]
fn an_interrupted_run_is_undecided_whatever_its_bounds() {
    let partial = tempfile::NamedTempFile::new().unwrap();
    let bounds = ["--fail-on", "200", "--fail-on", "500"];
    let path = ["--partial", partial.path().to_str().unwrap()];
    let (child, mut stdin) = start("analyze", &[&bounds[..], &path].concat());
    feed(&mut stdin).unwrap();
    interrupt(&child);
    while feed(&mut stdin).is_ok() {}
    let run = child.wait_with_output().unwrap();
    let merged = tollgate(&[&["merge", path[1]], &bounds[..]].concat()).output().unwrap();
    for output in [run, merged] {
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(4), "{said}");
        assert!(said.starts_with("--fail-on 200: ") && said.lines().count() == 1, "{said}");
    }
}

/// A suggestion is proven by the whole log, so of a part there is none.
#[test]
fn an_interrupted_suggestion_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("policies");
    let account = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/suggest/tollgate.toml");
    let arguments = ["--account", account, "--all", "--out", out.to_str().unwrap()];
    let (mut child, mut stdin) = start("suggest", &arguments);
    feed(&mut stdin).unwrap();
    interrupt(&child);
    while feed(&mut stdin).is_ok() {}
    let (mut text, mut errors) = (String::new(), String::new());
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(4), "{errors}");
    assert!(errors.contains("interrupted: nothing is suggested"), "{errors}");
    assert_eq!((text.as_str(), out.exists()), ("", false));
}

#[test]
fn a_second_interruption_ends_at_once() {
    let (mut child, mut stdin) = start("analyze", &[]);
    feed(&mut stdin).unwrap();
    // The log stands still and does not end: the first signal alone cannot end the command.
    let status = loop {
        interrupt(&child);
        thread::sleep(Duration::from_millis(20));
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
    };
    assert_eq!(status.code(), Some(130));
    drop(stdin);
}
