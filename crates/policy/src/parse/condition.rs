//! The condition block: operators, keys and values that the operators can read.

use std::collections::BTreeMap;

use crate::binary::{parse_base64, parse_bool};
use crate::cidr::Cidr;
use crate::code::Code;
use crate::date::parse_instant;
use crate::document::Condition;
use crate::json::{Member, Node, Shape};
use crate::number::Decimal;
use crate::operator::{Family, Operator};
use crate::span::{Span, Spanned};
use crate::template::Variables;

use super::path::Path;
use super::pattern::{check_variables, refuse_variables};
use super::reader::{Problem, Reader, quote};
use super::suggest::closest_operator;

impl<'a> Reader<'a> {
    /// The block, flattened to one entry an operator and key.
    pub(super) fn conditions(&mut self, node: &Node<'a>, path: &Path<'_>) -> Vec<Condition> {
        let expected = "an object such as `{\"StringEquals\": {\"aws:username\": \"ana\"}}`";
        let mut conditions = Vec::new();
        for block in self.members(node, path, "`Condition`", expected).unwrap_or_default() {
            let path = path.name(&block.key);
            let operator = self.operator(&block, &path);
            let what = format!("`{}`", block.key);
            let expected = "an object of condition keys and their values";
            let keys = self.members(&block.value, &path, &what, expected).unwrap_or_default();
            self.report_repeated_keys(&keys, &path);
            let Some(operator) = operator else { continue };
            for key in keys {
                conditions.push(self.condition(operator.clone(), &key, &path));
            }
        }
        conditions
    }

    fn operator(&mut self, block: &Member<'a>, path: &Path<'_>) -> Option<Spanned<Operator>> {
        let operator = Operator::parse(&block.key);
        if operator.is_none() {
            self.report(block.key_span, path, || {
                let message = format!("unknown condition operator {}", quote(&block.key));
                let problem = Problem::new(Code::UnknownOperator, message);
                match closest_operator(&block.key) {
                    Some(name) => problem.suggest(format!("did you mean `{name}`?")),
                    None => problem.expected("an operator such as `StringEquals` or `ArnLike`"),
                }
            });
        }
        Some(Spanned { value: operator?, span: block.key_span })
    }

    /// Reports keys that differ from an earlier one only in case.
    fn report_repeated_keys(&mut self, keys: &[Member<'a>], path: &Path<'_>) {
        let mut first: BTreeMap<String, Span> = BTreeMap::new();
        for key in keys {
            let Some(span) = first.get(&key.key.to_ascii_lowercase()).copied() else {
                first.insert(key.key.to_ascii_lowercase(), key.key_span);
                continue;
            };
            self.report(key.key_span, &path.name(&key.key), || {
                let message =
                    format!("condition key {} stands twice under one operator", quote(&key.key));
                Problem::new(Code::DuplicateConditionKey, message)
                    .expected("each key once: names of condition keys are case-insensitive")
                    .related(span, "it first stands here")
            });
        }
    }

    fn condition(
        &mut self,
        operator: Spanned<Operator>,
        key: &Member<'a>,
        path: &Path<'_>,
    ) -> Condition {
        let path = path.name(&key.key);
        let mut values = Vec::new();
        self.check_key(key, &path);
        self.each(&key.value, &path, |reader, node, path| {
            let Some(value) = reader.value(node, path) else { return };
            let variables = reader.variables();
            if let Err(problem) = check_value(&operator.value, &value.value, variables) {
                reader.report_text(node, &value.value, path, problem);
            }
            values.push(value);
        });
        let key = Spanned { value: key.key.clone().into_owned(), span: key.key_span };
        Condition { operator, key, values }
    }

    fn check_key(&mut self, key: &Member<'a>, path: &Path<'_>) {
        let problem = match key.key.as_ref() {
            "" => Problem::new(Code::InvalidConditionKey, "empty condition key")
                .expected("the name of a condition key, such as `aws:SourceIp`"),
            name => match refuse_variables(name, self.variables(), "the name of a condition key") {
                Ok(()) => return,
                Err(_) => Problem::new(
                    Code::InvalidConditionKey,
                    format!("policy variable in the condition key {}", quote(name)),
                )
                .expected("variables only in its values"),
            },
        };
        self.report(key.key_span, path, || problem);
    }

    /// A value: a string, or an unquoted number or boolean as its text.
    fn value(&mut self, node: &Node<'a>, path: &Path<'_>) -> Option<Spanned<String>> {
        match node.shape() {
            Shape::Number | Shape::Boolean => {
                Some(Spanned { value: node.text().to_owned(), span: node.span() })
            }
            _ => self.string(
                node,
                path,
                "the condition's value",
                "a string, a number, a boolean, or a list of them",
            ),
        }
    }
}

/// Checks that the operator can read the value.
fn check_value(operator: &Operator, text: &str, variables: Variables) -> Result<(), Problem> {
    let family = operator.test.family();
    if !family.takes_variables() {
        refuse_variables(text, variables, &format!("a value of `{operator}`"))?;
    } else if check_variables(text, variables)? {
        return Ok(());
    }
    let Some(form) = form_of(family).filter(|form| !(form.reads)(text)) else { return Ok(()) };
    let message = format!("invalid {} {} for `{operator}`", form.noun, quote(text));
    let problem = Problem::new(form.code, message).expected(form.expected);
    Err(match text.get(..10) {
        Some(seconds) if family == Family::Date && is_milliseconds(text) => {
            problem.suggest(format!("seconds, not milliseconds: write `{seconds}`"))
        }
        _ => problem,
    })
}

/// What the values of a family look like.
struct Form {
    reads: fn(&str) -> bool,
    code: Code,
    noun: &'static str,
    expected: &'static str,
}

/// `None` for strings, which take any text.
fn form_of(family: Family) -> Option<Form> {
    Some(match family {
        Family::String => return None,
        Family::Numeric => Form {
            reads: |text| Decimal::parse(text).is_some(),
            code: Code::InvalidNumber,
            noun: "number",
            expected: "an integer or a decimal, such as `10` or `-0.5`",
        },
        Family::Date => Form {
            reads: |text| parse_instant(text).is_some(),
            code: Code::InvalidDate,
            noun: "date",
            expected: "ISO 8601, such as `2026-01-31T23:59:59Z`, or seconds since 1970",
        },
        Family::Bool | Family::Null => Form {
            reads: |text| parse_bool(text).is_some(),
            code: Code::InvalidBoolean,
            noun: "truth value",
            expected: "`true` or `false`",
        },
        Family::Binary => Form {
            reads: |text| parse_base64(text).is_some(),
            code: Code::InvalidBase64,
            noun: "base64 text",
            expected: "base64 with its padding",
        },
        Family::IpAddress => Form {
            reads: |text| Cidr::parse(text).is_some(),
            code: Code::InvalidIpRange,
            noun: "address range",
            expected: "an address or a range in CIDR notation, such as `203.0.113.0/24`",
        },
        Family::Arn => Form {
            reads: is_arn_pattern,
            code: Code::InvalidArn,
            noun: "ARN",
            expected: "six parts divided by colons, such as `arn:aws:iam::111122223333:role/*`, or `*`",
        },
    })
}

/// Thirteen digits, as clocks that count milliseconds show since 2001.
fn is_milliseconds(text: &str) -> bool {
    text.len() == 13 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `*`, or six parts of which the first may be `arn`.
fn is_arn_pattern(text: &str) -> bool {
    let mut parts = text.splitn(6, ':');
    let scheme = parts.next().unwrap_or("");
    text == "*" || (parts.count() == 5 && (scheme == "arn" || scheme.contains(['*', '?'])))
}
