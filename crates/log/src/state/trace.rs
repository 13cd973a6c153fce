//! What a file is known by, however it is called by now.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::dedup::hash;

/// Bytes that a print is made of, unless there are fewer.
const PRINT_BYTES: u64 = 4096;

/// A hash of some bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Print {
    pub(super) bytes: u64,
    pub(super) hash: u64,
}

impl Print {
    pub(super) fn of(bytes: &[u8]) -> Print {
        Print { bytes: bytes.len() as u64, hash: hash(bytes) }
    }

    /// Whether these bytes begin with those.
    pub(super) fn begins(self, bytes: &[u8]) -> bool {
        bytes.get(..self.bytes as usize).is_some_and(|head| hash(head) == self.hash)
    }
}

/// The file itself, and how it begins. Taken from what is read, not from the path: a log may be
/// rotated meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Identity {
    inode: Inode,
    pub(super) head: Print,
}

/// What tells a file however it is called: its device and its number there; zeros where there is
/// no such thing.
pub(crate) type Inode = (u64, u64);

/// A file as it is now.
pub(super) struct Now {
    pub(super) size: u64,
    inode: Inode,
    /// How it begins.
    pub(super) head: Vec<u8>,
}

impl Now {
    pub(super) fn of(file: &mut File) -> io::Result<Now> {
        let found = file.metadata()?;
        let head = bytes_at(file, 0, PRINT_BYTES)?;
        Ok(Now { size: found.len(), inode: inode(&found), head })
    }
}

impl Identity {
    /// The identity of a file, which is read from its start afterwards.
    pub(crate) fn of(file: &mut File) -> io::Result<Identity> {
        let inode = inode(&file.metadata()?);
        let head = Print::of(&bytes_at(file, 0, PRINT_BYTES)?);
        file.seek(SeekFrom::Start(0))?;
        Ok(Identity { inode, head })
    }

    /// Whether both are of one file, whatever became of it.
    pub(super) fn is_same_inode(self, other: Identity) -> bool {
        self.inode == other.inode && self.inode != Inode::default()
    }

    /// That of a file which is the same, or begins alike.
    pub(super) fn now(self, now: &Now) -> Identity {
        Identity { inode: now.inode, ..self }
    }

    /// Whether a file has all of the head that is looked at, and it is this.
    pub(super) fn has_whole_head(self, now: &Now) -> bool {
        self.head.bytes == PRINT_BYTES && self.head.begins(&now.head)
    }
}

/// Whether a file is still there under its name.
pub(super) fn is_at(identity: Identity, name: &str) -> bool {
    fs::metadata(Path::new(name)).is_ok_and(|found| inode(&found) == identity.inode)
}

/// The bytes before an offset: a file that is the same up to there was appended to, one that only
/// begins alike was written anew.
pub(super) fn seam(file: &mut File, offset: u64) -> io::Result<Print> {
    let start = offset.saturating_sub(PRINT_BYTES);
    Ok(Print::of(&bytes_at(file, start, offset - start)?))
}

/// Up to so many bytes of a file.
pub(super) fn bytes_at(file: &mut File, offset: u64, bytes: u64) -> io::Result<Vec<u8>> {
    let mut found = Vec::new();
    file.seek(SeekFrom::Start(offset))?;
    file.take(bytes).read_to_end(&mut found)?;
    Ok(found)
}

/// What tells a file however it is called.
#[cfg(unix)]
pub(crate) fn inode(found: &fs::Metadata) -> Inode {
    use std::os::unix::fs::MetadataExt;
    (found.dev(), found.ino())
}

/// What tells a file however it is called.
#[cfg(not(unix))]
pub(crate) fn inode(_: &fs::Metadata) -> Inode {
    Inode::default()
}
