//! What was called, and by which grant: one pass over the log, whose result merges.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::{HashMap, HashSet};
use tollgate_log::Batch;
use tollgate_policy::Outcome;

use super::along::Along;
use super::calls::{Calls, Counted, Reader, Seen};
use super::grants::{Grants, Loose, Needed};
use super::shape::{self, Route, Shape};
use super::values::{Use, Values};
use crate::call;
use crate::intern::{Interner, OTHER_NUMBER};
use crate::verdict::Logged;

/// The most names (routes, actions, places before a path) that a worker tells apart.
const NAMES_MAX: usize = 50_000;

/// The most values of a log's parameters that are kept in one place, all its levels together.
const VALUES_MAX: usize = 4_096;

/// The most routes whose grants are kept at hand.
const LOOSE_MAX: usize = 10_000;

/// What was seen of the chosen principals.
#[derive(Default)]
pub(crate) struct Observed {
    pub(crate) counted: Counted,
    /// In the order of the chosen principals.
    pub(crate) principals: Vec<PrincipalUse>,
    /// What was called, place by place.
    pub(crate) places: BTreeMap<Place, Values>,
    /// The routes that anyone called: `a1b2c3`, `GET`, `/pets/{id}`.
    pub(crate) routes: BTreeSet<(String, String, String)>,
}

/// What was seen of one principal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PrincipalUse {
    pub(crate) uses: Use,
    /// Calls that the present policies allow.
    pub(crate) allowed: u64,
    /// Those among the allowed that no identity policy is needed for.
    pub(crate) allowed_by_others: u64,
    /// Calls that may be allowed, depending on what the log does not tell, and that passed.
    pub(crate) open: u64,
    /// Calls that the present policies deny, and those that may be allowed and were refused.
    pub(crate) denied: u64,
    /// Calls of which the log does not tell enough, by reason.
    pub(crate) untold: BTreeMap<&'static str, u64>,
    /// By grant: what it allows or may allow of the calls above.
    pub(crate) grants: Vec<Use>,
    /// By grant: the actions among them.
    pub(crate) actions: Vec<BTreeSet<String>>,
}

/// Where a call goes, but for the values of parameters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) principal: usize,
    pub(crate) grant: usize,
    /// `None` if there were too many to tell apart.
    pub(crate) action: Option<String>,
    pub(crate) shape: Shape,
}

/// [`Place`] in numbers.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct PlaceKey {
    principal: usize,
    grant: usize,
    action: u32,
    /// What comes before the path; nothing where the resource is not that of an API.
    head: u32,
    route: u32,
    is_guess: bool,
}

/// Watches calls, for one worker.
pub(crate) struct Watcher<'p, 'a> {
    reader: Reader<'a>,
    tally: Tally<'p, 'a>,
}

/// The chosen principals.
pub(crate) struct Chosen<'a> {
    pub(crate) grants: Vec<Grants<'a>>,
    by_arn: HashMap<&'a str, usize>,
    /// How many values of a parameter are told apart while reading.
    pub(crate) bound: usize,
}

impl<'a> Chosen<'a> {
    pub(crate) fn new(grants: Vec<Grants<'a>>, bound: usize) -> Chosen<'a> {
        let by_arn = grants.iter().enumerate().map(|(index, it)| (it.subject.arn(), index));
        Chosen { by_arn: by_arn.collect(), grants, bound }
    }

    /// Which of the chosen a principal is.
    pub(crate) fn index(&self, arn: &str) -> Option<usize> {
        self.by_arn.get(arn).copied()
    }
}

/// Where a call went, in text.
struct Spot<'s> {
    /// What comes before the path; `None` if it is not told.
    head: Option<&'s str>,
    template: &'s str,
    is_guess: bool,
    /// Of the parameters; `None` where the log does not tell one.
    values: Vec<Option<&'s str>>,
}

struct Tally<'p, 'a> {
    chosen: &'p Chosen<'a>,
    principals: Vec<PrincipalUse>,
    names: Interner,
    places: HashMap<PlaceKey, Values>,
    /// By principal and by what calls may have asked for: the grants that may allow them.
    loose: HashMap<(usize, String), Loose>,
    /// By the numbers of API, method and template.
    routes: HashSet<[u32; 3]>,
}

