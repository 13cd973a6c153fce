//! From what the manifest says of a secret to whoever keeps it.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use serde::Deserialize;
use tollgate_secrets::{Event, Keeper, Observer, Opening, SecretReference, Source};

use crate::oauth::{Exchange, TokenSource};
use crate::snapshot::Surroundings;

/// Reads a reference.
///
/// # Errors
/// What is wrong with it, without anything that could be a secret.
pub(crate) fn reference(table: &toml::Table) -> Result<SecretReference, String> {
    SecretReference::deserialize(table.clone()).map_err(|error| error.message().to_owned())
}

/// Opens what the references of one manifest point to; what sources share is found out once.
pub(crate) struct Vaults<'s> {
    folder: &'s Path,
    surroundings: &'s Surroundings,
    opening: OnceLock<Opening>,
}

impl<'s> Vaults<'s> {
    /// For a manifest in this folder, which files are relative to.
    pub(crate) fn new(folder: &'s Path, surroundings: &'s Surroundings) -> Vaults<'s> {
        Vaults { folder, surroundings, opening: OnceLock::new() }
    }

    /// Who keeps the secret of a reference. Nothing is read yet.
    ///
    /// # Errors
    /// Nobody can.
    pub(crate) fn keeper(
        &self,
        alias: &str,
        reference: &SecretReference,
    ) -> Result<Arc<Keeper>, String> {
        let reference = reference.clone().in_folder(self.folder);
        let source = self.opening()?.open(&reference).map_err(|error| error.to_string())?;
        Ok(self.keeper_of(alias, source))
    }

    /// Who keeps the access token that the secret of a reference is exchanged for.
    ///
    /// # Errors
    /// Nobody can.
    pub(crate) fn token_keeper(
        &self,
        alias: &str,
        reference: &SecretReference,
        exchange: &Exchange,
    ) -> Result<Arc<Keeper>, String> {
        let source = TokenSource {
            decl: exchange.decl.clone(),
            upstream: Arc::clone(&exchange.upstream),
            client: self.keeper(alias, reference)?,
            clock: Arc::clone(&self.surroundings.clock),
        };
        Ok(self.keeper_of(alias, Box::new(source)))
    }

    fn keeper_of(&self, alias: &str, source: Box<dyn Source>) -> Arc<Keeper> {
        let clock = Arc::clone(&self.surroundings.clock);
        let observer = Arc::clone(&self.surroundings.observer);
        Keeper::new(alias, source, self.surroundings.rules, clock, observer)
    }

    fn opening(&self) -> Result<&Opening, String> {
        if let Some(opening) = self.opening.get() {
            return Ok(opening);
        }
        let Surroundings { environment, clock, .. } = self.surroundings;
        let opening = Opening::new(Arc::clone(environment), Arc::clone(clock));
        let opening = opening.map_err(|error| error.to_string())?;
        Ok(self.opening.get_or_init(|| opening))
    }
}

/// Writes what happens to secrets into the operator's log. Their values are in no event.
pub fn observer() -> Observer {
    Arc::new(|credential: &str, event: &Event<'_>| match event {
        Event::Refreshed { version, changed: true } => {
            tracing::info!(credential, %version, "a secret was read");
        }
        Event::Refreshed { version, changed: false } => {
            tracing::debug!(credential, %version, "a secret was read again and is the same");
        }
        Event::Failed { error, again_at } => {
            tracing::warn!(credential, %error, %again_at, "a secret cannot be read");
        }
        Event::Stale { usable_until } => {
            tracing::warn!(credential, %usable_until, "an old secret serves");
        }
        Event::Closed => {
            tracing::error!(credential, "a secret is too old: its requests are refused");
        }
    })
}
