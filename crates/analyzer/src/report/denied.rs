//! Denied calls in the report, and how log and replay compare.

use serde::Serialize;

use super::unexplained::is_unexplained;
use crate::outcomes::{Cited, Group, GroupKey, Nearest, Outcomes};
use crate::time::Moment;
use crate::verdict::Logged;

/// Calls of one caller that were denied, then or now, for one reason.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeniedReport<'g> {
    /// Who.
    pub caller: &'g str,
    /// What: `execute-api:Invoke`.
    pub action: &'g str,
    /// On what: the ARN if all calls had the same, else with the route's placeholders.
    pub resource: &'g str,
    /// Requests.
    pub requests: u64,
    /// The first.
    pub first: Option<Moment>,
    /// The last.
    pub last: Option<Moment>,
    /// The status that the log has.
    pub logged_status: Option<u16>,
    /// What that says about authorization.
    pub logged: Logged,
    /// The replayed decision; `null` where it cannot be decided.
    pub decision: Option<&'g str>,
    /// The statements that determined it; none for an implicit deny.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub determined_by: &'g [Cited],
    /// For an implicit deny: the statement that came nearest to allowing it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nearest: Option<&'g Nearest>,
    /// For an implicit deny: the layers whose Allow is missing.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub missing: &'g [String],
    /// For an indeterminate decision: the keys that it depends on.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub depends_on: &'g [String],
}

/// How log and replay compare.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AgreementReport<'g> {
    /// Both passed it, or both denied it.
    pub agreeing: u64,
    /// One passed what the other denied.
    pub disagreeing: u64,
    /// They cannot be compared.
    pub undetermined: u64,
    /// Why not: where decisions depend on keys that the log does not tell, with these.
    pub reasons: Vec<ReasonCount>,
    /// The groups that disagree, the most frequent first.
    pub disagreements: Vec<DeniedReport<'g>>,
    /// Requests that passed, and that no policy allows: of `disagreeing`.
    pub unexplained: u64,
}

/// A reason and how many requests it holds for.
#[derive(Clone, Debug, Serialize)]
pub struct ReasonCount {
    /// Why.
    pub reason: String,
    /// Requests.
    pub requests: u64,
}

impl<'g> AgreementReport<'g> {
    pub(super) fn new(outcomes: &'g Outcomes) -> AgreementReport<'g> {
        let mut reasons: Vec<ReasonCount> = outcomes
            .undetermined
            .iter()
            .map(|(reason, &requests)| ReasonCount { reason: reason.clone(), requests })
            .collect();
        reasons.sort_by_key(|reason| std::cmp::Reverse(reason.requests));
        let groups = outcomes.groups.iter();
        let unexplained = groups.filter(|(key, group)| is_unexplained(key, group));
        AgreementReport {
            agreeing: outcomes.agreeing,
            disagreeing: outcomes.disagreeing,
            undetermined: outcomes.undetermined.values().sum(),
            reasons,
            unexplained: unexplained.map(|(_, group)| group.requests).sum(),
            disagreements: in_words(self::groups(outcomes, |_, group| group.disagrees)),
        }
    }
}

/// Whether a group was denied: then, by the log, or now, by the replay.
pub(super) fn is_denied(key: &GroupKey) -> bool {
    key.logged == Logged::Refused
        || matches!(key.decision.as_deref(), Some("explicitDeny" | "implicitDeny"))
}

/// The groups that `wanted` picks, the most frequent first.
pub(super) fn groups(
    outcomes: &Outcomes,
    wanted: impl Fn(&GroupKey, &Group) -> bool,
) -> Vec<(&GroupKey, &Group)> {
    let groups = outcomes.groups.iter().map(|(key, group)| (key, group));
    let mut denied: Vec<_> = groups.filter(|(key, group)| wanted(key, group)).collect();
    denied.sort_by_key(|(_, group)| std::cmp::Reverse(group.requests));
    denied
}

pub(super) fn in_words<'g>(groups: Vec<(&'g GroupKey, &'g Group)>) -> Vec<DeniedReport<'g>> {
    groups.into_iter().map(|(key, group)| DeniedReport::new(key, group)).collect()
}

impl<'g> DeniedReport<'g> {
    pub(super) fn new(key: &'g GroupKey, group: &'g Group) -> DeniedReport<'g> {
        DeniedReport {
            caller: &key.caller,
            action: &key.action,
            resource: group.only_resource.as_ref().unwrap_or(&key.resource),
            requests: group.requests,
            first: group.span.first().map(Moment),
            last: group.span.last().map(Moment),
            logged_status: key.status,
            logged: key.logged,
            decision: key.decision.as_deref(),
            determined_by: &key.determined_by,
            nearest: group.nearest.as_ref(),
            missing: &group.missing,
            depends_on: &key.depends_on,
        }
    }
}
