//! tollgate: IAM for any API, on the command line.
//!
//! Each sub-command is one file: what was typed (`Args`) becomes what it means (`Plan`), which is
//! then done. `main` only chooses. The environment, the clock and the terminal are read in `world`
//! and nowhere else; exit codes are given in `exit` and nowhere else.

mod account;
mod analyze;
mod assume;
mod check;
mod completions;
mod convert;
mod credentials;
mod diagnose;
mod exit;
mod logs;
mod man;
mod memory;
mod merge;
mod moment;
mod overwrite;
mod progress;
mod report;
mod secrets;
mod serve;
mod simulate;
mod suggest;
mod test;
mod texts;
mod threshold;
mod world;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use mimalloc::MiMalloc;

use crate::world::World;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// IAM for any API: policies are tested before they ship, decided at the gateway, and replayed
/// against the logs afterwards.
#[derive(Parser)]
#[command(name = "tollgate", version, propagate_version = true, after_help = exit::HELP)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Account(account::Args),
    Analyze(Box<analyze::Args>),
    Check(check::Args),
    Completions(completions::Args),
    Convert(convert::Args),
    Credentials(Box<credentials::Args>),
    Man(man::Args),
    Merge(merge::Args),
    Secrets(secrets::Args),
    Serve(serve::Args),
    Simulate(Box<simulate::Args>),
    Suggest(Box<suggest::Args>),
    Test(test::Args),
}

fn main() -> ExitCode {
    let command = Cli::parse().command;
    let world = World::look();
    exit::run(&world, || match command {
        Command::Account(args) => account::run(&args, &world),
        Command::Analyze(args) => analyze::run(&args, &world),
        Command::Check(args) => check::run(&args, &world),
        Command::Completions(args) => completions::run(&args, &world),
        Command::Convert(args) => convert::run(&args, &world),
        Command::Credentials(args) => credentials::run(&args, &world),
        Command::Man(args) => man::run(&args, &world),
        Command::Merge(args) => merge::run(&args, &world),
        Command::Secrets(args) => secrets::run(&args, &world),
        Command::Serve(args) => serve::run(&args, &world),
        Command::Simulate(args) => simulate::run(&args, &world),
        Command::Suggest(args) => suggest::run(&args, &world),
        Command::Test(args) => test::run(&args, &world),
    })
}
