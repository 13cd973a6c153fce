//! One layer against one request: which of its statements match.

use crate::compile::{Candidate, PolicySet};
use crate::decision::{Determining, StatementId};
use crate::document::{Effect, PolicyType};
use crate::grant::Grant;
use crate::kleene::Kleene;
use crate::lookup::Facts;
use crate::statement::CompiledStatement;

/// What the statements of one layer come to.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// A Deny matches.
    denied: bool,
    /// A Deny may match, depending on unknown keys.
    may_deny: bool,
    denying: Determining,
    /// By [`Grant`], in its order.
    granting: [Granting; 3],
}

/// What the Allow statements that grant in one way come to.
#[derive(Clone, Copy, Debug, Default)]
struct Granting {
    granted: bool,
    may_grant: bool,
    statements: Determining,
}

impl Tally {
    fn add(&mut self, effect: Effect, grant: Grant, matches: Kleene, id: StatementId) {
        match (effect, matches) {
            (_, Kleene::False) => {}
            (Effect::Deny, Kleene::Unknown) => self.may_deny = true,
            (Effect::Deny, Kleene::True) => {
                self.denied = true;
                self.denying.insert(id);
            }
            (Effect::Allow, matches) => {
                let Some(granting) = self.granting.get_mut(grant as usize) else { return };
                granting.may_grant = true;
                if matches.is_true() {
                    granting.granted = true;
                    granting.statements.insert(id);
                }
            }
        }
    }

    /// Whether a Deny matches.
    pub(crate) fn denies(&self) -> Kleene {
        three_valued(self.denied, self.may_deny)
    }

    /// The Deny statements that match.
    pub(crate) fn denying(&self) -> &Determining {
        &self.denying
    }

    /// Whether an Allow matches that grants in this way.
    pub(crate) fn grants(&self, grant: Grant) -> Kleene {
        self.granting
            .get(grant as usize)
            .map_or(Kleene::False, |granting| three_valued(granting.granted, granting.may_grant))
    }

    /// The Allow statements that match and grant in this way.
    pub(crate) fn granting(&self, grant: Grant) -> &Determining {
        static NONE: Determining = Determining::NONE;
        self.granting.get(grant as usize).map_or(&NONE, |granting| &granting.statements)
    }
}

fn three_valued(certain: bool, possible: bool) -> Kleene {
    match (certain, possible) {
        (true, _) => Kleene::True,
        (false, true) => Kleene::Unknown,
        (false, false) => Kleene::False,
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

    /// Evaluates the statements whose action and resource can match.
    ///
    /// An Allow is not looked at any more once a Deny of the layer matches: it changes nothing.
    pub(crate) fn tally(&self, facts: Facts<'_, '_>) -> Tally {
        let mut tally = Tally::default();
        // Several patterns of one statement are often candidates one after the other.
        let mut latest: Option<(u32, Option<(Grant, Kleene)>)> = None;
        self.set.candidates(facts.request, |candidate, statement| {
            if statement.effect == Effect::Allow && tally.denied {
                return;
            }
            let resource = candidate_matches(candidate, statement, facts);
            if resource.is_false() {
                return;
            }
            let rest = match latest {
                Some((index, known)) if index == candidate.statement => known,
                _ => {
                    let known = matches_beside_resource(statement, facts);
                    latest = Some((candidate.statement, known));
                    known
                }
            };
            if let Some((grant, rest)) = rest {
                tally.add(statement.effect, grant, resource.and(rest), self.id_of(statement));
            }
        });
        tally
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

/// How the statement names the caller, and whether its conditions hold; `None` when principal or
/// action exclude the request.
#[inline]
fn matches_beside_resource(
    statement: &CompiledStatement,
    facts: Facts<'_, '_>,
) -> Option<(Grant, Kleene)> {
    if !statement.actions.applies(facts.request.action()) {
        return None;
    }
    let grant = statement.grant(facts)?;
    Some((grant, statement.conditions_hold(facts)))
}
