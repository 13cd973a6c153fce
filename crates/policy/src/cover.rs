//! Whether one statement covers another: whatever the covered one matches, the covering one matches.
//!
//! This is what a change of policies must prove that grants nothing new. The answer is conservative:
//! `true` is a proof, for every request and every context; `false` says only that none was found.
//! Effects are not looked at: an Allow that covers an Allow grants no less, a Deny that covers a Deny
//! forbids no less.

mod extent;

use crate::document::{Condition, Effect, PatternElement, PrincipalElement, Statement, Version};
use crate::operator::{Operator, Test};
use crate::template::{Template, Variables};

pub use extent::Extent;

/// The requests that a statement matches, ready to be compared with those of others.
///
/// ```
/// use tollgate_policy::{PolicyDocument, PolicyType, Scope};
///
/// let read = |resource: &str| {
///     let text = format!(
///         r#"{{"Version": "2012-10-17", "Statement":
///             {{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "{resource}"}}}}"#
///     );
///     PolicyDocument::parse(&text, PolicyType::Identity).unwrap()
/// };
/// let (all, some) = (read("arn:aws:s3:::logs/*"), read("arn:aws:s3:::logs/2026/*.gz"));
/// assert!(Scope::all(&all)[0].covers(&Scope::all(&some)[0]));
/// assert!(!Scope::all(&some)[0].covers(&Scope::all(&all)[0]));
/// ```
#[derive(Clone, Debug)]
pub struct Scope<'a> {
    effect: Effect,
    principal: Option<&'a PrincipalElement>,
    actions: Extents,
    /// `None` in a role trust policy, whose resource is the role itself.
    resources: Option<Extents>,
    conditions: Vec<Required<'a>>,
}

impl<'a> Scope<'a> {
    /// The scopes of a document's statements, in order.
    pub fn all(document: &'a crate::PolicyDocument) -> Vec<Scope<'a>> {
        let version = document.version();
        document.statements().iter().map(|statement| Scope::of(statement, version)).collect()
    }

    /// The scope of a statement of a document of this version.
    pub fn of(statement: &'a Statement, version: Version) -> Scope<'a> {
        let variables = version.variables();
        let resource = |text: &str| Extent::of_resource(text, variables);
        Scope {
            effect: statement.effect.value,
            principal: statement.principal.as_ref(),
            actions: Extents::new(&statement.action, Extent::of_action),
            resources: statement.resource.as_ref().map(|each| Extents::new(each, resource)),
            conditions: statement
                .conditions
                .iter()
                .map(|condition| Required::new(condition, variables))
                .collect(),
        }
    }

    /// Whether the statement allows or denies.
    pub fn effect(&self) -> Effect {
        self.effect
    }

    /// Whether this statement matches every request that the other one matches. Two statements that
    /// name principals must name the same ones.
    pub fn covers(&self, other: &Scope<'_>) -> bool {
        let resources = match (&self.resources, &other.resources) {
            (Some(own), Some(others)) => own.cover(others),
            (None, None) => true,
            _ => false,
        };
        resources
            && self.principal == other.principal
            && self.actions.cover(&other.actions)
            && self.conditions.iter().all(|own| own.follows_from(&other.conditions))
    }
}

/// The patterns of an element, and whether it applies to everything but them.
#[derive(Clone, Debug)]
struct Extents {
    negated: bool,
    each: Vec<Extent>,
}

impl Extents {
    fn new(element: &PatternElement, extent: impl Fn(&str) -> Extent) -> Extents {
        let each = element.patterns.iter().map(|pattern| extent(&pattern.value)).collect();
        Extents { negated: element.negated, each }
    }

    /// An empty element applies to nothing, in either form.
    fn cover(&self, other: &Extents) -> bool {
        let among = |all: &[Extent], one: &Extent| all.iter().any(|each| each.covers(one));
        if other.each.is_empty() {
            return true;
        }
        match (self.negated, other.negated) {
            _ if self.each.is_empty() => false,
            (false, false) => other.each.iter().all(|one| among(&self.each, one)),
            (false, true) => self.each.iter().any(Extent::is_everything),
            (true, false) => {
                other.each.iter().all(|one| !self.each.iter().any(|each| each.meets(one)))
            }
            (true, true) => self.each.iter().all(|one| among(&other.each, one)),
        }
    }
}

/// A condition that a statement requires.
#[derive(Clone, Debug)]
struct Required<'a> {
    operator: Operator,
    key: &'a str,
    values: Vec<Template>,
}

impl<'a> Required<'a> {
    fn new(condition: &'a Condition, variables: Variables) -> Required<'a> {
        let operator = condition.operator.value;
        let variables = match operator.test.family().takes_variables() {
            true => variables,
            false => Variables::Literal,
        };
        let template = |text: &str| {
            let template = Template::parse(text, variables).unwrap_or_default();
            match operator.test {
                Test::StringLike | Test::ArnEquals | Test::ArnLike => template,
                _ => template.without_wildcards(),
            }
        };
        let values = condition.values.iter().map(|value| template(&value.value)).collect();
        Required { operator, key: &condition.key.value, values }
    }

    /// Whether the condition holds wherever these hold: one of them compares the same key in the
    /// same way, with values of which this one has more; for a negated operator, fewer.
    fn follows_from(&self, given: &[Required<'_>]) -> bool {
        let within = |some: &[Template], all: &[Template]| some.iter().all(|one| all.contains(one));
        given.iter().any(|other| {
            let values = match self.operator.negated {
                false => within(&other.values, &self.values),
                true => within(&self.values, &other.values),
            };
            other.operator == self.operator && other.key.eq_ignore_ascii_case(self.key) && values
        })
    }
}
