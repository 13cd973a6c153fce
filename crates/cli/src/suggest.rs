//! `tollgate suggest`: the smallest readable policy that allows what was observed.

mod files;

use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::ValueEnum;
use miette::IntoDiagnostic;
use tollgate_analyzer::suggest::{Bounds, Suggest, Suggestion, Suggestions, Unproven, file_names};
use tollgate_analyzer::{Assumption, Filter, Window, render, text};
use tollgate_log::{Input, Source};
use tollgate_store::{Account, Subject};

use crate::account;
use crate::assume::Assume;
use crate::diagnose::Problem;
use crate::exit::{Exit, Outcome};
use crate::logs::{LogArgs, Logs, samples, tried, unreadable};
use crate::memory::MemoryArgs;
use crate::moment::Period;
use crate::overwrite::Written;
use crate::progress;
use crate::world::World;

/// Suggest the smallest policies that allow what was observed.
///
/// Calls that the present policies allow are put down to their statements, which are narrowed to what
/// was called: the route, with the values of its parameters where these were few, and `*` where they
/// were many. Conditions and every Deny are kept, and so is what the logs cannot show: permissions for
/// services whose calls they do not hold. Nothing is granted that is not granted now, and the
/// whole log is replayed with the suggestion before it is printed. Where nothing was called by whom it
/// is asked for, nothing is suggested, and the exit code is 2.
///
/// Ctrl-C ends it: nothing is suggested, for only the whole log proves a suggestion, and the exit code
/// is 4. A second Ctrl-C ends at once.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    logs: LogArgs,
    #[command(flatten)]
    memory: MemoryArgs,
    /// The account manifest.
    #[arg(long, value_name = "FILE", default_value = "tollgate.toml")]
    account: PathBuf,
    /// Whom to suggest policies for: an ARN, that of a session, a unique id, or the end of an ARN,
    /// such as `ana` or `role/reader`; may be repeated.
    #[arg(long, value_name = "ARN", required_unless_present = "all", conflicts_with = "all")]
    principal: Vec<String>,
    /// Suggest policies for every principal of the account, and list those that called nothing.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    period: Period,
    /// Leave out requests that this does not hold for; as in `tollgate analyze`.
    #[arg(long, value_name = "FILTER", value_parser = Filter::parse)]
    filter: Option<Filter>,
    #[command(flatten)]
    assume: Assume,
    /// List at most so many values of a parameter, and write `*` for more: four times as many where
    /// `*` would reach routes that were not called, since it takes slashes, too.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=200))]
    values: u16,
    /// How to print the suggestions.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Write the policies into a folder, one file a policy. No file that is there is written over.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Write what is known of every statement and resource to a file, as JSON; see
    /// fixtures/schemas/suggest.schema.json.
    #[arg(long, value_name = "FILE")]
    notes: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  tollgate suggest --principal role/issues-reader logs/
  tollgate suggest --all --out suggested/ --notes notes.json --since 2026-03-01 logs/
  tollgate suggest --principal ana --format json logs/ | jq '.principals[0].policies[].document'

Then see what a change would do: tollgate analyze --account new.toml --against tollgate.toml logs/";

/// Bytes of standard input that are read without looking whether that was interrupted.
const SPOOLED_AT_ONCE: u64 = 1 << 20;

/// How many principals are named that called nothing.
const SILENT_SAID: usize = 3;

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For programs; see fixtures/schemas/suggest.schema.json.
    Json,
}

/// What the arguments mean.
struct Plan<'a> {
    account: Account,
    assumed: Vec<Assumption>,
    window: Window,
    logs: Logs<'a>,
    /// Holds what came from standard input, which can be read only once.
    _spooled: Option<tempfile::TempPath>,
}

pub(crate) fn run(args: &Args, world: &World) -> Outcome {
    let interrupted = world.interrupt()?;
    let mut plan = Plan::new(args, &interrupted, world)?;
    let principals = chosen(&plan.account, args)?;
    let suggest = Suggest {
        account: &plan.account,
        principals: &principals,
        all: args.all,
        assumed: &plan.assumed,
        window: plan.window,
        filter: args.filter.as_ref(),
        bounds: Bounds { named: args.values.into() },
    };
    let logs = &mut plan.logs;
    let bar = progress::watch(&logs.inputs, &mut logs.options, world);
    let proven = suggest.run(&logs.inputs, &logs.options);
    bar.finish();
    if logs.options.is_stopped() {
        world.complain(
            "interrupted: nothing is suggested, for only the whole log proves a suggestion",
        );
        return Ok(Exit::Undecided);
    }
    let (suggestions, scanned) = match proven {
        Ok(proven) => proven,
        Err(Unproven::Changed { first, again }) => return Err(changed(first, again).into()),
        Err(unproven) => {
            world.complain(&format!("error in tollgate, nothing is suggested: {unproven}"));
            return Ok(Exit::Internal);
        }
    };
    let new = !scanned.sources.iter().any(Source::is_known);
    if new && suggestions.observation.requests + suggestions.observation.left_out == 0 {
        let samples = samples(&scanned.quarantine);
        return Err(unreadable(&tried(&scanned.sources, &samples)).into());
    }
    suggestions.observation.remarks.iter().for_each(|sentence| world.complain(sentence));
    let silent = silent(&suggestions);
    if silent.len() == suggestions.principals.len() {
        return Err(unobserved(&suggestions, &names(silent), args.all).into());
    }
    let bare = silent.iter().filter(|each| each.statements.iter().all(|it| it.effect == "Deny"));
    let bare: Vec<&str> = names(bare.copied());
    if !bare.is_empty() {
        world.complain(&format!(
            "these called nothing, so that what is suggested grants them nothing: {}",
            some_of(&bare)
        ));
    }
    print(&suggestions, args, world)?;
    logs.close(&scanned.account, &scanned.sources, scanned.state.as_ref(), world)?;
    let undecided = suggestions.principals.iter().any(|each| each.is_undecided());
    Ok(if undecided { Exit::Undecided } else { Exit::Ok })
}

