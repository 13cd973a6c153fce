//! Tables without lines: columns that fit the width, numbers to the right.

use comfy_table::{
    Cell, CellAlignment, ColumnConstraint, ContentArrangement, Table, Width, presets,
};

use super::printable::in_a_line;
use super::style::Style;

/// A column: its heading, and whether it holds numbers.
pub(super) enum Column<'a> {
    Text(&'a str),
    Number(&'a str),
}

/// Where a line may end. A text has none, as it has no width: [`in_a_line`].
pub(super) const BREAK: char = '\u{200b}';

/// The longest piece of a text that a column is as wide as.
const PIECE_MAX: usize = 24;

/// Columns between two, and before the first.
const GAP: usize = 2;

/// Lays rows out, each line indented by two. Where the width is not enough for words as they are, lines
/// are longer.
pub(super) fn table(columns: &[Column<'_>], rows: Vec<Vec<String>>, style: &Style) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_delimiter(BREAK);
    let headings = columns.iter().map(Column::heading);
    let mut widest: Vec<usize> = headings.clone().map(piece).collect();
    table.set_header(headings.zip(columns).map(|(name, column)| column.cell(name)));
    for row in rows {
        let cells = row.iter().zip(columns).map(|(text, column)| match column {
            Column::Text(_) => breakable(&in_a_line(text)),
            Column::Number(_) => text.clone(),
        });
        let cells: Vec<String> = cells.collect();
        let most = |(widest, cell): (&mut usize, &String)| *widest = piece(cell).max(*widest);
        widest.iter_mut().zip(&cells).for_each(most);
        table.add_row(cells.into_iter().zip(columns).map(|(cell, column)| column.cell(cell)));
    }
    let least: usize = widest.iter().map(|widest| widest + GAP).sum();
    let width = |width: usize| u16::try_from(width).unwrap_or(u16::MAX);
    table.set_width(width(style.width.max(least)));
    let bounds = widest.iter().map(|widest| Width::Fixed(width(widest + GAP)));
    table.set_constraints(bounds.map(ColumnConstraint::LowerBoundary));
    let mut text = String::new();
    for line in table.lines() {
        text.push(' ');
        text.push_str(line.replace(BREAK, "").trim_end());
        text.push('\n');
    }
    text
}

impl<'a> Column<'a> {
    fn heading(&self) -> &'a str {
        let (Column::Text(name) | Column::Number(name)) = self;
        name
    }

    fn cell(&self, text: impl Into<String>) -> Cell {
        let cell = Cell::new(text.into());
        match self {
            Column::Text(_) => cell,
            Column::Number(_) => cell.set_alignment(CellAlignment::Right),
        }
    }
}

/// A text that may be broken after spaces and colons and before slashes, and before a point that a letter
/// follows: between words, and the parts of ARNs, paths and names.
pub(super) fn breakable(text: &str) -> String {
    let mut breakable = String::with_capacity(text.len() + text.len() / 4);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '/' || c == '.' && chars.peek().is_some_and(|next| next.is_alphabetic()) {
            breakable.push(BREAK);
        }
        breakable.push(c);
        if matches!(c, ' ' | ':') {
            breakable.push(BREAK);
        }
    }
    breakable
}

/// The width of the longest piece of a text that stays whole.
fn piece(text: &str) -> usize {
    let pieces = text.split(BREAK).map(|piece| piece.trim_end().chars().count());
    pieces.max().unwrap_or_default().min(PIECE_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(width: usize, row: [&str; 3], expected: &str) {
        let style = Style { width, fold: true, colour: false, top: 0 };
        let columns = [Column::Text("caller"), Column::Text("route"), Column::Number("p99 ms")];
        let found = table(&columns, vec![row.map(str::to_owned).to_vec()], &style);
        assert_eq!(found, expected, "\n{found}");
    }

    #[test]
    fn words_paths_and_numbers_are_not_cut_into() {
        check(
            80,
            ["analytics/nightly-1", "GET /repos/acme/site", "28,992"],
            "  caller               route                 p99 ms\n  \
               analytics/nightly-1  GET /repos/acme/site  28,992\n",
        );
        check(
            36,
            ["analytics/nightly-1", "GET /repos/acme/site", "28,992"],
            "  caller        route         p99 ms\n  \
               analytics     GET /repos    28,992\n  \
               /nightly-1    /acme/site\n",
        );
        check(
            30,
            ["Boto3/1.34", "GET /conversations.history", "28,992"],
            "  caller  route           p99 ms\n  \
               Boto3   GET             28,992\n  \
               /1.34   /conversations\n          \
                       .history\n",
        );
    }
}
