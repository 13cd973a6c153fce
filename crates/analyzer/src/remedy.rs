//! The smallest change of policies that would allow denied calls, tried before it is proposed.
//!
//! Calls of one principal that were denied alike are taken together. The change is one Allow
//! statement for exactly these calls, added to every layer that lacks one; it is decided again with
//! it, and so are all other denied calls of the log, to see what else it would allow. Against a
//! statement that denies explicitly no Allow helps: then that statement is named, and nothing
//! proposed.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;
use serde::Serialize;
use tollgate_policy::{ArnParts, Outcome, Policies, Principal, PrincipalKind, authorize, explain};
use tollgate_store::{Account, ApiEntry};

use crate::outcomes::{Cited, Group, GroupKey, Nearest, Outcomes, cited};
use crate::overlay::{Overlay, Place, PolicyChange};

/// The most remedies that are looked for: those for the most frequent denials.
const REMEDIES_MAX: usize = 20;

/// Rounds of adding what is missing, before it is given up.
const ROUNDS_MAX: usize = 4;

/// What would allow some denied calls, or why nothing that is added would.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Remedy {
    /// Whose calls: the user or role.
    pub principal: String,
    /// What was denied.
    pub action: String,
    /// On what: the pattern of the proposed statement.
    pub resource: String,
    /// Callers, sessions counted each.
    pub callers: usize,
    /// Requests that were denied.
    pub requests: u64,
    /// Of these, those that would be allowed.
    pub allows: u64,
    /// The decision with the change.
    pub decision: String,
    /// What to add, layer by layer; all of it is needed.
    pub changes: Vec<PolicyChange>,
    /// The statements that deny explicitly, so that no Allow helps.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub blocked_by: Vec<Cited>,
    /// A condition of the nearest statement that the change passes over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passes_over: Option<Nearest>,
    /// What else of the log would be allowed.
    pub also_allows: Vec<AlsoAllowed>,
}

/// Denied calls that a remedy for others would allow, too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AlsoAllowed {
    /// Who.
    pub caller: String,
    /// On what: the ARN if all calls had the same, else with the route's placeholders.
    pub resource: String,
    /// Requests of the group.
    pub requests: u64,
    /// Whether all of them would be allowed; otherwise some, at most so many.
    pub all: bool,
}

/// The principal that policies are attached to, the action, the resource with placeholders, and the
/// decision.
type FoldKey<'g> = (&'g str, &'g str, &'g str, &'g str);

/// A group of denied calls.
type Denied<'g> = (&'g GroupKey, &'g Group);

impl Remedy {
    /// Looks for what would allow the most frequent denials.
    pub fn find(account: &Account, outcomes: &Outcomes) -> Vec<Remedy> {
        let by_principal = by_principal(account, outcomes);
        let mut folds: HashMap<FoldKey<'_>, Vec<Denied<'_>>> = HashMap::new();
        for (owner, denied) in &by_principal {
            for &(key, group) in denied {
                let decision = decision(key);
                if matches!(decision, "implicitDeny" | "explicitDeny") {
                    let fold = (&**owner, &*key.action, &*key.resource, decision);
                    folds.entry(fold).or_default().push((key, group));
                }
            }
        }
        let requests =
            |members: &[Denied<'_>]| members.iter().map(|(_, group)| group.requests).sum();
        let mut folds: Vec<(u64, FoldKey<'_>, Vec<Denied<'_>>)> =
            folds.into_iter().map(|(key, members)| (requests(&members), key, members)).collect();
        folds.sort_unstable_by_key(|(requests, key, _)| (Reverse(*requests), *key));
        folds.truncate(REMEDIES_MAX);
        let remedies = folds.into_iter().filter_map(|(requests, fold, members)| {
            Search { account, fold, members }.run(requests, &by_principal)
        });
        remedies.collect()
    }
}

/// The groups of calls that were not allowed, by whom the callers' policies are attached to.
fn by_principal<'g>(
    account: &Account,
    outcomes: &'g Outcomes,
) -> BTreeMap<String, Vec<Denied<'g>>> {
    let mut all: BTreeMap<String, Vec<Denied<'g>>> = BTreeMap::new();
    // Groups are in order of their callers.
    for of_caller in outcomes.groups.chunk_by(|(one, _), (next, _)| one.caller == next.caller) {
        let wanted = |key: &GroupKey| {
            key.resource.starts_with("arn:") && decision(key) != Outcome::Allowed.as_str()
        };
        let denied = of_caller.iter().map(|(key, group)| (key, group));
        let mut denied = denied.filter(|(key, _)| wanted(key)).peekable();
        let caller = denied.peek().map(|(key, _)| &*key.caller);
        if let Some(owner) = caller.and_then(|caller| owner(account, caller)) {
            all.entry(owner).or_default().extend(denied);
        }
    }
    all
}

