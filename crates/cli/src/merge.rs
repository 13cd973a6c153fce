//! `tollgate merge`: partial reports of many days or machines as one report.

use std::path::{Path, PathBuf};
use std::{fs, io};

use miette::{IntoDiagnostic, WrapErr};
use tollgate_analyzer::Partial;
use tollgate_log::Input;

use crate::account;
use crate::diagnose::Problem;
use crate::exit::Outcome;
use crate::logs;
use crate::overwrite;
use crate::report;
use crate::threshold::Bounds;
use crate::world::World;

/// Merge what several runs of `analyze --partial` gathered into one report.
///
/// The report is the one that a single run over all of the logs would have given, but for which
/// callers, routes and groups are told apart where there are too many. Where runs were asked differently the
/// report says which was asked what, and duplicates between runs are not found: not in an input, either, that
/// several of them read. Where runs had the same account in other folders, its policies are called by their
/// paths from the manifest. If one of the runs was interrupted, the report is marked so, and the exit code
/// is 4.
///
/// Example: `tollgate merge 'days/*.json' --format json`
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Files written by `tollgate analyze --partial`, folders of them, globs in quotes, or `-` for
    /// standard input. A copy of a file is read once.
    #[arg(required = true, value_name = "PARTIAL")]
    partials: Vec<String>,
    /// Compare with another period: what `--partial` wrote of it.
    #[arg(long, value_name = "PARTIAL")]
    compare: Option<PathBuf>,
    /// The account that the runs had: with it, the report says what would allow denied calls.
    #[arg(long, value_name = "FILE")]
    account: Option<PathBuf>,
    #[command(flatten)]
    report: report::Printing,
    #[command(flatten)]
    bounds: Bounds,
}

pub(crate) fn run(args: &Args, world: &World) -> Outcome {
    args.report.check(world)?;
    let mut files = Vec::new();
    let account = args.account.as_deref().map(|path| account::read_noted(path, &mut files));
    let account = account.transpose()?;
    let before = args.compare.as_deref().map(read).transpose()?;
    let (inputs, again) = logs::find(&args.partials)?;
    let (inputs, copies) = without_copies(inputs);
    overwrite::refuse(&inputs, &files, &args.report.written())?;
    let mut inputs = inputs.iter();
    let first = inputs.next().ok_or_else(|| Problem::new("nothing to merge"))?;
    let mut merged = read_for(&args.bounds, first)?;
    if let (Some(path), Some(account)) = (&args.account, &account)
        && merged.runs.had_another(account)
    {
        return Err(another_account(path, &first.name()).into());
    }
    for input in inputs {
        merged.merge(read_for(&args.bounds, input)?);
    }
    logs::say_again(&again, world);
    for [copy, original] in &copies {
        merged.runs.note_copy(copy, original);
    }
    if !merged.unread.is_empty() {
        return Err(logs::unreadable(&merged.unread).into());
    }
    let report = report::print(&merged, before.as_ref(), account.as_ref(), &args.report, world)?;
    Ok(args.bounds.judge(&report, world))
}

/// Leaves out files that are copies of earlier ones, and names both: their requests would count twice. What
/// cannot be read is told when it is.
fn without_copies(inputs: Vec<Input>) -> (Vec<Input>, Vec<[String; 2]>) {
    let mut kept: Vec<(Input, Option<u64>)> = Vec::new();
    let mut copies = Vec::new();
    for input in inputs {
        let length = length(&input);
        let same_length = kept.iter().filter(|(_, other)| length.is_some() && *other == length);
        let mut originals = same_length.filter(|(other, _)| is_copy(&input, other));
        match originals.next() {
            Some((original, _)) => copies.push([&input, original].map(|it| it.name().to_string())),
            None => kept.push((input, length)),
        }
    }
    (kept.into_iter().map(|(input, _)| input).collect(), copies)
}

fn length(input: &Input) -> Option<u64> {
    let Input::File(path) = input else { return None };
    Some(fs::metadata(path).ok()?.len())
}

fn is_copy(one: &Input, other: &Input) -> bool {
    let (Input::File(one), Input::File(other)) = (one, other) else { return false };
    fs::read(one).ok().zip(fs::read(other).ok()).is_some_and(|(one, other)| one == other)
}

/// What would allow a call by other policies than those that denied it is no advice.
fn another_account(path: &Path, of: &str) -> Problem {
    Problem {
        help: Some("give the account as it was, or gather the logs again with this one".to_owned()),
        ..Problem::new(format!("`{of}` was gathered with another account than {}", path.display()))
    }
}

/// Reads what must have been gathered with all that the bounds are about.
fn read_for(bounds: &Bounds, input: &Input) -> miette::Result<Partial> {
    let mut partial = match input {
        Input::File(path) => read(path)?,
        Input::Stdin => parse("standard input", io::read_to_string(io::stdin()))?,
    };
    partial.runs.name(&input.name());
    let given = |option: &str| match option {
        "against" => partial.gathered.changes.is_some(),
        _ => partial.gathered.outcomes.is_some(),
    };
    match bounds.lacking(given) {
        None => Ok(partial),
        Some(lacking) => Err(Problem {
            help: Some("gather it again with `tollgate analyze --partial`".to_owned()),
            ..Problem::new(format!("{lacking}, and {} was gathered without", input.name()))
        }
        .into()),
    }
}

/// Reads what `analyze --partial` wrote.
pub(crate) fn read(path: &Path) -> miette::Result<Partial> {
    parse(&path.display().to_string(), fs::read_to_string(path))
}

fn parse(name: &str, text: io::Result<String>) -> miette::Result<Partial> {
    let text = text.into_diagnostic().wrap_err_with(|| format!("cannot read `{name}`"))?;
    Ok(Partial::parse(&text).map_err(|message| Problem::new(format!("{name}: {message}")))?)
}
