//! Where each request on a connection begins and ends, and whether everybody would say so.

use std::io;

use super::{Ambiguity, LastTurn};

/// Follows the bytes of a connection.
#[derive(Debug, Default)]
pub(super) struct Follower {
    at: At,
    /// What has arrived of the current line; whole lines are not copied.
    line: Vec<u8>,
    head: Head,
    /// Which request is being followed, counted from 0.
    number: u64,
    last: Option<(u64, LastTurn)>,
}

/// Where the next byte belongs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum At {
    /// The first line of a request.
    #[default]
    RequestLine,
    /// Another line of its head.
    HeaderLine,
    /// So many more bytes of its body.
    Body(u64),
    /// The length of a chunk.
    ChunkLength,
    /// So many more bytes of the chunk, then the end of its line.
    Chunk(u64),
    ChunkEnd,
    /// A line behind the last chunk.
    Trailer,
    /// Bytes of another protocol.
    Beyond,
    /// Behind a request that could be read in more than one way.
    Over,
}

/// What the head so far says of the request's end.
#[derive(Debug, Default)]
struct Head {
    length: Option<u64>,
    lengths: usize,
    is_chunked: bool,
    is_upgrade: bool,
    ambiguity: Option<&'static str>,
}

/// What hyper says before any request if it is to be HTTP/2 (RFC 9113 §3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0";

impl Follower {
    /// Whether nothing is passed on any more.
    pub(super) fn is_over(&self) -> bool {
        self.at == At::Over
    }

    /// The request that no other may follow, and why, once it has been seen.
    pub(super) fn last(&self) -> Option<(u64, LastTurn)> {
        self.last
    }

    /// Follows the next bytes; how many of them may be passed on.
    ///
    /// # Errors
    /// A body in chunks could be read in more than one way. Nothing that follows can be trusted.
    pub(super) fn follow(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut rest = bytes;
        while !rest.is_empty() {
            rest = match self.at {
                At::Beyond => return Ok(bytes.len()),
                At::Over => return Ok(bytes.len() - rest.len()),
                At::Body(left) => self.count(rest, left, At::Body, At::RequestLine),
                At::Chunk(left) => self.count(rest, left, At::Chunk, At::ChunkEnd),
                _ => match memchr::memchr(b'\n', rest) {
                    None => {
                        self.line.extend_from_slice(rest);
                        &[]
                    }
                    Some(end) => {
                        let (line, behind) = rest.split_at_checked(end + 1).unwrap_or((rest, &[]));
                        self.whole_line(line)?;
                        behind
                    }
                },
            };
        }
        Ok(bytes.len())
    }

