//! Mutants of conditions.

use std::net::IpAddr;

use jiff::SignedDuration;
use tollgate_policy::{
    Condition, Family, Operator, Quantifier, Span, Statement, Test, parse_instant,
};

use super::operator::{Edit, without};
use super::pattern::without_variable;

/// All single changes of a statement's conditions.
pub(super) fn edits(statement: &Statement) -> Vec<Edit> {
    let conditions = statement.conditions.iter().enumerate();
    conditions.flat_map(|(index, condition)| of_condition(statement, index, condition)).collect()
}

fn of_condition(statement: &Statement, index: usize, condition: &Condition) -> Vec<Edit> {
    let line = format!("`{}` of `{}`", condition.operator.value, condition.key.value);
    let shorter = without(&statement.conditions, index);
    let mut edits = vec![Edit::of(
        statement,
        "delete-condition",
        format!("{line} left out"),
        condition.key.span,
        |changed| changed.conditions = shorter,
    )];
    for (name, operator) in other_operators(condition.operator.value) {
        let change = format!("`{}` → `{operator}`", condition.operator.value);
        let span = condition.operator.span;
        edits.push(changed(statement, index, (name, change, span), |condition| {
            condition.operator.value = operator;
        }));
    }
    edits.extend(value_edits(statement, index, condition));
    edits
}

fn changed(
    statement: &Statement,
    index: usize,
    (operator, change, span): (&'static str, String, Span),
    make: impl FnOnce(&mut Condition),
) -> Edit {
    Edit::of(statement, operator, change, span, |statement| {
        if let Some(condition) = statement.conditions.get_mut(index) {
            make(condition);
        }
    })
}

fn value_edits(statement: &Statement, index: usize, condition: &Condition) -> Vec<Edit> {
    let mut edits = Vec::new();
    for (at, value) in condition.values.iter().enumerate() {
        let (text, span) = (value.value.as_str(), value.span);
        if condition.values.len() > 1 {
            let shorter = without(&condition.values, at);
            let what = ("delete-value", format!("`{text}` left out"), span);
            edits.push(changed(statement, index, what, |condition| condition.values = shorter));
        }
        for (operator, with) in other_values(condition.operator.value.test, text) {
            let what = (operator, format!("`{text}` → `{with}`"), span);
            edits.push(changed(statement, index, what, |condition| {
                if let Some(value) = condition.values.get_mut(at) {
                    value.value = with;
                }
            }));
        }
    }
    edits
}

/// Operators that differ from one in one respect.
fn other_operators(operator: Operator) -> Vec<(&'static str, Operator)> {
    let mut others = Vec::new();
    if let Some(test) = loosened(operator.test) {
        others.push(("loosen-operator", Operator { test, ..operator }));
    }
    if operator.test == Test::StringEquals {
        let test = Test::StringEqualsIgnoreCase;
        others.push(("loosen-operator", Operator { test, ..operator }));
    }
    others.push(("negate-operator", Operator { negated: !operator.negated, ..operator }));
    others.push(("if-exists", Operator { if_exists: !operator.if_exists, ..operator }));
    let quantifier = operator.quantifier.map(|quantifier| match quantifier {
        Quantifier::ForAllValues => Quantifier::ForAnyValue,
        Quantifier::ForAnyValue => Quantifier::ForAllValues,
    });
    if quantifier.is_some() {
        others.push(("quantifier", Operator { quantifier, ..operator }));
    }
    // Not every combination has a name: `Null` has no negation and no suffix.
    others.retain(|(_, other)| Operator::parse(&other.to_string()) == Some(*other));
    others
}

fn loosened(test: Test) -> Option<Test> {
    Some(match test {
        Test::StringEquals => Test::StringLike,
        Test::NumericLessThan => Test::NumericLessThanEquals,
        Test::NumericLessThanEquals => Test::NumericLessThan,
        Test::NumericGreaterThan => Test::NumericGreaterThanEquals,
        Test::NumericGreaterThanEquals => Test::NumericGreaterThan,
        Test::DateLessThan => Test::DateLessThanEquals,
        Test::DateLessThanEquals => Test::DateLessThan,
        Test::DateGreaterThan => Test::DateGreaterThanEquals,
        Test::DateGreaterThanEquals => Test::DateGreaterThan,
        _ => return None,
    })
}

/// Values that lie beside one.
fn other_values(test: Test, value: &str) -> Vec<(&'static str, String)> {
    let boundary = |values: Vec<String>| values.into_iter().map(|value| ("boundary", value));
    let mut others: Vec<(&'static str, String)> = match test.family() {
        Family::Numeric => boundary(numbers(value)).collect(),
        Family::Date => boundary(instants(value)).collect(),
        Family::IpAddress => boundary(ranges(value)).collect(),
        Family::Bool | Family::Null => boundary(inverted(value)).collect(),
        Family::Arn => vec![("widen-value", "arn:*:*:*:*:*".to_owned())],
        Family::String if test == Test::StringLike => vec![("widen-value", "*".to_owned())],
        Family::String | Family::Binary => Vec::new(),
    };
    if test.family().takes_variables() && test != Test::Bool {
        others.extend(without_variable(value).map(|open| ("variable", open)));
    }
    others.retain(|(_, other)| other != value);
    others
}

fn numbers(value: &str) -> Vec<String> {
    match value.parse::<i128>() {
        Ok(number) => [number - 1, number + 1].map(|number| number.to_string()).to_vec(),
        Err(_) => Vec::new(),
    }
}

fn instants(value: &str) -> Vec<String> {
    let Some(instant) = parse_instant(value) else { return Vec::new() };
    let moved = [-1, 1].map(|by| instant.checked_add(SignedDuration::from_secs(by)));
    moved.into_iter().flatten().map(|instant| instant.to_string()).collect()
}

fn inverted(value: &str) -> Vec<String> {
    match value.to_ascii_lowercase().as_str() {
        "true" => vec!["false".to_owned()],
        "false" => vec!["true".to_owned()],
        _ => Vec::new(),
    }
}

/// The range one bit wider, and one bit narrower.
fn ranges(value: &str) -> Vec<String> {
    let (address, prefix) = value.split_once('/').unwrap_or((value, ""));
    let Ok(parsed) = address.parse::<IpAddr>() else { return Vec::new() };
    let bits: u8 = if parsed.is_ipv4() { 32 } else { 128 };
    let prefix = prefix.parse().unwrap_or(bits);
    let near = [prefix.checked_sub(1), prefix.checked_add(1).filter(|prefix| *prefix <= bits)];
    near.into_iter().flatten().map(|prefix| format!("{address}/{prefix}")).collect()
}
