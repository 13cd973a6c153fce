//! The first element of a statement that does not match, in the order principal, action, resource,
//! conditions.

use std::collections::BTreeSet;

use crate::condition::CompiledCondition;
use crate::document::{
    Condition, PatternElement, PolicyDocument, PrincipalElement, PrincipalPattern, Statement,
};
use crate::kleene::Kleene;
use crate::lookup::{Facts, Found};
use crate::pattern::{Pattern, Resolution};
use crate::span::Spanned;
use crate::statement::{CompiledStatement, ResourcePattern, Resources};
use crate::undetermined::{spelled, unknown_keys};

use super::{Element, Matched, Miss, MissReason};

/// How near a statement came: how many of its elements match before the first that does not, and
/// how alike that one's pattern and the request are.
pub(super) type Nearness = (usize, usize);

/// Whether a statement matches, and how near it came.
pub(super) fn matched(
    document: &PolicyDocument,
    written: &Statement,
    statement: &CompiledStatement,
    facts: Facts<'_, '_>,
) -> (Matched, Nearness) {
    if let Some(element) = &written.principal
        && statement.grant(facts).is_none()
    {
        return (Matched::No(principal_miss(document, element, facts)), (0, 0));
    }
    if !statement.actions.applies(facts) {
        let names = (Element::Action, Element::NotAction);
        let matches = |index: usize| {
            let pattern = statement.actions.patterns.get(index);
            let action = facts.request.action.in_lower_case();
            pattern.is_some_and(|pattern| pattern.matches_bytes(action, facts))
        };
        let action = facts.request.action();
        let (miss, likeness) =
            pattern_miss(document, &written.action, names, action, matches, facts);
        return (Matched::No(miss), (1, likeness));
    }
    if let Some(element) = &written.resource
        && statement.resources.applies(facts).is_false()
    {
        let (miss, likeness) = resource_miss(document, element, &statement.resources, facts);
        return (Matched::No(miss), (2, likeness));
    }
    let conditions = written.conditions.iter().zip(&statement.conditions);
    let fails = |compiled: &CompiledCondition| compiled.holds(facts).is_false();
    if let Some((written, compiled)) = conditions.clone().find(|(_, compiled)| fails(compiled)) {
        let held = conditions.filter(|(_, compiled)| !fails(compiled)).count();
        return (Matched::No(condition_miss(document, written, compiled, facts)), (3, held));
    }
    let whole = statement.resources.applies(facts).and(statement.conditions_hold(facts));
    if whole == Kleene::Unknown {
        let mut keys = BTreeSet::new();
        unknown_keys(statement, facts, &mut keys);
        return (Matched::Unknown(spelled(keys, facts)), (4, 0));
    }
    (Matched::Yes, (4, 0))
}

fn principal_miss(
    document: &PolicyDocument,
    element: &PrincipalElement,
    facts: Facts<'_, '_>,
) -> Miss {
    let names: Vec<&str> = element.principals.iter().map(|named| text_of(&named.value)).collect();
    let (name, reason) = match (element.negated, names.is_empty()) {
        (_, true) => (Element::Principal, MissReason::EmptyList),
        (false, false) => (Element::Principal, MissReason::NoneMatches),
        (true, false) => (Element::NotPrincipal, MissReason::Excluded),
    };
    let span = element.principals.first().map(|named| named.span).unwrap_or_default();
    Miss {
        element: name,
        pattern: names.join(", "),
        value: Some(facts.principal.as_str().to_owned()),
        position: document.position(span),
        reason,
    }
}

fn text_of(pattern: &PrincipalPattern) -> &str {
    match pattern {
        PrincipalPattern::Everyone => "*",
        PrincipalPattern::Account(text)
        | PrincipalPattern::Arn(text)
        | PrincipalPattern::UniqueId(text)
        | PrincipalPattern::Service(text)
        | PrincipalPattern::Federated(text)
        | PrincipalPattern::CanonicalUser(text) => text,
    }
}

fn resource_miss(
    document: &PolicyDocument,
    element: &PatternElement,
    resources: &Resources,
    facts: Facts<'_, '_>,
) -> (Miss, usize) {
    let names = (Element::Resource, Element::NotResource);
    let compiled = |index: usize| resources.patterns().get(index);
    let matches = |index| compiled(index).is_some_and(|pattern| pattern.matches(facts).is_true());
    let resource = facts.request.resource();
    let (mut miss, likeness) = pattern_miss(document, element, names, resource, matches, facts);
    if let Resources::Only(patterns) = resources
        && let Some(key) = patterns.iter().find_map(|pattern| unresolved_variable(pattern, facts))
    {
        miss.reason = MissReason::UnresolvedVariable(key);
    }
    (miss, likeness)
}

