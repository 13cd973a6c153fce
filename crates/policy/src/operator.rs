//! Condition operators: `ForAnyValue:StringNotLikeIfExists` is a quantifier, a test, a negation
//! and a suffix, and each is decided by itself.
//!
//! Source: IAM User Guide, `reference_policies_elements_condition_operators` and
//! `reference_policies_condition-single-vs-multi-valued-context-keys`.

use std::fmt;

/// A condition operator as a policy names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Operator {
    /// `ForAllValues:` or `ForAnyValue:`, if present.
    pub quantifier: Option<Quantifier>,
    /// What is compared, and how.
    pub test: Test,
    /// A `Not…` operator: the test must hold for none of the policy's values.
    pub negated: bool,
    /// The suffix `IfExists`: true when the key is absent.
    pub if_exists: bool,
}

/// How a set operator combines the values of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Quantifier {
    /// `ForAllValues:`: every value of the request passes; true for none.
    ForAllValues,
    /// `ForAnyValue:`: some value of the request passes; false for none.
    ForAnyValue,
}

/// What a condition operator compares, without its negation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Test {
    /// Equal, case-sensitive, no wildcards.
    StringEquals,
    /// Equal after lower-casing both sides.
    StringEqualsIgnoreCase,
    /// Case-sensitive with `*` and `?`.
    StringLike,
    /// Equal by value: `10` equals `10.0`.
    NumericEquals,
    /// Less than.
    NumericLessThan,
    /// Less than or equal.
    NumericLessThanEquals,
    /// Greater than.
    NumericGreaterThan,
    /// Greater than or equal.
    NumericGreaterThanEquals,
    /// The same instant.
    DateEquals,
    /// Before.
    DateLessThan,
    /// Before, or the same instant.
    DateLessThanEquals,
    /// After.
    DateGreaterThan,
    /// After, or the same instant.
    DateGreaterThanEquals,
    /// `true` or `false`.
    Bool,
    /// Equal bytes after base64 decoding.
    BinaryEquals,
    /// The address lies in the range.
    IpAddress,
    /// Each of the six parts matches; wildcards allowed.
    ArnEquals,
    /// The same as [`Test::ArnEquals`].
    ArnLike,
    /// The key is absent (`true`) or present (`false`).
    Null,
}

/// The kind of value a test works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// Text.
    String,
    /// Exact decimals.
    Numeric,
    /// Instants.
    Date,
    /// `true` and `false`.
    Bool,
    /// Bytes.
    Binary,
    /// IP addresses and ranges.
    IpAddress,
    /// Amazon resource names.
    Arn,
    /// Presence of the key.
    Null,
}

impl Family {
    /// Whether policy variables may stand in values of this family.
    ///
    /// Source: IAM User Guide, `reference_policies_variables`, "Where you can use policy variables".
    pub fn takes_variables(self) -> bool {
        matches!(self, Family::String | Family::Arn | Family::Bool)
    }
}

/// Every operator without prefix and suffix: its name, its test and whether it is negated.
pub(crate) const OPERATORS: [(&str, Test, bool); 27] = [
    ("StringEquals", Test::StringEquals, false),
    ("StringNotEquals", Test::StringEquals, true),
    ("StringEqualsIgnoreCase", Test::StringEqualsIgnoreCase, false),
    ("StringNotEqualsIgnoreCase", Test::StringEqualsIgnoreCase, true),
    ("StringLike", Test::StringLike, false),
    ("StringNotLike", Test::StringLike, true),
    ("NumericEquals", Test::NumericEquals, false),
    ("NumericNotEquals", Test::NumericEquals, true),
    ("NumericLessThan", Test::NumericLessThan, false),
    ("NumericLessThanEquals", Test::NumericLessThanEquals, false),
    ("NumericGreaterThan", Test::NumericGreaterThan, false),
    ("NumericGreaterThanEquals", Test::NumericGreaterThanEquals, false),
    ("DateEquals", Test::DateEquals, false),
    ("DateNotEquals", Test::DateEquals, true),
    ("DateLessThan", Test::DateLessThan, false),
    ("DateLessThanEquals", Test::DateLessThanEquals, false),
    ("DateGreaterThan", Test::DateGreaterThan, false),
    ("DateGreaterThanEquals", Test::DateGreaterThanEquals, false),
    ("Bool", Test::Bool, false),
    ("BinaryEquals", Test::BinaryEquals, false),
    ("IpAddress", Test::IpAddress, false),
    ("NotIpAddress", Test::IpAddress, true),
    ("ArnEquals", Test::ArnEquals, false),
    ("ArnNotEquals", Test::ArnEquals, true),
    ("ArnLike", Test::ArnLike, false),
    ("ArnNotLike", Test::ArnLike, true),
    ("Null", Test::Null, false),
];

