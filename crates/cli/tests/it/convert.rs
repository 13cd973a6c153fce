//! `tollgate convert`, as a user runs it: from the top of the repository.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Output, Stdio};
use std::time::Instant;

use serde_json::Value;

use crate::support::{Folder, json, tollgate, top};

const LOGS: &str = "fixtures/github-proxy/logs";
const ACCOUNT: &str = "fixtures/github-proxy/tollgate.toml";

fn printing(arguments: &[&str]) -> Output {
    tollgate(arguments).output().unwrap()
}

#[track_caller]
fn printed(arguments: &[&str]) -> Value {
    json(&printing(arguments))
}

/// The report of some logs, with an account or without.
fn analyze(input: &str, account: &[&str]) -> Value {
    printed(&[&["analyze", "--format", "json", input], account].concat())
}

#[test]
fn the_table_is_analysed_as_the_log_was() {
    let folder = tempfile::tempdir().unwrap();
    let accounts: [&[&str]; 2] = [&["--account", ACCOUNT], &[]];
    let originals = accounts.map(|account| analyze(LOGS, account));
    for to in ["parquet", "arrow", "csv", "jsonl"] {
        let out = folder.path().join(to);
        let out = out.to_str().unwrap();
        let report = printed(&["convert", LOGS, "--to", to, "--out", out, "--format", "json"]);
        for (original, account) in originals.iter().zip(accounts) {
            for (what, lines) in report["lines"].as_object().unwrap() {
                assert_eq!(*lines, original["lines"][what], "{what} of {to}");
            }
            let table = analyze(out, account);
            // A table has a line for each row, and none that could not be read.
            let sections =
                original.as_object().unwrap().iter().filter(|(part, _)| *part != "lines");
            for (part, section) in sections {
                assert_eq!(table[part], *section, "{part} of {to}, {account:?}");
            }
            let records = &original["lines"]["records"];
            assert_eq!(table["lines"]["records"], *records, "rows of {to}");
        }
    }
}

#[test]
fn a_resumed_run_reads_nothing_twice() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state.json");
    let (state, out) = (state.to_str().unwrap(), folder.path().join("table"));
    let run = || {
        let out = out.to_str().unwrap();
        printed(&["convert", LOGS, "--state", state, "--out", out, "--format", "json"])
    };
    assert_ne!(run()["lines"]["total"], 0);
    let table = files(&out);
    assert_eq!(run()["lines"]["total"], 0);
    assert_eq!(files(&out), table, "what an earlier run wrote stays");
    let one = folder.path().join("table.parquet");
    let one = one.to_str().unwrap();
    let refused = printing(&["convert", LOGS, "--state", state, "--out", one]);
    assert_eq!(refused.status.code(), Some(2));
    let errors = String::from_utf8_lossy(&refused.stderr);
    assert!(errors.contains("give a folder, which gets new files"), "{errors}");
}

#[test]
fn nightly_runs_convert_what_one_run_converts() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (logs, state) = (path("logs"), path("state.json"));
    std::fs::create_dir(&logs).unwrap();
    let text = five_days(60);
    let mut lines: Vec<u64> = Vec::new();
    let mut nightly = || {
        let arguments =
            ["convert", &logs, "--state", &state, "--out", &path("nights"), "--format", "json"];
        lines.push(printed(&arguments)["lines"]["total"].as_u64().unwrap());
    };
    // Half a line is there in the first night, and its file is rotated after the second.
    let log = folder.path().join("logs/access.log");
    std::fs::write(&log, &text[..text.len() / 3]).unwrap();
    nightly();
    std::fs::write(&log, &text[..text.len() / 2]).unwrap();
    nightly();
    std::fs::write(&log, &text).unwrap();
    std::fs::rename(&log, folder.path().join("logs/access.log.1")).unwrap();
    std::fs::write(&log, five_days(7)).unwrap();
    nightly();
    nightly();
    // The same path, another file: what was converted of the first stays.
    std::fs::write(&log, five_days(3).replace("/", "/new")).unwrap();
    nightly();
    std::fs::write(&log, five_days(7) + &five_days(3).replace("/", "/new")).unwrap();
    printed(&["convert", &logs, "--out", &path("once"), "--format", "json"]);
    let count = |table: &str| analyze(&path(table), &[])["lines"]["records"].clone();
    assert_eq!((count("nights"), lines.iter().sum()), (70.into(), 70));
    assert_eq!(analyze(&path("nights"), &[])["usage"], analyze(&path("once"), &[])["usage"]);
    assert_eq!(lines[3..], [0, 3], "{lines:?}");
}

