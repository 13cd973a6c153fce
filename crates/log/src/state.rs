//! Resuming: what earlier runs have read of each input.
//!
//! A nightly run over a growing folder reads only what is new. An input is
//! known by its inode or its path, and by a hash of how it begins; it goes on
//! at an offset, or at the member of gzip or the frame of Zstandard that was
//! appended. Where it cannot go on (it was replaced, or its last member grew),
//! it is read again, and the ids of events that were seen keep them from being
//! counted twice.
//!
//! A last line without an end may be half of one, so it waits until it has an
//! end, or until a run finds that nothing was added. A whole JSON object needs
//! no end, and is read at once.

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
    /// The line without an end, if there was one.
    tail: Option<Tail>,
}

/// A last line that has no end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tail {
    bytes: u64,
    hash: u64,
    /// It was not read: it may be half of a line.
    waits: bool,
}

impl Tail {
    /// `settled` says that an earlier run found the line as it is.
    pub(crate) fn of(line: &[u8], settled: bool) -> Option<Tail> {
        let is_json = || serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok();
        // What begins like a number may go on as an address.
        let whole = settled || line.starts_with(b"{") && is_json();
        let tail = || Tail { bytes: line.len() as u64, hash: hash(line), waits: !whole };
        (!line.is_empty()).then(tail)
    }

    /// How many bytes of it wait to be read by a later run.
    pub(crate) fn waiting_bytes(self) -> u64 {
        if self.waits { self.bytes } else { 0 }
    }
}

/// Where to go on with an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Resume {
    /// At its start: it is new, or another one.
    Start,
    /// Nowhere: nothing was added to this.
    Nothing(Consumed),
    /// At an offset.
    At(Place),
}

/// Where an earlier run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) offset: u64,
    /// A line that was read there though it had no end.
    pub(crate) read: Option<Tail>,
    /// Nothing was added: a last line without an end is whole.
    pub(crate) settled: bool,
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
        let damaged = |error| {
            io::Error::other(format!(
                "expected the state of an earlier run: {error}; without the file, all is read again"
            ))
        };
        let Versioned { version } = serde_json::from_slice(&text).map_err(damaged)?;
        if version != VERSION {
            let message = format!("expected a state of version {VERSION}, found version {version}");
            return Err(io::Error::other(message));
        }
        serde_json::from_slice(&text).map_err(damaged)
    }

    /// Writes the state, under a temporary name first.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let mut temporary = path.as_os_str().to_owned();
        temporary.push(".tmp");
        fs::write(&temporary, self.to_bytes())?;
        fs::rename(&temporary, path)
    }

    /// What is written: the same for the same state.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        // Numbers, text and lists of them can always be written.
        serde_json::to_vec(self).unwrap_or_default()
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
        // A log that was rotated has the name of another one, but its own inode; one that was
        // copied has its name, but another inode.
        let same = self.inputs.values().filter(|known| known.inode == inode(&found));
        for known in same.chain(self.inputs.get(&*path.to_string_lossy())) {
            file.seek(SeekFrom::Start(0))?;
            let head = read_head(&mut file, known.head_bytes)?;
            if found.len() >= known.size && hash(&head) == known.head_hash {
                return known.resume(&mut file, found.len(), Container::sniff(&head));
            }
        }
        Ok(Resume::Start)
    }
}

/// What every version of the file has.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

impl Consumed {
    /// Where to go on with this file, which has `size` bytes now.
    fn resume(&self, file: &mut File, size: u64, container: Container) -> io::Result<Resume> {
        let waits = self.tail.is_some_and(|tail| tail.waits);
        let read = self.tail.filter(|tail| !tail.waits);
        let at = |offset, read, settled| Resume::At(Place { offset, read, settled });
        if size == self.size {
            return Ok(match waits {
                true => at(self.offset, None, true),
                false => Resume::Nothing(self.clone()),
            });
        }
        if container == Container::Plain {
            return Ok(at(self.offset, read, false));
        }
        file.seek(SeekFrom::Start(self.size))?;
        let appended = Container::sniff(&read_head(file, 16)?) == container;
        Ok(if appended { at(self.size, None, false) } else { Resume::Start })
    }

    /// How many bytes at the end wait to be read by a later run.
    pub(crate) fn waiting_bytes(&self) -> u64 {
        self.tail.map_or(0, Tail::waiting_bytes)
    }

    /// Notes that a file was read up to `read` bytes, with this line at the end.
    pub(crate) fn note(identity: Identity, read: u64, tail: Option<Tail>) -> Consumed {
        let Identity { inode, head_bytes, head_hash } = identity;
        let offset = read - tail.map_or(0, |tail| tail.bytes);
        Consumed { size: read, inode, head_bytes, head_hash, offset, tail }
    }
}

/// What a file is known by. Taken from the file that is read, not from its path: a log may be
/// rotated meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity {
    inode: u64,
    head_bytes: u64,
    head_hash: u64,
}

impl Identity {
    /// The identity of a file, which is read from its start afterwards.
    pub(crate) fn of(file: &mut File) -> io::Result<Identity> {
        let inode = inode(&file.metadata()?);
        let head = read_head(file, HEAD_BYTES)?;
        file.seek(SeekFrom::Start(0))?;
        Ok(Identity { inode, head_bytes: head.len() as u64, head_hash: hash(&head) })
    }

    /// Whether another file has taken the place of this one.
    pub(crate) fn is_replaced_by(self, file: &File) -> io::Result<bool> {
        Ok(inode(&file.metadata()?) != self.inode)
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
