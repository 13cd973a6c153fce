//! One layer against one request: which of its statements match.

use crate::compile::{Candidate, Drawer, PolicySet, Remainder};
use crate::decision::{Determining, StatementId};
use crate::document::{Effect, PolicyType};
use crate::first::First;
use crate::grant::Grant;
use crate::kleene::Kleene;
use crate::lookup::Facts;
use crate::statement::CompiledStatement;

/// Statements of a set, by their index: in the order of policies and their statements.
pub(crate) type Found = First<u32>;

const NOT_FOUND: Found = First::new(0);

/// What the statements of one layer come to, and which of them match.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Findings {
    /// Whether a Deny matches.
    pub(crate) denies: Kleene,
    /// Whether an Allow matches that grants in this way, by [`Grant`] in its order.
    grants: [Kleene; 3],
    /// The Deny statements that match.
    pub(crate) denying: Found,
    /// The Allow statements that match, by [`Grant`] in its order.
    granting: [Found; 3],
}

impl Findings {
    pub(crate) const SILENT: Findings = Findings {
        denies: Kleene::False,
        grants: [Kleene::False; 3],
        denying: NOT_FOUND,
        granting: [NOT_FOUND; 3],
    };

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

    /// The Allow statements that match and grant in this way.
    pub(crate) fn granting(&self, grant: Grant) -> &Found {
        self.granting.get(grant as usize).unwrap_or(&NOT_FOUND)
    }

    fn add(&mut self, effect: Effect, grant: Grant, matches: Kleene, index: u32) {
        let (says, statements) = match effect {
            Effect::Deny => (Some(&mut self.denies), Some(&mut self.denying)),
            Effect::Allow => {
                let grant = grant as usize;
                (self.grants.get_mut(grant), self.granting.get_mut(grant))
            }
        };
        if let (Some(says), Some(statements)) = (says, statements) {
            *says = says.or(matches);
            if matches.is_true() {
                statements.insert(index);
            }
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

impl<'a> Layer<'a> {
    /// A layer without levels.
    pub(crate) fn of(policy_type: PolicyType, set: &'a PolicySet) -> Layer<'a> {
        Layer { set, policy_type, level: 0 }
    }

    pub(crate) fn id_of(&self, statement: &CompiledStatement) -> StatementId {
        StatementId {
            policy_type: self.policy_type,
            level: self.level,
            policy: statement.policy,
            statement: statement.statement,
        }
    }

    /// Adds statements that were found to those that a decision names.
    pub(crate) fn name(&self, found: &Found, determining: &mut Determining) {
        for index in found.as_slice() {
            if let Some(statement) = self.set.statements().get(*index as usize) {
                determining.insert(self.id_of(statement));
            }
        }
        determining.note_more(found.has_more());
    }

    /// Adds to `findings` what the statements say whose action and resource can match. Answers
    /// whether a Deny matches, and names those that do.
    pub(crate) fn ask(
        &self,
        facts: Facts<'_, '_>,
        findings: &mut Findings,
        denying: &mut Determining,
    ) -> Kleene {
        let mut search = Search { set: self.set, facts, findings, latest: Latest::NONE };
        for drawer in self.set.drawers(facts.request) {
            drawer.into_iter().for_each(|drawer| search.look_into(drawer));
        }
        if !findings.denying.is_empty() {
            self.name(&findings.denying, denying);
        }
        findings.denies
    }
}

/// One layer's search for the statements that match.
struct Search<'a, 'q, 'r> {
    set: &'a PolicySet,
    facts: Facts<'q, 'r>,
    findings: &'a mut Findings,
    latest: Latest,
}

impl Search<'_, '_, '_> {
    /// An Allow is not looked at any more once a Deny of the layer matches: it changes nothing.
    #[inline]
    fn look_into(&mut self, drawer: &Drawer) {
        let Facts { request, .. } = self.facts;
        drawer.walk(request.resource.as_bytes(), |candidates, rest| {
            for candidate in candidates {
                if candidate.is_about_another(&request.action)
                    || candidate.remainder.excludes(rest)
                    || candidate.effect == Effect::Allow && self.findings.denies.is_true()
                {
                    continue;
                }
                self.consider(candidate);
            }
        });
    }

    // Kept out of line: most candidates are about another action, and passing them by takes few
    // registers.
    #[inline(never)]
    fn consider(&mut self, candidate: &Candidate) {
        let Search { set, facts, ref mut findings, ref mut latest } = *self;
        let index = candidate.statement;
        let Some(statement) = set.statements().get(index as usize) else { return };
        latest.turn_to(index, statement, facts);
        if !latest.action_applies {
            return;
        }
        let resource = candidate_matches(candidate, statement, facts);
        if resource.is_false() {
            return;
        }
        if let Rest::Known(grant, rest) = latest.ask_rest(statement, facts) {
            findings.add(statement.effect, grant, resource.and(rest), index);
        }
    }
}

/// What is known of the statement looked at last: several of its patterns are often candidates one
/// after the other, and a hostile policy has thousands of them.
struct Latest {
    statement: u32,
    action_applies: bool,
    rest: Rest,
}

/// How a statement names the caller, and whether its conditions hold.
#[derive(Clone, Copy)]
enum Rest {
    NotAsked,
    /// It does not name the caller.
    Silent,
    Known(Grant, Kleene),
}

impl Latest {
    /// Memory ends long before a set has so many statements.
    const NONE: Latest =
        Latest { statement: u32::MAX, action_applies: false, rest: Rest::NotAsked };

    #[inline]
    fn turn_to(&mut self, index: u32, statement: &CompiledStatement, facts: Facts<'_, '_>) {
        if self.statement != index {
            let action_applies = statement.actions.applies(facts);
            *self = Latest { statement: index, action_applies, rest: Rest::NotAsked };
        }
    }

    #[inline]
    fn ask_rest(&mut self, statement: &CompiledStatement, facts: Facts<'_, '_>) -> Rest {
        if let Rest::NotAsked = self.rest {
            self.rest = match statement.grant(facts) {
                Some(grant) => Rest::Known(grant, statement.conditions_hold(facts)),
                None => Rest::Silent,
            };
        }
        self.rest
    }
}

/// Whether the resource, which has the literal text under which the candidate is filed, and which
/// its remainder does not exclude, matches.
#[inline]
fn candidate_matches(
    candidate: &Candidate,
    statement: &CompiledStatement,
    facts: Facts<'_, '_>,
) -> Kleene {
    match candidate.remainder {
        Remainder::Nothing | Remainder::Anything => Kleene::True,
        Remainder::Pattern(index) => match statement.resources.patterns().get(index as usize) {
            Some(pattern) => pattern.matches_after_prefix(facts),
            None => Kleene::False,
        },
        Remainder::Element => statement.resources.applies(facts),
    }
}
