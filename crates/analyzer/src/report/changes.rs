//! What one account decides otherwise than another, in the report.

use serde::Serialize;

use crate::changes::{Change, ChangeKey, Changes, Side};
use crate::time::rfc3339;

/// What one account decides otherwise than another, over the calls of the log.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChangesReport {
    /// Calls that both decide alike.
    pub unchanged: u64,
    /// Calls that were not denied and would be.
    pub newly_denied: u64,
    /// Calls that were not allowed and would be.
    pub newly_allowed: u64,
    /// Calls that change in another way: from one kind of denial to another, or between denied and
    /// indeterminate.
    pub otherwise: u64,
    /// The groups, newly denied ones first, then newly allowed ones, each the most frequent first.
    pub groups: Vec<ChangeReport>,
}

/// Calls of one caller that two accounts decide differently.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChangeReport {
    /// `newlyDenied`, `newlyAllowed` or `otherwise`.
    pub change: &'static str,
    /// Who.
    pub caller: String,
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
    /// The decision compared with.
    pub before: Side,
    /// The decision of the account.
    pub after: Side,
}

impl ChangesReport {
    pub(super) fn new(changes: &Changes) -> ChangesReport {
        let mut groups: Vec<ChangeReport> =
            changes.groups.iter().map(|(key, change)| ChangeReport::new(key, change)).collect();
        groups.sort_by_key(|group| (rank(group.change), std::cmp::Reverse(group.requests)));
        let sum = |change| {
            let of_kind = groups.iter().filter(|group| group.change == change);
            of_kind.map(|group| group.requests).sum()
        };
        let [newly_denied, newly_allowed, otherwise] = KINDS.map(sum);
        ChangesReport {
            unchanged: changes.unchanged,
            newly_denied,
            newly_allowed,
            otherwise,
            groups,
        }
    }
}

impl ChangesReport {
    /// The groups of each kind of change, in order.
    pub(crate) fn kinds(&self) -> impl Iterator<Item = &[ChangeReport]> {
        self.groups.chunk_by(|one, next| one.change == next.change)
    }

    /// Keeps at most `top` groups of each kind.
    pub(super) fn truncate(&mut self, top: usize) {
        let kept = self.kinds().flat_map(|kind| kind.iter().take(top)).cloned().collect();
        self.groups = kept;
    }
}

const KINDS: [&str; 3] = ["newlyDenied", "newlyAllowed", "otherwise"];

fn rank(change: &str) -> usize {
    KINDS.iter().position(|kind| *kind == change).unwrap_or(KINDS.len())
}

impl ChangeReport {
    pub(super) fn new(key: &ChangeKey, change: &Change) -> ChangeReport {
        let [newly_denied, newly_allowed, otherwise] = KINDS;
        ChangeReport {
            change: match (key.is_newly_denied(), key.is_newly_allowed()) {
                (true, _) => newly_denied,
                (_, true) => newly_allowed,
                _ => otherwise,
            },
            caller: key.caller.clone(),
            resource: change.only_resource.clone().unwrap_or_else(|| key.resource.clone()),
            requests: change.requests,
            first: change.span.first().map(rfc3339),
            last: change.span.last().map(rfc3339),
            logged_status: key.status,
            before: key.before.clone(),
            after: key.after.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_each_kind_of_change_some_are_kept() {
        let side = Side { decision: None, determined_by: Vec::new() };
        let group = |change| ChangeReport {
            change,
            caller: String::new(),
            resource: String::new(),
            requests: 1,
            first: None,
            last: None,
            logged_status: None,
            before: side.clone(),
            after: side.clone(),
        };
        let [denied, allowed, otherwise] = KINDS;
        let groups = [denied, denied, denied, allowed, otherwise, otherwise, otherwise];
        let mut changes = ChangesReport {
            unchanged: 0,
            newly_denied: 3,
            newly_allowed: 1,
            otherwise: 3,
            groups: groups.map(group).into(),
        };
        changes.truncate(2);
        let kept: Vec<&str> = changes.groups.iter().map(|group| group.change).collect();
        assert_eq!(kept, [denied, denied, allowed, otherwise, otherwise]);
    }
}
