//! The table of what would allow denied calls.

use super::{Rows, Table, all_cited, cited, listed};
use crate::overlay::PolicyChange;
use crate::remedy::Remedy;

/// One row a statement to add, of which all with the same principal, action and resource are needed;
/// one without where nothing that is added helps.
pub(super) fn remedies(remedies: &[Remedy]) -> Table {
    type Row<'a> = (&'a Remedy, Option<&'a PolicyChange>);
    let rows: Vec<Row<'_>> = remedies
        .iter()
        .flat_map(|remedy| {
            let changes = remedy.changes.iter().map(move |change| (remedy, Some(change)));
            changes.chain(remedy.changes.is_empty().then_some((remedy, None)))
        })
        .collect();
    let also = |remedy: &Remedy| remedy.also_allows.iter().map(|also| also.requests).sum();
    Rows::of(&rows)
        .text("principal", |(remedy, _)| Some(&remedy.principal))
        .text("action", |(remedy, _)| Some(&remedy.action))
        .text("resource", |(remedy, _)| Some(&remedy.resource))
        .count("callers", |(remedy, _)| u64::try_from(remedy.callers).ok())
        .count("requests", |(remedy, _)| Some(remedy.requests))
        .count("allows", |(remedy, _)| Some(remedy.allows))
        .count("mayAllow", |(remedy, _)| Some(remedy.may_allow))
        .count("alsoAllows", move |(remedy, _)| Some(also(remedy)))
        .text("decision", |(remedy, _)| Some(&remedy.decision))
        .text("dependsOn", |(remedy, _)| listed(&remedy.depends_on))
        .text("blockedBy", |(remedy, _)| all_cited(&remedy.blocked_by))
        .text("passesOver", |(remedy, _)| Some(cited(&remedy.passes_over.as_ref()?.statement)))
        .text("passesOverConditions", |(remedy, _)| listed(&remedy.conditions))
        .text("policyType", |(_, change)| Some(&change.as_ref()?.policy_type))
        .count("level", |(_, change)| u64::try_from(change.as_ref()?.level?).ok())
        .text("attachedTo", |(_, change)| change.as_ref()?.attached_to.as_ref())
        .text("policy", |(_, change)| change.as_ref()?.policy.as_ref())
        .text("version", |(_, change)| change.as_ref()?.version)
        .count("sharedWith", |(_, change)| u64::try_from(change.as_ref()?.shared_with).ok())
        .text("statement", |(_, change)| Some(change.as_ref()?.statement.to_string()))
        .table("remedies")
}
