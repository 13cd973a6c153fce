//! Calls that were allowed, and that no current policy explains.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;

use super::printable::in_a_line;
use super::short_names::ShortNames;
use super::style::{Style, seen, short_call};
use super::usage::rest;
use crate::detail::any_session;
use crate::dimension::role_key;
use crate::report::{Report, UnexplainedReport};
use crate::time::Moment;

/// The name of the section, in every format.
pub(crate) const TITLE: &str = "Allowed then, and by no current policy";

pub(super) fn section(report: &Report, style: &Style) -> String {
    let lines = lines(report.unexplained.as_deref().unwrap_or_default());
    if lines.is_empty() {
        return String::new();
    }
    let shown = style.shown(lines.len());
    let mut text = style.heading(TITLE);
    for line in lines.iter().take(shown) {
        let what = format!("{}  {}", line.caller, line.call);
        text.push_str(&style.entry(line.requests, what));
        let (seen, decision) = (seen(line.first, line.last), style.notable(line.decision));
        text.push_str(&style.about("seen", format!("{seen}; now {decision}")));
    }
    text + &rest(lines.iter().skip(shown).map(|line| line.requests), "line", style)
}

/// A line for people: what the sessions of a role called alike is one.
pub(crate) struct Line<'a> {
    pub(crate) caller: String,
    /// The action, if it is not that of all calls, and what was called.
    pub(crate) call: String,
    pub(crate) requests: u64,
    pub(crate) first: Option<Moment>,
    pub(crate) last: Option<Moment>,
    pub(crate) decision: &'a str,
}

/// What calls of one line have in common: the role or other caller, the call, and the decision.
type LineKey<'a> = (String, String, &'a str);

/// The lines, the most requests first.
pub(crate) fn lines<'a>(groups: &'a [UnexplainedReport<'_>]) -> Vec<Line<'a>> {
    // There are many sessions: what they have in common is put into words once.
    let mut alike: HashMap<_, Vec<&'a UnexplainedReport<'a>>> = HashMap::new();
    for group in groups {
        let key = (role_key(group.caller), group.action, group.resource, group.decision);
        alike.entry(key).or_default().push(group);
    }
    let mut folded: BTreeMap<LineKey<'a>, Vec<&'a UnexplainedReport<'a>>> = BTreeMap::new();
    for groups in alike.into_values() {
        let Some(&group) = groups.first() else { continue };
        let decision = group.decision.unwrap_or("undecided");
        let key = (any_session(group.caller).into_owned(), call(group), decision);
        folded.entry(key).or_default().extend(groups);
    }
    let mut lines: Vec<Line<'a>> = folded.into_iter().map(Line::new).collect();
    let callers: Vec<String> = lines.iter().map(|line| line.caller.clone()).collect();
    let callers = ShortNames::of(callers.iter().map(String::as_str));
    lines.iter_mut().for_each(|line| line.caller = callers.name(&line.caller));
    lines.sort_by_key(|line| std::cmp::Reverse(line.requests));
    lines
}

impl<'a> Line<'a> {
    /// With the caller in full.
    fn new(
        ((role, call, decision), groups): (LineKey<'a>, Vec<&'a UnexplainedReport<'a>>),
    ) -> Self {
        let callers: BTreeSet<&str> = groups.iter().map(|group| group.caller).collect();
        let only = callers.first().filter(|_| callers.len() == 1);
        Line {
            caller: (*only.unwrap_or(&&*role)).to_owned(),
            call,
            requests: groups.iter().map(|group| group.requests).sum(),
            first: groups.iter().filter_map(|group| group.first).min(),
            last: groups.iter().filter_map(|group| group.last).max(),
            decision,
        }
    }
}

fn call(group: &UnexplainedReport<'_>) -> String {
    match group.action {
        "execute-api:Invoke" => short_call(group.resource),
        other => format!("{} {}", in_a_line(other), short_call(group.resource)),
    }
}
