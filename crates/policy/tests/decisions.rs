//! Every case of `fixtures/decisions` through both evaluators and through the batch simulator.
//!
//! A case states the outcome, the statements that determine it (`layer/policy/statement`, with the
//! level between layer and policy for control policies) and, where the outcome is indeterminate, the
//! keys that it depends on. With `TOLLGATE_SHARED` set to a folder that has
//! `conformance/decisions.jsonl`, those cases run too.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and is the edge where the environment is read"
)]

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use tollgate_policy::simulate::{Case, simulate};
use tollgate_policy::{Decision, PolicyType, StatementId, authorize, reference};

/// What a case expects beside the question that it asks.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Expectation {
    id: String,
    expect: String,
    determined_by: Option<Vec<String>>,
    #[serde(default)]
    depends_on: Vec<String>,
}

/// What an evaluator answers, in the terms of the cases.
#[derive(Debug, PartialEq)]
struct Answer {
    decision: String,
    determined_by: Vec<String>,
    depends_on: Vec<String>,
}

#[test]
fn the_reference_decides_every_case() {
    check_all(|line| {
        let case = read(line)?;
        Ok(answer_of(&reference::authorize(&case.documents, &case.request())))
    });
}

#[test]
fn the_compiled_evaluator_decides_every_case() {
    check_all(|line| {
        let case = read(line)?;
        let sets = case.documents.clone().compile();
        Ok(answer_of(&authorize(&sets.borrow(), &case.request())))
    });
}

#[test]
fn the_simulator_answers_every_case() {
    check_all(|line| answer_of_text(&simulate(line)));
}

#[test]
fn the_cases_are_many_and_each_has_its_own_name() {
    let mut ids: Vec<String> = own_cases().iter().map(|line| expectation(line).id).collect();
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count);
    assert!(count >= 400, "{count}");
}

/// Runs every case and lists all that went wrong.
#[track_caller]
fn check_all(decide: impl Fn(&str) -> Result<Answer, String>) {
    let lines: Vec<String> = own_cases().into_iter().chain(shared_cases()).collect();
    let failures: Vec<String> = lines.iter().filter_map(|line| failure(line, &decide)).collect();
    assert!(failures.is_empty(), "{} cases:\n{}", failures.len(), failures.join("\n"));
}

fn failure(line: &str, decide: impl Fn(&str) -> Result<Answer, String>) -> Option<String> {
    let Expectation { id, expect, determined_by, depends_on } = expectation(line);
    let answer = match decide(line) {
        Ok(answer) => answer,
        Err(error) => return Some(format!("{id}: {error}")),
    };
    let as_expected = answer.decision == expect
        && determined_by.as_ref().is_none_or(|by| *by == answer.determined_by)
        && answer.depends_on == depends_on;
    let expected = format!("{expect} by {determined_by:?}, depending on {depends_on:?}");
    (!as_expected).then(|| format!("{id}: expected {expected}, found {answer:?}"))
}

fn own_cases() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/decisions");
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().flat_map(|file| lines_of(file)).collect()
}

fn shared_cases() -> Vec<String> {
    match std::env::var_os("TOLLGATE_SHARED") {
        Some(folder) => lines_of(&Path::new(&folder).join("conformance/decisions.jsonl")),
        None => {
            eprintln!("shared cases skipped: TOLLGATE_SHARED is not set");
            vec![]
        }
    }
}

fn lines_of(file: &Path) -> Vec<String> {
    fs::read_to_string(file).unwrap().lines().map(str::to_owned).collect()
}

fn expectation(line: &str) -> Expectation {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}"))
}

fn read(line: &str) -> Result<Case, String> {
    Case::parse(line).map_err(|error| error.to_string())
}

fn answer_of(decision: &Decision) -> Answer {
    Answer {
        decision: decision.outcome.to_string(),
        determined_by: decision.determined_by.iter().map(reference_to).collect(),
        depends_on: decision.depends_on.clone(),
    }
}

/// `identity/0/1`, `serviceControl/2/0/1`.
fn reference_to(id: StatementId) -> String {
    let StatementId { policy_type, level, policy, statement } = id;
    let layer = policy_type.as_str();
    match policy_type {
        PolicyType::ServiceControl | PolicyType::ResourceControl => {
            format!("{layer}/{level}/{policy}/{statement}")
        }
        _ => format!("{layer}/{policy}/{statement}"),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Simulated {
    decision: String,
    determined_by: Vec<Named>,
    depends_on: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Named {
    policy_type: String,
    level: Option<u16>,
    policy: u32,
    statement: u32,
    line: u32,
    column: u32,
}

fn answer_of_text(text: &str) -> Result<Answer, String> {
    let answer: Simulated = serde_json::from_str(text).map_err(|_| text.to_owned())?;
    Ok(Answer {
        decision: answer.decision,
        determined_by: answer.determined_by.iter().map(reference_to_named).collect(),
        depends_on: answer.depends_on,
    })
}

fn reference_to_named(named: &Named) -> String {
    assert!(named.line >= 1 && named.column > 1, "a statement stands inside its policy");
    let level = named.level.map_or(String::new(), |level| format!("/{level}"));
    format!("{}{level}/{}/{}", named.policy_type, named.policy, named.statement)
}
