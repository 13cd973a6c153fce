//! A compiled statement, and whether it matches a request.

use std::sync::Arc;

use crate::condition::CompiledCondition;
use crate::document::Effect;
use crate::grant::{Grant, Principals};
use crate::kleene::Kleene;
use crate::lookup::Facts;
use crate::pattern::{Pattern, Resolution};

/// A statement with everything thought out that does not depend on the request.
#[derive(Debug)]
pub(crate) struct CompiledStatement {
    /// Which policy of the set, from 0.
    pub(crate) policy: u32,
    /// Which statement of the policy, from 0.
    pub(crate) statement: u32,
    pub(crate) effect: Effect,
    /// `None` in policies that have no principals: they apply to whoever they are attached to.
    pub(crate) principals: Option<Principals>,
    pub(crate) actions: Arc<Actions>,
    pub(crate) resources: Resources,
    pub(crate) conditions: Box<[CompiledCondition]>,
}

/// `Action` or `NotAction`. An empty list applies to nothing, in either form.
#[derive(Debug)]
pub(crate) struct Actions {
    pub(crate) negated: bool,
    /// In lower case: actions match without regard to case.
    pub(crate) patterns: Box<[Pattern]>,
}

/// `Resource` or `NotResource`, or neither.
#[derive(Debug)]
pub(crate) enum Resources {
    /// The element is missing, as in a role trust policy: the resource is the one that the policy is
    /// attached to.
    Own,
    /// `Resource`.
    Only(Box<[ResourcePattern]>),
    /// `NotResource`.
    AllBut(Box<[ResourcePattern]>),
}

/// One pattern for resources.
#[derive(Debug)]
pub(crate) enum ResourcePattern {
    /// `*`: also what is not an ARN.
    Any,
    /// An ARN pattern.
    Arn(Pattern),
    /// `execute-api:/stage/METHOD/path`, without its head: the API is the one that the policy is
    /// attached to.
    OwnApi(Pattern),
}

impl CompiledStatement {
    /// How the statement names the caller; `None` when it does not.
    #[inline]
    pub(crate) fn grant(&self, facts: Facts<'_, '_>) -> Option<Grant> {
        match &self.principals {
            None => Some(Grant::Direct),
            Some(principals) => principals.grant(facts.principal),
        }
    }

    /// Whether all conditions hold.
    #[inline]
    pub(crate) fn conditions_hold(&self, facts: Facts<'_, '_>) -> Kleene {
        if self.conditions.is_empty() { Kleene::True } else { self.each_holds(facts) }
    }

    // Kept out of line: it would burden those who find no conditions with its registers.
    #[inline(never)]
    fn each_holds(&self, facts: Facts<'_, '_>) -> Kleene {
        let mut all = Kleene::True;
        for condition in &self.conditions {
            all = all.and(condition.holds(facts));
            if all.is_false() {
                return Kleene::False;
            }
        }
        all
    }
}

impl Actions {
    /// The name of the one action that the element is about, if it is about one.
    pub(crate) fn only_name(&self) -> Option<&str> {
        match &*self.patterns {
            [only] if !self.negated => only.as_literal(),
            _ => None,
        }
    }

    #[inline]
    pub(crate) fn applies(&self, facts: Facts<'_, '_>) -> bool {
        let action = facts.request.action.in_lower_case();
        let matches = |pattern: &Pattern| pattern.matches_bytes(action, facts);
        !self.patterns.is_empty() && self.patterns.iter().any(matches) != self.negated
    }
}

impl Resources {
    /// Whether the element applies to the request's resource.
    pub(crate) fn applies(&self, facts: Facts<'_, '_>) -> Kleene {
        let any = |patterns: &[ResourcePattern]| {
            let matches = patterns.iter().map(|pattern| pattern.matches(facts));
            matches.max().unwrap_or(Kleene::False)
        };
        match self {
            Resources::Own => Kleene::True,
            Resources::Only(patterns) => any(patterns),
            Resources::AllBut(patterns) if patterns.is_empty() => Kleene::False,
            Resources::AllBut(patterns) => !any(patterns),
        }
    }

    /// The patterns, in document order.
    pub(crate) fn patterns(&self) -> &[ResourcePattern] {
        match self {
            Resources::Own => &[],
            Resources::Only(patterns) | Resources::AllBut(patterns) => patterns,
        }
    }
}

impl ResourcePattern {
    /// The literal text that every resource that the pattern matches begins with.
    pub(crate) fn literal_prefix(&self) -> &str {
        match self {
            ResourcePattern::Any | ResourcePattern::OwnApi(_) => "",
            ResourcePattern::Arn(pattern) => pattern.literal_prefix(),
        }
    }

    /// Whether what the pattern matches depends on the context.
    pub(crate) fn has_variables(&self) -> bool {
        match self {
            ResourcePattern::Any => false,
            ResourcePattern::Arn(pattern) | ResourcePattern::OwnApi(pattern) => {
                pattern.variables().next().is_some()
            }
        }
    }

    /// Whether the request's resource matches.
    pub(crate) fn matches(&self, facts: Facts<'_, '_>) -> Kleene {
        self.matches_by(facts, |pattern| pattern.matches(facts.request.resource, facts))
    }

    /// Whether the request's resource, which has the pattern's literal prefix, matches.
    #[inline]
    pub(crate) fn matches_after_prefix(&self, facts: Facts<'_, '_>) -> Kleene {
        self.matches_by(facts, |pattern| {
            pattern.matches_after_prefix(facts.request.resource, facts)
        })
    }

    #[inline]
    fn matches_by(&self, facts: Facts<'_, '_>, arn_matches: impl Fn(&Pattern) -> bool) -> Kleene {
        let (pattern, matches) = match self {
            ResourcePattern::Any => return Kleene::True,
            ResourcePattern::Arn(pattern) => (pattern, arn_matches(pattern)),
            ResourcePattern::OwnApi(pattern) => (pattern, matches_own_api(pattern, facts)),
        };
        if !matches {
            return Kleene::False;
        }
        match pattern.resolution(facts) {
            Resolution::Resolved => Kleene::True,
            Resolution::Unknown => Kleene::Unknown,
            Resolution::Unresolved => Kleene::False,
        }
    }
}

/// Whether a pattern of `stage/METHOD/path` matches a request to an API.
#[inline(never)]
fn matches_own_api(pattern: &Pattern, facts: Facts<'_, '_>) -> bool {
    let path = facts.request.api.and_then(|api| api.split_once('/'));
    path.is_some_and(|(_, path)| pattern.matches(path, facts))
}
