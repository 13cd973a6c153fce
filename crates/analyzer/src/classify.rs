//! Sorting calls into classes: calls of one class are decided alike, by the same statements.
//!
//! A class is two small numbers. One says which of the policies' resource patterns match: one
//! automaton finds those of all policies. The other is the situation: the policies bound to the caller
//! at the API, the action, and the circumstances. Those are come to value by value: from the binding
//! and the action, each value of a key that the policies look at for such a resource leads one step on,
//! and what the conditions say is asked once for each last step. So most calls are in a situation
//! without any value read: few statements have conditions.

use bumpalo::{Bump, collections::Vec as BumpVec};
use hashbrown::HashMap;
use tollgate_policy::{Circumstances, Policies, ResourceClasses, Start, View};
use tollgate_store::Account;

use crate::bindings::{Binding, INVOKE};
use crate::call::{self, Call};
use crate::callers;
use crate::context::{KeySet, ValueNumbers};
use crate::decisions::Class;
use crate::intern::{Interner, OTHER_NUMBER, slot};
use crate::looks::{Look, Looks};
use crate::places::Places;
use crate::replay::{Both, Decided, Version, write_resource};
use crate::settled;

/// The most steps that are remembered.
const STEPS_MAX: usize = 400_000;

/// The most actions that are told apart.
const ACTIONS_MAX: usize = 4_000;

/// The number of [`INVOKE`], which a request has whose log names no action.
const INVOKE_NUMBER: u32 = u32::MAX;

/// In the place of a class of resources: the API, or the path, is not told.
const UNTOLD_API_NUMBER: u32 = 0;
const UNTOLD_PATH_NUMBER: u32 = 1;

/// Sorts calls into classes.
#[derive(Clone)]
pub(crate) struct Classifier {
    /// What is bound to callers at places, each once: few callers are bound to something of their own.
    bounds: Vec<Bound>,
    /// The numbers of what is bound, by the binding of each version.
    bound_numbers: HashMap<[usize; 2], u32>,
    /// By the number of a caller and a place.
    bound: HashMap<(u32, u16), u32>,
    /// By the number of a caller: the place that it called last, and what is bound there.
    latest: Vec<Option<(u16, u32)>>,
    starts: HashMap<Outset, u32>,
    resources: ResourceClasses,
    /// The classes of the resources that are being looked at.
    ends: Vec<Option<u32>>,
    /// By the number of what is bound.
    views: Vec<View>,
    looks: Looks,
    actions: Interner,
    values: ValueNumbers,
    steps: Vec<Step>,
    /// From a step by the number of a value to the next.
    next_steps: HashMap<(u32, u32), u32>,
    situations: HashMap<Situation, u32>,
    arn: String,
}

/// What is bound to a caller at a place.
#[derive(Clone, Copy)]
struct Bound {
    /// The binding of each version.
    bindings: [usize; 2],
    /// Whether they see callers.
    sees_caller: bool,
    /// The situation of calls whose resource the log does not tell: nothing else matters.
    untold: u32,
    /// Whether some resource pattern has variables.
    has_variables: bool,
}

/// A step on the way to a situation.
#[derive(Clone)]
struct Step {
    /// The keys whose values lead on from here, of each version. Only a first step has any: it is the
    /// way through all of them.
    keys: [KeySet; 2],
    /// Where it leads to if no value is left, once asked for.
    situation: Option<u32>,
}

/// What the steps towards a situation begin with.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Outset {
    bound: u32,
    action: u32,
    /// [`OTHER_NUMBER`] where the bindings do not see callers.
    caller: u32,
    keys: [KeySet; 2],
}

/// What bindings see of a call beside its resource; nothing of one whose resource is not told.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Situation {
    bound: u32,
    seen: Option<(u32, Both<Circumstances>)>,
    /// Where something is assumed: what would be seen otherwise.
    without: Vec<Circumstances>,
}

/// A call, sorted.
#[derive(Clone, Copy)]
pub(crate) enum Sorted {
    /// It is decided as others before.
    Decided(Decided),
    /// It is decided as all of its class, and as all with the number of its look, if there is one.
    Class { class: Class, look: Option<u32> },
}