impl<'p, 'a> Watcher<'p, 'a> {
    pub(crate) fn new(calls: Calls<'a>, chosen: &'p Chosen<'a>) -> Watcher<'p, 'a> {
        let nothing = |grants: &Grants<'_>| PrincipalUse {
            grants: vec![Use::default(); grants.list.len()],
            actions: vec![BTreeSet::new(); grants.list.len()],
            ..PrincipalUse::default()
        };
        let tally = Tally {
            chosen,
            principals: chosen.grants.iter().map(nothing).collect(),
            names: Interner::new(NAMES_MAX),
            places: HashMap::new(),
            loose: HashMap::new(),
            routes: HashSet::new(),
        };
        Watcher { reader: Reader::new(calls), tally }
    }

    pub(crate) fn watch(&mut self, batch: &Batch<'_>) {
        let Watcher { reader, tally } = self;
        reader.read(batch, |seen| tally.add(seen));
    }

    pub(crate) fn finish(self) -> Observed {
        let Tally { principals, names, places, routes, .. } = self.tally;
        let in_words = |[api, method, template]: [u32; 3]| {
            let text = |number| names.text(number).to_owned();
            (text(api), text(method), text(template))
        };
        let mut observed = Observed {
            counted: self.reader.counted(),
            principals,
            routes: routes.into_iter().map(in_words).collect(),
            places: BTreeMap::new(),
        };
        for (key, values) in places {
            let place = key.in_words(&names);
            observed.add(place, values, self.tally.chosen.bound);
        }
        observed
    }
}

impl Observed {
    fn add(&mut self, place: Place, values: Values, bound: usize) {
        let bound = effective(bound, place.shape.levels());
        self.places.entry(place).or_default().merge(values, bound);
    }

    /// Adds what another worker has observed.
    pub(crate) fn merge(&mut self, other: Observed, bound: usize) {
        self.counted.merge(other.counted);
        if self.principals.is_empty() {
            self.principals = other.principals;
        } else {
            for (held, more) in self.principals.iter_mut().zip(other.principals) {
                held.merge(more);
            }
        }
        for (place, values) in other.places {
            self.add(place, values, bound);
        }
        self.routes.extend(other.routes);
    }
}

impl PrincipalUse {
    fn merge(&mut self, other: PrincipalUse) {
        self.uses.merge(other.uses);
        self.allowed += other.allowed;
        self.allowed_by_others += other.allowed_by_others;
        self.open += other.open;
        self.denied += other.denied;
        for (reason, requests) in other.untold {
            *self.untold.entry(reason).or_default() += requests;
        }
        for (held, more) in self.grants.iter_mut().zip(other.grants) {
            held.merge(more);
        }
        for (held, more) in self.actions.iter_mut().zip(other.actions) {
            held.extend(more);
        }
    }
}

/// The bound for a place of so many parameters: with many of them, fewer values of each are told
/// apart, so that a hostile log fills no memory.
fn effective(bound: usize, levels: usize) -> usize {
    let root = (VALUES_MAX as f64).powf(1.0 / levels.max(1) as f64).floor() as usize;
    bound.min(root.max(2))
}

