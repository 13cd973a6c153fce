//! Mutants: killed, survived with a test that kills them, or set aside.

use tollgate_harness::{Changed, Mutation, Selection, run};

use crate::suite;

const TEST: &str = "policies: { identity: pets.json }
principals: { dev: \"arn:aws:iam::111122223333:role/dev\" }
tests:
  - { name: one, principal: dev, request: { method: GET, path: /pets/1 }, context: { aws:SourceIp: 10.0.0.1 }, expect: allow }
";

fn mutation(test: &str, changed: Option<&Changed>) -> Mutation {
    let suite = suite(test, &[]);
    Mutation::test(&run(&suite, &Selection::default()), changed)
}

#[test]
fn survivors_come_with_the_test_that_kills_them() {
    let before = mutation(TEST, None);
    assert!(!before.survivors.is_empty());
    let mut test = TEST.to_owned();
    let mut bodies = std::collections::BTreeSet::new();
    for survivor in &before.survivors {
        if bodies.insert(survivor.test.split_once('\n').unwrap().1) {
            test.push_str(&survivor.test);
        }
    }
    let after = mutation(&test, None);
    assert!(after.survivors.is_empty(), "{}", after.text());
    assert_eq!(after.score(), 100.0);
    assert_eq!(after.counts().1, before.counts().1, "the same mutants count");
}

#[test]
fn the_text_says_what_was_changed_where_and_what_would_notice() {
    insta::assert_snapshot!(mutation(TEST, None).text());
}

#[test]
fn only_changed_lines_are_mutated_when_a_diff_says_which() {
    let diff = "+++ b/policies/pets.json\n@@ -6 +6 @@\n";
    let mutation = mutation(TEST, Some(&Changed::parse(&diff.replace("policies/", ""))));
    let operators: Vec<&str> =
        mutation.operators.iter().filter(|(_, (_, of))| *of > 0).map(|(name, _)| *name).collect();
    assert_eq!(operators, ["delete-statement", "flip-effect"]);
}

#[test]
fn a_test_that_fails_already_notices_nothing() {
    let failing = TEST.replace("expect: allow", "expect: deny");
    assert_eq!(mutation(&failing, None).counts(), (0, 0));
}
