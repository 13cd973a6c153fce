//! CSV ([RFC 4180](https://www.rfc-editor.org/rfc/rfc4180)), UTF-8: a header, then a line each.

use super::tables::{Table, Values};

/// Writes a table.
///
/// A text that a spreadsheet would run as a formula gets an apostrophe in front: it begins with
/// `=`, `+`, `-`, `@`, a tab or a carriage return, and is longer than that. Clients choose some of
/// these texts. Apart from that a text is as the log has it: what cannot be seen is not written
/// otherwise, so whoever shows it to people has to.
///
/// # Errors
///
/// None in practice: writing to memory does not fail.
pub fn render(table: &Table) -> Result<Vec<u8>, csv::Error> {
    let terminator = csv::Terminator::CRLF;
    let mut writer = csv::WriterBuilder::new().terminator(terminator).from_writer(Vec::new());
    writer.write_record(table.columns.iter().map(|column| column.name))?;
    for row in 0..table.rows() {
        writer.write_record(table.columns.iter().map(|column| cell(&column.values, row)))?;
    }
    writer.into_inner().map_err(|error| error.into_error().into())
}

fn cell(values: &Values, row: usize) -> String {
    let cell = match values {
        Values::Text(values) => values.get(row).cloned().flatten().map(harmless),
        Values::Moment(values) => values.get(row).cloned().flatten(),
        Values::Flag(values) => values.get(row).copied().flatten().map(|value| value.to_string()),
        Values::Count(values) => values.get(row).copied().flatten().map(|value| value.to_string()),
        Values::Real(values) => {
            values.get(row).copied().flatten().map(|value| format!("{value:?}"))
        }
    };
    cell.unwrap_or_default()
}

fn harmless(text: String) -> String {
    let formula = text.len() > 1 && text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if formula { format!("'{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::super::tables::Column;
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let texts = ["plain", "a,b", "a \"quoted\" word", "two\nlines", "", "-"];
        let column = |name, values| Column { name, values };
        let table = Table {
            name: "table",
            columns: vec![
                column(
                    "text",
                    Values::Text(texts.iter().map(|text| Some((*text).into())).collect()),
                ),
                column("count", Values::Count((0..6).map(Some).collect())),
            ],
        };
        let bytes = render(&table).unwrap();
        let mut reader = csv::Reader::from_reader(&*bytes);
        assert_eq!(reader.headers().unwrap(), vec!["text", "count"]);
        let read: Vec<(String, u64)> = reader.deserialize().map(Result::unwrap).collect();
        assert_eq!(read, texts.map(str::to_owned).into_iter().zip(0..).collect::<Vec<_>>());
    }

    #[test]
    fn a_formula_is_made_text() {
        for formula in ["=1+1", "@SUM(A1)", "+1", "-1", "\t=1", "\r=1"] {
            assert_eq!(harmless(formula.to_owned()), format!("'{formula}"));
        }
        assert_eq!(harmless("-".to_owned()), "-");
        assert_eq!(harmless("arn:aws:iam::1:user/ana".to_owned()), "arn:aws:iam::1:user/ana");
    }
}