    /// Passes over what of `left` bytes is here.
    fn count<'b>(&mut self, bytes: &'b [u8], left: u64, more: fn(u64) -> At, end: At) -> &'b [u8] {
        let here = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
        let left = left.saturating_sub(u64::try_from(here).unwrap_or(u64::MAX));
        if left > 0 {
            self.at = more(left);
        } else if end == At::RequestLine {
            self.next_request();
        } else {
            self.at = end;
        }
        bytes.get(here..).unwrap_or_default()
    }

    fn next_request(&mut self) {
        self.at = At::RequestLine;
        self.head = Head::default();
        self.number += 1;
    }

    /// Takes a line whose end is the end of `bytes`.
    fn whole_line(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.line.is_empty() {
            return self.line_of(bytes);
        }
        let mut line = std::mem::take(&mut self.line);
        line.extend_from_slice(bytes);
        let done = self.line_of(&line);
        line.clear();
        self.line = line;
        done
    }

    fn line_of(&mut self, line: &[u8]) -> io::Result<()> {
        let text = line.strip_suffix(b"\r\n");
        let bare = || line.strip_suffix(b"\n").unwrap_or(line);
        match self.at {
            At::RequestLine | At::HeaderLine => {
                if text.is_none() {
                    self.head.ambiguity.get_or_insert("a line feed alone ends a line");
                }
                self.head_line(text.unwrap_or_else(bare));
                Ok(())
            }
            _ => self.body_line(text.ok_or_else(broken)?),
        }
    }

    fn head_line(&mut self, text: &[u8]) {
        match (self.at, text) {
            // Empty lines before a request are none of it (RFC 9112 §2.2).
            (At::RequestLine, b"") => {}
            (At::RequestLine, PREFACE) if self.number == 0 => self.at = At::Beyond,
            (_, b"") => self.end_of_head(),
            (At::RequestLine, line) => {
                self.head.request_line(line);
                self.at = At::HeaderLine;
            }
            (_, line) => self.head.header_line(line),
        }
    }

    fn end_of_head(&mut self) {
        if let Some(why) = self.head.judge() {
            self.last = Some((self.number, LastTurn::Ambiguous(Ambiguity(why))));
            self.at = At::Over;
        } else if self.head.is_upgrade {
            self.last = Some((self.number, LastTurn::Upgrade));
            self.at = At::Beyond;
        } else if self.head.is_chunked {
            self.at = At::ChunkLength;
        } else {
            match self.head.length {
                None | Some(0) => self.next_request(),
                Some(length) => self.at = At::Body(length),
            }
        }
    }

    fn body_line(&mut self, text: &[u8]) -> io::Result<()> {
        match (self.at, text) {
            (At::ChunkEnd, b"") => self.at = At::ChunkLength,
            (At::ChunkEnd, _) => return Err(broken()),
            (At::Trailer, b"") => self.next_request(),
            (At::Trailer, _) => {}
            (_, line) => match chunk_length(line).ok_or_else(broken)? {
                0 => self.at = At::Trailer,
                length => self.at = At::Chunk(length),
            },
        }
        Ok(())
    }
}

impl Head {
    fn request_line(&mut self, line: &[u8]) {
        if line.contains(&b'#') {
            self.ambiguity.get_or_insert("a `#` in the request line");
        }
        self.is_upgrade = line.starts_with(b"CONNECT ");
    }

    fn header_line(&mut self, line: &[u8]) {
        if let Some(value) = value_of(b"content-length", line) {
            self.lengths += 1;
            self.length = decimal(value);
            if self.length.is_none() {
                self.ambiguity.get_or_insert("`Content-Length` is not a number");
            }
        } else if let Some(value) = value_of(b"transfer-encoding", line) {
            if self.is_chunked || !value.eq_ignore_ascii_case(b"chunked") {
                self.ambiguity.get_or_insert("`Transfer-Encoding` is not `chunked` alone");
            }
            self.is_chunked = true;
        } else if value_of(b"upgrade", line).is_some() {
            self.is_upgrade = true;
        }
    }

    /// Why the request could be read in more than one way.
    fn judge(&self) -> Option<&'static str> {
        match (self.lengths, self.is_chunked) {
            _ if self.ambiguity.is_some() => self.ambiguity,
            (1.., true) => Some("both `Transfer-Encoding` and `Content-Length`"),
            (2.., _) => Some("more than one `Content-Length`"),
            (1, _) | (_, true) if self.is_upgrade => Some("an `Upgrade` with a body"),
            _ => None,
        }
    }
}

/// The value in a line, if it is the header of this name.
fn value_of<'l>(name: &[u8], line: &'l [u8]) -> Option<&'l [u8]> {
    let (head, rest) = line.split_at_checked(name.len())?;
    let value = rest.strip_prefix(b":")?;
    head.eq_ignore_ascii_case(name).then(|| value.trim_ascii())
}

fn broken() -> io::Error {
    let what = "the chunks of the body could be read in more than one way";
    io::Error::new(io::ErrorKind::InvalidData, what)
}

