//! `tollgate check`: everything that is wrong with policy files, and what is almost never meant.

mod excerpt;
mod explain;
mod json;
mod report;
mod sarif;
mod subject;
mod text;

use std::path::PathBuf;

use clap::ValueEnum;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use tollgate_policy::{Code, PolicyType};

use crate::exit::{Exit, Outcome};
use crate::world::World;

use report::Report;

/// Check policy files: report all errors, and what is legal but almost never meant.
///
/// The type of a policy is what `--type` says, else what the account's manifest says of the file,
/// else guessed from its elements; the report says which.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Files, folders (their `.json` files), globs in quotes, or `-` for standard input. Without any,
    /// all policies of the account.
    #[arg(value_name = "FILE", required_unless_present_any = ["account", "explain"])]
    inputs: Vec<String>,
    /// What the policies are.
    #[arg(long = "type", value_name = "TYPE", value_parser = policy_type())]
    policy_type: Option<PolicyType>,
    /// The account manifest, which says what each policy is attached to.
    #[arg(long, value_name = "FILE")]
    account: Option<PathBuf>,
    /// How to print the report.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Write the report to a file.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Exit with 1 on warnings too.
    #[arg(long)]
    strict: bool,
    /// Explain a code, such as `stage-wildcard`, at length.
    #[arg(long, value_name = "CODE", value_parser = code(), hide_possible_values = true, exclusive = true)]
    explain: Option<Code>,
}

const EXAMPLES: &str = "\
Examples:
  tollgate check --account tollgate.toml
  tollgate check --type resource 'policies/**/api-*.json'
  tollgate check --format sarif policies/ > findings.sarif
  tollgate check --explain stage-wildcard";

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// Findings with their lines, for people.
    Text,
    /// One JSON document.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
}

fn policy_type() -> impl TypedValueParser<Value = PolicyType> {
    PossibleValuesParser::new(PolicyType::ALL.map(PolicyType::as_str)).try_map(|name| {
        let named = PolicyType::ALL.into_iter().find(|known| known.as_str() == name);
        named.ok_or("unknown type of policy")
    })
}

fn code() -> impl TypedValueParser<Value = Code> {
    PossibleValuesParser::new(Code::ALL.iter().map(|code| code.as_str()))
        .try_map(|name| Code::parse(&name).ok_or("unknown code"))
}

/// The policies that a manifest attaches: the name of each file, its text, and its type.
pub(crate) fn policies_of(
    manifest: &std::path::Path,
) -> miette::Result<Vec<(String, std::sync::Arc<str>, PolicyType)>> {
    let subjects = subject::find(&[], None, Some(manifest))?;
    Ok(subjects.into_iter().map(|it| (it.name, it.source, it.policy_type)).collect())
}

pub(crate) fn run(args: &Args, world: &World) -> Outcome {
    if let Some(code) = args.explain {
        world.write(None, explain::page(code, world.width).as_bytes())?;
        return Ok(Exit::Ok);
    }
    let subjects = subject::find(&args.inputs, args.policy_type, args.account.as_deref())?;
    let report = Report::of(subjects);
    let printed = match args.format {
        Format::Text => text::print(&report, world, args.out.is_some()),
        Format::Json => json::print(&report),
        Format::Sarif => sarif::print(&report),
    };
    world.write(args.out.as_deref(), printed.as_bytes())?;
    let failed = report.errors > 0 || (args.strict && report.warnings > 0);
    Ok(if failed { Exit::Findings } else { Exit::Ok })
}
