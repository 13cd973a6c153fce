//! Runs of many days or machines as one: what each gathered is written down, and merged later.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tollgate_log::{LineAccount, QuarantinedLine};

use crate::asked::Asked;
use crate::folders::Folders;
use crate::gather::{Analysis, Gathered, Read};
use crate::runs::Runs;
use crate::sources::Sources;

/// The version of a partial report's form.
const VERSION: u8 = 3;

/// Lines that could not be read and are kept as samples.
const SAMPLES_MAX: usize = 20;

/// Everything that a run gathered, so that runs can be merged: the report of the merged is the
/// report that one run over all of their inputs would have given, but for which callers, routes and
/// groups are told apart where there are too many of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Partial {
    /// Tells the document from others.
    tollgate_partial: u8,
    /// Whether reading was ended before all was read.
    pub interrupted: bool,
    /// What the run was asked, or all runs that were merged.
    pub runs: Runs,
    /// Why no line of any input was a request: a text for each. Nothing if one was, or if there may be
    /// others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<String>,
    /// How many inputs the lines are of.
    pub files: u64,
    /// What became of the lines that were read.
    pub lines: LineAccount,
    /// The first lines that could not be read.
    pub samples: Vec<QuarantinedLine>,
    /// Where the accounts lie.
    folders: Folders,
    /// What was read.
    sources: Sources,
    /// What was gathered.
    pub gathered: Gathered,
}

impl Partial {
    /// What one run of an analysis read and gathered.
    pub fn new(analysis: &Analysis<'_>, gathered: Gathered, read: &Read) -> Partial {
        let samples = read.quarantine.samples().to_vec();
        let asked = Asked::of(analysis, read.dedup);
        let mut folders = Folders::default();
        for (number, account) in
            asked.accounts().into_iter().zip([analysis.account, analysis.against])
        {
            if let (Some(number), Some(account)) = (number, account) {
                folders.note(number, account);
            }
        }
        Partial {
            tollgate_partial: VERSION,
            interrupted: false,
            runs: asked.into(),
            unread: Vec::new(),
            files: read.files(),
            lines: read.account,
            samples,
            folders,
            sources: Sources::of(&read.sources),
            gathered,
        }
    }

    /// Reads what [`Partial::to_json`] wrote.
    ///
    /// # Errors
    /// The text is no partial report, or one of another version.
    pub fn parse(text: &[u8]) -> Result<Partial, String> {
        let partial: Partial = serde_json::from_slice(text)
            .map_err(|error| format!("expected a partial report of `tollgate analyze`: {error}"))?;
        match partial.tollgate_partial {
            VERSION => Ok(partial),
            other => Err(format!("expected a partial report of version {VERSION}, found {other}")),
        }
    }

    /// The document that [`Partial::parse`] reads.
    ///
    /// # Errors
    /// None that depends on what was gathered.
    pub fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }

    /// A SHA-256 digest of all values: that of a copy is the same, however its text is laid out.
    ///
    /// # Errors
    /// As of [`Partial::to_json`].
    pub fn digest(&self) -> serde_json::Result<[u8; 32]> {
        Ok(Sha256::digest(self.to_json()?).into())
    }

    /// Adds another run. The order of merging does not matter.
    pub fn merge(&mut self, mut other: Partial) {
        let elsewhere =
            [self.folders.elsewhere(&other.folders), other.folders.elsewhere(&self.folders)];
        for (run, elsewhere) in [&mut *self, &mut other].into_iter().zip(&elsewhere) {
            run.shorten(elsewhere);
        }
        self.files += other.files;
        self.folders.merge(other.folders);
        self.sources.merge(other.sources);
        self.interrupted |= other.interrupted;
        self.runs.merge(other.runs);
        match self.unread.is_empty() || other.unread.is_empty() {
            true => self.unread.clear(),
            false => self.unread.extend(other.unread),
        }
        self.lines += other.lines;
        self.gathered.merge(other.gathered);
        self.samples.extend(other.samples);
        self.samples
            .sort_by(|one, other| (&one.file, one.offset).cmp(&(&other.file, other.offset)));
        self.samples.truncate(SAMPLES_MAX);
    }

    /// What is not of the same in all runs that were merged, or cannot be told of them together: a sentence
    /// for each.
    pub fn merged(&self) -> Vec<String> {
        self.runs.sentences().into_iter().chain(self.sources.sentence()).collect()
    }

    /// Calls files in these folders as they lie in them.
    fn shorten(&mut self, folders: &Folders) {
        if !folders.is_empty() {
            self.gathered.each_cited(&|cited| folders.shorten(cited));
            self.folders.left(folders);
        }
    }
}
