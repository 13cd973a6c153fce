//! TAP version 14: <https://testanything.org/tap-version-14-specification.html>.

use std::fmt::Write;

use super::{Entry, EntryStatus, Report};
use crate::excerpt::indent;

pub(super) fn render(report: &Report<'_>) -> String {
    let entries: Vec<Entry> = report.entries().collect();
    let mut text = format!("TAP version 14\n1..{}\n", entries.len());
    for (Entry { file, name, place, status }, number) in entries.iter().zip(1..) {
        let id = escape(&format!("{file}::{name}"));
        let _ = match status {
            EntryStatus::Passed => writeln!(text, "ok {number} - {id}"),
            EntryStatus::Skipped(reason) => {
                writeln!(text, "ok {number} - {id} # SKIP {}", escape(reason))
            }
            EntryStatus::Failed { message, detail, .. } => {
                let _ = writeln!(text, "not ok {number} - {id}");
                let (message, at) = (quoted(message), quoted(&place.to_string()));
                let detail = indent(detail.trim_end(), 4);
                writeln!(
                    text,
                    "  ---\n  message: {message}\n  at: {at}\n  detail: |2\n{detail}  ..."
                )
            }
        };
    }
    text
}

/// A double-quoted scalar of YAML, which a JSON string is.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// `\` and `#` stand for themselves only when escaped; a line ends at its end.
fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('#', "\\#").replace(['\n', '\r'], " ")
}
