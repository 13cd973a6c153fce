//! Where the text of manifests and policies comes from.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// Gives the text of a file.
pub trait Source {
    /// The whole text of the file at `path`.
    ///
    /// # Errors
    /// As [`std::fs::read_to_string`]: the file is missing, unreadable, or not UTF-8.
    fn read(&self, path: &Path) -> io::Result<String>;
}

/// The file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct Files;

impl Source for Files {
    fn read(&self, path: &Path) -> io::Result<String> {
        std::fs::read_to_string(path)
    }
}

/// Texts in memory by their paths: for tests, and for accounts that come from elsewhere.
impl Source for BTreeMap<PathBuf, String> {
    fn read(&self, path: &Path) -> io::Result<String> {
        self.get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}
