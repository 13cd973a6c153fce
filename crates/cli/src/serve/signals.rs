//! What a process is told while it runs: to end, and to read its configuration anew.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use miette::IntoDiagnostic;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;
use tollgate_gateway::{Gateway, Snapshot, Surroundings};
use tollgate_store::StsDecl;
use toml::Spanned;

use super::credentials::Credentials;
use super::watch::Watch;
use crate::check::policies_of;
use crate::test::Recording;

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

/// Reloads at every SIGHUP, and whenever one of the files changes that were read.
pub(super) fn reload_when_told(
    gateway: Arc<Gateway>,
    config: &Path,
    surroundings: &Surroundings,
    credentials: &Arc<Credentials>,
) -> miette::Result<JoinHandle<()>> {
    let mut hangups = signal(SignalKind::hangup()).into_diagnostic()?;
    let mut watch = Watch::new().into_diagnostic()?;
    let (config, surroundings): (PathBuf, _) = (config.to_owned(), surroundings.clone());
    let credentials = Arc::clone(credentials);
    watch.follow(files(&gateway.snapshot(), &config, &credentials));
    Ok(tokio::spawn(async move {
        loop {
            tokio::select! {
                told = hangups.recv() => if told.is_none() { return },
                () = watch.changed() => {}
            }
            let recording = Recording::default();
            reload(&gateway, &recording, &config, &surroundings, &credentials).await;
            watch.follow(recording.read_files());
            watch.follow(files(&gateway.snapshot(), &config, &credentials));
        }
    }))
}

/// The files that the gateway reads beside policies, and the policies that its account has.
fn files(snapshot: &Snapshot, config: &Path, credentials: &Credentials) -> Vec<PathBuf> {
    let file = snapshot.file();
    let tls = snapshot.gateway.tls.iter().flat_map(|tls| [&tls.certificate, &tls.key]);
    let authorities = file.manifest.upstreams.iter().filter_map(|upstream| upstream.ca.as_ref());
    let sessions = file.manifest.sts.iter().flat_map(files_of_sessions);
    let named = tls.chain(&snapshot.gateway.identities).chain(authorities).chain(sessions);
    let named = named.map(|name| file.folder.join(name.get_ref()));
    let named = named.chain(snapshot.secret_files()).chain(credentials.password_files());
    let policies = policies_of(config).unwrap_or_default().into_iter();
    let policies = policies.map(|(name, ..)| PathBuf::from(name));
    named.chain(policies).chain([config.to_owned()]).collect()
}

/// Those that sessions are sealed with, and that others are believed by.
fn files_of_sessions(sts: &StsDecl) -> impl Iterator<Item = &Spanned<String>> {
    let providers = sts.providers.iter().flat_map(|it| it.jwks.iter().chain(&it.ca));
    let bridge = sts.bridge.iter().filter_map(|bridge| bridge.ca.as_ref());
    sts.master_keys.get_ref().iter().chain(providers).chain(bridge)
}

async fn reload(
    gateway: &Gateway,
    source: &Recording,
    config: &Path,
    surroundings: &Surroundings,
    credentials: &Credentials,
) {
    match gateway.reload(source, config, surroundings).await {
        Ok(()) => {
            credentials.commit();
            credentials.read_password_files().await;
            tracing::info!("the configuration was read anew, and holds");
        }
        Err(problems) => {
            tracing::error!(%problems, "the new configuration is refused, the old one holds");
        }
    }
}
