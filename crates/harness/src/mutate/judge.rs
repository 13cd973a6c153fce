//! Mutants → killed, survived or set aside.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rayon::prelude::*;
use tollgate_policy::{Outcome, PolicyDocument, PolicyType, Span, Statement, authorize};

use super::diff::Changed;
use super::operator::{edits, without};
use super::{Mutant, Mutation, Survivor};
use crate::bundle::{AttachedPolicy, Bundle};
use crate::call::Call;
use crate::expand::Cell;
use crate::file::Expectation;
use crate::place::Place;
use crate::probe::document_json;
use crate::propose::{
    addressed, matching, seeds, takes_any_principal, variations, with_conditions,
};
use crate::run::Run;
use crate::verdict::{Status, Verdict, judge as judge_cell};
use crate::write::Draft;

/// A mutant that can be put into force.
struct Candidate {
    mutant: Mutant,
    edit: Edit,
    /// The statement before and after the change, as far as there is one.
    statements: Vec<Statement>,
}

enum Edit {
    /// A document stands for another, which is known by its place in memory.
    Document { original: Arc<PolicyDocument>, mutated: PolicyDocument },
    /// A layer, or a level of it, is taken away.
    Layer { layer: PolicyType, level: u16 },
}

/// What became of a candidate.
enum Fate {
    Killed,
    Survived(Survivor),
    Equivalent,
}

/// A set of policies, and the tests that pass with it.
struct Group<'r> {
    bundle: &'r Arc<Bundle>,
    verdicts: Vec<&'r Verdict<'r>>,
}

pub(super) fn judge(run: &Run<'_>, changed: Option<&Changed>) -> Mutation {
    let groups = groups(run);
    let candidates: Vec<Candidate> = candidates(&groups)
        .into_iter()
        .filter(|candidate| changed.is_none_or(|changed| changed.touches(&candidate.mutant.place)))
        .collect();
    let fates: Vec<Fate> =
        candidates.par_iter().map(|candidate| fate(candidate, &groups, run)).collect();
    let mut mutation = Mutation::default();
    for (candidate, fate) in candidates.into_iter().zip(fates) {
        let (killed, of) = mutation.operators.entry(candidate.mutant.operator).or_default();
        match fate {
            Fate::Killed => (*killed, *of) = (*killed + 1, *of + 1),
            Fate::Survived(survivor) => {
                *of += 1;
                mutation.survivors.push(survivor);
            }
            Fate::Equivalent => mutation.equivalent.push(candidate.mutant),
        }
    }
    mutation
}

fn groups<'r>(run: &'r Run<'_>) -> Vec<Group<'r>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut index = BTreeMap::new();
    for verdict in run.verdicts.iter().filter(|verdict| verdict.status == Status::Passed) {
        let bundle = &verdict.cell.bundle;
        let at = *index.entry(Arc::as_ptr(bundle).addr()).or_insert(groups.len());
        match groups.get_mut(at) {
            Some(group) => group.verdicts.push(verdict),
            None => groups.push(Group { bundle, verdicts: vec![verdict] }),
        }
    }
    groups
}

