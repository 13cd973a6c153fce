//! One layer against one request: which of its statements match.

use crate::compile::{Candidate, PolicySet};
use crate::decision::{Determining, StatementId};
use crate::document::{Effect, PolicyType};
use crate::grant::Grant;
use crate::kleene::Kleene;
use crate::lookup::Facts;
use crate::statement::CompiledStatement;

/// What the statements of one layer come to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Verdict {
    /// Whether a Deny matches.
    pub(crate) denies: Kleene,
    /// Whether an Allow matches that grants in this way, by [`Grant`] in its order.
    grants: [Kleene; 3],
}

impl Verdict {
    pub(crate) const SILENT: Verdict =
        Verdict { denies: Kleene::False, grants: [Kleene::False; 3] };

    /// Whether an Allow matches that grants in this way.
    pub(crate) fn grants(&self, grant: Grant) -> Kleene {
        self.grants.get(grant as usize).copied().unwrap_or(Kleene::False)
    }

    /// What a layer without principals says.
    pub(crate) fn allows(&self) -> Kleene {
        self.grants(Grant::Direct)
    }

    /// Whether an Allow matches, however it names the caller: whoever is named may pass a VPC
    /// endpoint.
    pub(crate) fn allows_somehow(&self) -> Kleene {
        self.grants.into_iter().fold(Kleene::False, Kleene::or)
    }

    fn add(&mut self, effect: Effect, grant: Grant, matches: Kleene) {
        match effect {
            Effect::Deny => self.denies = self.denies.or(matches),
            Effect::Allow => {
                if let Some(grants) = self.grants.get_mut(grant as usize) {
                    *grants = grants.or(matches);
                }
            }
        }
    }
}

/// The statements that match, as far as decisions name them.
#[derive(Debug, Default)]
pub(crate) struct Matching {
    /// Deny statements of all layers.
    pub(crate) denying: Determining,
    /// Allow statements of the identity policies.
    pub(crate) identity: Determining,
    /// Allow statements of the resource policy, by [`Grant`] in its order.
    pub(crate) resource: [Determining; 3],
}

impl Matching {
    fn add(&mut self, effect: Effect, grant: Grant, id: StatementId) {
        match (effect, id.policy_type) {
            (Effect::Deny, _) => self.denying.insert(id),
            (Effect::Allow, PolicyType::Identity) => self.identity.insert(id),
            (Effect::Allow, PolicyType::Resource) => {
                if let Some(granting) = self.resource.get_mut(grant as usize) {
                    granting.insert(id);
                }
            }
            // The other layers limit and do not grant: decisions do not name their Allows.
            (Effect::Allow, _) => {}
        }
    }
}

/// One layer in its place: a set of policies and what they are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layer<'a> {
    pub(crate) set: &'a PolicySet,
    pub(crate) policy_type: PolicyType,
    /// The level of a control policy, 0 otherwise.
    pub(crate) level: u16,
}

impl Layer<'_> {
    pub(crate) fn id_of(&self, statement: &CompiledStatement) -> StatementId {
        StatementId {
            policy_type: self.policy_type,
            level: self.level,
            policy: statement.policy,
            statement: statement.statement,
        }
    }

    /// Evaluates the statements whose action and resource can match, and notes those that do.
    ///
    /// An Allow is not looked at any more once a Deny of the layer matches: it changes nothing.
    pub(crate) fn evaluate(&self, facts: Facts<'_, '_>, matching: &mut Matching) -> Verdict {
        let mut verdict = Verdict::SILENT;
        let mut memory = Memory::default();
        self.set.candidates(facts.request, |candidate, statement| {
            if statement.effect == Effect::Allow && verdict.denies.is_true() {
                return;
            }
            if !memory.action_applies(candidate.statement, statement, facts) {
                return;
            }
            let resource = candidate_matches(candidate, statement, facts);
            if resource.is_false() {
                return;
            }
            let Some((grant, rest)) = memory.rest(candidate.statement, statement, facts) else {
                return;
            };
            let matches = resource.and(rest);
            verdict.add(statement.effect, grant, matches);
            if matches.is_true() {
                matching.add(statement.effect, grant, self.id_of(statement));
            }
        });
        verdict
    }
}

/// What is known of the statement looked at last: several of its patterns are often candidates one
/// after the other.
#[derive(Default)]
struct Memory {
    action: Option<(u32, bool)>,
    rest: Option<(u32, Option<(Grant, Kleene)>)>,
}

impl Memory {
    #[inline]
    fn action_applies(
        &mut self,
        index: u32,
        statement: &CompiledStatement,
        facts: Facts<'_, '_>,
    ) -> bool {
        match self.action {
            Some((latest, applies)) if latest == index => applies,
            _ => {
                let applies = statement.actions.applies(facts);
                self.action = Some((index, applies));
                applies
            }
        }
    }

    /// How the statement names the caller, and whether its conditions hold.
    #[inline]
    fn rest(
        &mut self,
        index: u32,
        statement: &CompiledStatement,
        facts: Facts<'_, '_>,
    ) -> Option<(Grant, Kleene)> {
        match self.rest {
            Some((latest, rest)) if latest == index => rest,
            _ => {
                let grant = statement.grant(facts);
                let rest = grant.map(|grant| (grant, statement.conditions_hold(facts)));
                self.rest = Some((index, rest));
                rest
            }
        }
    }
}

#[inline]
fn candidate_matches(
    candidate: &Candidate,
    statement: &CompiledStatement,
    facts: Facts<'_, '_>,
) -> Kleene {
    let pattern =
        candidate.pattern.and_then(|pattern| statement.resources.patterns().get(pattern as usize));
    match pattern {
        Some(pattern) => pattern.matches_after_prefix(facts),
        None => statement.resources.applies(facts),
    }
}
