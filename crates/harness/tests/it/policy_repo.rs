//! The sample repository: its tests pass, see everything, and notice every change.

use tollgate_harness::{Coverage, Mutation, Selection, Suite, assert_policies, discover, run};
use tollgate_store::Files;

use crate::fixtures;

#[test]
fn its_tests_pass() {
    assert_policies!("../../fixtures/policy-repo");
}

#[test]
fn coverage_and_mutation_score_are_what_the_readme_says() {
    let paths = discover(&[fixtures("policy-repo")]).unwrap();
    let suite = Suite::load(&Files, &paths).unwrap();
    let run = run(&suite, &Selection::default());
    let coverage = Coverage::measure(&run);
    let mutation = Mutation::test(&run, None);
    let (killed, of) = mutation.counts();
    let measured = format!(
        "{} tests, coverage {:.1} %, mutation score {:.1} % ({killed} of {of} mutants, {} set aside)",
        run.verdicts.len(),
        coverage.seen().percent(),
        mutation.score(),
        mutation.equivalent.len(),
    );
    let readme = include_str!("../../../../README.md");
    assert!(readme.contains(&measured), "the README does not say: {measured}");
    assert_eq!(coverage.seen().percent(), 100.0, "{}", coverage.text());
}

#[test]
fn a_folder_without_tests_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let problem = discover(&[folder.path().display().to_string()]).unwrap_err();
    assert!(problem.message.starts_with("no tests found in"), "{problem}");
}
