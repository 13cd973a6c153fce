//! What one account decides otherwise than another, in the report.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::Serialize;

use super::denied::ReasonCount;
use crate::changes::{Change, ChangeKey, Changes, Side};
use crate::time::Moment;

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
    /// Calls that one of them, or neither, could not decide.
    pub undecided: u64,
    /// Why not.
    pub reasons: Vec<ReasonCount>,
    /// Of `otherwise` and `undecided`: calls that may be denied newly. One of the decisions depends on
    /// keys that the log does not tell, or there is none. Those that neither could decide are among them
    /// if not one call could be compared.
    pub perhaps_denied: u64,
    /// The same of calls that may be allowed newly.
    pub perhaps_allowed: u64,
    /// The groups, newly denied ones first, then newly allowed ones, then others, last those that only
    /// one of them could decide; each the most frequent first.
    pub groups: Vec<ChangeReport>,
}

/// Calls of one caller that two accounts decide differently.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChangeReport {
    /// `newlyDenied`, `newlyAllowed`, `otherwise` or `undecided`.
    pub change: &'static str,
    /// Who.
    pub caller: String,
    /// On what: the ARN if all calls had the same, else with the route's placeholders.
    pub resource: String,
    /// Requests.
    pub requests: u64,
    /// The first.
    pub first: Option<Moment>,
    /// The last.
    pub last: Option<Moment>,
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
        groups.sort_by_key(|group| (rank(group.change), Reverse(group.requests)));
        let sum = |change| {
            let of_kind = groups.iter().filter(|group| group.change == change);
            of_kind.map(|group| group.requests).sum()
        };
        let [newly_denied, newly_allowed, otherwise, by_one] = KINDS.map(sum);
        let by_neither = changes.undecided.values().sum::<u64>();
        let compared = changes.unchanged + newly_denied + newly_allowed + otherwise;
        let perhaps = |may_be: fn(&ChangeKey) -> bool| {
            let open = changes.groups.iter().filter(|(key, _)| may_be(key));
            let by_some = open.map(|(_, change)| change.requests).sum::<u64>();
            if compared == 0 { by_some + by_neither } else { by_some }
        };
        ChangesReport {
            unchanged: changes.unchanged,
            newly_denied,
            newly_allowed,
            otherwise,
            undecided: by_one + by_neither,
            reasons: reasons(changes),
            perhaps_denied: perhaps(ChangeKey::may_be_newly_denied),
            perhaps_allowed: perhaps(ChangeKey::may_be_newly_allowed),
            groups,
        }
    }

    /// Whether calls were to be compared, and not one of them could be.
    pub fn is_void(&self) -> bool {
        let compared = self.unchanged + self.newly_denied + self.newly_allowed + self.otherwise;
        compared == 0 && self.undecided > 0
    }
}

/// Why calls could not be decided, the most frequent reason first.
fn reasons(changes: &Changes) -> Vec<ReasonCount> {
    let mut counts: BTreeMap<&str, u64> =
        changes.undecided.iter().map(|(why, requests)| (&**why, *requests)).collect();
    for (key, change) in &changes.groups {
        if let Some(why) = key.after.undecided.as_ref().or(key.before.undecided.as_ref()) {
            *counts.entry(why).or_default() += change.requests;
        }
    }
    let reason =
        |(reason, requests): (&str, u64)| ReasonCount { reason: reason.to_owned(), requests };
    let mut reasons: Vec<ReasonCount> = counts.into_iter().map(reason).collect();
    reasons.sort_by_key(|reason| Reverse(reason.requests));
    reasons
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

const KINDS: [&str; 4] = ["newlyDenied", "newlyAllowed", "otherwise", "undecided"];

fn rank(change: &str) -> usize {
    KINDS.iter().position(|kind| *kind == change).unwrap_or(KINDS.len())
}

impl ChangeReport {
    pub(super) fn new(key: &ChangeKey, change: &Change) -> ChangeReport {
        let [newly_denied, newly_allowed, otherwise, undecided] = KINDS;
        ChangeReport {
            change: match key {
                key if key.is_newly_denied() => newly_denied,
                key if key.is_newly_allowed() => newly_allowed,
                key if key.is_undecided() => undecided,
                _ => otherwise,
            },
            caller: key.caller.clone(),
            resource: change.only_resource.clone().unwrap_or_else(|| key.resource.clone()),
            requests: change.requests,
            first: change.span.first().map(Moment),
            last: change.span.last().map(Moment),
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
        let side = Side {
            decision: None,
            determined_by: Vec::new(),
            depends_on: Vec::new(),
            undecided: None,
        };
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
        let [denied, allowed, otherwise, _] = KINDS;
        let groups = [denied, denied, denied, allowed, otherwise, otherwise, otherwise];
        let mut changes = ChangesReport {
            unchanged: 0,
            newly_denied: 3,
            newly_allowed: 1,
            otherwise: 3,
            undecided: 0,
            reasons: Vec::new(),
            perhaps_denied: 0,
            perhaps_allowed: 0,
            groups: groups.map(group).into(),
        };
        changes.truncate(2);
        let kept: Vec<&str> = changes.groups.iter().map(|group| group.change).collect();
        assert_eq!(kept, [denied, denied, allowed, otherwise, otherwise]);
    }
}
