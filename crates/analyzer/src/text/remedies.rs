//! What would allow denied calls: the statements to add, and what else they would allow.

use super::denied::place;
use super::printable::{in_a_line, json_in_a_line};
use super::short_names::ShortNames;
use super::style::{Style, count, number, short_call};
use super::usage::rest;
use crate::overlay::PolicyChange;
use crate::remedy::Remedy;
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
    text.push_str(&format!("  the smallest change for {most_frequent}, decided again with it\n"));
    let principals = ShortNames::of(remedies.iter().map(|remedy| &*remedy.principal));
    text.extend(remedies.iter().take(shown).map(|remedy| block(remedy, &principals, style)));
    text + &rest(remedies.iter().skip(shown).map(|remedy| remedy.requests), "group")
}

fn block(remedy: &Remedy, principals: &ShortNames<'_>, style: &Style) -> String {
    let mut text = format!(
        "  {:>7}  {}  {}\n",
        number(remedy.requests),
        principals.name(&remedy.principal),
        short_call(&remedy.resource)
    );
    let mut line = |label: &str, value: String| {
        text.push_str(&format!("           {label:<8} {value}\n"));
    };
    for cited in &remedy.blocked_by {
        line("denied", format!("by {}; no Allow helps against it", place(cited, style)));
    }
    for change in &remedy.changes {
        line("add to", in_a_line(&target(change)));
        line("", json_in_a_line(&change.statement));
    }
    if let Some(nearest) = &remedy.passes_over {
        let conditions = remedy.conditions.join(" and ");
        line("passes", format!("over {conditions} of {}", place(&nearest.statement, style)));
    }
    line("then", outcome(remedy, style));
    let shown = style.shown(remedy.also_allows.len());
    let callers = ShortNames::of(remedy.also_allows.iter().map(|also| &*also.caller));
    for also in remedy.also_allows.iter().take(shown) {
        let most = if also.all { "" } else { "at most " };
        let requests = count(also.requests, "request");
        let (caller, call) = (callers.name(&also.caller), short_call(&also.resource));
        line("also", format!("{most}{requests}: {caller} {call}"));
    }
    if remedy.also_allows.len() > shown {
        line("", format!("and {} more groups", remedy.also_allows.len() - shown));
    }
    text
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
