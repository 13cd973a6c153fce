//! Conditions: an operator, a key, and values compared with what the request says of the key.
//!
//! Source: IAM User Guide, `reference_policies_elements_condition_operators`, and for several
//! values `reference_policies_condition-single-vs-multi-valued-context-keys`.

use std::cmp::Ordering;
use std::net::IpAddr;

use jiff::Timestamp;

use crate::arn::ArnParts;
use crate::binary::parse_bool;
use crate::cidr::Cidr;
use crate::date::parse_instant;
use crate::kleene::Kleene;
use crate::lookup::{Facts, Found, KeyName, Scalar};
use crate::number::Decimal;
use crate::operator::Quantifier;
use crate::pattern::{Pattern, Resolution};

/// One operator applied to one key.
#[derive(Debug)]
pub(crate) struct CompiledCondition {
    pub(crate) key: KeyName,
    pub(crate) quantifier: Option<Quantifier>,
    pub(crate) negated: bool,
    pub(crate) if_exists: bool,
    pub(crate) values: Values,
}

/// The values of a policy, read for their test. What cannot be read was an error of the document.
#[derive(Debug)]
pub(crate) enum Values {
    /// `StringEquals`: patterns without wildcards; `StringLike`: with.
    Text(Box<[Pattern]>),
    /// `StringEqualsIgnoreCase`.
    CaselessText(Box<[Pattern]>),
    /// `ArnEquals` and `ArnLike`.
    Arn(Box<[ArnPattern]>),
    /// `Bool`.
    Bool(Box<[Truth]>),
    /// `BinaryEquals`: base64 text, which is canonical, so that equal text means equal bytes.
    Binary(Box<[Box<str>]>),
    /// `Numeric…`.
    Number(Relation, Box<[Decimal]>),
    /// `Date…`.
    Instant(Relation, Box<[Timestamp]>),
    /// `IpAddress`.
    Address(Box<[Cidr]>),
    /// `Null`: whether `true` and whether `false` is among the values.
    Null { absent: bool, present: bool },
}

/// How the value of the request must stand to the value of the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Relation {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Relation {
    fn holds(self, ordering: Ordering) -> bool {
        match self {
            Relation::Equal => ordering.is_eq(),
            Relation::Less => ordering.is_lt(),
            Relation::LessOrEqual => ordering.is_le(),
            Relation::Greater => ordering.is_gt(),
            Relation::GreaterOrEqual => ordering.is_ge(),
        }
    }
}

/// A value of an ARN operator.
#[derive(Debug)]
pub(crate) enum ArnPattern {
    /// `*`: any ARN.
    Any,
    /// Six parts, matched separately: no wildcard before the sixth takes a colon.
    Parts(Pattern),
}

/// A value of `Bool`.
#[derive(Debug)]
pub(crate) enum Truth {
    Known(bool),
    Variable(Pattern),
}

impl CompiledCondition {
    /// Whether the condition holds for the request.
    #[inline]
    pub(crate) fn holds(&self, facts: Facts<'_, '_>) -> Kleene {
        let found = facts.find(&self.key);
        if let Values::Null { absent, present } = self.values {
            return self.null_holds(found, absent, present);
        }
        match (found, self.quantifier) {
            (Found::Unknown, _) if self.never_holds() => Kleene::False,
            (Found::Unknown, _) => Kleene::Unknown,
            (Found::Absent, quantifier) => self.holds_without_value(quantifier).into(),
            (Found::One(value), _) => self.passes(value, facts),
            // A key with several values needs a set operator.
            (Found::Many(_), None) => Kleene::False,
            (Found::Many(values), Some(quantifier)) => {
                let each = values.iter().map(|value| self.passes(Scalar::Text(value), facts));
                match quantifier {
                    Quantifier::ForAllValues => each.min().unwrap_or(Kleene::True),
                    Quantifier::ForAnyValue => each.max().unwrap_or(Kleene::False),
                }
            }
        }
    }

