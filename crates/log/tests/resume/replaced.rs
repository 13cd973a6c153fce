//! Logs that are rotated, copied, truncated and replaced.

use std::fs;
use std::sync::Arc;

use tollgate_log::{Field, Input, Projection, ScanOptions, ScanState, scan};

use crate::{append, line, run};

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
fn files_that_rotate_in_a_chain_are_all_known() {
    // Without ids: what is read twice would be counted twice.
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let mut state = ScanState::default();
    let line = |status: u16| format!("{{\"status\":\"{status}\"}}\n");
    append(&path("a.log"), line(200));
    for status in 201..206 {
        run(folder.path(), &mut state);
        for at in (1..status - 200).rev() {
            let (from, to) = (format!("a.log.{at}"), format!("a.log.{}", at + 1));
            fs::rename(path(&from), path(&to)).unwrap();
        }
        fs::rename(path("a.log"), path("a.log.1")).unwrap();
        append(&path("a.log"), line(status));
    }
    assert_eq!(run(folder.path(), &mut state).0, [205]);
}

#[test]
fn a_log_that_is_rotated_while_it_is_read_is_not_taken_for_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let (log, old) = (folder.path().join("a.log"), folder.path().join("a.log.1"));
    append(&log, (200..204).map(line).collect::<String>());
    let inputs = [Input::File(log.clone())];
    let first = ScanOptions {
        state: Some(Arc::default()),
        threads: 1,
        block_bytes: 16,
        ..ScanOptions::new(Projection::of([Field::Status]))
    };
    let scanned = scan(&inputs, &first, Vec::new, |found: &mut Vec<u16>, batch| {
        if found.is_empty() {
            fs::rename(&log, &old).unwrap();
            append(&log, (300..320).map(line).collect::<String>());
        }
        found.extend(batch.statuses(Field::Status).unwrap().values().iter().copied());
    });
    assert_eq!(scanned.accumulators.concat(), [200, 201, 202, 203]);
    let mut state = scanned.state.unwrap();
    assert_eq!(run(folder.path(), &mut state).0, (300..320).collect::<Vec<u16>>());
}

#[test]
fn what_was_cut_short_is_read_again_and_counted_once() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("a.log");
    let mut state = ScanState::default();
    append(&log, line(200) + &line(201) + &line(202));
    run(folder.path(), &mut state);
    fs::write(&log, line(200)).unwrap();
    let (found, account) = run(folder.path(), &mut state);
    assert_eq!((found.len(), account.duplicates), (0, 1));
    append(&log, line(203));
    assert_eq!(run(folder.path(), &mut state).0, [203]);
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
    fs::write(&log, line(303) + &line(304)).unwrap();
    assert_eq!(run(folder.path(), &mut state).0, [303, 304], "of the same size");
}

#[test]
fn a_document_that_was_written_anew_is_read_from_its_start() {
    // Both begin with the same events, and the second is longer.
    let document = |count: usize| {
        let event = |at: usize| {
            let status = 200 + at;
            format!("{{\"timestamp\":{at},\"message\":\"{{\\\"status\\\":{status}}}\"}}")
        };
        let events: Vec<_> = (0..count).map(event).collect();
        format!("{{\"events\":[{}],\"nextForwardToken\":\"f/{count}\"}}\n", events.join(","))
    };
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("a.json");
    let mut state = ScanState::default();
    fs::write(&log, document(200)).unwrap();
    assert_eq!(run(folder.path(), &mut state).0.len(), 200);
    fs::write(&log, document(300)).unwrap();
    let (found, account) = run(folder.path(), &mut state);
    assert_eq!((found.len(), account.quarantined), (300, 0));
    assert_eq!(run(folder.path(), &mut state).1.total(), 0);
}

#[test]
fn a_copied_log_goes_on_where_it_was_read() {
    // As `copytruncate` of logrotate does it, without ids to tell events by.
    let folder = tempfile::tempdir().unwrap();
    let (log, copy) = (folder.path().join("a.log"), folder.path().join("a.log.1"));
    let lines = |from: u16, to: u16| -> String {
        (from..to)
            .map(|at| format!("{{\"status\":\"{at}\",\"path\":\"/{at}/{at}/{at}\"}}\n"))
            .collect()
    };
    let mut state = ScanState::default();
    append(&log, lines(200, 400));
    run(folder.path(), &mut state);
    append(&log, lines(400, 403));
    fs::copy(&log, &copy).unwrap();
    fs::write(&log, lines(500, 502)).unwrap();
    assert_eq!(run(folder.path(), &mut state).0, [500, 501, 400, 401, 402]);
    assert_eq!(run(folder.path(), &mut state).1.total(), 0);
    append(&log, lines(502, 900));
    assert_eq!(run(folder.path(), &mut state).0, (502..900).collect::<Vec<_>>());
}

#[test]
fn a_truncated_log_that_outgrew_itself_is_read_from_its_start() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("a.log");
    let mut state = ScanState::default();
    append(&log, line(200));
    run(folder.path(), &mut state);
    fs::write(&log, (300..310).map(line).collect::<String>()).unwrap();
    assert_eq!(run(folder.path(), &mut state).0, (300..310).collect::<Vec<_>>());
    // It begins as it did, but not up to where it was read.
    fs::write(&log, line(300) + &(400..420).map(line).collect::<String>()).unwrap();
    let (found, account) = run(folder.path(), &mut state);
    assert_eq!((found, account.duplicates), ((400..420).collect(), 1));
}
