//! The account of lines: every line that was read is in it.

use super::printable::in_a_line;
use super::style::{Style, count, number};
use crate::report::Report;

/// Quarantined lines shown.
const SAMPLES: usize = 5;

pub(super) fn section(report: &Report, style: &Style) -> String {
    let lines = &report.lines;
    let account = &lines.account;
    let mut text = style.heading("Lines");
    let files = match lines.files {
        0 => String::new(),
        files => format!(", in {}", count(files, "file")),
    };
    let counts = format!(
        "{} = {} parsed + {} recovered + {} quarantined + {} control + {} blank{files}",
        number(lines.total),
        number(account.parsed),
        number(account.recovered),
        number(account.quarantined),
        number(account.control),
        number(account.blank),
    );
    text.push_str(&style.line(2, counts));
    let notes = [
        (account.suspect, "suspect request"),
        (account.incomplete, "incomplete request"),
        (account.duplicates, "duplicate"),
        (account.unreadable_values, "unreadable value"),
    ];
    for (number, noun) in notes.into_iter().filter(|(number, _)| *number > 0) {
        text.push_str(&style.line(2, style.notable(count(number, noun))));
    }
    for sample in lines.samples.iter().take(SAMPLES) {
        let place = format!("{}, byte {}", in_a_line(&sample.file), number(sample.offset));
        let reason = in_a_line(&sample.reason);
        text.push_str(&style.line(2, format!("{}: {reason}", style.place(place))));
        let room = style.width.saturating_sub(6).max(20);
        text.push_str(&format!("    {}\n", cut(&in_a_line(&sample.sample), room)));
    }
    let others = account.quarantined.saturating_sub(lines.samples.len().min(SAMPLES) as u64);
    if others > 0 {
        text.push_str(&style.line(2, format!("… and {}", count(others, "other quarantined line"))));
    }
    text
}

/// A text, or its beginning if it has more characters than there is room for.
pub(crate) fn cut(text: &str, room: usize) -> String {
    match text.chars().nth(room) {
        None => text.to_owned(),
        Some(_) => text.chars().take(room - 1).chain(['…']).collect(),
    }
}
