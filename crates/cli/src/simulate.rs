//! `tollgate simulate`: asks policies about one request, or about a file of cases.

mod batch;
mod policies;
mod single;

use clap::ValueEnum;
use tollgate_policy::simulate::check_action;

use crate::exit::Outcome;
use crate::world::World;

/// Decide a request by its policies, and explain the decision.
///
/// Every policy is a JSON file; where a flag may be given several times, the policies add up. With
/// `--batch`, cases come from a file, one JSON object a line, and so do the answers.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Read cases from this file, or from standard input (`-`), and answer each with a line.
    #[arg(long, value_name = "FILE", exclusive = true)]
    batch: Option<String>,
    /// Who asks: an ARN, `anonymous`, or a service such as `lambda.amazonaws.com`.
    #[arg(long, short, value_name = "ARN", required_unless_present = "batch")]
    principal: Option<String>,
    /// What they want to do, such as `execute-api:Invoke`.
    #[arg(
        long,
        short,
        value_name = "ACTION",
        required_unless_present = "batch",
        value_parser = action
    )]
    action: Option<String>,
    /// What they want to do it with: a concrete ARN, in which `*` is a star.
    #[arg(long, short, value_name = "ARN", default_value = "*")]
    resource: String,
    /// The account that owns the resource, if its ARN does not say.
    #[arg(long, value_name = "ID")]
    resource_account: Option<String>,
    /// The IAM user who created the federated session that asks.
    #[arg(long, value_name = "ARN")]
    session_issuer: Option<String>,
    /// A condition key and its value; given several times for one key, a set of values.
    #[arg(long, short, value_name = "KEY=VALUE", value_parser = key_and_value)]
    context: Vec<(String, String)>,
    /// A condition key of which nothing is known; others that are not given are absent.
    #[arg(long, short, value_name = "KEY")]
    unknown: Vec<String>,
    /// A policy of the caller: of the user, its groups, or the role.
    #[arg(long, short, value_name = "FILE")]
    identity: Vec<String>,
    /// The policy of the resource; of a role that is to be assumed, its trust policy.
    #[arg(long, value_name = "FILE")]
    resource_policy: Option<String>,
    /// The caller's permissions boundary.
    #[arg(long, value_name = "FILE")]
    boundary: Vec<String>,
    /// The policy of the caller's session.
    #[arg(long, value_name = "FILE")]
    session_policy: Option<String>,
    /// A level of service control policies, files divided by commas; the root's level first.
    #[arg(long, value_name = "FILE,…")]
    service_control: Vec<String>,
    /// A level of resource control policies, likewise.
    #[arg(long, value_name = "FILE,…")]
    resource_control: Vec<String>,
    /// The policy of the VPC endpoint that the request came through.
    #[arg(long, value_name = "FILE")]
    vpc_endpoint: Option<String>,
    /// How the API's method authorizes.
    #[arg(long, value_enum, default_value_t = Authorization::AwsIam)]
    authorization_type: Authorization,
    /// What standard output holds.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// End with exit code 1 if the request is denied.
    #[arg(long)]
    fail_on_deny: bool,
}

const EXAMPLES: &str = "\
Examples:
  tollgate simulate --principal arn:aws:iam::111122223333:user/ana --action s3:GetObject \\
    --resource arn:aws:s3:::logs/a --identity reader.json --context aws:SourceIp=10.0.0.1
  tollgate simulate … --unknown aws:MultiFactorAuthPresent --format json
  tollgate simulate --batch cases.jsonl > answers.jsonl

Exit codes: 0 when the request is decided, allowed or not (1 for a denial with `--fail-on-deny`), 4
when the decision depends on unknown keys; for a batch 0, or 2 when some line is no case or holds a
policy that cannot be read, which its answer says.";

/// How a method of an API authorizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Authorization {
    /// Callers sign, and all policies decide.
    AwsIam,
    /// Callers are anonymous.
    None,
}

/// How an explanation is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// One JSON document.
    Json,
}

fn action(text: &str) -> Result<String, String> {
    match check_action(text) {
        Ok(()) => Ok(text.to_owned()),
        Err(expected) => Err(format!("expected {expected}")),
    }
}

fn key_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err(format!("expected `KEY=VALUE`, found `{text}`")),
    }
}

pub(crate) fn run(args: &Args, world: &World) -> Outcome {
    match (&args.batch, &args.principal, &args.action) {
        (Some(path), ..) => batch::answer_all(path, world),
        (None, Some(principal), Some(action)) => single::run(args, principal, action, world),
        (None, ..) => Err(miette::miette!("expected `--principal` and `--action`, or `--batch`")),
    }
}
