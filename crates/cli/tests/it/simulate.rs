//! `tollgate simulate`, run as people run it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value as Json;
use tempfile::TempDir;

use crate::support::{run, tollgate};

const READER: &str = r#"{
  "Version": "2012-10-17",
  "Statement": {
    "Sid": "Read",
    "Effect": "Allow",
    "Action": "execute-api:Invoke",
    "Resource": "arn:aws:execute-api:eu-west-1:111122223333:a1b2c3/prod/GET/pets",
    "Condition": { "Bool": { "aws:MultiFactorAuthPresent": "true" } }
  }
}
"#;

const REQUEST: [&str; 6] = [
    "--principal=arn:aws:iam::111122223333:user/ana",
    "--action=execute-api:Invoke",
    "--resource=arn:aws:execute-api:eu-west-1:111122223333:a1b2c3/prod/GET/pets",
    "--identity=reader.json",
    "--service-control=all.json,reader.json",
    "--service-control=all.json",
];

/// Runs the command in a folder that has some policies.
fn simulate(arguments: &[&str], input: &str) -> Output {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("reader.json"), READER).unwrap();
    let all = r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
    fs::write(folder.path().join("all.json"), all).unwrap();
    fs::write(folder.path().join("wrong.json"), READER.replace("Bool", "Boole")).unwrap();
    let mut command = tollgate(&[&["simulate"], arguments].concat());
    run(command.current_dir(folder.path()), input.as_bytes())
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[track_caller]
fn check_code(arguments: &[&str], code: i32) {
    let arguments = [&REQUEST, arguments].concat();
    let output = simulate(&arguments, "");
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", stderr(&output));
}

#[test]
fn the_exit_code_tells_what_the_answer_is_worth() {
    check_code(&["--context=aws:MultiFactorAuthPresent=true"], 0);
    check_code(&["--context=aws:MultiFactorAuthPresent=false"], 0);
    check_code(&["--context=aws:MultiFactorAuthPresent=false", "--fail-on-deny"], 1);
    check_code(&["--context=aws:MultiFactorAuthPresent=true", "--fail-on-deny"], 0);
    check_code(&["--unknown=aws:MultiFactorAuthPresent"], 4);
    check_code(&["--identity=missing.json"], 2);
    check_code(&["--identity=wrong.json"], 2);
    check_code(&["--context=x"], 2);
    check_code(&["--context=a=1", "--unknown=A"], 2);
    check_code(&["--batch=-"], 2);
}

#[test]
fn an_explanation_names_statements_and_files() {
    insta::assert_snapshot!(stdout(&simulate(&REQUEST, "")));
}

#[test]
fn an_explanation_is_also_json() {
    let arguments = [&REQUEST[..], &["--format=json", "--unknown=aws:MultiFactorAuthPresent"]];
    let answer: Json = serde_json::from_slice(&simulate(&arguments.concat(), "").stdout).unwrap();
    schema("simulate")(&answer);
    assert_eq!(answer["version"], 1);
    assert_eq!(answer["decision"], "indeterminate");
    assert_eq!(answer["dependsOn"][0], "aws:MultiFactorAuthPresent");
    assert_eq!(answer["policies"][0]["file"], "reader.json");
    assert_eq!(answer["policies"][3]["level"], 1);
}

#[test]
fn a_malformed_policy_is_shown_with_its_place() {
    let arguments = ["--principal=anonymous", "--action=s3:GetObject", "--identity=wrong.json"];
    let output = simulate(&arguments, "");
    assert_eq!(stdout(&output), "");
    let text = stderr(&output);
    for part in ["unknown condition operator `Boole`", "wrong.json:8:20", "`Bool`"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn a_batch_answers_every_line_in_order() {
    let lines = cases();
    let output = simulate(&["--batch=-"], &lines.join("\n"));
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let answers = stdout(&output);
    assert_eq!(answers.lines().count(), lines.len());
    let check_schema = schema("simulate-batch");
    for (line, answer) in lines.iter().zip(answers.lines()) {
        let read = |text: &str| serde_json::from_str::<Json>(text).unwrap();
        let (case, answer) = (read(line), read(answer));
        check_schema(&answer);
        assert_eq!(answer["id"], case["id"]);
        assert_eq!(answer["decision"], case["expect"], "{line}");
        assert_eq!(determining(&answer), case["determinedBy"], "{line}");
    }
}

/// The determining statements of an answer, written as the cases write them: `identity/0/1`, with
/// the level between layer and policy for control policies.
fn determining(answer: &Json) -> Json {
    let statements = answer["determinedBy"].as_array().unwrap().iter().map(|it| {
        let level = it["level"].as_u64().map_or(String::new(), |level| format!("/{level}"));
        let layer = it["policyType"].as_str().unwrap();
        format!("{layer}{level}/{}/{}", it["policy"], it["statement"])
    });
    Json::from_iter(statements)
}

#[test]
fn an_action_has_a_service_and_a_name() {
    for action in ["execute-apiInvoke", "execute-api:", ":Invoke", ""] {
        let output = simulate(&["-p", "anonymous", "-a", action], "");
        assert_eq!(output.status.code(), Some(2), "{action}");
        let errors = stderr(&output);
        assert!(errors.contains("expected `service:Name`"), "{errors}");
    }
}

#[test]
fn an_action_of_a_batch_has_them_too() {
    let case = |action: &str| {
        format!(
            r#"{{"id":1,"policies":{{}},"request":{{"principal":"anonymous","action":"{action}","resource":"*"}}}}"#
        )
    };
    let lines = [case("s3:GetObject"), case("execute-apiInvoke")];
    let output = simulate(&["--batch", "-"], &lines.join("\n"));
    assert_eq!(output.status.code(), Some(2));
    let answers = stdout(&output);
    let refusal = answers.lines().nth(1).unwrap();
    schema("simulate-batch")(&serde_json::from_str(refusal).unwrap());
    let expected = "expected action to be `service:Name`, such as `execute-api:Invoke`, found \
                    `execute-apiInvoke`";
    assert!(refusal.contains(expected), "{refusal}");
    let errors = stderr(&output);
    assert!(errors.contains("line 2 of `-` is no case; its answer says why"), "{errors}");
}

#[test]
fn a_line_that_is_no_case_is_answered_too() {
    let case = r#"{"id":1,"policies":{},"request":{"principal":"anonymous","action":"s3:GetObject","resource":"*"}}"#;
    let output = simulate(&["--batch", "-"], &format!("{case}\n\nnonsense\n{case}\n"));
    assert_eq!(output.status.code(), Some(2));
    let answers = stdout(&output);
    let check_schema = schema("simulate-batch");
    answers.lines().for_each(|answer| check_schema(&serde_json::from_str(answer).unwrap()));
    let refused: Vec<bool> = answers.lines().map(|line| line.contains("\"error\"")).collect();
    assert_eq!(refused, [false, true, true, false]);
    let said = "2 lines of `-` are no cases, the first is line 2; their answers say why";
    assert!(stderr(&output).contains(said), "{}", stderr(&output));
}

/// What a schema of ours has against a document.
fn schema(name: &str) -> impl Fn(&Json) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/schemas");
    let schema = fs::read_to_string(folder.join(format!("{name}.schema.json"))).unwrap();
    let validator = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    move |document| {
        let errors: Vec<String> = validator
            .iter_errors(document)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{errors:#?} in {document:#}");
    }
}

/// The cases that the policy engine is tested with.
fn cases() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/decisions");
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let texts = files.iter().map(|file| fs::read_to_string(file).unwrap());
    texts.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect()
}
