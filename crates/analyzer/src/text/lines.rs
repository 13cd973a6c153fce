//! The account of lines: every line that was read is in it.

use super::style::{Style, count, number};
use crate::report::Report;

/// Quarantined lines shown.
const SAMPLES: usize = 5;

pub(super) fn section(report: &Report, style: &Style) -> String {
    let lines = &report.lines;
    let account = &lines.account;
    let mut text = style.heading("Lines");
    text.push_str(&format!(
        "  {} = {} parsed + {} recovered + {} quarantined + {} control + {} blank\n",
        number(lines.total),
        number(account.parsed),
        number(account.recovered),
        number(account.quarantined),
        number(account.control),
        number(account.blank),
    ));
    let notes = [
        (account.suspect, "suspect request"),
        (account.incomplete, "incomplete request"),
        (account.duplicates, "duplicate"),
        (account.unreadable_values, "unreadable value"),
    ];
    for (number, noun) in notes.into_iter().filter(|(number, _)| *number > 0) {
        text.push_str(&format!("  {}\n", style.notable(count(number, noun))));
    }
    for sample in lines.samples.iter().take(SAMPLES) {
        let place = style.place(format!("{}, byte {}", sample.file, number(sample.offset)));
        text.push_str(&format!("  {place}: {}\n", sample.reason));
        let room = style.width.saturating_sub(6).max(20);
        let shown: String = sample.sample.chars().take(room).collect();
        text.push_str(&format!("    {shown}\n"));
    }
    let others = account.quarantined.saturating_sub(lines.samples.len().min(SAMPLES) as u64);
    if others > 0 {
        text.push_str(&format!("  … and {}\n", count(others, "other quarantined line")));
    }
    text
}
