//! The search for a remedy: what to add, and which calls that allows.

use std::collections::{BTreeMap, BTreeSet};

use tollgate_policy::{
    ArnParts, Extent, Outcome, Policies, Principal, Request, Variables, authorize, explain,
    nearest_miss,
};
use tollgate_store::{Account, ApiEntry, Applicable};

use super::reach::{Reach, Share};
use super::{AlsoAllowed, Denied, FoldKey, Remedy, decision, owner, resource};
use crate::call;
use crate::outcomes::{GroupKey, cited};
use crate::overlay::{Overlay, Place};
use crate::suggest::literal;

/// Rounds of adding what is missing, before it is given up.
const ROUNDS_MAX: usize = 4;

/// The search for a remedy for the calls of some groups.
pub(super) struct Search<'s> {
    pub(super) account: &'s Account,
    /// What they have in common.
    pub(super) fold: FoldKey<'s>,
    pub(super) members: Vec<Denied<'s>>,
}

/// A change to be tried.
struct Trial<'t> {
    overlay: Overlay<'t>,
    /// What the added statement matches.
    pattern: String,
    extent: Extent,
    reach: Reach,
}

impl Trial<'_> {
    /// Whether whatever the added statement matches has more segments than the paths of a route. A
    /// placeholder such as `{id}` is one segment, and a `*` of a pattern any number.
    fn is_deeper_than(&self, template: &str) -> bool {
        let segments = |text: &str| text.split('/').count();
        !template.contains("+}") && segments(&self.pattern) > segments(template)
    }
}

impl<'s> Search<'s> {
    pub(super) fn run(
        &self,
        requests: u64,
        by_principal: &BTreeMap<String, Vec<Denied<'s>>>,
    ) -> Option<Remedy> {
        let (key, group) = *self.members.iter().min_by_key(|(_, group)| &group.example)?;
        let pattern = self.pattern(key);
        let caller = Principal::parse(group.context.caller(key))?;
        let api = api(self.account, &group.example.0);
        let applicable = self.account.policies_for(&caller, api);
        let place = Place { principal: self.principal(), api: api.map(|api| api.api().id) };
        let request = group.context.request(key, &group.example.0);
        let mut overlay = Overlay::new((self.account, applicable), place, (&key.action, &pattern));
        for _ in 0..ROUNDS_MAX {
            let explanation = explain(&overlay.policies(), &request);
            let lacks = explanation.outcome == Outcome::ImplicitDeny;
            if !lacks || !overlay.add_missing(&explanation) {
                break;
            }
        }
        let decision = authorize(&overlay.policies(), &request);
        let remedy = self.remedy(key, pattern.clone(), requests, decision.outcome);
        if decision.outcome == Outcome::ExplicitDeny {
            let denies = decision.determined_by.iter();
            let blocked_by = denies.filter_map(|id| cited(&applicable, id)).collect();
            return Some(Remedy { blocked_by, ..remedy });
        }
        if !matches!(decision.outcome, Outcome::Allowed | Outcome::Indeterminate) {
            return Some(remedy);
        }
        let passes_over = group.nearest.clone().filter(|nearest| nearest.condition.is_some());
        let extent = Extent::of_resource(&pattern, Variables::Substituted);
        let trial = Trial { overlay, pattern, extent, reach: Reach::default() };
        let (allows, may_allow) = self.allows(&trial);
        Some(Remedy {
            allows,
            may_allow,
            depends_on: decision.depends_on,
            also_allows: self.also_allows(&trial, by_principal),
            conditions: passes_over.as_ref().map_or_else(Vec::new, |_| {
                conditions(&applicable, &group.context.request(key, &group.example.0))
            }),
            passes_over,
            changes: trial.overlay.into_changes(),
            ..remedy
        })
    }

