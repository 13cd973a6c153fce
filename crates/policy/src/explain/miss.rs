//! The first element of a statement that does not match, in the order principal, action, resource,
//! conditions.

use std::collections::BTreeSet;

use crate::condition::CompiledCondition;
use crate::document::{
    Condition, PatternElement, PolicyDocument, PrincipalElement, PrincipalPattern, Statement,
};
use crate::evaluate::Layer;
use crate::kleene::Kleene;
use crate::lookup::{Facts, Found};
use crate::pattern::{Pattern, Resolution};
use crate::request::Request;
use crate::statement::{CompiledStatement, ResourcePattern, Resources};
use crate::undetermined::{spelled, unknown_keys};

use super::{Element, Matched, Miss, MissReason};

/// How near a statement came: how many of its elements match before the first that does not, and
/// how alike that one's pattern and the request are.
pub(super) type Nearness = (usize, usize);

/// The first element of a statement that does not match. Indices are those of the pattern or
/// condition to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Principal,
    Action(Option<usize>),
    Resource(Option<usize>),
    Condition(usize),
    /// None is known not to match, but some may not.
    Open,
    /// All match.
    None,
}

/// A statement of a document, as written and as compiled.
#[derive(Clone, Copy)]
pub(super) struct Both<'d> {
    pub(super) document: &'d PolicyDocument,
    pub(super) written: &'d Statement,
    pub(super) compiled: &'d CompiledStatement,
}

impl<'d> Both<'d> {
    /// A statement of a layer.
    pub(super) fn of(layer: Layer<'d>, compiled: &'d CompiledStatement) -> Option<Both<'d>> {
        let document = layer.set.documents().get(compiled.policy as usize)?;
        let written = document.statements().get(compiled.statement as usize)?;
        Some(Both { document, written, compiled })
    }

    /// What does not match, and how near the statement came.
    pub(super) fn fault(&self, facts: Facts<'_, '_>, asked: &Asked<'_>) -> (Fault, Nearness) {
        let Both { written, compiled, .. } = *self;
        if written.principal.is_some() && compiled.grant(facts).is_none() {
            return (Fault::Principal, (0, 0));
        }
        if !compiled.actions.applies(facts) {
            let matches = |index| action_matches(compiled, index, facts);
            let (shown, likeness) = shown(&written.action, &asked.action, matches, facts);
            return (Fault::Action(shown), (1, likeness));
        }
        if let Some(element) = &written.resource
            && compiled.resources.applies(facts).is_false()
        {
            let matches = |index| resource_matches(compiled, index, facts);
            let (shown, likeness) = shown(element, &asked.resource, matches, facts);
            return (Fault::Resource(shown), (2, likeness));
        }
        let mut fails = compiled.conditions.iter().map(|each| each.holds(facts).is_false());
        if let Some(first) = fails.clone().position(|fails| fails) {
            let held = fails.by_ref().filter(|fails| !fails).count();
            return (Fault::Condition(first), (3, held));
        }
        let whole = compiled.resources.applies(facts).and(compiled.conditions_hold(facts));
        let fault = if whole == Kleene::Unknown { Fault::Open } else { Fault::None };
        (fault, (4, 0))
    }

    /// A fault in words.
    pub(super) fn in_words(&self, fault: Fault, facts: Facts<'_, '_>) -> Matched {
        let miss = match fault {
            Fault::Principal => self.principal_miss(facts),
            Fault::Action(shown) => {
                let names = (Element::Action, Element::NotAction);
                let action = facts.request.action();
                Some(pattern_miss(self.document, &self.written.action, names, shown, action))
            }
            Fault::Resource(shown) => self.resource_miss(shown, facts),
            Fault::Condition(index) => self.condition_miss(index, facts),
            Fault::Open => {
                let mut keys = BTreeSet::new();
                unknown_keys(self.compiled, facts, &mut keys);
                return Matched::Unknown(spelled(keys, facts));
            }
            Fault::None => None,
        };
        miss.map_or(Matched::Yes, Matched::No)
    }

    fn principal_miss(&self, facts: Facts<'_, '_>) -> Option<Miss> {
        let element = self.written.principal.as_ref()?;
        Some(principal_miss(self.document, element, facts))
    }

    fn resource_miss(&self, shown: Option<usize>, facts: Facts<'_, '_>) -> Option<Miss> {
        let names = (Element::Resource, Element::NotResource);
        let resource = facts.request.resource();
        let element = self.written.resource.as_ref()?;
        let mut miss = pattern_miss(self.document, element, names, shown, resource);
        if let Resources::Only(patterns) = &self.compiled.resources
            && let Some(pattern) = shown.and_then(|index| patterns.get(index))
            && let Some(key) = unresolved_variable(pattern, facts)
        {
            miss.reason = MissReason::UnresolvedVariable(key);
        }
        Some(miss)
    }

    fn condition_miss(&self, index: usize, facts: Facts<'_, '_>) -> Option<Miss> {
        let compiled = self.compiled.conditions.get(index)?;
        Some(condition_miss(self.document, self.written.conditions.get(index)?, compiled, facts))
    }
}

fn action_matches(statement: &CompiledStatement, index: usize, facts: Facts<'_, '_>) -> bool {
    let action = facts.request.action.in_lower_case();
    let pattern = statement.actions.patterns.get(index);
    pattern.is_some_and(|pattern| pattern.matches_bytes(action, facts))
}