#[test]
fn a_state_that_is_damaged_is_said_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (state, out) = (folder.path().join("state.json"), folder.path().join("table"));
    std::fs::write(&state, "{\"version\":1,").unwrap();
    let (path, out) = (state.to_str().unwrap(), out.to_str().unwrap());
    let output = printing(&["convert", LOGS, "--state", path, "--out", out]);
    assert_eq!(output.status.code(), Some(2));
    let errors = String::from_utf8_lossy(&output.stderr);
    let errors = errors.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(errors.contains("expected the state of an earlier run"), "{errors}");
    assert!(!Path::new(out).exists(), "nothing was converted");
    assert_eq!(std::fs::read(&state).unwrap(), b"{\"version\":1,");
}

/// The files below a folder, with what is in them.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files.extend(self::files(&path)),
            // A temporary file may have been renamed meanwhile.
            false => files.extend(std::fs::read(&path).ok().map(|bytes| (path, bytes))),
        }
    }
    files
}

fn is_whole(path: &Path) -> bool {
    path.extension().is_none_or(|extension| extension != "tmp")
}

/// A log of five days.
fn five_days(lines: u64) -> String {
    let line = |at: u64| {
        let time = 1_763_700_000 + at % 5 * 86_400;
        format!("{{\"time\":\"{time}\",\"status\":\"200\",\"path\":\"/{at}\"}}\n")
    };
    (0..lines).map(line).collect()
}

fn start(arguments: &[&str]) -> Child {
    let mut command = tollgate(&[&["convert"], arguments].concat());
    command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap()
}

#[test]
fn a_run_that_is_killed_while_it_writes_leaves_no_half_file() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("table");
    let lines = five_days(40_000);
    let arguments = ["-", "--to", "csv", "--out", out.to_str().unwrap()];
    let mut killed = start(&arguments);
    let mut input = killed.stdin.take().unwrap();
    input.write_all(lines.as_bytes()).unwrap();
    while files(&out).len() < 5 {
        assert!(killed.try_wait().unwrap().is_none(), "it waits for more input");
        std::thread::yield_now();
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert!(!files(&out).keys().any(|path| is_whole(path)), "nothing has its name");
    // What it left is not read as a log, and the next run clears it away.
    assert_ne!(printing(&["analyze", out.to_str().unwrap()]).status.code(), Some(0));
    let mut first = None;
    for _ in 0..2 {
        let mut run = start(&arguments);
        run.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
        assert!(run.wait().unwrap().success());
        let found = files(&out);
        assert_eq!(found.len(), 5);
        assert!(found.keys().all(|path| is_whole(path)));
        assert_eq!(first.get_or_insert_with(|| found.clone()), &found, "again is the same");
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test is at the edge")]
fn a_run_that_is_killed_at_any_moment_leaves_only_what_a_whole_run_writes() {
    let folder = tempfile::tempdir().unwrap();
    let (log, out) = (folder.path().join("access.log"), folder.path().join("table"));
    std::fs::write(&log, five_days(8000)).unwrap();
    let arguments = [log.to_str().unwrap(), "--threads", "1", "--out", out.to_str().unwrap()];
    let began = Instant::now();
    assert!(start(&arguments).wait().unwrap().success());
    let took = began.elapsed();
    let whole = files(&out);
    assert_eq!(whole.len(), 5);
    // More of the moments lie at the end, where files get their names.
    for percent in [10, 40, 70, 80, 85, 90, 95, 100] {
        std::fs::remove_dir_all(&out).unwrap();
        let mut killed = start(&arguments);
        std::thread::sleep(took * percent / 100);
        killed.kill().unwrap();
        killed.wait().unwrap();
        for (path, bytes) in files(&out).iter().filter(|(path, _)| is_whole(path)) {
            assert_eq!(whole.get(path), Some(bytes), "{} after {percent} %", path.display());
        }
        assert!(start(&arguments).wait().unwrap().success());
        assert_eq!(files(&out), whole, "after a run that was killed after {percent} %");
    }
}

#[test]
fn strict_fails_above_its_percentage() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("calls.csv");
    let code = |strict: &str| {
        let out = out.to_str().unwrap();
        let output = printing(&["convert", strict, LOGS, "--to", "csv", "--out", out]);
        output.status.code()
    };
    assert_eq!(code("--strict"), Some(2));
    assert_eq!(code("--strict=50"), Some(0));
}

#[test]
fn a_wrong_log_format_is_said() {
    let format = "$context.httpMethod$context.path";
    let output = printing(&["convert", LOGS, "--out", "/nowhere", "--log-format", format]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2));
    assert!(errors.contains("expected text between `$context.httpMethod`"), "{errors}");
}