/// All mutants of all policies, in the order of files and lines, none twice.
fn candidates(groups: &[Group<'_>]) -> Vec<Candidate> {
    let mut candidates = Vec::new();
    let mut seen = BTreeSet::new();
    let mut layers = BTreeSet::new();
    for policy in groups.iter().flat_map(|group| group.bundle.policies()) {
        if seen.insert(Arc::as_ptr(&policy.document).addr()) {
            candidates.extend(of_policy(policy));
        }
        let name = (policy.policy_type(), policy.level, &policy.source.name);
        if may_be_dropped(policy.policy_type()) && policy.index == 0 && layers.insert(name) {
            candidates.push(of_layer(policy));
        }
    }
    candidates.sort_by(|a, b| order(&a.mutant.place).cmp(&order(&b.mutant.place)));
    candidates
}

fn order(place: &Place) -> (&str, u32) {
    (place.file(), place.span.start)
}

/// Layers that only limit: without one of them, more is allowed.
fn may_be_dropped(layer: PolicyType) -> bool {
    !matches!(layer, PolicyType::Identity | PolicyType::Resource | PolicyType::RoleTrust)
}

fn of_layer(policy: &AttachedPolicy) -> Candidate {
    let (layer, level) = (policy.policy_type(), policy.level);
    let change = match layer {
        PolicyType::ServiceControl | PolicyType::ResourceControl => {
            format!("{layer}: level {level} taken away")
        }
        _ => format!("{layer} taken away"),
    };
    let place = policy.place(Span::default());
    Candidate {
        mutant: Mutant { operator: "drop-layer", change, place },
        edit: Edit::Layer { layer, level },
        statements: policy.document.statements().to_vec(),
    }
}

fn of_policy(policy: &AttachedPolicy) -> Vec<Candidate> {
    let document = &policy.document;
    let mut texts = BTreeSet::from([document.to_json()]);
    let mut candidates = Vec::new();
    for (index, statement) in document.statements().iter().enumerate() {
        for edit in edits(statement) {
            let statements = with(document.statements(), index, edit.statement.as_ref());
            let text = document_json(document.declared_version(), &statements);
            // What is no longer a policy, such as one with an empty list of statements or a
            // negated principal that allows, would be refused when it ships.
            let Ok(mutated) = PolicyDocument::parse(&text, policy.policy_type()) else { continue };
            if texts.insert(mutated.to_json()) {
                let place = policy.place(edit.span);
                let Some(mutant) =
                    Some(Mutant { operator: edit.operator, change: edit.change, place })
                else {
                    continue;
                };
                candidates.push(Candidate {
                    mutant,
                    edit: Edit::Document { original: Arc::clone(document), mutated },
                    statements: [Some(statement.clone()), edit.statement]
                        .into_iter()
                        .flatten()
                        .collect(),
                });
            }
        }
    }
    candidates
}

/// A list of statements with one of them changed or left out.
fn with(statements: &[Statement], index: usize, changed: Option<&Statement>) -> Vec<Statement> {
    let mut statements = without(statements, index);
    if let Some(changed) = changed {
        statements.insert(index, changed.clone());
    }
    statements
}

impl Candidate {
    /// The policies with the change made, if they hold what is changed.
    fn apply(&self, bundle: &Bundle) -> Option<Bundle> {
        match &self.edit {
            Edit::Document { original, mutated } => {
                let held = |policy: &AttachedPolicy| Arc::ptr_eq(&policy.document, original);
                let index = bundle.policies().iter().position(held)?;
                Some(bundle.replacing(index, mutated.clone()))
            }
            Edit::Layer { layer, level } => {
                let place = &self.mutant.place.source.name;
                let held = |policy: &AttachedPolicy| {
                    (policy.policy_type(), policy.level) == (*layer, *level)
                        && policy.source.name == *place
                };
                bundle.policies().iter().any(held).then(|| bundle.without(*layer, *level))
            }
        }
    }
}

fn fate(candidate: &Candidate, groups: &[Group<'_>], run: &Run<'_>) -> Fate {
    let mutated: Vec<(&Group<'_>, Bundle)> =
        groups.iter().filter_map(|group| Some((group, candidate.apply(group.bundle)?))).collect();
    let kills = |(group, bundle): &(&Group<'_>, Bundle)| {
        group.verdicts.iter().any(|verdict| is_killed(verdict, bundle, run))
    };
    if mutated.iter().any(kills) {
        return Fate::Killed;
    }
    let survivor = mutated.iter().find_map(|(group, bundle)| tell_apart(candidate, group, bundle));
    survivor.map_or(Fate::Equivalent, Fate::Survived)
}

/// Whether a test that passes would fail with the mutant. Where decisions are accepted as a matrix,
/// a decision that changes fails as well.
fn is_killed(verdict: &Verdict<'_>, mutated: &Bundle, run: &Run<'_>) -> bool {
    let cell = verdict.cell;
    let decision = authorize(&mutated.layers(), &cell.call.request());
    let outcome = verdict.decision.as_ref().map(|decision| decision.outcome);
    let in_matrix = || {
        run.suite
            .files
            .iter()
            .any(|file| file.snapshot.is_some() && file.source.name == cell.file())
    };
    (outcome != Some(decision.outcome) && in_matrix())
        || judge_cell(cell, &decision) != Status::Passed
}

/// A request that original and mutant decide otherwise.
fn tell_apart(candidate: &Candidate, group: &Group<'_>, mutated: &Bundle) -> Option<Survivor> {
    let differs = |call: &Call| {
        let request = call.request();
        let original = authorize(&group.bundle.layers(), &request).outcome;
        let mutated = authorize(&mutated.layers(), &request).outcome;
        (original != mutated).then_some((original, mutated))
    };
    let cells = || group.verdicts.iter().map(|verdict| verdict.cell);
    let observed = cells().find_map(|cell| Some((cell, cell.call.clone(), differs(&cell.call)?)));
    let generated = || {
        seeds(cells()).into_iter().find_map(|cell| {
            let calls = generated(candidate, group.bundle, cell);
            calls.into_iter().find_map(|call| Some((cell, call.clone(), differs(&call)?)))
        })
    };
    let (cell, call, outcomes) = observed.or_else(generated)?;
    Some(survivor(candidate, cell, &call, outcomes))
}

/// Requests around the changed statement, before and after the change: addressed to it, with its
/// conditions and with those of the other statements, and with each of its elements varied.
fn generated(candidate: &Candidate, bundle: &Bundle, cell: &Cell) -> Vec<Call> {
    let mut calls = Vec::new();
    for statement in &candidate.statements {
        let version = match &candidate.edit {
            Edit::Document { original, .. } => original.version(),
            Edit::Layer { .. } => tollgate_policy::Version::V2012,
        };
        let full = matching(&cell.call, statement, version);
        let mut bases =
            vec![cell.call.clone(), full.clone(), addressed(&cell.call, statement, version)];
        for policy in bundle.policies() {
            for other in policy.document.statements() {
                let version = policy.document.version();
                bases.push(with_conditions(&full, other, version));
                bases.push(matching(&cell.call, other, version));
            }
        }
        for base in bases {
            calls.extend(variations(&base, statement));
            calls.push(base);
        }
    }
    let may_change = takes_any_principal(bundle);
    calls.retain(|call| may_change || call.principal == cell.call.principal);
    calls
}

fn survivor(
    candidate: &Candidate,
    cell: &Cell,
    call: &Call,
    (original, mutated): (Outcome, Outcome),
) -> Survivor {
    let Mutant { operator, change, place } = &candidate.mutant;
    let same = call.principal == cell.call.principal;
    let draft = Draft {
        name: &format!("{operator} at {place}: {change}"),
        principal: if same { &cell.principal } else { &call.principal },
        call,
        expected: Expectation::exactly(original),
        inherited: if same { &cell.inherited } else { &[] },
    };
    Survivor {
        mutant: candidate.mutant.clone(),
        original,
        mutated,
        file: cell.file().to_owned(),
        test: draft.yaml(),
    }
}
