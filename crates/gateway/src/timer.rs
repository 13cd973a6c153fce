//! The timer of a connection, for hyper: it is set for the head of each request, and hardly ever rings.
//!
//! hyper throws a timer away once the head has arrived, and asks for another. To add one to those of
//! the runtime and to take it out again needs their lock and their lists, each time; to set one later
//! that is there already does not. So the one that was thrown away is kept for the next head.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};

type Sleeping = Pin<Box<tokio::time::Sleep>>;

/// The timer of one connection.
#[derive(Clone, Default)]
pub(crate) struct OneTimer(Arc<Mutex<Option<Sleeping>>>);

/// It, while it is set.
struct Set {
    /// There until this is dropped.
    sleep: Option<Sleeping>,
    home: OneTimer,
}

impl OneTimer {
    fn exchange(&self, sleep: Option<Sleeping>) -> Option<Sleeping> {
        std::mem::replace(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), sleep)
    }
}

impl Timer for OneTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(self.now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        let sleep = match self.exchange(None) {
            None => Box::pin(tokio::time::sleep_until(deadline.into())),
            Some(mut sleep) => {
                sleep.as_mut().reset(deadline.into());
                sleep
            }
        };
        Box::pin(Set { sleep: Some(sleep), home: self.clone() })
    }

    fn now(&self) -> Instant {
        tokio::time::Instant::now().into()
    }
}

impl Future for Set {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.sleep.as_mut().map_or(Poll::Pending, |sleep| sleep.as_mut().poll(context))
    }
}

impl Sleep for Set {}

impl Drop for Set {
    fn drop(&mut self) {
        self.home.exchange(self.sleep.take());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_timer_that_was_thrown_away_is_set_again() {
        let timer = OneTimer::default();
        drop(timer.sleep(Duration::from_secs(3600)));
        let kept = timer.0.lock().unwrap().as_deref().map(std::ptr::from_ref);
        assert!(kept.is_some());
        let mut ringing = timer.sleep(Duration::from_millis(1));
        assert!(timer.0.lock().unwrap().is_none());
        std::future::poll_fn(|context| ringing.as_mut().poll(context)).await;
        drop(ringing);
        assert_eq!(timer.0.lock().unwrap().as_deref().map(std::ptr::from_ref), kept);
    }
}
