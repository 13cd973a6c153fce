//! What of a suggestion deserves a second look, in words.

use tollgate_policy::MANAGED_POLICY_CHARACTERS;

use super::report::{Calls, Facts, NOT_IN_LOGS, Policy, Replaced, StatementNote};
use crate::outcomes::Cited;
use crate::text::count;

/// Managed policies that AWS attaches to a user, group or role, unless asked for more.
///
/// Source: IAM User Guide, `reference_iam-quotas`.
const POLICIES_MAX: usize = 10;

/// The remarks on a suggestion.
pub(crate) fn remarks(
    calls: &Calls,
    policies: &[Policy],
    replaces: &[Replaced],
    notes: &[StatementNote],
    facts: &Facts<'_>,
) -> Vec<String> {
    let mut remarks = Vec::new();
    if policies.is_empty() {
        let what = if calls.denied > 0 { "allowed" } else { "called" };
        remarks.push(format!("nothing was {what} that needs an identity policy"));
    }
    add_of_policies(policies, &mut remarks);
    add_of_replaced(replaces, &mut remarks);
    if notes.iter().any(|note| note.effect == "Deny") {
        remarks.push("every Deny is kept: it limits what other policies grant, too".to_owned());
    }
    let resources = || notes.iter().flat_map(|note| &note.resources);
    if resources().any(|it| it.basis == NOT_IN_LOGS) {
        remarks.push(
            "these logs tell nothing of other services: what is granted there is kept".to_owned(),
        );
    }
    for (present, apart) in facts.grants.statements.iter().zip(facts.apart) {
        if apart.as_ref().is_some_and(|apart| apart.is_wider) {
            remarks.push(format!(
                "{} also grants what these logs cannot show: that is taken away",
                place(&present.cited)
            ));
        }
    }
    if resources().any(|it| !it.reaches.is_empty()) {
        remarks.push("a `*` takes slashes: some reach routes that were not called".to_owned());
    }
    let mut statements = policies.iter().flat_map(|policy| policy.document.statements());
    if calls.open > 0 && statements.any(|statement| !statement.conditions.is_empty()) {
        remarks.push(format!(
            "depending on what the log does not tell, {} passed: the conditions are kept",
            count(calls.open, "call")
        ));
    }
    for (reason, requests) in &facts.used.untold {
        let them = if *requests == 1 { "it" } else { "them" };
        remarks.push(format!(
            "{} cannot be replayed, for {reason}: what may allow {them} is kept",
            count(*requests, "call")
        ));
    }
    remarks
}

/// What of AWS's quotas.
fn add_of_policies(policies: &[Policy], remarks: &mut Vec<String>) {
    if policies.len() > 1 {
        remarks.push(format!(
            "{} policies, since one can have {MANAGED_POLICY_CHARACTERS} characters",
            policies.len()
        ));
    }
    if policies.len() > POLICIES_MAX {
        remarks.push(format!("AWS attaches {POLICIES_MAX} policies to a principal"));
    }
    for policy in policies.iter().filter(|it| it.characters > MANAGED_POLICY_CHARACTERS) {
        remarks.push(format!("`{}` is longer than AWS accepts", policy.name));
    }
}

/// Who else has what is replaced.
fn add_of_replaced(replaces: &[Replaced], remarks: &mut Vec<String>) {
    let mut groups: Vec<&str> = replaces.iter().filter_map(|it| it.group.as_deref()).collect();
    groups.dedup();
    for group in groups {
        remarks.push(format!("replaces what group `{group}` grants: take the user out of it"));
    }
    for replaced in replaces.iter().filter(|it| it.others > 0 && it.group.is_none()) {
        let have = if replaced.others == 1 { "has" } else { "have" };
        remarks.push(format!(
            "{} {have} `{}`, too: detach it from this one alone",
            count(replaced.others, "other principal"),
            replaced.name.as_ref().unwrap_or(&replaced.file),
        ));
    }
}

/// `policy.json:4:5 Everything`
fn place(cited: &Cited) -> String {
    let Cited { policy, line, column, sid, .. } = cited;
    let name = sid.as_ref().map_or(String::new(), |sid| format!(" {sid}"));
    format!("{policy}:{line}:{column}{name}")
}
