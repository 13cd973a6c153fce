//! Telling that the files of a configuration have changed.
//!
//! Folders are watched rather than files, which editors replace instead of writing to. Whatever
//! happens in them, the files are looked at: the access log may be written to the same folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc::{Receiver, channel};

/// Changes this close together are one: editors write a file in several steps.
const SETTLED: Duration = Duration::from_millis(100);

/// Files that are watched.
pub(super) struct Watch {
    files: BTreeMap<PathBuf, Option<State>>,
    watcher: RecommendedWatcher,
    /// One is as good as many.
    events: Receiver<()>,
}

/// What tells whether a file is the same.
type State = (SystemTime, u64);

impl Watch {
    /// Watches nothing yet.
    pub(super) fn new() -> notify::Result<Watch> {
        let (sender, events) = channel(1);
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            if event.is_ok_and(|event| !event.kind.is_access()) {
                // It is full while one waits, and closed when the process is about to end.
                let _ = sender.try_send(());
            }
        })?;
        Ok(Watch { files: BTreeMap::new(), watcher, events })
    }

    /// From now on, watches these files too, as they are now. What is watched already stays as it was
    /// when it was last looked at: it may have changed since, while it was being read.
    pub(super) fn follow(&mut self, files: impl IntoIterator<Item = PathBuf>) {
        for file in files {
            let folder = match file.parent() {
                Some(folder) if folder != Path::new("") => folder,
                _ => Path::new("."),
            };
            if let Err(error) = self.watcher.watch(folder, RecursiveMode::NonRecursive) {
                tracing::warn!(folder = %folder.display(), %error, "a folder cannot be watched");
            }
            self.files.entry(file).or_insert_with_key(|file| state(file));
        }
    }

    /// Waits until one of the files is not as it was.
    pub(super) async fn changed(&mut self) {
        while self.events.recv().await.is_some() {
            tokio::time::sleep(SETTLED).await;
            while self.events.try_recv().is_ok() {}
            let mut is_changed = false;
            for (file, before) in &mut self.files {
                let now = state(file);
                is_changed |= std::mem::replace(before, now) != now;
            }
            if is_changed {
                return;
            }
        }
        std::future::pending().await
    }
}

fn state(file: &Path) -> Option<State> {
    let metadata = std::fs::metadata(file).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}
