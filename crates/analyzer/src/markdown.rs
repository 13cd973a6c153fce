//! The report as a comment on a pull request: what changed, what was denied, in Markdown tables.

use crate::changes::Side;
use crate::outcomes::Cited;
use crate::report::{ChangesReport, DeniedReport, Report};

/// Lays a report out as GitHub-flavoured Markdown. `top` bounds each table; 0 for all.
pub fn render(report: &Report, top: usize) -> String {
    let usage = &report.usage;
    let mut text = format!(
        "**{} requests** by {} callers on {} routes, {} to {}\n",
        usage.requests,
        usage.caller_count,
        usage.route_count,
        usage.first.as_deref().unwrap_or("–"),
        usage.last.as_deref().unwrap_or("–"),
    );
    if let Some(changes) = &report.changes {
        text.push_str(&changed(changes, top));
    }
    if let Some(denied) = &report.denied {
        text.push_str(&denied_calls(denied, top));
    }
    let lines = &report.lines;
    let unread = lines.account.quarantined;
    text.push_str(&format!("\n{} lines read, {unread} of them unreadable.\n", lines.total));
    text
}

fn changed(changes: &ChangesReport, top: usize) -> String {
    let mut text = format!(
        "\n### Policy change\n\n**{} newly denied**, **{} newly allowed**, {} otherwise changed, {} \
         unchanged\n",
        changes.newly_denied, changes.newly_allowed, changes.otherwise, changes.unchanged
    );
    let rows = changes.groups.iter().map(|group| {
        vec![
            group.change.to_owned(),
            group.requests.to_string(),
            code(&group.caller),
            code(&group.resource),
            side(&group.before),
            side(&group.after),
        ]
    });
    let header = ["change", "requests", "caller", "resource", "before", "after"];
    text.push_str(&table(&header, 1, rows.collect(), top));
    text
}

fn denied_calls(denied: &[DeniedReport], top: usize) -> String {
    let rows = denied.iter().map(|group| {
        vec![
            group.requests.to_string(),
            code(&group.caller),
            code(&group.resource),
            group.logged_status.map_or_else(|| "–".to_owned(), |status| status.to_string()),
            group.decision.clone().unwrap_or_else(|| "undecided".to_owned()),
            why(group),
        ]
    });
    let header = ["requests", "caller", "resource", "logged", "decision", "why"];
    format!("\n### Denied calls\n{}", table(&header, 0, rows.collect(), top))
}

fn why(group: &DeniedReport) -> String {
    let by: Vec<String> = group.determined_by.iter().map(place).collect();
    match &group.nearest {
        Some(nearest) => {
            let element = nearest.condition.as_ref().unwrap_or(&nearest.element);
            format!("nearest {}: {}", place(&nearest.statement), code(element))
        }
        None if by.is_empty() => "nothing allows it".to_owned(),
        None => by.join(", "),
    }
}

fn side(side: &Side) -> String {
    let by: Vec<String> = side.determined_by.iter().map(place).collect();
    let decision = side.decision.as_deref().unwrap_or("undecided");
    if by.is_empty() { decision.to_owned() } else { format!("{decision} by {}", by.join(", ")) }
}

fn place(cited: &Cited) -> String {
    let place = code(&format!("{}:{}:{}", cited.policy, cited.line, cited.column));
    match &cited.sid {
        Some(sid) => format!("{} {place}", code(sid)),
        None => place,
    }
}

/// A table whose column `number` is aligned to the right, and what it leaves out.
fn table(header: &[&str], number: usize, rows: Vec<Vec<String>>, top: usize) -> String {
    if rows.is_empty() {
        return "\nNone.\n".to_owned();
    }
    let shown = if top == 0 { rows.len() } else { top.min(rows.len()) };
    let dashes = |column| if column == number { "--:" } else { "---" };
    let rule: Vec<&str> = (0..header.len()).map(dashes).collect();
    let mut text = format!("\n| {} |\n| {} |\n", header.join(" | "), rule.join(" | "));
    for row in rows.iter().take(shown) {
        text.push_str(&format!("| {} |\n", row.join(" | ")));
    }
    match rows.len() - shown {
        0 => text,
        others => text + &format!("\n… and {others} more.\n"),
    }
}

/// Text that callers may have chosen, so that it is shown as it is: neither markup nor a cell's end.
fn code(text: &str) -> String {
    let safe: String = text
        .chars()
        .map(|c| match c {
            '`' | '|' => '¦',
            c if c.is_control() => ' ',
            c => c,
        })
        .collect();
    format!("`{safe}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_callers_choose_cannot_leave_its_cell() {
        assert_eq!(code("a|b`c\nd"), "`a¦b¦c d`");
    }

    #[test]
    fn a_table_says_what_it_leaves_out() {
        let rows = vec![vec!["1".to_owned()], vec!["2".to_owned()], vec!["3".to_owned()]];
        assert_eq!(table(&["n"], 0, rows, 2), "\n| n |\n| --: |\n| 1 |\n| 2 |\n\n… and 1 more.\n");
    }
}