fn decision(key: &GroupKey) -> &str {
    key.decision.as_deref().unwrap_or_default()
}

/// Who a caller's policies are attached to: its entry in the account; of a session that the account
/// does not know, its role. Nobody for callers without an ARN.
fn owner(account: &Account, caller: &str) -> Option<String> {
    let principal = Principal::parse(caller)?;
    if let Some(subject) = account.subject(&principal) {
        return Some(subject.arn().to_owned());
    }
    let partition = ArnParts::split(caller)?.partition;
    Some(match (principal.kind(), principal.account()) {
        (PrincipalKind::RoleSession { role, .. }, Some(owner)) => {
            format!("arn:{partition}:iam::{owner}:role/{role}")
        }
        _ => caller.to_owned(),
    })
}

/// The entry of the API that an ARN names.
fn api<'a>(account: &'a Account, resource: &str) -> Option<&'a ApiEntry> {
    let parts = ArnParts::split(resource).filter(|arn| arn.service == "execute-api")?;
    account.api(parts.resource.split('/').next()?)
}

/// The search for a remedy for the calls of some groups.
struct Search<'s> {
    account: &'s Account,
    /// What they have in common.
    fold: FoldKey<'s>,
    members: Vec<Denied<'s>>,
}

impl<'s> Search<'s> {
    fn run(
        &self,
        requests: u64,
        by_principal: &BTreeMap<String, Vec<Denied<'s>>>,
    ) -> Option<Remedy> {
        let (key, group) = *self.members.iter().min_by_key(|(_, group)| &group.example)?;
        let (pattern, exact) = self.pattern(key);
        let caller = Principal::parse(group.context.caller(key))?;
        let api = api(self.account, &group.example.0);
        let applicable = self.account.policies_for(&caller, api);
        let place = Place { principal: self.principal(), api: api.map(|api| api.api().id) };
        let request = group.context.request(key, &group.example.0);
        let mut overlay = Overlay::new(&key.action, &pattern);
        for _ in 0..ROUNDS_MAX {
            let explanation = explain(&overlay.over(applicable.policies()), &request);
            let lacks = explanation.outcome == Outcome::ImplicitDeny;
            if !lacks || !overlay.add_missing(&explanation, applicable.policies(), &place) {
                break;
            }
        }
        let decision = authorize(&overlay.over(applicable.policies()), &request);
        let blocked = decision.outcome == Outcome::ExplicitDeny;
        let denies = decision.determined_by.iter().filter(|_| blocked);
        let blocked_by = denies.filter_map(|id| cited(&applicable, id)).collect();
        if decision.outcome == Outcome::Allowed {
            let allowed = |each: &&Denied<'_>| self.is_allowed(&overlay, **each, &each.1.example.0);
            let members = self.members.iter().filter(allowed);
            return Some(Remedy {
                allows: members.map(|(_, group)| group.requests).sum(),
                also_allows: self.also_allows(&overlay, exact.then_some(&*pattern), by_principal),
                passes_over: group.nearest.clone().filter(|nearest| nearest.condition.is_some()),
                changes: overlay.into_changes(),
                ..self.remedy(key, pattern.clone(), requests, decision.outcome)
            });
        }
        Some(Remedy { blocked_by, ..self.remedy(key, pattern, requests, decision.outcome) })
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
            decision: outcome.as_str().to_owned(),
            changes: Vec::new(),
            blocked_by: Vec::new(),
            passes_over: None,
            also_allows: Vec::new(),
        }
    }

    /// The pattern of what was asked for, and whether it is one resource.
    fn pattern(&self, key: &GroupKey) -> (String, bool) {
        let mut only = self.members.iter().map(|(_, group)| group.only_resource.as_deref());
        match only.next().flatten() {
            Some(resource) if only.all(|other| other == Some(resource)) => {
                (literal(resource), true)
            }
            _ => (generalised(&key.resource), false),
        }
    }

    /// Which other groups a change would allow.
    fn also_allows(
        &self,
        overlay: &Overlay,
        exact: Option<&str>,
        by_principal: &BTreeMap<String, Vec<Denied<'s>>>,
    ) -> Vec<AlsoAllowed> {
        let concerned = by_principal.iter();
        let concerned = concerned
            .filter(|(owner, _)| overlay.concerns_all() || owner.as_str() == self.principal());
        let others = concerned.flat_map(|(owner, denied)| {
            let fold = |key: &'s GroupKey| (&**owner, &*key.action, &*key.resource, decision(key));
            denied.iter().filter(move |(key, _)| fold(key) != self.fold)
        });
        others.filter_map(|other| self.also_allowed(overlay, exact, *other)).collect()
    }

    fn also_allowed(
        &self,
        overlay: &Overlay,
        exact: Option<&str>,
        other: Denied<'_>,
    ) -> Option<AlsoAllowed> {
        let (key, group) = other;
        let allowed = |resource: &str| self.is_allowed(overlay, other, resource);
        let all = match &group.only_resource {
            Some(only) => allowed(only),
            // A placeholder that matches stands for whatever the calls had in its place.
            None => allowed(&key.resource),
        };
        let some = || {
            let one_of_them =
                exact.is_some_and(|exact| is_instance(exact, &key.resource) && allowed(exact));
            group.only_resource.is_none() && (allowed(&group.example.0) || one_of_them)
        };
        (all || some()).then(|| AlsoAllowed {
            caller: key.caller.clone(),
            resource: group.only_resource.clone().unwrap_or_else(|| key.resource.clone()),
            requests: group.requests,
            all,
        })
    }

    /// Whether a call like those of a group, with this resource, is allowed with a change.
    fn is_allowed(&self, overlay: &Overlay, (key, group): Denied<'_>, resource: &str) -> bool {
        let Some(caller) = Principal::parse(group.context.caller(key)) else { return false };
        let api = api(self.account, resource);
        let base: Policies<'_> = self.account.policies_for(&caller, api).policies();
        let owner = owner(self.account, &key.caller);
        let place = Place {
            principal: owner.as_deref().unwrap_or_default(),
            api: api.map(|api| api.api().id),
        };
        let request = group.context.request(key, resource);
        authorize(&overlay.over_at(base, &place), &request).outcome == Outcome::Allowed
    }
}

/// The pattern that matches one resource: in policies `*`, `?` and `$` have a meaning.
fn literal(resource: &str) -> String {
    let escaped = |character| match character {
        '*' | '?' | '$' => format!("${{{character}}}"),
        other => String::from(other),
    };
    resource.chars().map(escaped).collect()
}

/// The pattern that matches whatever stands in the place of placeholders.
fn generalised(template: &str) -> String {
    let segment = |text: &str| match text.starts_with('{') && text.ends_with('}') {
        true => "*".to_owned(),
        false => literal(text),
    };
    template.split('/').map(segment).collect::<Vec<_>>().join("/")
}

/// Whether a resource is one that a template stands for.
fn is_instance(resource: &str, template: &str) -> bool {
    let (resource, template) = (resource.split('/'), template.split('/'));
    let fits = |(found, wanted): (&str, &str)| found == wanted || wanted.starts_with('{');
    resource.clone().count() == template.clone().count() && resource.zip(template).all(fits)
}
