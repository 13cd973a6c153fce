//! Files that hold a secret: read if nobody else can, made where there is none.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::Path;

use tollgate_sts::AuthorizationToken;
use zeroize::Zeroizing;

use crate::Purpose;

/// More than any of them holds.
const READ_MAX: u64 = 4096;

/// The text of a file that its owner alone can read, without the white space around it.
///
/// # Errors
/// It cannot be read, others can read it too, or it is too long for what it should be.
pub(crate) fn read(path: &Path) -> Result<Zeroizing<String>, String> {
    let shown = path.display();
    let unreadable = |error: std::io::Error| format!("`{shown}` cannot be read: {error}");
    let file = File::open(path).map_err(unreadable)?;
    check_mode(&file.metadata().map_err(unreadable)?).map_err(|mode| {
        format!("`{shown}` has mode 0{mode:o}, expected 0600: it holds a secret")
    })?;
    let mut text = Zeroizing::new(String::with_capacity(READ_MAX as usize + 1));
    file.take(READ_MAX + 1).read_to_string(&mut text).map_err(unreadable)?;
    if text.len() as u64 > READ_MAX {
        return Err(format!("`{shown}` is longer than {READ_MAX} bytes"));
    }
    Ok(Zeroizing::new(text.trim().to_owned()))
}

/// The token of a file, which is made with a new one if it is not there. To check, none is made.
///
/// # Errors
/// As [`read`], or it cannot be made.
pub(crate) fn token(path: &Path, purpose: Purpose) -> Result<AuthorizationToken, String> {
    if purpose == Purpose::Check && !path.exists() {
        return Ok(AuthorizationToken::default());
    }
    let failed = |error: std::io::Error| format!("`{}` cannot be made: {error}", path.display());
    match private(path) {
        Ok(mut file) => {
            let token = random_token()?;
            file.write_all(token.as_bytes()).map_err(failed)?;
            Ok(AuthorizationToken::new(token.as_str()))
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let token = read(path)?;
            if token.is_empty() {
                return Err(format!("`{}` is empty, expected a token", path.display()));
            }
            Ok(AuthorizationToken::new(token.as_str()))
        }
        Err(error) => Err(failed(error)),
    }
}

/// 32 random bytes in hexadecimal digits.
fn random_token() -> Result<Zeroizing<String>, String> {
    let mut bytes = Zeroizing::new([0_u8; 32]);
    getrandom::fill(bytes.as_mut()).map_err(|error| format!("no randomness: {error}"))?;
    Ok(Zeroizing::new(bytes.iter().map(|byte| format!("{byte:02x}")).collect()))
}

/// A new file for its owner alone.
fn private(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(unix)]
fn check_mode(metadata: &Metadata) -> Result<(), u32> {
    let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o777;
    if mode & 0o077 == 0 { Ok(()) } else { Err(mode) }
}

#[cfg(not(unix))]
fn check_mode(_: &Metadata) -> Result<(), u32> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn a_token_is_made_once_and_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        token(&path, Purpose::Check).unwrap();
        assert!(!path.exists());
        let made = token(&path, Purpose::Serve).unwrap();
        let written = std::fs::read_to_string(&path).unwrap();
        assert_eq!(written.len(), 64);
        assert!(made.is(&written) && token(&path, Purpose::Serve).unwrap().is(&written));
        let mode = |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode));
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        mode(0o640).unwrap();
        let error = token(&path, Purpose::Serve).unwrap_err();
        assert!(error.ends_with("has mode 0640, expected 0600: it holds a secret"), "{error}");
        mode(0o600).unwrap();
        std::fs::write(&path, " \n").unwrap();
        assert!(token(&path, Purpose::Serve).unwrap_err().ends_with("is empty, expected a token"));
    }
}
