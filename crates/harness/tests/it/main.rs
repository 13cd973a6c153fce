//! The harness from test file to report.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test ends where it fails"
)]

mod account;
mod conformance;
mod coverage;
mod expand;
mod formats;
mod messages;
mod mutate;
mod policy_repo;
mod record;
mod schemas;
mod snapshot;

use std::collections::BTreeMap;
use std::path::PathBuf;

use tollgate_harness::{Problems, Suite};

/// Files in memory.
type Files = BTreeMap<PathBuf, String>;

/// Allows GET of pets of an API to everyone who has the policy.
const PETS: &str = r#"{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "ReadPets",
      "Effect": "Allow",
      "Action": "execute-api:Invoke",
      "Resource": "arn:aws:execute-api:eu-west-1:111122223333:a1b2c3/prod/GET/pets/*"
    },
    {
      "Sid": "NotFromOutside",
      "Effect": "Deny",
      "Action": "*",
      "Resource": "*",
      "Condition": { "NotIpAddress": { "aws:SourceIp": "10.0.0.0/8" } }
    }
  ]
}"#;

/// The files of a test: `t.test.yaml`, `pets.json`, and others.
fn files(test: &str, others: &[(&str, &str)]) -> Files {
    let own = [("t.test.yaml", test), ("pets.json", PETS)];
    own.iter().chain(others).map(|(path, text)| (PathBuf::from(path), (*text).to_owned())).collect()
}

fn load(files: &Files) -> Result<Suite, Problems> {
    Suite::load(files, &["t.test.yaml".to_owned()])
}

/// A suite that must be readable.
#[track_caller]
fn suite(test: &str, others: &[(&str, &str)]) -> Suite {
    load(&files(test, others)).unwrap_or_else(|problems| panic!("{problems}"))
}

/// The folder of the workspace's fixtures.
fn fixtures(path: &str) -> String {
    format!("{}/../../fixtures/{path}", env!("CARGO_MANIFEST_DIR"))
}