    /// `Null` asks for the key itself; with a set operator it asks nothing.
    fn null_holds(&self, found: Found<'_>, absent: bool, present: bool) -> Kleene {
        match (self.quantifier, found) {
            (Some(Quantifier::ForAllValues), _) => Kleene::True,
            (Some(Quantifier::ForAnyValue), _) => Kleene::False,
            (None, Found::Unknown) if absent != present => Kleene::Unknown,
            (None, Found::Unknown | Found::Absent) => absent.into(),
            (None, Found::One(_) | Found::Many(_)) => present.into(),
        }
    }

    /// Whether there is nothing to match, so that the condition is false whatever the key's value.
    fn never_holds(&self) -> bool {
        let holds_without_value = self.holds_without_value(self.quantifier);
        self.values.is_empty() && !self.negated && !holds_without_value
    }

    /// What the condition says of an absent key, or of an empty set of values.
    fn holds_without_value(&self, quantifier: Option<Quantifier>) -> bool {
        match quantifier {
            _ if self.if_exists => true,
            Some(Quantifier::ForAllValues) => true,
            Some(Quantifier::ForAnyValue) => false,
            None => self.negated,
        }
    }

    /// Whether one value of the request passes: some value of the policy matches it, or for a
    /// negated operator, none does. A value that the operator cannot read passes neither way
    /// **(our choice)**.
    #[inline]
    fn passes(&self, value: Scalar<'_>, facts: Facts<'_, '_>) -> Kleene {
        match self.values.any_matches(value, facts) {
            None => Kleene::False,
            Some(matches) if self.negated => !matches,
            Some(matches) => matches,
        }
    }

    /// Calls `each` with the keys that leave the condition unknown: its own, and those of the
    /// variables in its values.
    pub(crate) fn unknown_keys(&self, facts: Facts<'_, '_>, mut each: impl FnMut(&str)) {
        for key in self.keys().filter(|key| matches!(facts.find(key), Found::Unknown)) {
            each(key.as_str());
        }
    }

    /// Its own key, and those of the variables in its values.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &KeyName> {
        let variables = self.values.patterns().flat_map(Pattern::variables);
        std::iter::once(&self.key).chain(variables.map(|variable| &variable.key))
    }
}

impl Values {
    /// Whether some value of the policy matches a value of the request; `None` when the request's
    /// value is not of the kind that the operator compares.
    #[inline]
    fn any_matches(&self, value: Scalar<'_>, facts: Facts<'_, '_>) -> Option<Kleene> {
        Some(match self {
            Values::Text(patterns) => value.with_text(|text| {
                any(patterns, |pattern| resolved(pattern, facts, || pattern.matches(text, facts)))
            }),
            Values::CaselessText(patterns) => value.with_text(|text| {
                any(patterns, |pattern| {
                    resolved(pattern, facts, || pattern.equals_caseless(text, facts))
                })
            }),
            Values::Arn(patterns) => {
                value.with_text(|text| any_arn_matches(patterns, text, facts))?
            }
            Values::Bool(patterns) => {
                let value = as_bool(value)?;
                let text = if value { "true" } else { "false" };
                any(patterns, |truth| match truth {
                    Truth::Known(known) => (*known == value).into(),
                    Truth::Variable(pattern) => {
                        resolved(pattern, facts, || pattern.equals_caseless(text, facts))
                    }
                })
            }
            Values::Binary(values) => {
                value.with_text(|text| values.iter().any(|value| **value == *text)).into()
            }
            Values::Number(relation, values) => {
                let number = as_number(value)?;
                values.iter().any(|value| relation.holds(number.cmp(value))).into()
            }
            Values::Instant(relation, values) => {
                let instant = as_instant(value)?;
                values.iter().any(|value| relation.holds(instant.cmp(value))).into()
            }
            Values::Address(ranges) => {
                let address = as_address(value)?;
                ranges.iter().any(|range| range.contains(address)).into()
            }
            Values::Null { .. } => Kleene::False,
        })
    }

