//! Policies as files: each is there whole, or not at all.

use std::fs;
use std::io::Write;
use std::path::Path;

use miette::{IntoDiagnostic, WrapErr};
use tollgate_analyzer::suggest::Suggestions;

/// Writes every policy into a folder, which is made if it is not there.
pub(super) fn write(suggestions: &Suggestions, folder: &Path) -> miette::Result<()> {
    fs::create_dir_all(folder)
        .into_diagnostic()
        .wrap_err_with(|| format!("cannot make the folder `{}`", folder.display()))?;
    for policy in suggestions.principals.iter().flat_map(|each| &each.policies) {
        let text = serde_json::to_string_pretty(&policy.document).into_diagnostic()? + "\n";
        replace(&folder.join(&policy.name), text.as_bytes())?;
    }
    Ok(())
}

/// Writes a file under a temporary name beside it, and then gives it its own.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> miette::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let put = || {
        let folder = folder.unwrap_or(Path::new("."));
        let mut file = tempfile::Builder::new().suffix(".tmp").tempfile_in(folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)
    };
    put().map(drop).into_diagnostic().wrap_err_with(|| format!("cannot write `{}`", path.display()))
}
