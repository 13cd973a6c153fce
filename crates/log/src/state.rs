//! Resuming: what earlier runs have read of each input.
//!
//! A nightly run over a growing folder reads only what is new. An input is known by its inode or
//! its path, by how it begins, and by the bytes before the place where it was left: it may be
//! renamed, or copied, and goes on there, or at the member of gzip or the frame of Zstandard that
//! was appended. With the place is kept what the input told of its rest: the header of a table,
//! the document that it stands in, requests of an execution log that are not complete.
//!
//! Where an input cannot go on (it was written anew, or its last member grew), it is read from its
//! start, and the ids of events that were seen keep them from being counted twice.
//!
//! What has no end where a file ends, a line, a row, a document, a request, may get one. It waits
//! until it has, or until a run finds that nothing was added. A whole JSON object needs no end, and
//! is read at once. Packed files are taken for whole.

mod consumed;
mod trace;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::dedup::Seen;
use crate::envelope::Context;
use crate::format::execution::OpenRequest;
use trace::Now;

pub(crate) use consumed::{Consumed, End, Tail, pass_tail};
pub(crate) use trace::{Identity, Inode, inode};

/// Ids that are kept for the next run.
const IDS_KEPT: usize = 100_000;

/// The version of the file.
const VERSION: u32 = 2;

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

/// Where to go on with an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Resume {
    /// At its start: it is new.
    Start,
    /// At its start: what was read under its name is not there any more. If that was cut off from
    /// this same file, these requests were left open by it.
    Replaced(Vec<OpenRequest>),
    /// Nowhere: nothing was added to this.
    Nothing(Consumed),
    /// At an offset.
    At(Place),
}

/// Where an earlier run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) offset: u64,
    /// A line that was read there though it had no end.
    pub(crate) read: Option<Tail>,
    /// Nothing was added: a last line without an end is whole.
    pub(crate) settled: bool,
    /// What is known there of the rest.
    pub(crate) context: Option<Context>,
    /// Requests of which more lines may come.
    pub(crate) open: Vec<OpenRequest>,
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
            let message = format!(
                "expected a state of version {VERSION}, found version {version}; without the file, \
                 all is read again"
            );
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
            state.inputs.retain(|_, other| !other.identity.is_same_inode(consumed.identity));
            state.inputs.insert(name.to_owned(), consumed.clone());
        }
        state.ids = seen.last(IDS_KEPT);
        state
    }

    /// Where to go on with a file.
    pub(crate) fn resume(&self, path: &Path) -> io::Result<Resume> {
        let mut file = File::open(path)?;
        let now = Now::of(&mut file)?;
        // A log that was rotated has the name of another one, but is still itself; one that was
        // copied has another inode, and maybe another name.
        let same = || self.inputs.values().filter(|known| known.is_inode_of(&now));
        let named = self.inputs.get(&*path.to_string_lossy());
        for known in same().chain(named) {
            if known.is_start_of(&mut file, &now)? {
                return known.resume(&mut file, &now);
            }
        }
        let copied = |(_, known): &(&String, &Consumed)| known.may_have_become(&now);
        for (name, known) in self.inputs.iter().filter(copied) {
            if known.is_start_of(&mut file, &now)? {
                let known = known.without_open_if(trace::is_at(known.identity, name));
                return known.resume(&mut file, &now);
            }
        }
        Ok(match (same().next(), named) {
            (Some(known), _) => Resume::Replaced(known.left_open()),
            (None, Some(_)) => Resume::Replaced(Vec::new()),
            (None, None) => Resume::Start,
        })
    }
}

/// What every version of the file has.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}
