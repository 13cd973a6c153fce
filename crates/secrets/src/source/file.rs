//! A secret in a file, as orchestrators mount it and agents write it.
//!
//! The mode is checked through the handle that is then read, so that nobody can exchange the file
//! in between: whoever else may read or write it makes it no secret. The owner's group may read it,
//! because that is how container platforms mount secrets for an unprivileged process.

use std::fs::{File, Metadata};
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use zeroize::Zeroizing;

use super::{Read, Reading, Source, SourceError, Version, secret_at};
use crate::reference::FileReference;

/// Permission bits that a secret's file must not have: the group's to write, and all of the others'.
const TOO_OPEN: u32 = 0o027;

/// More than the longest secret, so that a longer file is noticed.
const READ_MAX: usize = 64 * 1024 + 3;

/// Reads a file that only its owner, and maybe its group, can read.
pub struct FileSource {
    reference: FileReference,
}

impl FileSource {
    /// The file that the reference names.
    pub fn new(reference: FileReference) -> Self {
        Self { reference }
    }
}

impl Source for FileSource {
    fn read(&self) -> Read<'_> {
        // tokio's own files read through a buffer that nobody wipes.
        let reference = self.reference.clone();
        Box::pin(async {
            tokio::task::spawn_blocking(move || reference.read_file())
                .await
                .unwrap_or_else(|error| Err(SourceError::unavailable(error.to_string())))
        })
    }
}

impl FileReference {
    fn read_file(&self) -> Result<Reading, SourceError> {
        let failed = |error| self.failed(&error);
        let file = File::open(self.path()).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        self.check_mode(&metadata)?;
        // Enough room from the start: a buffer that grows leaves its contents behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(READ_MAX));
        file.take(READ_MAX as u64).read_to_end(&mut bytes).map_err(failed)?;
        let text = std::str::from_utf8(&bytes)
            .map_err(|_| SourceError::unfit(self.place(), "not text in UTF-8"))?;
        let secret = secret_at(self.place(), without_last_line_end(text).to_owned())?;
        Ok(Reading { secret, version: version(&metadata), expires: None })
    }

    fn check_mode(&self, metadata: &Metadata) -> Result<(), SourceError> {
        let mode = metadata.permissions().mode() & 0o777;
        if !metadata.is_file() {
            return Err(SourceError::unfit(self.place(), "not a regular file"));
        }
        if mode & TOO_OPEN != 0 {
            let path = self.told();
            let why = format!("mode {mode:04o} lets others at it; run `chmod 600 {path}`");
            return Err(SourceError::unfit(self.place(), why));
        }
        Ok(())
    }

    fn failed(&self, error: &std::io::Error) -> SourceError {
        let message = format!("{}: {error}", self.place());
        match error.kind() {
            ErrorKind::NotFound => SourceError::missing(message),
            ErrorKind::PermissionDenied => SourceError::denied(message),
            _ => SourceError::unavailable(message),
        }
    }

    fn place(&self) -> String {
        format!("file `{}`", self.told())
    }
}

/// Editors and `echo` end the last line; a secret has no such end.
fn without_last_line_end(text: &str) -> &str {
    let line = text.strip_suffix('\n').unwrap_or(text);
    line.strip_suffix('\r').filter(|_| line.len() < text.len()).unwrap_or(line)
}

/// When the file was last written, and which file it is: a mounted secret is exchanged, not
/// rewritten.
fn version(metadata: &Metadata) -> Version {
    let written = jiff::Timestamp::new(metadata.mtime(), 0).unwrap_or_default();
    Version::new(format!("{written}#{}", metadata.ino()))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};

    use super::*;

    async fn read(content: &[u8], mode: u32) -> Result<String, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let source = FileSource::new(FileReference { file: path.clone(), folder: "".into() });
        let folder_name = format!("{}/", folder.path().display());
        source
            .read()
            .await
            .map(|reading| reading.secret.expose().to_owned())
            .map_err(|error| error.to_string().replace(&folder_name, ""))
    }

    #[tokio::test]
    async fn one_line_end_is_not_part_of_the_secret() {
        assert_eq!(read(b"vanilla", 0o600).await.unwrap(), "vanilla");
        assert_eq!(read(b"vanilla\n", 0o400).await.unwrap(), "vanilla");
        assert_eq!(read(b"vanilla\r\n", 0o440).await.unwrap(), "vanilla");
        assert_eq!(
            read(b"vanilla\n\n", 0o600).await.unwrap_err(),
            "file `token`: the value contains a line feed"
        );
    }

    #[tokio::test]
    async fn a_file_that_others_can_read_or_change_is_no_secret() {
        for (mode, shown) in [(0o644, "0644"), (0o660, "0660"), (0o602, "0602"), (0o601, "0601")] {
            assert_eq!(
                read(b"vanilla", mode).await.unwrap_err(),
                format!("file `token`: mode {shown} lets others at it; run `chmod 600 token`")
            );
        }
    }

    #[tokio::test]
    async fn what_is_no_secret_is_said() {
        assert_eq!(read(b"", 0o600).await.unwrap_err(), "file `token`: the value is empty");
        assert_eq!(read(b"\xff", 0o600).await.unwrap_err(), "file `token`: not text in UTF-8");
        assert_eq!(
            read(&[b'x'; 65_540], 0o600).await.unwrap_err(),
            "file `token`: the value is longer than 64 KiB"
        );
    }

    #[tokio::test]
    async fn a_folder_and_nothing_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let error = |path| async move {
            FileSource::new(FileReference { file: path, folder: "".into() })
                .read()
                .await
                .unwrap_err()
        };
        let inner = folder.path().join("inner");
        fs::create_dir(&inner).unwrap();
        let directory = error(inner.clone()).await;
        assert_eq!(directory.message, format!("file `{}`: not a regular file", inner.display()));
        let missing = error(folder.path().join("nothing")).await;
        assert_eq!(missing.fault, super::super::SourceFault::Missing);
        assert!(missing.message.ends_with("nothing`: No such file or directory (os error 2)"));
    }
}
