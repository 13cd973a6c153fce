//! Text in other codes, decoded as it is read: base64 and UTF-16.

use std::io::{self, BufRead, Cursor, Read};

use base64::Engine;

/// Decodes as much of what is held as can be, all of it if the input has ended. What is left is
/// held until there is more.
type Decode = fn(held: &mut Vec<u8>, ended: bool) -> io::Result<Vec<u8>>;

/// Decodes what it reads.
pub(super) struct Decoding<R> {
    inner: R,
    decode: Decode,
    held: Vec<u8>,
    decoded: Cursor<Vec<u8>>,
}

impl<R: BufRead> Decoding<R> {
    /// Decodes base64, line ends and padding in the middle included.
    pub(super) fn base64(inner: R) -> Self {
        Decoding { inner, decode: base64, held: Vec::new(), decoded: Cursor::default() }
    }

    /// Decodes UTF-16 in the order that its byte order mark tells.
    pub(super) fn utf16(mut inner: R) -> Self {
        let big = inner.fill_buf().is_ok_and(|head| head.first() == Some(&0xfe));
        let decode: Decode = match big {
            true => |held, ended| Ok(utf16(held, ended, u16::from_be_bytes)),
            false => |held, ended| Ok(utf16(held, ended, u16::from_le_bytes)),
        };
        Decoding { inner, decode, held: Vec::new(), decoded: Cursor::default() }
    }

    /// Decodes what the inner reader has. Returns whether there was anything.
    fn advance(&mut self) -> io::Result<bool> {
        let chunk = self.inner.fill_buf()?;
        let len = chunk.len();
        self.held.extend_from_slice(chunk);
        self.inner.consume(len);
        self.decoded = Cursor::new((self.decode)(&mut self.held, len == 0)?);
        Ok(len > 0)
    }
}

impl<R: BufRead> Read for Decoding<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.decoded.read(buffer)?;
            if read > 0
                || buffer.is_empty()
                || !self.advance()? && self.decoded.get_ref().is_empty()
            {
                return Ok(read);
            }
        }
    }
}

/// Base64 whose padding was taken off.
const UNPADDED: base64::engine::GeneralPurpose = base64::engine::GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    base64::engine::general_purpose::NO_PAD,
);

fn base64(held: &mut Vec<u8>, ended: bool) -> io::Result<Vec<u8>> {
    held.retain(|c| !c.is_ascii_whitespace());
    let whole = if ended { held.len() } else { held.len() / 4 * 4 };
    let rest = held.split_off(whole);
    let mut decoded = Vec::with_capacity(whole);
    // Padding ends a line's base64; the next line begins anew.
    for part in held.split_inclusive(|&c| c == b'=').filter(|part| *part != b"=") {
        let part = part.strip_suffix(b"=").unwrap_or(part);
        decoded.extend(UNPADDED.decode(part).map_err(|error| io::Error::other(error.to_string()))?);
    }
    *held = rest;
    Ok(decoded)
}

/// What is no character is replaced, as a line of it is recovered.
fn utf16(held: &mut Vec<u8>, ended: bool, unit: fn([u8; 2]) -> u16) -> Vec<u8> {
    let (pairs, odd) = held.as_chunks::<2>();
    let mut units: Vec<u16> = pairs.iter().copied().map(unit).collect();
    let is_half = |last: &u16| (0xd800..0xdc00).contains(last);
    let halves = usize::from(!ended && units.last().is_some_and(is_half));
    units.truncate(units.len() - halves);
    let lost = usize::from(ended && !odd.is_empty());
    let text = char::decode_utf16(units.iter().copied());
    let text = text.map(|read| read.unwrap_or(char::REPLACEMENT_CHARACTER));
    let decoded: String =
        text.chain([char::REPLACEMENT_CHARACTER].into_iter().take(lost)).collect();
    held.drain(..if ended { held.len() } else { 2 * units.len() });
    decoded.into_bytes()
}
