//! The bytes of HTTP/1 requests as they arrive, before hyper makes one thing of what could be two.
//!
//! hyper cuts off a `#` and what follows it, takes line feeds alone for the ends of lines, and drops
//! lengths that it has no use for. None of that can be seen in the request that it makes. So the
//! bytes are followed on their way to it, as far as that takes: heads are judged, bodies counted.
//! A request that another server could read differently is passed on to its end, so that it can be
//! answered, and nothing behind it.
//!
//! Nor does hyper mind how long a caller takes nothing of what is written to it.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock, atomic};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use follow::Follower;

mod follow;

/// A connection whose requests are followed.
pub(crate) struct Watched<S> {
    io: S,
    follower: Follower,
    last: Arc<OnceLock<Last>>,
    patience: Patience,
}

/// How long the other end may take nothing.
struct Patience {
    pause_max: Duration,
    /// While it takes nothing.
    sleep: Option<Pin<Box<Sleep>>>,
}

/// The requests of a connection, in order.
#[derive(Debug)]
pub(crate) struct Turns {
    taken: atomic::AtomicU64,
    last: Arc<OnceLock<Last>>,
}

/// The request that no other may follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Last {
    /// Which, counted from 0.
    number: u64,
    why: LastTurn,
}

/// Why no other request may follow one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LastTurn {
    /// It could be read in more than one way.
    Ambiguous(Ambiguity),
    /// It asks for another protocol: what follows may be of that one.
    Upgrade,
}

/// How the bytes of a request could be read in more than one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ambiguity(pub(crate) &'static str);

/// Follows the requests that arrive by `io`, which breaks if its other end takes nothing of what is
/// written for longer than `pause_max`.
pub(crate) fn watch<S>(io: S, pause_max: Duration) -> (Watched<S>, Turns) {
    let last = Arc::new(OnceLock::new());
    let turns = Turns { taken: atomic::AtomicU64::new(0), last: Arc::clone(&last) };
    let patience = Patience { pause_max, sleep: None };
    (Watched { io, follower: Follower::default(), last, patience }, turns)
}

impl Patience {
    /// What came of writing, unless it has been pending for too long.
    fn with<T>(
        &mut self,
        written: Poll<io::Result<T>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.sleep = None;
            return written;
        }
        let pause_max = self.pause_max;
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep(pause_max)));
        ready!(sleep.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl Turns {
    /// Takes the turn of the next request: whether it is the last one, and why.
    pub(crate) fn next(&self) -> Option<LastTurn> {
        let number = self.taken.fetch_add(1, atomic::Ordering::Relaxed);
        self.last.get().filter(|last| last.number == number).map(|last| last.why)
    }

    /// How many have been taken.
    pub(crate) fn taken(&self) -> u64 {
        self.taken.load(atomic::Ordering::Relaxed)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.follower.is_over() {
            // Not an end: hyper answers first, and then closes the connection.
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.io).poll_read(context, buffer))?;
        let arrived = buffer.filled().get(before..).unwrap_or_default();
        let passed = this.follower.follow(arrived)?;
        if let Some((number, why)) = this.follower.last() {
            // It is set once, whichever poll comes first.
            let _ = this.last.set(Last { number, why });
        }
        match passed == 0 && !arrived.is_empty() {
            true => Poll::Pending,
            false => {
                buffer.set_filled(before + passed);
                Poll::Ready(Ok(()))
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let Watched { io, patience, .. } = self.get_mut();
        patience.with(Pin::new(io).poll_write(context, bytes), context)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Watched { io, patience, .. } = self.get_mut();
        patience.with(Pin::new(io).poll_flush(context), context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Watched { io, patience, .. } = self.get_mut();
        patience.with(Pin::new(io).poll_shutdown(context), context)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let Watched { io, patience, .. } = self.get_mut();
        patience.with(Pin::new(io).poll_write_vectored(context, buffers), context)
    }
}
