//! What one account changes in comparison with another.

use super::denied::place;
use super::printable::in_a_line;
use super::short_names::ShortNames;
use super::style::{Style, count, number, period, short_call};
use super::usage::rest;
use crate::changes::Side;
use crate::report::{ChangeReport, ChangesReport, Report};

pub(super) fn section(report: &Report, style: &Style) -> String {
    let Some(changes) = &report.changes else { return String::new() };
    let mut text = style.heading("Changes in comparison with the other account");
    let newly_denied = format!("{} newly denied", number(changes.newly_denied));
    let newly_allowed = format!("{} newly allowed", number(changes.newly_allowed));
    let counts = format!(
        "{}, {}, {} otherwise changed, {} unchanged{}",
        if changes.newly_denied > 0 { style.bad(newly_denied) } else { newly_denied },
        if changes.newly_allowed > 0 { style.notable(newly_allowed) } else { newly_allowed },
        number(changes.otherwise),
        number(changes.unchanged),
        match changes.undecided {
            0 => String::new(),
            some => format!(", {}", style.notable(format!("{} cannot be decided", number(some)))),
        },
    );
    text.push_str(&style.line(2, counts));
    for reason in &changes.reasons {
        let reason = format!("{}: {}", number(reason.requests), in_a_line(&reason.reason));
        text.push_str(&style.line(4, reason));
    }
    text.extend(left_open(changes).map(|sentence| style.line(2, sentence)));
    let callers = ShortNames::of(changes.groups.iter().map(|group| &*group.caller));
    for groups in changes.kinds() {
        let shown = groups.iter().take(style.shown(groups.len()));
        text.extend(shown.map(|group| block(group, &callers, style)));
        let left_out = groups.iter().skip(style.shown(groups.len()));
        text.push_str(&rest(left_out.map(|group| group.requests), "group", style));
    }
    text
}

/// What the changes leave open, in every format for people.
pub(crate) fn left_open(changes: &ChangesReport) -> impl Iterator<Item = String> {
    let perhaps = [(changes.perhaps_denied, "denied"), (changes.perhaps_allowed, "allowed")];
    let sentence = |(requests, what)| format!("{} may be newly {what}", count(requests, "request"));
    perhaps.into_iter().filter(|(requests, _)| *requests > 0).map(sentence)
}

fn block(group: &ChangeReport, callers: &ShortNames<'_>, style: &Style) -> String {
    let status = group.logged_status.map_or("no status".to_owned(), |status| status.to_string());
    let what = format!("{}  {}", callers.name(&group.caller), short_call(&group.resource));
    let seen = period(group.first.as_deref(), group.last.as_deref());
    [
        style.entry(group.requests, what),
        style.about("before", side(&group.before, style)),
        style.about("after", side(&group.after, style)),
        style.about("seen", format!("{seen}, logged {status}")),
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
