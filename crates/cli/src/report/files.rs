//! Formats that have a file for each table: CSV and Parquet.

use std::fs;
use std::path::{Path, PathBuf};

use miette::{IntoDiagnostic, WrapErr};
use tollgate_analyzer::Report;
use tollgate_analyzer::render::tables::{NAMES, Table, tables};
use tollgate_analyzer::render::{csv, parquet};
use tollgate_analyzer::text::in_lines;

use super::{Format, Printing};
use crate::diagnose::Problem;
use crate::world::World;

/// Refuses what could not be written, before anything is read.
pub(super) fn check(args: &Printing, world: &World) -> miette::Result<()> {
    let files = matches!(args.format, Format::Csv | Format::Parquet);
    match (files, &args.table, &args.out) {
        (true, None, None) => Err(nowhere().into()),
        (true, _, None) if args.format == Format::Parquet && world.terminal => {
            Err(unreadable().into())
        }
        (false, Some(_), _) => Err(Problem {
            help: Some("`--table` is for `--format csv` and `--format parquet`".to_owned()),
            ..Problem::new("this format has no tables of its own")
        }
        .into()),
        _ => Ok(()),
    }
}

/// The files of all tables in a folder, if that is what is asked for.
pub(super) fn paths(args: &Printing, folder: &Path) -> Option<Vec<PathBuf>> {
    let has_tables = matches!(args.format, Format::Csv | Format::Parquet);
    (has_tables && args.table.is_none())
        .then(|| NAMES.iter().map(|name| path(folder, name, args.format)).collect())
}

fn path(folder: &Path, table: &str, format: Format) -> PathBuf {
    folder.join(table).with_extension(extension(format))
}

/// Writes one table where it is asked for, or all tables into a folder.
pub(super) fn write(report: &Report, args: &Printing, world: &World) -> miette::Result<()> {
    let tables = tables(report);
    match (&args.table, &args.out) {
        (Some(name), out) => {
            let table = tables.iter().find(|table| table.name == name);
            let bytes = bytes(table.ok_or_else(|| missing(name))?, args.format)?;
            // A table alone cannot say that it is of a part, nor what it does not tell apart.
            report.notes().for_each(|note| world.complain(&note));
            match out {
                None if world.terminal => world.write(None, looked_at(&bytes).as_bytes()),
                out => world.write(out.as_deref(), &bytes),
            }
        }
        (None, Some(folder)) => {
            fs::create_dir_all(folder)
                .into_diagnostic()
                .wrap_err_with(|| format!("cannot make the folder `{}`", folder.display()))?;
            tables.iter().try_for_each(|table| {
                let path = path(folder, table.name, args.format);
                world.write(Some(&path), &bytes(table, args.format)?)
            })
        }
        (None, None) => Err(nowhere().into()),
    }
}

fn bytes(table: &Table, format: Format) -> miette::Result<Vec<u8>> {
    match format {
        Format::Parquet => parquet::render(table).into_diagnostic(),
        _ => csv::render(table).into_diagnostic(),
    }
}

/// CSV for a terminal, which is not to be steered by what a log holds. Programs get it as it is.
fn looked_at(csv: &[u8]) -> String {
    in_lines(&String::from_utf8_lossy(csv).replace("\r\n", "\n"))
}

fn extension(format: Format) -> &'static str {
    if format == Format::Parquet { "parquet" } else { "csv" }
}

fn missing(name: &str) -> Problem {
    let (lacking, option) = match name {
        "breakdowns" => ("anything to group by", "--group-by"),
        "periods" | "comparison" => ("a period to compare with", "--compare"),
        "changes" => ("an account to compare with", "--against"),
        _ => ("an account", "--account"),
    };
    Problem {
        help: Some(format!("give it with `{option}`")),
        ..Problem::new(format!("without {lacking} there is no table `{name}`"))
    }
}

/// What is not text is not for a terminal.
fn unreadable() -> Problem {
    Problem {
        help: Some("give a file with `--out`, or send it to a program".to_owned()),
        ..Problem::new("standard output is a terminal, and Parquet is not to be read on one")
    }
}

/// Several tables do not fit into one stream.
fn nowhere() -> Problem {
    let names = NAMES.map(|name| format!("`{name}`"));
    Problem {
        help: Some(format!(
            "give a folder with `--out`, or one of the tables with `--table`: {}",
            names.join(", ")
        )),
        ..Problem::new("this format has a file for each table, and was told no folder")
    }
}
