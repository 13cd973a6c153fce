//! Input on its way to be cut.

use std::io::{self, Read};

/// Input that is not cut yet, in memory that is used again: what was written once need not be
/// cleared before it is read into, which took a twelfth of the time of decoding.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    bytes: Vec<u8>,
    /// How much of it is input.
    len: usize,
}

impl Pending {
    /// The input.
    pub(crate) fn get(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// Appends input.
    pub(crate) fn push(&mut self, more: &[u8]) {
        self.bytes.truncate(self.len);
        self.bytes.extend_from_slice(more);
        self.len = self.bytes.len();
    }

    /// Appends what a reader has, at most so many bytes. Returns how many; fewer are the last.
    ///
    /// # Errors
    /// Those of the reader. What was read before is appended.
    pub(crate) fn read(&mut self, reader: &mut impl Read, bytes: usize) -> io::Result<usize> {
        let start = self.len;
        if self.bytes.len() < start + bytes {
            self.bytes.resize(start + bytes, 0);
        }
        while self.len < start + bytes {
            let room = self.bytes.get_mut(self.len..start + bytes).unwrap_or_default();
            match reader.read(room) {
                Ok(0) => break,
                Ok(read) => self.len += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(self.len - start)
    }

    /// Drops the first bytes.
    pub(super) fn skip(&mut self, bytes: usize) {
        let bytes = bytes.min(self.len);
        self.bytes.copy_within(bytes..self.len, 0);
        self.len -= bytes;
    }

    /// Drops the last bytes.
    pub(crate) fn drop_last(&mut self, bytes: usize) {
        self.len -= bytes.min(self.len);
    }

    /// Takes the first bytes out, and goes on in `spare` with the rest.
    pub(super) fn take(&mut self, bytes: usize, spare: Vec<u8>) -> Vec<u8> {
        let rest = self.get().get(bytes..).unwrap_or_default();
        let mut next = Pending { bytes: spare, len: 0 };
        if next.bytes.len() < rest.len() {
            next.push(rest);
        } else if let Some(start) = next.bytes.get_mut(..rest.len()) {
            start.copy_from_slice(rest);
            next.len = rest.len();
        }
        let mut taken = std::mem::replace(self, next).bytes;
        taken.truncate(bytes);
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_and_what_is_left_is_what_came() {
        let mut pending = Pending::default();
        pending.push(b"one\ntw");
        assert_eq!(pending.take(4, vec![b'x'; 9]), b"one\n");
        assert_eq!(pending.get(), b"tw");
        assert_eq!(pending.read(&mut &b"o\nthree"[..], 4).unwrap(), 4);
        assert_eq!(pending.get(), b"two\nth");
        pending.skip(4);
        assert_eq!(pending.read(&mut &b"ree"[..], 9).unwrap(), 3);
        pending.push(b"!");
        assert_eq!(pending.take(6, Vec::new()), b"three!");
        assert_eq!(pending.get(), b"");
    }
}
