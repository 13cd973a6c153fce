//! `tollgate analyze`: replays request logs through an account's policies and reports.

use std::path::PathBuf;

use clap::ValueEnum;
use miette::IntoDiagnostic;
use tollgate_analyzer::{Analysis, Assumption, Report, Window, text};
use tollgate_log::{Quarantine, Source};
use tollgate_store::Account;

use crate::account;
use crate::diagnose::Problem;
use crate::exit::{Exit, Outcome};
use crate::logs::{LogArgs, Logs};
use crate::moment;
use crate::progress;
use crate::world::World;

/// Entries of a list in the text report, unless `--top` says otherwise.
const TOP: usize = 10;

/// Report usage, rate limits and denied calls from request logs.
///
/// With an account, every request is decided again by its policies, and denied calls are shown with
/// the statement that decided, or the one that came nearest to allowing them.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    logs: LogArgs,
    /// The account manifest. Without it, only usage and rate limits are reported.
    #[arg(long, value_name = "FILE")]
    account: Option<PathBuf>,
    /// An account to compare with: report which calls of the log `--account` would newly deny or
    /// newly allow.
    #[arg(long, value_name = "FILE", requires = "account")]
    against: Option<PathBuf>,
    /// The value of a condition key that the log does not tell, such as
    /// `aws:MultiFactorAuthPresent=true`; may be repeated.
    #[arg(long, value_name = "KEY=VALUE", requires = "account", value_parser = assumption)]
    assume: Vec<Assumption>,
    /// Leave out requests before this moment: `2026-03-10`, `2026-03-10T09:30`, RFC 3339; UTC unless
    /// it says otherwise.
    #[arg(long, value_name = "MOMENT", value_parser = moment::parse)]
    since: Option<i64>,
    /// Leave out requests at this moment or later.
    #[arg(long, value_name = "MOMENT", value_parser = moment::parse)]
    until: Option<i64>,
    /// Entries of each list; 0 for all. Text shows 10 unless told otherwise, JSON all.
    #[arg(long, value_name = "N")]
    top: Option<usize>,
    /// How to print the report.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Write the report to a file.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// End with exit code 1 if a call of the log would be newly denied, or newly allowed.
    #[arg(long, value_enum, value_name = "CHANGE", requires = "against")]
    fail_on: Vec<FailOn>,
}

const EXAMPLES: &str = "\
Examples:
  tollgate analyze --account tollgate.toml logs/
  tollgate analyze --account new/tollgate.toml --against tollgate.toml --fail-on newly-denied logs/
  tollgate analyze --since 2026-03-10T09:00 --format json 'logs/**/*.gz' | jq .usage
  aws logs tail GROUP --since 1h | tollgate analyze --account tollgate.toml -";

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For programs; see fixtures/schemas/analyze.schema.json.
    Json,
}

/// A change that must not be.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FailOn {
    /// A call that was not denied would be.
    NewlyDenied,
    /// A call that was not allowed would be.
    NewlyAllowed,
}

/// Reads `KEY=VALUE`.
fn assumption(text: &str) -> Result<Assumption, String> {
    match text.split_once('=') {
        Some((key, value)) if key.contains(':') => Ok((key.to_owned(), value.to_owned())),
        _ => Err("expected a condition key and its value, `aws:PrincipalTag/team=blue`".to_owned()),
    }
}

/// What the arguments mean.
struct Plan<'a> {
    account: Option<Account>,
    against: Option<Account>,
    logs: Logs<'a>,
    window: Window,
}

pub(crate) fn run(args: &Args, world: &World) -> Outcome {
    let mut plan = Plan::new(args)?;
    let analysis = Analysis {
        account: plan.account.as_ref(),
        against: plan.against.as_ref(),
        assumed: &args.assume,
        window: plan.window,
    };
    let logs = &mut plan.logs;
    let bar = progress::watch(&logs.inputs, &mut logs.options, world);
    let (gathered, scanned) = analysis.scan(&logs.inputs, &logs.options);
    bar.finish();
    let new = scanned.sources.iter().any(|source| source.passed_bytes == 0);
    if new && scanned.account.parsed + scanned.account.recovered == 0 {
        return Err(unreadable(&scanned.sources, &scanned.quarantine).into());
    }
    let report = Report::new(&gathered, scanned.account, scanned.quarantine.samples());
    let exit = exit(&report, &args.fail_on);
    world.write(args.out.as_deref(), print(report, args, world)?.as_bytes())?;
    logs.close(&scanned.account, &scanned.sources, scanned.state.as_ref(), world)?;
    Ok(exit)
}

fn exit(report: &Report, fail_on: &[FailOn]) -> Exit {
    let found = |fail_on: &FailOn| {
        report.changes.as_ref().is_some_and(|changes| match fail_on {
            FailOn::NewlyDenied => changes.newly_denied > 0,
            FailOn::NewlyAllowed => changes.newly_allowed > 0,
        })
    };
    if fail_on.iter().any(found) { Exit::Findings } else { Exit::Ok }
}

impl Plan<'_> {
    fn new(args: &Args) -> miette::Result<Plan<'_>> {
        let account = args.account.as_deref().map(account::read).transpose()?;
        let against = args.against.as_deref().map(account::read).transpose()?;
        let logs = args.logs.open(Analysis::projection())?;
        let window = Window { since: args.since, until: args.until };
        Ok(Plan { account, against, logs, window })
    }
}

fn print(report: Report, args: &Args, world: &World) -> miette::Result<String> {
    match args.format {
        Format::Text => {
            let colour = world.colour && args.out.is_none();
            let top = args.top.unwrap_or(TOP);
            Ok(text::render(&report, &text::Style { width: world.width, colour, top }))
        }
        Format::Json => {
            let report = match args.top {
                None | Some(0) => report,
                Some(top) => report.top(top),
            };
            Ok(serde_json::to_string_pretty(&report).into_diagnostic()? + "\n")
        }
    }
}

/// No line could be read: what each input was taken for, and why its first line did not fit.
fn unreadable(sources: &[Source], quarantine: &Quarantine) -> Problem {
    let mut tried = Vec::new();
    for source in sources {
        let first = quarantine.samples().iter().find(|line| line.file == source.name);
        let why = match (first, source.account.total()) {
            (Some(line), _) => format!("{}: `{}`", line.reason, line.sample),
            (None, 0) => "it is empty".to_owned(),
            (None, lines) => format!("{lines} lines, none of a request"),
        };
        tried.push(format!("{} (read as {}): {why}", source.name, source.description()));
    }
    Problem {
        help: Some(
            "expected access logs of API Gateway or a gateway like it, one request a line, plain or \
             packed with gzip or zstd"
                .to_owned(),
        ),
        ..Problem::new(format!("no line is a request that can be read\n{}", tried.join("\n")))
    }
}
