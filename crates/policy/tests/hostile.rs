//! Documents made to hurt: each is refused or read with work that grows with its length and no
//! faster, so that a mebibyte costs milliseconds. `benches/parse` has the figures; with quadratic
//! work these tests would not end.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write;

use tollgate_policy::{Limits, Parser, PolicyDocument, PolicyErrors, PolicyType};

const MEBIBYTE: usize = 1 << 20;

#[track_caller]
fn parse(source: &str) -> Result<PolicyDocument, PolicyErrors> {
    let result = PolicyDocument::parse(source, PolicyType::Identity);
    let findings = result.as_ref().map_or(Vec::new(), PolicyDocument::lint);
    let errors = result.as_ref().map_or_else(PolicyErrors::errors, |_| &[]);
    assert!(errors.len() <= PolicyErrors::CAPACITY);
    for error in errors.iter().chain(&findings) {
        assert!(source.get(error.span.range()).is_some(), "{error} is outside of the text");
        assert!(error.message.len() < 500, "{error}");
    }
    result
}

#[track_caller]
fn check(source: &str, code: &str) -> PolicyErrors {
    let errors = parse(source).unwrap_err();
    assert_eq!(errors.first().code.as_str(), code, "{}", errors.first());
    errors
}

/// A document around `inside`, as long as the limit allows.
fn filled(before: &str, repeated: &str, after: &str) -> String {
    let times = (MEBIBYTE - before.len() - after.len()) / repeated.len();
    format!("{before}{}{after}", repeated.repeat(times))
}

const STATEMENT: &str = r#"{"Effect":"Allow","Action":"s3:*","Resource":"*"}"#;

#[test]
fn brackets_without_end() {
    check(&"[".repeat(MEBIBYTE), "too-deep");
    check(&"{\"a\":".repeat(MEBIBYTE / 5), "too-deep");
    check(&"[".repeat(32), "json-syntax");
}

#[test]
fn one_byte_too_many() {
    let source = filled("{\"Statement\":[]", " ", "}");
    assert!(parse(&source).is_ok());
    check(&format!("{source}  "), "too-long");
    let small = Limits { max_bytes: 10, max_depth: 32 };
    assert!(Parser::new(PolicyType::Identity).limits(small).parse(&source).is_err());
}

#[test]
fn statements_without_number() {
    let source = filled("{\"Statement\":[{}", ",{}", "]}");
    let errors = check(&source, "missing-effect");
    assert!(errors.more() > 1_000_000, "{} more", errors.more());
    let statement = format!(",{STATEMENT}");
    let source = filled(&format!("{{\"Statement\":[{STATEMENT}"), &statement, "]}");
    assert!(parse(&source).unwrap().statements().len() > 20_000);
}

#[test]
fn one_long_line_of_characters_outside_of_ascii() {
    let statement = r#",{"Sid":"","Effect":"Aľľow","Action":"s3:*","Resource":"*"}"#;
    let source = filled(&format!("{{\"Statement\":[{STATEMENT}"), statement, "]}");
    let errors = check(&source, "unknown-effect");
    assert_eq!(errors.errors()[0].position.to_string(), "1:84");
}

#[test]
fn names_without_number() {
    let mut source = "{\"Statement\":[]".to_owned();
    let mut number = 0;
    while source.len() < MEBIBYTE - 40 {
        write!(source, ",\"{number}\":1").unwrap();
        number += 1;
    }
    source.push('}');
    check(&source, "unknown-element");
    check(&filled("{\"Statement\":[]", ",\"a\":1", "}"), "duplicate-key");
}

#[test]
fn conditions_without_number() {
    let mut keys = String::new();
    let mut number = 0;
    while keys.len() < MEBIBYTE - 200 {
        write!(keys, ",\"a:{number}\":[]").unwrap();
        number += 1;
    }
    for operator in ["StringLike", "ForAllValues:StringEquals"] {
        let condition = format!("{{\"{operator}\":{{\"a:b\":[]{keys}}}}}");
        let statement = STATEMENT.replace('}', &format!(",\"Condition\":{condition}}}"));
        assert!(parse(&format!("{{\"Statement\":{statement}}}")).is_ok());
    }
}

#[test]
fn long_texts() {
    let at = |before: &str, repeated: &str, after: &str| {
        filled(
            &format!("{{\"Version\":\"2012-10-17\",\"Statement\":{before}"),
            repeated,
            &format!("{after}}}"),
        )
    };
    let effect = r#"{"Effect":"Allow","Action":"s3:*","Resource":"#;
    assert!(parse(&at(&format!("{effect}\"arn:aws:s3:::"), "*a", "\"}")).is_ok());
    assert!(parse(&at(&format!("{effect}\"arn:aws:s3:::"), "${a:b}", "\"}")).is_ok());
    check(&at(&format!("{effect}\"arn:aws:s3:::"), "${", "\"}"), "invalid-variable");
    check(&at(&format!("{effect}\""), "x", "\"}"), "invalid-resource");
    check(&at(&format!("{effect}\"arn:aws:s3:::"), "\\u0024{", "\"}"), "invalid-variable");
    let condition =
        |operator: &str| format!("{effect}\"*\",\"Condition\":{{\"{operator}\":{{\"a:b\":\"");
    check(&at(&condition("NumericEquals"), "9", "\"}}}"), "invalid-number");
    assert!(parse(&at(&condition("NumericEquals"), "0", "\"}}}")).is_ok());
    check(&at(&condition("DateEquals"), "9", "\"}}}"), "invalid-date");
    check(&at(&condition("IpAddress"), ":", "\"}}}"), "invalid-ip-range");
    check(
        &at(&format!("{effect}\"*\",\"Condition\":{{\""), "StringEquals", "\":{}}}"),
        "unknown-operator",
    );
    check(&at("{\"", "Effect", "\":1}"), "missing-effect");
}

#[test]
fn one_long_name_around_many_errors() {
    let name = "k".repeat(MEBIBYTE / 2);
    let values = "null,".repeat(100_000);
    let statement = STATEMENT
        .replace('}', &format!(",\"Condition\":{{\"Bool\":{{\"{name}\":[{values}null]}}}}}}"));
    let errors = check(&format!("{{\"Statement\":{statement}}}"), "wrong-type");
    assert_eq!(errors.first().pointer, "/Statement/Condition/Bool");
}
