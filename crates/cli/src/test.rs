//! `tollgate test`: runs policy tests, and says what they see and what they would miss.

mod git;
mod record;
mod watch;

use std::path::PathBuf;

use tollgate_harness::{
    Changed, Coverage, Format, Mutation, Problem, Problems, Report, Run, Selection, Suite,
    discover, run as run_suite, write_snapshot,
};
use tollgate_store::Source;

pub(crate) use self::watch::Recording;
use crate::diagnose;
use crate::exit::{Exit, Outcome};
use crate::world::World;

/// Run policy tests: files named `*.test.yaml`.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Test files, and folders to search for them.
    #[arg(default_value = ".", value_name = "PATH")]
    paths: Vec<String>,
    /// Run only tests whose id holds this text; may be given several times.
    #[arg(long, short, value_name = "TEXT")]
    filter: Vec<String>,
    /// Print the ids of the tests that would run, one a line, and run none.
    #[arg(long)]
    list: bool,
    /// Stop after the first test that fails.
    #[arg(long)]
    fail_fast: bool,
    /// Run again whenever a file that the tests depend on changes, until interrupted.
    #[arg(long, conflicts_with_all = ["list", "accept", "mutate", "out"])]
    watch: bool,
    /// What standard output holds: pretty, json, junit, tap, github or sarif.
    #[arg(long, value_name = "FORMAT", value_parser = Format::parse)]
    format: Option<Format>,
    /// Write another report to a file: one of the formats above, or lcov or html for coverage; may
    /// be given several times.
    #[arg(long, value_name = "FORMAT=PATH", value_parser = Target::parse)]
    out: Vec<Target>,
    /// Take the decisions of this run as the accepted ones: rewrite the snapshots.
    #[arg(long)]
    accept: bool,
    /// Measure what the tests see of the policies, and print it.
    #[arg(long, value_name = "FORMAT", value_enum, num_args = 0..=1, default_missing_value = "text")]
    coverage: Option<CoverageFormat>,
    /// End with exit code 3 if coverage is below this percentage.
    #[arg(long, value_name = "PERCENT", value_parser = percentage)]
    fail_under: Option<f64>,
    /// Change the policies in one place at a time, and see which changes the tests notice.
    #[arg(long)]
    mutate: bool,
    /// End with exit code 3 if fewer mutants than this percentage are noticed.
    #[arg(long, value_name = "PERCENT", value_parser = percentage, requires = "mutate")]
    min_score: Option<f64>,
    /// Mutate only lines that differ from this revision of the git repository.
    #[arg(long, value_name = "REV", requires = "mutate")]
    in_diff: Option<String>,
    /// Run no tests; print a test file of the calls in this log, as the account decides them now.
    /// May be given several times.
    #[arg(long, value_name = "LOG", requires = "account", conflicts_with_all = ["watch", "list", "accept", "coverage", "mutate", "format", "out"])]
    record: Vec<String>,
    /// The account manifest whose policies decide recorded calls.
    #[arg(long, value_name = "FILE", requires = "record")]
    account: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  tollgate test
  tollgate test policies/ --filter readable --fail-fast
  tollgate test --coverage --fail-under 90
  tollgate test --format github --out junit=report.xml --out html=coverage.html
  tollgate test --mutate --in-diff main --min-score 85
  tollgate test --record logs/ --account tollgate.toml > recorded.test.yaml";

/// The formats of coverage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum CoverageFormat {
    Text,
    Json,
    Lcov,
    Html,
}

/// What a report file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    Report(Format),
    Coverage(CoverageFormat),
}

/// A report file.
#[derive(Clone, Debug)]
struct Target {
    content: Content,
    path: PathBuf,
}

impl Target {
    fn parse(text: &str) -> Result<Target, String> {
        let Some((name, path)) = text.split_once('=') else {
            return Err(format!("expected `FORMAT=PATH`, found `{text}`"));
        };
        let content = match name {
            "lcov" => Content::Coverage(CoverageFormat::Lcov),
            "html" => Content::Coverage(CoverageFormat::Html),
            other => Content::Report(Format::parse(other)?),
        };
        Ok(Target { content, path: path.into() })
    }
}

fn percentage(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if (0.0..=100.0).contains(&number) => Ok(number),
        _ => Err(format!("expected a percentage from 0 to 100, found `{text}`")),
    }
}

/// What the arguments mean.
struct Plan<'a> {
    args: &'a Args,
    selection: Selection,
    stdout: Content,
    measures_coverage: bool,
    changed: Option<Changed>,
}

