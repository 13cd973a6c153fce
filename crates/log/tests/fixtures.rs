//! Every log under `fixtures/logs` decodes to the table beside it, in every
//! container and in any chunks.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]

mod common;

use std::fmt::Write as _;
use std::io::Write as _;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use common::{folder, logs, overrides, scan_file, table};
use tollgate_log::{
    ApiStage, Decoder, Field, Input, InputPattern, LineAccount, LogFormat, NameMap, Overrides,
    Plan, Projection, ScanOptions, Scanned, Template, scan,
};

fn account(account: &LineAccount) -> String {
    let LineAccount { parsed, recovered, quarantined, control, blank, .. } = account;
    let LineAccount { records, suspect, incomplete, duplicates, unreadable_values, .. } = account;
    format!(
        "{} lines = {parsed} parsed + {recovered} recovered + {quarantined} quarantined + \
         {control} control + {blank} blank\n{records} records, {suspect} suspect, \
         {incomplete} incomplete, {duplicates} duplicates, {unreadable_values} unreadable values\n",
        account.total()
    )
}

/// All that was found, as text.
fn report(scanned: &Scanned<()>, rows: &str) -> String {
    let mut text = format!("{}\n{}", scanned.sources[0].description(), account(&scanned.account));
    for line in scanned.quarantine.samples() {
        writeln!(text, "! {}: {}: {}", line.offset, line.reason, line.sample).unwrap();
    }
    text + rows
}

#[test]
fn each_log_decodes_to_its_table() {
    for log in logs() {
        let (scanned, rows) = scan_file(&log, overrides(&log), 512 << 10);
        let name = log.file_name().unwrap().to_string_lossy().into_owned();
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(folder().join("expected"));
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!(name, report(&scanned, &rows)));
    }
}

#[test]
fn the_container_makes_no_difference() {
    let temporary = tempfile::tempdir().unwrap();
    for log in logs() {
        let bytes = std::fs::read(&log).unwrap();
        let (plain, rows) = scan_file(&log, overrides(&log), 512 << 10);
        let (head, tail) = bytes.split_at(bytes.len() / 2);
        let packings = [
            ("gzip", gzip(&bytes)),
            ("gzip of two members", [gzip(head), gzip(tail)].concat()),
            ("gzip in gzip", gzip(&gzip(&bytes))),
            ("gzip of gzip members", gzip(&[gzip(head), gzip(tail)].concat())),
            ("members of gzip in gzip", [gzip(&gzip(head)), gzip(&gzip(tail))].concat()),
            ("zstd", zstd(&bytes)),
            ("zstd of two frames", [zstd(head), zstd(tail)].concat()),
            ("base64 of gzip", base64(&gzip(&bytes))),
            ("base64, a line a member", [base64(&gzip(head)), base64(&gzip(tail))].concat()),
            ("gzip of base64 of gzip", gzip(&base64(&gzip(&bytes)))),
        ];
        for (packing, packed) in packings {
            let path = temporary.path().join("packed");
            std::fs::write(&path, packed).unwrap();
            let (scanned, found) = scan_file(&path, overrides(&log), 512 << 10);
            assert_eq!(found, rows, "{packing} of {}", log.display());
            assert_eq!(scanned.account, plain.account, "{packing} of {}", log.display());
        }
    }
}

#[test]
fn chunks_make_no_difference() {
    for log in logs() {
        let bytes = std::fs::read(&log).unwrap();
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
        let (plain, rows) = scan_file(&log, overrides(&log), 512 << 10);
        for chunk in [1, 13, bytes.len()] {
            let plan = Plan::sniff(bytes, true, &NameMap::default(), &overrides(&log));
            let mut decoder = Decoder::new("log", Projection::all()).planned(&plan);
            let mut found = String::new();
            for part in bytes.chunks(chunk) {
                decoder.push(part).iter().for_each(|batch| found += &table(batch));
            }
            decoder.finish().iter().for_each(|batch| found += &table(batch));
            assert_eq!(found, rows, "{} in chunks of {chunk}", log.display());
            assert_eq!(decoder.account(), plain.account, "{}", log.display());
        }
    }
}

#[test]
fn a_projection_leaves_the_account_alone() {
    for log in logs() {
        let (plain, _) = scan_file(&log, overrides(&log), 512 << 10);
        let options =
            ScanOptions { overrides: overrides(&log), ..ScanOptions::new(Projection::NONE) };
        let scanned = scan(&[Input::File(log.clone())], &options, || (), |(), _| ());
        let expected = LineAccount { unreadable_values: 0, ..plain.account };
        let account = LineAccount { unreadable_values: 0, ..scanned.account };
        assert_eq!(account, expected, "{}", log.display());
    }
}

