//! Tables without lines: columns that fit the width, numbers to the right.

use unicode_width::UnicodeWidthStr;

use super::fold::{fold, pieces};
use super::printable::in_a_line;
use super::style::Style;

/// A column: its heading, and whether it holds numbers.
pub(super) enum Column<'a> {
    Text(&'a str),
    Number(&'a str),
}

/// The longest piece of a text that a column is as wide as.
const PIECE_MAX: usize = 24;

/// Columns between two, and before the first.
const GAP: usize = 2;

/// Blanks before the lines of a cell that come after its first: they must not look like rows.
const HANG: usize = 2;

/// Lays rows out, each line indented by two. For a terminal, cells are folded to its width; where that is not
/// enough for words as they are, lines are longer.
pub(super) fn table(columns: &[Column<'_>], rows: Vec<Vec<String>>, style: &Style) -> String {
    let heading = columns.iter().map(|column| column.heading().to_owned()).collect();
    let rows = rows.into_iter().map(|row| row.iter().map(|text| in_a_line(text)).collect());
    let rows: Vec<Vec<String>> = std::iter::once(heading).chain(rows).collect();
    let natural = widths(&rows, columns, |_, cell| cell.width());
    let (widths, hang) = match style.fold {
        true => fitting(&rows, columns, &natural, style.width),
        false => (natural, HANG),
    };
    rows.iter().map(|row| lines(row, columns, &widths, hang)).collect()
}

/// The width of each column: the largest of its cells.
fn widths<'a>(
    rows: &[Vec<String>],
    columns: &[Column<'a>],
    width: impl Fn(&Column<'a>, &str) -> usize,
) -> Vec<usize> {
    let mut widths = vec![0; columns.len()];
    for row in rows {
        for ((widest, column), cell) in widths.iter_mut().zip(columns).zip(row) {
            *widest = width(column, cell).max(*widest);
        }
    }
    widths
}

/// Widths of which all together fit, the wide ones alike, and how far lines can be indented in them.
fn fitting(
    rows: &[Vec<String>],
    columns: &[Column<'_>],
    natural: &[usize],
    width: usize,
) -> (Vec<usize>, usize) {
    let fits = |widths: &[usize]| widths.iter().map(|width| width + GAP).sum::<usize>() <= width;
    let [hung, flush] =
        [HANG, 0].map(|hang| widths(rows, columns, |column, cell| column.least(cell, hang)));
    let (least, hang) = if fits(&hung) { (hung, HANG) } else { (flush, 0) };
    let bounded = |most: usize| -> Vec<usize> {
        let columns = natural.iter().zip(&least);
        columns.map(|(natural, least)| (*natural).min(most.max(*least))).collect()
    };
    let widest = natural.iter().max().copied().unwrap_or_default().min(width);
    let widths = (0..=widest).rev().map(bounded).find(|widths| fits(widths));
    (widths.unwrap_or(least), hang)
}

/// The lines of a row.
fn lines(row: &[String], columns: &[Column<'_>], widths: &[usize], hang: usize) -> String {
    let cells = row.iter().zip(widths).map(|(cell, width)| match cell.width() <= *width {
        true => vec![cell.clone()],
        false => fold(cell, *width, hang).lines().map(str::to_owned).collect(),
    });
    let cells: Vec<Vec<String>> = cells.collect();
    let height = cells.iter().map(Vec::len).max().unwrap_or_default();
    let mut text = String::new();
    for at in 0..height {
        for ((cell, column), width) in cells.iter().zip(columns).zip(widths) {
            let line = cell.get(at).map_or("", String::as_str);
            let blanks = " ".repeat(width.saturating_sub(line.width()));
            let gap = " ".repeat(GAP);
            match column {
                Column::Text(_) => text.extend([&gap, line, &blanks]),
                Column::Number(_) => text.extend([&gap, &*blanks, line]),
            }
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}

impl<'a> Column<'a> {
    fn heading(&self) -> &'a str {
        let (Column::Text(name) | Column::Number(name)) = self;
        name
    }

    /// The least width in which no piece of a cell is cut into, unless it is long. Headings and numbers are
    /// in one piece.
    fn least(&self, cell: &str, hang: usize) -> usize {
        if matches!(self, Column::Number(_)) || cell == self.heading() {
            return cell.width();
        }
        let indents = std::iter::once(0).chain(std::iter::repeat(hang));
        let pieces = pieces(cell).into_iter().zip(indents);
        let widths = pieces.map(|(piece, indent)| piece.min(PIECE_MAX) + indent);
        widths.max().unwrap_or_default().min(cell.width())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(width: usize, row: [&str; 3], expected: &str) {
        check_style(&Style { width, fold: true, colour: false, top: 0 }, row, expected);
    }

    #[track_caller]
    fn check_style(style: &Style, row: [&str; 3], expected: &str) {
        let columns = [Column::Text("caller"), Column::Text("route"), Column::Number("p99 ms")];
        let found = table(&columns, vec![row.map(str::to_owned).to_vec()], style);
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
               analytics     GET /repos    28,992\n    \
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

    #[test]
    fn headings_and_numbers_are_in_one_piece() {
        let style = Style { width: 19, fold: true, colour: false, top: 0 };
        let row = vec!["GET /pets".to_owned(), "5 min".to_owned()];
        let found =
            table(&[Column::Text("the call"), Column::Number("by role")], vec![row], &style);
        let expected = "  the call  by role\n  GET         5 min\n    /pets\n";
        assert_eq!(found, expected, "\n{found}");
    }

    #[test]
    fn a_row_is_a_line_where_no_terminal_cuts_it() {
        check_style(
            &Style { width: 20, fold: false, colour: false, top: 0 },
            ["analytics/nightly-1", "GET /repos/acme/site", "28,992"],
            "  caller               route                 p99 ms\n  \
               analytics/nightly-1  GET /repos/acme/site  28,992\n",
        );
    }
}
