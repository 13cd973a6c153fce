//! What `convert` writes, read back, is what was converted.
#![expect(clippy::unwrap_used, reason = "a test may stop")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{logs, overrides, scan_file};
use tollgate_log::{
    Converted, Destination, Input, Output, Overrides, Projection, ScanOptions, convert,
};

fn convert_file(log: &Path, output: Output, destination: &Destination) -> Converted {
    let options = ScanOptions { overrides: overrides(log), ..ScanOptions::new(Projection::all()) };
    convert(&[Input::File(log.to_owned())], output, destination, &options).unwrap()
}

/// Every file below a folder, with what is in it.
fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files.extend(contents(&path)),
            false => files.push((path.clone(), fs::read(&path).unwrap())),
        }
    }
    files.sort();
    files
}

#[test]
fn each_output_reads_back_as_it_was() {
    let temporary = tempfile::tempdir().unwrap();
    for log in logs() {
        let (scanned, rows) = scan_file(&log, overrides(&log), 512 << 10);
        for output in Output::ALL {
            let path = temporary.path().join(format!("table.{}", output.extension()));
            let converted = convert_file(&log, output, &Destination::File(path.clone()));
            assert_eq!(converted.account, scanned.account, "{}", log.display());
            let (_, found) = scan_file(&path, Overrides::default(), 512 << 10);
            assert_eq!(found, rows, "{} as {output:?}", log.display());
        }
    }
}

#[test]
fn partitions_hold_every_row_once() {
    for log in logs() {
        let temporary = tempfile::tempdir().unwrap();
        let (_, rows) = scan_file(&log, overrides(&log), 512 << 10);
        let destination = Destination::Folder(temporary.path().to_owned());
        let converted = convert_file(&log, Output::Parquet, &destination);
        let mut found = String::new();
        for file in &converted.files {
            found += &scan_file(&file.path, Overrides::default(), 512 << 10).1;
        }
        let sorted = |rows: &str| {
            let mut lines: Vec<_> = rows.lines().map(str::to_owned).collect();
            lines.sort();
            lines
        };
        assert_eq!(sorted(&found), sorted(&rows), "{}", log.display());
    }
}

#[test]
fn converting_again_changes_nothing() {
    let temporary = tempfile::tempdir().unwrap();
    let destination = Destination::Folder(temporary.path().to_owned());
    for log in logs() {
        convert_file(&log, Output::Parquet, &destination);
    }
    let first = contents(temporary.path());
    assert!(first.iter().all(|(path, _)| path.extension().is_some_and(|e| e == "parquet")));
    for log in logs() {
        convert_file(&log, Output::Parquet, &destination);
    }
    assert_eq!(contents(temporary.path()), first);
}

#[test]
fn what_is_no_longer_there_is_removed() {
    let temporary = tempfile::tempdir().unwrap();
    let log = temporary.path().join("access.log");
    let out = temporary.path().join("table");
    let destination = Destination::Folder(out.clone());
    fs::write(&log, "{\"status\":\"200\",\"time\":\"1763700000\"}\n").unwrap();
    convert_file(&log, Output::Parquet, &destination);
    fs::write(&log, "{\"status\":\"200\",\"time\":\"1763800000\"}\n").unwrap();
    convert_file(&log, Output::Parquet, &destination);
    let files = contents(&out);
    assert_eq!(files.len(), 1);
    assert!(files[0].0.to_string_lossy().contains("date=2025-11-22"));
}

#[test]
fn there_may_be_more_partitions_than_open_files() {
    let temporary = tempfile::tempdir().unwrap();
    let log = temporary.path().join("access.log");
    // Each day comes again after its file had to be closed for those of other days.
    let days = (0..200).chain(0..200).map(|day| 1_763_700_000 + day * 86_400);
    // And more than is looked at before decoding, which is one block.
    let path = "x".repeat(600);
    let line = |time| format!("{{\"status\":\"200\",\"time\":\"{time}\",\"path\":\"/{path}\"}}");
    let lines: Vec<_> = days.map(line).collect();
    fs::write(&log, lines.join("\n")).unwrap();
    let out = temporary.path().join("table");
    let destination = Destination::Folder(out.clone());
    let options =
        ScanOptions { block_bytes: 400, threads: 1, ..ScanOptions::new(Projection::all()) };
    let run = || convert(&[Input::File(log.clone())], Output::Csv, &destination, &options).unwrap();
    let converted = run();
    assert_eq!(converted.files.len(), 400, "two files a day");
    assert_eq!(converted.files.iter().map(|file| file.rows).sum::<u64>(), 400);
    let first = contents(&out);
    assert_eq!(first.len(), 400, "no temporary file is left");
    run();
    assert_eq!(contents(&out), first);
    fs::write(&log, lines[..3].join("\n")).unwrap();
    run();
    assert_eq!(contents(&out).len(), 3, "what there is no more of is gone");
}

#[test]
fn a_failed_conversion_leaves_nothing() {
    let temporary = tempfile::tempdir().unwrap();
    let log = temporary.path().join("access.log");
    fs::write(&log, "{\"status\":\"200\"}\n").unwrap();
    let out = temporary.path().join("table");
    fs::write(&out, "in the way").unwrap();
    let options = ScanOptions::new(Projection::all());
    let destination = Destination::Folder(out.clone());
    let error = convert(&[Input::File(log)], Output::Csv, &destination, &options).unwrap_err();
    assert!(error.to_string().starts_with("cannot write `"), "{error}");
    assert_eq!(fs::read(&out).unwrap(), b"in the way");
}
