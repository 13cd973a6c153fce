//! The smallest change of policies that would allow denied calls, tried before it is proposed.
//!
//! Calls of one principal that were denied alike are taken together. The change is one Allow
//! statement for exactly these calls, added to every layer that lacks one; it is decided again with
//! it, and so are all other denied calls of the log, to see what else it would allow. Against a
//! statement that denies explicitly no Allow helps: then that statement is named, and nothing
//! proposed.

mod reach;
mod search;

use std::cmp::Reverse;
use std::collections::BTreeMap;

use hashbrown::HashMap;
use serde::Serialize;
use tollgate_policy::{ArnParts, Outcome, Principal, PrincipalKind};
use tollgate_store::Account;

use crate::intern::OTHER;
use crate::outcomes::{Cited, Group, GroupKey, Nearest, Outcomes};
use crate::overlay::PolicyChange;
use crate::text::count;
use search::Search;

/// The most remedies that are looked for: those for the most frequent denials.
const REMEDIES_MAX: usize = 20;

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
    /// Of these, others that may be: not every call is kept to be decided again, and policies may tell
    /// them from those that are.
    pub may_allow: u64,
    /// The decision with the change, of the first of the calls.
    pub decision: String,
    /// If that is indeterminate: the keys that it depends on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<String>,
    /// What to add, layer by layer; all of it is needed.
    pub changes: Vec<PolicyChange>,
    /// The statements that deny explicitly, so that no Allow helps.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub blocked_by: Vec<Cited>,
    /// The nearest statement, if its condition did not hold: the change passes over that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passes_over: Option<Nearest>,
    /// All conditions of that statement, none of which the change asks for: `Bool
    /// aws:MultiFactorAuthPresent`.
    #[serde(rename = "passesOverConditions", skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<String>,
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
    /// Denied calls for which no change is looked for, as what they asked for is not told apart.
    pub(crate) fn untold(outcomes: &Outcomes) -> u64 {
        let groups = outcomes.groups.iter().map(|(key, group)| (key, group));
        let untold = groups.filter(|&(key, group)| {
            let is_denied = matches!(decision(key), "implicitDeny" | "explicitDeny");
            is_denied && resource((key, group)) == OTHER
        });
        untold.map(|(_, group)| group.requests).sum()
    }

    /// Looks for what would allow the most frequent denials, and says of how many others it does not.
    pub fn find(account: &Account, outcomes: &Outcomes) -> (Vec<Remedy>, Option<String>) {
        let by_principal = by_principal(account, outcomes);
        let mut folds: HashMap<FoldKey<'_>, Vec<Denied<'_>>> = HashMap::new();
        for (owner, denied) in &by_principal {
            for &(key, group) in denied {
                let decision = decision(key);
                if matches!(decision, "implicitDeny" | "explicitDeny") {
                    let fold = (&**owner, &*key.action, resource((key, group)), decision);
                    folds.entry(fold).or_default().push((key, group));
                }
            }
        }
        let requests =
            |members: &[Denied<'_>]| members.iter().map(|(_, group)| group.requests).sum();
        let mut folds: Vec<(u64, FoldKey<'_>, Vec<Denied<'_>>)> =
            folds.into_iter().map(|(key, members)| (requests(&members), key, members)).collect();
        folds.sort_unstable_by_key(|(requests, key, _)| (Reverse(*requests), *key));
        let others = folds.get(REMEDIES_MAX..).filter(|others| !others.is_empty());
        let others = others.map(|others| {
            format!(
                "What would allow denied calls is looked for in their {REMEDIES_MAX} most frequent groups: \
                 not in {}, of {}.",
                count(others.len() as u64, "other"),
                count(others.iter().map(|(requests, ..)| requests).sum(), "request")
            )
        });
        folds.truncate(REMEDIES_MAX);
        let remedies = folds.into_iter().filter_map(|(requests, fold, members)| {
            Search { account, fold, members }.run(requests, &by_principal)
        });
        (remedies.collect(), others)
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
        let wanted = |denied: Denied<'_>| {
            resource(denied).starts_with("arn:") && decision(denied.0) != Outcome::Allowed.as_str()
        };
        let denied = of_caller.iter().map(|(key, group)| (key, group));
        let mut denied = denied.filter(|denied| wanted(*denied)).peekable();
        let caller = denied.peek().map(|(key, _)| &*key.caller);
        if let Some(owner) = caller.and_then(|caller| owner(account, caller)) {
            all.entry(owner).or_default().extend(denied);
        }
    }
    all
}

/// What calls of a group asked for. An ARN that is too long to be told apart is that of the group, if all
/// of them had the same.
fn resource<'g>((key, group): Denied<'g>) -> &'g str {
    match &group.only_resource {
        Some(only) if key.resource == OTHER => only,
        _ => &key.resource,
    }
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