impl Test {
    /// The kind of value that this test works on.
    pub fn family(self) -> Family {
        match self {
            Test::StringEquals | Test::StringEqualsIgnoreCase | Test::StringLike => Family::String,
            Test::NumericEquals
            | Test::NumericLessThan
            | Test::NumericLessThanEquals
            | Test::NumericGreaterThan
            | Test::NumericGreaterThanEquals => Family::Numeric,
            Test::DateEquals
            | Test::DateLessThan
            | Test::DateLessThanEquals
            | Test::DateGreaterThan
            | Test::DateGreaterThanEquals => Family::Date,
            Test::Bool => Family::Bool,
            Test::BinaryEquals => Family::Binary,
            Test::IpAddress => Family::IpAddress,
            Test::ArnEquals | Test::ArnLike => Family::Arn,
            Test::Null => Family::Null,
        }
    }
}

impl Operator {
    /// Reads an operator's name. Names are case-sensitive; `None` for a name that does not exist
    /// (`stringEquals`, `ForAnyValues:StringLike`, `NullIfExists`).
    pub fn parse(name: &str) -> Option<Operator> {
        let (quantifier, rest) = match name.split_once(':') {
            None => (None, name),
            Some(("ForAllValues", rest)) => (Some(Quantifier::ForAllValues), rest),
            Some(("ForAnyValue", rest)) => (Some(Quantifier::ForAnyValue), rest),
            Some(_) => return None,
        };
        let (base, if_exists) = match rest.strip_suffix("IfExists") {
            Some(base) => (base, true),
            None => (rest, false),
        };
        let (_, test, negated) = OPERATORS.into_iter().find(|(known, ..)| *known == base)?;
        if if_exists && test == Test::Null {
            return None;
        }
        Some(Operator { quantifier, test, negated, if_exists })
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.quantifier {
            Some(Quantifier::ForAllValues) => f.write_str("ForAllValues:")?,
            Some(Quantifier::ForAnyValue) => f.write_str("ForAnyValue:")?,
            None => {}
        }
        for (name, test, negated) in OPERATORS {
            if (test, negated) == (self.test, self.negated) {
                f.write_str(name)?;
            }
        }
        f.write_str(if self.if_exists { "IfExists" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_prints_as_it_was_read() {
        for (name, test, _) in OPERATORS {
            for prefix in ["", "ForAllValues:", "ForAnyValue:"] {
                for suffix in ["", "IfExists"] {
                    let full = format!("{prefix}{name}{suffix}");
                    let read = Operator::parse(&full);
                    if test == Test::Null && !suffix.is_empty() {
                        assert_eq!(read, None, "{full}");
                    } else {
                        assert_eq!(read.map(|operator| operator.to_string()), Some(full));
                    }
                }
            }
        }
    }

    #[test]
    fn names_are_case_sensitive_and_complete() {
        for name in ["stringEquals", "StringEqual", "ForAnyValues:StringEquals", "Foo", "", ":Bool"]
        {
            assert_eq!(Operator::parse(name), None, "{name}");
        }
    }
}