fn decimal(digits: &[u8]) -> Option<u64> {
    let digits = str::from_utf8(digits).ok()?;
    digits.bytes().all(|digit| digit.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// The length before a chunk: hexadecimal digits, and extensions that nobody reads.
fn chunk_length(line: &[u8]) -> Option<u64> {
    let end = memchr::memchr(b';', line).unwrap_or(line.len());
    let digits = str::from_utf8(line.get(..end)?.trim_ascii_end()).ok()?;
    digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then_some(())?;
    u64::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// How many bytes pass, and which request is the last and why; `None` if a body breaks.
    fn follow(pieces: &[&[u8]]) -> Option<(usize, Option<(u64, LastTurn)>)> {
        let mut follower = Follower::default();
        let mut passed = 0;
        for piece in pieces {
            if !follower.is_over() {
                passed += follower.follow(piece).ok()?;
            }
        }
        Some((passed, follower.last()))
    }

    #[track_caller]
    fn check_passes(stream: &str) {
        assert_eq!(follow(&[stream.as_bytes()]), Some((stream.len(), None)), "{stream:?}");
    }

    #[track_caller]
    fn check_ends(stream: &str, behind: &str, number: u64, why: &'static str) {
        let bytes = [stream, behind].concat();
        let last = Some((number, LastTurn::Ambiguous(Ambiguity(why))));
        assert_eq!(follow(&[bytes.as_bytes()]), Some((stream.len(), last)), "{stream:?}");
    }

    #[test]
    fn requests_follow_each_other() {
        check_passes("GET / HTTP/1.1\r\nhost: a\r\n\r\n\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n");
        check_passes("POST / HTTP/1.1\r\ncontent-length: 4\r\n\r\na\n\nbGET / HTTP/1.1\r\n\r\n");
        check_passes(
            "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n4;a=b\r\na\n\nb\r\n0\r\na: b\r\n\
             \r\nGET / HTTP/1.1\r\n\r\n",
        );
        check_passes("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0#\n");
    }

    #[test]
    fn nothing_follows_what_could_be_read_in_two_ways() {
        let next = "GET / HTTP/1.1\r\n\r\n";
        check_ends("GET /a#b HTTP/1.1\r\n\r\n", next, 0, "a `#` in the request line");
        check_ends("GET / HTTP/1.1\r\n\n", next, 0, "a line feed alone ends a line");
        check_ends(
            "GET / HTTP/1.1\r\n\r\nPOST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: \
             chunked\r\n\r\n",
            "0\r\n\r\n",
            1,
            "both `Transfer-Encoding` and `Content-Length`",
        );
        check_ends(
            "POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\n",
            "a",
            0,
            "more than one `Content-Length`",
        );
        check_ends(
            "POST / HTTP/1.1\r\ntransfer-encoding: x\r\n\r\n",
            "a",
            0,
            "`Transfer-Encoding` is not `chunked` alone",
        );
    }

    #[test]
    fn what_follows_an_upgrade_is_not_followed() {
        let stream = b"GET / HTTP/1.1\r\nupgrade: websocket\r\n\r\n\0\0\n#\n\n";
        assert_eq!(follow(&[stream]), Some((stream.len(), Some((0, LastTurn::Upgrade)))));
    }

    #[test]
    fn a_chunk_has_one_end() {
        for body in ["1\na\r\n", "1\r\nab\r\n", "-1\r\n", "0x1\r\n", "+1\r\n", "\r\n", "1 1\r\n"] {
            let head = "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n";
            assert_eq!(follow(&[head.as_bytes(), body.as_bytes()]), None, "{body:?}");
        }
    }

    proptest! {
        #[test]
        fn it_does_not_matter_how_the_bytes_are_cut(
            pieces in proptest::collection::vec(prop_oneof![
                Just("GET / HTTP/1.1\r\n"), Just("GET /# HTTP/1.1\r\n"), Just("\r\n"), Just("\n"),
                Just("content-length: 3\r\n"), Just("transfer-encoding: chunked\r\n"),
                Just("3\r\n"), Just("abc"), Just("0\r\n"), Just("upgrade: a\r\n"), Just("a: b\r\n"),
            ], 0..12),
            cuts in proptest::collection::vec(0usize..160, 0..6),
        ) {
            let stream = pieces.concat().into_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(stream.len())).collect();
            cuts.extend([0, stream.len()]);
            cuts.sort_unstable();
            let cut: Vec<&[u8]> = cuts.windows(2).map(|cut| &stream[cut[0]..cut[1]]).collect();
            prop_assert_eq!(follow(&cut), follow(&[&stream]));
        }
    }
}