impl<'a> Tally<'_, 'a> {
    fn add(&mut self, seen: &Seen<'_, '_, 'a>) {
        let route = Route::of(seen);
        self.note_route(seen, &route);
        let Some(index) = self.chosen.index(seen.subject.arn()) else { return };
        let Some(principal) = self.principals.get_mut(index) else { return };
        let uses = Use::once(seen.row.time());
        principal.uses.merge(uses);
        match seen.decided {
            Ok(decision) => self.add_decided(index, (seen, decision.outcome), &route, uses),
            Err(_) if seen.logged == Logged::Refused => principal.denied += 1,
            Err(reason) => {
                *principal.untold.entry(reason).or_default() += 1;
                self.add_along(index, seen, uses);
            }
        }
    }

    fn add_decided(
        &mut self,
        index: usize,
        (seen, outcome): (&Seen<'_, '_, 'a>, Outcome),
        route: &Route<'_>,
        uses: Use,
    ) {
        let request = seen.request;
        let Some(principal) = self.principals.get_mut(index) else { return };
        match outcome {
            Outcome::Allowed => principal.allowed += 1,
            Outcome::Indeterminate if seen.logged != Logged::Refused => principal.open += 1,
            _ => return principal.denied += 1,
        }
        let Some(grants) = self.chosen.grants.get(index) else { return };
        let needed = match grants.needed(request) {
            Needed::AllOf(_) if outcome == Outcome::Allowed => Needed::None,
            needed => needed,
        };
        if let (Needed::None, Outcome::Allowed) = (&needed, outcome) {
            principal.allowed_by_others += 1;
        }
        let (head, values) = route.apart(request.resource());
        let spot = Spot {
            head: Some(head),
            template: &route.template,
            is_guess: route.is_guess,
            values: values.into_iter().map(Some).collect(),
        };
        self.assign(index, &needed, (request.action(), &spot), uses);
    }

    /// Adds a call whose path the log does not tell: whatever may allow it is needed, for any path.
    fn add_along(&mut self, index: usize, seen: &Seen<'_, '_, 'a>, uses: Use) {
        let Some(grants) = self.chosen.grants.get(index) else { return };
        let Along { head, template, pattern } = Along::of(seen);
        if self.loose.len() >= LOOSE_MAX {
            self.loose.clear();
        }
        let made = self.loose.entry((index, pattern));
        let loose = made.or_insert_with_key(|(_, pattern)| grants.loose(pattern));
        let needed = grants.needed_along(loose, seen.request);
        let values = vec![None; shape::parameters(template)];
        let spot = Spot { head: head.as_deref(), template, is_guess: false, values };
        self.assign(index, &needed, (seen.request.action(), &spot), uses);
    }

    /// Puts a call down to the grants that it needs.
    fn assign(
        &mut self,
        index: usize,
        needed: &Needed,
        (action, spot): (&str, &Spot<'_>),
        uses: Use,
    ) {
        let Some(principal) = self.principals.get_mut(index) else { return };
        let (noted, assigned) = match needed {
            Needed::None => return,
            Needed::AnyOf(all) => (all, all.get(..1).unwrap_or_default()),
            Needed::AllOf(all) => (all, all.as_slice()),
        };
        for grant in noted {
            note(principal, *grant, action, uses);
        }
        for grant in assigned {
            self.place((index, *grant), action, spot, uses);
        }
    }

    fn place(
        &mut self,
        (principal, grant): (usize, usize),
        action: &str,
        spot: &Spot<'_>,
        uses: Use,
    ) {
        let key = PlaceKey {
            principal,
            grant,
            action: self.names.number(action),
            head: spot.head.map_or(OTHER_NUMBER, |head| self.names.number(head)),
            route: self.names.number(spot.template),
            is_guess: spot.is_guess,
        };
        let bound = effective(self.chosen.bound, spot.values.len());
        let known = [key.head, key.route].into_iter().all(|number| number != OTHER_NUMBER);
        let values = if known { &*spot.values } else { &[] };
        self.places.entry(key).or_default().add(values.iter().copied(), uses, bound);
    }

    fn note_route(&mut self, seen: &Seen<'_, '_, 'a>, route: &Route<'_>) {
        // Of a path that is not told, the route may be.
        let along = call::configured_route(seen.row).filter(|_| seen.path.is_none());
        let template = along.unwrap_or(&route.template);
        let Some(api) = seen.api.filter(|_| !route.is_guess && !template.is_empty()) else {
            return;
        };
        let key = [api.api().id, seen.method, template].map(|name| self.names.number(name));
        if !key.contains(&OTHER_NUMBER) {
            self.routes.insert(key);
        }
    }
}

fn note(principal: &mut PrincipalUse, grant: usize, action: &str, uses: Use) {
    if let Some(held) = principal.grants.get_mut(grant) {
        held.merge(uses);
    }
    if let Some(actions) = principal.actions.get_mut(grant)
        && actions.len() < NAMES_MAX
        && !actions.contains(action)
    {
        actions.insert(action.to_owned());
    }
}

impl PlaceKey {
    fn in_words(self, names: &Interner) -> Place {
        let known = |number: u32| (number != OTHER_NUMBER).then(|| names.text(number).to_owned());
        let shape = match (known(self.head), known(self.route)) {
            (Some(head), Some(template)) => Shape::new(head, template, self.is_guess),
            _ => Shape::Other,
        };
        Place { principal: self.principal, grant: self.grant, action: known(self.action), shape }
    }
}
