//! What is answered: the decision, and the statements that determined it.

use std::fmt;
use std::hash::{Hash, Hasher};

use crate::document::PolicyType;
use crate::first::First;

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Decision {
    /// Allowed, denied, or undecided.
    pub outcome: Outcome,
    /// The statements that determined the outcome: those that grant, for `allowed`; those that
    /// deny, for `explicitDeny`; none, for `implicitDeny`; those whose conditions are not settled,
    /// for `indeterminate`.
    pub determined_by: Determining,
    /// The unknown context keys that the outcome depends on, each once, as the request spells them
    /// and in order without regard to case; empty unless the outcome is `indeterminate`.
    pub depends_on: Vec<String>,
}

/// Terms of the IAM policy simulator, and `indeterminate` where the context is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Everything that must allow does, and nothing denies.
    Allowed,
    /// A Deny statement matches.
    ExplicitDeny,
    /// No Deny matches, and something that must allow does not.
    ImplicitDeny,
    /// Depends on context keys that are unknown: for some values allowed, for others denied.
    Indeterminate,
}

impl Outcome {
    /// `allowed`, `explicitDeny`, `implicitDeny` or `indeterminate`.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Allowed => "allowed",
            Outcome::ExplicitDeny => "explicitDeny",
            Outcome::ImplicitDeny => "implicitDeny",
            Outcome::Indeterminate => "indeterminate",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which statement: of which policy, of which layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StatementId {
    /// The layer.
    pub policy_type: PolicyType,
    /// The level of a service or resource control policy, counted from 0 at the root; 0 otherwise.
    pub level: u16,
    /// Which policy of the layer (and level), from 0.
    pub policy: u32,
    /// Which statement of the policy, from 0.
    pub statement: u32,
}

/// The determining statements of a decision, in order of layer, level, policy and statement.
///
/// Holds at most [`Determining::CAPACITY`] of them, the first in that order, so that a decision
/// never allocates; [`Determining::has_more`] tells when there were others, and an explanation
/// names them all.
#[derive(Clone, Copy)]
pub struct Determining {
    statements: First<StatementId>,
}

impl Determining {
    /// How many statements a decision names by itself.
    pub const CAPACITY: usize = First::CAPACITY;

    pub(crate) const NONE: Determining = Determining {
        statements: First::new(StatementId {
            policy_type: PolicyType::Identity,
            level: 0,
            policy: 0,
            statement: 0,
        }),
    };

    /// The statements, in order.
    pub fn as_slice(&self) -> &[StatementId] {
        self.statements.as_slice()
    }

    /// Adds a statement in its place. Adding one twice is adding it once.
    #[inline]
    pub(crate) fn insert(&mut self, id: StatementId) {
        self.statements.insert(id);
    }

    /// Says that there are more statements, wherever they are.
    pub(crate) fn note_more(&mut self, more: bool) {
        self.statements.note_more(more);
    }

    /// The statements, first first.
    pub fn iter(&self) -> impl Iterator<Item = StatementId> {
        self.as_slice().iter().copied()
    }

    /// The first statement.
    pub fn first(&self) -> Option<StatementId> {
        self.iter().next()
    }

    /// Whether no statement determined the outcome.
    pub fn is_empty(&self) -> bool {
        self.statements.is_empty()
    }

    /// Whether more statements determined the outcome than are held here.
    pub fn has_more(&self) -> bool {
        self.statements.has_more()
    }
}

impl Default for Determining {
    fn default() -> Determining {
        Determining::NONE
    }
}

impl PartialEq for Determining {
    fn eq(&self, other: &Determining) -> bool {
        (self.as_slice(), self.has_more()) == (other.as_slice(), other.has_more())
    }
}

impl Eq for Determining {}

impl Hash for Determining {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.as_slice(), self.has_more()).hash(state);
    }
}

impl FromIterator<StatementId> for Determining {
    fn from_iter<I: IntoIterator<Item = StatementId>>(ids: I) -> Determining {
        let mut determining = Determining::NONE;
        ids.into_iter().for_each(|id| determining.insert(id));
        determining
    }
}

impl fmt::Debug for Determining {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
