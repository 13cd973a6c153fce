//! `tollgate merge`: which files it reads.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::{Value, json as value};

use crate::analyze::check_schema;
use crate::support::{json, run, stdout, tollgate, top};

const LOGS: [&str; 2] = [
    "fixtures/github-proxy/logs/2026-03-10.jsonl.gz",
    "fixtures/github-proxy/logs/2026-03-11-night.jsonl.gz",
];

/// What is said of what several runs read.
const READ_AGAIN: &str = "of the merged runs read 1,";

const FORMATS: [&[&str]; 5] = [
    &["--format", "text"],
    &["--format", "json"],
    &["--format", "markdown"],
    &["--format", "html"],
    &["--format", "csv", "--table", "about"],
];

/// A folder with the partial reports `0.json` and `1.json`.
fn partials() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (place, log) in LOGS.iter().enumerate() {
        let path = folder.path().join(format!("{place}.json"));
        let arguments = ["analyze", "--partial", path.to_str().unwrap(), log];
        stdout(&tollgate(&arguments).output().unwrap());
    }
    folder
}

fn merge(folder: &tempfile::TempDir, arguments: &[&str]) -> Output {
    tollgate(&[&["merge"], arguments].concat()).current_dir(folder).output().unwrap()
}

/// What two runs gathered is the report of one run over both of their logs.
#[test]
fn the_readme_shows_what_merged_runs_tell() {
    let analyzed = |arguments: &[&str]| stdout(&tollgate(arguments).output().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let [tuesday, wednesday] =
        ["tuesday.json", "wednesday.json"].map(|it| folder.path().join(it).display().to_string());
    let account = ["--account", "fixtures/github-proxy/tollgate.toml"];
    let second = ["fixtures/github-proxy/logs/2026-03-11.jsonl", LOGS[1]];
    for (partial, logs) in [(&tuesday, &LOGS[..1]), (&wednesday, &second)] {
        analyzed(&[&["analyze"], &account[..], &["--partial", partial], logs].concat());
    }
    let merged = analyzed(&[&["merge"], &account[..], &[&tuesday, &wednesday]].concat());
    let logs = ["fixtures/github-proxy/logs"];
    assert_eq!(merged, analyzed(&[&["analyze"], &account[..], &logs].concat()));
    let readme = fs::read_to_string(top().join("README.md")).unwrap();
    let (_, shown) =
        readme.split_once("<!-- how the output of tollgate merge begins -->\n").unwrap();
    let shown = shown.split("```").nth(1).unwrap().trim_start_matches("text\n");
    assert!(merged.starts_with(shown), "README.md does not show this:\n{merged}");
}

#[test]
fn partial_reports_are_found_as_logs_are() {
    let folder = partials();
    let named = stdout(&merge(&folder, &["0.json", "1.json"]));
    assert_eq!(named, stdout(&tollgate(&[&["analyze"], &LOGS[..]].concat()).output().unwrap()));
    for pattern in ["*.json", "[01].json", "{0,1}.json", "."] {
        assert_eq!(stdout(&merge(&folder, &[pattern])), named, "{pattern}");
    }
    let first = fs::read(folder.path().join("0.json")).unwrap();
    let mut piped = tollgate(&["merge", "-", "1.json"]);
    assert_eq!(stdout(&run(piped.current_dir(&folder), &first)), named);
}

#[test]
fn a_copy_of_a_partial_report_counts_once() {
    let folder = partials();
    let once = merge(&folder, &["0.json", "1.json"]);
    // Written anew, as `jq` does.
    let copied = fs::read(folder.path().join("0.json")).unwrap();
    let copied: serde_json::Value = serde_json::from_slice(&copied).unwrap();
    fs::write(folder.path().join("2.json"), format!("{copied:#}\n")).unwrap();
    let twice = merge(&folder, &["0.json", "1.json", "2.json"]);
    let said = "A copy of another partial report counts once: `2.json` of `0.json`.";
    assert_eq!(stdout(&twice).replace(&format!("  {said}\n"), ""), stdout(&once));
    assert_eq!(String::from_utf8_lossy(&twice.stderr), format!("{said}\n"));
    for format in FORMATS {
        let report = stdout(&merge(&folder, &[&["*.json"], format].concat()));
        assert!(report.contains(said), "{format:?}");
    }
}

#[test]
fn a_partial_report_that_is_named_twice_counts_once() {
    let folder = partials();
    let once = merge(&folder, &["0.json", "1.json"]);
    let twice = merge(&folder, &["*.json", "0.json"]);
    assert_eq!(stdout(&twice), stdout(&once));
    let said = String::from_utf8_lossy(&twice.stderr);
    assert_eq!(said, "`0.json` is the same file as `0.json`, and was read once\n");
}

#[test]
fn what_is_not_there_is_refused() {
    let folder = partials();
    for (argument, message) in
        [("*.jsonl", "expected files in `*.jsonl`, found none"), ("2.json", "cannot read `2.json`")]
    {
        let output = merge(&folder, &[argument]);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{errors}");
        assert!(errors.contains(message), "{errors}");
    }
}

#[test]
fn what_is_no_partial_report_is_refused() {
    for log in LOGS.iter().chain(&["fixtures/github-proxy/logs/2026-03-11.jsonl"]) {
        let output = tollgate(&["merge", log]).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap().replace("\n  │ ", " ");
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{said}");
        let expected = "expected a partial report of `tollgate analyze`";
        assert!(said.contains(&format!("{log}: {expected}")), "{said}");
        assert!(said.contains("`tollgate analyze --partial FILE` writes one"), "{said}");
    }
}

#[test]
fn what_was_gathered_otherwise_is_said() {
    let folder = partials();
    let account = ["--account", "fixtures/github-proxy/tollgate.toml"];
    let filter = ["--filter", "status = 200"];
    for (name, options) in [("2.json", &account[..]), ("3.json", &filter[..])] {
        let path = folder.path().join(name);
        let path = path.to_str().unwrap();
        let arguments = [&["analyze", "--partial", path], options, &LOGS[..1]].concat();
        stdout(&tollgate(&arguments).output().unwrap());
    }
    let check = |arguments: &[&str], expected: &[&str]| {
        let output = merge(&folder, arguments);
        assert_eq!(output.status.code(), Some(0));
        let errors = String::from_utf8(output.stderr).unwrap();
        let said = errors.lines().filter(|line| !line.contains(READ_AGAIN)).collect::<Vec<_>>();
        assert_eq!(said, expected);
    };
    let differs = |options: &str| {
        format!(
            "What the merged runs were asked differs in {options}: what depends on that is not of the \
             same in all of them."
        )
    };
    let account = number_of_account(&folder);
    let with_account = format!("`2.json`: asked `{account}`.");
    check(&["0.json", "1.json"], &[]);
    let nothing = "`0.json`: asked none of these.";
    check(&["0.json", "2.json"], &[&differs("`--account`"), nothing, &with_account]);
    let with_filter = "`3.json`: asked `--filter status = 200`.";
    let both = differs("`--account`, `--filter`");
    check(&["2.json", "3.json"], &[&both, &with_account, with_filter]);
    // Usage is compared, and what was decided is not; but accounts name routes.
    let named = "What is compared with was gathered with another `--account`: it may name callers and \
                 routes otherwise.";
    check(&["0.json", "--compare", "2.json"], &[named]);
    let compared =
        "What is compared with was gathered with another `--filter`: `status = 200`, here none.";
    check(&["0.json", "--compare", "3.json"], &[compared]);
    let path = folder.path().join("3.json");
    for format in FORMATS {
        let arguments =
            [&["analyze", "--compare", path.to_str().unwrap(), LOGS[0]], format].concat();
        let output = tollgate(&arguments).output().unwrap();
        assert!(String::from_utf8_lossy(&output.stderr).contains(compared), "{format:?}");
        assert!(stdout(&output).contains(compared), "{format:?}");
    }
}

/// How the account of `2.json` is told from others.
fn number_of_account(folder: &tempfile::TempDir) -> String {
    let errors = String::from_utf8(merge(folder, &["0.json", "2.json"]).stderr).unwrap();
    let (_, named) = errors.split_once("asked `--account number ").unwrap();
    let (number, _) = named.split_once('`').unwrap();
    assert!(number.len() == 8 && number.bytes().all(|byte| byte.is_ascii_hexdigit()));
    format!("--account number {number}")
}

/// Days of one log are gathered from all of it.
#[test]
fn the_report_says_that_runs_read_the_same_file() {
    let folder = tempfile::tempdir().unwrap();
    let days = [
        ["--since", "2026-03-10", "--until", "2026-03-11"],
        ["--since", "2026-03-11", "--until", "2026-03-12"],
    ];
    for (place, day) in days.iter().enumerate() {
        let path = folder.path().join(format!("{place}.json"));
        let arguments = ["analyze", LOGS[0], "--partial", path.to_str().unwrap()];
        tollgate(&[&arguments[..], day].concat()).output().unwrap();
    }
    for format in FORMATS {
        let output = merge(&folder, &[&["."], format].concat());
        assert!(String::from_utf8_lossy(&output.stderr).contains(READ_AGAIN), "{format:?}");
        let report = stdout(&output);
        assert!(report.contains(READ_AGAIN), "{format:?}");
        assert!(!report.contains("were asked differs"), "{format:?}");
    }
}

/// What is said on standard error alone is not in what others get.
#[test]
fn the_report_says_that_runs_were_asked_differently() {
    let folder = partials();
    for (name, options) in
        [("2.json", ["--filter", "status = 200"]), ("3.json", ["--since", "2026-03-11"])]
    {
        let path = folder.path().join(name);
        let arguments = [&["analyze", "--partial", path.to_str().unwrap()], &options[..], &LOGS];
        stdout(&tollgate(&arguments.concat()).output().unwrap());
    }
    for format in FORMATS {
        let check = |partials: &[&str], options: Option<&str>| {
            let report = stdout(&merge(&folder, &[partials, format].concat()));
            let said = options
                .map(|options| format!("What the merged runs were asked differs in {options}: "));
            match said {
                Some(said) => assert!(report.contains(&said), "{format:?} {said}"),
                None => {
                    assert!(!report.contains("the merged runs were asked differs"), "{format:?}")
                }
            }
        };
        check(&["0.json", "1.json"], None);
        check(&["0.json", "2.json"], Some("`--filter`"));
        check(&["3.json", "2.json"], Some("`--filter`, `--since`"));
    }
    let report = json(&merge(&folder, &["2.json", "3.json", "--format", "json"]));
    check_schema(&report);
    let each = [
        "`3.json`: asked `--since 2026-03-11T00:00:00Z`.",
        "`2.json`: asked `--filter status = 200`.",
    ];
    let merged = report["merged"].as_array().unwrap();
    assert!(each.iter().all(|each| merged.iter().any(|it| it == each)), "{merged:#?}");
    assert_eq!((&report["asked"], merged.len()), (&Value::Null, 4));
}

/// A request that two runs read counts twice, whatever each of them leaves out.
#[test]
fn the_report_says_that_duplicates_between_runs_are_not_found() {
    let folder = tempfile::tempdir().unwrap();
    for (name, options) in [("0.json", &["--dedup"][..]), ("1.json", &["--dedup"]), ("2.json", &[])]
    {
        // The paths differ, or the partial reports were the same, and merged once.
        let event = value!({
            "requestTimeEpoch": 1_773_100_800_000_i64, "extendedRequestId": "one", "status": "200",
            "httpMethod": "GET", "path": format!("/{name}"),
        });
        let log = format!("{event}\n{event}\n");
        let path = folder.path().join(name);
        let arguments = [&["analyze", "-", "--partial", path.to_str().unwrap()], options].concat();
        stdout(&run(&mut tollgate(&arguments), log.as_bytes()));
    }
    let merged = |partials: &[&str]| {
        let report = json(&merge(&folder, &[partials, &["--format", "json"]].concat()));
        check_schema(&report);
        (report["usage"]["requests"].clone(), report["asked"].clone(), report["merged"].to_string())
    };
    let said = "Between them none are found";
    let (requests, asked, merged_of) = merged(&["0.json", "1.json"]);
    assert_eq!((requests, asked), (2.into(), value!(["--dedup"])));
    assert!(merged_of.contains(said) && !merged_of.contains("differs"), "{merged_of}");
    let (requests, asked, merged_of) = merged(&["0.json", "2.json"]);
    assert_eq!((requests, asked), (3.into(), Value::Null));
    assert!(merged_of.contains(said) && merged_of.contains("differs in `--dedup`"), "{merged_of}");
    let (_, asked, merged_of) = merged(&["0.json"]);
    assert_eq!((asked, &*merged_of), (value!(["--dedup"]), "null"));
}

/// One machine without requests is no reason to know nothing of the others.
#[test]
fn what_gathered_nothing_is_merged_with_what_did() {
    let folder = partials();
    let gather = |name: &str, log: &str| {
        fs::write(folder.path().join("log"), log).unwrap();
        let arguments = ["analyze", "log", "--partial", name];
        tollgate(&arguments).current_dir(&folder).output().unwrap()
    };
    let errors = |output: &Output| {
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
        String::from_utf8(output.stderr.clone()).unwrap()
    };
    let empty = errors(&gather("2.json", ""));
    assert!(empty.contains("log (read as lines › access, any JSON): it is empty"), "{empty}");
    let blank = errors(&gather("3.json", "\n\n"));
    let both = merge(&folder, &["0.json", "1.json", "--format", "json"]);
    let with_empty = merge(&folder, &["2.json", "0.json", "1.json", "--format", "json"]);
    assert_eq!(stdout(&with_empty), stdout(&both));
    let with_blank = json(&merge(&folder, &["3.json", "0.json", "1.json", "--format", "json"]));
    assert_eq!(with_blank["lines"]["blank"], json(&both)["lines"]["blank"].as_u64().unwrap() + 2);

    // There is no more to be said of all of them than of each.
    assert_eq!(errors(&merge(&folder, &["2.json"])), empty);
    let all = errors(&merge(&folder, &["2.json", "3.json"]));
    for said in [empty, blank] {
        assert!(said.lines().all(|line| all.contains(line)), "{all}");
    }
}

/// Advice by policies that did not deny the calls is none.
#[test]
fn the_account_is_the_one_that_the_runs_had() {
    let folder = tempfile::tempdir().unwrap();
    let partial = folder.path().join("p.json").to_str().unwrap().to_owned();
    let (own, logs) = ("fixtures/github-proxy/tollgate.toml", "fixtures/github-proxy/logs");
    let gather = ["analyze", "--account", own, "--partial", &partial, logs];
    assert!(tollgate(&gather).output().unwrap().status.success());
    let merge = |account: &str| {
        let output = tollgate(&["merge", &partial, "--account", account]).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(merge(own), (Some(0), String::new()));
    let (code, errors) = merge("fixtures/suggest/tollgate.toml");
    assert_eq!(code, Some(2), "{errors}");
    assert!(errors.contains("was gathered with another account than"), "{errors}");
}

/// A copy of the account of the example in a folder.
fn copy_account(to: &Path) {
    let own = top().join("fixtures/github-proxy");
    fs::create_dir_all(to.join("policies")).unwrap();
    fs::copy(own.join("tollgate.toml"), to.join("tollgate.toml")).unwrap();
    for policy in fs::read_dir(own.join("policies")).unwrap() {
        let policy = policy.unwrap();
        fs::copy(policy.path(), to.join("policies").join(policy.file_name())).unwrap();
    }
}

/// Machines keep the same policies in folders of their own.
#[test]
fn an_account_is_the_same_in_any_folder() {
    let folder = partials();
    let logs = LOGS.map(|log| top().join(log).to_str().unwrap().to_owned());
    let at = |machine: usize, account: &str| folder.path().join(format!("{machine}/{account}"));
    let manifest = |folder: PathBuf| folder.join("tollgate.toml").to_str().unwrap().to_owned();
    for (machine, log) in logs.iter().enumerate() {
        let [new, old] = ["new", "old"].map(|account| at(machine, account));
        copy_account(&new);
        copy_account(&old);
        let policy = |name: &str| old.join("policies").join(name);
        fs::copy(policy("full-access.json"), policy("release-bot.json")).unwrap();
        let partial = at(machine, "partial.json").to_str().unwrap().to_owned();
        let (new, old) = (manifest(new), manifest(old));
        let arguments = ["--account", &new, "--against", &old, "--partial", &partial];
        stdout(&tollgate(&[&["analyze", log], &arguments[..]].concat()).output().unwrap());
    }
    let report = |arguments: &[&str], format: &str| {
        let mut command = tollgate(&[arguments, &["--format", format]].concat());
        let report = stdout(&command.current_dir(at(0, "")).output().unwrap());
        report.replace("\"new/policies/", "\"policies/").replace("\"old/policies/", "\"policies/")
    };
    let account = ["--account", "new/tollgate.toml"];
    for format in ["json", "html"] {
        let against = ["--against", "old/tollgate.toml"];
        let whole = [&["analyze", &logs[0], &logs[1]], &account[..], &against].concat();
        let whole = report(&whole, format);
        assert!(whole.contains("FullAccess") && whole.contains("newlyDenied"));
        for partials in
            [["partial.json", "../1/partial.json"], ["../1/partial.json", "partial.json"]]
        {
            let merged = report(&[&["merge"], &partials[..], &account].concat(), format);
            assert!(merged == whole, "{format} {partials:?}");
        }
    }
}

/// What `jq` before 1.7 writes: it reads every number as a double.
fn through_doubles(value: &Value) -> Value {
    match value {
        Value::Number(number) if number.is_u64() || number.is_i64() => {
            let rounded = number.as_f64().unwrap();
            if rounded < 0.0 { value!(rounded as i64) } else { value!(rounded as u64) }
        }
        Value::Array(values) => values.iter().map(through_doubles).collect(),
        Value::Object(members) => {
            let members = members.iter();
            members.map(|(name, value)| (name.clone(), through_doubles(value))).collect()
        }
        other => other.clone(),
    }
}

#[test]
fn a_partial_report_stays_the_same_in_whatever_reads_and_writes_json() {
    let folder = tempfile::tempdir().unwrap();
    let partial = folder.path().join("0.json").to_str().unwrap().to_owned();
    let own = "fixtures/github-proxy/tollgate.toml";
    let arguments = ["analyze", "--account", own, "--against", own, "--partial", &partial];
    stdout(&tollgate(&[&arguments[..], &LOGS].concat()).output().unwrap());
    let written: Value = serde_json::from_slice(&fs::read(&partial).unwrap()).unwrap();
    let rewritten = through_doubles(&written);
    assert!(rewritten == written);
}
