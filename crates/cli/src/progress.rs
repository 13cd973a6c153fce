//! How far a long read has come, on standard error and only if someone watches.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tollgate_log::{Input, Progress, ScanOptions};

use crate::world::World;

const TICK: Duration = Duration::from_millis(150);
const TEMPLATE: &str = "{wide_bar} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";

/// A bar that follows a scan until it is finished.
pub(crate) struct Watch(Option<(JoinHandle<()>, Arc<AtomicBool>)>);

/// Shows a bar for what `options` will read; nothing if nobody watches.
pub(crate) fn watch(inputs: &[Input], options: &mut ScanOptions, world: &World) -> Watch {
    if !world.watched {
        return Watch(None);
    }
    let progress: Arc<Progress> = Arc::default();
    options.progress = Some(Arc::clone(&progress));
    let done = Arc::new(AtomicBool::new(false));
    let stop = Arc::clone(&done);
    let bytes = inputs.iter().filter_map(Input::size).sum();
    let bar = ProgressBar::new(bytes);
    if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
        bar.set_style(style);
    }
    let follow = move || {
        while !stop.load(Ordering::Relaxed) {
            bar.set_position(progress.bytes.load(Ordering::Relaxed));
            thread::park_timeout(TICK);
        }
        bar.finish_and_clear();
    };
    Watch(Some((thread::spawn(follow), done)))
}

impl Watch {
    /// Takes the bar away.
    pub(crate) fn finish(self) {
        if let Some((thread, done)) = self.0 {
            done.store(true, Ordering::Relaxed);
            thread.thread().unpark();
            // A bar that failed to draw is no reason to fail.
            let _ = thread.join();
        }
    }
}
