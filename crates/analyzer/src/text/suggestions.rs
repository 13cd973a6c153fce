//! Suggested policies, with what each of their statements stands for.

use std::fmt::Write;

use super::printable::{in_a_line, painted};
use super::style::{Style, count, number, period, short_call};
use super::summary::left_out;
use crate::outcomes::Cited;
use crate::suggest::{
    Calls, NOT_IN_LOGS, ResourceNote, Seen, StatementNote, Suggestion, Suggestions, Unused,
};

/// Lays suggestions out for a terminal.
pub fn suggestions(suggestions: &Suggestions, style: &Style) -> String {
    painted(style, |style| lay_out(suggestions, style))
}

fn lay_out(suggestions: &Suggestions, style: &Style) -> String {
    let observation = &suggestions.observation;
    let mut text = style.heading("Policies that allow what was observed");
    let _ =
        writeln!(text, "  {}, {}", count(observation.requests, "call"), span(&observation.seen));
    if !observation.asked.is_empty() {
        let _ = writeln!(text, "  as asked: {}", in_a_line(&observation.asked.join(", ")));
    }
    for sentence in &observation.remarks {
        let _ = writeln!(text, "  {}", style.notable(in_a_line(sentence)));
    }
    if observation.left_out > 0 {
        let left_out = left_out("call", observation.left_out, observation.left_out_without_time);
        let _ = writeln!(text, "  {left_out}");
    }
    if observation.unknown_callers > 0 {
        let unknown = count(observation.unknown_callers, "call");
        let _ = writeln!(text, "  {unknown} by callers that the account does not know");
    }
    for suggestion in &suggestions.principals {
        text.push_str(&of_principal(suggestion, style));
    }
    if !suggestions.unused_principals.is_empty() {
        text.push('\n');
        text.push_str(&style.heading("Principals that called nothing"));
        for principal in &suggestions.unused_principals {
            let _ = writeln!(text, "  {principal}");
        }
    }
    text
}

fn span(seen: &Seen) -> String {
    period(seen.first.as_deref(), seen.last.as_deref())
}

fn of_principal(suggestion: &Suggestion, style: &Style) -> String {
    let mut text = format!("\n{}", style.heading(&suggestion.principal));
    let calls = &suggestion.calls;
    let _ = writeln!(
        text,
        "  {}: {} allowed, {} denied, {} open; {}",
        count(calls.requests, "call"),
        number(calls.allowed),
        number(calls.denied),
        number(calls.open),
        replayed(calls),
    );
    if calls.allowed_by_others > 0 {
        let others = number(calls.allowed_by_others);
        let _ = writeln!(text, "  {others} of the allowed need no identity policy");
    }
    if calls.denied_now > 0 {
        let (was, now) =
            if calls.denied_now == 1 { ("was", "it is") } else { ("were", "they are") };
        let denied = number(calls.denied_now);
        let _ = writeln!(
            text,
            "  {denied} of the denied may have been allowed, and {was} refused: now {now} denied"
        );
    }
    for replaced in &suggestion.replaces {
        let name = replaced.name.as_ref().map_or(String::new(), |name| format!(" `{name}`"));
        let group =
            replaced.group.as_ref().map_or(String::new(), |it| format!(", by group `{it}`"));
        let _ = writeln!(text, "  replaces {}{name}{group}", style.place(&replaced.file));
    }
    for remark in &suggestion.remarks {
        let _ = writeln!(text, "  {} {remark}", style.notable("note"));
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
    if note.effect == "Deny" {
        return format!("  {:>8}  {}  kept from {within}\n", "", note.sid);
    }
    if note.resources.iter().all(|resource| resource.basis == NOT_IN_LOGS) {
        return format!("  {:>8}  {}  kept from {within}: not in these logs\n", "", note.sid);
    }
    let mut text = format!("  {:>8}  {}  within {within}\n", number(note.requests), note.sid);
    note.resources.iter().for_each(|resource| text.push_str(&of_resource(resource, style)));
    text
}

fn of_resource(note: &ResourceNote, style: &Style) -> String {
    let patterns: Vec<String> = note.patterns.iter().map(|pattern| short_call(pattern)).collect();
    let mut text = format!(
        "  {:>8}    {}  {}\n",
        number(note.requests),
        patterns.join(", "),
        span(&note.seen)
    );
    if note.basis == "present" {
        let _ = writeln!(text, "  {:>8}      {}", "", style.notable("the present pattern"));
    }
    if !note.reaches.is_empty() {
        let reaches = note.reaches.join(", ");
        let _ = writeln!(text, "  {:>8}      {} {reaches}", "", style.notable("reaches also"));
    }
    text
}

fn of_unused(unused: &Unused, style: &Style) -> String {
    let mut text = String::new();
    for cited in &unused.statements {
        let _ = writeln!(text, "    statement  {}", place(cited, style));
    }
    for cited in &unused.redundant {
        let at = place(cited, style);
        let _ = writeln!(text, "    redundant  {at}: what it allowed, others do");
    }
    for (what, list) in [("action   ", &unused.actions), ("resource ", &unused.resources)] {
        for pattern in list {
            let within = place(&pattern.within, style);
            let _ = writeln!(text, "    {what}  {} of {within}", pattern.pattern);
        }
    }
    if text.is_empty() { text } else { format!("\n  Unused\n{text}") }
}

fn place(cited: &Cited, style: &Style) -> String {
    let at = style.place(format!("{}:{}:{}", cited.policy, cited.line, cited.column));
    cited.sid.as_ref().map_or(at.clone(), |sid| format!("{at} {sid}"))
}
