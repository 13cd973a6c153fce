//! Resuming: what earlier runs have read of each input.
//!
//! A nightly run over a growing folder reads only what is new. An input is
//! known by its path, or by its inode if it was renamed, and by a hash of how
//! it begins; it goes on at an offset, or at the member of gzip or the frame
//! of Zstandard that was appended. Where it cannot go on (it was replaced, or
//! its last member grew), it is read again, and the ids of events that were
//! seen keep them from being counted twice.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::container::Container;
use crate::dedup::{Seen, hash};

/// Bytes that an input is recognised by.
const HEAD_BYTES: u64 = 4096;

/// Ids that are kept for the next run.
const IDS_KEPT: usize = 100_000;

/// The version of the file.
const VERSION: u32 = 1;

/// What was read so far, as `--state` keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScanState {
    version: u32,
    inputs: BTreeMap<String, Consumed>,
    /// Hashes of the ids of the events that were seen last, oldest first.
    ids: Vec<u64>,
}

impl Default for ScanState {
    fn default() -> Self {
        ScanState { version: VERSION, inputs: BTreeMap::new(), ids: Vec::new() }
    }
}

/// How much of an input was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Consumed {
    size: u64,
    inode: u64,
    head_bytes: u64,
    head_hash: u64,
    /// Bytes of the file that are done with: less than its size if the last
    /// line had no end yet.
    offset: u64,
    /// The line without an end, which was read all the same.
    tail: Option<Tail>,
}

/// A line that may not have been whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tail {
    bytes: u64,
    hash: u64,
}

impl Tail {
    pub(crate) fn of(line: &[u8]) -> Option<Tail> {
        (!line.is_empty()).then(|| Tail { bytes: line.len() as u64, hash: hash(line) })
    }
}

/// Where to go on with an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resume {
    /// At its start: it is new, or another one.
    Start,
    /// Nowhere: nothing was added.
    Nothing,
    /// At an offset, where this line stood without an end.
    At(u64, Option<Tail>),
}

impl ScanState {
    /// Reads a state; one that is not there is empty.
    ///
    /// # Errors
    /// If it cannot be read, or is of another version.
    pub fn read(path: &Path) -> io::Result<ScanState> {
        let text = match fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error),
        };
        let state: ScanState = serde_json::from_slice(&text).map_err(io::Error::other)?;
        if state.version != VERSION {
            let found = state.version;
            let message = format!("expected a state of version {VERSION}, found version {found}");
            return Err(io::Error::other(message));
        }
        Ok(state)
    }

    /// Writes the state, under a temporary name first.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let mut temporary = path.as_os_str().to_owned();
        temporary.push(".tmp");
        fs::write(&temporary, serde_json::to_vec(self).map_err(io::Error::other)?)?;
        fs::rename(&temporary, path)
    }

    /// The ids that earlier runs saw.
    pub(crate) fn seen(&self) -> Seen {
        Seen::from_hashes(&self.ids)
    }

    /// This state after a run.
    pub(crate) fn after<'a>(
        &self,
        inputs: impl Iterator<Item = (&'a str, &'a Consumed)>,
        seen: &Seen,
    ) -> ScanState {
        let mut state = self.clone();
        for (name, consumed) in inputs {
            state.inputs.retain(|_, other| other.inode != consumed.inode || consumed.inode == 0);
            state.inputs.insert(name.to_owned(), consumed.clone());
        }
        state.ids = seen.last(IDS_KEPT);
        state
    }

    /// Where to go on with a file.
    pub(crate) fn resume(&self, path: &Path) -> io::Result<Resume> {
        let mut file = File::open(path)?;
        let found = file.metadata()?;
        let name = path.to_string_lossy();
        let renamed = || self.inputs.values().find(|other| other.inode == inode(&found));
        let Some(known) = self.inputs.get(&*name).or_else(renamed) else {
            return Ok(Resume::Start);
        };
        let head = read_head(&mut file, known.head_bytes)?;
        if found.len() < known.size || hash(&head) != known.head_hash {
            return Ok(Resume::Start);
        }
        if found.len() == known.size {
            return Ok(Resume::Nothing);
        }
        if Container::sniff(&head) == Container::Plain {
            return Ok(Resume::At(known.offset, known.tail));
        }
        file.seek(SeekFrom::Start(known.size))?;
        let appended = Container::sniff(&read_head(&mut file, 16)?) == Container::sniff(&head);
        Ok(if appended { Resume::At(known.size, None) } else { Resume::Start })
    }
}

impl Consumed {
    /// Notes that a file was read up to `read` bytes, with this line at the end.
    pub(crate) fn note(path: &Path, read: u64, tail: Option<Tail>) -> io::Result<Consumed> {
        let mut file = File::open(path)?;
        let inode = inode(&file.metadata()?);
        let head = read_head(&mut file, HEAD_BYTES.min(read))?;
        let offset = read - tail.map_or(0, |tail| tail.bytes);
        let (head_bytes, head_hash) = (head.len() as u64, hash(&head));
        Ok(Consumed { size: read, inode, head_bytes, head_hash, offset, tail })
    }
}

/// Reads past a line that was read before, if it ends now as it did then.
/// Returns how many bytes were passed, and what was read without passing it.
pub(crate) fn pass_tail(file: &mut impl Read, tail: Tail) -> io::Result<(u64, Vec<u8>)> {
    let mut line = Vec::new();
    file.take(tail.bytes + 2).read_to_end(&mut line)?;
    let (before, after) = line.split_at_checked(tail.bytes as usize).unwrap_or((&line, &[]));
    let end = match after {
        [b'\r', b'\n'] => 2,
        [b'\n', ..] => 1,
        _ => return Ok((0, line)),
    };
    if hash(before) != tail.hash {
        return Ok((0, line));
    }
    let passed = before.len() + end;
    Ok((passed as u64, line.split_off(passed)))
}

fn read_head(file: &mut File, bytes: u64) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    file.take(bytes).read_to_end(&mut head)?;
    Ok(head)
}

/// What tells a file however it is called; 0 where there is no such thing.
#[cfg(unix)]
fn inode(found: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(found)
}

/// What tells a file however it is called; 0 where there is no such thing.
#[cfg(not(unix))]
fn inode(_: &fs::Metadata) -> u64 {
    0
}
