//! Files as users have them: with marks, in other codes, with holes, packed by other means.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]

use std::fs;
use std::io::Write;
use std::path::Path;

use tollgate_log::{Field, Input, Projection, ScanOptions, Scanned, scan};

fn line(status: u16) -> String {
    format!("{{\"extendedRequestId\":\"ext-{status}\",\"status\":\"{status}\"}}")
}

fn lines() -> String {
    (200..203).map(|status| line(status) + "\n").collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn read(inputs: &[Input]) -> (Vec<u16>, Scanned<Vec<u16>>) {
    let options = ScanOptions { threads: 1, ..ScanOptions::new(Projection::of([Field::Status])) };
    let scanned = scan(inputs, &options, Vec::new, |found, batch| {
        found.extend(batch.statuses(Field::Status).unwrap().values().iter().copied());
    });
    (scanned.accumulators.concat(), scanned)
}

/// A file of that name is taken for `description`, and holds the requests 200, 201 and 202. The
/// account is of parsed, recovered, quarantined and blank lines.
#[track_caller]
fn check(name: &str, bytes: impl AsRef<[u8]>, description: &str, account: [u64; 4]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    let (statuses, scanned) = read(&[Input::File(path)]);
    assert_eq!(statuses, [200, 201, 202], "{name}");
    assert_eq!(scanned.sources[0].description(), description, "{name}");
    let found = scanned.account;
    let found = [found.parsed, found.recovered, found.quarantined, found.blank];
    assert_eq!(found, account, "{name}");
}

#[test]
fn names_and_marks_tell_nothing() {
    let text = lines();
    let plain = "lines › access, 2 variables";
    check("plain.gz", &text, plain, [3, 0, 0, 0]);
    check("gzip.jsonl", gzip(text.as_bytes()), &format!("gzip › {plain}"), [3, 0, 0, 0]);
    check("marked.jsonl", format!("\u{feff}{text}"), plain, [3, 0, 0, 0]);
    check("dos.jsonl", text.replace('\n', "\r\n"), plain, [3, 0, 0, 0]);
    let utf16 = |order: fn(u16) -> [u8; 2]| -> Vec<u8> {
        format!("\u{feff}{text}").encode_utf16().flat_map(order).collect()
    };
    check("powershell.txt", utf16(u16::to_le_bytes), &format!("utf-16 › {plain}"), [3, 0, 0, 0]);
    check("big.txt", utf16(u16::to_be_bytes), &format!("utf-16 › {plain}"), [3, 0, 0, 0]);
}

#[test]
fn a_log_that_was_truncated_while_it_was_written_begins_with_a_hole() {
    let hole = |text: &str| format!("{}{text}", "\0".repeat(5000));
    let plain = "lines › access, 2 variables";
    check("hole.log", hole(&lines()), plain, [2, 1, 0, 0]);
    let rest = format!("{}\n{}\n", line(201), line(202));
    let holes = format!("{}\n{}{}", hole(&line(200)), hole("\n"), hole(&rest));
    check("holes.log", holes, plain, [1, 2, 0, 1]);
}

#[test]
fn an_array_may_hold_messages_or_what_they_say() {
    let objects = [line(200), line(201), line(202)];
    let documents = "documents › access, 2 variables";
    check("slurped.json", format!("[{}]", objects.join(",\n")), documents, [3, 0, 0, 0]);
    let pretty = objects.join(",\n").replace(',', ",\n    ");
    check("pretty.json", format!("[\n  {pretty}\n]\n"), documents, [3, 0, 0, 0]);
    let messages = objects.map(|object| format!("{object:?}"));
    check("messages.json", format!("[{}]", messages.join(", ")), documents, [3, 0, 0, 0]);
}

/// A file cannot be read, and why.
#[track_caller]
fn refuse(bytes: &[u8], reason: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.log");
    fs::write(&path, bytes).unwrap();
    let (_, scanned) = read(&[Input::File(path)]);
    let expected = format!(
        "the rest of the input cannot be read: it is {reason}, expected plain text, gzip or \
         Zstandard"
    );
    let found: Vec<_> = scanned.quarantine.samples().iter().map(|line| &*line.reason).collect();
    assert_eq!((found, scanned.account.total()), (vec![&*expected], 1));
    assert_eq!(scanned.sources[0].description(), "unreadable");
}

#[test]
fn what_is_packed_by_other_means_is_called_by_its_name() {
    refuse(b"PK\x03\x04\x14\0", "a zip archive");
    refuse(b"BZh91AY&SY", "packed with bzip2");
    refuse(b"\xfd7zXZ\0\0\x04", "packed with xz");
    refuse(b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive");
    refuse(b"\x04\x22\x4d\x18", "packed with lz4");
    let mut tar = vec![b'x'; 257];
    tar.extend(b"ustar\x0000");
    refuse(&tar, "a tar archive");
    refuse(&gzip(&tar), "a tar archive");
}

#[test]
fn a_folder_is_read_whatever_lies_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("a.log"), lines()).unwrap();
    fs::write(path("README.md"), "# Logs\n\nof the gateway\n").unwrap();
    fs::create_dir(path("x.log")).unwrap();
    link(Path::new(".."), &path("x.log/loop"));
    link(Path::new("nowhere"), &path("gone.log"));
    let inputs = Input::expand(folder.path().to_str().unwrap()).unwrap();
    let (statuses, scanned) = read(&inputs);
    assert_eq!(statuses, [200, 201, 202]);
    let reasons: Vec<_> = scanned.quarantine.samples().iter().map(|line| &*line.reason).collect();
    assert_eq!(
        reasons,
        [
            "expected a JSON object: expected value at column 1",
            "expected a JSON object: expected value at column 1",
            "the rest of the input cannot be read: No such file or directory (os error 2)",
        ]
    );
}

