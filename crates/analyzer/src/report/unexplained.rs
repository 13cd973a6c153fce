//! Calls that were allowed, and that no current policy explains.

use serde::Serialize;

use super::denied::groups;
use crate::outcomes::{Cited, Group, GroupKey, Outcomes};
use crate::time::rfc3339;
use crate::verdict::Logged;

/// Calls of one caller that passed, and that the policies as they are would not let pass: a grant
/// was withdrawn since, or whoever decides is not asked the same.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UnexplainedReport {
    /// Who.
    pub caller: String,
    /// What: `execute-api:Invoke`.
    pub action: String,
    /// On what: the ARN if all calls had the same, else with the route's placeholders.
    pub resource: String,
    /// Requests.
    pub requests: u64,
    /// The first, RFC 3339.
    pub first: Option<String>,
    /// The last, RFC 3339.
    pub last: Option<String>,
    /// The status that the log has.
    pub logged_status: Option<u16>,
    /// The replayed decision: `explicitDeny` or `implicitDeny`.
    pub decision: Option<String>,
    /// The statements that deny it now; none where an Allow is missing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub determined_by: Vec<Cited>,
}

impl UnexplainedReport {
    /// All of them, the most frequent first.
    pub(super) fn all(outcomes: &Outcomes) -> Vec<UnexplainedReport> {
        let groups = groups(outcomes, is_unexplained);
        groups.into_iter().map(|(key, group)| UnexplainedReport::new(key, group)).collect()
    }

    fn new(key: &GroupKey, group: &Group) -> UnexplainedReport {
        UnexplainedReport {
            caller: key.caller.clone(),
            action: key.action.clone(),
            resource: group.only_resource.clone().unwrap_or_else(|| key.resource.clone()),
            requests: group.requests,
            first: group.span.first().map(rfc3339),
            last: group.span.last().map(rfc3339),
            logged_status: key.status,
            decision: key.decision.clone(),
            determined_by: key.determined_by.clone(),
        }
    }
}

/// Whether calls passed although no policy allows them.
pub(super) fn is_unexplained(key: &GroupKey, group: &Group) -> bool {
    key.logged == Logged::Passed && group.disagrees
}
