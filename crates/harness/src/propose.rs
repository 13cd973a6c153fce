//! Requests that a policy is about: made from its own patterns and values, around those that tests
//! already make.
//!
//! Candidates are generated without knowing what they mean, and a [`Probe`] chooses among them: so
//! a proposed request is one that the evaluator has answered, never a guess.

mod seed;
mod value;
mod wildcard;

use std::sync::Arc;

use tollgate_policy::{
    Condition, PatternElement, PrincipalElement, PrincipalPattern, Statement, Version,
};

pub(crate) use self::seed::{seeds, takes_any_principal};
use self::wildcard::{inside, outside};
use crate::call::{Call, Given};
use crate::probe::Probe;

/// Changes a request as little as possible, so that a statement's principal, action and resource
/// match. Elements for which no candidate matches stay as they are.
pub(crate) fn addressed(seed: &Call, statement: &Statement, version: Version) -> Call {
    let mut call = seed.clone();
    if let Some(principal) = &statement.principal {
        let probe = Probe::principal(version, principal);
        choose(&mut call, probe, principals(principal));
    }
    let probe = Probe::action(version, &statement.action);
    choose(&mut call, probe, actions(&statement.action));
    if let Some(resource) = &statement.resource {
        let probe = Probe::resource(version, resource);
        let candidates = resources(&call, resource);
        choose(&mut call, probe, candidates);
    }
    call
}

/// [`addressed`], with conditions that hold as well.
pub(crate) fn matching(seed: &Call, statement: &Statement, version: Version) -> Call {
    with_conditions(&addressed(seed, statement, version), statement, version)
}

/// Changes a request's context so that a statement's conditions hold.
pub(crate) fn with_conditions(seed: &Call, statement: &Statement, version: Version) -> Call {
    let mut call = seed.clone();
    for condition in &statement.conditions {
        choose(&mut call, Probe::condition(version, condition), values(condition));
    }
    call
}

/// Applies the first candidate with which the probe matches, unless it matches already.
fn choose(call: &mut Call, probe: Option<Probe>, candidates: Vec<Change>) {
    let Some(probe) = probe else { return };
    let matches = |call: &Call| probe.matches(&call.request()) == Some(true);
    if matches(call) {
        return;
    }
    if let Some(changed) = candidates.iter().map(|change| change.of(call)).find(matches) {
        *call = changed;
    }
}

/// Every request that differs from `seed` in one element that the statement speaks of.
pub(crate) fn variations<'a>(
    seed: &'a Call,
    statement: &Statement,
) -> impl Iterator<Item = Call> + use<'a> {
    let mut changes = actions(&statement.action);
    changes.extend(statement.resource.iter().flat_map(|resource| resources(seed, resource)));
    changes.extend(statement.principal.iter().flat_map(principals));
    changes.extend(statement.conditions.iter().flat_map(values));
    changes.into_iter().map(|change| change.of(seed))
}

/// One difference between two requests.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Change {
    Principal(String),
    Action(String),
    Resource(String),
    Context(Arc<str>, Given),
}

impl Change {
    /// The request with this difference.
    pub(crate) fn of(&self, call: &Call) -> Call {
        let mut call = call.clone();
        match self {
            Change::Principal(text) => call.principal = text.as_str().into(),
            Change::Action(text) => call.action = text.as_str().into(),
            Change::Resource(text) => call.resource = text.as_str().into(),
            Change::Context(key, given) => call.set(key, given.clone()),
        }
        call
    }
}

/// Principals that an element names, and some that it does not.
pub(crate) fn principals(element: &PrincipalElement) -> Vec<Change> {
    let mut texts: Vec<String> = Vec::new();
    for named in &element.principals {
        match &named.value {
            PrincipalPattern::Everyone => {}
            PrincipalPattern::Account(id) => texts.push(format!("arn:aws:iam::{id}:user/someone")),
            PrincipalPattern::Arn(arn) => texts.push(arn.clone()),
            PrincipalPattern::Service(name) | PrincipalPattern::Federated(name) => {
                texts.push(name.clone());
            }
            PrincipalPattern::UniqueId(_) | PrincipalPattern::CanonicalUser(_) => {}
        }
    }
    texts.push("arn:aws:iam::999999999999:user/stranger".to_owned());
    texts.push("anonymous".to_owned());
    let readable = |text: &String| tollgate_policy::Principal::parse(text).is_some();
    texts.into_iter().filter(readable).map(Change::Principal).collect()
}

/// Actions that an element's patterns match, and some that they do not.
pub(crate) fn actions(element: &PatternElement) -> Vec<Change> {
    let patterns = || element.patterns.iter().map(|pattern| pattern.value.as_str());
    let mut texts: Vec<String> = Vec::new();
    for pattern in patterns() {
        texts.extend(
            KNOWN_ACTIONS.iter().filter(|_| pattern.contains('*')).map(|&known| known.to_owned()),
        );
        texts.extend(inside(pattern).into_iter().map(|text| text.replace('/', "")));
    }
    texts.extend(KNOWN_ACTIONS.map(str::to_owned));
    texts.extend(patterns().flat_map(outside));
    texts.retain(|text| {
        text.split_once(':').is_some_and(|(service, name)| {
            !service.is_empty() && !name.is_empty() && !name.contains(':')
        })
    });
    texts.into_iter().map(Change::Action).collect()
}

/// The actions of API Gateway, and one of another service.
const KNOWN_ACTIONS: [&str; 4] = [
    "execute-api:Invoke",
    "execute-api:InvalidateCache",
    "execute-api:ManageConnections",
    "iam:ListUsers",
];

/// Resources that an element's patterns match, and some that they do not. Variables take the
/// request's values.
pub(crate) fn resources(call: &Call, element: &PatternElement) -> Vec<Change> {
    let mut texts: Vec<String> = Vec::new();
    for pattern in &element.patterns {
        let pattern = wildcard::resolve(call, &long_form(call, &pattern.value));
        texts.extend(inside(&pattern));
        texts.extend(outside(&pattern));
    }
    texts.retain(|text| tollgate_policy::ArnParts::split(text).is_some());
    texts.into_iter().map(Change::Resource).collect()
}

/// `execute-api:/stage/…` of a resource policy stands for ARNs of the API that it is attached to:
/// that of the request.
fn long_form(call: &Call, pattern: &str) -> String {
    let Some(rest) = pattern.strip_prefix("execute-api:/") else { return pattern.to_owned() };
    let api = call.resource.split_once('/').map_or(&*call.resource, |(api, _)| api);
    format!("{api}/{rest}")
}

/// Values about which a condition may change its mind.
pub(crate) fn values(condition: &Condition) -> Vec<Change> {
    let key: Arc<str> = condition.key.value.as_str().into();
    value::candidates(condition)
        .into_iter()
        .map(|given| Change::Context(Arc::clone(&key), given))
        .collect()
}
