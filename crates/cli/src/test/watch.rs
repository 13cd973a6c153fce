//! Running again whenever a file changes that the last run read.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use miette::IntoDiagnostic;
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use tollgate_store::{Files, Source};

use crate::diagnose;
use crate::exit::Outcome;
use crate::world::World;

/// Editors write a file in several steps: changes this close together are one.
const SETTLED: Duration = Duration::from_millis(50);

/// The file system, with a note of what was read.
#[derive(Debug, Default)]
pub(crate) struct Recording {
    read: Mutex<BTreeSet<PathBuf>>,
}

impl Recording {
    /// The files that were read so far, or that should have been.
    pub(crate) fn read_files(&self) -> BTreeSet<PathBuf> {
        self.read.lock().map(|read| read.clone()).unwrap_or_default()
    }
}

impl Source for Recording {
    fn read(&self, path: &Path) -> io::Result<String> {
        if let Ok(mut read) = self.read.lock() {
            read.insert(path.to_owned());
        }
        Files.read(path)
    }
}

/// Runs, waits until a file changes that was read (or a folder that was searched), and runs again.
pub(super) fn again_and_again(
    paths: &[String],
    world: &World,
    mut once: impl FnMut(&Recording) -> Outcome,
) -> Outcome {
    let (sender, changes) = channel();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
        if event.is_ok_and(|event| !event.kind.is_access()) {
            // Nobody listens any more only when the process is about to end.
            let _ = sender.send(());
        }
    })
    .into_diagnostic()?;
    let mut watched = BTreeSet::new();
    loop {
        let recording = Recording::default();
        if let Err(report) = once(&recording) {
            diagnose::complain(&report, world);
        }
        watch(&mut watcher, &mut watched, paths, &recording)?;
        world.complain("watching for changes; stop with Ctrl-C");
        if !wait(&changes) {
            return Ok(crate::exit::Exit::Ok);
        }
    }
}

/// Folders are watched rather than files, which many editors replace instead of writing to.
fn watch(
    watcher: &mut RecommendedWatcher,
    watched: &mut BTreeSet<PathBuf>,
    paths: &[String],
    recording: &Recording,
) -> miette::Result<()> {
    let searched = paths.iter().map(PathBuf::from).filter(|path| path.is_dir());
    for folder in searched {
        if watched.insert(folder.clone()) {
            watcher.watch(&folder, RecursiveMode::Recursive).into_diagnostic()?;
        }
    }
    let read = recording.read_files();
    let folders = read.iter().filter_map(|file| file.parent()).map(|folder| {
        if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder.to_owned() }
    });
    for folder in folders {
        if folder.is_dir() && watched.insert(folder.clone()) {
            watcher.watch(&folder, RecursiveMode::NonRecursive).into_diagnostic()?;
        }
    }
    Ok(())
}

/// Waits for a change and for the changes that follow it at once. `false` if none can come.
fn wait(changes: &Receiver<()>) -> bool {
    let first = changes.recv().is_ok();
    while changes.recv_timeout(SETTLED).is_ok() {}
    first
}
