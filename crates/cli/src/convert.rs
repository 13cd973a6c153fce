//! `tollgate convert`: request logs become tables that other tools read.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use miette::IntoDiagnostic;
use serde_json::json;
use tollgate_analyzer::report::Lines;
use tollgate_log::{Converted, Destination, Field, Output, Projection, convert};

use crate::diagnose::Problem;
use crate::exit::{Exit, Outcome};
use crate::logs::{LogArgs, samples};
use crate::progress;
use crate::world::World;

/// Convert request logs to Parquet, Arrow, CSV or JSON lines.
///
/// Into a folder, files are partitioned by day and API (`date=2026-03-10/api=a1b2c3/…`), as DuckDB,
/// Spark and Athena read them, and so does `tollgate analyze`. Files appear when all are whole;
/// converting the same inputs again replaces them.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    logs: LogArgs,
    /// The account manifest, whose `[log]` says how to read the logs.
    #[arg(long, value_name = "FILE")]
    account: Option<PathBuf>,
    /// What to write.
    #[arg(long, value_enum, default_value_t = To::Parquet)]
    to: To,
    /// A folder, or one file if it has the extension of what is written.
    #[arg(long, value_name = "PATH")]
    out: PathBuf,
    /// Only these columns, separated by commas; all unless told otherwise.
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',', value_parser = column)]
    columns: Vec<Field>,
    /// How to print what was done.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

const EXAMPLES: &str = "\
Examples:
  tollgate convert logs/ --out table/
  tollgate convert --state nightly.json 's3-export/**/*.gz' --out table/
  tollgate convert access.log --to csv --columns time,user_arn,status --out calls.csv
  duckdb -c \"select api, status, count(*) from 'table/*/*/*.parquet' group by all\"";

#[derive(Clone, Copy, ValueEnum)]
enum To {
    /// Columns, compressed with zstd.
    Parquet,
    /// Arrow IPC files.
    Arrow,
    /// With a header line.
    Csv,
    /// A JSON object a line.
    Jsonl,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

fn column(name: &str) -> Result<Field, String> {
    Field::named(name).ok_or_else(|| {
        let names: Vec<_> = Field::ALL.iter().map(|field| field.name()).collect();
        format!("expected a column, one of {}", names.join(", "))
    })
}

pub(crate) fn run(args: &Args, world: &World) -> Outcome {
    let destination = args.destination();
    let written = match &destination {
        Destination::File(path) => vec![("--out", path.clone())],
        Destination::Folder(_) => Vec::new(),
    };
    let manifest = args.account.as_deref();
    let files: Vec<PathBuf> = manifest.map(Path::to_owned).into_iter().collect();
    let mut logs = args.logs.open(args.projection(), manifest, &files, written, world)?;
    if let (Some(_), Destination::File(path)) = (&logs.options.state, &destination) {
        return Err(Problem {
            help: Some("give a folder, which gets new files with each run".to_owned()),
            ..Problem::new(format!(
                "`--state` reads only what is new, and `{}` would lose what earlier runs wrote",
                path.display()
            ))
        }
        .into());
    }
    let bar = progress::watch(&logs.inputs, &mut logs.options, world);
    let converted = convert(&logs.inputs, args.output(), &destination, &logs.options);
    bar.finish();
    let converted = converted.map_err(|error| Problem::new(error.to_string()))?;
    world.write(None, print(&converted, args)?.as_bytes())?;
    let Converted { account, sources, state, .. } = &converted;
    logs.close(account, sources, state.as_ref(), world)?;
    Ok(Exit::Ok)
}

impl Args {
    fn projection(&self) -> Projection {
        match self.columns.as_slice() {
            [] => Projection::all(),
            columns => Projection::of(columns.iter().copied()),
        }
    }

    fn output(&self) -> Output {
        match self.to {
            To::Parquet => Output::Parquet,
            To::Arrow => Output::Arrow,
            To::Csv => Output::Csv,
            To::Jsonl => Output::JsonLines,
        }
    }

    fn destination(&self) -> Destination {
        match self.out.extension() {
            Some(extension) if extension == self.output().extension() => {
                Destination::File(self.out.clone())
            }
            _ => Destination::Folder(self.out.clone()),
        }
    }
}

fn print(converted: &Converted, args: &Args) -> miette::Result<String> {
    match args.format {
        Format::Text => Ok(text(converted)),
        Format::Json => {
            let files: Vec<_> = converted
                .files
                .iter()
                .map(|file| json!({ "path": file.path, "rows": file.rows }))
                .collect();
            let report = json!({ "version": 1, "lines": lines(converted), "files": files });
            Ok(serde_json::to_string_pretty(&report).into_diagnostic()? + "\n")
        }
    }
}

fn lines(converted: &Converted) -> Lines {
    Lines {
        files: converted.sources.iter().filter(|it| it.account.total() > 0).count() as u64,
        total: converted.account.total(),
        account: converted.account,
        samples: samples(&converted.quarantine),
    }
}

fn text(converted: &Converted) -> String {
    let mut text = String::new();
    let account = &converted.account;
    for file in &converted.files {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{:>12} rows  {}", file.rows, file.path.display());
    }
    let _ = writeln!(
        text,
        "{} lines = {} parsed + {} recovered + {} quarantined + {} control + {} blank",
        account.total(),
        account.parsed,
        account.recovered,
        account.quarantined,
        account.control,
        account.blank
    );
    for (count, what) in [
        (account.suspect, "suspect requests"),
        (account.incomplete, "incomplete requests"),
        (account.duplicates, "duplicates left out"),
        (account.unreadable_values, "unreadable values"),
    ] {
        if count > 0 {
            let _ = writeln!(text, "{count} {what}");
        }
    }
    for line in samples(&converted.quarantine) {
        let _ = writeln!(text, "{} at byte {}: {}", line.file, line.offset, line.reason);
        let _ = writeln!(text, "    {}", line.sample);
    }
    text
}
