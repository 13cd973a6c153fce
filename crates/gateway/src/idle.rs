//! Connections by which nothing is asked.
//!
//! hyper ends a connection of HTTP/1 whose next head does not arrive in time. One of HTTP/2 it keeps
//! for as long as the other end answers pings, and one by which nothing ever arrived it keeps for good.

use std::future::Future;
use std::time::Duration;

use hyper::rt::Executor;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::wire::Turns;

/// The streams of a connection that are under way: hyper has them executed here, each until the last
/// byte of its answer is on its way.
#[derive(Clone)]
pub(crate) struct Streams(TaskTracker);

impl Streams {
    pub(crate) fn new() -> Streams {
        let streams = TaskTracker::new();
        // It takes more of them nevertheless; now it can be waited for that there are none.
        streams.close();
        Streams(streams)
    }

    /// As long as it is held, it counts as a stream.
    pub(crate) fn token(&self) -> TaskTrackerToken {
        self.0.token()
    }

    /// Waits until none has been under way for `pause`, and at most twice as long.
    pub(crate) async fn idle(&self, turns: &Turns, pause: Duration) {
        let mut taken = None;
        while taken != Some(turns.taken()) {
            self.0.wait().await;
            taken = Some(turns.taken());
            tokio::time::sleep(pause).await;
        }
    }
}

impl<F> Executor<F> for Streams
where
    F: Future<Output: Send> + Send + 'static,
{
    fn execute(&self, stream: F) {
        self.0.spawn(stream);
    }
}
