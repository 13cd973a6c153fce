//! Sorting calls into classes: calls of one class are decided alike, by the same statements.
//!
//! A class is four small numbers: the policies bound to the caller at the API, the action, which of
//! their resource patterns match (one automaton finds those of all policies), and the circumstances.
//! Those are come to value by value: from the binding, each value of a key that the policies refer to leads one
//! step on, and what the conditions say is asked once for each last step.

use hashbrown::HashMap;
use tollgate_policy::{Circumstances, Policies, ResourceClasses, View};
use tollgate_store::Account;

use crate::bindings::Binding;
use crate::call::{self, Call};
use crate::context::ValueNumbers;
use crate::intern::{Interner, OTHER_NUMBER, slot};
use crate::places::Places;
use crate::replay::{Both, Version, write_resource};

/// The most steps that are remembered.
const STEPS_MAX: usize = 400_000;

/// The most actions that are told apart.
const ACTIONS_MAX: usize = 4_000;

/// Calls that no version can tell apart.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Class {
    bindings: u32,
    action: u32,
    resource: u32,
    circumstances: u32,
}

/// The number of the action that a request has whose log names none.
const INVOKE_NUMBER: u32 = u32::MAX;

/// In the place of a class of resources: the API, or the path, is not told.
const UNTOLD_API_NUMBER: u32 = u32::MAX;
const UNTOLD_PATH_NUMBER: u32 = u32::MAX - 1;

/// Sorts calls into classes.
pub(crate) struct Classifier {
    bound: HashMap<(u32, usize), Bound>,
    /// By the number of a caller: the place that it called last, and what is bound there.
    latest: Vec<Option<(usize, Bound)>>,
    bindings: HashMap<[usize; 2], u32>,
    /// Where the steps of some bindings begin, and of a caller where they see callers.
    starts: HashMap<(u32, u32), u32>,
    resources: ResourceClasses,
    /// By the number of bindings: what they see of resources.
    views: Vec<View>,
    actions: Interner,
    values: ValueNumbers,
    /// From a step by the number of a value to the next.
    steps: HashMap<(u32, u32), u32>,
    /// The number of what is seen after each step, once asked for.
    seen_after: Vec<Option<u32>>,
    seen: HashMap<Seen, u32>,
    arn: String,
}

/// What is bound to a caller at a place.
#[derive(Clone, Copy)]
struct Bound {
    /// The binding of each version.
    bindings: [usize; 2],
    /// The number of them together.
    number: u32,
    /// Where the steps towards the circumstances begin.
    start: u32,
    /// Whether some resource pattern has variables.
    has_variables: bool,
}

/// What bindings see of a call's circumstances.
type Seen = (u32, Both<Circumstances>);

