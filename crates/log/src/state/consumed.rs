//! How much of one input was read, and how to go on with it.

use std::fs::File;
use std::io::{self, Read};

use serde::{Deserialize, Serialize};

use super::trace::{Identity, Now, Print, bytes_at, seam};
use super::{Place, Resume};
use crate::container::Container;
use crate::dedup::hash;
use crate::envelope::Context;
use crate::format::execution::OpenRequest;

/// How much of an input was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Consumed {
    pub(super) identity: Identity,
    size: u64,
    /// Bytes of the file that are done with: less than its size if the last
    /// line had no end yet.
    offset: u64,
    /// The bytes before the offset.
    seam: Print,
    end: End,
}

/// How a run left an input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct End {
    /// What has no end there.
    pub(crate) tail: Option<Tail>,
    /// It was not read, for it may go on; or the document may, that was being read.
    pub(crate) waits: bool,
    /// What is known there of the rest of the input; nothing if there was no log to read.
    pub(crate) context: Option<Context>,
    /// Requests of which more lines may come.
    pub(crate) open: Vec<OpenRequest>,
}

/// A last event without an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tail {
    bytes: u64,
    hash: u64,
}

impl Tail {
    /// These bytes, if there are any.
    pub(crate) fn of(bytes: &[u8]) -> Option<Tail> {
        (!bytes.is_empty()).then(|| Tail { bytes: bytes.len() as u64, hash: hash(bytes) })
    }
}

impl Consumed {
    /// Notes that a file was read up to `read` bytes, and ends like this.
    pub(crate) fn note(
        identity: Identity,
        file: &mut File,
        read: u64,
        end: End,
    ) -> io::Result<Consumed> {
        let offset = read - end.tail.map_or(0, |tail| tail.bytes);
        let seam = seam(file, offset)?;
        Ok(Consumed { identity, size: read, offset, seam, end })
    }

    /// Whether this was the same file, whatever is in it now.
    pub(super) fn is_inode_of(&self, now: &Now) -> bool {
        self.identity.is_same_inode(self.identity.now(now))
    }

    /// Whether a file of any name may be a copy of this: a short one may be alike by chance.
    pub(super) fn may_have_become(&self, now: &Now) -> bool {
        self.identity.has_whole_head(now)
    }

    /// Whether a file is what this was, and maybe more.
    pub(super) fn is_start_of(&self, file: &mut File, now: &Now) -> io::Result<bool> {
        let alike = now.size >= self.size && self.identity.head.begins(&now.head);
        Ok(alike && seam(file, self.offset)? == self.seam)
    }

    /// This, if the requests that it left open are for another to go on with.
    pub(super) fn without_open_if(&self, other: bool) -> Consumed {
        let mut consumed = self.clone();
        consumed.end.open.retain(|_| !other);
        consumed
    }

    /// Where to go on with the file as it is now.
    pub(super) fn resume(&self, file: &mut File, now: &Now) -> io::Result<Resume> {
        let at = |settled| {
            let End { tail, waits, context, open } = self.end.clone();
            let read = tail.filter(|_| !waits);
            Resume::At(Place { offset: self.offset, read, settled, context, open })
        };
        if now.size == self.size {
            let identity = self.identity.now(now);
            let nothing = || Resume::Nothing(Consumed { identity, ..self.clone() });
            return Ok(if self.end.is_open() { at(true) } else { nothing() });
        }
        let container = Container::sniff(&now.head);
        let goes_on = container == Container::Plain
            || Container::sniff(&bytes_at(file, self.size, 16)?) == container;
        Ok(if goes_on { at(false) } else { Resume::Replaced(Vec::new()) })
    }

    /// What was left open of a file that is no longer what it was.
    pub(super) fn left_open(&self) -> Vec<OpenRequest> {
        self.end.open.clone()
    }

    /// What waits for a later run; nothing to say if nothing does.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = String> {
        let End { tail, waits, context, open } = &self.end;
        let count = open.iter().filter(|request| request.waits()).count();
        let bytes = tail.filter(|_| *waits).map(|Tail { bytes, .. }| match bytes {
            1 => "1 byte waits for the end of its line".to_owned(),
            _ => format!("{bytes} bytes wait for the end of their line"),
        });
        let within = *waits && context.as_ref().is_some_and(Context::is_within_document);
        let document = within.then(|| "a document waits for its end".to_owned());
        let requests = (count > 0).then(|| match count {
            1 => "1 request waits for the rest of its lines".to_owned(),
            _ => format!("{count} requests wait for the rest of their lines"),
        });
        bytes.into_iter().chain(document).chain(requests)
    }
}

impl End {
    /// That of a file of which nothing more is to come.
    pub(crate) fn whole() -> End {
        End { tail: None, waits: false, context: None, open: Vec::new() }
    }

    /// Whether something is to be done even if nothing is added.
    fn is_open(&self) -> bool {
        self.waits || self.open.iter().any(OpenRequest::waits)
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