impl Plan<'_> {
    fn new<'a>(
        args: &'a Args,
        interrupted: &Arc<AtomicBool>,
        world: &World,
    ) -> miette::Result<Plan<'a>> {
        let window = args.period.window()?;
        let mut files = Vec::new();
        let account = account::read_noted(&args.account, &mut files)?;
        let assumed = args.assume.read([&account])?;
        let names = file_names(&chosen(&account, args)?);
        let notes = args.notes.clone().map(|path| ("--notes", path));
        let mut written: Vec<Written> = notes.into_iter().collect();
        if let Some(folder) = &args.out {
            written.extend(files::paths(folder, &names).map(|path| ("--out", path)));
        }
        let manifest = Some(&*args.account);
        let mut logs = args.logs.open(Suggest::projection(), manifest, &files, written, world)?;
        args.out.iter().try_for_each(|folder| files::check(folder, &names))?;
        let spooled = spool(&mut logs.inputs, interrupted)?;
        logs.options.memory = args.memory.limit();
        logs.options.stop = Some(Arc::clone(interrupted));
        Ok(Plan { account, assumed, window, logs, _spooled: spooled })
    }
}

/// Takes standard input down in a file, as far as it comes until an interruption: the log is read
/// twice.
fn spool(
    inputs: &mut [Input],
    interrupted: &AtomicBool,
) -> miette::Result<Option<tempfile::TempPath>> {
    let Some(input) = inputs.iter_mut().find(|input| **input == Input::Stdin) else {
        return Ok(None);
    };
    let mut file = tempfile::NamedTempFile::new().into_diagnostic()?;
    let mut stdin = std::io::stdin().lock();
    while !interrupted.load(Ordering::Relaxed) {
        let some = &mut stdin.by_ref().take(SPOOLED_AT_ONCE);
        if std::io::copy(some, &mut file).into_diagnostic()? == 0 {
            break;
        }
    }
    let path = file.into_temp_path();
    *input = Input::File(path.to_path_buf());
    Ok(Some(path))
}

fn chosen<'a>(account: &'a Account, args: &Args) -> miette::Result<Vec<&'a Subject>> {
    if args.all {
        return Ok(account.subjects().iter().collect());
    }
    let mut chosen: Vec<&Subject> = Vec::new();
    for name in &args.principal {
        let subject = account.find(name).map_err(|error| Problem {
            help: error.help(),
            ..Problem::new(format!("{error} ({})", args.account.display()))
        })?;
        if !chosen.iter().any(|known| known.arn() == subject.arn()) {
            chosen.push(subject);
        }
    }
    Ok(chosen)
}

fn print(suggestions: &Suggestions, args: &Args, world: &World) -> miette::Result<()> {
    if let Some(folder) = &args.out {
        files::write(suggestions, folder)?;
    }
    if let Some(path) = &args.notes {
        let notes = serde_json::to_string_pretty(&suggestions.without_policies());
        files::replace(path, (notes.into_diagnostic()? + "\n").as_bytes())?;
    }
    match args.format {
        Format::Json => world.write_by(None, |to| render::json::write(suggestions, to)),
        Format::Text => {
            let (width, colour, fold) = (world.width, world.colour, world.terminal);
            let style = text::Style { width, fold, colour, top: 0 };
            world.write(None, text::suggestions(suggestions, &style).as_bytes())
        }
    }
}

/// The principals that called nothing.
fn silent(suggestions: &Suggestions) -> Vec<&Suggestion> {
    suggestions.principals.iter().filter(|each| each.calls.requests == 0).collect()
}

fn names<'s>(suggestions: impl IntoIterator<Item = &'s Suggestion>) -> Vec<&'s str> {
    suggestions.into_iter().map(|each| each.principal.as_str()).collect()
}

/// The first of them, and how many more there are.
fn some_of(names: &[&str]) -> String {
    let (said, others) = names.split_at(names.len().min(SILENT_SAID));
    match others.len() {
        0 => said.join(", "),
        others => format!("{} and {others} more", said.join(", ")),
    }
}

/// What is suggested for who called nothing takes everything away.
fn unobserved(suggestions: &Suggestions, silent: &[&str], all: bool) -> Problem {
    let whom = if all { "any principal of the account".to_owned() } else { some_of(silent) };
    let left_out = suggestions.observation.left_out;
    let read = text::count(suggestions.observation.requests + left_out, "call");
    let left_out = text::number(left_out);
    Problem {
        help: Some(format!(
            "{read} were read, and {left_out} of them are left out by `--since`, `--until` or \
             `--filter`"
        )),
        ..Problem::new(format!(
            "nothing was observed of {whom}: a suggestion would take away all that is granted"
        ))
    }
}

/// A log that grows has calls that the suggestion does not know of.
fn changed(first: u64, again: u64) -> Problem {
    Problem {
        help: Some(
            "run it again, or leave out what is still being written with `--until`".to_owned(),
        ),
        ..Problem::new(format!(
            "the log changed while it was read: {first} calls at first, then {again}"
        ))
    }
}
