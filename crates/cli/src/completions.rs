//! `tollgate completions SHELL`: what the shell needs to complete tollgate's arguments.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::Cli;
use crate::exit::{Exit, Outcome};
use crate::world::World;

/// Print a completion script for your shell.
///
/// Example: `tollgate completions zsh > ~/.zfunc/_tollgate`
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Which shell.
    shell: Shell,
}

pub(crate) fn run(args: &Args, world: &World) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "tollgate", &mut script);
    world.write(None, &script)?;
    Ok(Exit::Ok)
}
