//! What would allow denied calls: the statements to add, and what else they would allow.

use super::denied::place;
use super::printable::{in_a_line, json_in_a_line};
use super::short_names::ShortNames;
use super::style::{Style, count, number, short_call};
use super::usage::rest;
use crate::overlay::PolicyChange;
use crate::remedy::{AlsoAllowed, Remedy};
use crate::report::Report;

pub(super) fn section(report: &Report, style: &Style) -> String {
    let remedies = report.remedies.as_deref().unwrap_or_default();
    if remedies.is_empty() {
        return String::new();
    }
    let shown = style.shown(remedies.len());
    let mut text = style.heading("What would allow them");
    let most_frequent = match remedies.len() {
        1 => "the most frequent denial".to_owned(),
        many => format!("each of the {many} most frequent denials"),
    };
    let sentence = format!("the smallest change for {most_frequent}, decided again with it");
    text.push_str(&style.line(2, sentence));
    let principals = ShortNames::of(remedies.iter().map(|remedy| &*remedy.principal));
    text.extend(remedies.iter().take(shown).map(|remedy| block(remedy, &principals, style)));
    text + &rest(remedies.iter().skip(shown).map(|remedy| remedy.requests), "group", style)
}

fn block(remedy: &Remedy, principals: &ShortNames<'_>, style: &Style) -> String {
    let principal = principals.name(&remedy.principal);
    let what = format!("{principal}  {}", short_call(&remedy.resource));
    let mut text = style.entry(remedy.requests, what);
    for cited in &remedy.blocked_by {
        let denied = format!("by {}; no Allow helps against it", place(cited, style));
        text.push_str(&style.about("denied", denied));
    }
    for change in &remedy.changes {
        text.push_str(&style.about("add to", in_a_line(&target(change))));
        text.push_str(&style.in_one_line(json_in_a_line(&change.statement)));
    }
    if let Some(nearest) = &remedy.passes_over {
        let conditions = remedy.conditions.join(" and ");
        let passes = format!("over {conditions} of {}", place(&nearest.statement, style));
        text.push_str(&style.about("passes", passes));
    }
    text + &style.about("then", outcome(remedy, style)) + &also(remedy, style)
}

/// What else of the log it would allow.
fn also(remedy: &Remedy, style: &Style) -> String {
    let shown = style.shown(remedy.also_allows.len());
    let callers = ShortNames::of(remedy.also_allows.iter().map(|also| &*also.caller));
    let line = |also: &AlsoAllowed| {
        let most = if also.all { "" } else { "at most " };
        let requests = count(also.requests, "request");
        let (caller, call) = (callers.name(&also.caller), short_call(&also.resource));
        style.about("also", format!("{most}{requests}: {caller} {call}"))
    };
    let text: String = remedy.also_allows.iter().take(shown).map(line).collect();
    match remedy.also_allows.len() - shown {
        0 => text,
        more => text + &style.about("", format!("and {more} more groups")),
    }
}

/// Where a statement belongs, in full, as nobody is to add it elsewhere: `the identity policy of
/// arn:aws:iam::123456789012:role/ci`; the policy, where there is only one, with whom else it limits;
/// and the version that its document must have.
pub(crate) fn target(change: &PolicyChange) -> String {
    let mut target = layer(change);
    if let Some(policy) = &change.policy {
        target = format!("{target}, {policy}");
    }
    if change.shared_with > 0 {
        let others = count(change.shared_with as u64, "other principal");
        target = format!("{target}, which is that of {others} too");
    }
    if let Some(version) = change.version {
        target = format!("{target}, in a document of Version {version}");
    }
    target
}

fn layer(change: &PolicyChange) -> String {
    let of = change.attached_to.as_deref();
    match (&*change.policy_type, of, change.level) {
        ("serviceControl", _, level) => {
            format!("the service control policies of level {}", level.unwrap_or_default())
        }
        ("resource", of, _) => format!("the resource policy of {}", of.unwrap_or("the API")),
        (layer, of, _) => format!("the {} of {}", layer_name(layer), of.unwrap_or("the caller")),
    }
}

fn layer_name(layer: &str) -> &str {
    match layer {
        "permissionsBoundary" => "permissions boundary",
        "session" => "session policy",
        _ => "identity policy",
    }
}

fn outcome(remedy: &Remedy, style: &Style) -> String {
    if remedy.changes.is_empty() {
        return format!("still {}", style.bad(&remedy.decision));
    }
    let allows = match then(remedy) {
        then if remedy.allows > 0 => style.good(then),
        then => style.notable(then),
    };
    match remedy.also_allows.is_empty() {
        true => format!("{allows}; nothing else of the log"),
        false => allows,
    }
}

/// What a change makes of the calls, in every format for people.
pub(crate) fn then(remedy: &Remedy) -> String {
    if !remedy.depends_on.is_empty() {
        return format!("depends on {}", remedy.depends_on.join(", "));
    }
    let allows = number(remedy.allows);
    match remedy.may_allow {
        0 if remedy.allows == remedy.requests => "allowed".to_owned(),
        0 => format!("{allows} of them allowed"),
        others => {
            let most = number(remedy.allows + others);
            format!("{allows} to {most} of them allowed, as policies may tell them apart")
        }
    }
}
