//! Observed calls become a test file that passes.

use std::path::{Path, PathBuf};

use tollgate_harness::{Call, Given, Recorder, Selection, Suite, run};
use tollgate_store::Account;

use crate::Files;

const MANIFEST: &str = "account = \"111122223333\"\nregion = \"eu-west-1\"\n\n[[principal]]\narn = \"arn:aws:iam::111122223333:role/dev\"\npolicies = [\"pets.json\"]\n\n[[api]]\nid = \"a1b2c3\"\nstages = [\"prod\"]\n";

fn files() -> Files {
    let files = [("tollgate.toml", MANIFEST), ("pets.json", crate::PETS)];
    files.into_iter().map(|(path, text)| (PathBuf::from(path), text.to_owned())).collect()
}

fn call(session: &str, method: &str, path: &str, address: Given) -> Call {
    let principal = format!("arn:aws:sts::111122223333:assumed-role/dev/{session}");
    let resource =
        format!("arn:aws:execute-api:eu-west-1:111122223333:a1b2c3/prod/{method}/{path}");
    Call::new(&principal, "execute-api:Invoke", &resource).with("aws:SourceIp", address)
}

/// The test file of some calls, in two orders.
fn recorded() -> [String; 2] {
    let inside = || Given::One("10.0.0.1".into());
    let mut calls = vec![
        call("one", "GET", "pets/1", inside()),
        call("two", "GET", "pets/2", inside()),
        call("one", "PUT", "pets/1", inside()),
        call("one", "GET", "pets/1", Given::One("192.0.2.1".into())),
        call("one", "GET", "pets/3", Given::Unknown),
    ];
    let account = Account::read(&files(), Path::new("tollgate.toml")).unwrap();
    let text = |calls: &[Call]| {
        let mut recorder = Recorder::new(&account);
        calls.iter().for_each(|call| recorder.observe(call, account.api("a1b2c3")));
        recorder.finish("tollgate.toml")
    };
    let forwards = text(&calls);
    calls.reverse();
    [forwards, text(&calls)]
}

#[test]
fn calls_that_no_policy_tells_apart_are_one_row_whatever_their_order() {
    let [forwards, backwards] = recorded();
    assert_eq!(forwards, backwards);
    insta::assert_snapshot!(forwards);
}

#[test]
fn the_recorded_file_passes() {
    let [text, _] = recorded();
    let mut files = files();
    files.insert(PathBuf::from("r.test.yaml"), text);
    let suite = Suite::load(&files, &["r.test.yaml".to_owned()]).unwrap();
    let counts = run(&suite, &Selection::default()).counts();
    assert_eq!((counts.passed, counts.failed), (4, 0));
}
