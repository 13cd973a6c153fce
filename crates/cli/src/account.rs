//! `tollgate account`: what is known of an account. And how every command reads one.

mod show;

use std::cell::RefCell;
use std::io;
use std::path::{Path, PathBuf};

use tollgate_store::{Account, Files, Source};

use crate::diagnose::{Place, Problem};
use crate::exit::Outcome;
use crate::world::World;

/// Look into an account: its principals, and the policies that apply to them.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Show(show::Args),
}

pub(crate) fn run(args: &Args, world: &World) -> Outcome {
    match &args.command {
        Command::Show(args) => show::run(args, world),
    }
}

/// Reads the manifest, its policies and its exports.
///
/// # Errors
/// Everything that is wrong with them, each with its lines.
pub(crate) fn read(path: &Path) -> miette::Result<Account> {
    read_noted(path, &mut Vec::new())
}

/// The same; the files that the account consists of are added to `files`.
pub(crate) fn read_noted(path: &Path, files: &mut Vec<PathBuf>) -> miette::Result<Account> {
    let noted = Noted(RefCell::new(Vec::new()));
    let account = Account::read(&noted, path).map_err(all_of);
    files.extend(noted.0.into_inner());
    account
}

/// The file system, and what was read of it.
struct Noted(RefCell<Vec<PathBuf>>);

impl Source for Noted {
    fn read(&self, path: &Path) -> io::Result<String> {
        self.0.borrow_mut().push(path.to_owned());
        Files.read(path)
    }
}

/// All problems as one error, the first first.
pub(crate) fn all_of(
    problems: impl IntoIterator<Item = tollgate_store::Problem>,
) -> miette::Report {
    let shown = problems.into_iter().map(Problem::from);
    Problem::first_of(shown).map_or_else(|| miette::miette!("the account"), Into::into)
}

impl From<tollgate_store::Problem> for Problem {
    fn from(problem: tollgate_store::Problem) -> Problem {
        let place = problem.position().map(|position| format!("{}:{position}", problem.file));
        let tollgate_store::Problem { file, text, span, message, help, policy } = problem;
        let (message, place) = match (policy, span) {
            // An encoded policy is shown decoded; the message says where it stands.
            (Some(policy), _) if !policy.is_verbatim => {
                let name = format!("{}, decoded", policy.name);
                let message = format!("{}: {message}", place.unwrap_or(file));
                (message, Some(Place::new(&name, &policy.text, policy.span)))
            }
            (Some(policy), Some(span)) => {
                (format!("{message} ({})", policy.name), Some(Place::new(&file, &text, span)))
            }
            (None, Some(span)) => (message, Some(Place::new(&file, &text, span))),
            (_, None) => (format!("{file}: {message}"), None),
        };
        Problem { message, help, place, others: Vec::new() }
    }
}
