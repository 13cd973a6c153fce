//! `tollgate secrets advise`: where a value goes, why, and what to write there.

use std::io;
use std::path::PathBuf;

use clap::ValueEnum;
use miette::{IntoDiagnostic, WrapErr};
use serde_json::{Value, json};
use tollgate_log::Input;
use tollgate_secrets::advise::{Advice, Profile, Rule, Secrecy, Uniqueness, advise};

use crate::exit::{Exit, Outcome};
use crate::texts;
use crate::world::World;

use super::interview::interview;
use super::snippet::{Name, Snippet, snippets};

/// Say where a secret, or a value that may be one, should go: what to do, all reasons, and what to
/// write.
///
/// Asks on a terminal. Otherwise the answers are given by flags, or as a JSON document.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// What the value is called, for what is to be written: `GITHUB_TOKEN`.
    #[arg(long, default_value = "API_TOKEN")]
    name: Name,
    /// How secret it is.
    #[arg(long, value_enum, requires = "uniqueness")]
    secrecy: Option<SecrecyArg>,
    /// For how many parties it is the same.
    #[arg(long, value_enum, requires = "secrecy")]
    uniqueness: Option<UniquenessArg>,
    #[command(flatten)]
    facts: Facts,
    /// The answers as JSON, from a file or `-` for standard input.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["secrecy", "Facts"])]
    profile: Option<PathBuf>,
    /// How to print the advice.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// What is true of the value.
#[derive(clap::Args)]
#[group(multiple = true, requires = "secrecy")]
struct Facts {
    /// It is a login to a database.
    #[arg(long)]
    database_login: bool,
    /// It is for a third party's HTTP API, called by a workload with an identity of its own.
    #[arg(long)]
    third_party_api: bool,
    /// Several applications, repositories or teams need it.
    #[arg(long)]
    shared_across_contexts: bool,
    /// It is asked at every use whether it is still good.
    #[arg(long)]
    validated_at_use: bool,
    /// To change it, several systems must change at the same time.
    #[arg(long)]
    rotation_touches_several: bool,
    /// What is built goes where strangers can read it.
    #[arg(long)]
    public_artefact: bool,
    /// Somebody must be able to look the value up later.
    #[arg(long)]
    read_back: bool,
    /// When it changes, building and deploying anew is too late.
    #[arg(long)]
    rebuild_unacceptable: bool,
}

const EXAMPLES: &str = "\
Examples:
  tollgate secrets advise
  tollgate secrets advise --name GITHUB_TOKEN --secrecy shared --uniqueness per-stage --third-party-api
  echo '{\"secrecy\": \"config\", \"uniqueness\": \"perStage\"}' | tollgate secrets advise --profile - --format json";

#[derive(Clone, Copy, ValueEnum)]
enum SecrecyArg {
    /// Anybody may know it.
    Config,
    /// The application's own secret.
    Shared,
    /// A user's secret, which the application holds for them.
    UserOwned,
}

#[derive(Clone, Copy, ValueEnum)]
enum UniquenessArg {
    /// The same everywhere.
    Static,
    /// One for each stage.
    PerStage,
    /// One for each user, tenant or device.
    PerActor,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// One JSON document.
    Json,
}

pub(crate) fn run(args: &Args, world: &World) -> Outcome {
    let profile = profile(args, world)?;
    let advice = advise(&profile);
    let snippets = snippets(advice.outcome, &profile, &args.name);
    let printed = match args.format {
        Format::Text => text(&advice, &args.name, &snippets, world.width),
        Format::Json => format!("{:#}\n", document(&profile, &advice, &args.name, &snippets)),
    };
    world.write(None, printed.as_bytes())?;
    Ok(Exit::Ok)
}

fn profile(args: &Args, world: &World) -> miette::Result<Profile> {
    if let Some(path) = &args.profile {
        let input = match path.to_str() {
            Some("-") => Input::Stdin,
            _ => Input::File(path.clone()),
        };
        let (name, text) = texts::read(&input)?;
        return serde_json::from_str(&text)
            .map_err(|error| miette::miette!("{name}: {error}"))
            .wrap_err("the answers cannot be read");
    }
    match (args.secrecy, args.uniqueness) {
        (Some(secrecy), Some(uniqueness)) => Ok(args.facts.profile(secrecy, uniqueness)),
        _ if world.can_ask => interview(&mut io::stdin().lock(), &mut io::stderr().lock())
            .into_diagnostic()
            .wrap_err("the questions were not answered"),
        _ => Err(miette::miette!(
            help = "without a terminal nobody can be asked",
            "expected `--secrecy` and `--uniqueness`, or `--profile FILE`"
        )),
    }
}

impl Facts {
    fn profile(&self, secrecy: SecrecyArg, uniqueness: UniquenessArg) -> Profile {
        Profile {
            secrecy: match secrecy {
                SecrecyArg::Config => Secrecy::Config,
                SecrecyArg::Shared => Secrecy::Shared,
                SecrecyArg::UserOwned => Secrecy::UserOwned,
            },
            uniqueness: match uniqueness {
                UniquenessArg::Static => Uniqueness::Static,
                UniquenessArg::PerStage => Uniqueness::PerStage,
                UniquenessArg::PerActor => Uniqueness::PerActor,
            },
            database_login: self.database_login,
            third_party_api: self.third_party_api,
            shared_across_contexts: self.shared_across_contexts,
            validated_at_use: self.validated_at_use,
            rotation_touches_several: self.rotation_touches_several,
            public_artefact: self.public_artefact,
            read_back: self.read_back,
            rebuild_acceptable: !self.rebuild_unacceptable,
        }
    }
}

fn text(advice: &Advice, name: &Name, snippets: &[Snippet], width: usize) -> String {
    let mut text = texts::wrap(&format!("{name}: {}", advice.outcome.sentence()), width, "");
    text.push_str("\nBecause\n");
    for (index, rule) in advice.reasons.iter().enumerate() {
        let alone = match index {
            0 => String::new(),
            _ => format!(" (alone: {})", rule.outcome().sentence()),
        };
        text.push_str(&texts::wrap(&format!("- {}{alone}", rule.because()), width, "  "));
    }
    for snippet in snippets {
        text.push_str(&format!("\n{}\n", snippet.title));
        text.extend(
            snippet.text.lines().map(|line| format!("    {line}").trim_end().to_owned() + "\n"),
        );
    }
    text
}

/// As `fixtures/schemas/secrets-advise.schema.json` says.
fn document(profile: &Profile, advice: &Advice, name: &Name, snippets: &[Snippet]) -> Value {
    let reason = |rule: &Rule| {
        json!({
            "rule": rule.name(),
            "because": rule.because(),
            "outcome": rule.outcome().name(),
        })
    };
    let snippet = |snippet: &Snippet| {
        json!({
            "title": snippet.title,
            "language": snippet.language,
            "text": snippet.text,
        })
    };
    json!({
        "version": 1,
        "name": name.to_string(),
        "profile": profile,
        "outcome": advice.outcome.name(),
        "sentence": advice.outcome.sentence(),
        "protection": advice.outcome.protection(),
        "reasons": advice.reasons.iter().map(reason).collect::<Vec<_>>(),
        "snippets": snippets.iter().map(snippet).collect::<Vec<_>>(),
    })
}
