//! `tollgate account show`: everything that applies to a principal, and from where.

use std::fmt::Write;
use std::path::PathBuf;

use clap::ValueEnum;
use miette::IntoDiagnostic;
use tollgate_store::{Overview, PolicyEntry, PrincipalEntry};

use crate::diagnose::Problem;
use crate::exit::{Exit, Outcome};
use crate::world::World;

/// List the policies that apply to a principal, and where each comes from.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The principal: its ARN, the ARN of a session, a unique id, or the end of its ARN, such as
    /// `ana` or `role/reader`.
    #[arg(value_name = "PRINCIPAL")]
    principal: String,
    /// The account manifest.
    #[arg(long, value_name = "FILE", default_value = "tollgate.toml")]
    account: PathBuf,
    /// How to print the list.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

const EXAMPLES: &str = "\
Examples:
  tollgate account show ana
  tollgate account show role/reader --account accounts/tollgate.toml
  tollgate account show AROAEXAMPLE:session --format json | jq '.policies[].file'";

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For programs; see fixtures/schemas/account-show.schema.json.
    Json,
}

pub(crate) fn run(args: &Args, world: &World) -> Outcome {
    let account = super::read(&args.account)?;
    let subject = account.find(&args.principal).map_err(|error| Problem {
        help: error.help(),
        ..Problem::new(format!("{error} ({})", args.account.display()))
    })?;
    let overview = account.overview(subject);
    let printed = match args.format {
        Format::Text => text(&overview),
        Format::Json => serde_json::to_string_pretty(&overview).into_diagnostic()? + "\n",
    };
    world.write(None, printed.as_bytes())?;
    Ok(Exit::Ok)
}

/// A layer's heading, and what it means that it has no policies.
struct Heading {
    policy_type: &'static str,
    title: &'static str,
    without: &'static str,
}

const HEADINGS: [Heading; 7] = [
    Heading {
        policy_type: "identity",
        title: "identity policies",
        without: "none: nothing is granted by them",
    },
    Heading {
        policy_type: "permissionsBoundary",
        title: "permissions boundary",
        without: "none: no limit",
    },
    Heading { policy_type: "session", title: "session policy", without: "none known: no limit" },
    Heading { policy_type: "roleTrust", title: "trust policy", without: "not known" },
    Heading {
        policy_type: "serviceControl",
        title: "service control policies",
        without: "none: no limit",
    },
    Heading { policy_type: "resource", title: "resource policies of APIs", without: "none" },
    Heading {
        policy_type: "resourceControl",
        title: "resource control policies",
        without: "none: no limit",
    },
];

fn text(overview: &Overview) -> String {
    let Overview { principal, policies, .. } = overview;
    let mut text = of_principal(principal);
    for Heading { policy_type, title, without } in &HEADINGS {
        if *policy_type == "roleTrust" && principal.kind != "role" {
            continue;
        }
        let _ = writeln!(text, "\n{title}");
        let layer: Vec<_> =
            policies.iter().filter(|policy| policy.policy_type == *policy_type).collect();
        if layer.is_empty() {
            let unknown = principal.foreign && *policy_type == "serviceControl";
            let without = if unknown { "not known: those of its own account" } else { without };
            let _ = writeln!(text, "  {without}");
        }
        let width = layer.iter().map(|policy| policy.place().chars().count()).max().unwrap_or(0);
        for policy in layer {
            let line = format!("{:width$}  {}", policy.place(), what(policy));
            let _ = writeln!(text, "  {}", line.trim_end());
        }
    }
    text
}

fn of_principal(principal: &PrincipalEntry) -> String {
    let mut text = format!("{}\n", principal.arn);
    let mut row = |name: &str, value: &str| {
        let _ = writeln!(text, "  {name:10} {value}");
    };
    row("kind", if principal.kind == "federatedUser" { "federated user" } else { principal.kind });
    if let Some(id) = &principal.unique_id {
        row("unique id", id);
    }
    row("named in", &principal.declared.join(", "));
    if !principal.replaced.is_empty() {
        let fields = principal.replaced.join("`, `");
        row("", &format!("the manifest replaces `{fields}` of the export"));
    }
    if !principal.groups.is_empty() {
        row("groups", &principal.groups.join(", "));
    }
    match &principal.tags {
        None => row("tags", "not known"),
        Some(tags) if tags.is_empty() => row("tags", "none"),
        Some(tags) => {
            let pairs: Vec<String> =
                tags.iter().map(|(name, value)| format!("{name} = {value}")).collect();
            row("tags", &pairs.join(", "));
        }
    }
    if principal.may_tag_sessions {
        row("", "sessions may have tags of their own, which hide these");
    }
    text
}

/// ``managed policy `Read`, version v3 of 5, by group `developers`; 2 statements``.
fn what(policy: &PolicyEntry) -> String {
    let mut parts = Vec::new();
    if let Some(level) = policy.level {
        parts.push(match level {
            0 => "level 0, the root".to_owned(),
            _ => format!("level {level}"),
        });
    }
    if let Some(api) = &policy.api {
        parts.push(format!("API `{api}`"));
    }
    if let Some(name) = &policy.name {
        parts.push(format!("{} policy `{name}`", policy.kind));
    }
    if let (Some(version), Some(versions)) = (&policy.policy_version, policy.versions) {
        parts.push(format!("version {version} of {versions}"));
    }
    if let Some(group) = &policy.group {
        parts.push(format!("by group `{group}`"));
    }
    let statements = match policy.statements {
        1 => "1 statement".to_owned(),
        count => format!("{count} statements"),
    };
    match parts.is_empty() {
        true => statements,
        false => format!("{}; {statements}", parts.join(", ")),
    }
}