/// API Gateway logs `-` for them, so that they do no harm.
#[test]
fn variables_that_api_gateway_does_not_have_are_said() {
    let folder = Folder::new();
    let log = folder.write("access.log", "GET - - - 200\n");
    let format = "$context.httpMethod $context.identity.userAnr $context.foo $context.authorizer.foo \
                  $context.status";
    let manifest = format!(
        "account = \"123456789012\"\nregion = \"r\"\n[[log.format]]\ntemplate = \"{format}\"\n"
    );
    let account = folder.write("tollgate.toml", &manifest);
    for told in [["--log-format", format], ["--account", &account]] {
        let output = printing(&[&["analyze", &log], &told[..]].concat());
        assert_eq!(output.status.code(), Some(0), "{told:?}");
        let said = "API Gateway has no variable `$context.foo` for log formats\n\
                    API Gateway has no variable `$context.identity.userAnr` for log formats: did you mean \
                    `$context.identity.userArn`?\n";
        assert_eq!(String::from_utf8_lossy(&output.stderr), said);
    }
}

#[test]
fn what_an_input_was_taken_for_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("table");
    let log = "fixtures/logs/tail-detailed-clf.txt";
    let output = printing(&["convert", "--verbose", log, "--out", out.to_str().unwrap()]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("stamped-with-stream › access, 11 variables"), "{errors}");
}

#[test]
fn what_flags_tell_is_not_sniffed() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("table.csv");
    let out = out.to_str().unwrap();
    let lines = |flags: &[&str]| {
        let convert = ["convert", "--to", "csv", "--out", out, "--format", "json"];
        let lines = printed(&[&convert, flags].concat())["lines"].clone();
        ["parsed", "quarantined", "duplicates"].map(|what| lines[what].as_u64().unwrap())
    };
    let (export, execution) = ("fixtures/logs/s3-export-access.txt", "fixtures/logs/execution.txt");
    assert_eq!(lines(&[export]), [3, 0, 0]);
    assert_eq!(lines(&["--envelope", "lines", export]), [0, 3, 0], "a stamp is no JSON");
    assert_eq!(lines(&[execution]), [27, 0, 0]);
    assert_eq!(lines(&["--log-kind", "access", execution]), [0, 27, 0]);
    assert_eq!(lines(&[export, export]), [3, 0, 0], "one file, named twice");
    let copy = folder.path().join("copy.txt");
    std::fs::copy(top().join(export), &copy).unwrap();
    let copy = copy.to_str().unwrap();
    assert_eq!(lines(&[export, copy]), [6, 0, 0]);
    assert_eq!(lines(&["--dedup", export, copy]), [6, 0, 3]);
}

/// What `[log]` of a manifest tells, beside logs that need it.
const TOLD: &str = "fixtures/told";

#[test]
fn a_manifest_tells_what_logs_cannot() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("table.jsonl");
    let manifest = format!("{TOLD}/tollgate.toml");
    let logs = [
        format!("{TOLD}/legacy/access.txt"),
        format!("{TOLD}/orders.jsonl"),
        format!("{TOLD}/own-names.jsonl"),
    ];
    let convert = ["convert", "--to", "jsonl", "--account", &manifest, "--out"];
    let logs = logs.iter().map(String::as_str);
    let report = printing(
        &convert.into_iter().chain([out.to_str().unwrap()]).chain(logs).collect::<Vec<_>>(),
    );
    assert_eq!(report.status.code(), Some(0), "{}", String::from_utf8_lossy(&report.stderr));
    insta::assert_snapshot!(std::fs::read_to_string(&out).unwrap());
}

#[test]
fn a_manifest_whose_log_is_wrong_is_refused_with_the_places() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = folder.path().join("tollgate.toml");
    let text = "account = \"111122223333\"\nregion = \"eu-west-1\"\n[log]\n\
                names = { who = \"$context.identity.userAnr\", ms = \"latenzy\" }\n\
                [[log.format]]\ntemplate = \"no variable\"\n\
                [[log.format]]\npaths = \"logs\"\n\
                [[log.format]]\nfrom = \"stage.json\"\n";
    std::fs::write(&manifest, text).unwrap();
    let manifest = manifest.to_str().unwrap();
    let output = printing(&["convert", "--account", manifest, "--out", "never", LOGS]);
    assert_eq!(output.status.code(), Some(2));
    let errors =
        String::from_utf8_lossy(&output.stderr).replace(folder.path().to_str().unwrap(), "");
    insta::assert_snapshot!(errors);
}
