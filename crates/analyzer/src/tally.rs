//! The calls of one worker, while they are replayed: verdicts are counted, denied calls are grouped.
//!
//! Everything is kept in numbers and put into words once, when all calls are counted. A group keeps
//! the call that is to explain it, and explains it then.

use hashbrown::HashMap;
use tollgate_policy::Outcome;

use crate::bindings::{INVOKE, Kept};
use crate::call::Call;
use crate::intern::{Interner, OTHER_NUMBER, slot};
use crate::outcomes::{Group, GroupKey, Outcomes, cited, nearest};
use crate::replay::{Verdict, Version, write_resource};
use crate::time::Span;
use crate::verdict::{Comparison, Logged};

/// The most groups kept apart; calls beyond them are counted under `(other)`.
pub(crate) const GROUPS_MAX: usize = 50_000;

/// The calls of one worker, while they are replayed.
#[derive(Default)]
pub(crate) struct OutcomeTally<'a> {
    /// Calls by the number of their verdict, and by what the log says, in its order.
    counts: Vec<[u64; Logged::ALL.len()]>,
    /// Calls of principals that the account does not know, by the number of their caller.
    unknown: Vec<u64>,
    /// The number of each group, in the order in which they came.
    numbers: HashMap<TallyKey, u32>,
    groups: Vec<(TallyKey, TallyGroup<'a>)>,
    labels: Labels,
    arn: String,
}

/// A [`GroupKey`] in numbers.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct TallyKey {
    caller: u32,
    resource: u32,
    action: u32,
    verdict: u32,
    status: Option<u16>,
    logged: Logged,
}

/// A [`Group`] whose example has not explained it yet.
struct TallyGroup<'a> {
    requests: u64,
    span: Span,
    /// Whether not all of its calls had the ARN of the example.
    differ: bool,
    disagrees: bool,
    example: Kept<'a>,
}

impl<'a> OutcomeTally<'a> {
    /// Counts one call with the number of its verdict. The answer is the number of the group that it
    /// was put in, if any.
    pub(crate) fn add(
        &mut self,
        call: &Call<'_, 'a>,
        version: &Version<'a>,
        number: u32,
    ) -> Option<u32> {
        let verdict = version.verdict(number)?;
        let logged = Logged::of(call.row);
        if let Some(count) = slot(&mut self.counts, number).get_mut(logged as usize) {
            *count += 1;
        }
        if version.binding(verdict)?.applicable.subject().is_none() {
            *slot(&mut self.unknown, call.caller_number) += 1;
        }
        let outcome = verdict.outcome();
        let disagrees = Comparison::of(logged, outcome) == Comparison::Disagreeing;
        let denied = matches!(outcome, Ok(Outcome::ExplicitDeny | Outcome::ImplicitDeny));
        if denied || logged == Logged::Refused || disagrees {
            let key = TallyKey {
                caller: call.caller_number,
                resource: self.labels.resource(call),
                action: self.labels.action(call),
                verdict: number,
                status: call.row.status(),
                logged,
            };
            return self.group(key, call, version, disagrees);
        }
        None
    }

    fn group(
        &mut self,
        mut key: TallyKey,
        call: &Call<'_, 'a>,
        version: &Version<'a>,
        disagrees: bool,
    ) -> Option<u32> {
        if self.groups.len() >= GROUPS_MAX && !self.numbers.contains_key(&key) {
            (key.caller, key.resource) = (OTHER_NUMBER, OTHER_NUMBER);
        }
        if write_resource(&mut self.arn, call.row, call.api, call.method, call.path).is_err() {
            self.arn.clear();
        }
        let binding = version.binding(version.verdict(key.verdict)?)?;
        let (resource, time) = (self.arn.as_str(), call.row.time());
        if let Some(&number) = self.numbers.get(&key) {
            let (_, group) = self.groups.get_mut(number as usize)?;
            group.requests += 1;
            group.span.merge(Span::at(time));
            group.differ |= group.example.resource() != resource;
            if (resource, time) < (group.example.resource(), group.example.time()) {
                group.example = binding.keep(call, resource);
            }
            return Some(number);
        }
        let number = u32::try_from(self.groups.len()).ok()?;
        let group = TallyGroup {
            requests: 1,
            span: Span::at(time),
            differ: false,
            disagrees,
            example: binding.keep(call, resource),
        };
        self.groups.push((key, group));
        self.numbers.insert(key, number);
        Some(number)
    }

