//! What an implicit deny lacks, and which statement came nearest to giving it.

use crate::authorize::{Combined, caller, consulted_layers};
use crate::decision::{Determining, Outcome, StatementId};
use crate::document::{Effect, PolicyType};
use crate::evaluate::Layer;
use crate::grant::Grant;
use crate::layers::Policies;
use crate::lookup::Facts;
use crate::request::Request;
use crate::rule::{Rule, Side, Sides};

use super::miss::{Asked, Both, Fault, Nearness};
use super::{Evaluated, Matched, Miss};

/// For a request that is denied implicitly: the Allow statement that came nearest to allowing it,
/// and what of it did not match. The same as [`explain`](super::explain()) finds, without putting
/// all the other statements into words.
///
/// `None` if the request is not denied implicitly, or no statement came near, or the nearest may
/// match, depending on unknown keys.
pub fn nearest_miss(policies: &Policies<'_>, request: &Request<'_>) -> Option<(StatementId, Miss)> {
    let facts = Facts { request, principal: caller(policies, request) };
    let rule = Rule::of(policies, facts);
    let mut combined = Combined::silent();
    let outcome = combined.evaluate(policies, facts, rule, &mut Determining::default());
    if outcome != Outcome::ImplicitDeny {
        return None;
    }
    let delegated = is_delegated(&combined.sides);
    let (lacking, asked) = (lacking(rule, &combined.sides), Asked::of(request));
    let mut nearest: Option<(Nearness, Fault, Layer<'_>, Both<'_>)> = None;
    for layer in consulted_layers(policies, rule) {
        for compiled in layer.set.statements() {
            let grant = compiled.grant(facts).unwrap_or(Grant::Direct);
            let speaks = Side::of(layer.policy_type, grant).is_some_and(|it| lacking.contains(&it));
            if compiled.effect != Effect::Allow || !speaks {
                continue;
            }
            let Some(both) = Both::of(layer, compiled) else { continue };
            let (fault, nearness) = both.fault(facts, &asked);
            if delegated && fault == Fault::Principal {
                continue;
            }
            let nearer = nearest.as_ref().is_none_or(|(best, ..)| nearness > *best);
            if fault != Fault::None && nearer {
                nearest = Some((nearness, fault, layer, both));
            }
        }
    }
    let (_, fault, layer, both) = nearest?;
    match both.in_words(fault, facts) {
        Matched::No(miss) => Some((layer.id_of(both.compiled), miss)),
        Matched::Yes | Matched::Unknown(_) => None,
    }
}

/// The layers whose Allow a request lacks that is denied implicitly, in the order in which AWS
/// evaluates them: the same as an explanation's `missing`. None of another request.
pub fn missing_layers(policies: &Policies<'_>, request: &Request<'_>) -> Vec<PolicyType> {
    let facts = Facts { request, principal: caller(policies, request) };
    let rule = Rule::of(policies, facts);
    let mut combined = Combined::silent();
    match combined.evaluate(policies, facts, rule, &mut Determining::default()) {
        Outcome::ImplicitDeny => missing(rule, &combined.sides),
        _ => Vec::new(),
    }
}

/// Whether the resource's policy leaves it to the caller's account. Then a statement that names others
/// is not near: nobody has to be named any more.
fn is_delegated(sides: &Sides) -> bool {
    sides.get(Side::Account).is_true()
}

/// The Allow statement that came nearest to one that would have allowed the request: the most of
/// its elements match, and the first that does not is the most alike.
pub(super) fn nearest(
    rule: Rule,
    sides: &Sides,
    evaluated: &[(Layer<'_>, Vec<Evaluated>)],
) -> Option<StatementId> {
    let lacking = lacking(rule, sides);
    let delegated = is_delegated(sides);
    let candidates = evaluated.iter().flat_map(|(_, statements)| statements).filter(|each| {
        each.explanation.effect == Effect::Allow
            && !each.matches(Effect::Allow)
            && each.side.is_some_and(|side| lacking.contains(&side))
            && !(delegated && each.names_others())
    });
    // `max_by_key` keeps the last of equals; the first is wanted.
    let candidates: Vec<&Evaluated> = candidates.collect();
    let nearest = candidates.into_iter().rev().max_by_key(|each| each.nearness)?;
    Some(nearest.explanation.id)
}

/// The layers whose Allow is missing, in the order in which AWS evaluates them.
///
/// A resource policy is missing only where it has to allow, not where it could have done so in place
/// of an identity policy.
pub(super) fn missing(rule: Rule, sides: &Sides) -> Vec<PolicyType> {
    let required: Vec<Side> = match rule {
        Rule::SameAccount { strict } if !strict || is_delegated(sides) => {
            let alternative = |side: &Side| side.layer() == PolicyType::Resource;
            Side::ALL.into_iter().filter(|side| !alternative(side)).collect()
        }
        _ => Side::ALL.into(),
    };
    let lacking = lacking_of(rule, sides, required);
    let order = [
        PolicyType::ServiceControl,
        PolicyType::VpcEndpoint,
        PolicyType::Resource,
        PolicyType::Identity,
        PolicyType::PermissionsBoundary,
        PolicyType::Session,
    ];
    let missing = |layer: &PolicyType| lacking.iter().any(|side| side.layer() == *layer);
    order.into_iter().filter(missing).collect()
}

/// The sides whose Allow would make a difference.
fn lacking(rule: Rule, sides: &Sides) -> Vec<Side> {
    lacking_of(rule, sides, Side::ALL.into())
}

/// Of some sides that do not allow: each that alone would do, or all if none alone does.
fn lacking_of(rule: Rule, sides: &Sides, of: Vec<Side>) -> Vec<Side> {
    let silent = of.into_iter().filter(|side| sides.get(*side).is_false());
    let silent: Vec<Side> = silent.filter(|side| rule.consults(*side)).collect();
    let would_allow = |side: &Side| rule.is_satisfied(sides.possible.with(*side));
    let enough: Vec<Side> = silent.iter().copied().filter(would_allow).collect();
    if enough.is_empty() { silent } else { enough }
}
