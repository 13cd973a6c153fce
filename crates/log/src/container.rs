//! Containers: how the bytes of an input are packed.
//!
//! Told by the first bytes, never by the name: Firehose writes gzip without an
//! extension, and packs again what was packed already.

use std::fmt;
use std::io::{self, BufRead, BufReader, Cursor, Read};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::bufread::MultiGzDecoder;

/// One layer of packing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Container {
    /// Not packed.
    Plain,
    /// gzip, of one or several members.
    Gzip,
    /// Zstandard, of one or several frames.
    Zstd,
    /// Base64 of gzip, Zstandard or JSON, in one or several lines.
    Base64,
}

impl fmt::Display for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Container::Plain => "plain",
            Container::Gzip => "gzip",
            Container::Zstd => "zstd",
            Container::Base64 => "base64",
        })
    }
}

/// The bytes that tell a container.
const MAGIC_BYTES: usize = 16;

/// Layers of containers in one another.
const LAYERS_MAX: usize = 4;

/// Bytes that are unpacked at a time.
const BUFFER_BYTES: usize = 128 << 10;

impl Container {
    /// Tells a container by its first bytes.
    pub fn sniff(head: &[u8]) -> Container {
        let base64 = |c: &u8| c.is_ascii_alphanumeric() || matches!(c, b'+' | b'/' | b'=' | b'\n');
        match head {
            [0x1f, 0x8b, 8, ..] => Container::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Container::Zstd,
            // What gzip, Zstandard and `{"` begin with, in base64.
            [b'H', b'4', b's', b'I', rest @ ..]
            | [b'K', b'L', b'U', b'v', rest @ ..]
            | [b'e', b'y', b'J', rest @ ..]
                if rest.iter().take(MAGIC_BYTES - 4).all(base64) && rest.len() > 4 =>
            {
                Container::Base64
            }
            _ => Container::Plain,
        }
    }
}

/// Unpacks an input, however many layers it has.
///
/// Returns the layers, outermost first (none for a plain input), and a reader
/// of what is inside.
pub(crate) fn unpack(
    input: Box<dyn Read + Send>,
) -> io::Result<(Vec<Container>, Box<dyn Read + Send>)> {
    let mut layers = Vec::new();
    let mut input = input;
    loop {
        let mut head = Vec::new();
        input.by_ref().take(MAGIC_BYTES as u64).read_to_end(&mut head)?;
        let container = Container::sniff(&head);
        let whole: Box<dyn Read + Send> = Box::new(Cursor::new(head).chain(input));
        if container == Container::Plain || layers.len() == LAYERS_MAX {
            return Ok((layers, whole));
        }
        layers.push(container);
        let packed = BufReader::with_capacity(BUFFER_BYTES, whole);
        input = match container {
            Container::Plain => Box::new(packed),
            Container::Gzip => Box::new(MultiGzDecoder::new(packed)),
            Container::Zstd => Box::new(zstd::Decoder::with_buffer(packed)?),
            Container::Base64 => Box::new(Base64Reader::new(packed)),
        };
    }
}

/// Decodes base64 as it is read, line ends and padding in the middle included.
struct Base64Reader<R> {
    inner: R,
    /// Characters that are no whole group of four yet.
    group: Vec<u8>,
    decoded: Cursor<Vec<u8>>,
}

impl<R: BufRead> Base64Reader<R> {
    fn new(inner: R) -> Self {
        Base64Reader { inner, group: Vec::new(), decoded: Cursor::default() }
    }

    /// Decodes what the inner reader has. Returns whether there was anything.
    fn advance(&mut self) -> io::Result<bool> {
        let chunk = self.inner.fill_buf()?;
        let len = chunk.len();
        self.group.extend(chunk.iter().filter(|c| !c.is_ascii_whitespace()));
        self.inner.consume(len);
        let whole = if len == 0 { self.group.len() } else { self.group.len() / 4 * 4 };
        let rest = self.group.split_off(whole);
        let mut decoded = Vec::with_capacity(whole);
        // Padding ends a line's base64; the next line begins anew.
        for part in self.group.split_inclusive(|&c| c == b'=').filter(|part| *part != b"=") {
            let part = part.strip_suffix(b"=").unwrap_or(part);
            decoded.extend(
                UNPADDED.decode(part).map_err(|error| io::Error::other(error.to_string()))?,
            );
        }
        self.group = rest;
        self.decoded = Cursor::new(decoded);
        Ok(len > 0)
    }
}

/// Base64 whose padding was taken off.
const UNPADDED: base64::engine::GeneralPurpose = base64::engine::GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    base64::engine::general_purpose::NO_PAD,
);

impl<R: BufRead> Read for Base64Reader<R> {
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

/// Decodes a short piece of base64.
pub(crate) fn decode_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text.trim_ascii()).ok()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const TEXT: &str = "{\"messageType\":\"DATA_MESSAGE\"}";

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[track_caller]
    fn check(packed: Vec<u8>, layers: &[Container], expected: &str) {
        let (found, mut reader) = unpack(Box::new(Cursor::new(packed))).unwrap();
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!((found.as_slice(), text.as_str()), (layers, expected));
    }

    #[test]
    fn layers_are_told_by_their_first_bytes() {
        let twice = format!("{TEXT}{TEXT}");
        let member = gzip(TEXT.as_bytes());
        let members = [member.clone(), member.clone()].concat();
        check(TEXT.into(), &[], TEXT);
        check(member.clone(), &[Container::Gzip], TEXT);
        check(members.clone(), &[Container::Gzip], &twice);
        check(gzip(&members), &[Container::Gzip, Container::Gzip], &twice);
        check(zstd::encode_all(TEXT.as_bytes(), 1).unwrap(), &[Container::Zstd], TEXT);
        check(STANDARD.encode(TEXT).into(), &[Container::Base64], TEXT);
        let line = STANDARD.encode(&member);
        let layers = [Container::Base64, Container::Gzip];
        check(line.clone().into(), &layers, TEXT);
        check(format!("{line}\n{line}\n").into(), &layers, &twice);
        let wrapped: Vec<_> = line.as_bytes().chunks(19).collect();
        check(wrapped.join(&b"\r\n"[..]), &layers, TEXT);
    }

    #[test]
    fn words_are_not_base64() {
        for text in ["", "H4sI", "eyJ \"hello\" there, you", "GET /pets HTTP/1.1"] {
            assert_eq!(Container::sniff(text.as_bytes()), Container::Plain, "`{text}`");
        }
    }

    #[test]
    fn damage_is_an_error_after_what_could_be_read() {
        let text = TEXT.repeat(10_000);
        let mut packed = gzip(text.as_bytes());
        packed.truncate(packed.len() / 2);
        let (_, mut reader) = unpack(Box::new(Cursor::new(packed))).unwrap();
        let mut read = Vec::new();
        assert!(reader.read_to_end(&mut read).is_err());
        assert!(!read.is_empty());
    }
}
