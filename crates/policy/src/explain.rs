//! Why: every statement of every layer, and the first of its elements that did not match.
//!
//! An [`Explanation`] is data. It prints as text for people, serializes as JSON for machines, and
//! [`Explanation::aws_message`] words it as AWS words a refusal.

mod json;
mod miss;
mod nearest;
mod text;
mod wording;

use std::collections::BTreeSet;

use crate::authorize::{Combined, caller, consulted_layers};
use crate::decision::{Determining, Outcome, StatementId};
use crate::document::{Effect, PolicyType};
use crate::evaluate::Layer;
use crate::grant::Grant;
use crate::layers::Policies;
use crate::lookup::Facts;
use crate::request::Request;
use crate::rule::{Rule, Side, SideSet};
use crate::span::Position;
use crate::statement::CompiledStatement;
use crate::undetermined;

use miss::{Asked, Both};

pub use nearest::{missing_layers, nearest_miss};

/// A decision with everything that led to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// Who asked.
    pub principal: String,
    /// For what action.
    pub action: String,
    /// On what resource.
    pub resource: String,
    /// The decision.
    pub outcome: Outcome,
    /// All statements that determined it, in order.
    pub determined_by: Vec<StatementId>,
    /// The unknown context keys that the outcome depends on.
    pub depends_on: Vec<String>,
    /// What each layer that was consulted says.
    pub layers: Vec<LayerExplanation>,
    /// For an implicit deny: the layers whose Allow is missing.
    pub missing: Vec<PolicyType>,
    /// For an implicit deny: the Allow statement that came nearest to allowing the request.
    pub nearest: Option<StatementId>,
}

/// What one layer says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerExplanation {
    /// Which layer.
    pub policy_type: PolicyType,
    /// The level of a control policy, from 0 at the root; 0 otherwise.
    pub level: u16,
    /// What its statements come to.
    pub verdict: LayerVerdict,
    /// Its statements, in order.
    pub statements: Vec<StatementExplanation>,
}

/// What the statements of a layer come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LayerVerdict {
    /// A Deny matches.
    Denies,
    /// An Allow matches and no Deny does.
    Allows,
    /// Depends on unknown context keys.
    Undetermined,
    /// No statement matches.
    Silent,
}

/// What one statement says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementExplanation {
    /// Which statement.
    pub id: StatementId,
    /// Its `Sid`.
    pub sid: Option<String>,
    /// Whether it allows or denies.
    pub effect: Effect,
    /// Where its document has it.
    pub position: Position,
    /// Whether it matches.
    pub matched: Matched,
}

/// Whether a statement matches a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Matched {
    /// Every element does.
    Yes,
    /// Depends on these unknown context keys, as the request spells them, in order.
    Unknown(Vec<String>),
    /// No, because of this element.
    No(Miss),
}

/// The first element of a statement that does not match, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Miss {
    /// Which element.
    pub element: Element,
    /// What the policy asks for: the pattern that came nearest, or the condition's values.
    pub pattern: String,
    /// What the request has; `None` for an absent context key.
    pub value: Option<String>,
    /// Where the document has the pattern.
    pub position: Position,
    /// Why the two do not go together.
    pub reason: MissReason,
}

/// An element of a statement.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Element {
    /// `Principal`
    Principal,
    /// `NotPrincipal`
    NotPrincipal,
    /// `Action`
    Action,
    /// `NotAction`
    NotAction,
    /// `Resource`
    Resource,
    /// `NotResource`
    NotResource,
    /// One line of the condition block.
    Condition {
        /// The operator as written.
        operator: String,
        /// The key as written.
        key: String,
    },
}

/// Why an element does not match.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum MissReason {
    /// None of its patterns or values fits.
    NoneMatches,
    /// A `Not…` element lists what the request has.
    Excluded,
    /// Its list is empty.
    EmptyList,
    /// The context key is absent.
    KeyAbsent,
    /// The key has several values, and the operator is no set operator.
    SeveralValues,
    /// The request's value is not of the kind that the operator compares.
    Unreadable,
    /// A policy variable has no value: its key, as written.
    UnresolvedVariable(String),
}

