//! Laws that hold for every question, tried on random ones.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod cover;
mod generate;

use std::collections::BTreeMap;

use generate::{Choices, Known, Question, statement};
use proptest::prelude::*;
use serde_json::{Map, Value as Json, json};
use tollgate_policy::{
    Circumstances, Decision, Documents, Head, Key, Matched, Outcome, PolicyDocument, PolicyType,
    Principal, Request, ResourceClasses, authorize, explain, missing_layers, nearest_miss,
    reference,
};

fn decide(question: &Question) -> Decision {
    let sets = question.documents().compile();
    authorize(&sets.borrow(), &question.request())
}

/// Bytes enough for a question, and some for what a test does with it.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..400)
}

/// How far an outcome is from allowed.
fn rank(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Allowed => 2,
        Outcome::Indeterminate => 1,
        Outcome::ExplicitDeny | Outcome::ImplicitDeny => 0,
    }
}

/// Rewrites every statement of every document.
fn for_each_statement(question: &mut Question, mut change: impl FnMut(&mut Map<String, Json>)) {
    for document in question.layers.all_mut() {
        let statements = document["Statement"].as_array_mut().unwrap();
        statements.iter_mut().for_each(|statement| change(statement.as_object_mut().unwrap()));
    }
}

/// Gives every key and operator block of a statement's conditions to `change`.
fn for_each_block(statement: &mut Map<String, Json>, change: impl Fn(&mut Map<String, Json>)) {
    if let Some(conditions) = statement.get_mut("Condition") {
        let blocks = conditions.as_object_mut().unwrap().values_mut();
        blocks.for_each(|block| change(block.as_object_mut().unwrap()));
    }
}

/// The definition: a star is nothing, or one character and again a star.
fn glob(pattern: &str, text: &str) -> bool {
    let (mut pattern, mut text) = (pattern.chars(), text.chars());
    match (pattern.next(), text.clone().next()) {
        (None, next) => next.is_none(),
        (Some('*'), next) => {
            glob(pattern.as_str(), text.as_str())
                || next.is_some_and(|_| {
                    text.next();
                    glob(&format!("*{}", pattern.as_str()), text.as_str())
                })
        }
        (Some(_), None) => false,
        (Some(wanted), Some(found)) => {
            text.next();
            (wanted == '?' || wanted == found) && glob(pattern.as_str(), text.as_str())
        }
    }
}

fn is_allowed(statement: &Json, request: &Request<'_>) -> bool {
    let policy = json!({ "Version": "2012-10-17", "Statement": statement }).to_string();
    let identity = vec![PolicyDocument::parse(&policy, PolicyType::Identity).unwrap()];
    let sets = Documents { identity, ..Documents::default() }.compile();
    authorize(&sets.borrow(), request).outcome == Outcome::Allowed
}

fn string_like(pattern: &str, text: &str) -> bool {
    let statement = json!({
        "Effect": "Allow", "Action": "*", "Resource": "*",
        "Condition": { "StringLike": { "app:key": pattern } },
    });
    let request = Request::new(ana(), "s3:GetObject", "*").with(Key::new("app:key"), text);
    is_allowed(&statement, &request)
}

fn resource_matches(pattern: &str, text: &str) -> bool {
    let resource = |path: &str| format!("arn:aws:s3:::{path}");
    let statement = json!({ "Effect": "Allow", "Action": "*", "Resource": resource(pattern) });
    is_allowed(&statement, &Request::new(ana(), "s3:GetObject", &resource(text)))
}

fn ana() -> Principal<'static> {
    Principal::parse("arn:aws:iam::111122223333:user/ana").unwrap()
}

/// JSON text with the members of every object in descending order of their names.
fn written_backwards(json: &Json) -> String {
    let members = |object: &Map<String, Json>| -> Vec<String> {
        let members = object.iter().rev();
        members
            .map(|(name, value)| format!("{}:{}", json!(name), written_backwards(value)))
            .collect()
    };
    match json {
        Json::Object(object) => format!("{{{}}}", members(object).join(",")),
        Json::Array(items) => {
            let items: Vec<String> = items.iter().map(written_backwards).collect();
            format!("[{}]", items.join(","))
        }
        scalar => scalar.to_string(),
    }
}

/// Calls `with` so many times with bytes that look random and are always the same.
fn for_random_bytes(times: usize, mut with: impl FnMut(&[u8])) {
    let mut seed = 1_u32;
    let mut byte = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        seed.to_be_bytes()[0]
    };
    for _ in 0..times {
        let bytes: Vec<u8> = (0..400).map(|_| byte()).collect();
        with(&bytes);
    }
}

