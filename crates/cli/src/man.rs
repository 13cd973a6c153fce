//! `tollgate man`: the manual, as `man` reads it.

use std::path::PathBuf;

use clap::CommandFactory;
use miette::{IntoDiagnostic, WrapErr};

use crate::Cli;
use crate::exit::{Exit, Outcome};
use crate::world::World;

/// Print the manual page, or write one for every command.
///
/// Example: `tollgate man --dir ~/.local/share/man/man1`
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Write `tollgate.1` and a page for each command into this folder.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

pub(crate) fn run(args: &Args, world: &World) -> Outcome {
    match &args.dir {
        Some(dir) => clap_mangen::generate_to(Cli::command(), dir)
            .into_diagnostic()
            .wrap_err_with(|| format!("cannot write manual pages into `{}`", dir.display()))?,
        None => {
            let mut page = Vec::new();
            clap_mangen::Man::new(Cli::command()).render(&mut page).into_diagnostic()?;
            world.write(None, &page)?;
        }
    }
    Ok(Exit::Ok)
}
