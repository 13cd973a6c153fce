//! The threads that connections are served by, each with a runtime of its own.
//!
//! A connection stays with its thread, and so do the connections to upstreams that its requests go
//! by (`pool.rs`): nothing of a request is handed from one core to another, which would cost more
//! than to have the other core help. What a connection of HTTP/2 carries is therefore the work of one
//! core, however many streams it has.

use std::future::Future;
use std::io;
use std::num::NonZero;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use futures_util::FutureExt;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// The threads. They end when this is dropped, and what they had not finished ends with them.
pub(crate) struct Workers(Vec<Worker>);

struct Worker {
    runtime: Handle,
    /// Each of its tasks holds it, too.
    tasks: Arc<()>,
    /// Ends its runtime when it is dropped.
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Workers {
    /// As many as there are cores for this process.
    ///
    /// # Errors
    /// The system gives no thread, or no descriptors for its runtime.
    pub(crate) fn start() -> io::Result<Workers> {
        let count = thread::available_parallelism().map_or(1, NonZero::get);
        (0..count).map(|_| Worker::start()).collect::<io::Result<_>>().map(Workers)
    }

    /// Gives a task to the thread that has the fewest.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        if let Some(worker) = self.0.iter().min_by_key(|worker| Arc::strong_count(&worker.tasks)) {
            let held = Arc::clone(&worker.tasks);
            worker.runtime.spawn(task.map(move |()| drop(held)));
        }
    }
}

impl Worker {
    fn start() -> io::Result<Worker> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (end, ended) = oneshot::channel();
        let thread =
            thread::Builder::new().name("tollgate-worker".to_owned()).spawn(move || {
                // Nothing is ever sent.
                let _ = runtime.block_on(ended);
                runtime.shutdown_background();
            })?;
        Ok(Worker { runtime: handle, tasks: Arc::default(), end: Some(end), thread: Some(thread) })
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.0.iter_mut().for_each(|worker| drop(worker.end.take()));
        for worker in &mut self.0 {
            // One that panicked has ended as well.
            let _ = worker.thread.take().map(JoinHandle::join);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;
    use std::sync::Mutex;

    #[test]
    fn tasks_go_to_the_thread_with_the_fewest_and_end_with_it() {
        let workers = Workers((0..2).map(|_| Worker::start().unwrap()).collect());
        let held = Arc::new(());
        let threads: Arc<Mutex<HashMap<_, usize>>> = Arc::default();
        let (begun, begins) = std::sync::mpsc::channel();
        for _ in 0..10 {
            let (held, threads, begun) = (Arc::clone(&held), Arc::clone(&threads), begun.clone());
            workers.spawn(async move {
                *threads.lock().unwrap().entry(thread::current().id()).or_default() += 1;
                begun.send(()).unwrap();
                std::future::pending::<()>().await;
                drop(held);
            });
        }
        (0..10).for_each(|_| begins.recv().unwrap());
        assert_eq!(threads.lock().unwrap().values().copied().collect::<Vec<_>>(), [5, 5]);
        assert_eq!(Arc::strong_count(&held), 11);
        drop(workers);
        assert_eq!(Arc::strong_count(&held), 1);
    }
}
