//! The access log in a file, which is rotated by size, or by another program.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Lines, Sink};

/// A file that lines are appended to.
///
/// When it would become larger than it may, it is renamed to `NAME.1`, what was `NAME.1` to `NAME.2`,
/// and so on, as far as files are kept. When another program has moved it away, a new one is made.
#[derive(Debug)]
pub struct FileSink {
    path: PathBuf,
    file: File,
    length: u64,
    rotation: Rotation,
}

/// When a file is rotated, and how many old ones are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// Bytes of a file; none for no end.
    pub bytes_max: Option<u64>,
    /// Old files that are kept.
    pub files_max: u32,
}

impl FileSink {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    /// It cannot be opened for writing.
    pub fn open(path: &Path, rotation: Rotation) -> io::Result<FileSink> {
        let (file, length) = open(path)?;
        Ok(FileSink { path: path.to_owned(), file, length, rotation })
    }

    /// Makes way for so many bytes more.
    fn make_way(&mut self, bytes: u64) -> io::Result<()> {
        let is_full = self.rotation.bytes_max.is_some_and(|max| self.length + bytes > max);
        if is_full && self.length > 0 {
            self.rotate()?;
        } else if is_same_file(&self.file, &self.path) {
            return Ok(());
        }
        (self.file, self.length) = open(&self.path)?;
        Ok(())
    }

    fn rotate(&self) -> io::Result<()> {
        for number in (1..self.rotation.files_max).rev() {
            let (from, to) = (self.numbered(number), self.numbered(number + 1));
            match std::fs::rename(from, to) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        match self.rotation.files_max {
            0 => std::fs::remove_file(&self.path),
            _ => std::fs::rename(&self.path, self.numbered(1)),
        }
    }

    fn numbered(&self, number: u32) -> PathBuf {
        let mut name = OsString::from(&self.path);
        name.push(format!(".{number}"));
        PathBuf::from(name)
    }
}

fn open(path: &Path) -> io::Result<(File, u64)> {
    let file = OpenOptions::new().create(true).append(true).open(path)?;
    let length = file.metadata()?.len();
    Ok((file, length))
}

#[cfg(unix)]
fn is_same_file(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let (Ok(held), Ok(there)) = (file.metadata(), std::fs::metadata(path)) else { return false };
    (held.dev(), held.ino()) == (there.dev(), there.ino())
}

#[cfg(not(unix))]
fn is_same_file(_: &File, path: &Path) -> bool {
    path.exists()
}

impl Sink for FileSink {
    /// Under load, one write takes hundreds of lines. The thread wakes as seldom, and so does whoever
    /// watches the file or its folder.
    fn linger(&self) -> Duration {
        Duration::from_millis(10)
    }

    fn write(&mut self, lines: &Lines) -> io::Result<u64> {
        let length = u64::try_from(lines.as_bytes().len()).unwrap_or(u64::MAX);
        self.make_way(length)?;
        self.file.write_all(lines.as_bytes())?;
        self.length = self.length.saturating_add(length);
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use jiff::Timestamp;

    fn line(text: &'static str) -> Lines {
        let each = vec![(Timestamp::UNIX_EPOCH, text.len())];
        Lines { text: Bytes::from_static(text.as_bytes()), each }
    }

    fn read(path: &Path) -> String {
        std::fs::read_to_string(path).unwrap_or_else(|error| error.kind().to_string())
    }

    #[test]
    fn a_full_file_makes_way_and_the_oldest_goes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("access.jsonl");
        let rotation = Rotation { bytes_max: Some(4), files_max: 2 };
        let mut sink = FileSink::open(&path, rotation).unwrap();
        for text in ["a\n", "b\n", "c\n", "d\n", "e\n", "f\n", "g\n"] {
            sink.write(&line(text)).unwrap();
        }
        let all = ["access.jsonl", "access.jsonl.1", "access.jsonl.2", "access.jsonl.3"];
        let texts = all.map(|name| read(&folder.path().join(name)));
        assert_eq!(texts, ["g\n", "e\nf\n", "c\nd\n", "entity not found"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_was_moved_away_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("access.jsonl");
        let rotation = Rotation { bytes_max: None, files_max: 0 };
        let mut sink = FileSink::open(&path, rotation).unwrap();
        sink.write(&line("a\n")).unwrap();
        std::fs::rename(&path, folder.path().join("yesterday")).unwrap();
        sink.write(&line("b\n")).unwrap();
        assert_eq!(read(&folder.path().join("yesterday")), "a\n");
        assert_eq!(read(&path), "b\n");
    }
}
