//! What a process is told while it runs: to end, and to read its configuration anew.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use miette::IntoDiagnostic;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;
use tollgate_gateway::{Gateway, Surroundings};
use tollgate_store::Files;

use super::credentials::Credentials;

/// Ready at the first SIGTERM or SIGINT.
pub(super) fn end() -> miette::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate()).into_diagnostic()?;
    let mut interrupt = signal(SignalKind::interrupt()).into_diagnostic()?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("asked to end: no more connections are accepted");
    })
}

/// Reloads at every SIGHUP.
pub(super) fn reload_when_told(
    gateway: Arc<Gateway>,
    config: &Path,
    surroundings: &Surroundings,
    credentials: &Arc<Credentials>,
) -> miette::Result<JoinHandle<()>> {
    let mut hangups = signal(SignalKind::hangup()).into_diagnostic()?;
    let (config, surroundings): (PathBuf, _) = (config.to_owned(), surroundings.clone());
    let credentials = Arc::clone(credentials);
    Ok(tokio::spawn(async move {
        while hangups.recv().await.is_some() {
            reload(&gateway, &config, &surroundings, &credentials).await;
        }
    }))
}

async fn reload(
    gateway: &Gateway,
    config: &Path,
    surroundings: &Surroundings,
    credentials: &Credentials,
) {
    match gateway.reload(&Files, config, surroundings).await {
        Ok(()) => {
            credentials.commit();
            tracing::info!("the configuration was read anew, and holds");
        }
        Err(problems) => {
            tracing::error!(%problems, "the new configuration is refused, the old one holds");
        }
    }
}