fn resource_matches(statement: &CompiledStatement, index: usize, facts: Facts<'_, '_>) -> bool {
    let pattern = statement.resources.patterns().get(index);
    pattern.is_some_and(|pattern| pattern.matches(facts).is_true())
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

/// Which of a list of patterns to show, and how alike it is to the value: of an element that lists
/// what matches, the most alike; of one that lists what does not, the first that matches.
fn shown(
    element: &PatternElement,
    value: &Parts<'_>,
    matches: impl Fn(usize) -> bool,
    facts: Facts<'_, '_>,
) -> (Option<usize>, usize) {
    if element.negated {
        return ((0..element.patterns.len()).find(|index| matches(*index)), 0);
    }
    let ranked = element.patterns.iter().map(|pattern| value.likeness(&pattern.value, facts));
    let ranked = ranked.enumerate();
    // `max_by_key` keeps the last of equals; the first is wanted.
    let best = ranked.rev().max_by_key(|(_, likeness)| *likeness);
    best.map_or((None, 0), |(index, likeness)| (Some(index), likeness))
}

/// The miss of a list of patterns.
fn pattern_miss(
    document: &PolicyDocument,
    element: &PatternElement,
    (name, negated_name): (Element, Element),
    shown: Option<usize>,
    value: &str,
) -> Miss {
    let pattern = shown.and_then(|index| element.patterns.get(index));
    let reason = match (pattern, element.negated) {
        (None, _) => MissReason::EmptyList,
        (Some(_), true) => MissReason::Excluded,
        (Some(_), false) => MissReason::NoneMatches,
    };
    Miss {
        element: if element.negated { negated_name } else { name },
        pattern: pattern.map(|pattern| pattern.value.clone()).unwrap_or_default(),
        value: Some(value.to_owned()),
        position: document.position(pattern.map(|pattern| pattern.span).unwrap_or_default()),
        reason,
    }
}

/// What a request asks for, to be compared with many patterns.
pub(super) struct Asked<'r> {
    action: Parts<'r>,
    resource: Parts<'r>,
}

impl<'r> Asked<'r> {
    /// What a request asks for.
    pub(super) fn of(request: &Request<'r>) -> Asked<'r> {
        Asked { action: Parts::of(request.action()), resource: Parts::of(request.resource()) }
    }
}

/// A value, and its parts between colons and slashes, with where each begins.
struct Parts<'v> {
    text: &'v [u8],
    parts: Vec<(usize, &'v [u8])>,
}

impl<'v> Parts<'v> {
    fn of(value: &'v str) -> Parts<'v> {
        let text = value.as_bytes();
        let mut begin = 0;
        let begun = text.split(ends_part).map(|part| {
            let next = begin + part.len() + 1;
            (std::mem::replace(&mut begin, next), part)
        });
        Parts { text, parts: begun.collect() }
    }

    /// How alike a pattern and the value are: the number of their parts that match in place. For
    /// ranking near misses only.
    fn likeness(&self, pattern: &str, facts: Facts<'_, '_>) -> usize {
        let pattern = pattern.as_bytes();
        // What both begin with is compared once, and most of an ARN is the same in all.
        let common = common(pattern, self.text);
        let begun = self.parts.partition_point(|(begin, _)| *begin <= common);
        let same = begun.saturating_sub(1);
        let rest = self.parts.get(same..).unwrap_or_default();
        let begin = rest.first().map_or(0, |(begin, _)| *begin);
        let pattern = pattern.get(begin..).unwrap_or_default();
        let both = pattern.split(ends_part).zip(rest);
        same + both.filter(|(pattern, (_, value))| part_matches(pattern, value, facts)).count()
    }
}

/// How many bytes two texts both begin with: of an ARN they are many, so sixteen at a time.
fn common(one: &[u8], other: &[u8]) -> usize {
    const AT_ONCE: usize = 16;
    let pieces = one.as_chunks::<AT_ONCE>().0.iter().zip(other.as_chunks().0);
    let whole = AT_ONCE * pieces.take_while(|(one, other)| one == other).count();
    let rest = one.iter().zip(other).skip(whole);
    whole + rest.take_while(|(one, other)| one == other).count()
}

fn ends_part(byte: &u8) -> bool {
    matches!(byte, b':' | b'/')
}

fn part_matches(pattern: &[u8], value: &[u8], facts: Facts<'_, '_>) -> bool {
    if pattern == value || pattern == b"*" || pattern.eq_ignore_ascii_case(value) {
        return true;
    }
    let Some(literal) = pattern.iter().position(|byte| matches!(byte, b'*' | b'?' | b'$')) else {
        return false;
    };
    let begins = value.get(..literal).zip(pattern.get(..literal));
    if !pattern.contains(&b'$') && !begins.is_some_and(|(v, p)| v.eq_ignore_ascii_case(p)) {
        return false;
    }
    // What is cut at colons and slashes is text, as it was before.
    let text = |part| String::from_utf8_lossy(part).to_ascii_lowercase();
    let (pattern, value) = (text(pattern), text(value));
    pattern.contains("${")
        || pattern.contains(['*', '?']) && Pattern::parse(&pattern).matches(&value, facts)
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