/// The key of the first variable without a value, if there is one.
fn unresolved_variable(pattern: &ResourcePattern, facts: Facts<'_, '_>) -> Option<String> {
    match pattern {
        ResourcePattern::Any => None,
        ResourcePattern::Arn(pattern) | ResourcePattern::OwnApi(pattern) => {
            unresolved_key(pattern, facts)
        }
    }
}

fn unresolved_key(pattern: &Pattern, facts: Facts<'_, '_>) -> Option<String> {
    let unresolved = || pattern.resolution(facts) == Resolution::Unresolved;
    let absent = |key| matches!(facts.find(key), Found::Absent | Found::Many(_));
    let mut variables = pattern.variables().filter(|_| unresolved());
    variables
        .find(|variable| variable.default.is_none() && absent(&variable.key))
        .map(|variable| variable.key.as_str().to_owned())
}

/// The miss of a list of patterns, and how alike the nearest of them is to the value.
fn pattern_miss(
    document: &PolicyDocument,
    element: &PatternElement,
    (name, negated_name): (Element, Element),
    value: &str,
    matches: impl Fn(usize) -> bool,
    facts: Facts<'_, '_>,
) -> (Miss, usize) {
    let shown: Option<(usize, &Spanned<String>)> = if element.negated {
        element
            .patterns
            .iter()
            .enumerate()
            .find(|(index, _)| matches(*index))
            .map(|found| (0, found.1))
    } else {
        let ranked = element
            .patterns
            .iter()
            .map(|pattern| (likeness(&pattern.value, value, facts), pattern));
        ranked.rev().max_by_key(|(likeness, _)| *likeness)
    };
    let (likeness, pattern) = shown.unzip();
    let reason = match (pattern, element.negated) {
        (None, _) => MissReason::EmptyList,
        (Some(_), true) => MissReason::Excluded,
        (Some(_), false) => MissReason::NoneMatches,
    };
    let miss = Miss {
        element: if element.negated { negated_name } else { name },
        pattern: pattern.map(|pattern| pattern.value.clone()).unwrap_or_default(),
        value: Some(value.to_owned()),
        position: document.position(pattern.map(|pattern| pattern.span).unwrap_or_default()),
        reason,
    };
    (miss, likeness.unwrap_or_default())
}

/// How alike a pattern and a value are: the number of their parts, between colons and slashes, that
/// match in place. For ranking near misses only.
fn likeness(pattern: &str, value: &str, facts: Facts<'_, '_>) -> usize {
    let parts = |text| str::split(text, [':', '/']);
    let alike = |(pattern, value): &(&str, &str)| {
        pattern.contains("${")
            || Pattern::parse(&pattern.to_ascii_lowercase())
                .matches(&value.to_ascii_lowercase(), facts)
    };
    parts(pattern).zip(parts(value)).filter(alike).count()
}

fn condition_miss(
    document: &PolicyDocument,
    written: &Condition,
    compiled: &CompiledCondition,
    facts: Facts<'_, '_>,
) -> Miss {
    let values: Vec<&str> = written.values.iter().map(|value| value.value.as_str()).collect();
    let found = facts.find(&compiled.key);
    let span = match &*written.values {
        [only] => only.span,
        _ => written.key.span,
    };
    Miss {
        element: Element::Condition {
            operator: written.operator.value.to_string(),
            key: written.key.value.clone(),
        },
        pattern: values.join(", "),
        value: match found {
            Found::Absent | Found::Unknown => None,
            Found::One(value) => Some(value.with_text(str::to_owned)),
            Found::Many(values) => Some(values.join(", ")),
        },
        position: document.position(span),
        reason: condition_reason(compiled, found, facts),
    }
}

fn condition_reason(
    compiled: &CompiledCondition,
    found: Found<'_>,
    facts: Facts<'_, '_>,
) -> MissReason {
    let unresolved = compiled.values.patterns().find_map(|pattern| unresolved_key(pattern, facts));
    match (found, unresolved) {
        (Found::Absent, _) => MissReason::KeyAbsent,
        (Found::Many(_), _) if compiled.quantifier.is_none() => MissReason::SeveralValues,
        (Found::One(value), _) if !compiled.values.can_read(value, facts) => MissReason::Unreadable,
        (_, Some(key)) if !compiled.negated => MissReason::UnresolvedVariable(key),
        _ => MissReason::NoneMatches,
    }
}
