//! A run goes on where the one before ended, and counts nothing twice.
#![expect(clippy::unwrap_used, reason = "a test may stop")]

#[path = "../common/mod.rs"]
mod common;
mod pieces;
mod replaced;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use tollgate_log::{Field, Input, LineAccount, Projection, ScanOptions, ScanState, scan};

fn line(status: u16) -> String {
    format!("{{\"extendedRequestId\":\"ext-{status}\",\"status\":\"{status}\"}}\n")
}

/// Reads a folder. Returns the statuses it found, and the state after it.
fn read(folder: &Path, state: Option<&ScanState>) -> (Vec<u16>, LineAccount, Option<ScanState>) {
    let options = ScanOptions {
        deduplicate: true,
        state: state.cloned().map(Arc::new),
        threads: 1,
        ..ScanOptions::new(Projection::of([Field::Status]))
    };
    let inputs = Input::expand(folder.to_str().unwrap()).unwrap();
    let scanned = scan(&inputs, &options, Vec::new, |found, batch| {
        found.extend(batch.statuses(Field::Status).unwrap().values().iter().copied());
    });
    (scanned.accumulators.concat(), scanned.account, scanned.state)
}

/// Reads a folder as a nightly run does.
fn run(folder: &Path, state: &mut ScanState) -> (Vec<u16>, LineAccount) {
    let (found, account, next) = read(folder, Some(state));
    *state = next.unwrap();
    (found, account)
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
fn a_line_without_an_end_is_read_once() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("a.log");
    let mut state = ScanState::default();
    append(&log, format!("{}{}", line(200), "{\"status\":\"201\"}"));
    assert_eq!(run(folder.path(), &mut state).0, [200, 201], "a whole object is a whole line");
    append(&log, format!("\n{}", line(202)));
    assert_eq!(run(folder.path(), &mut state).0, [202]);
    append(&log, "{\"status\":\"20");
    assert_eq!(run(folder.path(), &mut state).1.total(), 0, "it may be half of a line");
    append(&log, "3\"}\n");
    assert_eq!(run(folder.path(), &mut state).0, [203]);
}

#[test]
fn a_line_that_never_gets_its_end_is_not_lost() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("a.log");
    let mut state = ScanState::default();
    append(&log, line(200) + "{\"status\":\"20");
    assert_eq!(run(folder.path(), &mut state).1.total(), 1);
    assert_eq!(run(folder.path(), &mut state).1.quarantined, 1, "nothing was added to it");
    assert_eq!(run(folder.path(), &mut state).1.total(), 0);
    append(&log, "\n".to_owned() + &line(201));
    assert_eq!(run(folder.path(), &mut state).0, [201]);
}

#[test]
fn ids_that_a_client_chooses_are_no_ids() {
    let folder = tempfile::tempdir().unwrap();
    let mut state = ScanState::default();
    let line = |id: &str, status: u16| {
        format!(
            "{{\"requestId\":\"mine\",\"extendedRequestId\":\"{id}\",\"status\":\"{status}\"}}\n"
        )
    };
    append(&folder.path().join("a.log"), line("A=", 200) + &line("B=", 201));
    assert_eq!(run(folder.path(), &mut state).0, [200, 201]);
    append(&folder.path().join("b.log"), line("B=", 201) + &line("C=", 202));
    assert_eq!(run(folder.path(), &mut state).0, [202]);
}

#[test]
fn a_line_that_cannot_be_read_takes_no_other_with_it() {
    let folder = tempfile::tempdir().unwrap();
    append(&folder.path().join("a.log"), line(200) + "\nnot a request\n" + &line(201) + "{\n\n");
    let (found, account) = run(folder.path(), &mut ScanState::default());
    assert_eq!((found.as_slice(), account.duplicates), (&[200, 201][..], 0));
    assert_eq!((account.parsed, account.quarantined, account.blank), (2, 2, 2));
}

#[test]
fn deliveries_that_overlap_are_counted_once() {
    let document = |ids: std::ops::Range<u16>| {
        let events = ids.map(|id| {
            format!("{{\"id\":\"e-{id}\",\"timestamp\":1,\"message\":\"{{\\\"status\\\":{id}}}\"}}")
        });
        let events = events.collect::<Vec<_>>().join(",");
        format!("{{\"messageType\":\"DATA_MESSAGE\",\"logEvents\":[{events}]}}")
    };
    let folder = tempfile::tempdir().unwrap();
    let mut state = ScanState::default();
    append(&folder.path().join("1"), gzip(&document(200..204)));
    assert_eq!(run(folder.path(), &mut state).0, [200, 201, 202, 203]);
    append(&folder.path().join("2"), gzip(&document(202..206)));
    let (found, account) = run(folder.path(), &mut state);
    assert_eq!((found.as_slice(), account.duplicates, account.total()), (&[204, 205][..], 2, 4));
    fs::copy(folder.path().join("2"), folder.path().join("3")).unwrap();
    let (found, account) = run(folder.path(), &mut state);
    assert_eq!((found.len(), account.duplicates), (0, 4), "a copy has nothing new");
}

#[test]
fn a_member_that_was_half_there_is_read_when_it_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("a.gz");
    let mut state = ScanState::default();
    let packed = gzip(&(200..260).map(line).collect::<String>());
    let (head, tail) = packed.split_at(packed.len() - 12);
    append(&log, head);
    let (first, account) = run(folder.path(), &mut state);
    assert_eq!(account.quarantined, 2, "half a line, and what is missing");
    append(&log, tail);
    let (second, _) = run(folder.path(), &mut state);
    assert_eq!([first, second].concat(), (200..260).collect::<Vec<u16>>());
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
}

#[test]
fn a_state_that_cannot_be_understood_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.json");
    let check = |text: &str, expected: &str| {
        fs::write(&path, text).unwrap();
        assert_eq!(ScanState::read(&path).unwrap_err().to_string(), expected, "`{text}`");
    };
    check(
        "{\"version\":9,\"inputs\":[],\"new\":1}",
        "expected a state of version 2, found version 9; without the file, all is read again",
    );
    check(
        "{\"version\":2,\"inp",
        "expected the state of an earlier run: EOF while parsing a string at line 1 column 17; \
         without the file, all is read again",
    );
    check(
        "",
        "expected the state of an earlier run: EOF while parsing a value at line 1 column 0; \
         without the file, all is read again",
    );
    check(
        "{\"version\":2,\"inputs\":{}}",
        "expected the state of an earlier run: missing field `ids` at line 1 column 25; \
         without the file, all is read again",
    );
}
