//! `tollgate analyze`: replays request logs through an account's policies and reports.

use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};

use miette::IntoDiagnostic;
use tollgate_analyzer::{Analysis, Assumption, Filter, Grouping, Partial, Window};
use tollgate_log::Source;
use tollgate_store::{Account, suggestion};

use crate::account;
use crate::assume::Assume;
use crate::diagnose::Problem;
use crate::exit::Outcome;
use crate::logs::{LogArgs, samples, tried, unreadable};
use crate::memory::MemoryArgs;
use crate::merge;
use crate::moment::Period;
use crate::progress;
use crate::report;
use crate::threshold::Bounds;
use crate::world::World;

/// Report usage, rate limits and denied calls from request logs.
///
/// With an account, every request is decided again by its policies, and denied calls are shown with
/// the statement that decided, or the one that came nearest to allowing them.
///
/// Ctrl-C ends reading: the report of what was read until then is printed, marked as interrupted,
/// and the exit code is 4, whichever bounds are exceeded. A second Ctrl-C ends at once.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    logs: LogArgs,
    #[command(flatten)]
    memory: MemoryArgs,
    /// The account manifest: policies to decide by, and how to read the logs. Without it, only usage
    /// and rate limits are reported.
    #[arg(long, value_name = "FILE")]
    account: Option<PathBuf>,
    /// An account to compare with: report which calls of the log `--account` would newly deny or
    /// newly allow.
    #[arg(long, value_name = "FILE", requires = "account")]
    against: Option<PathBuf>,
    #[command(flatten)]
    assume: Assume,
    #[command(flatten)]
    period: Period,
    /// Leave out requests that this does not hold for, such as
    /// `status>=400 and caller~"release"`. Fields: status, latency, caller, method, route, path, ip,
    /// agent, upstream, credential, api, stage, error; `~` contains; `and`, `or`, `not`, `(…)`.
    /// Latencies are milliseconds or have a unit: `latency>500ms`, `latency>1.5s`; where the response's is
    /// not told, it is the integration's. What reports print of a caller, such as `role/web` for all
    /// sessions of a role, or tables of usage of a route, `GET /users`, is one, too, and `-` is what a
    /// request does not tell.
    #[arg(long, value_name = "FILTER", value_parser = Filter::parse)]
    filter: Option<Filter>,
    /// Group usage by one or, with commas between them, up to four values: caller, role, session,
    /// method, route, api, stage, upstream, credential, status, network, agent, error; may be repeated.
    #[arg(long, value_name = "NAMES", value_parser = Grouping::parse)]
    group_by: Vec<Grouping>,
    /// Compare with another period: `previous`, the one before `--since` and `--until`, which is as
    /// long; or what `--partial` wrote of another run, whose period is what that run was asked for, else
    /// from its first request to its last.
    #[arg(long, value_name = "previous|FILE")]
    compare: Option<PathBuf>,
    #[command(flatten)]
    report: report::Printing,
    #[command(flatten)]
    bounds: Bounds,
    /// Write everything gathered to a file, for `tollgate merge`; but not if the run was interrupted and
    /// has a `--state`, as the next one reads all of this again.
    #[arg(long, value_name = "FILE")]
    partial: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  tollgate analyze --account tollgate.toml logs/
  tollgate analyze --account new/tollgate.toml --against tollgate.toml --fail-on newly-denied logs/
  tollgate analyze --account tollgate.toml --format html --out report.html logs/
  tollgate analyze --group-by role --group-by upstream,status logs/
  tollgate analyze --format csv --table routes logs/ > routes.csv
  tollgate analyze --since 2026-03-11 --until 2026-03-12 --compare previous logs/
  tollgate analyze --since 2026-03-10T09:00 --format json 'logs/**/*.gz' | jq .usage
  aws logs tail GROUP --since 1h | tollgate analyze --account tollgate.toml -";

/// What the arguments mean.
struct Plan {
    account: Option<Account>,
    against: Option<Account>,
    assumed: Vec<Assumption>,
    window: Window,
    compare: Option<Compare>,
    /// What the accounts consist of.
    files: Vec<PathBuf>,
}

/// What to compare with.
enum Compare {
    /// The period before, in the same logs.
    Previous,
    /// Another run.
    With(Box<Partial>),
}

impl Compare {
    fn new(args: &Args, window: Window) -> miette::Result<Option<Compare>> {
        match args.compare.as_deref() {
            None => Ok(None),
            Some(path) if path == Path::new("previous") => match window.since.and(window.until) {
                Some(_) => Ok(Some(Compare::Previous)),
                None => Err(without_bounds().into()),
            },
            Some(path) => match suggestion(&path.to_string_lossy(), ["previous"]) {
                Some(meant) if !path.exists() => Err(no_period(path, meant).into()),
                _ => Ok(Some(Compare::With(Box::new(merge::read(path)?)))),
            },
        }
    }
}

