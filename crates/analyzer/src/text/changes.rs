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
    text.push_str(&format!(
        "  {}, {}, {} otherwise changed, {} unchanged{}\n",
        if changes.newly_denied > 0 { style.bad(newly_denied) } else { newly_denied },
        if changes.newly_allowed > 0 { style.notable(newly_allowed) } else { newly_allowed },
        number(changes.otherwise),
        number(changes.unchanged),
        match changes.undecided {
            0 => String::new(),
            some => format!(", {}", style.notable(format!("{} cannot be decided", number(some)))),
        },
    ));
    for reason in &changes.reasons {
        text.push_str(&format!("    {}: {}\n", number(reason.requests), in_a_line(&reason.reason)));
    }
    for sentence in left_open(changes) {
        text.push_str(&format!("  {sentence}\n"));
    }
    let callers = ShortNames::of(changes.groups.iter().map(|group| &*group.caller));
    for groups in changes.kinds() {
        let shown = groups.iter().take(style.shown(groups.len()));
        text.extend(shown.map(|group| block(group, &callers, style)));
        let shown = style.shown(groups.len());
        text.push_str(&rest(groups.iter().skip(shown).map(|group| group.requests), "group"));
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
    format!(
        "  {:>7}  {}  {}\n           before   {}\n           after    {}\n           seen     {}, logged {status}\n",
        number(group.requests),
        callers.name(&group.caller),
        short_call(&group.resource),
        side(&group.before, style),
        side(&group.after, style),
        period(group.first.as_deref(), group.last.as_deref()),
    )
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
