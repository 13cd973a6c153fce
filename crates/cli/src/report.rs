//! Printing a report: what `analyze` and `merge` have in common.

use std::path::PathBuf;

use clap::ValueEnum;
use miette::IntoDiagnostic;
use tollgate_analyzer::{Partial, Report, csv, markdown, text};

use crate::world::World;

/// Entries of a list in the text report, unless `--top` says otherwise.
const TOP: usize = 10;

/// How to print.
#[derive(clap::Args)]
pub(crate) struct Printing {
    /// Entries of each list; 0 for all. Text and Markdown show 10 unless told otherwise, JSON
    /// and CSV all.
    #[arg(long, value_name = "N")]
    top: Option<usize>,
    /// How to print the report.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Which table to print as CSV.
    #[arg(long, value_enum, value_name = "TABLE", default_value_t = Table::Denied)]
    table: Table,
    /// Write the report to a file.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For programs; see fixtures/schemas/analyze.schema.json.
    Json,
    /// One table, for spreadsheets; see --table.
    Csv,
    /// For a comment on a pull request.
    Markdown,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Table {
    /// Callers and what they used.
    Callers,
    /// Routes, how often and how fast they were.
    Routes,
    /// Rate limits.
    Limits,
    /// Denied calls and why.
    Denied,
}

/// Puts the report together and prints it.
pub(crate) fn print(partial: &Partial, args: &Printing, world: &World) -> miette::Result<Report> {
    let report = Report::new(&partial.gathered, partial.lines, &partial.samples);
    let shown = match (args.format, args.top) {
        (Format::Text | Format::Markdown, _) | (_, None | Some(0)) => report.clone(),
        (_, Some(top)) => report.clone().top(top),
    };
    let text = match args.format {
        Format::Text => {
            let colour = world.colour && args.out.is_none();
            let top = args.top.unwrap_or(TOP);
            text::render(&shown, &text::Style { width: world.width, colour, top })
        }
        Format::Markdown => markdown::render(&shown, args.top.unwrap_or(TOP)),
        Format::Json => serde_json::to_string_pretty(&shown).into_diagnostic()? + "\n",
        Format::Csv => match args.table {
            Table::Callers => csv::callers(&shown),
            Table::Routes => csv::routes(&shown),
            Table::Limits => csv::limits(&shown),
            Table::Denied => csv::denied(&shown),
        },
    };
    world.write(args.out.as_deref(), text.as_bytes())?;
    Ok(report)
}
