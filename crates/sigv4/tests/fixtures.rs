//! The fixtures: what must be accepted, what must be refused and how, and the path rule.

#![cfg(test)]

mod support;

use std::collections::BTreeSet;

use serde::Deserialize;
use support::{Suite, fixture};
use tollgate_sigv4::{Mechanism, PathRule, PayloadMode, RequestTarget};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Acceptance {
    access_key_id: String,
    payload: String,
    mechanism: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    error_type: String,
    status: u16,
    message: String,
}

#[test]
fn what_is_signed_well_is_accepted() {
    let suite = Suite::<Acceptance>::read("accepted.json");
    for case in &suite.cases {
        let verified = suite.verify(case).unwrap_or_else(|refusal| {
            panic!("{}: {refusal}\n{}", case.name, refusal.message());
        });
        let payload = match verified.payload() {
            PayloadMode::Hashed => "hashed",
            PayloadMode::Declared => "declared",
            PayloadMode::Unsigned => "unsigned",
        };
        let mechanism = match verified.mechanism() {
            Mechanism::Header => "header",
            Mechanism::Presigned => "presigned",
        };
        let expect = &case.expect;
        assert_eq!(verified.access_key_id(), expect.access_key_id, "{}", case.name);
        assert_eq!(verified.identity, expect.access_key_id, "{}", case.name);
        assert_eq!((payload, mechanism), (&*expect.payload, &*expect.mechanism), "{}", case.name);
        assert_eq!(verified.scope().to_string(), "20261121/eu-west-1/execute-api/aws4_request");
        assert!(verified.signed_headers().any(|name| name == "host"), "{}", case.name);
        assert!(verified.valid_until() >= case.now, "{}", case.name);
        assert_eq!(
            verified.has_session_token(),
            verified.access_key_id().starts_with("ASIA"),
            "{}",
            case.name
        );
    }
}

#[test]
fn every_rule_broken_once_gets_the_answer_of_aws() {
    let suite = Suite::<Answer>::read("refused.json");
    for case in &suite.cases {
        let refusal = suite.verify(case).err();
        let refusal = refusal.unwrap_or_else(|| panic!("rule {:?}: {}", case.rule, case.name));
        assert_eq!(refusal.message(), case.expect.message, "{}", case.name);
        assert_eq!(refusal.error_type().name(), case.expect.error_type, "{}", case.name);
        assert_eq!(refusal.status(), case.expect.status, "{}", case.name);
        let body = serde_json::json!({ "message": case.expect.message }).to_string();
        assert_eq!(refusal.body(), body, "{}", case.name);
    }
    let rules: BTreeSet<u32> = suite.cases.iter().filter_map(|case| case.rule).collect();
    assert_eq!(rules, (1..=12).collect(), "rule 13 is the answers themselves");
}

#[test]
fn no_refusal_holds_a_secret() {
    let suite = Suite::<Answer>::read("refused.json");
    let keys = suite.keys.0.iter();
    let secrets: Vec<&str> = keys
        .flat_map(|key| [Some(&*key.secret_access_key), key.session_token.as_deref()])
        .flatten()
        .collect();
    for case in &suite.cases {
        let refusal = suite.verify(case).expect_err("a refusal");
        let shown = format!("{} {refusal} {refusal:?}", refusal.body());
        for secret in &secrets {
            assert!(!shown.contains(secret), "{} shows {secret}", case.name);
        }
        assert!(!refusal.to_string().contains('\n'), "{} takes more than a line", case.name);
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PathCase {
    path: String,
    authority: Option<String>,
    host: Option<String>,
    #[serde(default)]
    encoded_slash: bool,
    #[serde(default)]
    semicolon: bool,
    accept: Option<String>,
    refuse: Option<String>,
    position: Option<usize>,
    #[serde(default, rename = "why")]
    _why: String,
}

#[derive(Deserialize)]
struct Paths {
    cases: Vec<PathCase>,
}

#[test]
fn the_path_rule_accepts_or_refuses_with_reason_and_position() {
    let Paths { cases } = serde_json::from_str(&fixture("paths.json")).expect("paths.json");
    for case in cases {
        let rule = PathRule { encoded_slash: case.encoded_slash, semicolon: case.semicolon };
        let target = RequestTarget {
            path: case.path.as_bytes(),
            authority: case.authority.as_deref().map(str::as_bytes),
            host: case.host.as_deref().map(str::as_bytes),
        };
        match rule.accept(&target) {
            Ok(path) => assert_eq!(Some(path.as_str()), case.accept.as_deref(), "`{}`", case.path),
            Err(refusal) => {
                let reason = format!("{:?}", refusal.reason);
                assert_eq!(Some(&reason), case.refuse.as_ref(), "`{}`", case.path);
                assert_eq!(Some(refusal.position), case.position, "`{}`", case.path);
                assert_eq!((refusal.status(), case.accept), (400, None), "`{}`", case.path);
            }
        }
    }
}