/// Decides a request like [`authorize`](crate::authorize()), and tells everything about it.
pub fn explain(policies: &Policies<'_>, request: &Request<'_>) -> Explanation {
    let principal = caller(policies, request);
    let facts = Facts { request, principal };
    let rule = Rule::of(policies, facts);
    let mut combined = Combined::silent();
    let outcome = combined.evaluate(policies, facts, rule, &mut Determining::default());
    let sides = combined.sides;
    let evaluated: Vec<(Layer<'_>, Vec<Evaluated>)> = consulted_layers(policies, rule)
        .map(|layer| (layer, Evaluated::all(layer, facts)))
        .collect();
    let open = match outcome {
        Outcome::Indeterminate => undetermined::determine(policies, facts, rule, &sides),
        _ => undetermined::Open { statements: Vec::new(), keys: Vec::new() },
    };
    let granting = rule.granting_sides(&sides);
    let all = evaluated.iter().flat_map(|(_, statements)| statements);
    let determined_by = match outcome {
        Outcome::ImplicitDeny => Vec::new(),
        Outcome::Allowed => ids(all, |each| each.allows_for(granting)),
        Outcome::ExplicitDeny => ids(all, |each| each.matches(Effect::Deny)),
        Outcome::Indeterminate => open.statements,
    };
    let (missing, nearest) = match outcome {
        Outcome::ImplicitDeny => {
            (nearest::missing(rule, &sides), nearest::nearest(rule, &sides, &evaluated))
        }
        _ => (Vec::new(), None),
    };
    Explanation {
        principal: principal.as_str().to_owned(),
        action: request.action().to_owned(),
        resource: request.resource().to_owned(),
        outcome,
        determined_by,
        depends_on: open.keys,
        layers: evaluated.into_iter().map(LayerExplanation::new).collect(),
        missing,
        nearest,
    }
}

fn ids<'a>(
    statements: impl Iterator<Item = &'a Evaluated>,
    wanted: impl Fn(&Evaluated) -> bool,
) -> Vec<StatementId> {
    let wanted: BTreeSet<StatementId> =
        statements.filter(|each| wanted(each)).map(|each| each.explanation.id).collect();
    wanted.into_iter().collect()
}

/// A statement's explanation with what ranking needs.
struct Evaluated {
    explanation: StatementExplanation,
    /// What its Allow would speak for, if it names the caller or nearly does.
    side: Option<Side>,
    /// How many of its elements match before the first that does not, and how alike that one's
    /// pattern and the request's value are.
    nearness: (usize, usize),
}

impl Evaluated {
    /// Whether the principal is what does not match.
    fn names_others(&self) -> bool {
        let principal = [Element::Principal, Element::NotPrincipal];
        matches!(&self.explanation.matched, Matched::No(miss) if principal.contains(&miss.element))
    }

    fn all(layer: Layer<'_>, facts: Facts<'_, '_>) -> Vec<Evaluated> {
        let asked = Asked::of(facts.request);
        let statements = layer.set.statements().iter();
        statements.filter_map(|statement| Evaluated::new(layer, statement, facts, &asked)).collect()
    }

    fn new(
        layer: Layer<'_>,
        statement: &CompiledStatement,
        facts: Facts<'_, '_>,
        asked: &Asked<'_>,
    ) -> Option<Evaluated> {
        let both = Both::of(layer, statement)?;
        let grant = statement.grant(facts);
        let (fault, nearness) = both.fault(facts, asked);
        Some(Evaluated {
            explanation: StatementExplanation {
                id: layer.id_of(statement),
                sid: both.written.sid.as_ref().map(|sid| sid.value.clone()),
                effect: statement.effect,
                position: both.written.position,
                matched: both.in_words(fault, facts),
            },
            side: Side::of(layer.policy_type, grant.unwrap_or(Grant::Direct)),
            nearness,
        })
    }

    fn matches(&self, effect: Effect) -> bool {
        self.explanation.effect == effect && self.explanation.matched == Matched::Yes
    }

    fn allows_for(&self, sides: SideSet) -> bool {
        self.matches(Effect::Allow) && self.side.is_some_and(|side| sides.contains(side))
    }
}

impl LayerExplanation {
    fn new((layer, evaluated): (Layer<'_>, Vec<Evaluated>)) -> LayerExplanation {
        let any = |effect| evaluated.iter().any(|each| each.matches(effect));
        let open = |each: &Evaluated| matches!(each.explanation.matched, Matched::Unknown(_));
        let verdict = match (any(Effect::Deny), any(Effect::Allow)) {
            (true, _) => LayerVerdict::Denies,
            (false, _) if evaluated.iter().any(open) => LayerVerdict::Undetermined,
            (false, true) => LayerVerdict::Allows,
            (false, false) => LayerVerdict::Silent,
        };
        LayerExplanation {
            policy_type: layer.policy_type,
            level: layer.level,
            verdict,
            statements: evaluated.into_iter().map(|each| each.explanation).collect(),
        }
    }
}

impl Explanation {
    /// The explanation of one statement.
    pub fn statement(&self, id: StatementId) -> Option<&StatementExplanation> {
        let mut statements = self.layers.iter().flat_map(|layer| &layer.statements);
        statements.find(|statement| statement.id == id)
    }
}
