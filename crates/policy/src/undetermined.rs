//! What an undecided request depends on: the statements that may match, and the unknown keys that
//! would tell.
//!
//! Only what matters is named: a side whose Allow changes nothing, however all else that is unknown
//! turns out, has nothing to say about the outcome. A Deny that may match always matters.

use std::collections::{BTreeMap, BTreeSet};

use crate::authorize::consulted_layers;
use crate::compile::Candidate;
use crate::decision::Determining;
use crate::decision::StatementId;
use crate::document::{Effect, PolicyType};
use crate::evaluate::{Findings, Layer};
use crate::grant::Grant;
use crate::kleene::Kleene;
use crate::layers::Policies;
use crate::lookup::{Facts, Found};
use crate::rule::{Rule, Side, Sides};
use crate::statement::{CompiledStatement, ResourcePattern};

/// What leaves an outcome open.
pub(crate) struct Open {
    /// The statements that may match, in order.
    pub(crate) statements: Vec<StatementId>,
    /// The keys that would tell, as the request spells them, in order without regard to case.
    pub(crate) keys: Vec<String>,
}

/// What leaves an indeterminate outcome open.
#[cold]
#[inline(never)]
pub(crate) fn determine(
    policies: &Policies<'_>,
    facts: Facts<'_, '_>,
    rule: Rule,
    sides: &Sides,
) -> Open {
    let mut statements = BTreeSet::new();
    let mut keys = BTreeSet::new();
    for layer in consulted_layers(policies, rule) {
        let open_level = level_is_open(layer, facts);
        for (index, grant) in open_statements(layer, facts) {
            let Some(statement) = layer.set.statements().get(index as usize) else { continue };
            let side = Side::of(layer.policy_type, grant);
            let tips = match statement.effect {
                Effect::Deny => true,
                Effect::Allow => open_level && side.is_some_and(|side| matters(rule, sides, side)),
            };
            if tips {
                statements.insert(layer.id_of(statement));
                unknown_keys(statement, facts, &mut keys);
            }
        }
    }
    Open { statements: statements.into_iter().collect(), keys: spelled(keys, facts) }
}

/// Keys as the request spells them.
pub(crate) fn spelled(keys: BTreeSet<String>, facts: Facts<'_, '_>) -> Vec<String> {
    let spelling = |key: String| facts.request.context.spelling(&key).to_owned();
    keys.into_iter().map(spelling).collect()
}

/// Whether a level of service control policies, which are one side together, is itself undecided.
fn level_is_open(layer: Layer<'_>, facts: Facts<'_, '_>) -> bool {
    let mut findings = Findings::SILENT;
    layer.ask(facts, &mut findings, &mut Determining::default());
    layer.policy_type != PolicyType::ServiceControl || findings.allows() == Kleene::Unknown
}

/// Whether an unknown side can tip the balance: for some settlement of the other unknown sides, the
/// answer is another one with it than without it.
fn matters(rule: Rule, sides: &Sides, side: Side) -> bool {
    let unknown = |other: &Side| sides.get(*other) == Kleene::Unknown;
    if !unknown(&side) {
        return false;
    }
    let others: Vec<Side> =
        Side::ALL.into_iter().filter(|other| *other != side && unknown(other)).collect();
    (0_u32..1 << others.len()).any(|settlement| {
        let allowing = others.iter().enumerate().filter(|(bit, _)| settlement >> bit & 1 == 1);
        let allowing = allowing.fold(sides.certain, |allowing, (_, other)| allowing.with(*other));
        rule.is_satisfied(allowing.with(side)) && !rule.is_satisfied(allowing.without(side))
    })
}

/// The statements of a layer whose match is unknown, by their index in the set, and how they grant.
fn open_statements(layer: Layer<'_>, facts: Facts<'_, '_>) -> BTreeMap<u32, Grant> {
    let mut candidates: Vec<&Candidate> = Vec::new();
    for drawer in layer.set.drawers(facts.request).into_iter().flatten() {
        drawer.walk(facts.request.resource.as_bytes(), |found, _| candidates.extend(found));
    }
    let mut open = BTreeMap::new();
    for candidate in candidates {
        if let Some(statement) = layer.set.statements().get(candidate.statement as usize)
            && let Some(grant) = statement.grant(facts)
            && statement.actions.applies(facts)
            && statement.resources.applies(facts).and(statement.conditions_hold(facts))
                == Kleene::Unknown
        {
            open.insert(candidate.statement, grant);
        }
    }
    open
}

/// The unknown keys that leave open whether a statement matches.
pub(crate) fn unknown_keys(
    statement: &CompiledStatement,
    facts: Facts<'_, '_>,
    keys: &mut BTreeSet<String>,
) {
    let mut add = |key: &str| {
        keys.insert(key.to_ascii_lowercase());
    };
    let conditions = statement.conditions.iter();
    for condition in conditions.filter(|condition| condition.holds(facts) == Kleene::Unknown) {
        condition.unknown_keys(facts, &mut add);
    }
    if statement.resources.applies(facts) != Kleene::Unknown {
        return;
    }
    let patterns = statement.resources.patterns().iter();
    for pattern in patterns.filter(|pattern| pattern.matches(facts) == Kleene::Unknown) {
        let (ResourcePattern::Arn(pattern) | ResourcePattern::OwnApi(pattern)) = pattern else {
            continue;
        };
        let keys = pattern.variables().map(|variable| &variable.key);
        keys.filter(|key| matches!(facts.find(key), Found::Unknown))
            .for_each(|key| add(key.as_str()));
    }
}
