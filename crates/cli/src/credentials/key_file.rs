//! The file of one access key, which only its owner can read:
//!
//! ```toml
//! accessKeyId     = "AKIAEXAMPLE000000001"
//! secretAccessKey = "…"
//! ```

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::Deserialize;
use tollgate_outbound::aws::Credentials;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Key {
    access_key_id: String,
    secret_access_key: String,
}

/// Reads the key.
///
/// # Errors
/// The file cannot be read, others can read it too, or it is no key; its text is not repeated.
pub(super) fn read(path: &Path) -> Result<Credentials, String> {
    let unreadable = |error: std::io::Error| format!("cannot be read: {error}");
    let mut file = File::open(path).map_err(unreadable)?;
    check_mode(&file.metadata().map_err(unreadable)?)?;
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(unreadable)?;
    let key: Key = toml::from_str(&text)
        .map_err(|_| "is not the TOML of `accessKeyId` and `secretAccessKey`".to_owned())?;
    Ok(Credentials::new(key.access_key_id, key.secret_access_key, None, None, "key file"))
}

#[cfg(unix)]
fn check_mode(metadata: &std::fs::Metadata) -> Result<(), String> {
    let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o777;
    match mode & 0o077 {
        0 => Ok(()),
        _ => Err(format!("has mode 0{mode:o}, expected 0600: it holds a secret")),
    }
}

#[cfg(not(unix))]
fn check_mode(_: &std::fs::Metadata) -> Result<(), String> {
    Ok(())
}
