//! A statement taken apart: its elements, and the patterns and values of each.

use tollgate_policy::{
    Condition, PatternElement, PrincipalElement, PrincipalPattern, Request, Span, Version,
};

use crate::bundle::Citation;
use crate::probe::Probe;

/// An element of a statement, or one line of its condition block.
pub(in crate::coverage) struct Element {
    /// `Action`, `NotResource`, `StringLike aws:UserAgent`.
    pub(in crate::coverage) name: String,
    pub(in crate::coverage) is_condition: bool,
    pub(in crate::coverage) parts: Vec<Part>,
    probe: Probe,
}

/// A pattern or value, compiled by itself.
pub(in crate::coverage) struct Part {
    pub(in crate::coverage) text: String,
    pub(in crate::coverage) span: Span,
    /// Whether it matches every request there is.
    pub(in crate::coverage) constant: bool,
    pub(in crate::coverage) probe: Probe,
}

impl Element {
    /// Whether the element as a whole matches. What depends on unknown context does not.
    pub(in crate::coverage) fn matches(&self, request: &Request<'_>) -> bool {
        self.probe.matches(request) == Some(true)
    }
}

/// The elements of a statement in the order in which they are asked.
pub(in crate::coverage) fn elements(citation: &Citation<'_>) -> Vec<Element> {
    let version = citation.policy.document.version();
    let statement = citation.statement;
    let principal = statement.principal.iter().filter_map(|element| principal(version, element));
    let action = patterns(version, "Action", &statement.action, Probe::action);
    let resource = statement
        .resource
        .iter()
        .filter_map(|element| patterns(version, "Resource", element, Probe::resource));
    let conditions =
        statement.conditions.iter().filter_map(|condition| condition_line(version, condition));
    principal.chain(action).chain(resource).chain(conditions).collect()
}

fn patterns(
    version: Version,
    name: &str,
    element: &PatternElement,
    probe: fn(Version, &PatternElement) -> Option<Probe>,
) -> Option<Element> {
    let part = |pattern: &tollgate_policy::Spanned<String>| {
        let alone = PatternElement { negated: false, patterns: vec![pattern.clone()] };
        Some(Part {
            text: pattern.value.clone(),
            span: pattern.span,
            constant: pattern.value.chars().all(|c| c == '*'),
            probe: probe(version, &alone)?,
        })
    };
    Some(Element {
        name: format!("{}{name}", if element.negated { "Not" } else { "" }),
        is_condition: false,
        parts: element.patterns.iter().filter_map(part).collect(),
        probe: probe(version, element)?,
    })
}

fn principal(version: Version, element: &PrincipalElement) -> Option<Element> {
    let part = |named: &tollgate_policy::Spanned<PrincipalPattern>| {
        let alone = PrincipalElement { negated: false, principals: vec![named.clone()] };
        Some(Part {
            text: name(&named.value),
            span: named.span,
            constant: named.value == PrincipalPattern::Everyone,
            probe: Probe::principal(version, &alone)?,
        })
    };
    Some(Element {
        name: if element.negated { "NotPrincipal" } else { "Principal" }.to_owned(),
        is_condition: false,
        parts: element.principals.iter().filter_map(part).collect(),
        probe: Probe::principal(version, element)?,
    })
}

fn name(principal: &PrincipalPattern) -> String {
    match principal {
        PrincipalPattern::Everyone => "*".to_owned(),
        PrincipalPattern::Account(text)
        | PrincipalPattern::Arn(text)
        | PrincipalPattern::UniqueId(text)
        | PrincipalPattern::Service(text)
        | PrincipalPattern::Federated(text)
        | PrincipalPattern::CanonicalUser(text) => text.clone(),
    }
}

/// A condition value is seen true where the operator holds with this value alone.
fn condition_line(version: Version, condition: &Condition) -> Option<Element> {
    let part = |value: &tollgate_policy::Spanned<String>| {
        let alone = Condition { values: vec![value.clone()], ..condition.clone() };
        Some(Part {
            text: value.value.clone(),
            span: value.span,
            constant: false,
            probe: Probe::condition(version, &alone)?,
        })
    };
    Some(Element {
        name: format!("{} {}", condition.operator.value, condition.key.value),
        is_condition: true,
        parts: condition.values.iter().filter_map(part).collect(),
        probe: Probe::condition(version, condition)?,
    })
}
