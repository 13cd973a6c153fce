//! Patterns of every kind match what their definitions match.
//!
//! Strings and actions are compared with the definition of a glob; resources and ARNs, whose parts
//! matter, with the reference.

#![no_main]

use std::collections::BTreeSet;

use libfuzzer_sys::fuzz_target;
use serde_json::{Value as Json, json};
use tollgate_policy::{
    Decision, Documents, Key, Outcome, PolicyDocument, PolicyType, Principal, Request, authorize,
    reference,
};

fuzz_target!(|input: (String, String)| {
    let (pattern, text) = input;
    if pattern.len() > 300 || text.len() > 300 {
        return;
    }
    if let Some(allowed) = ask(&json!({ "StringLike": { "app:key": pattern } }), "*", "*", &text) {
        assert_eq!(allowed, glob(&pattern, &text), "`{pattern}` against `{text}`");
    }
    ask(&json!({ "ArnLike": { "app:key": pattern } }), "*", "*", &text);
    ask(&json!({ "StringEqualsIgnoreCase": { "app:key": pattern } }), "*", "*", &text);
    ask(&json!({}), "*", &pattern, &text);
    ask(&json!({}), "*", &format!("arn:aws:{pattern}"), &format!("arn:aws:{text}"));
    if let Some(allowed) = ask(&json!({}), &pattern, "*", &text) {
        let (pattern, text) = (pattern.to_ascii_lowercase(), text.to_ascii_lowercase());
        assert_eq!(allowed, glob(&pattern, &text), "`{pattern}` against `{text}`");
    }
});

/// Whether a policy with these patterns allows a request that holds the text everywhere; `None` when
/// it is no policy.
fn ask(condition: &Json, action: &str, resource: &str, text: &str) -> Option<bool> {
    let policy = json!({ "Version": "2008-10-17", "Statement": {
        "Effect": "Allow", "Action": action, "Resource": resource, "Condition": condition,
    }});
    let document = PolicyDocument::parse(&policy.to_string(), PolicyType::Identity).ok()?;
    let documents = Documents { identity: vec![document], ..Documents::default() };
    let principal = Principal::parse("arn:aws:iam::111122223333:user/ana")?;
    let request = Request::new(principal, text, text)
        .with(Key::new("app:key"), text)
        .with_resource_account("111122223333");
    let expected: Decision = reference::authorize(&documents, &request);
    let sets = documents.compile();
    assert_eq!(authorize(&sets.borrow(), &request), expected, "{policy} against `{text}`");
    // keys, sessions and trust policies have rules of their own
    let strict =
        ["kms:", "sts:"].iter().any(|service| text.to_ascii_lowercase().starts_with(service));
    (!strict).then_some(expected.outcome == Outcome::Allowed)
}

/// The definition, place by place.
fn glob(pattern: &str, text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let mut places = BTreeSet::from([0]);
    for wanted in pattern.chars() {
        places = match wanted {
            '*' => places.first().map_or(BTreeSet::new(), |first| (*first..=text.len()).collect()),
            '?' => {
                places.iter().filter(|place| **place < text.len()).map(|place| place + 1).collect()
            }
            _ => places
                .iter()
                .filter(|place| text.get(**place) == Some(&wanted))
                .map(|place| place + 1)
                .collect(),
        };
    }
    places.contains(&text.len())
}
