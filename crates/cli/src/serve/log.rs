//! The operator's log, on standard error: the access log may have standard output for itself.

use tracing::level_filters::LevelFilter;

use super::LogFormat;
use crate::world::World;

/// From now on, what happens is written to standard error.
pub(super) fn install(format: LogFormat, level: LevelFilter, world: &World) {
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(std::io::stderr)
        .with_ansi(world.colour_on_error)
        .with_target(false);
    // Another one that is installed already belongs to a test in this process.
    let _ = match format {
        LogFormat::Text => tracing::subscriber::set_global_default(subscriber.finish()),
        LogFormat::Json => tracing::subscriber::set_global_default(
            subscriber.json().flatten_event(true).with_span_list(false).finish(),
        ),
    };
}
