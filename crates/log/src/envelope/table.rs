//! CSV with a header line, as Insights and `convert` write it.

use csv_core::{ReadRecordResult, Reader};
use serde::{Deserialize, Serialize};

use super::documents::push_cells;
use super::{EVENT_BYTES_MAX, Unwrapped, within};

/// The state of the envelope.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    header: Vec<String>,
}

impl Table {
    /// Takes the whole rows out of `pending`, which begins at `offset`.
    pub(super) fn unwrap(
        &mut self,
        pending: &[u8],
        offset: u64,
        finished: bool,
        mut spare: Vec<u8>,
    ) -> Unwrapped {
        spare.clear();
        let mut out = Unwrapped { bytes: spare, ..Unwrapped::default() };
        while let Some(rest) = out.rest(pending) {
            let at = offset + out.used as u64;
            let (rest, ends) = within(rest, finished);
            let mut cells = Vec::new();
            match record(rest, ends, &mut cells) {
                Some(used) => {
                    self.row(rest.get(..used).unwrap_or_default(), cells, at, &mut out);
                    out.used += used;
                }
                None if rest.len() > EVENT_BYTES_MAX => {
                    out.push_broken(rest, at, "the row does not end");
                    out.used += rest.len();
                }
                None => break,
            }
        }
        out
    }

    fn row(&mut self, text: &[u8], cells: Vec<String>, offset: u64, out: &mut Unwrapped) {
        if text.trim_ascii().is_empty() {
            out.push(b"", offset);
        } else if self.header.is_empty() {
            out.push(text.trim_ascii_end(), offset).nature = super::Nature::Control;
            self.header = cells;
        } else if cells == self.header {
            // Tables that were glued.
            out.push(text.trim_ascii_end(), offset).nature = super::Nature::Control;
        } else if cells.len() != self.header.len() {
            out.push_broken(text, offset, "the row has not as many values as the header");
        } else {
            let header = self.header.iter().map(String::as_str);
            push_cells(header.zip(cells.iter().map(String::as_str)), offset, out);
        }
    }
}

/// Reads one row. Returns its length, or nothing if it is not whole.
pub(crate) fn record(text: &[u8], finished: bool, cells: &mut Vec<String>) -> Option<usize> {
    let mut reader = Reader::new();
    let mut values = vec![0; 2 * text.len().min(1 << 10) + 64];
    let mut ends = vec![0; 256];
    let (mut used, mut written, mut ended) = (0, 0, 0);
    loop {
        let input = text.get(used..).unwrap_or_default();
        if input.is_empty() && !finished {
            return None;
        }
        let (result, read, wrote, fields) = reader.read_record(
            input,
            values.get_mut(written..).unwrap_or_default(),
            ends.get_mut(ended..).unwrap_or_default(),
        );
        used += read;
        written += wrote;
        ended += fields;
        match result {
            ReadRecordResult::InputEmpty => {}
            ReadRecordResult::OutputFull => values.resize(values.len() * 2, 0),
            ReadRecordResult::OutputEndsFull => ends.resize(ends.len() * 2, 0),
            ReadRecordResult::Record | ReadRecordResult::End => break,
        }
    }
    if !finished && used == text.len() && text.ends_with(b"\r") {
        return None;
    }
    let mut start = 0;
    for &end in ends.get(..ended)? {
        cells.push(String::from_utf8_lossy(values.get(start..end)?).into_owned());
        start = end;
    }
    // The reader leaves the `\n` of `\r\n` for the next record.
    let newline = text.get(used) == Some(&b'\n') && text.get(used - 1) == Some(&b'\r');
    Some(used + usize::from(newline))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, finished: bool, expected: Option<(usize, &[&str])>) {
        let mut cells = Vec::new();
        let used = record(text.as_bytes(), finished, &mut cells);
        assert_eq!(
            used.map(|used| (used, cells.clone())),
            expected.map(|(used, cells)| {
                (used, cells.iter().map(|&cell| cell.to_owned()).collect())
            }),
            "`{text}`"
        );
    }

    #[test]
    fn rows_may_quote_lines() {
        check("a,\"b\n\"\"c\"\"\",d\nx", false, Some((14, &["a", "b\n\"c\"", "d"])));
        check("a,b\r\nx", false, Some((5, &["a", "b"])));
        check("a,\"b\n", false, None);
        check("a,b", false, None);
        check("a,b", true, Some((3, &["a", "b"])));
    }
}