    /// What was found, in words, and the groups by their numbers. `callers` are those that gave the
    /// calls their numbers.
    pub(crate) fn finish(
        self,
        callers: &Interner,
        version: &Version<'_>,
    ) -> (Outcomes, Vec<GroupKey>) {
        let mut outcomes = counted(&self.counts, version);
        let unknown = (0..).zip(&self.unknown).filter(|(_, requests)| **requests > 0);
        outcomes.unknown_principals = unknown
            .map(|(number, requests)| (callers.text(number).to_owned(), *requests))
            .collect();
        let (mut keys, mut groups) = (Vec::new(), Vec::new());
        for (key, group) in self.groups {
            let words = key.in_words(version, callers, &self.labels);
            keys.push(words.clone());
            groups.push((words, group.explained(key, version)));
        }
        // Merging sorts, and joins the groups whose numbers differ and whose words do not.
        outcomes.merge(Outcomes { groups, ..Outcomes::default() });
        (outcomes, keys)
    }
}

/// The comparison of the log with the verdicts.
fn counted(counts: &[[u64; Logged::ALL.len()]], version: &Version<'_>) -> Outcomes {
    let mut outcomes = Outcomes::default();
    for (number, counts) in (0..).zip(counts) {
        let Some(verdict) = version.verdict(number) else { continue };
        for (logged, requests) in Logged::ALL.into_iter().zip(counts).filter(|each| *each.1 > 0) {
            match Comparison::of(logged, verdict.outcome()) {
                Comparison::Agreeing => outcomes.agreeing += requests,
                Comparison::Disagreeing => outcomes.disagreeing += requests,
                Comparison::Undetermined(why) => {
                    *outcomes.undetermined.entry(why.to_owned()).or_default() += requests;
                }
            }
        }
    }
    outcomes
}

impl TallyGroup<'_> {
    /// The group, explained by its example.
    fn explained(self, key: TallyKey, version: &Version<'_>) -> Group {
        let TallyGroup { requests, span, differ, disagrees, example } = self;
        let explain = |verdict: &Verdict| match verdict.outcome() {
            Ok(Outcome::ImplicitDeny) => nearest(version.binding(verdict)?, &example),
            _ => None,
        };
        let nearest = version.verdict(key.verdict).and_then(explain);
        let resource = example.resource().to_owned();
        let only_resource = (!differ && !resource.is_empty()).then(|| resource.clone());
        let (context, example) = (example.context(), (resource, example.time()));
        Group { requests, span, only_resource, disagrees, example, context, nearest }
    }
}

impl TallyKey {
    fn in_words(self, version: &Version<'_>, callers: &Interner, labels: &Labels) -> GroupKey {
        let verdict = version.verdict(self.verdict);
        let decision = verdict.and_then(|verdict| verdict.decision.as_ref().ok());
        let applicable = verdict.and_then(|verdict| Some(version.binding(verdict)?.applicable));
        let statements = decision.into_iter().flat_map(|decision| decision.determined_by.iter());
        GroupKey {
            caller: callers.text(self.caller).to_owned(),
            action: labels.actions.text(self.action).to_owned(),
            resource: labels.resources.text(self.resource).to_owned(),
            status: self.status,
            logged: self.logged,
            decision: decision.map(|decision| decision.outcome.as_str().to_owned()),
            determined_by: statements.filter_map(|id| cited(&applicable?, id)).collect(),
            depends_on: decision.map_or_else(Vec::new, |decision| decision.depends_on.clone()),
        }
    }
}

/// Numbers for what groups are called by.
pub(crate) struct Labels {
    resources: Interner,
    actions: Interner,
    /// The number of the resource of each place and route.
    by_route: HashMap<(usize, u32), u32>,
}

impl Default for Labels {
    fn default() -> Labels {
        let (resources, actions) = (Interner::new(GROUPS_MAX), Interner::new(GROUPS_MAX));
        Labels { resources, actions, by_route: HashMap::new() }
    }
}

impl Labels {
    /// The number of the ARN of a call with its route in the place of the path.
    pub(crate) fn resource(&mut self, call: &Call<'_, '_>) -> u32 {
        let told = call.row.path().is_none() && call.row.resource().is_some();
        let Some(place) = call.target.place.filter(|_| !told && call.route_number != OTHER_NUMBER)
        else {
            return self.resources.number(&template(call));
        };
        if let Some(&known) = self.by_route.get(&(place, call.route_number)) {
            return known;
        }
        let number = self.resources.number(&template(call));
        self.by_route.insert((place, call.route_number), number);
        number
    }

    /// The text of a resource's number.
    pub(crate) fn resource_text(&self, number: u32) -> &str {
        self.resources.text(number)
    }

    fn action(&mut self, call: &Call<'_, '_>) -> u32 {
        self.actions.number(call.row.action().unwrap_or(INVOKE))
    }
}

/// The ARN of a call with its route in the place of the path.
fn template(call: &Call<'_, '_>) -> String {
    let mut arn = String::new();
    match write_resource(&mut arn, call.row, call.api, call.method, Some(call.route)) {
        Ok(()) => arn,
        Err(_) => format!("{} {}", call.method, call.route),
    }
}
