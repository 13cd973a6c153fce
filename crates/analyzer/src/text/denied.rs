//! Denied calls with why, agreement with the log, and callers that the account does not know.
//!
//! Sessions of one role that were denied the same for the same reason are shown as one.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};

use hashbrown::HashMap;

use super::printable::in_a_line;
use super::short_names::Names;
use super::style::{Style, count, number, seen, short_call};
use super::usage::rest;
use crate::dimension::role_key;
use crate::outcomes::{Cited, Nearest};
use crate::report::{DeniedReport, Report};
use crate::time::Moment;
use crate::verdict::{DEPENDS, Logged};

pub(super) fn section(report: &Report, style: &Style) -> String {
    let Some(denied) = &report.denied else { return String::new() };
    let mut text = style.heading("Denied calls");
    if denied.is_empty() {
        text.push_str("  none\n");
    }
    text + &blocks(denied, report, |folded, names, style| folded.in_full(names, style), style)
}

pub(super) fn agreement(report: &Report, style: &Style) -> String {
    let Some(agreement) = &report.agreement else { return String::new() };
    let mut text = style.heading("Agreement of the log with the policies");
    let counts = format!(
        "{} agree, {} disagree, {} cannot be compared",
        number(agreement.agreeing),
        number(agreement.disagreeing),
        number(agreement.undetermined)
    );
    text.push_str(&style.line(2, counts));
    for reason in &agreement.reasons {
        let (requests, reason) = (number(reason.requests), in_a_line(&reason.reason));
        text.push_str(&style.line(4, format!("{requests}: {reason}")));
    }
    if agreement.reasons.iter().any(|reason| reason.reason.starts_with(DEPENDS)) {
        let how = "`--assume KEY=VALUE` or `--assume-absent KEY` settles what they depend on";
        text.push_str(&style.line(4, how));
    }
    if !agreement.disagreements.is_empty() {
        text.push_str(&style.line(2, "where they disagree, and why among the denied calls:"));
    }
    text + &blocks(
        &agreement.disagreements,
        report,
        |folded, names, style| folded.in_brief(names, style),
        style,
    )
}

pub(super) fn unknown_principals(report: &Report, style: &Style) -> String {
    let callers = report.unknown_principals.as_deref().unwrap_or_default();
    if callers.is_empty() {
        return String::new();
    }
    let shown = style.shown(callers.len());
    let mut text = style.heading("Callers that the account does not know");
    let sentence =
        "if they have policies of their own, these are not known; only others were asked";
    text.push_str(&style.line(2, sentence));
    for caller in callers.iter().take(shown) {
        let requests = count(caller.requests, "request");
        text.push_str(&style.line(2, format!("{}: {requests}", in_a_line(caller.caller))));
    }
    text + &rest(callers.iter().skip(shown).map(|caller| caller.requests), "caller", style)
}

/// How groups that are shown as one are laid out.
type Block = fn(&Folded<'_>, &Names<'_>, &Style) -> String;

/// Groups of sessions of the same role, the most frequent first.
fn blocks(denied: &[DeniedReport<'_>], report: &Report<'_>, block: Block, style: &Style) -> String {
    let mut folded: HashMap<FoldKey<'_>, Vec<&DeniedReport<'_>>> = HashMap::new();
    for group in denied {
        folded.entry(FoldKey::of(group)).or_default().push(group);
    }
    let counted = folded.iter().map(|(key, groups)| {
        let requests = groups.iter().map(|group| group.requests).sum();
        (Reverse(requests), key, groups)
    });
    let mut folded: Vec<(Reverse<u64>, &FoldKey<'_>, &Vec<&DeniedReport<'_>>)> = counted.collect();
    let shown = style.shown(folded.len());
    // Most are not shown, and need no order.
    if shown < folded.len() {
        folded.select_nth_unstable_by(shown, |one, other| (one.0, one.1).cmp(&(other.0, other.1)));
    }
    let (shown, left_out) = folded.split_at_mut(shown);
    shown.sort_unstable_by(|one, other| (one.0, one.1).cmp(&(other.0, other.1)));
    let callers = shown.iter().flat_map(|(.., groups)| groups.iter().map(|group| group.caller));
    // Who was not denied is not to be taken for who was.
    let callers = callers.chain(report.usage.callers.iter().map(|caller| caller.caller));
    let names = Names::of(callers);
    let folded = shown.iter().filter_map(|(.., groups)| Folded::of(groups));
    let text: String = folded.map(|folded| block(&folded, &names, style)).collect();
    text + &rest(left_out.iter().map(|(Reverse(requests), ..)| *requests), "group", style)
}

/// What groups must share to be shown as one.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct FoldKey<'a> {
    /// By its name; of a caller that is no session its own.
    role: &'a str,
    call: (&'a str, &'a str, Option<u16>, Option<&'a str>),
    why: (&'a [Cited], Option<&'a Cited>, &'a [String]),
    /// The role as its sessions tell it, with its account.
    whose: &'a str,
}

impl<'a> FoldKey<'a> {
    /// A statement that denies a caller explicitly denies all of its calls for the same reason,
    /// whatever they are.
    fn of(group: &'a DeniedReport<'_>) -> FoldKey<'a> {
        let resource = if group.decision == Some("explicitDeny") { "" } else { group.resource };
        let nearest = group.nearest.map(|nearest| &nearest.statement);
        let whose = role_key(group.caller);
        let is_session = whose.len() < group.caller.len();
        let name = whose.rsplit_once('/').filter(|_| is_session).map(|(_, name)| name);
        FoldKey {
            role: name.unwrap_or(whose),
            call: (group.action, resource, group.logged_status, group.decision),
            why: (group.determined_by, nearest, group.depends_on),
            whose,
        }
    }
}

impl Hash for FoldKey<'_> {
    /// Leaves out why: it takes long, and few differ in that alone.
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.role, self.call).hash(state);
    }
}

