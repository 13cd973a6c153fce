//! Conditions that hold, or fail, where their author did not look: for an absent key, or for
//! several values.

use std::collections::BTreeSet;

use crate::code::Code;
use crate::document::{Condition, Effect, Statement};
use crate::operator::{Quantifier, Test};
use crate::parse::quote;
use crate::template::Variables;

use super::Linter;

/// Keys with several values.
///
/// Source: IAM User Guide, `reference_policies_condition-keys`, and the Service Authorization
/// Reference for DynamoDB.
const MULTIVALUED: [&str; 12] = [
    "aws:CalledVia",
    "aws:PrincipalOrgPaths",
    "aws:PrincipalServiceNamesList",
    "aws:ResourceOrgPaths",
    "aws:SourceOrgPaths",
    "aws:TagKeys",
    "aws:VpceOrgPaths",
    "dynamodb:Attributes",
    "dynamodb:LeadingKeys",
    "iam:PolicyTagKeys",
    "sts:TransitiveTagKeys",
    "s3:RequestObjectTagKeys",
];

/// Boolean keys that every request carries.
const ALWAYS_PRESENT: [&str; 3] =
    ["aws:PrincipalIsAWSService", "aws:SecureTransport", "aws:ViaAWSService"];

const MFA: &str = "aws:MultiFactorAuthPresent";

fn is_one_of(key: &str, keys: &[&str]) -> bool {
    keys.iter().any(|known| known.eq_ignore_ascii_case(key))
}

pub(super) fn lint(linter: &mut Linter<'_>, statement: &Statement, pointer: &str) {
    let required: BTreeSet<String> =
        statement.conditions.iter().filter(|it| requires_its_key(it)).map(lower_key).collect();
    for condition in &statement.conditions {
        let pointer = format!("{pointer}/Condition/{}", condition.operator.value);
        if let Some((code, message, suggestion)) =
            absent_key(statement.effect.value, condition, &required)
        {
            linter.report(code, condition.operator.span, pointer.clone(), message, suggestion);
        }
        lint_several_values(linter, condition, &pointer);
        lint_literal_star(linter, condition, &pointer);
    }
}

fn lower_key(condition: &Condition) -> String {
    condition.key.value.to_ascii_lowercase()
}

/// Finds a condition that decides wrongly about requests without its key. `required` are the keys
/// without which another condition of the statement fails.
fn absent_key(
    effect: Effect,
    condition: &Condition,
    required: &BTreeSet<String>,
) -> Option<(Code, String, String)> {
    let operator = condition.operator.value;
    let key = quote(&condition.key.value);
    let compares_with =
        |text: &str| condition.values.iter().any(|value| value.value.eq_ignore_ascii_case(text));
    match (effect, operator.quantifier, operator.test) {
        (Effect::Allow, Some(Quantifier::ForAllValues), test) if test != Test::Null => {
            (!required.contains(&lower_key(condition))).then(|| {
                (
                    Code::ForAllValuesWithoutNull,
                    format!("`{operator}` also allows requests without {key}"),
                    format!(
                        "add `\"Null\": {{\"{}\": \"false\"}}`",
                        quote(&condition.key.value).trim_matches('`')
                    ),
                )
            })
        }
        (Effect::Deny, None, Test::Bool)
            if !operator.if_exists
                && compares_with("false")
                && !is_one_of(&condition.key.value, &ALWAYS_PRESENT) =>
        {
            Some((
                Code::BoolLetsAbsentSlip,
                format!("the Deny does not apply to requests without {key}"),
                "write `BoolIfExists`".to_owned(),
            ))
        }
        (Effect::Allow, None, Test::Bool)
            if operator.if_exists
                && compares_with("true")
                && is_one_of(&condition.key.value, &[MFA]) =>
        {
            Some((
                Code::IfExistsAllowsAbsent,
                format!("the Allow also applies to requests without {key}"),
                "write `Bool`".to_owned(),
            ))
        }
        _ => None,
    }
}

/// Whether a condition fails for every request without its key.
fn requires_its_key(condition: &Condition) -> bool {
    let operator = condition.operator.value;
    match (operator.test, operator.quantifier) {
        (Test::Null, None) => {
            condition.values.iter().all(|value| value.value.eq_ignore_ascii_case("false"))
        }
        (Test::Null, _) | (_, Some(Quantifier::ForAllValues)) => false,
        (_, Some(Quantifier::ForAnyValue)) => !operator.if_exists,
        (_, None) => !operator.if_exists && !operator.negated,
    }
}

fn lint_several_values(linter: &mut Linter<'_>, condition: &Condition, pointer: &str) {
    let operator = condition.operator.value;
    let compares_one = operator.quantifier.is_none() && operator.test != Test::Null;
    if compares_one && is_one_of(&condition.key.value, &MULTIVALUED) {
        linter.report(
            Code::SetOperatorMissing,
            condition.operator.span,
            pointer.to_owned(),
            format!("`{operator}` is false for several values of `{}`", condition.key.value),
            format!("write `ForAnyValue:{operator}` or `ForAllValues:{operator}`"),
        );
    }
}

fn lint_literal_star(linter: &mut Linter<'_>, condition: &Condition, pointer: &str) {
    let operator = condition.operator.value;
    let like = match operator.test {
        Test::StringEquals => "StringEquals",
        Test::StringEqualsIgnoreCase => "StringEqualsIgnoreCase",
        _ => return,
    };
    for value in
        condition.values.iter().filter(|value| value.value.replace("${*}", "").contains('*'))
    {
        let wanted = operator.to_string().replace(like, "StringLike");
        let wanted = wanted
            .replace("StringNotEqualsIgnoreCase", "StringNotLike")
            .replace("StringNotEquals", "StringNotLike");
        linter.report(
            Code::WildcardInStringEquals,
            value.span,
            pointer.to_owned(),
            format!("`*` in {} is a star for `{operator}`", quote(&value.value)),
            match linter.variables() {
                Variables::Substituted => format!("write `{wanted}`, or `${{*}}` for a star"),
                Variables::Literal => format!("write `{wanted}`"),
            },
        );
    }
}