/// A law about questions says little if they all have one answer.
#[test]
fn questions_have_every_answer() {
    let mut counts = BTreeMap::new();
    for_random_bytes(1000, |bytes| {
        let question = Question::new(&mut Choices::new(bytes));
        *counts.entry(decide(&question).outcome.as_str()).or_insert(0) += 1;
    });
    for outcome in ["allowed", "explicitDeny", "implicitDeny", "indeterminate"] {
        assert!(counts.get(outcome).is_some_and(|count| *count >= 50), "{counts:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_evaluators_agree(bytes in bytes()) {
        let question = Question::new(&mut Choices::new(&bytes));
        let expected = reference::authorize(&question.documents(), &question.request());
        prop_assert_eq!(decide(&question), expected, "{:#?}", question);
    }

    #[test]
    fn an_explanation_tells_of_the_decision(bytes in bytes()) {
        let question = Question::new(&mut Choices::new(&bytes));
        let sets = question.documents().compile();
        let (policies, request) = (sets.borrow(), question.request());
        let decision = authorize(&policies, &request);
        let explanation = explain(&policies, &request);
        prop_assert_eq!(explanation.outcome, decision.outcome, "{:#?}", question);
        prop_assert_eq!(&explanation.depends_on, &decision.depends_on, "{:#?}", question);
        let first: Vec<_> = explanation.determined_by.iter().copied().take(4).collect();
        prop_assert_eq!(first, decision.determined_by.iter().collect::<Vec<_>>(), "{:#?}", question);
        let named = |id| explanation.statement(id).is_some();
        prop_assert!(explanation.determined_by.iter().all(|id| named(*id)), "{:#?}", question);
    }

    #[test]
    fn globs_match_what_the_definition_matches(
        pattern in "[ab*?:é]{0,10}",
        text in "[ab:é*]{0,10}",
    ) {
        let expected = glob(&pattern, &text);
        prop_assert_eq!(string_like(&pattern, &text), expected, "`{}` `{}`", pattern, text);
        // in the sixth part of a resource the same holds
        prop_assert_eq!(resource_matches(&pattern, &text), expected, "`{}` `{}`", pattern, text);
    }

    #[test]
    fn adding_a_deny_never_allows(bytes in bytes()) {
        let mut choices = Choices::new(&bytes);
        let mut question = Question::new(&mut choices);
        let before = decide(&question);
        let mut deny = statement(&mut choices, &question, PolicyType::Identity);
        deny["Effect"] = json!("Deny");
        question.layers.identity.push(json!({ "Version": "2012-10-17", "Statement": [deny] }));
        let after = decide(&question);
        prop_assert!(rank(after.outcome) <= rank(before.outcome), "{before:?} {after:?} {question:#?}");
    }

    #[test]
    fn adding_an_identity_allow_never_denies(bytes in bytes()) {
        let mut choices = Choices::new(&bytes);
        let mut question = Question::new(&mut choices);
        let before = decide(&question);
        let mut allow = statement(&mut choices, &question, PolicyType::Identity);
        allow["Effect"] = json!("Allow");
        question.layers.identity.push(json!({ "Version": "2012-10-17", "Statement": [allow] }));
        let after = decide(&question);
        prop_assert!(rank(after.outcome) >= rank(before.outcome), "{before:?} {after:?} {question:#?}");
    }

    #[test]
    fn order_does_not_matter(bytes in bytes()) {
        let mut question = Question::new(&mut Choices::new(&bytes));
        let before = decide(&question);
        for_each_statement(&mut question, |statement| {
            statement.values_mut().filter_map(Json::as_array_mut).for_each(|list| list.reverse());
            for_each_block(statement, |block| {
                block.values_mut().filter_map(Json::as_array_mut).for_each(|list| list.reverse());
            });
        });
        for document in question.layers.all_mut() {
            document["Statement"].as_array_mut().unwrap().reverse();
        }
        question.layers.identity.reverse();
        question.layers.service_control.reverse();
        question.context.reverse();
        let sets = question.documents_as(written_backwards).compile();
        let after = authorize(&sets.borrow(), &question.request());
        prop_assert_eq!(after.outcome, before.outcome, "{:#?}", question);
        prop_assert_eq!(after.depends_on, before.depends_on, "{:#?}", question);
    }

    #[test]
    fn a_scalar_is_a_list_of_one(bytes in bytes()) {
        fn wrap(value: &mut Json) {
            if !value.is_array() {
                *value = json!([value.take()]);
            }
        }
        let mut question = Question::new(&mut Choices::new(&bytes));
        let before = decide(&question);
        for_each_statement(&mut question, |statement| {
            for (name, value) in statement.iter_mut() {
                match (name.as_str(), value) {
                    ("Action" | "NotAction" | "Resource" | "NotResource", value) => wrap(value),
                    ("Principal" | "NotPrincipal", Json::Object(typed)) => typed.values_mut().for_each(wrap),
                    _ => {}
                }
            }
            for_each_block(statement, |block| block.values_mut().for_each(wrap));
        });
        prop_assert_eq!(decide(&question), before, "{:#?}", question);
    }

    #[test]
    fn the_case_of_keys_does_not_matter(bytes in bytes()) {
        let mut question = Question::new(&mut Choices::new(&bytes));
        let before = decide(&question);
        for_each_statement(&mut question, |statement| for_each_block(statement, |block| {
            let keys = std::mem::take(block).into_iter();
            block.extend(keys.map(|(key, values)| (key.to_uppercase(), values)));
        }));
        prop_assert_eq!(&decide(&question), &before, "{:#?}", question);
        for (key, _) in &mut question.context {
            *key = key.to_lowercase();
        }
        let mut after = decide(&question);
        after.depends_on = before.depends_on.clone();
        prop_assert_eq!(after, before, "{:#?}", question);
    }

    #[test]
    fn what_becomes_known_never_contradicts(bytes in bytes()) {
        let mut choices = Choices::new(&bytes);
        let mut question = Question::new(&mut choices);
        let before = decide(&question).outcome;
        for (_, known) in &mut question.context {
            if matches!(known, Known::Unknown) && choices.rarely(2) {
                *known = Known::concrete(&mut choices);
            }
        }
        let after = decide(&question).outcome;
        let refines = match before {
            Outcome::Indeterminate => true,
            // whether something also denies may still be open
            Outcome::ImplicitDeny => matches!(after, Outcome::ImplicitDeny | Outcome::ExplicitDeny),
            settled => after == settled,
        };
        prop_assert!(refines, "{before} {after} {question:#?}");
    }

    #[test]
    fn the_keys_named_settle_the_outcome(bytes in bytes()) {
        let mut choices = Choices::new(&bytes);
        let mut question = Question::new(&mut choices);
        let before = decide(&question);
        for (key, known) in &mut question.context {
            if before.depends_on.contains(key) {
                prop_assert!(matches!(known, Known::Unknown), "`{key}` is known");
                *known = Known::concrete(&mut choices);
            }
        }
        let after = decide(&question);
        prop_assert_eq!(before.depends_on.is_empty(), before.outcome != Outcome::Indeterminate);
        prop_assert_ne!(after.outcome, Outcome::Indeterminate, "{:?} {:#?}", before, question);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(800))]
    #[test]
    fn what_policies_cannot_tell_apart_they_decide_alike(bytes in bytes(), more in bytes()) {
        let one = Question::new(&mut Choices::new(&bytes));
        let mut choices = Choices::new(&more);
        let other = Question::new(&mut choices);
        let mut other = Question { layers: one.layers.clone(), action: one.action, ..other };
        // Most of the time only a part differs, so that much is alike.
        if choices.rarely(2) {
            other.resource = one.resource;
        } else {
            (other.principal, other.context) = (one.principal, one.context.clone());
        }
        let sets = one.documents().compile();
        let policies = sets.borrow();
        let mut classes = ResourceClasses::new(policies.sets());
        let mut class = |resource| classes.class(&mut Head::new(String::new()), resource).unwrap();
        let (left, right) = (one.request(), other.request());
        let alike = class(one.resource) == class(other.resource)
            && Circumstances::of(&policies, &left) == Circumstances::of(&policies, &right)
            && left.resource_account() == right.resource_account()
            && !policies.sets().any(|set| set.has_resource_variables());
        if alike {
            prop_assert_eq!(authorize(&policies, &left), authorize(&policies, &right));
        }
    }
}

proptest! {
    #[test]
    fn the_nearest_miss_and_what_is_missing_are_those_of_the_explanation(bytes in bytes()) {
        let question = Question::new(&mut Choices::new(&bytes));
        let sets = question.documents().compile();
        let explanation = explain(&sets.borrow(), &question.request());
        let nearest = explanation.nearest.and_then(|id| {
            match &explanation.statement(id).unwrap().matched {
                Matched::No(miss) => Some((id, miss.clone())),
                _ => None,
            }
        });
        prop_assert_eq!(nearest_miss(&sets.borrow(), &question.request()), nearest);
        let missing = missing_layers(&sets.borrow(), &question.request());
        prop_assert_eq!(missing, explanation.missing);
    }
}
