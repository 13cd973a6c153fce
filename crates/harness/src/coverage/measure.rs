//! Verdicts → counts: every statement that applied to a request, asked element by element.

use std::collections::BTreeMap;
use std::sync::Arc;

use rayon::prelude::*;
use tollgate_policy::{Decision, Effect, Outcome, PolicyType, Position, Request};

use super::{Coverage, PartCoverage, PolicyCoverage, StatementCoverage};
use crate::bundle::{AttachedPolicy, Bundle, Citation};
use crate::coverage::measure::parts::{Element, Part, elements};
use crate::run::Run;
use crate::verdict::Verdict;

pub(super) mod parts;

/// A statement wherever it is attached: file, type of policy, and place.
type Key = (String, PolicyType, Position);

/// Counts what the verdicts of a run saw.
pub(super) fn measure(run: &Run<'_>) -> Coverage {
    let mut statements: BTreeMap<Key, StatementCoverage> = BTreeMap::new();
    let mut sources = BTreeMap::new();
    for (bundle, verdicts) in by_bundle(run) {
        for policy in bundle.policies() {
            sources.insert(policy.source.name.clone(), Arc::clone(&policy.source));
            for index in 0..policy.document.statements().len() {
                if let Some(citation) = bundle.cite(policy.statement_id(index)) {
                    let seen = observe(&citation, &verdicts);
                    let held = statements.entry(key(policy, &citation));
                    held.and_modify(|held| merge(held, &seen)).or_insert(seen);
                }
            }
        }
    }
    Coverage { policies: by_policy(statements, &sources), gaps: Vec::new() }
}

/// The verdicts of each set of policies that decided some.
pub(super) fn by_bundle<'r>(run: &'r Run<'_>) -> Vec<(&'r Arc<Bundle>, Vec<&'r Verdict<'r>>)> {
    let mut groups: Vec<(&Arc<Bundle>, Vec<&Verdict<'_>>)> = Vec::new();
    let mut index = BTreeMap::new();
    for verdict in run.verdicts.iter().filter(|verdict| verdict.decision.is_some()) {
        let bundle = &verdict.cell.bundle;
        let at = *index.entry(Arc::as_ptr(bundle).addr()).or_insert(groups.len());
        match groups.get_mut(at) {
            Some((_, verdicts)) => verdicts.push(verdict),
            None => groups.push((bundle, vec![verdict])),
        }
    }
    groups
}

fn key(policy: &AttachedPolicy, citation: &Citation<'_>) -> Key {
    (policy.source.name.clone(), policy.policy_type(), citation.statement.position)
}

fn by_policy(
    statements: BTreeMap<Key, StatementCoverage>,
    sources: &BTreeMap<String, Arc<crate::place::SourceFile>>,
) -> Vec<PolicyCoverage> {
    let mut policies: Vec<PolicyCoverage> = Vec::new();
    for ((file, policy_type, _), statement) in statements {
        let Some(source) = sources.get(&file) else { continue };
        match policies.last_mut() {
            Some(last) if last.source.name == file && last.policy_type == policy_type => {
                last.statements.push(statement);
            }
            _ => policies.push(PolicyCoverage {
                source: Arc::clone(source),
                policy_type,
                statements: vec![statement],
            }),
        }
    }
    policies
}

/// What one set of verdicts saw of a statement.
fn observe(citation: &Citation<'_>, verdicts: &[&Verdict<'_>]) -> StatementCoverage {
    let elements = elements(citation);
    let blank = || blank(citation, &elements);
    verdicts
        .par_iter()
        .fold(blank, |mut seen, verdict| {
            if let Some(decision) = &verdict.decision {
                note(&mut seen, citation, &elements, decision, &verdict.cell.call.request());
            }
            seen
        })
        .reduce(blank, |mut left, right| {
            merge(&mut left, &right);
            left
        })
}

fn blank(citation: &Citation<'_>, elements: &[Element]) -> StatementCoverage {
    let part = |element: &Element, part: &Part| PartCoverage {
        element: element.name.clone(),
        text: part.text.clone(),
        place: citation.policy.place(part.span),
        seen_true: 0,
        seen_false: 0,
        constant: part.constant,
    };
    let parts = elements
        .iter()
        .flat_map(|element| element.parts.iter().map(move |each| part(element, each)));
    StatementCoverage {
        name: citation.name(),
        effect: citation.statement.effect.value,
        place: citation.place(),
        matched: 0,
        decisive: 0,
        near_misses: 0,
        parts: parts.collect(),
    }
}

/// Adds what one request shows of a statement.
fn note(
    seen: &mut StatementCoverage,
    citation: &Citation<'_>,
    elements: &[Element],
    decision: &Decision,
    request: &Request<'_>,
) {
    let matches: Vec<bool> = elements.iter().map(|element| element.matches(request)).collect();
    let misses = matches.iter().filter(|matches| !**matches).count();
    seen.matched += usize::from(misses == 0);
    seen.near_misses += usize::from(misses == 1);
    seen.decisive += usize::from(misses == 0 && is_decisive(citation, decision));
    let mut counts = seen.parts.iter_mut();
    // An element matters once the addressing elements before it match; conditions do not wait for
    // each other.
    let mut reached = true;
    for (element, matched) in elements.iter().zip(matches) {
        for (part, count) in element.parts.iter().zip(&mut counts) {
            match part.probe.matches(request).filter(|_| reached) {
                Some(true) => count.seen_true += 1,
                Some(false) => count.seen_false += 1,
                None => {}
            }
        }
        reached &= matched || element.is_condition;
    }
}

fn is_decisive(citation: &Citation<'_>, decision: &Decision) -> bool {
    let limits = !matches!(
        citation.policy.policy_type(),
        PolicyType::Identity | PolicyType::Resource | PolicyType::RoleTrust
    );
    let passes = citation.statement.effect.value == Effect::Allow
        && limits
        && decision.outcome == Outcome::Allowed;
    let determining = decision.determined_by;
    passes
        || determining.iter().any(|id| id == citation.id)
        || (determining.has_more() && agrees(citation, decision))
}

/// Whether a matching statement is of the kind that determined the decision, for one that a
/// decision has no room to name.
fn agrees(citation: &Citation<'_>, decision: &Decision) -> bool {
    match citation.statement.effect.value {
        Effect::Allow => decision.outcome == Outcome::Allowed,
        Effect::Deny => decision.outcome == Outcome::ExplicitDeny,
    }
}

fn merge(into: &mut StatementCoverage, other: &StatementCoverage) {
    into.matched += other.matched;
    into.decisive += other.decisive;
    into.near_misses += other.near_misses;
    for (part, other) in into.parts.iter_mut().zip(&other.parts) {
        part.seen_true += other.seen_true;
        part.seen_false += other.seen_false;
    }
}
