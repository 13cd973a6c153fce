//! What one account changes in comparison with another.
//!
//! Calls of the sessions of a role that are decided alike are shown as one, however they were answered.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::denied::place;
use super::printable::in_a_line;
use super::short_names::Names;
use super::style::{Style, count, number, seen, short_call};
use super::usage::rest;
use crate::changes::Side;
use crate::dimension::role_key;
use crate::report::{ChangeReport, ChangesReport, Report};
use crate::time::Moment;

pub(super) fn section(report: &Report, style: &Style) -> String {
    let Some(changes) = &report.changes else { return String::new() };
    let mut text = style.heading("Changes in comparison with the other account");
    text.push_str(&style.line(2, counts(changes, style)));
    for reason in &changes.reasons {
        let reason = format!("{}: {}", number(reason.requests), in_a_line(&reason.reason));
        text.push_str(&style.line(4, reason));
    }
    text.extend(left_open(changes).map(|sentence| style.line(2, sentence)));
    let names = Names::of(changes.groups.iter().map(|group| &*group.caller));
    for groups in changes.kinds().map(folded) {
        let shown = groups.iter().take(style.shown(groups.len()));
        text.extend(shown.map(|group| block(group, &names, style)));
        let left_out = groups.iter().skip(style.shown(groups.len()));
        text.push_str(&rest(left_out.map(|group| group.requests), "group", style));
    }
    text
}

/// How many calls are decided otherwise, and how.
pub(super) fn counts(changes: &ChangesReport, style: &Style) -> String {
    let newly_denied = format!("{} newly denied", number(changes.newly_denied));
    let newly_allowed = format!("{} newly allowed", number(changes.newly_allowed));
    format!(
        "{}, {}, {} otherwise changed, {} unchanged{}",
        if changes.newly_denied > 0 { style.bad(newly_denied) } else { newly_denied },
        if changes.newly_allowed > 0 { style.notable(newly_allowed) } else { newly_allowed },
        number(changes.otherwise),
        number(changes.unchanged),
        match changes.undecided {
            0 => String::new(),
            some => format!(", {}", style.notable(format!("{} cannot be decided", number(some)))),
        },
    )
}

/// Groups that are shown as one: of sessions of the same role, however their calls were answered.
pub(crate) struct Folded<'a> {
    /// The first of them.
    pub(crate) group: &'a ChangeReport,
    pub(crate) callers: BTreeSet<&'a str>,
    statuses: BTreeSet<Option<u16>>,
    pub(crate) requests: u64,
    first: Option<Moment>,
    last: Option<Moment>,
}

/// Groups of one kind as they are shown, the most frequent first.
pub(crate) fn folded(groups: &[ChangeReport]) -> Vec<Folded<'_>> {
    let mut alike: BTreeMap<_, Vec<&ChangeReport>> = BTreeMap::new();
    for group in groups {
        let key = (role_key(&group.caller), &*group.resource, &group.before, &group.after);
        alike.entry(key).or_default().push(group);
    }
    let mut folded: Vec<Folded<'_>> = alike.values().filter_map(|all| Folded::of(all)).collect();
    folded.sort_by_key(|each| Reverse(each.requests));
    folded
}

impl<'a> Folded<'a> {
    fn of(groups: &[&'a ChangeReport]) -> Option<Folded<'a>> {
        Some(Folded {
            group: groups.first()?,
            callers: groups.iter().map(|group| &*group.caller).collect(),
            statuses: groups.iter().map(|group| group.logged_status).collect(),
            requests: groups.iter().map(|group| group.requests).sum(),
            first: groups.iter().filter_map(|group| group.first).min(),
            last: groups.iter().filter_map(|group| group.last).max(),
        })
    }
}

/// What the changes leave open, in every format for people.
pub(crate) fn left_open(changes: &ChangesReport) -> impl Iterator<Item = String> {
    let perhaps = [(changes.perhaps_denied, "denied"), (changes.perhaps_allowed, "allowed")];
    let sentence = |(requests, what)| format!("{} may be newly {what}", count(requests, "request"));
    perhaps.into_iter().filter(|(requests, _)| *requests > 0).map(sentence)
}

fn block(folded: &Folded<'_>, names: &Names<'_>, style: &Style) -> String {
    let group = folded.group;
    let status = |status: &Option<u16>| status.map_or("no status".to_owned(), |it| it.to_string());
    let statuses: Vec<String> = folded.statuses.iter().map(status).collect();
    let what = format!("{}  {}", names.who(&folded.callers), short_call(&group.resource));
    let when = seen(folded.first, folded.last);
    [
        style.entry(folded.requests, what),
        style.about("before", side(&group.before, style)),
        style.about("after", side(&group.after, style)),
        style.about("seen", format!("{when}, logged {}", statuses.join(", "))),
    ]
    .concat()
}

fn side(side: &Side, style: &Style) -> String {
    let decision = side.decision.as_deref().unwrap_or("undecided");
    let painted = match decision {
        "allowed" => style.good(decision),
        "explicitDeny" | "implicitDeny" => style.bad(decision),
        _ => style.notable(decision),
    };
    if let Some(why) = &side.undecided {
        return format!("{painted}: {why}");
    }
    let by: Vec<String> = side.determined_by.iter().map(|cited| place(cited, style)).collect();
    let by = if by.is_empty() { String::new() } else { format!(" by {}", by.join(", ")) };
    let depends = match side.depends_on.join(", ") {
        keys if keys.is_empty() => keys,
        keys => format!(", depends on {keys}"),
    };
    [painted, by, depends].concat()
}
