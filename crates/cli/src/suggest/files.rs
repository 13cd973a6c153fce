//! Policies as files: each is there whole, or not at all.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use miette::{IntoDiagnostic, WrapErr};
use tempfile::{NamedTempFile, PersistError};
use tollgate_analyzer::suggest::Suggestions;

use crate::diagnose::Problem;

/// Refuses a folder in which a file lies that a policy may be written to, by the names of policies.
pub(super) fn check(folder: &Path, names: &[String]) -> miette::Result<()> {
    match paths(folder, names).find(|path| path.symlink_metadata().is_ok()) {
        None => Ok(()),
        Some(path) => Err(Problem {
            help: Some("name a new folder, or take the file out of this one".to_owned()),
            ..Problem::new(format!("`--out` would write over `{}`", path.display()))
        }
        .into()),
    }
}

/// Where policies may be written to: there is one, or the first of several.
pub(super) fn paths(folder: &Path, names: &[String]) -> impl Iterator<Item = PathBuf> {
    let files = |name: &String| [format!("{name}.json"), format!("{name}-1.json")];
    names.iter().flat_map(files).map(|file| folder.join(file))
}

/// Writes every policy into a folder, which is made if it is not there, and over no file.
pub(super) fn write(suggestions: &Suggestions, folder: &Path) -> miette::Result<()> {
    fs::create_dir_all(folder)
        .into_diagnostic()
        .wrap_err_with(|| format!("cannot make the folder `{}`", folder.display()))?;
    for policy in suggestions.principals.iter().flat_map(|each| &each.policies) {
        let text = serde_json::to_string_pretty(&policy.document).into_diagnostic()? + "\n";
        let path = folder.join(&policy.name);
        put(&path, text.as_bytes(), |file| file.persist_noclobber(&path))?;
    }
    Ok(())
}

/// Writes a file, in the place of one that may be there.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> miette::Result<()> {
    put(path, bytes, |file| file.persist(path))
}

/// Writes a file under a temporary name beside it, and then gives it its own.
fn put(
    path: &Path,
    bytes: &[u8],
    persist: impl FnOnce(NamedTempFile) -> Result<File, PersistError>,
) -> miette::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let written = || {
        let folder = folder.unwrap_or(Path::new("."));
        let mut file = tempfile::Builder::new().suffix(".tmp").tempfile_in(folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        persist(file).map_err(|error| error.error)
    };
    written()
        .map(drop)
        .into_diagnostic()
        .wrap_err_with(|| format!("cannot write `{}`", path.display()))
}
