//! Whatever a covered statement matches, the covering one matches.
//!
//! Half of the pairs are two statements about the same request; in the other half one is the other
//! with less in it, so that covering is common enough to be tested.

use proptest::prelude::*;
use serde_json::{Map, Value as Json, json};
use tollgate_policy::{
    Documents, Extent, Outcome, PolicyDocument, PolicyType, Request, Scope, Variables, authorize,
    reference,
};

use crate::generate::{Choices, KEYS, Known, Question, statement};

/// Two statements, which the request of the question is about, and values for its keys.
struct Pair {
    question: Question,
    outer: Json,
    inner: Json,
    values: Vec<Known>,
}

impl Pair {
    /// The statements have bytes of their own: a question takes many.
    fn new(asked: &[u8], said: &[u8]) -> Pair {
        let question = Question::new(&mut Choices::new(asked));
        let choices = &mut Choices::new(said);
        let focus =
            choices.pick(&[Focus::All, Focus::Actions, Focus::Resources, Focus::Conditions]);
        let mut outer = allow(choices, &question);
        focus.narrow(&mut outer);
        let mut inner = match choices.rarely(2) {
            true => allow(choices, &question),
            false => narrowed(choices, &question, &outer),
        };
        focus.narrow(&mut inner);
        let values = (0..16).map(|_| Known::concrete(choices)).collect();
        Pair { question, outer, inner, values }
    }

