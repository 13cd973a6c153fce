//! `tollgate secrets`: which secret goes where, and secrets that stand where they must not.

mod advise;
mod interview;
mod lint;
mod snippet;

use crate::exit::Outcome;
use crate::world::World;

/// Secrets: where each of them should go, and those that stand in files where they must not.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Advise(advise::Args),
    Lint(lint::Args),
}

pub(crate) fn run(args: &Args, world: &World) -> Outcome {
    match &args.command {
        Command::Advise(args) => advise::run(args, world),
        Command::Lint(args) => lint::run(args, world),
    }
}
