//! Suggested policies, with what each of their statements stands for.

use std::fmt::Write;

use super::printable::{in_a_line, painted};
use super::style::{Style, count, number, period, short_call};
use super::summary::left_out;
use crate::outcomes::Cited;
use crate::suggest::{
    Calls, NOT_IN_LOGS, ResourceNote, Seen, StatementNote, Suggestion, Suggestions, Unused,
};

/// Columns before what a statement is called.
const STATEMENT: usize = 12;

/// Columns before what is unused.
const UNUSED: usize = 15;

/// Lays suggestions out for a terminal.
pub fn suggestions(suggestions: &Suggestions, style: &Style) -> String {
    painted(style, |style| lay_out(suggestions, style))
}

fn lay_out(suggestions: &Suggestions, style: &Style) -> String {
    let observation = &suggestions.observation;
    let mut text = style.heading("Policies that allow what was observed");
    let calls = count(observation.requests, "call");
    text.push_str(&style.line(2, format!("{calls}, {}", span(&observation.seen))));
    if !observation.asked.is_empty() {
        let asked = in_a_line(&observation.asked.join(", "));
        text.push_str(&style.line(2, format!("as asked: {asked}")));
    }
    for sentence in &observation.remarks {
        text.push_str(&style.line(2, style.notable(in_a_line(sentence))));
    }
    if observation.left_out > 0 {
        let left_out = left_out("call", observation.left_out, observation.left_out_without_time);
        text.push_str(&style.line(2, left_out));
    }
    if observation.unknown_callers > 0 {
        let unknown = count(observation.unknown_callers, "call");
        let unknown = format!("{unknown} by callers that the account does not know");
        text.push_str(&style.line(2, unknown));
    }
    for suggestion in &suggestions.principals {
        text.push_str(&of_principal(suggestion, style));
    }
    if !suggestions.unused_principals.is_empty() {
        text.push('\n');
        text.push_str(&style.heading("Principals that called nothing"));
        text.extend(suggestions.unused_principals.iter().map(|it| style.line(2, it)));
    }
    text
}

fn span(seen: &Seen) -> String {
    period(seen.first.as_deref(), seen.last.as_deref())
}

fn of_principal(suggestion: &Suggestion, style: &Style) -> String {
    let mut text = format!("\n{}", style.heading(&suggestion.principal));
    let calls = &suggestion.calls;
    let counts = format!(
        "{}: {} allowed, {} denied, {} open; {}",
        count(calls.requests, "call"),
        number(calls.allowed),
        number(calls.denied),
        number(calls.open),
        replayed(calls),
    );
    text.push_str(&style.line(2, counts));
    if calls.allowed_by_others > 0 {
        let others = number(calls.allowed_by_others);
        text.push_str(&style.line(2, format!("{others} of the allowed need no identity policy")));
    }
    if calls.denied_now > 0 {
        let (was, now) =
            if calls.denied_now == 1 { ("was", "it is") } else { ("were", "they are") };
        let denied = number(calls.denied_now);
        let denied = format!(
            "{denied} of the denied may have been allowed, and {was} refused: now {now} denied"
        );
        text.push_str(&style.line(2, denied));
    }
    for replaced in &suggestion.replaces {
        let name = replaced.name.as_ref().map_or(String::new(), |name| format!(" `{name}`"));
        let group =
            replaced.group.as_ref().map_or(String::new(), |it| format!(", by group `{it}`"));
        let replaces = format!("replaces {}{name}{group}", style.place(&replaced.file));
        text.push_str(&style.line(2, replaces));
    }
    for remark in &suggestion.remarks {
        text.push_str(&style.line(2, format!("{} {remark}", style.notable("note"))));
    }
    for policy in &suggestion.policies {
        let characters = number(policy.characters as u64);
        let _ = writeln!(text, "\n  {} ({characters} characters)", style.place(&policy.name));
        let document = serde_json::to_string_pretty(&policy.document).unwrap_or_default();
        text.push_str(&document);
        text.push('\n');
    }
    if !suggestion.statements.is_empty() {
        text.push_str("\n  What it stands for\n");
        suggestion.statements.iter().for_each(|note| text.push_str(&of_statement(note, style)));
    }
    text + &of_unused(&suggestion.unused, style)
}

/// What became of the calls with the suggestion.
fn replayed(calls: &Calls) -> String {
    let Calls { requests, replayed, denied_now, .. } = *calls;
    let text = match replayed {
        0 if requests > 0 => return "none can be replayed".to_owned(),
        _ if replayed < requests => format!("{} of them replayed", number(replayed)),
        _ => "replayed".to_owned(),
    };
    text + &match replayed.saturating_sub(denied_now) {
        _ if denied_now == 0 => ", all are decided as before".to_owned(),
        1 => ", 1 is decided as before".to_owned(),
        same => format!(", {} are decided as before", number(same)),
    }
}

fn of_statement(note: &StatementNote, style: &Style) -> String {
    let within = place(&note.within, style);
    let line = |calls: String, what: String| {
        style.hung(STATEMENT, &format!("  {calls:>8}  {}  {what}", note.sid))
    };
    if note.effect == "Deny" {
        return line(String::new(), format!("kept from {within}"));
    }
    if note.resources.iter().all(|resource| resource.basis == NOT_IN_LOGS) {
        return line(String::new(), format!("kept from {within}: not in these logs"));
    }
    let resources = note.resources.iter().map(|resource| of_resource(resource, style));
    line(number(note.requests), format!("within {within}")) + &resources.collect::<String>()
}

fn of_resource(note: &ResourceNote, style: &Style) -> String {
    let patterns: Vec<String> = note.patterns.iter().map(|pattern| short_call(pattern)).collect();
    let calls = format!("{}  {}", patterns.join(", "), span(&note.seen));
    let mut text = style.hung(STATEMENT + 4, &format!("  {:>8}    {calls}", number(note.requests)));
    if note.basis == "present" {
        text.push_str(&style.line(STATEMENT + 4, style.notable("the present pattern")));
    }
    if !note.reaches.is_empty() {
        let reaches = note.reaches.join(", ");
        let reaches = format!("{} {reaches}", style.notable("reaches also"));
        text.push_str(&style.line(STATEMENT + 4, reaches));
    }
    text
}

fn of_unused(unused: &Unused, style: &Style) -> String {
    let mut text = String::new();
    let mut line = |what: &str, of: String| {
        text.push_str(&style.hung(UNUSED, &format!("    {what:<9}  {of}")));
    };
    for cited in &unused.statements {
        line("statement", place(cited, style));
    }
    for cited in &unused.redundant {
        line("redundant", format!("{}: what it allowed, others do", place(cited, style)));
    }
    for (what, list) in [("action", &unused.actions), ("resource", &unused.resources)] {
        for pattern in list {
            line(what, format!("{} of {}", pattern.pattern, place(&pattern.within, style)));
        }
    }
    if text.is_empty() { text } else { format!("\n  Unused\n{text}") }
}

fn place(cited: &Cited, style: &Style) -> String {
    let at = style.place(format!("{}:{}:{}", cited.policy, cited.line, cited.column));
    cited.sid.as_ref().map_or(at.clone(), |sid| format!("{at} {sid}"))
}
