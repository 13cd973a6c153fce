//! Real policies parse and compile: every JSON file of the folder that `TOLLGATE_CORPUS` names.
//!
//! A file is a policy document, or holds documents anywhere within it, as the output of AWS's
//! command line does. A document whose statements name principals is read as a resource policy, or
//! as a trust policy if they name no resources.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tollgate_policy::{PolicyDocument, PolicySet, PolicyType};

#[test]
#[expect(clippy::disallowed_methods, reason = "a test reads where the corpus is")]
fn every_policy_of_the_corpus_parses_and_compiles() {
    let Ok(corpus) = std::env::var("TOLLGATE_CORPUS") else {
        eprintln!("skipped: TOLLGATE_CORPUS is not set");
        return;
    };
    let mut files = Vec::new();
    json_files(Path::new(&corpus), &mut files);
    assert!(!files.is_empty(), "no JSON files in `{corpus}`");
    let mut refused = Vec::new();
    let mut read = 0;
    for file in &files {
        for document in documents(&fs::read_to_string(file).unwrap()) {
            match PolicyDocument::parse(&document, PolicyType::guess(&document)) {
                Ok(document) => {
                    assert_eq!(PolicySet::compile([document]).documents().len(), 1);
                    read += 1;
                }
                Err(errors) => refused.push(format!("{}: {errors}", file.display())),
            }
        }
    }
    eprintln!("{read} documents in {} files", files.len());
    assert!(refused.is_empty(), "{} refused:\n{}", refused.len(), refused.join("\n"));
}

fn json_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            json_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
}

/// The documents in a text: the text itself if it is one, else every object in it that has
/// statements.
fn documents(text: &str) -> Vec<String> {
    let value: Value = serde_json::from_str(text.trim_start_matches('\u{feff}')).unwrap();
    if value.get("Statement").is_some() {
        return vec![text.to_owned()];
    }
    let mut found = Vec::new();
    find_documents(&value, &mut found);
    found
}

fn find_documents(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(object) if object.contains_key("Statement") => found.push(value.to_string()),
        Value::Object(object) => object.values().for_each(|value| find_documents(value, found)),
        Value::Array(values) => values.iter().for_each(|value| find_documents(value, found)),
        _ => {}
    }
}
