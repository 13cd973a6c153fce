//! From the elements of a document to their compiled forms.
//!
//! Everything here was checked when the document was read. Should a value be unreadable all the
//! same, it becomes one that matches nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::binary::parse_bool;
use crate::cidr::Cidr;
use crate::condition::{ArnPattern, CompiledCondition, Relation, Truth, Values};
use crate::date::parse_instant;
use crate::document::{Condition, PatternElement, PolicyDocument, Statement};
use crate::grant::Principals;
use crate::lookup::KeyName;
use crate::number::Decimal;
use crate::operator::Test;
use crate::pattern::{Pattern, Reach, Token, Variable};
use crate::span::Spanned;
use crate::statement::{Actions, CompiledStatement, ResourcePattern, Resources};
use crate::template::{self, Template, Variables};

impl CompiledStatement {
    /// The statements of a document, the `policy`th of its set.
    pub(crate) fn compile_all(
        policy: u32,
        document: &PolicyDocument,
        known: &mut KnownActions,
    ) -> Vec<CompiledStatement> {
        let variables = document.version().variables();
        (0..)
            .zip(document.statements())
            .map(|(statement, written)| compile(policy, statement, written, variables, known))
            .collect()
    }
}

/// The `Action` elements of a set, each kept once: thousands of statements name the same few, which
/// then stay in the caches.
#[derive(Debug, Default)]
pub(crate) struct KnownActions(BTreeMap<(bool, Vec<String>), Arc<Actions>>);

impl KnownActions {
    fn compiled(&mut self, element: &PatternElement) -> Arc<Actions> {
        let lower_case = element.patterns.iter().map(|text| text.value.to_ascii_lowercase());
        let known = self.0.entry((element.negated, lower_case.collect()));
        let compiled = known.or_insert_with_key(|(negated, patterns)| {
            let patterns = patterns.iter().map(|text| Pattern::parse(text)).collect();
            Arc::new(Actions { negated: *negated, patterns })
        });
        Arc::clone(compiled)
    }
}

fn compile(
    policy: u32,
    statement: u32,
    written: &Statement,
    variables: Variables,
    known: &mut KnownActions,
) -> CompiledStatement {
    CompiledStatement {
        policy,
        statement,
        effect: written.effect.value,
        principals: written.principal.as_ref().map(Principals::new),
        actions: known.compiled(&written.action),
        resources: resources(written.resource.as_ref(), variables),
        conditions: written.conditions.iter().map(|each| condition(each, variables)).collect(),
    }
}

fn resources(element: Option<&PatternElement>, variables: Variables) -> Resources {
    let Some(element) = element else { return Resources::Own };
    let patterns = element.patterns.iter().map(|text| resource(&text.value, variables)).collect();
    if element.negated { Resources::AllBut(patterns) } else { Resources::Only(patterns) }
}

fn resource(text: &str, variables: Variables) -> ResourcePattern {
    if text == "*" {
        return ResourcePattern::Any;
    }
    if let Some(path) = text.strip_prefix("execute-api:/") {
        return ResourcePattern::OwnApi(text_pattern(path, variables));
    }
    ResourcePattern::Arn(Pattern::new(resource_tokens(text, variables)))
}

/// The tokens of a resource pattern that is an ARN.
pub(crate) fn resource_tokens(text: &str, variables: Variables) -> Vec<Token> {
    let template = Template::parse(text, variables).unwrap_or_default().completed_arn();
    place_tokens(&template, Place::reach_in_resource)
}

/// Where in a pattern a wildcard stands.
struct Place {
    /// How many colons of the pattern's own text stand before it.
    colons_before: usize,
    /// Whether a colon, or the end of the pattern, follows.
    ends_part: bool,
}

impl Place {
    /// A `*` that is the last character of one of the first five parts may run on over colons; any
    /// other wildcard before the sixth part stays inside its part **(our choice)**.
    ///
    /// Source: IAM User Guide, `reference_policies_elements_resource`: a wildcard at the end of a
    /// segment "can expand beyond the colon boundaries", one elsewhere cannot.
    fn reach_in_resource(&self) -> Reach {
        if self.colons_before >= 5 || self.ends_part { Reach::Free } else { Reach::InPart }
    }
}

/// A pattern in which colons are ordinary characters.
fn text_pattern(text: &str, variables: Variables) -> Pattern {
    Pattern::new(text_tokens(text, variables))
}

/// The tokens of a pattern in which colons are ordinary characters.
pub(crate) fn text_tokens(text: &str, variables: Variables) -> Vec<Token> {
    tokens(text, variables, |_| Reach::Free)
}

