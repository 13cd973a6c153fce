//! Another configuration while the gateway runs: all of it, or none of it and the reason.

use std::path::Path;

use tollgate_store::{GatewayDecl, LimitsDecl, Problem, Problems, Source};

use crate::pipeline::Gateway;
use crate::snapshot::{Snapshot, Surroundings};

impl Gateway {
    /// Reads the manifest and everything that it names once more. From then on it decides;
    /// requests under way are not touched.
    ///
    /// # Errors
    /// Everything that is wrong with it. The state of before stays.
    pub async fn reload(
        &self,
        source: &(dyn Source + Sync),
        path: &Path,
        surroundings: &Surroundings,
    ) -> Result<(), Problems> {
        let read = self.read_anew(source, path, surroundings).await;
        self.metrics().reloaded(read.is_ok());
        read
    }

    async fn read_anew(
        &self,
        source: &(dyn Source + Sync),
        path: &Path,
        surroundings: &Surroundings,
    ) -> Result<(), Problems> {
        let before = self.snapshot();
        let after = Snapshot::read(source, path, surroundings, Some(&before))?;
        let file = path.display().to_string();
        let changed = fixed_that_changed(&before.gateway, &after.gateway).map(|name| {
            let message = format!("`{name}` of `[gateway]` cannot change while the gateway runs");
            Problem::of_file(file.clone(), message).with_help("restart it, or change it back")
        });
        Problems::none_or(changed.collect(), ())?;
        after.read_secrets().await?;
        self.replace(after);
        Ok(())
    }
}

/// The settings that are in use from the start to the end, and are not the same.
fn fixed_that_changed(
    before: &GatewayDecl,
    after: &GatewayDecl,
) -> impl Iterator<Item = &'static str> {
    let LimitsDecl {
        connections_max,
        streams_max,
        head_bytes_max,
        head_timeout_ms,
        handshake_timeout_ms,
        drain_timeout_ms,
        log_lines_max,
        cache_bytes_max,
        ..
    } = before.limits;
    let limits = &after.limits;
    [
        ("listen", before.listen != after.listen),
        ("admin", before.admin != after.admin),
        ("accessLog", before.access_log != after.access_log),
        ("limits.connectionsMax", connections_max != limits.connections_max),
        ("limits.streamsMax", streams_max != limits.streams_max),
        ("limits.headBytesMax", head_bytes_max != limits.head_bytes_max),
        ("limits.headTimeoutMs", head_timeout_ms != limits.head_timeout_ms),
        ("limits.handshakeTimeoutMs", handshake_timeout_ms != limits.handshake_timeout_ms),
        ("limits.drainTimeoutMs", drain_timeout_ms != limits.drain_timeout_ms),
        ("limits.logLinesMax", log_lines_max != limits.log_lines_max),
        ("limits.cacheBytesMax", cache_bytes_max != limits.cache_bytes_max),
    ]
    .into_iter()
    .filter_map(|(name, is_changed)| is_changed.then_some(name))
}
