//! What the tests see, and the requests that would show the rest.

use tollgate_harness::{Coverage, Selection, run};

use crate::suite;

const TEST: &str = "policies: { identity: pets.json }
principals: { dev: \"arn:aws:iam::111122223333:role/dev\" }
tests:
  - { name: one, principal: dev, request: { method: GET, path: /pets/1 }, context: { aws:SourceIp: 10.0.0.1 }, expect: allow }
";

fn coverage(test: &str) -> Coverage {
    let suite = suite(test, &[]);
    Coverage::measure(&run(&suite, &Selection::default()))
}

#[test]
fn statements_and_patterns_are_seen_true_and_false() {
    insta::assert_snapshot!(coverage(TEST).text());
}

#[test]
fn the_tests_proposed_pass_and_close_the_gaps() {
    let mut test = TEST.to_owned();
    let mut bodies = std::collections::BTreeSet::new();
    for gap in coverage(TEST).gaps {
        let (file, draft) = gap.test.expect("every gap of this policy can be closed");
        assert_eq!(file, "t.test.yaml");
        if bodies.insert(draft.split_once('\n').unwrap().1.to_owned()) {
            test.push_str(&draft);
        }
    }
    let suite = suite(&test, &[]);
    let run = run(&suite, &Selection::default());
    assert_eq!(run.counts().failed, 0);
    assert_eq!(
        Coverage::measure(&run).seen().percent(),
        100.0,
        "{}",
        Coverage::measure(&run).text()
    );
}

#[test]
fn a_skipped_test_sees_nothing() {
    let skipped = TEST.replace("expect: allow", "expect: allow, skip: not now");
    assert!(coverage(&skipped).policies.is_empty());
}