impl Classifier {
    /// A classifier for calls that these accounts decide.
    pub(crate) fn new<'a>(accounts: impl Iterator<Item = &'a Account>) -> Classifier {
        let sets = accounts.flat_map(Account::policy_sets);
        Classifier {
            bounds: Vec::new(),
            bound_numbers: HashMap::new(),
            bound: HashMap::new(),
            latest: Vec::new(),
            starts: HashMap::new(),
            resources: ResourceClasses::new(sets),
            ends: Vec::new(),
            views: Vec::new(),
            looks: Looks::default(),
            actions: Interner::new(ACTIONS_MAX),
            values: ValueNumbers::default(),
            steps: Vec::new(),
            next_steps: HashMap::new(),
            situations: HashMap::new(),
            arn: String::new(),
        }
    }

    /// Sorts calls; `None` for one that must be decided by itself. All of them walk along their resources
    /// together.
    pub(crate) fn sort<'a, 'b>(
        &mut self,
        calls: &[Call<'_, 'a>],
        places: &mut Places<'a>,
        versions: &mut Both<Version<'a>>,
        bump: &'b Bump,
    ) -> &'b [Option<Sorted>] {
        let mut walks = BumpVec::with_capacity_in(calls.len(), bump);
        let begin = |call| {
            let bound = self.bound(call, versions)?;
            let resource = self.walk(call, places)?.map(|walk| walks.push(walk));
            Some((bound, resource))
        };
        let begun = bump.alloc_slice_fill_iter(calls.iter().map(begin));
        let mut ends = std::mem::take(&mut self.ends);
        self.resources.classes(&walks, &mut ends);
        let mut end = ends.drain(..);
        let sort = |(call, begun): (_, &mut Option<(u32, Result<(), u32>)>)| {
            let (bound, resource) = (*begun)?;
            let resource = match resource {
                Ok(()) => Ok(end.next()??),
                Err(why) => Err(why),
            };
            self.sorted(call, bound, resource, versions)
        };
        let sorted = bump.alloc_slice_fill_iter(calls.iter().zip(begun).map(sort));
        drop(end);
        self.ends = ends;
        sorted
    }

    /// Remembers how calls are decided of which nothing but their look matters.
    pub(crate) fn settle(&mut self, look: u32, decided: Decided) {
        self.looks.decide(look, decided);
    }

    /// A call whose resource is of a class, or why that is not told.
    #[inline]
    fn sorted<'a>(
        &mut self,
        call: &Call<'_, 'a>,
        bound: u32,
        resource: Result<u32, u32>,
        versions: &Both<Version<'a>>,
    ) -> Option<Sorted> {
        let action = match call.row.action() {
            None | Some(INVOKE) => INVOKE_NUMBER,
            Some(action) => {
                Some(self.actions.number(action)).filter(|number| *number != OTHER_NUMBER)?
            }
        };
        let class = match resource {
            Ok(class) => class,
            Err(resource) => {
                let situation = self.bounds.get(bound as usize)?.untold;
                return Some(Sorted::Class { class: Class { situation, resource }, look: None });
            }
        };
        let known = self.looks.number(bound, class);
        if action == INVOKE_NUMBER
            && let Some(decided) = known.and_then(|number| self.looks.decided(number))
        {
            return Some(Sorted::Decided(decided));
        }
        let (look, number) = match known {
            Some(number) => (self.looks.get(number)?, known),
            None => self.look_first(bound, class, versions)?,
        };
        let (situation, settled) = self.situation(call, (bound, action), look, versions)?;
        let class = Class { situation, resource: look.resource };
        Some(Sorted::Class { class, look: number.filter(|_| settled) })
    }

    /// The number of what is bound to the caller; `None` if there are too many callers or places.
    #[inline]
    fn bound<'a>(&mut self, call: &Call<'_, 'a>, versions: &mut Both<Version<'a>>) -> Option<u32> {
        let place = call.target.place?;
        if !callers::is_one(call.caller_number) {
            return None;
        }
        match *slot(&mut self.latest, call.caller_number) {
            Some((known, bound)) if known == place => Some(bound),
            _ => self.look_up(call, place, versions),
        }
    }

    #[cold]
    fn look_up<'a>(
        &mut self,
        call: &Call<'_, 'a>,
        place: u16,
        versions: &mut Both<Version<'a>>,
    ) -> Option<u32> {
        let known = self.bound.get(&(call.caller_number, place)).copied();
        let bound = known.or_else(|| self.bind(call, place, versions))?;
        *slot(&mut self.latest, call.caller_number) = Some((place, bound));
        Some(bound)
    }

    fn bind<'a>(
        &mut self,
        call: &Call<'_, 'a>,
        place: u16,
        versions: &mut Both<Version<'a>>,
    ) -> Option<u32> {
        let mut bindings = [0; 2];
        let (mut sees_caller, mut has_variables) = (false, false);
        let each = versions.iter_mut().zip(call.target.apis).zip(&mut bindings);
        for ((version, api), number) in each {
            let Some(version) = version else { continue };
            *number = version.bindings.bind(call.caller, api);
            let binding = version.bindings.get(*number)?;
            sees_caller |= binding.sees_caller();
            has_variables |= binding.has_variables();
        }
        let number = match self.bound_numbers.get(&bindings) {
            Some(&known) => known,
            None => self.add_bound(bindings, (sees_caller, has_variables), versions),
        };
        self.bound.insert((call.caller_number, place), number);
        Some(number)
    }

    /// Gives bindings a number.
    fn add_bound(
        &mut self,
        bindings: [usize; 2],
        (sees_caller, has_variables): (bool, bool),
        versions: &Both<Version<'_>>,
    ) -> u32 {
        let number = count(self.bounds.len());
        let untold = self.number_of(Situation { bound: number, seen: None, without: Vec::new() });
        let policies = versions.iter().zip(bindings).filter_map(|(version, number)| {
            version.as_ref()?.bindings.get(number).map(Binding::policies)
        });
        self.views.push(self.resources.view(policies.flat_map(Policies::sets)));
        self.bounds.push(Bound { bindings, sees_caller, untold, has_variables });
        self.bound_numbers.insert(bindings, number);
        number
    }

    /// What is seen of resources of a class by what is bound, and the number of it, if there is room;
    /// `None` if what patterns match depends on more than the resource.
    #[cold]
    fn look_first(
        &mut self,
        bound: u32,
        class: u32,
        versions: &Both<Version<'_>>,
    ) -> Option<(Look, Option<u32>)> {
        let Bound { bindings, has_variables, .. } = *self.bounds.get(bound as usize)?;
        if has_variables {
            return None;
        }
        let view = self.views.get_mut(bound as usize)?;
        let resource = self.resources.seen(view, class);
        let mut keys = [KeySet::default(); 2];
        for ((version, number), keys) in versions.iter().zip(bindings).zip(&mut keys) {
            let Some(version) = version else { continue };
            let binding = version.bindings.get(number)?;
            *keys = binding.keys().among(self.resources.keys(view, class));
        }
        let (action, caller) = (INVOKE_NUMBER, OTHER_NUMBER);
        let start = self.start(Outset { bound, action, caller, keys })?;
        let look = Look { resource, start };
        Some((look, self.looks.insert(bound, class, look)))
    }

    /// Where the steps towards a situation begin.
    fn start(&mut self, from: Outset) -> Option<u32> {
        if let Some(&known) = self.starts.get(&from) {
            return Some(known);
        }
        let start = next_step(&mut self.steps, from.keys)?;
        self.starts.insert(from, start);
        Some(start)
    }

    fn number_of(&mut self, situation: Situation) -> u32 {
        let next = count(self.situations.len());
        *self.situations.entry(situation).or_insert(next)
    }

    /// Where the walk along a call's resource begins, and what follows there; `Err` with the number of
    /// why it is not told.
    #[inline]
    fn walk<'r, 'a>(
        &mut self,
        call: &Call<'r, 'a>,
        places: &mut Places<'a>,
    ) -> Option<Result<(Start, &'r str), u32>> {
        if call.row.resource().is_some() && call.row.path().is_none() {
            return None;
        }
        let Some(api) = call.api() else { return Some(Err(UNTOLD_API_NUMBER)) };
        let Some(path) = call.path else {
            let untold = call::stage(api, call.row).map(|_| UNTOLD_PATH_NUMBER);
            return Some(Err(untold.unwrap_or(UNTOLD_API_NUMBER)));
        };
        let (head, tail) = places.head(call, path)?;
        Some(Ok((self.resources.start(head)?, tail)))
    }

    /// The number of the situation, and whether nothing but the look matters for it.
    #[inline]
    fn situation<'a>(
        &mut self,
        call: &Call<'_, 'a>,
        (number, action): (u32, u32),
        Look { start, .. }: Look,
        versions: &Both<Version<'a>>,
    ) -> Option<(u32, bool)> {
        let bound = *self.bounds.get(number as usize)?;
        let Step { keys, situation } = *self.steps.get(start as usize)?;
        let mut step = match (action, bound.sees_caller, situation) {
            // No value leads on from here, or there would be no situation.
            (INVOKE_NUMBER, false, Some(situation)) => return Some((situation, true)),
            (INVOKE_NUMBER, false, None) => start,
            (_, sees_caller, _) => {
                let caller = if sees_caller { call.caller_number } else { OTHER_NUMBER };
                self.start(Outset { bound: number, action, caller, keys })?
            }
        };
        for ((version, number), keys) in versions.iter().zip(bound.bindings).zip(keys) {
            let Some(version) = version.as_ref().filter(|_| !keys.is_empty()) else { continue };
            let known = version.bindings.get(number)?.keys();
            let (steps, next_steps) = (&mut self.steps, &mut self.next_steps);
            known.numbers(keys, call.row, &mut self.values, |value| {
                step = match next_steps.get(&(step, value)) {
                    Some(&known) => known,
                    None => {
                        let next = next_step(steps, [KeySet::default(); 2])?;
                        next_steps.insert((step, value), next);
                        next
                    }
                };
                Some(())
            })?;
        }
        let situation = match self.steps.get(step as usize)?.situation {
            None => self.situate(call, (number, action), versions, step)?,
            Some(known) => known,
        };
        Some((situation, false))
    }

    /// Asks what the policies see.
    #[cold]
    fn situate<'a>(
        &mut self,
        call: &Call<'_, 'a>,
        (bound, action): (u32, u32),
        versions: &Both<Version<'a>>,
        step: u32,
    ) -> Option<u32> {
        let bindings = self.bounds.get(bound as usize)?.bindings;
        let Call { row, caller, method, path, target, .. } = *call;
        write_resource(&mut self.arn, row, call.api(), method, path).ok()?;
        let (mut seen, mut without) = ([None, None], Vec::new());
        let each = versions.iter().zip(bindings).zip(target.apis).zip(&mut seen);
        for (((version, number), api), seen) in each {
            let Some(version) = version else { continue };
            let binding = version.bindings.get(number)?;
            let request = binding.request(row, caller, api, &self.arn);
            *seen = Some(Circumstances::of(binding.policies(), &request));
            if binding.keys().are_assumed() {
                without.extend(settled::without(binding, |suppose| {
                    binding.request_if(suppose, row, caller, api, &self.arn)
                }));
            }
        }
        let situation = Situation { bound, seen: Some((action, seen)), without };
        let number = self.number_of(situation);
        if let Some(step) = self.steps.get_mut(step as usize) {
            step.situation = Some(number);
        }
        Some(number)
    }
}

/// Makes a step, unless there are too many.
fn next_step(steps: &mut Vec<Step>, keys: [KeySet; 2]) -> Option<u32> {
    let number = steps.len();
    if number >= STEPS_MAX {
        return None;
    }
    steps.push(Step { keys, situation: None });
    Some(count(number))
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
