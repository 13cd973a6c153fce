//! Tables without lines: columns that fit the width, numbers to the right.

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};

use super::printable::in_a_line;
use super::style::Style;

/// A column: its heading, and whether it holds numbers.
pub(super) enum Column<'a> {
    Text(&'a str),
    Number(&'a str),
}

/// Lays rows out, each line indented by two.
pub(super) fn table(columns: &[Column<'_>], rows: Vec<Vec<String>>, style: &Style) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(u16::try_from(style.width.max(40)).unwrap_or(u16::MAX));
    let headings = columns.iter().map(|column| match column {
        Column::Text(name) => Cell::new(name),
        Column::Number(name) => Cell::new(name).set_alignment(CellAlignment::Right),
    });
    table.set_header(headings.collect::<Vec<_>>());
    for row in rows {
        let cells = row.into_iter().zip(columns).map(|(text, column)| match column {
            Column::Text(_) => Cell::new(in_a_line(&text)),
            Column::Number(_) => Cell::new(text).set_alignment(CellAlignment::Right),
        });
        table.add_row(cells.collect::<Vec<_>>());
    }
    let mut text = String::new();
    for line in table.lines() {
        text.push(' ');
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
