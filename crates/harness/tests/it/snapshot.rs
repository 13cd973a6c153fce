//! Decision matrices: written, compared, and their changes shown, the most dangerous first.

use tollgate_harness::{ChangeKind, Format, Report, Selection, run, write_snapshot};

use crate::{files, load};

const TEST: &str = "policies: { identity: pets.json }
principals: { dev: \"arn:aws:iam::111122223333:role/dev\" }
snapshot: t.snap
tests:
  - { name: all, principal: dev, request: { method: [GET, PUT], path: [/pets/1, /keys/1] }, context: { aws:SourceIp: [10.0.0.1, 192.0.2.1] } }
";

/// The matrix that a run would be accepted as.
fn accepted(others: &[(&str, &str)]) -> String {
    let suite = load(&files(TEST, others)).unwrap();
    let report = Report::of(run(&suite, &Selection::default())).unwrap();
    write_snapshot(&report.snapshots[0], &report.run).unwrap()
}

#[test]
fn what_was_accepted_passes() {
    let snapshot = accepted(&[]);
    insta::assert_snapshot!(snapshot);
    let suite = load(&files(TEST, &[("t.snap", &snapshot)])).unwrap();
    let report = Report::of(run(&suite, &Selection::default())).unwrap();
    assert!(!report.failed(), "{}", report.render(Format::Pretty));
}

#[test]
fn what_changed_is_shown_most_dangerous_first() {
    let snapshot = accepted(&[]);
    let wider = crate::PETS.replace("GET/pets/*", "*").replace("10.0.0.0/8", "10.0.0.0/7");
    let test = TEST.replace("/keys/1]", "/keys/2]");
    let suite = load(&files(&test, &[("t.snap", &snapshot), ("pets.json", &wider)])).unwrap();
    let report = Report::of(run(&suite, &Selection::default())).unwrap();
    let kinds: Vec<ChangeKind> =
        report.snapshots[0].changes.iter().map(|change| change.kind).collect();
    assert_eq!(kinds[0], ChangeKind::NewlyAllowed);
    assert!(kinds.is_sorted());
    insta::assert_snapshot!(report.render(Format::Pretty));
}

#[test]
fn cells_that_did_not_run_keep_their_line() {
    let snapshot = accepted(&[]);
    let suite = load(&files(TEST, &[("t.snap", &snapshot)])).unwrap();
    let selection = Selection { filters: vec!["/keys/1".to_owned()], fail_fast: false };
    let report = Report::of(run(&suite, &selection)).unwrap();
    assert!(!report.failed());
    assert_eq!(write_snapshot(&report.snapshots[0], &report.run).unwrap(), snapshot);
}

#[test]
fn a_broken_snapshot_has_its_place() {
    let suite = load(&files(TEST, &[("t.snap", "# x\nallowed all\n")])).unwrap();
    let problem = Report::of(run(&suite, &Selection::default())).unwrap_err();
    insta::assert_snapshot!(problem.to_string());
}
