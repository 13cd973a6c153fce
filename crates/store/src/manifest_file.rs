//! A manifest that was read, with its text, so that others can say what is wrong with it and where.

use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::library::reason;
use crate::manifest::Manifest;
use crate::problem::{Problem, Problems};
use crate::source::Source;
use crate::text::TextFile;

/// A manifest, its text, and the folder that its paths are relative to.
#[derive(Debug)]
pub struct ManifestFile {
    /// What it says.
    pub manifest: Manifest,
    /// The folder that it stands in.
    pub folder: PathBuf,
    pub(crate) text: TextFile,
}

impl ManifestFile {
    /// Reads a manifest, and none of the files that it names.
    ///
    /// # Errors
    /// The file cannot be read, is not TOML, or has fields that are unknown, missing or wrong.
    pub fn read(source: &dyn Source, path: &Path) -> Result<ManifestFile, Problems> {
        let (file, problems) = ManifestFile::as_meant(source, path)?;
        Problems::none_or(problems, file)
    }

    /// Reads it as it was probably meant, with the fields of it that are unknown as problems.
    pub(crate) fn as_meant(
        source: &dyn Source,
        path: &Path,
    ) -> Result<(ManifestFile, Vec<Problem>), Problems> {
        let file = path.display().to_string();
        let text = source.read(path).map_err(|error| {
            let message = format!("cannot read the account manifest: {}", reason(&error));
            Problem::of_file(&*file, message)
        })?;
        let text = TextFile::of_manifest(&file, text);
        let (manifest, problems) = Manifest::as_meant(&file, &text.text)?;
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        Ok((ManifestFile { manifest, folder, text }, problems))
    }

    /// Something wrong with the bytes `span` of the manifest.
    pub fn problem(&self, span: Range<usize>, message: impl Into<String>) -> Problem {
        self.text.problem(span, message)
    }
}
