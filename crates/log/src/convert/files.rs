//! The files of a conversion while they are written: one a partition, or several where there are
//! more partitions than may be open at a time.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;

use super::sink::Sink;
use super::{ConvertError, Destination, Output, WrittenFile};

/// The day and the API of a row, as the names of folders.
pub(super) type Partition = (String, String);

/// Bytes that may wait in the files being written, all together.
const WAITING_BYTES_MAX: usize = 64 << 20;

/// Files that are open at a time. A system allows a process 256 at least, and a log whose times a
/// client chose may have any number of days.
const OPEN_MAX: usize = 64;

/// The files being written.
pub(super) struct Files<'a> {
    output: Output,
    destination: &'a Destination,
    run: String,
    open: BTreeMap<Partition, Open>,
    /// Files that are whole, but for their names.
    ended: Vec<Ended>,
    /// How many parts each partition has whose file had to be closed.
    parts: BTreeMap<Partition, u32>,
    /// Writes so far: what was written to least recently is closed first.
    writes: u64,
}

/// A file being written.
struct Open {
    ended: Ended,
    sink: Sink,
    written: u64,
}

/// A file under its temporary name. Dropped before it has its own, it is removed.
struct Ended {
    temporary: PathBuf,
    path: PathBuf,
    rows: u64,
}

impl Drop for Ended {
    fn drop(&mut self) {
        // Nothing is lost if the file is gone already: it was renamed.
        let _ = fs::remove_file(&self.temporary);
    }
}

impl Ended {
    fn error(&self, source: io::Error) -> ConvertError {
        ConvertError { path: self.path.clone(), source }
    }
}

impl<'a> Files<'a> {
    /// No files yet. `run` is what they will be called.
    pub(super) fn new(output: Output, destination: &'a Destination, run: String) -> Files<'a> {
        let (open, ended, parts) = Default::default();
        Files { output, destination, run, open, ended, parts, writes: 0 }
    }

    /// Writes rows of one partition.
    pub(super) fn write(
        &mut self,
        partition: Partition,
        part: &RecordBatch,
    ) -> Result<(), ConvertError> {
        self.writes += 1;
        if !self.open.contains_key(&partition) {
            self.close_excess()?;
            let open = self.create(&partition, part)?;
            self.open.insert(partition.clone(), open);
        }
        let Some(open) = self.open.get_mut(&partition) else { return Ok(()) };
        open.ended.rows += part.num_rows() as u64;
        open.written = self.writes;
        open.sink.write(part).map_err(|source| open.ended.error(source))
    }

    /// Closes files until one more may be opened.
    fn close_excess(&mut self) -> Result<(), ConvertError> {
        while self.open.len() >= OPEN_MAX {
            let oldest = self.open.iter().min_by_key(|(_, open)| open.written);
            let Some(partition) = oldest.map(|(partition, _)| partition.clone()) else { break };
            let Some(open) = self.open.remove(&partition) else { break };
            *self.parts.entry(partition).or_default() += 1;
            self.end(open)?;
        }
        Ok(())
    }

    fn end(&mut self, open: Open) -> Result<(), ConvertError> {
        let Open { ended, sink, .. } = open;
        sink.finish().map_err(|source| ended.error(source))?;
        self.ended.push(ended);
        Ok(())
    }

    fn create(&self, partition: &Partition, part: &RecordBatch) -> Result<Open, ConvertError> {
        let number = match self.parts.get(partition) {
            Some(parts) => format!("-{parts}"),
            None => String::new(),
        };
        let path = match self.destination {
            Destination::File(path) => path.clone(),
            Destination::Folder(folder) => folder
                .join(format!("date={}", partition.0))
                .join(format!("api={}", partition.1))
                .join(format!("{}{number}.{}", self.run, self.output.extension())),
        };
        let mut temporary = path.clone().into_os_string();
        temporary.push(".tmp");
        let ended = Ended { temporary: temporary.into(), path, rows: 0 };
        let folder = ended.path.parent().unwrap_or(Path::new("."));
        let created = fs::create_dir_all(folder).and_then(|()| fs::File::create(&ended.temporary));
        let sink = created.and_then(|file| Sink::new(self.output, file, &part.schema()));
        let sink = sink.map_err(|source| ended.error(source))?;
        Ok(Open { ended, sink, written: 0 })
    }

    /// Keeps what waits in memory bounded, however many partitions there are.
    pub(super) fn flush_excess(&mut self) -> Result<(), ConvertError> {
        let waiting = |open: &Open| open.sink.waiting_bytes();
        while self.open.values().map(waiting).sum::<usize>() > WAITING_BYTES_MAX {
            let Some(largest) = self.open.values_mut().max_by_key(|open| waiting(open)) else {
                return Ok(());
            };
            largest.sink.flush().map_err(|source| largest.ended.error(source))?;
        }
        Ok(())
    }

    /// Ends all files, then gives them their names. `empty` is what stands in a file of its own
    /// that has no rows.
    pub(super) fn finish(mut self, empty: &RecordBatch) -> Result<Vec<WrittenFile>, ConvertError> {
        if let (Destination::File(_), true) = (self.destination, self.open.is_empty()) {
            self.write(Partition::default(), empty)?;
        }
        for open in std::mem::take(&mut self.open).into_values() {
            self.end(open)?;
        }
        let mut files = Vec::new();
        for ended in std::mem::take(&mut self.ended) {
            fs::rename(&ended.temporary, &ended.path).map_err(|source| ended.error(source))?;
            files.push(WrittenFile { path: ended.path.clone(), rows: ended.rows });
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        self.remove_stale(&files)?;
        Ok(files)
    }

    /// Removes what earlier runs of the same inputs wrote and this one did not: whole files, and
    /// those that a run which was killed left under temporary names.
    fn remove_stale(&self, files: &[WrittenFile]) -> Result<(), ConvertError> {
        let Destination::Folder(folder) = self.destination else { return Ok(()) };
        let written: HashSet<&Path> = files.iter().map(|file| file.path.as_path()).collect();
        for date in entries(folder) {
            for path in entries(&date).iter().flat_map(|api| entries(api)) {
                if self.is_of_run(&path) && !written.contains(path.as_path()) {
                    fs::remove_file(&path)
                        .map_err(|source| ConvertError { path: path.clone(), source })?;
                }
            }
        }
        Ok(())
    }

    /// Whether a file is called as this run calls its files: `part-HASH[-N].EXTENSION[.tmp]`.
    fn is_of_run(&self, path: &Path) -> bool {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let rest = name.strip_prefix(&*self.run);
        let rest = rest.map(|rest| rest.strip_suffix(".tmp").unwrap_or(rest));
        let number = rest.and_then(|rest| {
            rest.strip_suffix(self.output.extension()).and_then(|rest| rest.strip_suffix('.'))
        });
        number.is_some_and(|number| {
            number.is_empty() || number.strip_prefix('-').is_some_and(|n| n.parse::<u32>().is_ok())
        })
    }
}

/// What stands in a folder; nothing if it is none.
fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}
