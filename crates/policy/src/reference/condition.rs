//! Conditions (section 3): operator, key, values against what the request says of the key.

use std::cmp::Ordering;
use std::net::IpAddr;

use super::context::{Known, lookup};
use super::pattern::{Pattern, arn_matches, glob, simple_lower_case};
use super::truth::Truth;
use super::value::{Number, range_contains, read_base64, read_instant};
use crate::document::{Condition, Version};
use crate::operator::{Quantifier, Test};
use crate::request::Request;

/// Whether a condition holds, by the table of section 3.
pub(super) fn holds(condition: &Condition, version: Version, request: &Request<'_>) -> Truth {
    let operator = condition.operator.value;
    match (operator.test, operator.quantifier) {
        // "`ForAllValues:Null` is always true, `ForAnyValue:Null` always false."
        (Test::Null, Some(quantifier)) => {
            return Truth::from(quantifier == Quantifier::ForAllValues);
        }
        (Test::Null, None) => return null_holds(condition, request),
        _ => {}
    }
    let Known::Values(values) = lookup(request, &condition.key.value) else {
        // "Empty policy value list: a positive operator is false", for every value and for none,
        // unless one that is absent passes
        let absent_passes =
            operator.if_exists || operator.quantifier == Some(Quantifier::ForAllValues);
        let always_false = condition.values.is_empty() && !operator.negated && !absent_passes;
        return if always_false { Truth::False } else { Truth::Unknown };
    };
    let passes = |value: &String| passes(condition, version, request, value);
    match (operator.quantifier, values.as_slice()) {
        // the row "absent": each operator with the suffix is true
        (_, []) if operator.if_exists => Truth::True,
        (None, []) => Truth::from(operator.negated),
        (None, [value]) => passes(value),
        // the row "several values": a set operator is required
        (None, _) => Truth::False,
        (Some(Quantifier::ForAllValues), values) => Truth::all(values.iter().map(passes)),
        (Some(Quantifier::ForAnyValue), values) => Truth::any(values.iter().map(passes)),
    }
}

/// The column "`Null` true / false".
fn null_holds(condition: &Condition, request: &Request<'_>) -> Truth {
    let says = |absent: bool| {
        let mut values = condition.values.iter();
        values.any(|value| value.value.eq_ignore_ascii_case(&absent.to_string()))
    };
    match lookup(request, &condition.key.value) {
        Known::Unknown if says(true) != says(false) => Truth::Unknown,
        Known::Unknown => Truth::from(says(true)),
        Known::Values(values) => Truth::from(says(values.is_empty())),
    }
}

/// Whether one value of the request passes: "OR over policy values", for a negated operator "NOR".
/// "A request value that the operator cannot parse: no match, positive or negated (our choice)."
fn passes(condition: &Condition, version: Version, request: &Request<'_>, value: &str) -> Truth {
    let operator = condition.operator.value;
    let test = operator.test;
    if !can_read(test, value) {
        return Truth::False;
    }
    let policy_values = condition.values.iter();
    let matches = policy_values.map(|policy| matches(test, &policy.value, version, request, value));
    let some = Truth::any(matches);
    if operator.negated { some.not() } else { some }
}

/// Whether a value is one of the kind that the test compares.
fn can_read(test: Test, value: &str) -> bool {
    match test {
        Test::StringEquals | Test::StringEqualsIgnoreCase | Test::StringLike | Test::Null => true,
        Test::NumericEquals
        | Test::NumericLessThan
        | Test::NumericLessThanEquals
        | Test::NumericGreaterThan
        | Test::NumericGreaterThanEquals => Number::read(value).is_some(),
        Test::DateEquals
        | Test::DateLessThan
        | Test::DateLessThanEquals
        | Test::DateGreaterThan
        | Test::DateGreaterThanEquals => read_instant(value).is_some(),
        Test::Bool => ["true", "false"].contains(&value.to_ascii_lowercase().as_str()),
        Test::BinaryEquals => read_base64(value).is_some(),
        Test::IpAddress => value.parse::<IpAddr>().is_ok(),
        Test::ArnEquals | Test::ArnLike => {
            value.starts_with("arn:") && value.matches(':').count() >= 5
        }
    }
}

/// Whether one value of the request matches one value of the policy.
fn matches(
    test: Test,
    policy: &str,
    version: Version,
    request: &Request<'_>,
    value: &str,
) -> Truth {
    let literal = || Pattern::literal(policy, version, request);
    let wildcards = || Pattern::read(policy, version, request);
    match test {
        Test::StringEquals => literal().test(|tokens| glob(tokens, value)),
        Test::StringEqualsIgnoreCase => {
            literal().lower_case().test(|tokens| glob(tokens, &lower_case(value)))
        }
        Test::StringLike => wildcards().test(|tokens| glob(tokens, value)),
        Test::Bool => {
            literal().lower_case().test(|tokens| glob(tokens, &value.to_ascii_lowercase()))
        }
        Test::ArnEquals | Test::ArnLike => wildcards().test(|tokens| arn_matches(tokens, value)),
        _ => Truth::from(compares(test, policy, value)),
    }
}

/// Section 3, String: "simple lower-casing: ß is not ss".
pub(super) fn lower_case(text: &str) -> String {
    text.chars().map(simple_lower_case).collect()
}

/// The tests that know no variables.
fn compares(test: Test, policy: &str, value: &str) -> bool {
    let numeric = || Some(Number::read(value)?.compare(&Number::read(policy)?));
    let date = || Some(read_instant(value)?.cmp(&read_instant(policy)?));
    match test {
        Test::NumericEquals => numeric().is_some_and(Ordering::is_eq),
        Test::NumericLessThan => numeric().is_some_and(Ordering::is_lt),
        Test::NumericLessThanEquals => numeric().is_some_and(Ordering::is_le),
        Test::NumericGreaterThan => numeric().is_some_and(Ordering::is_gt),
        Test::NumericGreaterThanEquals => numeric().is_some_and(Ordering::is_ge),
        Test::DateEquals => date().is_some_and(Ordering::is_eq),
        Test::DateLessThan => date().is_some_and(Ordering::is_lt),
        Test::DateLessThanEquals => date().is_some_and(Ordering::is_le),
        Test::DateGreaterThan => date().is_some_and(Ordering::is_gt),
        Test::DateGreaterThanEquals => date().is_some_and(Ordering::is_ge),
        Test::BinaryEquals => read_base64(policy) == read_base64(value),
        Test::IpAddress => value.parse().is_ok_and(|address| range_contains(policy, address)),
        _ => false,
    }
}

/// The unknown keys that a condition asks for: its own, and those of variables in its values.
pub(super) fn unknown_keys(
    condition: &Condition,
    version: Version,
    request: &Request<'_>,
) -> Vec<String> {
    let name = &condition.key.value;
    let mut keys = vec![];
    if matches!(lookup(request, name), Known::Unknown) {
        keys.push(name.to_ascii_lowercase());
    }
    if condition.operator.value.test.family().takes_variables() {
        for value in &condition.values {
            keys.extend(Pattern::read(&value.value, version, request).unknown);
        }
    }
    keys
}
