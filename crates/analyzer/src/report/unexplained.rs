//! Calls that were allowed, and that no current policy explains.

use serde::Serialize;

use super::denied::groups;
use crate::outcomes::{Cited, Group, GroupKey, Outcomes};
use crate::time::Moment;
use crate::verdict::Logged;

/// Calls of one caller that passed, and that the policies as they are would not let pass: a grant
/// was withdrawn since, or whoever decides is not asked the same.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UnexplainedReport<'g> {
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
    /// The replayed decision: `explicitDeny` or `implicitDeny`.
    pub decision: Option<&'g str>,
    /// The statements that deny it now; none where an Allow is missing.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub determined_by: &'g [Cited],
}

impl<'g> UnexplainedReport<'g> {
    /// All of them, the most frequent first.
    pub(super) fn all(outcomes: &'g Outcomes) -> Vec<UnexplainedReport<'g>> {
        let groups = groups(outcomes, is_unexplained);
        groups.into_iter().map(|(key, group)| UnexplainedReport::new(key, group)).collect()
    }

    fn new(key: &'g GroupKey, group: &'g Group) -> UnexplainedReport<'g> {
        UnexplainedReport {
            caller: &key.caller,
            action: &key.action,
            resource: group.only_resource.as_ref().unwrap_or(&key.resource),
            requests: group.requests,
            first: group.span.first().map(Moment),
            last: group.span.last().map(Moment),
            logged_status: key.status,
            decision: key.decision.as_deref(),
            determined_by: &key.determined_by,
        }
    }
}

/// Whether calls passed although no policy allows them.
pub(super) fn is_unexplained(key: &GroupKey, group: &Group) -> bool {
    key.logged == Logged::Passed && group.disagrees
}
