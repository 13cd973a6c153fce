//! `tollgate merge`: partial reports of many days or machines as one report.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

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
    /// standard input. A copy counts once, also if another program wrote it anew.
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
    overwrite::refuse(&inputs, &files, &args.report.written())?;
    let mut all = Merging::default();
    for input in &inputs {
        let run = read_for(&args.bounds, input)?;
        if let (Some(path), Some(account), None) = (&args.account, &account, &all.merged)
            && run.partial.runs.had_another(account)
        {
            return Err(another_account(path, &run.name).into());
        }
        all.add(run);
    }
    let mut merged = all.merged.ok_or_else(|| Problem::new("nothing to merge"))?;
    logs::say_again(&again, world);
    for [copy, original] in &all.copies {
        merged.runs.note_copy(copy, original);
    }
    if !merged.unread.is_empty() {
        return Err(logs::unreadable(&merged.unread).into());
    }
    let report = report::print(&merged, before.as_ref(), account.as_ref(), &args.report, world)?;
    Ok(args.bounds.judge(&report, world))
}

/// What one file holds.
struct Run {
    partial: Partial,
    name: String,
    /// Of all that it holds: a copy has the same, also if a program wrote it anew.
    digest: [u8; 32],
}

/// Runs, while they are merged.
#[derive(Default)]
struct Merging {
    merged: Option<Partial>,
    /// What there is no copy of before.
    known: HashMap<[u8; 32], String>,
    /// Each copy, and of what: its requests would count twice.
    copies: Vec<[String; 2]>,
}

impl Merging {
    fn add(&mut self, Run { partial, name, digest }: Run) {
        if let Some(original) = self.known.get(&digest) {
            self.copies.push([name, original.clone()]);
            return;
        }
        self.known.insert(digest, name);
        match &mut self.merged {
            Some(merged) => merged.merge(partial),
            None => self.merged = Some(partial),
        }
    }
}

/// What would allow a call by other policies than those that denied it is no advice.
fn another_account(path: &Path, of: &str) -> Problem {
    Problem {
        help: Some("give the account as it was, or gather the logs again with this one".to_owned()),
        ..Problem::new(format!("`{of}` was gathered with another account than {}", path.display()))
    }
}

/// Reads what must have been gathered with all that the bounds are about.
fn read_for(bounds: &Bounds, input: &Input) -> miette::Result<Run> {
    let mut partial = match input {
        Input::File(path) => read(path)?,
        Input::Stdin => {
            let mut bytes = Vec::new();
            parse("standard input", io::stdin().read_to_end(&mut bytes).map(|_| bytes))?
        }
    };
    let (name, digest) = (input.name().to_string(), partial.digest().into_diagnostic()?);
    partial.runs.name(&name);
    let given = |option: &str| match option {
        "against" => partial.gathered.changes.is_some(),
        _ => partial.gathered.outcomes.is_some(),
    };
    match bounds.lacking(given) {
        None => Ok(Run { partial, name, digest }),
        Some(lacking) => Err(Problem {
            help: Some("gather it again with `tollgate analyze --partial`".to_owned()),
            ..Problem::new(format!("{lacking}, and {name} was gathered without"))
        }
        .into()),
    }
}

/// Reads what `analyze --partial` wrote.
pub(crate) fn read(path: &Path) -> miette::Result<Partial> {
    parse(&path.display().to_string(), fs::read(path))
}

fn parse(name: &str, bytes: io::Result<Vec<u8>>) -> miette::Result<Partial> {
    let bytes = bytes.into_diagnostic().wrap_err_with(|| format!("cannot read `{name}`"))?;
    Ok(Partial::parse(&bytes).map_err(|message| Problem {
        help: Some("`tollgate analyze --partial FILE` writes one".to_owned()),
        ..Problem::new(format!("{name}: {message}"))
    })?)
}
