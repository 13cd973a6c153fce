//! What calls of a log can show, and what of the present policies they cannot: that is granted as
//! before.

use std::collections::BTreeSet;

use tollgate_policy::{Effect, Extent, PatternElement, Statement};

use super::elements::modern_statement;
use super::grants::{Grants, Present};

/// The service whose calls access logs are of. They hold every call of an API, whatever its action.
const API_SERVICE: &str = "execute-api";

/// What the calls of a log ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    /// Actions.
    pub(crate) actions: BTreeSet<String>,
    /// The services whose resources they are asked of.
    pub(crate) services: BTreeSet<String>,
}

impl Asked {
    /// Adds a call.
    pub(crate) fn add(&mut self, action: &str, resource: Option<&str>, bound: usize) {
        let service = resource.and_then(|arn| arn.split(':').nth(2)).unwrap_or(service(action));
        for (held, name) in [(&mut self.actions, action), (&mut self.services, service)] {
            if !held.contains(name) && held.len() < bound {
                held.insert(name.to_owned());
            }
        }
    }

    /// Adds what calls of other workers ask for.
    pub(crate) fn merge(&mut self, other: Asked) {
        self.actions.extend(other.actions);
        self.services.extend(other.services);
    }
}

/// What a log can show.
pub(crate) struct Shown<'o> {
    actions: Vec<Extent>,
    services: &'o BTreeSet<String>,
}

/// A present Allow statement, taken apart by what the log can show.
pub(crate) struct Apart {
    /// What no call of the log can need, as statements of their own.
    pub(crate) hidden: Vec<Statement>,
    /// Whether some of them have all of its resources.
    pub(crate) is_everywhere: bool,
    /// Which of its patterns of `Action` are given up if no call needs them.
    pub(crate) actions: Vec<usize>,
    /// Which of its patterns of `Resource` are.
    pub(crate) resources: Vec<usize>,
    /// Whether what calls of the log may need is more than calls of the log can show: `*`.
    pub(crate) is_wider: bool,
}

impl<'o> Shown<'o> {
    pub(crate) fn new(asked: &'o Asked) -> Shown<'o> {
        let action = |action: &String| match is_of_api(action) {
            true => Extent::of_action(&format!("{API_SERVICE}:*")),
            false => Extent::of_action(action),
        };
        Shown { actions: asked.actions.iter().map(action).collect(), services: &asked.services }
    }

    /// Takes a present Allow statement apart.
    pub(crate) fn apart(&self, present: &Present<'_>) -> Apart {
        let statement = modern_statement(present);
        let all = 0..statement.action.patterns.len();
        let (shown, hidden): (Vec<usize>, Vec<usize>) = match statement.action.negated {
            true if self.is_excluded(&statement.action) => (Vec::new(), all.collect()),
            true => (all.collect(), Vec::new()),
            false => {
                all.partition(|at| extent(&statement.action, *at).is_some_and(|it| self.meets(&it)))
            }
        };
        let wide = self.wider(&statement.action, &shown);
        let (here, elsewhere, is_wide) =
            statement.resource.as_ref().map_or_else(Default::default, |it| self.by_resource(it));
        let mut apart = Apart {
            hidden: Vec::new(),
            is_everywhere: !hidden.is_empty(),
            is_wider: is_wide && !wide.is_empty(),
            actions: shown,
            resources: here,
        };
        if apart.is_everywhere {
            let action = some(&statement.action, &hidden);
            apart.hidden.push(Statement { action, ..statement.clone() });
        }
        if !wide.is_empty() && !elsewhere.is_empty() {
            let action = some(&statement.action, &wide);
            let resource = statement.resource.as_ref().map(|it| some(it, &elsewhere));
            apart.hidden.push(Statement { action, resource, ..statement.clone() });
            apart.actions.retain(|at| !wide.contains(at));
        } else if !apart.is_everywhere {
            apart.resources.extend(elsewhere);
        }
        apart
    }

    /// Whether calls of the log may ask for what a pattern of `Action` matches.
    fn meets(&self, extent: &Extent) -> bool {
        self.actions.iter().any(|shown| extent.meets(shown))
    }

    /// Whether a `NotAction` leaves out all that calls of the log ask for.
    fn is_excluded(&self, element: &PatternElement) -> bool {
        let extents = || element.patterns.iter().map(|it| Extent::of_action(&it.value));
        self.actions.iter().all(|shown| extents().any(|extent| extent.covers(shown)))
    }

    /// Which of these patterns of `Action` match more than the log can show; all of a `NotAction`.
    fn wider(&self, element: &PatternElement, shown: &[usize]) -> Vec<usize> {
        let is_within = |it: &Extent| self.actions.iter().any(|all| all.covers(it));
        let is_wider = |at: &&usize| {
            element.negated || !extent(element, **at).is_some_and(|it| is_within(&it))
        };
        shown.iter().filter(is_wider).copied().collect()
    }

    /// Which patterns of `Resource` are of services that calls of the log were asked of, and which are
    /// not; and whether some of the former are of other services as well.
    fn by_resource(&self, element: &PatternElement) -> (Vec<usize>, Vec<usize>, bool) {
        let all = 0..element.patterns.len();
        if element.negated {
            return (all.collect(), Vec::new(), true);
        }
        let of = |at: usize| element.patterns.get(at).and_then(|it| service_of(&it.value));
        let (here, elsewhere): (Vec<usize>, _) =
            all.partition(|at| of(*at).is_none_or(|service| self.services.contains(service)));
        let is_wide = here.iter().any(|at| of(*at).is_none());
        (here, elsewhere, is_wide)
    }
}

impl Grants<'_> {
    /// The Allow statements in force, taken apart by what the log can show.
    pub(crate) fn apart(&self, shown: &Shown<'_>) -> Vec<Option<Apart>> {
        let is_allow = |present: &&Present<'_>| present.statement.effect.value == Effect::Allow;
        let apart = |present| Some(present).filter(is_allow).map(|it| shown.apart(it));
        self.statements.iter().map(apart).collect()
    }
}

/// Whether an action is one on calls of APIs.
pub(crate) fn is_of_api(action: &str) -> bool {
    service(action).eq_ignore_ascii_case(API_SERVICE)
}

fn service(action: &str) -> &str {
    action.split_once(':').map_or("", |(service, _)| service)
}

/// The service that a pattern of `Resource` names; `None` if it may be any.
fn service_of(pattern: &str) -> Option<&str> {
    let service = pattern.split(':').nth(2)?;
    (!service.contains(['*', '?', '$'])).then_some(service)
}

fn extent(element: &PatternElement, at: usize) -> Option<Extent> {
    element.patterns.get(at).map(|pattern| Extent::of_action(&pattern.value))
}

/// An element of some of its patterns; a negated one is left whole.
fn some(element: &PatternElement, which: &[usize]) -> PatternElement {
    let mut some = element.clone();
    if !element.negated {
        let patterns = which.iter().filter_map(|at| element.patterns.get(*at));
        some.patterns = patterns.cloned().collect();
    }
    some
}
