//! Every manifest among the fixtures fits the schema, and the schema refuses what the reader does.

#![expect(clippy::unwrap_used, reason = "a test fails by saying where")]

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures")
}

fn errors(manifest: &str) -> Vec<String> {
    let schema = fs::read_to_string(fixtures().join("schemas/manifest.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    let document: Value = toml::from_str(manifest).unwrap();
    validator.iter_errors(&document).map(|error| error.to_string()).collect()
}

/// The files called `tollgate.toml` below a folder.
fn manifests(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            manifests(&path, found);
        } else if path.file_name().is_some_and(|name| name == "tollgate.toml") {
            found.push(path);
        }
    }
}

#[test]
fn every_manifest_of_the_fixtures_fits_the_schema() {
    let mut found = Vec::new();
    manifests(&fixtures(), &mut found);
    assert!(found.len() > 2, "{found:?}");
    for path in found {
        let errors = errors(&fs::read_to_string(&path).unwrap());
        assert!(errors.is_empty(), "{}: {errors:#?}", path.display());
    }
}

#[track_caller]
fn check_refused(lines: &str) {
    let manifest = format!("account = \"111122223333\"\nregion = \"eu-west-1\"\n{lines}\n");
    assert!(!errors(&manifest).is_empty(), "{lines}");
}

#[test]
fn what_the_reader_refuses_does_not_fit() {
    check_refused("polices = []");
    check_refused("authorizationDetails = 7");
    check_refused("serviceControl = [\"a.json\"]");
    check_refused("[[principal]]\narn = \"arn:aws:sts::111122223333:assumed-role/r/s\"");
    check_refused("[[api]]\nid = \"a\"\nauthorization = \"aws_iam\"");
    check_refused("[[api]]\nid = \"a\"\n[[api.route]]\npath = \"pets\"");
    check_refused("[log]\nname = {}");
    check_refused("[[log.format]]\npaths = \"logs\"");
    check_refused("[gateway]\nlimits = {}");
    check_refused("[[upstream]]\nname = \"a\"\nurl = \"ftp://a\"");
    check_refused("[[broker]]\nname = \"Reports\"");
    check_refused("[[credential]]\nname = \"a\"\nupstream = \"b\"\nsecret = \"literal\"");
}
