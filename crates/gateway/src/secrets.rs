//! From what the manifest says of a secret to whoever keeps it.

use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;
use tollgate_secrets::{EnvironmentSource, FileSource, Keeper, Rules, SecretReference, Source};

use crate::snapshot::Surroundings;

/// Reads a reference.
///
/// # Errors
/// What is wrong with it, without anything that could be a secret.
pub(crate) fn reference(table: &toml::Table) -> Result<SecretReference, String> {
    SecretReference::deserialize(table.clone()).map_err(|error| error.message().to_owned())
}

/// Who keeps the secret of a reference; files are relative to `folder`.
///
/// # Errors
/// Nobody can.
pub(crate) fn keeper(
    alias: &str,
    reference: &SecretReference,
    folder: &Path,
    surroundings: &Surroundings,
) -> Result<Arc<Keeper>, String> {
    let source: Box<dyn Source> = match reference.clone() {
        SecretReference::Environment(reference) => {
            Box::new(EnvironmentSource::new(reference, Arc::clone(&surroundings.environment)))
        }
        SecretReference::File(mut reference) => {
            reference.file = folder.join(reference.file);
            Box::new(FileSource::new(reference))
        }
        other => return Err(format!("secrets of `{}` cannot be read here", other.kind())),
    };
    Ok(Keeper::new(
        alias,
        source,
        Rules::default(),
        Arc::clone(&surroundings.clock),
        Arc::clone(&surroundings.observer),
    ))
}