    fn is_empty(&self) -> bool {
        match self {
            Values::Text(values) | Values::CaselessText(values) => values.is_empty(),
            Values::Arn(values) => values.is_empty(),
            Values::Bool(values) => values.is_empty(),
            Values::Binary(values) => values.is_empty(),
            Values::Number(_, values) => values.is_empty(),
            Values::Instant(_, values) => values.is_empty(),
            Values::Address(values) => values.is_empty(),
            Values::Null { absent, present } => !absent && !present,
        }
    }

    /// Whether the operator can compare a value of the request.
    pub(crate) fn can_read(&self, value: Scalar<'_>, facts: Facts<'_, '_>) -> bool {
        self.any_matches(value, facts).is_some()
    }

    /// The patterns that may hold variables.
    pub(crate) fn patterns(&self) -> Box<dyn Iterator<Item = &Pattern> + '_> {
        match self {
            Values::Text(patterns) | Values::CaselessText(patterns) => Box::new(patterns.iter()),
            Values::Bool(truths) => Box::new(truths.iter().filter_map(|truth| match truth {
                Truth::Known(_) => None,
                Truth::Variable(pattern) => Some(pattern),
            })),
            Values::Arn(patterns) => {
                Box::new(patterns.iter().filter_map(|pattern| match pattern {
                    ArnPattern::Any => None,
                    ArnPattern::Parts(pattern) => Some(pattern),
                }))
            }
            _ => Box::new(std::iter::empty()),
        }
    }
}

/// The disjunction over a policy's values; stops at the first that holds.
#[inline]
fn any<T>(values: &[T], holds: impl Fn(&T) -> Kleene) -> Kleene {
    let mut all = Kleene::False;
    for value in values {
        all = all.or(holds(value));
        if all.is_true() {
            return Kleene::True;
        }
    }
    all
}

/// What a match is worth when the pattern's variables may not have values. An unresolved variable
/// equals nothing, so that a positive operator does not match and a negated one does.
#[inline]
fn resolved(pattern: &Pattern, facts: Facts<'_, '_>, matches: impl FnOnce() -> bool) -> Kleene {
    match pattern.resolution(facts) {
        Resolution::Resolved => matches().into(),
        Resolution::Unresolved => Kleene::False,
        Resolution::Unknown => Kleene::Unknown,
    }
}

/// `None` when `text` is no ARN.
fn any_arn_matches(patterns: &[ArnPattern], text: &str, facts: Facts<'_, '_>) -> Option<Kleene> {
    let arn = ArnParts::split(text)?;
    let last_part = text.len() - arn.resource.len();
    Some(any(patterns, |pattern| match pattern {
        ArnPattern::Any => Kleene::True,
        ArnPattern::Parts(pattern) => {
            resolved(pattern, facts, || pattern.matches_arn(text, last_part, facts))
        }
    }))
}

fn as_bool(value: Scalar<'_>) -> Option<bool> {
    match value {
        Scalar::Bool(value) => Some(value),
        Scalar::Text(text) => parse_bool(text),
        _ => None,
    }
}

fn as_number(value: Scalar<'_>) -> Option<Decimal> {
    match value {
        Scalar::Integer(value) => Some(Decimal::from(value)),
        Scalar::Text(text) => Decimal::parse(text),
        _ => None,
    }
}

fn as_instant(value: Scalar<'_>) -> Option<Timestamp> {
    match value {
        Scalar::Time(value) => Some(value),
        Scalar::Text(text) => parse_instant(text),
        // As text, a short number may be a year.
        Scalar::Integer(seconds @ 10_000..200_000_000_000) => Timestamp::from_second(seconds).ok(),
        Scalar::Integer(_) => value.with_text(parse_instant),
        _ => None,
    }
}

fn as_address(value: Scalar<'_>) -> Option<IpAddr> {
    match value {
        Scalar::Ip(address) => Some(address),
        Scalar::Text(text) => text.parse().ok(),
        _ => None,
    }
}