#[test]
fn what_is_told_in_advance_holds_whatever_is_asked_for() {
    let told = folder().join("../told");
    let names = NameMap::default();
    let stage = std::fs::read_to_string(told.join("stage.json")).unwrap();
    let api_stage = ApiStage { api: Some("orders5678".to_owned()), stage: None };
    let format = LogFormat {
        templates: Template::find(&stage, &names).unwrap(),
        api_stage,
        ..LogFormat::default()
    };
    for projection in [Projection::all(), Projection::of([Field::ApiId, Field::Status])] {
        let options = ScanOptions { formats: vec![format.clone()], ..ScanOptions::new(projection) };
        let input = [Input::File(told.join("orders.jsonl"))];
        let scanned = scan(&input, &options, Vec::new, |found, batch| {
            let (apis, statuses) = (batch.text(Field::ApiId), batch.statuses(Field::Status));
            let both = apis.unwrap().iter().zip(statuses.unwrap());
            found.extend(both.map(|(api, status)| (api.unwrap().to_owned(), status.unwrap())));
        });
        let found = scanned.accumulators.concat();
        assert_eq!(found, [200, 404, 500].map(|status| ("orders5678".to_owned(), status)));
    }
}

#[test]
fn what_was_sniffed_may_as_well_be_told() {
    for log in logs() {
        let (sniffed, rows) = scan_file(&log, overrides(&log), 512 << 10);
        let plan = sniffed.sources[0].plan.clone().unwrap();
        let told = Overrides {
            envelope: Some(plan.envelope),
            format: Some(plan.format),
            ..overrides(&log)
        };
        let (scanned, found) = scan_file(&log, told, 512 << 10);
        assert_eq!((scanned.account, found), (sniffed.account, rows), "{}", log.display());
    }
}

#[test]
fn a_folder_that_an_export_task_wrote_is_one_log() {
    let temporary = tempfile::tempdir().unwrap();
    let task = temporary.path().join("exported/0b1c2d3e-task");
    for (stream, log) in [("[$LATEST]a1", "s3-export-access.txt"), ("b2", "s3-export-clf.txt")] {
        let bytes = std::fs::read(folder().join(log)).unwrap();
        std::fs::create_dir_all(task.join(stream)).unwrap();
        std::fs::write(task.join(stream).join("000000.gz"), gzip(&bytes)).unwrap();
    }
    let test = folder().join("aws-logs-write-test");
    std::fs::copy(test, temporary.path().join("exported/aws-logs-write-test")).unwrap();
    let inputs = Input::expand(temporary.path().to_str().unwrap()).unwrap();
    let options = ScanOptions::new(Projection::of([Field::Status]));
    let scanned = scan(&inputs, &options, || (), |(), _| ());
    let expected = LineAccount { parsed: 6, control: 1, records: 6, ..LineAccount::default() };
    assert_eq!(scanned.account, expected);
}

#[test]
fn an_input_pattern_names_files_and_what_is_below_folders() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("account");
    for path in ["account/a.log", "account/old/deep/b.log", "other/c.log"] {
        let path = temporary.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "").unwrap();
    }
    let check = |pattern: &str, expected: [bool; 3]| {
        let pattern = InputPattern::new(&folder, pattern).unwrap();
        let files = ["account/a.log", "account/old/deep/b.log", "other/c.log"];
        let found = files.map(|file| pattern.matches(&Input::File(temporary.path().join(file))));
        assert_eq!(found, expected, "{pattern:?}");
    };
    check("a.log", [true, false, false]);
    check("./old/", [false, true, false]);
    check("old/*/b.*", [false, true, false]);
    check("*.log", [true, false, false]);
    check("**/*.log", [true, true, false]);
    check("../other", [false, false, true]);
    check(&temporary.path().canonicalize().unwrap().to_string_lossy(), [true, true, true]);
    assert!(!InputPattern::new(&folder, "*").unwrap().matches(&Input::Stdin));
    assert!(InputPattern::new(&folder, "[").is_err());
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

fn base64(bytes: &[u8]) -> Vec<u8> {
    (STANDARD.encode(bytes) + "\n").into_bytes()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