impl Classifier {
    /// A classifier for calls that these accounts decide.
    pub(crate) fn new<'a>(accounts: impl Iterator<Item = &'a Account>) -> Classifier {
        let sets = accounts.flat_map(Account::policy_sets);
        Classifier {
            bound: HashMap::new(),
            latest: Vec::new(),
            bindings: HashMap::new(),
            starts: HashMap::new(),
            resources: ResourceClasses::new(sets),
            views: Vec::new(),
            actions: Interner::new(ACTIONS_MAX),
            values: ValueNumbers::default(),
            steps: HashMap::new(),
            seen_after: Vec::new(),
            seen: HashMap::new(),
            arn: String::new(),
        }
    }

    /// The class of a call; `None` for one that must be decided by itself.
    #[inline]
    pub(crate) fn class<'a>(
        &mut self,
        call: &Call<'_, 'a>,
        places: &mut Places<'a>,
        versions: &mut Both<Version<'a>>,
    ) -> Option<Class> {
        let bound = self.bound(call, versions)?;
        let action = match call.row.action() {
            None => INVOKE_NUMBER,
            Some(action) => {
                Some(self.actions.number(action)).filter(|number| *number != OTHER_NUMBER)?
            }
        };
        if bound.has_variables {
            return None;
        }
        let resource = self.resource(call, bound, places)?;
        let circumstances = match resource {
            UNTOLD_API_NUMBER | UNTOLD_PATH_NUMBER => 0,
            _ => self.circumstances(call, bound, versions)?,
        };
        Some(Class { bindings: bound.number, action, resource, circumstances })
    }

    /// What is bound to the caller; `None` if there are too many callers or places.
    #[inline]
    fn bound<'a>(
        &mut self,
        call: &Call<'_, 'a>,
        versions: &mut Both<Version<'a>>,
    ) -> Option<Bound> {
        let place = call.target.place?;
        if call.caller_number == OTHER_NUMBER {
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
        place: usize,
        versions: &mut Both<Version<'a>>,
    ) -> Option<Bound> {
        let known = self.bound.get(&(call.caller_number, place)).copied();
        let bound = known.or_else(|| self.bind(call, place, versions))?;
        *slot(&mut self.latest, call.caller_number) = Some((place, bound));
        Some(bound)
    }

    fn bind<'a>(
        &mut self,
        call: &Call<'_, 'a>,
        place: usize,
        versions: &mut Both<Version<'a>>,
    ) -> Option<Bound> {
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
        let number = self.number(bindings, versions);
        let caller = if sees_caller { call.caller_number } else { OTHER_NUMBER };
        let start = match self.starts.get(&(number, caller)) {
            Some(&known) => known,
            None => {
                let start = next_step(&mut self.seen_after)?;
                self.starts.insert((number, caller), start);
                start
            }
        };
        let bound = Bound { bindings, number, start, has_variables };
        self.bound.insert((call.caller_number, place), bound);
        Some(bound)
    }

    /// The number of these bindings together.
    fn number(&mut self, bindings: [usize; 2], versions: &Both<Version<'_>>) -> u32 {
        if let Some(&known) = self.bindings.get(&bindings) {
            return known;
        }
        let bound = versions.iter().zip(bindings).filter_map(|(version, number)| {
            version.as_ref()?.bindings.get(number).map(Binding::policies)
        });
        self.views.push(self.resources.view(bound.flat_map(Policies::sets)));
        let number = count(self.bindings.len());
        self.bindings.insert(bindings, number);
        number
    }

    /// The number of what the bindings see of the resource, or that it is not told.
    #[inline]
    fn resource<'a>(
        &mut self,
        call: &Call<'_, 'a>,
        bound: Bound,
        places: &mut Places<'a>,
    ) -> Option<u32> {
        if call.row.path().is_none() && call.row.resource().is_some() {
            return None;
        }
        let Some(api) = call.api else { return Some(UNTOLD_API_NUMBER) };
        let Some(path) = call.path else {
            let untold = call::stage(api, call.row).map(|_| UNTOLD_PATH_NUMBER);
            return Some(untold.unwrap_or(UNTOLD_API_NUMBER));
        };
        let (head, tail) = places.head(call, path)?;
        let class = self.resources.class(head, tail)?;
        Some(self.resources.seen(self.views.get_mut(bound.number as usize)?, class))
    }

    /// The number of what the policies see of the circumstances.
    #[inline]
    fn circumstances<'a>(
        &mut self,
        call: &Call<'_, 'a>,
        bound: Bound,
        versions: &Both<Version<'a>>,
    ) -> Option<u32> {
        let mut step = bound.start;
        for (version, number) in versions.iter().zip(bound.bindings) {
            let Some(version) = version else { continue };
            let keys = version.bindings.get(number)?.keys();
            let (steps, seen_after) = (&mut self.steps, &mut self.seen_after);
            keys.numbers(call.row, &mut self.values, |value| {
                step = match steps.get(&(step, value)) {
                    Some(&known) => known,
                    None => {
                        let next = next_step(seen_after)?;
                        steps.insert((step, value), next);
                        next
                    }
                };
                Some(())
            })?;
        }
        match self.seen_after.get(step as usize)? {
            Some(known) => Some(*known),
            None => self.look(call, bound, versions, step),
        }
    }

    /// Asks what the policies see.
    #[cold]
    fn look<'a>(
        &mut self,
        call: &Call<'_, 'a>,
        bound: Bound,
        versions: &Both<Version<'a>>,
        step: u32,
    ) -> Option<u32> {
        let Call { row, caller, api, method, path, target, .. } = *call;
        write_resource(&mut self.arn, row, api, method, path).ok()?;
        let mut seen = [None, None];
        let each = versions.iter().zip(bound.bindings).zip(target.apis).zip(&mut seen);
        for (((version, number), api), seen) in each {
            let Some(version) = version else { continue };
            let binding = version.bindings.get(number)?;
            let request = binding.request(row, caller, api, &self.arn);
            *seen = Some(Circumstances::of(binding.policies(), &request));
        }
        let next = count(self.seen.len());
        let number = *self.seen.entry((bound.number, seen)).or_insert(next);
        if let Some(known) = self.seen_after.get_mut(step as usize) {
            *known = Some(number);
        }
        Some(number)
    }
}

/// Makes a step, unless there are too many.
fn next_step(seen_after: &mut Vec<Option<u32>>) -> Option<u32> {
    let number = seen_after.len();
    if number >= STEPS_MAX {
        return None;
    }
    seen_after.push(None);
    Some(count(number))
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
