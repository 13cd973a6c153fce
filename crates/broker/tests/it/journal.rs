//! The journal as a file: what survives, and what is refused.

use std::fs;

use tollgate_broker::{Journal, JournalError, Profile, PublicAddress, SslMode};

const ROLE: &str = "tollgate_reports_ana_aaaaaaaaaaaaaaaa";

fn profile() -> Profile {
    let address = PublicAddress { host: "db".into(), port: 5432, ssl_mode: SslMode::Disable };
    Profile::new("reports", "readers", "app", address).unwrap()
}

fn planned() -> String {
    format!(
        r#"{{"event":"planned","role":"{ROLE}","caller":"user \"ana\"","expires":"2026-03-10T09:30:00Z"}}"#
    )
}

/// How many roles a journal of this text knows, or what is wrong with it; and the file afterwards.
fn open(text: &str) -> (Result<usize, JournalError>, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    fs::write(&path, text).unwrap();
    let opened = Journal::open(&path, &profile()).map(|journal| journal.open_count());
    (opened, fs::read_to_string(&path).unwrap())
}

#[track_caller]
fn check_malformed(text: &str, line: usize, message: &str) {
    let (opened, after) = open(text);
    match opened {
        Err(JournalError::Malformed { line: found, message: said, .. }) => {
            assert_eq!((found, said.as_str()), (line, message));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(after, text, "a journal that cannot be read is left as it was");
}

#[test]
fn a_journal_begins_empty() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new.jsonl");
    assert_eq!(Journal::open(&path, &profile()).unwrap().open_count(), 0);
    assert_eq!(fs::read_to_string(&path).unwrap(), "");
}

#[cfg(unix)]
#[test]
fn a_journal_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new.jsonl");
    let _journal = Journal::open(&path, &profile()).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn opening_keeps_what_is_open_and_forgets_what_has_ended() {
    let other = planned().replace("ana_aaaa", "ben_aaaa");
    let ended = format!(r#"{{"event":"ended","role":"{ROLE}"}}"#);
    let (opened, after) = open(&format!("{}\n{other}\n{ended}\n", planned()));
    assert_eq!(opened.unwrap(), 1);
    assert_eq!(after, format!("{other}\n"));
}

#[test]
fn a_line_that_was_cut_off_announces_nothing() {
    let first = planned();
    let half = &first.replace("ana_aaaa", "ben_aaaa")[..60];
    let (opened, after) = open(&format!("{first}\n{half}"));
    assert_eq!(opened.unwrap(), 1);
    assert_eq!(after, format!("{first}\n"));
}

#[test]
fn a_line_that_cannot_be_read_is_an_error() {
    let text = format!("{}\nnonsense\n{}\n", planned(), planned());
    check_malformed(&text, 2, "expected ident at line 1 column 2");
}

#[test]
fn a_role_of_another_broker_is_an_error() {
    let text = planned().replace("reports", "billing") + "\n";
    let message = "expected a role of the broker `reports`, found \
                   `tollgate_billing_ana_aaaaaaaaaaaaaaaa`";
    check_malformed(&text, 1, message);
}

#[test]
fn a_role_that_no_broker_made_is_an_error() {
    let text = format!("{}\n", planned().replace(ROLE, "postgres"));
    check_malformed(&text, 1, "expected a role of the broker `reports`, found `postgres`");
}