    /// Calls `with` with the request, once for each of the values.
    fn for_each_request(&mut self, mut with: impl FnMut(&Request<'_>)) {
        for (index, value) in self.values.iter().enumerate() {
            let others = self.values.iter().cycle().skip(index + 1).cloned();
            self.question.context = KEYS
                .map(str::to_owned)
                .into_iter()
                .zip([value.clone()].into_iter().chain(others))
                .collect();
            with(&self.question.request());
        }
    }
}

/// What two statements differ in. In one element alone they contradict each other most often.
#[derive(Clone, Copy, PartialEq)]
enum Focus {
    All,
    Actions,
    Resources,
    Conditions,
}

impl Focus {
    fn narrow(self, statement: &mut Json) {
        let statement = statement.as_object_mut().unwrap();
        for (focus, name, negated) in
            [(Focus::Actions, "Action", "NotAction"), (Focus::Resources, "Resource", "NotResource")]
        {
            if self != Focus::All && self != focus {
                statement.remove(negated);
                statement.insert(name.to_owned(), json!("*"));
            }
        }
        match statement.get_mut("Condition") {
            None => {}
            Some(block) if self == Focus::Conditions => one_key(block.as_object_mut().unwrap()),
            Some(_) if self == Focus::All => {}
            Some(_) => drop(statement.remove("Condition")),
        }
    }
}

/// All conditions on one key.
fn one_key(block: &mut Map<String, Json>) {
    for keys in block.values_mut() {
        let keys = keys.as_object_mut().unwrap();
        let first = std::mem::take(keys).into_iter().next();
        keys.extend(first.map(|(_, values)| ("app:a".to_owned(), values)));
    }
}

fn allow(choices: &mut Choices<'_>, question: &Question) -> Json {
    let mut allow = statement(choices, question, PolicyType::Identity);
    allow["Effect"] = json!("Allow");
    allow
}

/// The statement with patterns, values and conditions changed in ways that mostly take away.
fn narrowed(choices: &mut Choices<'_>, question: &Question, outer: &Json) -> Json {
    let mut inner = outer.as_object().unwrap().clone();
    for name in ["Action", "NotAction", "Resource", "NotResource"] {
        if let Some(element) = inner.get_mut(name) {
            let word = if name.ends_with("Action") { question.action } else { question.resource };
            narrow_element(choices, element, word);
        }
    }
    if let Some(block) = inner.get_mut("Condition") {
        *block = Json::Object(changed_operators(choices, block.as_object().unwrap()));
    }
    let other = allow(choices, question);
    if let (Some(more), true) = (other["Condition"].as_object(), choices.rarely(2)) {
        let block = inner.entry("Condition").or_insert_with(|| json!({}));
        add_operators(block.as_object_mut().unwrap(), more);
    }
    Json::Object(inner)
}

fn narrow_element(choices: &mut Choices<'_>, element: &mut Json, word: &str) {
    let mut patterns: Vec<Json> = match element.take() {
        Json::Array(patterns) => patterns,
        scalar => vec![scalar],
    };
    if patterns.len() > 1 && choices.rarely(2) {
        patterns.remove(choices.below(patterns.len()));
    }
    for pattern in &mut patterns {
        let text = pattern.as_str().unwrap();
        let star = ["*", "", "a", "?", "a*", ":"][choices.below(6)];
        *pattern = match choices.below(4) {
            0 => json!(word),
            1 => json!(text.replacen('?', "a", 1)),
            2 if text != "*" => json!(text.replacen('*', star, 1)),
            _ => pattern.take(),
        };
    }
    *element = json!(patterns);
}

/// The conditions, some under another operator, some with a value more or less.
fn changed_operators(choices: &mut Choices<'_>, block: &Map<String, Json>) -> Map<String, Json> {
    let mut changed = Map::new();
    for (operator, keys) in block {
        let operator = match choices.below(8) {
            0 => operator.replace("Equals", "Like"),
            1 => operator.replace("Not", ""),
            2 => operator.replace("IfExists", ""),
            3 => operator.replace("ForAnyValue:", "ForAllValues:"),
            _ => operator.clone(),
        };
        let mut keys = keys.clone();
        for value in keys.as_object_mut().unwrap().values_mut() {
            let mut values = match value.take() {
                Json::Array(values) => values,
                scalar => vec![scalar],
            };
            match choices.below(4) {
                0 => drop(values.pop()),
                1 => {
                    values.push(json!(choices.pick(&["a", "red", "1", "2026", "10.0.0.1", "true"])))
                }
                2 => values.reverse(),
                _ => {}
            }
            *value = json!(values);
        }
        changed.insert(operator, keys);
    }
    changed
}

fn add_operators(block: &mut Map<String, Json>, more: &Map<String, Json>) {
    for (operator, keys) in more {
        block.entry(operator.clone()).or_insert_with(|| keys.clone());
    }
}

fn parse(statement: &Json) -> Option<PolicyDocument> {
    let text = json!({ "Version": "2012-10-17", "Statement": statement }).to_string();
    PolicyDocument::parse(&text, PolicyType::Identity).ok()
}

fn covers(outer: &PolicyDocument, inner: &PolicyDocument) -> bool {
    Scope::all(outer)[0].covers(&Scope::all(inner)[0])
}

/// Whether a statement alone, in the caller's account, allows: by both evaluators.
fn matches(document: &PolicyDocument, request: &Request<'_>) -> bool {
    let documents = Documents { identity: vec![document.clone()], ..Documents::default() };
    let own = request.principal().account().unwrap_or("111122223333");
    let request = request.clone().with_resource_account(own);
    let naive = reference::authorize(&documents, &request).outcome;
    let compiled = authorize(&documents.compile().borrow(), &request).outcome;
    assert_eq!(compiled, naive);
    compiled == Outcome::Allowed
}

/// A pair of documents, if both statements are valid.
fn documents(pair: &Pair) -> Option<(PolicyDocument, PolicyDocument)> {
    Some((parse(&pair.outer)?, parse(&pair.inner)?))
}

/// The law says little if nothing is covered, or if what is covered matches nothing.
#[test]
fn covering_is_common_in_what_is_tried() {
    let (mut covered, mut matched) = (0, 0);
    crate::for_random_bytes(3000, |bytes| {
        let (asked, said) = bytes.split_at(bytes.len() / 2);
        let mut pair = Pair::new(asked, said);
        if let Some((outer, inner)) = documents(&pair)
            && covers(&outer, &inner)
        {
            covered += 1;
            let mut any = false;
            pair.for_each_request(|request| any |= matches(&inner, request));
            matched += usize::from(any);
        }
    });
    assert!(covered > 600 && matched > 100, "{covered} covered, {matched} matched");
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        cases: 2048,
        ..ProptestConfig::default()
    })]

    #[test]
    fn what_the_covered_statement_matches_the_covering_one_matches(
        asked in crate::bytes(),
        said in crate::bytes(),
    ) {
        let mut pair = Pair::new(&asked, &said);
        if let Some((outer, inner)) = documents(&pair)
            && covers(&outer, &inner)
        {
            let mut broken = None;
            pair.for_each_request(|request| {
                if matches(&inner, request) && !matches(&outer, request) {
                    broken = Some(format!("{request:#?}"));
                }
            });
            prop_assert_eq!(broken, None, "{} {}", pair.outer, pair.inner);
        }
    }

    #[test]
    fn a_statement_covers_itself(asked in crate::bytes(), said in crate::bytes()) {
        let pair = Pair::new(&asked, &said);
        let outer = parse(&pair.outer).unwrap();
        prop_assert!(covers(&outer, &outer), "{}", pair.outer);
    }

    #[test]
    fn a_pattern_covers_what_its_parts_match(
        outer in "[ab*?:]{0,6}",
        inner in "[ab*?:]{0,6}",
        text in "[ab:]{0,6}",
    ) {
        let extent = |pattern: &str| {
            Extent::of_resource(&format!("arn:aws:s3:::{pattern}"), Variables::Literal)
        };
        let (of_outer, of_inner) = (extent(&outer), extent(&inner));
        let (by_outer, by_inner) = (crate::glob(&outer, &text), crate::glob(&inner, &text));
        prop_assert!(!of_outer.covers(&of_inner) || !by_inner || by_outer, "{outer} {inner} {text}");
        prop_assert!(of_outer.meets(&of_inner) || !(by_inner && by_outer), "{outer} {inner} {text}");
    }

    /// Nothing is missed in patterns without `?`.
    #[test]
    fn covering_is_found_where_no_text_speaks_against_it(
        outer in "[ab*]{0,4}",
        inner in "[ab*]{0,4}",
    ) {
        let extent = |pattern: &str| {
            Extent::of_resource(&format!("arn:aws:s3:::{pattern}"), Variables::Literal)
        };
        // A letter that neither pattern has stands for whatever else a `*` takes.
        let taken = [inner.replace('*', ""), inner.replace('*', "c"), inner.replace('*', "cc")];
        let expected = taken.iter().all(|text| crate::glob(&outer, text));
        prop_assert_eq!(extent(&outer).covers(&extent(&inner)), expected, "{} {}", outer, inner);
    }
}