    /// Whose calls they are.
    fn principal(&self) -> &'s str {
        self.fold.0
    }

    /// A remedy that changes nothing.
    fn remedy(&self, key: &GroupKey, resource: String, requests: u64, outcome: Outcome) -> Remedy {
        let callers: BTreeSet<&str> = self.members.iter().map(|(key, _)| &*key.caller).collect();
        Remedy {
            principal: self.principal().to_owned(),
            action: key.action.clone(),
            resource,
            callers: callers.len(),
            requests,
            allows: 0,
            may_allow: 0,
            decision: outcome.as_str().to_owned(),
            depends_on: Vec::new(),
            changes: Vec::new(),
            blocked_by: Vec::new(),
            passes_over: None,
            conditions: Vec::new(),
            also_allows: Vec::new(),
        }
    }

    /// The pattern of what was asked for.
    fn pattern(&self, key: &GroupKey) -> String {
        let mut only = self.members.iter().map(|(_, group)| group.only_resource.as_deref());
        match only.next().flatten() {
            Some(resource) if only.all(|other| other == Some(resource)) => literal(resource),
            _ => generalised(&key.resource),
        }
    }

    /// How many of the calls a change allows at least, and how many more it may allow.
    fn allows(&self, trial: &Trial<'_>) -> (u64, u64) {
        let each = self.members.iter().map(|&(key, group)| {
            let example = u64::from(self.is_allowed(trial, (key, group), &group.example.0));
            match self.share(trial, (key, group)) {
                Share::All => (group.requests, 0),
                Share::Some => (example, group.requests - example),
                Share::None => (0, 0),
            }
        });
        each.fold((0, 0), |(sure, perhaps), each| (sure + each.0, perhaps + each.1))
    }

    /// Which other groups a change would allow.
    fn also_allows(
        &self,
        trial: &Trial<'_>,
        by_principal: &BTreeMap<String, Vec<Denied<'s>>>,
    ) -> Vec<AlsoAllowed> {
        let concerned = by_principal.iter().filter(|(owner, _)| {
            trial.overlay.concerns_others() || owner.as_str() == self.principal()
        });
        let others = concerned.flat_map(|(owner, denied)| {
            let fold = |denied: Denied<'s>| {
                (&**owner, &*denied.0.action, resource(denied), decision(denied.0))
            };
            denied.iter().filter(move |denied| fold(**denied) != self.fold)
        });
        told_once(others.filter_map(|other| self.also_allowed(trial, *other)))
    }

    fn also_allowed(&self, trial: &Trial<'_>, other: Denied<'_>) -> Option<AlsoAllowed> {
        let (key, group) = other;
        let share = match decision(key) {
            // An Allow does not help against a Deny.
            "explicitDeny" => Share::None,
            "implicitDeny" => self.share(trial, other),
            _ if self.is_allowed(trial, other, &group.example.0) => Share::Some,
            _ => Share::None,
        };
        (share != Share::None).then(|| AlsoAllowed {
            caller: key.caller.clone(),
            resource: group.only_resource.clone().unwrap_or_else(|| key.resource.clone()),
            requests: group.requests,
            all: share == Share::All,
        })
    }

    /// Which calls of a group that is denied implicitly are allowed with a change.
    fn share(&self, trial: &Trial<'_>, (key, group): Denied<'_>) -> Share {
        let pattern = match &group.only_resource {
            Some(only) => literal(only),
            None => generalised(&key.resource),
        };
        let is_deeper = group.only_resource.is_none() && trial.is_deeper_than(&key.resource);
        if is_deeper || !trial.extent.meets(&Extent::of_resource(&pattern, Variables::Substituted))
        {
            return Share::None;
        }
        // Callers that are told as one may have policies of their own.
        if group.context.caller.is_some() {
            return Share::Some;
        }
        let example = &group.example.0;
        let share = self.policies(trial, (key, group), example).map_or(Share::None, |policies| {
            let request = group.context.request(key, example);
            trial.reach.of(&policies, request, &group.context, &pattern)
        });
        // Paths that differ, and no placeholder tells in what.
        let is_told = group.only_resource.is_some() || key.resource.contains('{');
        if share == Share::All && !is_told { Share::Some } else { share }
    }

    /// Whether a call like those of a group, with this resource, is allowed with a change.
    fn is_allowed(&self, trial: &Trial<'_>, (key, group): Denied<'_>, resource: &str) -> bool {
        self.policies(trial, (key, group), resource).is_some_and(|policies| {
            let request = group.context.request(key, resource);
            authorize(&policies, &request).outcome == Outcome::Allowed
        })
    }

    /// The policies that decide calls of a group, with a change.
    fn policies<'t>(
        &'t self,
        trial: &'t Trial<'_>,
        (key, group): Denied<'_>,
        resource: &str,
    ) -> Option<Policies<'t>> {
        let caller = Principal::parse(group.context.caller(key))?;
        let api = api(self.account, resource);
        let base: Policies<'_> = self.account.policies_for(&caller, api).policies();
        let owner = owner(self.account, &key.caller);
        let place = Place {
            principal: owner.as_deref().unwrap_or_default(),
            api: api.map(|api| api.api().id),
        };
        Some(trial.overlay.policies_at(base, &place))
    }
}

/// The entry of the API that an ARN names, as the route of the call authorizes.
fn api<'a>(account: &'a Account, resource: &str) -> Option<&'a ApiEntry> {
    let parts = ArnParts::split(resource).filter(|arn| arn.service == "execute-api")?;
    account.api(parts.resource.split('/').next()?).map(|api| call::called_as(api, resource))
}

/// The conditions of the statement that came nearest to allowing a request.
fn conditions(applicable: &Applicable<'_>, request: &Request<'_>) -> Vec<String> {
    let nearest = nearest_miss(&applicable.policies(), request);
    let citation = nearest.and_then(|(id, _)| applicable.cite(id));
    let conditions = citation.iter().flat_map(|citation| &citation.statement.conditions);
    conditions.map(|it| format!("{} {}", it.operator.value, it.key.value)).collect()
}

/// The pattern that matches whatever stands in the place of placeholders.
fn generalised(template: &str) -> String {
    let segment = |text: &str| match text.starts_with('{') && text.ends_with('}') {
        true => "*".to_owned(),
        false => literal(text),
    };
    template.split('/').map(segment).collect::<Vec<_>>().join("/")
}

/// Groups that differ in nothing that is told of them are one.
fn told_once(groups: impl Iterator<Item = AlsoAllowed>) -> Vec<AlsoAllowed> {
    let mut sums: BTreeMap<(String, String, bool), u64> = BTreeMap::new();
    for AlsoAllowed { caller, resource, requests, all } in groups {
        *sums.entry((caller, resource, all)).or_default() += requests;
    }
    let group =
        |((caller, resource, all), requests)| AlsoAllowed { caller, resource, requests, all };
    sums.into_iter().map(group).collect()
}
