//! The published schemas say what the readers take and the writers make.

use std::fs;

use serde_json::{Value, json};

use crate::{files, fixtures, load};

/// Panics unless the document fits the schema.
#[track_caller]
pub(crate) fn check(schema: &str, document: &Value) {
    let validator = validator(schema);
    let errors: Vec<String> = validator
        .iter_errors(document)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{}", errors.join("\n"));
}

fn validator(schema: &str) -> jsonschema::Validator {
    let text = fs::read_to_string(fixtures(&format!("schemas/{schema}"))).unwrap();
    jsonschema::validator_for(&serde_json::from_str(&text).unwrap()).unwrap()
}

/// A test file in JSON that says all there is to say.
fn everything() -> Value {
    json!({
        "version": 1,
        "policies": { "identity": ["pets.json"], "permissionsBoundary": "pets.json", "session": "pets.json", "serviceControl": [["pets.json"]], "resourceControl": [], "vpcEndpoint": null, "authorizationType": "AWS_IAM" },
        "api": { "partition": "aws", "region": "eu-west-1", "account": "111122223333", "id": "a1b2c3", "stage": "prod" },
        "now": "2026-01-01T00:00:00Z",
        "context": { "aws:SourceIp": "10.0.0.1" },
        "principals": {
            "dev": { "arn": "arn:aws:iam::111122223333:role/dev", "tags": { "team": "a" }, "userId": "AROA:x", "context": { "a:b": [true, null, 7, ["x", "y"]] } },
            "bob": { "arn": "arn:aws:sts::111122223333:federated-user/bob", "issuedBy": "arn:aws:iam::111122223333:user/ann", "policies": { "identity": { "Version": "2012-10-17", "Statement": [] } } },
            "nobody": "anonymous"
        },
        "use": [],
        "snapshot": "t.snap",
        "tests": [
            {
                "name": "all", "principal": ["dev", "nobody"],
                "request": { "method": ["GET", "PUT"], "path": "/pets/1", "stage": "prod", "api": "a1b2c3", "action": "execute-api:Invoke", "resourceAccount": "111122223333" },
                "context": { "aws:TagKeys": [["a", "b"], []] }, "unknown": ["aws:MultiFactorAuthPresent"],
                "expect": "deny", "skip": "not yet",
                "except": [{ "principal": "dev", "request": { "method": "GET" }, "context": { "aws:TagKeys": [["a", "b"]] }, "expect": "allow", "by": ["ReadPets", { "layer": "identity", "policy": "pets.json", "statement": 0 }] }]
            },
            { "name": "rows", "principal": "dev", "request": { "action": "s3:GetObject" }, "expect": "deny", "rows": [{ "name": "first", "request": { "resource": "*" } }], "policies": { "resource": null } }
        ]
    })
}

#[test]
fn the_schema_of_test_files_takes_what_the_reader_takes() {
    let document = everything();
    check("test-file.schema.json", &document);
    load(&files(&document.to_string(), &[])).unwrap_or_else(|problems| panic!("{problems}"));
}

#[test]
fn the_schema_of_test_files_refuses_what_the_reader_refuses() {
    let validator = validator("test-file.schema.json");
    let spoiled = [
        ("/tests/0", "expct", json!("deny")),
        ("/tests/0", "expect", json!("allowed")),
        ("/tests/0/request", "verb", json!("GET")),
        ("/tests/0/except/0", "rows", json!([])),
        ("/principals/dev", "arn", json!(null)),
        ("/policies", "authorizationType", json!("IAM")),
        ("", "test", json!([])),
        ("", "version", json!(2)),
    ];
    for (pointer, field, value) in spoiled {
        let mut document = everything();
        document.pointer_mut(pointer).unwrap()[field] = value;
        assert!(!validator.is_valid(&document), "schema, {pointer}/{field}");
        assert!(load(&files(&document.to_string(), &[])).is_err(), "reader, {pointer}/{field}");
    }
}