/// Groups that are shown as one.
struct Folded<'a> {
    /// The first of them.
    group: &'a DeniedReport<'a>,
    callers: BTreeSet<&'a str>,
    resources: BTreeSet<&'a str>,
    requests: u64,
    first: Option<Moment>,
    last: Option<Moment>,
}

impl<'a> Folded<'a> {
    fn of(groups: &[&'a DeniedReport<'a>]) -> Option<Folded<'a>> {
        Some(Folded {
            group: groups.first()?,
            callers: groups.iter().map(|group| group.caller).collect(),
            resources: groups.iter().map(|group| group.resource).collect(),
            requests: groups.iter().map(|group| group.requests).sum(),
            first: groups.iter().filter_map(|group| group.first).min(),
            last: groups.iter().filter_map(|group| group.last).max(),
        })
    }

    /// What, and how it was decided.
    fn in_brief(&self, names: &Names<'_>, style: &Style) -> String {
        let (group, who) = (self.group, names.who(&self.callers));
        let others = match self.resources.len() as u64 - 1 {
            0 => String::new(),
            others => format!(" and {}", count(others, "other call")),
        };
        let action = match group.action {
            "execute-api:Invoke" => String::new(),
            other => format!("{} ", in_a_line(other)),
        };
        let call = short_call(group.resource);
        style.entry(self.requests, format!("{who}  {action}{call}{others}"))
            + &style.about("decision", decision(group, style))
    }

    /// The same with why, and when.
    fn in_full(&self, names: &Names<'_>, style: &Style) -> String {
        let group = self.group;
        let mut text = self.in_brief(names, style);
        let mut line = |label: &str, value: String| text.push_str(&style.about(label, value));
        for cited in group.determined_by {
            line("by", place(cited, style));
        }
        match group.nearest {
            Some(nearest) => {
                line("nearest", place(&nearest.statement, style));
                miss(nearest, &mut line);
            }
            None if !group.missing.is_empty() => line("missing", missing(group.missing)),
            None if group.decision == Some("implicitDeny") => {
                line("nearest", "none: no statement allows anything like it".to_owned());
            }
            None => {}
        }
        if !group.depends_on.is_empty() {
            line("unknown", group.depends_on.join(", "));
        }
        line("seen", seen(self.first, self.last));
        text
    }
}

fn decision(group: &DeniedReport<'_>, style: &Style) -> String {
    let decision = group.decision.unwrap_or("undecided");
    let painted = match decision {
        "explicitDeny" => style.bad(decision),
        "allowed" => style.good(decision),
        _ => style.notable(decision),
    };
    let status = group.logged_status.map_or("no status".to_owned(), |status| status.to_string());
    let logged = match group.logged {
        Logged::Passed => "passed",
        Logged::Refused => "refused",
        Logged::Otherwise | Logged::Unread => "refused for another reason",
        Logged::Untold => "untold",
    };
    format!("{painted}; logged {status}, {logged}")
}

/// What an implicit deny lacks, in every format for people.
pub(crate) fn missing(layers: &[String]) -> String {
    let name = |layer: &String| match &**layer {
        "identity" => "the identity policy",
        "resource" => "the resource policy",
        "permissionsBoundary" => "the permissions boundary",
        "session" => "the session policy",
        "vpcEndpoint" => "the policy of the VPC endpoint",
        _ => "the service control policies",
    };
    let names: Vec<&str> = layers.iter().map(name).collect();
    format!("an Allow of {}", names.join(" and of "))
}

/// `file:line:column`, and the statement's name.
pub(super) fn place(cited: &Cited, style: &Style) -> String {
    let Cited { policy, line, column, statement, .. } = cited;
    let name = cited.sid.clone().unwrap_or_else(|| format!("statement {statement}"));
    format!("{} {name}", style.place(format!("{policy}:{line}:{column}")))
}

fn miss(nearest: &Nearest, line: &mut impl FnMut(&str, String)) {
    let element = nearest.condition.as_deref().unwrap_or(&nearest.element);
    let value = nearest.value.as_deref().unwrap_or("no such key");
    line("", format!("{element} is {}", in_a_line(&nearest.pattern)));
    line("", format!("the call has {}", in_a_line(value)));
}
