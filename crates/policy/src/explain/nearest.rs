//! What an implicit deny lacks, and which statement came nearest to giving it.

use crate::decision::StatementId;
use crate::document::{Effect, PolicyType};
use crate::evaluate::Layer;
use crate::rule::{Rule, Side, Sides};

use super::Evaluated;

/// The Allow statement that came nearest to one that would have allowed the request: the most of
/// its elements match, and the first that does not is the most alike.
pub(super) fn nearest(
    rule: Rule,
    sides: &Sides,
    evaluated: &[(Layer<'_>, Vec<Evaluated>)],
) -> Option<StatementId> {
    let lacking = lacking(rule, sides);
    let candidates = evaluated.iter().flat_map(|(_, statements)| statements).filter(|each| {
        each.explanation.effect == Effect::Allow
            && !each.matches(Effect::Allow)
            && each.side.is_some_and(|side| lacking.contains(&side))
    });
    // `max_by_key` keeps the last of equals; the first is wanted.
    let candidates: Vec<&Evaluated> = candidates.collect();
    let nearest = candidates.into_iter().rev().max_by_key(|each| each.nearness)?;
    Some(nearest.explanation.id)
}

/// The layers whose Allow is missing: each alone would do, or if none alone does, all that say no.
pub(super) fn missing(rule: Rule, sides: &Sides) -> Vec<PolicyType> {
    let mut missing: Vec<PolicyType> = lacking(rule, sides).into_iter().map(Side::layer).collect();
    missing.dedup();
    missing
}

fn lacking(rule: Rule, sides: &Sides) -> Vec<Side> {
    if rule.is_satisfied(sides.possible) {
        return Vec::new();
    }
    let would_allow = |side: &Side| rule.is_satisfied(sides.possible.with(*side));
    let silent = Side::ALL.into_iter().filter(|side| sides.get(*side).is_false());
    let silent: Vec<Side> = silent.filter(|side| rule.consults(*side)).collect();
    let enough: Vec<Side> = silent.iter().copied().filter(would_allow).collect();
    if enough.is_empty() { silent } else { enough }
}
