//! What is wrong is said in words, with its place and what to do about it.

use crate::{files, load};

/// The messages for a test file, and for others beside it.
fn messages(test: &str, others: &[(&str, &str)]) -> String {
    match load(&files(test, others)) {
        Ok(suite) => format!("{} cells", suite.cells.len()),
        Err(problems) => problems.to_string(),
    }
}

/// The messages of many small mistakes, one a line.
fn all(tests: &[&str]) -> String {
    let message = |test: &&str| format!("{}\n", messages(test, &[]));
    tests.iter().map(message).collect()
}

const TEST: &str =
    "{ name: n, principal: anonymous, request: { method: GET, path: /a }, expect: deny }";

#[test]
fn of_the_file() {
    insta::assert_snapshot!(all(&[
        "",
        "just text",
        "polices: {}\ntests: []",
        "tests: { a: b }",
        "policies: {}",
        "version: 2\ntests: []",
        "now: tomorrow\ntests: []",
        "tests: [\n  a: b",
    ]));
}

#[test]
fn of_a_test() {
    insta::assert_snapshot!(all(&[
        "tests: [ { principal: anonymous } ]",
        "tests:\n  - { name: n, principal: anonymous, request: { method: GET, path: /a }, expect: alow }",
        "tests:\n  - { name: n, principal: anonymous, request: { method: GET, path: /a }, expect: maybe }",
        "tests:\n  - { name: n, principal: anonymous, request: { method: GET, path: /a }, skip: yes }",
        "tests:\n  - { name: n, principal: \"arn:aws:iam::111122223333:root\", request: { method: GET, path: /a } }",
        "tests:\n  - { name: n, request: { method: GET, path: /a }, expect: deny }",
        "tests:\n  - { name: n, principal: devs, request: { method: GET, path: /a }, expect: deny }\nprincipals: { dev: anonymous }",
        "tests:\n  - { name: n, principal: anonymous, request: { methods: GET, path: /a }, expect: deny }",
        "tests:\n  - { name: n, principal: \"arn:aws:iam::111122223333:root\", expect: implicit-deny, request: { method: GET, path: /a }, by: A }",
        "tests:\n  - { name: n, principal: anonymous, expect: allow, request: { method: GET, path: /a }, by: { layer: identiy, statement: A } }",
    ]));
}

#[test]
fn of_a_request() {
    insta::assert_snapshot!(all(&[
        "tests: [ { name: n, principal: anonymous, request: { method: GET, path: a }, expect: deny } ]",
        "tests: [ { name: n, principal: anonymous, request: { method: GET, path: \"/a/{id}\" }, expect: deny } ]",
        "tests: [ { name: n, principal: anonymous, request: { method: GET, path: \"/a?b=c\" }, expect: deny } ]",
        "tests: [ { name: n, principal: anonymous, request: { path: /a }, expect: deny } ]",
        "tests: [ { name: n, principal: anonymous, request: { resource: /a, path: /a }, expect: deny } ]",
        "tests: [ { name: n, principal: anonymous, request: { resource: \"arn:aws:s3:::a\" }, expect: deny } ]",
        "tests: [ { name: n, principal: anonymous, request: { action: Invoke, resource: \"arn:aws:s3:::a\" }, expect: deny } ]",
        "tests: [ { name: n, principal: anonymous, request: { action: \"s3:*\", resource: bucket }, expect: deny } ]",
        "tests: [ { name: n, principal: anonymous, request: { method: GET, path: /a }, expect: deny } ]",
        "tests: [ { name: n, principal: anonymous, request: { method: GET, path: /a }, context: { aws:SourceIp: a, AWS:sourceip: b }, expect: deny } ]",
    ]));
}

#[test]
fn of_lists_rows_and_exceptions() {
    insta::assert_snapshot!(all(&[
        "tests: [ { name: n, principal: anonymous, request: { method: [GET, GET], path: /a }, expect: deny } ]",
        "tests: [ { name: n, principal: anonymous, request: { method: [], path: /a }, expect: deny } ]",
        &format!("tests: [ {TEST}, {TEST} ]"),
        "tests:\n  - name: n\n    principal: \"arn:aws:iam::111122223333:role/dev\"\n    request: { method: [GET, PUT], path: /a }\n    expect: deny\n    except:\n      - { request: { method: PATCH }, expect: allow }",
        "tests:\n  - name: n\n    principal: \"arn:aws:iam::111122223333:role/dev\"\n    request: { method: [GET, PUT], path: /a }\n    expect: deny\n    except:\n      - { request: { method: GET }, expect: allow }\n      - { request: { path: /a }, expect: allow }",
        "tests:\n  - name: n\n    principal: \"arn:aws:iam::111122223333:role/dev\"\n    request: { method: GET, path: /a }\n    expect: deny\n    except:\n      - { request: { method: GET } }",
        "tests:\n  - name: n\n    principal: \"arn:aws:iam::111122223333:role/dev\"\n    request: { method: GET, path: /a }\n    expect: deny\n    rows: [ { by: a }, { by: a } ]",
        "tests:\n  - name: n\n    principal: anonymous\n    expect: deny\n    rows: missing.csv",
        "tests:\n  - name: n\n    principal: anonymous\n    expect: deny\n    rows: pets.json",
    ]));
}

#[test]
fn of_csv_and_jsonl() {
    let test = |file: &str| {
        format!("tests: [ {{ name: n, principal: anonymous, expect: deny, rows: {file} }} ]")
    };
    let of = |file: &str, text: &str| messages(&test(file), &[(file, text)]);
    insta::assert_snapshot!(
        [
            of("a.csv", "mehtod,path\nGET,/a\n"),
            of("a.csv", "method,path\nGET\n"),
            of("a.csv", "method,path,expect\nGET,/a,allow\n\nGET,/b,perhaps\n"),
            of("a.csv", "method,method\nGET,/a\n"),
            of("a.csv", "method,path\n"),
            of("a.jsonl", "{\"request\": {\"path\": \"/a\"}}\n{\"reqest\": {}}\n"),
            of("a.jsonl", "{\"name\": \"a\", \"name\": \"b\"}\n"),
        ]
        .join("\n")
    );
}

#[test]
fn of_policies() {
    let test = |policies: &str| format!("policies: {policies}\ntests:\n  - {TEST}\n");
    let of = |policies: &str| {
        messages(
            &test(policies),
            &[(
                "bad.json",
                "{\n  \"Statement\": {\n    \"Effect\": \"Alow\",\n    \"Action\": \"*\",\n    \"Resource\": \"*\"\n  }\n}\n",
            )],
        )
    };
    insta::assert_snapshot!([
        of("{ identity: bad.json }"),
        of("{ identity: none.json }"),
        of("{ idenity: pets.json }"),
        of("{ session: [pets.json, pets.json] }"),
        of("{ authorizationType: IAM }"),
        of("{ identity: { \"Statement\": { \"Effect\": \"Allow\", \"Action\": \"s3\", \"Resource\": \"*\" } } }"),
    ]
    .join("\n"));
}

#[test]
fn of_apis_that_policies_name_in_several_ways() {
    let other = crate::PETS.replace("a1b2c3", "z9y8x7");
    insta::assert_snapshot!(messages(
        &format!("policies: {{ identity: [pets.json, other.json] }}\ntests:\n  - {TEST}\n"),
        &[("other.json", &other)],
    ));
}