#[test]
fn a_file_of_several_names_is_one_input() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("a.log"), lines()).unwrap();
    fs::write(path("b.log"), lines()).unwrap();
    link(Path::new("a.log"), &path("current.log"));
    fs::hard_link(path("b.log"), path("same.log")).unwrap();
    let dotted = folder.path().join(".").join("a.log");
    let all = ["a.log", "b.log", "current.log", "same.log"].map(path).into_iter().chain([dotted]);
    let mut inputs = all.map(Input::File).collect();
    let again = Input::keep_distinct(&mut inputs);
    assert_eq!(inputs, [Input::File(path("a.log")), Input::File(path("b.log"))]);
    let firsts: Vec<_> = again.iter().map(|(_, first)| first.rsplit('/').next()).collect();
    assert_eq!(firsts, [Some("a.log"), Some("b.log"), Some("a.log")]);
}

#[test]
fn a_pipe_is_read_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    for state in [None, Some(std::sync::Arc::default())] {
        let options = ScanOptions { state, ..ScanOptions::new(Projection::of([Field::Status])) };
        let writer = std::thread::spawn({
            let path = path.clone();
            move || fs::write(path, lines()).unwrap()
        });
        let scanned = scan(&[Input::File(path.clone())], &options, || (), |(), _| ());
        writer.join().unwrap();
        assert_eq!((scanned.account.parsed, scanned.account.total()), (3, 3));
    }
}

#[test]
fn a_file_that_shrinks_while_it_is_read_is_said_to() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let count = 10_000;
    fs::write(file.path(), (line(200) + "\n").repeat(count)).unwrap();
    let options = ScanOptions {
        threads: 1,
        block_bytes: 1 << 10,
        ..ScanOptions::new(Projection::of([Field::Status]))
    };
    let input = [Input::File(file.path().to_owned())];
    let scanned = scan(&input, &options, || (), |(), _| fs::write(file.path(), "").unwrap());
    assert!((1..count as u64).contains(&scanned.account.parsed));
    let last = scanned.quarantine.samples().last().map(|line| line.reason.as_str());
    let expected = "the rest of the input cannot be read: it became shorter while it was read";
    assert_eq!(last, Some(expected));
}

fn link(to: &Path, from: &Path) {
    std::os::unix::fs::symlink(to, from).unwrap();
}