impl<'a> Plan<'a> {
    fn new(args: &'a Args) -> miette::Result<Plan<'a>> {
        let stdout = match (args.format, args.coverage) {
            (None, Some(CoverageFormat::Text) | None) => Content::Report(Format::Pretty),
            (None, Some(format)) => Content::Coverage(format),
            (Some(format), None) => Content::Report(format),
            (Some(Format::Pretty | Format::Json), Some(CoverageFormat::Text)) => {
                Content::Report(args.format.unwrap_or(Format::Pretty))
            }
            (Some(_), Some(_)) => {
                return Err(usage(
                    "standard output holds one format: write the other to a file with `--out`",
                ));
            }
        };
        let of_coverage = |target: &Target| matches!(target.content, Content::Coverage(_));
        Ok(Plan {
            selection: Selection { filters: args.filter.clone(), fail_fast: args.fail_fast },
            stdout,
            measures_coverage: args.coverage.is_some()
                || args.fail_under.is_some()
                || args.out.iter().any(of_coverage),
            changed: args.in_diff.as_deref().map(git::changed_since).transpose()?,
            args,
        })
    }
}

fn usage(message: &str) -> miette::Report {
    problem(Problem::nowhere(message))
}

pub(crate) fn run(args: &Args, world: &World) -> Outcome {
    if let Some(manifest) = &args.account {
        return record::record(&args.record, manifest, world);
    }
    let plan = Plan::new(args)?;
    if args.watch {
        return watch::again_and_again(&args.paths, world, |source| once(&plan, source, world));
    }
    once(&plan, &Recording::default(), world)
}

/// Loads, runs and reports.
fn once(plan: &Plan<'_>, source: &dyn Source, world: &World) -> Outcome {
    let paths = discover(&plan.args.paths).map_err(problem)?;
    let suite = Suite::load(source, &paths).map_err(problems)?;
    let selected = suite.cells.iter().filter(|cell| plan.selection.takes(cell));
    if selected.clone().next().is_none() {
        let filters = plan.selection.filters.join("`, `");
        return Err(match suite.cells.is_empty() {
            true => usage(&format!("no tests in `{}`", paths.join("`, `"))),
            false => usage(&format!("no test's id holds `{filters}`")),
        });
    }
    if plan.args.list {
        let list: String = selected.map(|cell| format!("{}\n", cell.id)).collect();
        world.write(None, list.as_bytes())?;
        return Ok(Exit::Ok);
    }
    let mut report = Report::of(run_suite(&suite, &plan.selection)).map_err(problem)?;
    if plan.args.accept {
        accept(&mut report, world)?;
    }
    if plan.measures_coverage {
        report.coverage = Some(Coverage::measure(&report.run));
    }
    if plan.args.mutate {
        report.mutation = Some(Mutation::test(&report.run, plan.changed.as_ref()));
    }
    write(plan, &report, world)?;
    Ok(exit(plan, &report))
}

/// Rewrites the snapshots that changed.
fn accept(report: &mut Report<'_>, world: &World) -> miette::Result<()> {
    let run: &Run<'_> = &report.run;
    for verdict in report.snapshots.iter_mut().filter(|verdict| !verdict.changes.is_empty()) {
        let text = write_snapshot(verdict, run).map_err(problem)?;
        world.write(Some(verdict.snapshot.path.as_ref()), text.as_bytes())?;
        let count = verdict.changes.len();
        world.complain(&format!(
            "accepted {count} changed decisions into `{}`",
            verdict.snapshot.path
        ));
        verdict.changes.clear();
    }
    Ok(())
}

fn write(plan: &Plan<'_>, report: &Report<'_>, world: &World) -> miette::Result<()> {
    for Target { content, path } in &plan.args.out {
        world.write(Some(path), render(*content, report).as_bytes())?;
    }
    // Where standard output holds no verdicts, failures must not pass unseen.
    if report.failed() && matches!(plan.stdout, Content::Coverage(_)) {
        world.complain(
            &Report { coverage: None, mutation: None, ..report.clone() }.render(Format::Pretty),
        );
    }
    world.write(None, render(plan.stdout, report).as_bytes())
}

fn render(content: Content, report: &Report<'_>) -> String {
    match (content, &report.coverage) {
        (Content::Report(format), _) => report.render(format),
        (Content::Coverage(_), None) => String::new(),
        (Content::Coverage(CoverageFormat::Text), Some(coverage)) => coverage.text(),
        (Content::Coverage(CoverageFormat::Json), Some(coverage)) => {
            format!("{:#}\n", coverage.json())
        }
        (Content::Coverage(CoverageFormat::Lcov), Some(coverage)) => coverage.lcov(),
        (Content::Coverage(CoverageFormat::Html), Some(coverage)) => coverage.html(),
    }
}

/// Failed tests weigh more than thresholds; a mutant that survives is a finding unless a threshold
/// says how many may.
fn exit(plan: &Plan<'_>, report: &Report<'_>) -> Exit {
    let below = |value: Option<f64>, least: Option<f64>| {
        value.zip(least).is_some_and(|(value, least)| value < least)
    };
    let coverage = report.coverage.as_ref().map(|coverage| coverage.seen().percent());
    let score = report.mutation.as_ref().map(Mutation::score);
    let survivors = report.mutation.as_ref().is_some_and(|mutation| !mutation.survivors.is_empty());
    if report.failed() {
        Exit::Findings
    } else if below(coverage, plan.args.fail_under) || below(score, plan.args.min_score) {
        Exit::Threshold
    } else if survivors && plan.args.min_score.is_none() {
        Exit::Findings
    } else {
        Exit::Ok
    }
}

fn problem(found: Problem) -> miette::Report {
    diagnose::Problem::from(found).into()
}

fn problems(found: Problems) -> miette::Report {
    let problems = found.0.into_iter().map(diagnose::Problem::from);
    match diagnose::Problem::first_of(problems) {
        Some(first) => first.into(),
        None => usage("the tests cannot be read"),
    }
}

impl From<Problem> for diagnose::Problem {
    fn from(problem: Problem) -> Self {
        let Problem { message, help, place } = problem;
        let place = place.map(|place| {
            diagnose::Place::new(place.file(), &place.source.text, place.span.range())
        });
        diagnose::Problem { message, help, place, others: Vec::new() }
    }
}
