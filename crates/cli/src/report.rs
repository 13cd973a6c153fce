//! Printing a report: what `analyze` and `merge` have in common.

mod files;

use std::io::Write;
use std::path::PathBuf;

use clap::ValueEnum;
use clap::builder::PossibleValuesParser;
use miette::IntoDiagnostic;
use tollgate_analyzer::{Partial, Remedy, Report, render, text};
use tollgate_store::Account;

use crate::diagnose::Problem;
use crate::overwrite::Written;
use crate::world::World;

/// Entries of a list in the text report, unless `--top` says otherwise.
const TOP: usize = 10;

/// The same in the HTML report, so that browsers stay quick.
const TOP_OF_PAGE: usize = 500;

/// How to print.
#[derive(clap::Args)]
pub(crate) struct Printing {
    /// Entries of each list; 0 for all. Text and Markdown show 10 unless told otherwise, HTML 500,
    /// other formats all; Markdown fewer where it would be longer than GitHub takes, 65,536 characters.
    #[arg(long, value_name = "N")]
    top: Option<usize>,
    /// How to print the report.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// For CSV and Parquet: only this table, to standard output or the file of `--out`.
    #[arg(long, value_name = "TABLE", value_parser = PossibleValuesParser::new(render::tables::NAMES))]
    table: Option<String>,
    /// Write the report to a file; for CSV and Parquet to a folder, a file for each table.
    #[arg(long, value_name = "PATH")]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For programs; see fixtures/schemas/analyze.schema.json.
    Json,
    /// A page to look at and narrow down, in one file that needs nothing else.
    Html,
    /// For a comment on a pull request.
    Markdown,
    /// For spreadsheets: a file for each table.
    Csv,
    /// For data tools: a file for each table.
    Parquet,
}

impl Format {
    /// The most entries that a list of the report keeps; 0 for all. Text and Markdown say
    /// themselves what they leave out.
    fn top(self, asked: Option<usize>) -> usize {
        match self {
            Format::Text | Format::Markdown => 0,
            Format::Html => asked.unwrap_or(TOP_OF_PAGE),
            Format::Json | Format::Csv | Format::Parquet => asked.unwrap_or(0),
        }
    }
}

impl Printing {
    /// Refuses what could not be written, before anything is read.
    pub(crate) fn check(&self, world: &World) -> miette::Result<()> {
        files::check(self, world)
    }

    /// The files that it is written to.
    pub(crate) fn written(&self) -> Vec<Written> {
        let Some(out) = &self.out else { return Vec::new() };
        let paths = files::paths(self, out).unwrap_or_else(|| vec![out.clone()]);
        paths.into_iter().map(|path| ("--out", path)).collect()
    }

    /// Whether the report must have its timeline.
    pub(crate) fn draws(&self) -> bool {
        self.format == Format::Html
    }
}

/// Puts the report together, in comparison with another run if there is one, and prints it. With the
/// account, it says what would allow denied calls.
pub(crate) fn print<'p>(
    partial: &'p Partial,
    before: Option<&Partial>,
    account: Option<&Account>,
    args: &Printing,
    world: &World,
) -> miette::Result<Report<'p>> {
    let report = Report::new(&partial.gathered, partial.lines, &partial.samples);
    let mut whole = match before {
        Some(before) => report.compared(partial, before),
        None => report,
    };
    whole.interrupted = partial.interrupted;
    whole.lines.files = partial.files;
    (whole.asked, whole.merged) = (partial.runs.options(), partial.merged());
    let outcomes = account.zip(partial.gathered.outcomes.as_ref());
    let found = outcomes.map(|(account, outcomes)| Remedy::find(account, outcomes));
    let (remedies, others) = found.unzip();
    whole.remedies = remedies;
    whole.folded.extend(others.flatten());
    // A table alone is printed with all of its notes.
    if args.table.is_none() {
        whole.merged.iter().chain(&whole.remarks).for_each(|sentence| world.complain(sentence));
    }
    if !args.draws() {
        whole.timeline = None;
    }
    let narrowed = match args.format.top(args.top) {
        0 => None,
        top => Some(whole.clone().top(top)),
    };
    let report = narrowed.as_ref().unwrap_or(&whole);
    let top = args.top.unwrap_or(TOP);
    let text = match args.format {
        Format::Text => {
            let colour = world.colour && args.out.is_none();
            let fold = world.terminal && args.out.is_none();
            text::render(report, &text::Style { width: world.width, fold, colour, top })
        }
        Format::Json => {
            let json = |to: &mut dyn Write| render::json::write(report, to);
            return world.write_by(args.out.as_deref(), json).map(|()| whole);
        }
        Format::Html if report.timeline.is_none() => return Err(without_timeline().into()),
        Format::Html => render::html::render(report).into_diagnostic()?,
        Format::Markdown => render::markdown::render(report, top),
        Format::Csv | Format::Parquet => return files::write(report, args, world).map(|()| whole),
    };
    world.write(args.out.as_deref(), text.as_bytes())?;
    Ok(whole)
}

/// Partial reports of an older version have none.
fn without_timeline() -> Problem {
    Problem {
        help: Some("gather them again with `tollgate analyze --partial`".to_owned()),
        ..Problem::new("the partial reports lack the timeline that a page draws")
    }
}