/// The tokens of a pattern; `reach` says how far a wildcard at a place reaches.
fn tokens(text: &str, variables: Variables, reach: impl Fn(&Place) -> Reach) -> Vec<Token> {
    place_tokens(&Template::parse(text, variables).unwrap_or_default(), reach)
}

fn place_tokens(template: &Template, reach: impl Fn(&Place) -> Reach) -> Vec<Token> {
    let mut colons_before = 0;
    let mut tokens = Vec::with_capacity(template.tokens.len());
    let mut rest = template.tokens.iter().peekable();
    while let Some(token) = rest.next() {
        let ends_part = template::ends_part(rest.peek().copied());
        let place = Place { colons_before, ends_part };
        tokens.push(match token {
            template::Token::Literal(literal) => {
                colons_before += literal.bytes().filter(|&byte| byte == b':').count();
                Token::Literal(literal.as_str().into())
            }
            template::Token::AnyRun => Token::AnyRun(reach(&place)),
            template::Token::AnyOne => Token::AnyOne(reach(&Place { ends_part: false, ..place })),
            template::Token::Variable { key, default } => Token::Variable(Variable {
                key: KeyName::new(key),
                default: default.as_deref().map(Into::into),
            }),
        });
    }
    tokens
}

fn condition(written: &Condition, variables: Variables) -> CompiledCondition {
    let operator = written.operator.value;
    CompiledCondition {
        key: KeyName::new(&written.key.value),
        quantifier: operator.quantifier,
        negated: operator.negated,
        if_exists: operator.if_exists,
        values: values(operator.test, &written.values, variables),
    }
}

fn values(test: Test, written: &[Spanned<String>], variables: Variables) -> Values {
    let texts = || written.iter().map(|value| value.value.as_str());
    let exact = |text: &str| exact_pattern(text, variables);
    match test {
        Test::StringEquals => Values::Text(texts().map(exact).collect()),
        Test::StringEqualsIgnoreCase => Values::CaselessText(texts().map(exact).collect()),
        Test::StringLike => {
            Values::Text(texts().map(|text| text_pattern(text, variables)).collect())
        }
        Test::ArnEquals | Test::ArnLike => {
            Values::Arn(texts().map(|text| arn_pattern(text, variables)).collect())
        }
        Test::Bool => Values::Bool(texts().map(|text| truth(text, variables)).collect()),
        Test::BinaryEquals => Values::Binary(texts().map(Into::into).collect()),
        Test::NumericEquals => numbers(Relation::Equal, texts()),
        Test::NumericLessThan => numbers(Relation::Less, texts()),
        Test::NumericLessThanEquals => numbers(Relation::LessOrEqual, texts()),
        Test::NumericGreaterThan => numbers(Relation::Greater, texts()),
        Test::NumericGreaterThanEquals => numbers(Relation::GreaterOrEqual, texts()),
        Test::DateEquals => instants(Relation::Equal, texts()),
        Test::DateLessThan => instants(Relation::Less, texts()),
        Test::DateLessThanEquals => instants(Relation::LessOrEqual, texts()),
        Test::DateGreaterThan => instants(Relation::Greater, texts()),
        Test::DateGreaterThanEquals => instants(Relation::GreaterOrEqual, texts()),
        Test::IpAddress => Values::Address(texts().filter_map(Cidr::parse).collect()),
        Test::Null => Values::Null {
            absent: texts().any(|text| parse_bool(text) == Some(true)),
            present: texts().any(|text| parse_bool(text) == Some(false)),
        },
    }
}

/// A pattern in which `*` and `?` stand for themselves.
fn exact_pattern(text: &str, variables: Variables) -> Pattern {
    let template = Template::parse(text, variables).unwrap_or_default().without_wildcards();
    Pattern::new(place_tokens(&template, |_| Reach::Free))
}

fn arn_pattern(text: &str, variables: Variables) -> ArnPattern {
    match text {
        "*" => ArnPattern::Any,
        _ => ArnPattern::Parts(Pattern::new(tokens(text, variables, |_| Reach::InPart))),
    }
}

fn truth(text: &str, variables: Variables) -> Truth {
    match parse_bool(text) {
        Some(value) => Truth::Known(value),
        None => Truth::Variable(exact_pattern(text, variables)),
    }
}

fn numbers<'a>(relation: Relation, texts: impl Iterator<Item = &'a str>) -> Values {
    Values::Number(relation, texts.filter_map(Decimal::parse).collect())
}

fn instants<'a>(relation: Relation, texts: impl Iterator<Item = &'a str>) -> Values {
    Values::Instant(relation, texts.filter_map(parse_instant).collect())
}
