//! A run goes on where the one before ended, and counts nothing twice.
#![expect(clippy::unwrap_used, reason = "a test may stop")]

use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use tollgate_log::{Field, Input, LineAccount, Projection, ScanOptions, ScanState, scan};

fn line(status: u16) -> String {
    format!("{{\"extendedRequestId\":\"ext-{status}\",\"status\":\"{status}\"}}\n")
}

/// Reads a folder as a nightly run does. Returns the statuses it found.
fn run(folder: &Path, state: &mut ScanState) -> (Vec<u16>, LineAccount) {
    let options = ScanOptions {
        state: Some(Arc::new(state.clone())),
        threads: 1,
        ..ScanOptions::new(Projection::of([Field::Status]))
    };
    let inputs = Input::expand(folder.to_str().unwrap()).unwrap();
    let scanned = scan(&inputs, &options, Vec::new, |found, batch| {
        found.extend(batch.statuses(Field::Status).unwrap().values().iter().copied());
    });
    *state = scanned.state.unwrap();
    (scanned.accumulators.concat(), scanned.account)
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn append(path: &Path, bytes: impl AsRef<[u8]>) {
    let mut file = fs::OpenOptions::new().append(true).create(true).open(path).unwrap();
    file.write_all(bytes.as_ref()).unwrap();
}

#[test]
fn only_what_is_new_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let (plain, packed) = (folder.path().join("a.log"), folder.path().join("b.gz"));
    let mut state = ScanState::default();
    append(&plain, line(200));
    append(&packed, gzip(&line(201)));
    assert_eq!(run(folder.path(), &mut state).0, [200, 201]);
    let (found, account) = run(folder.path(), &mut state);
    assert_eq!((found.as_slice(), account.total()), (&[][..], 0));
    append(&plain, line(202));
    append(&packed, gzip(&line(203)));
    assert_eq!(run(folder.path(), &mut state).0, [202, 203]);
}

#[test]
fn a_renamed_file_is_still_known() {
    let folder = tempfile::tempdir().unwrap();
    let mut state = ScanState::default();
    let (old, new) = (folder.path().join("a.log"), folder.path().join("a.log.1"));
    append(&old, line(200));
    run(folder.path(), &mut state);
    fs::rename(&old, &new).unwrap();
    append(&new, line(201));
    append(&old, line(202));
    assert_eq!(run(folder.path(), &mut state).0, [202, 201]);
}

#[test]
fn a_line_without_an_end_is_read_once() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("a.log");
    let mut state = ScanState::default();
    append(&log, format!("{}{}", line(200), "{\"status\":\"201\"}"));
    assert_eq!(run(folder.path(), &mut state).0, [200, 201]);
    append(&log, format!("\n{}", line(202)));
    assert_eq!(run(folder.path(), &mut state).0, [202]);
    append(&log, "{\"status\":\"20");
    assert_eq!(run(folder.path(), &mut state).1.quarantined, 1);
    append(&log, "3\"}\n");
    assert_eq!(run(folder.path(), &mut state).0, [203]);
}

#[test]
fn what_was_seen_in_another_file_is_a_duplicate() {
    let folder = tempfile::tempdir().unwrap();
    let mut state = ScanState::default();
    append(&folder.path().join("a.log"), line(200) + &line(201));
    run(folder.path(), &mut state);
    append(&folder.path().join("b.gz"), gzip(&(line(201) + &line(202))));
    let (found, account) = run(folder.path(), &mut state);
    assert_eq!((found.as_slice(), account.duplicates), (&[202][..], 1));
    assert_eq!(account.total(), 2);
}

#[test]
fn a_replaced_file_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("a.log");
    let mut state = ScanState::default();
    append(&log, line(200));
    run(folder.path(), &mut state);
    fs::write(&log, line(301) + &line(302)).unwrap();
    assert_eq!(run(folder.path(), &mut state).0, [301, 302]);
}

#[test]
fn the_state_is_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.json");
    let mut state = ScanState::read(&path).unwrap();
    let logs = folder.path().join("logs");
    fs::create_dir(&logs).unwrap();
    append(&logs.join("a.log"), line(200));
    run(&logs, &mut state);
    state.write(&path).unwrap();
    assert_eq!(ScanState::read(&path).unwrap(), state);
    fs::write(&path, "{\"version\":9,\"inputs\":{},\"ids\":[]}").unwrap();
    let error = ScanState::read(&path).unwrap_err().to_string();
    assert_eq!(error, "expected a state of version 1, found version 9");
}