fn no_period(path: &Path, meant: String) -> Problem {
    let message = format!("expected `previous` or a file, found `{}`", path.display());
    Problem { help: Some(meant), ..Problem::new(message) }
}

/// The period before is as long as this one, so this one must have a length.
fn without_bounds() -> Problem {
    Problem {
        help: Some("say where this period begins and ends: `--since`, `--until`".to_owned()),
        ..Problem::new("`--compare previous` needs a period, which the previous one is as long as")
    }
}

pub(crate) fn run(args: &Args, world: &World) -> Outcome {
    // The process ends after this: neither policies nor what is gathered need be taken apart.
    let plan = ManuallyDrop::new(Plan::new(args, world)?);
    let analysis = Analysis {
        account: plan.account.as_ref(),
        against: plan.against.as_ref(),
        assumed: &plan.assumed,
        window: plan.window,
        filter: args.filter.as_ref(),
        group_by: &args.group_by,
        previous: matches!(plan.compare, Some(Compare::Previous)),
        timeline: args.report.draws() || args.partial.is_some(),
    };
    let mut written = args.report.written();
    written.extend(args.partial.clone().map(|path| ("--partial", path)));
    let manifest = args.account.as_deref();
    let projection = analysis.projection();
    let mut logs = args.logs.open(projection, manifest, &plan.files, written, world)?;
    logs.options.memory = args.memory.limit();
    logs.options.stop = Some(world.interrupt()?);
    let bar = progress::watch(&logs.inputs, &mut logs.options, world);
    let (gathered, scanned) = analysis.scan(&logs.inputs, &logs.options);
    bar.finish();
    let interrupted = logs.options.is_stopped();
    let mut partial = ManuallyDrop::new(Partial::new(&analysis, gathered, &scanned));
    partial.interrupted = interrupted;
    partial.samples = samples(&scanned.quarantine);
    let new = !scanned.sources.iter().any(Source::is_known);
    if new && !interrupted && scanned.account.parsed + scanned.account.recovered == 0 {
        partial.unread = tried(&scanned.sources, &partial.samples);
        // Together with others it is what one run over all of their logs would have read.
        keep(&partial, args, world)?;
        return Err(unreadable(&partial.unread).into());
    }
    let before = match &plan.compare {
        Some(Compare::With(before)) => Some(&**before),
        _ => None,
    };
    let report = report::print(&partial, before, plan.account.as_ref(), &args.report, world)?;
    let judged = args.bounds.judge(&report, world);
    // Only a whole run knows from where to go on. After another the next one reads all of this again, so
    // nothing that is kept may hold it.
    let again = interrupted && scanned.state.is_some();
    match again {
        true => say_again(args, world),
        false => keep(&partial, args, world)?,
    }
    let next = scanned.state.as_ref().filter(|_| !again);
    logs.close(&scanned.account, &scanned.sources, next, world)?;
    Ok(judged)
}

/// Writes what was gathered, if it is asked for.
fn keep(partial: &Partial, args: &Args, world: &World) -> miette::Result<()> {
    let Some(path) = &args.partial else { return Ok(()) };
    let document = partial.to_json().into_diagnostic()?;
    world.write(Some(path), document.as_bytes())
}

/// Says what a run that was interrupted leaves as it was.
fn say_again(args: &Args, world: &World) {
    world.complain("--state: stays as it was, so the next run reads all of this again");
    if args.partial.is_some() {
        world.complain("--partial: not written, so that no merge counts what is read again twice");
    }
}

impl Plan {
    fn new(args: &Args, world: &World) -> miette::Result<Plan> {
        args.report.check(world)?;
        let given = |option: &str| match option {
            "against" => args.against.is_some(),
            _ => args.account.is_some(),
        };
        if let Some(lacking) = args.bounds.lacking(given) {
            return Err(Problem::new(lacking).into());
        }
        if let (None, Some(option)) = (&args.account, args.assume.given()) {
            return Err(Problem::new(format!("`{option}` needs `--account`")).into());
        }
        let window = args.period.window()?;
        let compare = Compare::new(args, window)?;
        let mut files = Vec::new();
        let mut read = |path: &Path| account::read_noted(path, &mut files);
        let account = args.account.as_deref().map(&mut read).transpose()?;
        let against = args.against.as_deref().map(&mut read).transpose()?;
        let assumed = args.assume.read(account.iter().chain(&against))?;
        Ok(Plan { account, against, assumed, window, compare, files })
    }
}
