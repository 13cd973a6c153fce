//! Where the text of manifests and policies comes from.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// Gives the text of a file.
pub trait Source {
    /// The whole text of the file at `path`.
    ///
    /// # Errors
    /// As [`std::fs::read_to_string`]: the file is missing, unreadable, or not text.
    fn read(&self, path: &Path) -> io::Result<String>;
}

/// The file system. Files are UTF-8, or UTF-16 with a byte order mark: so PowerShell writes what
/// `aws … > account.json` prints.
#[derive(Clone, Copy, Debug, Default)]
pub struct Files;

impl Source for Files {
    fn read(&self, path: &Path) -> io::Result<String> {
        std::fs::read(path).and_then(text)
    }
}

/// The text of a file.
fn text(bytes: Vec<u8>) -> io::Result<String> {
    let text = match bytes.as_slice() {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        _ => String::from_utf8(bytes).ok(),
    };
    text.ok_or_else(|| io::ErrorKind::InvalidData.into())
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Option<String> {
    let (units, rest) = bytes.as_chunks::<2>();
    let units: Vec<u16> = units.iter().map(|&bytes| unit(bytes)).collect();
    String::from_utf16(&units).ok().filter(|_| rest.is_empty())
}

/// Texts in memory by their paths: for tests, and for accounts that come from elsewhere.
impl Source for BTreeMap<PathBuf, String> {
    fn read(&self, path: &Path) -> io::Result<String> {
        self.get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_utf_8_or_marked_as_utf_16() {
        let written = "{\"Path\": \"/é€😀/\"}";
        let utf16 = |mark: [u8; 2], bytes: fn(u16) -> [u8; 2]| {
            mark.into_iter().chain(written.encode_utf16().flat_map(bytes)).collect::<Vec<u8>>()
        };
        let [little, big] =
            [utf16([0xff, 0xfe], u16::to_le_bytes), utf16([0xfe, 0xff], u16::to_be_bytes)];
        for bytes in [written.as_bytes().to_vec(), little.clone(), big] {
            assert_eq!(text(bytes).ok().as_deref(), Some(written));
        }
        let cut = little.get(..little.len() - 1).unwrap_or_default().to_vec();
        for bytes in [b"\xe9".to_vec(), cut, vec![0xff, 0xfe, 0x00, 0xd8]] {
            assert_eq!(text(bytes).map_err(|error| error.kind()), Err(io::ErrorKind::InvalidData));
        }
    }
}
