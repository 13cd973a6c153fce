//! Workflow commands, which GitHub shows as annotations beside the lines that they name:
//! <https://docs.github.com/actions/reference/workflow-commands-for-github-actions>.

use std::fmt::Write;

use super::{Entry, EntryStatus, Report};

pub(super) fn render(report: &Report<'_>) -> String {
    let mut text = String::new();
    for Entry { file, name, place, status } in report.entries() {
        let (level, message) = match status {
            EntryStatus::Passed => continue,
            EntryStatus::Skipped(reason) => ("notice", format!("skipped: {reason}")),
            EntryStatus::Failed { detail, .. } => ("error", detail.trim_end().to_owned()),
        };
        let at = place.position();
        let _ = writeln!(
            text,
            "::{level} file={},line={},col={},title={}::{}",
            property(place.file()),
            at.line,
            at.column,
            property(&format!("{file}::{name}")),
            data(&message),
        );
    }
    text
}

/// Escapes the text of a command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes the value of a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
