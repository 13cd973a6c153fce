//! `tollgate serve`: the gateway as a process.

mod check;
mod credentials;
mod log;
mod signals;
mod watch;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::ValueEnum;
use miette::IntoDiagnostic;
use tokio::task::JoinHandle;
use tollgate_gateway::{
    AccessLog, Admin, Bound, Gateway, Rules, Service, Snapshot, Surroundings, observer,
};
use tollgate_issuer::Purpose;
use tollgate_store::Files;
use tracing::level_filters::LevelFilter;

use crate::account;
use crate::exit::{Exit, Outcome};
use crate::world::World;

use self::credentials::Credentials;

/// Run the gateway: verify, authorize, inject, forward, log.
///
/// What it does is said in the account's manifest: `[gateway]` where it listens, `[[api]]` and its
/// routes, `[[upstream]]` and `[[credential]]`, `[sts]` the sessions that it issues, `[[broker]]` the
/// database logins. Where it listens is on standard error, as soon as it
/// does. SIGHUP, or a change of the files, has it read them anew, files with secrets included; secrets
/// of every source it reads again by itself, every 5 minutes.
/// SIGTERM and SIGINT have it end, once the requests under way have been answered.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The account manifest.
    #[arg(long, value_name = "FILE", default_value = "tollgate.toml")]
    config: PathBuf,
    /// Read everything that the gateway would, secrets included, report what is wrong, and exit: with
    /// code 2 if the configuration is not understood, or a file of keys is not kept as it must be; with
    /// code 1 if all of that is right, but cannot work, such as with a secret that is not there or that
    /// others can read.
    #[arg(long)]
    check: bool,
    /// How the operator's log looks, on standard error.
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
    /// From which level on: error, warn, info, debug, trace, or off.
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    log_level: LevelFilter,
}

const EXAMPLES: &str = "\
Examples:
  tollgate serve --config tollgate.toml
  tollgate serve --config tollgate.toml --check
  tollgate serve --log-format json 2> operator.jsonl";

#[derive(Clone, Copy, ValueEnum)]
enum LogFormat {
    /// Lines for people.
    Text,
    /// JSON lines.
    Json,
}

pub(crate) fn run(args: &Args, world: &World) -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.into_diagnostic()?;
    let purpose = if args.check { Purpose::Check } else { Purpose::Serve };
    let credentials = Credentials::new(purpose, world.environment(), &world.clock())?;
    let surroundings = surroundings(world, &credentials);
    if args.check {
        return runtime.block_on(check::run(&args.config, &surroundings, &credentials, world));
    }
    log::install(args.log_format, args.log_level, world);
    world.forbid_core_dumps()?;
    runtime.block_on(serve(&args.config, &surroundings, &credentials))
}

async fn serve(
    config: &Path,
    surroundings: &Surroundings,
    credentials: &Arc<Credentials>,
) -> Outcome {
    let snapshot = Snapshot::read(&Files, config, surroundings, None).map_err(account::all_of)?;
    snapshot.read_secrets().await.map_err(account::all_of)?;
    credentials.commit();
    let access_log = AccessLog::open(snapshot.file(), &snapshot.gateway, surroundings);
    let access_log = access_log.map_err(account::all_of)?;
    let bound = Bound::to(&snapshot.gateway).await.into_diagnostic()?;
    let limits = snapshot.gateway.limits.clone();
    let gateway = Gateway::new(snapshot, access_log, Arc::clone(&surroundings.clock));
    let mut service = Service::new(limits, Arc::clone(&surroundings.clock)).into_diagnostic()?;
    // Whoever reads where it listens may send signals from then on.
    let end = signals::end()?;
    let reloading =
        signals::reload_when_told(Arc::clone(&gateway), config, surroundings, credentials)?;
    say_where(&bound, &gateway);
    service.listen(bound.listeners, Arc::clone(&gateway));
    service.listen(bound.admin, Admin::of(Arc::clone(&gateway)));
    credentials.listen(&mut service, &gateway).await?;
    let tending = credentials.tend();
    let is_drained = service.run(end).await;
    reloading.abort();
    tending.iter().for_each(JoinHandle::abort);
    if !is_drained {
        tracing::warn!("the time to drain is over: requests were cut off");
    }
    gateway.access_log().close();
    tracing::info!(linesLost = gateway.access_log().lost(), "ended");
    Ok(Exit::Ok)
}

fn say_where(bound: &Bound, gateway: &Gateway) {
    let scheme = if gateway.snapshot().gateway.tls.is_some() { "https" } else { "http" };
    for address in bound.addresses() {
        tracing::info!("listening on {scheme}://{address}");
    }
    if let Some(address) = bound.admin_address() {
        tracing::info!("admin pages on http://{address}");
    }
}

fn surroundings(world: &World, credentials: &Arc<Credentials>) -> Surroundings {
    let credentials = Arc::clone(credentials);
    Surroundings {
        clock: world.clock(),
        environment: world.environment(),
        observer: observer(),
        rules: Rules::default(),
        extend: Arc::new(move |file| credentials.extension(file)),
    }
}
