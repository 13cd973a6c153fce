//! Containers: how the bytes of an input are packed.
//!
//! Told by the first bytes, never by the name: Firehose writes gzip without an
//! extension, and packs again what was packed already.

mod decoding;

use std::fmt;
use std::io::{self, BufReader, Cursor, Read};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use decoding::Decoding;
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
    /// Text as UTF-16 with a byte order mark, as PowerShell writes what is redirected to a file.
    Utf16,
}

impl fmt::Display for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Container::Plain => "plain",
            Container::Gzip => "gzip",
            Container::Zstd => "zstd",
            Container::Base64 => "base64",
            Container::Utf16 => "utf-16",
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
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Container::Utf16,
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

/// What an input is that cannot be unpacked, by how it begins.
pub(crate) fn foreign(head: &[u8]) -> Option<&'static str> {
    match head {
        [b'P', b'K', 3, 4, ..] => Some("a zip archive"),
        [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, ..] => Some("packed with bzip2"),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some("packed with xz"),
        [b'7', b'z', 0xbc, 0xaf, ..] => Some("a 7-Zip archive"),
        [4, 0x22, 0x4d, 0x18, ..] => Some("packed with lz4"),
        _ if head.get(257..262) == Some(b"ustar") => Some("a tar archive"),
        _ => None,
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
            Container::Base64 => Box::new(Decoding::base64(packed)),
            Container::Utf16 => Box::new(Decoding::utf16(packed)),
        };
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
    fn text_may_be_utf_16_in_either_order() {
        let text = "\u{feff}{\"a\":\"\u{e9}\u{1f600}\"}".repeat(40_000);
        let units: Vec<u16> = text.encode_utf16().collect();
        let little: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        let big: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
        check(little.clone(), &[Container::Utf16], &text);
        check(big, &[Container::Utf16], &text);
        check(gzip(&little), &[Container::Gzip, Container::Utf16], &text);
        check(vec![0xff, 0xfe, b'a', 0, 0, 0xd8, b'b', 0, b'c'], &[Container::Utf16], {
            "\u{feff}a\u{fffd}b\u{fffd}"
        });
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
