//! Bodies on their way: what goes to the upstream, and what comes back.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::Version;
use http_body::{Body, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use tokio::time::Sleep;

/// What can go wrong with a body.
pub type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// The body of an answer.
pub type AnswerBody = UnsyncBoxBody<Bytes, BodyError>;

/// What a future comes to; `None` if it takes longer than `limit`. For one that is ready at once, no
/// timer is set and no clock read.
pub(crate) async fn within<F: Future>(
    limit: Duration,
    mut future: Pin<&mut F>,
) -> Option<F::Output> {
    match poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await {
        Poll::Ready(output) => Some(output),
        Poll::Pending => tokio::time::timeout(limit, future).await.ok(),
    }
}

/// A body that is in memory.
pub(crate) fn whole(bytes: Bytes) -> AnswerBody {
    Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
}

/// The body of a request, as it arrives.
///
/// HTTP/2 answers without having read it by resetting its stream behind the answer, in no error (RFC
/// 9113 §8.1), which some callers (curl 7.88) take for an error and throw the answer away. So what
/// nobody read of such a body is read and thrown away, as much as a caller may send without being
/// asked for more, and not for long.
#[derive(Debug)]
pub(crate) struct Arriving {
    /// There until it is dropped.
    body: Option<Incoming>,
    /// Whether it is to be read to its end.
    is_stream: bool,
}

/// The window of a stream: how much of a body arrives before any of it is read.
const UNREAD_BYTES_MAX: usize = 1024 * 1024;
const UNREAD_TIME_MAX: Duration = Duration::from_secs(2);

impl Arriving {
    pub(crate) fn new(body: Incoming, version: Version) -> Arriving {
        Arriving { body: Some(body), is_stream: version == Version::HTTP_2 }
    }
}

impl Drop for Arriving {
    fn drop(&mut self) {
        let unread = self.body.take().filter(|body| self.is_stream && !body.is_end_stream());
        if let (Some(body), Ok(runtime)) = (unread, tokio::runtime::Handle::try_current()) {
            runtime.spawn(async { tokio::time::timeout(UNREAD_TIME_MAX, throw_away(body)).await });
        }
    }
}

async fn throw_away(mut body: Incoming) {
    let mut left = UNREAD_BYTES_MAX;
    while let Some(Ok(frame)) = body.frame().await {
        let length = frame.data_ref().map_or(0, Bytes::len);
        match left.checked_sub(length) {
            Some(rest) => left = rest,
            None => return,
        }
    }
}

impl Body for Arriving {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut self.body {
            Some(body) => Pin::new(body).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

/// The body of a request that nobody signed: data alone, and at most so much of it. Trailers end
/// here, because nobody has judged them.
#[derive(Debug)]
pub(crate) struct Uploading {
    body: Arriving,
    left: u64,
}

impl Uploading {
    pub(crate) fn new(body: Arriving, bytes_max: u64) -> Uploading {
        Uploading { body, left: bytes_max }
    }
}

impl Body for Uploading {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        loop {
            let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
            let Some(frame) = frame.transpose()? else { return Poll::Ready(None) };
            let Ok(data) = frame.into_data() else { continue };
            let length = u64::try_from(data.len()).unwrap_or(u64::MAX);
            let Some(left) = self.left.checked_sub(length) else {
                return Poll::Ready(Some(Err("the body is larger than the route takes".into())));
            };
            self.left = left;
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body of an answer, which may not pause for longer than it is given. Headers behind it end
/// here: the upstream was not told that anybody takes them, and nobody has searched them for secrets.
pub(crate) struct Flowing<B> {
    body: B,
    pause_max: Duration,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl<B> Flowing<B> {
    pub(crate) fn new(body: B, pause_max: Duration) -> Flowing<B> {
        Flowing { body, pause_max, sleep: None }
    }
}

impl<B> Body for Flowing<B>
where
    B: Body<Data = Bytes, Error: Into<BodyError>> + Unpin,
{
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        while let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            self.sleep = None;
            if !matches!(&frame, Some(Ok(frame)) if frame.is_trailers()) {
                return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
            }
        }
        let pause_max = self.pause_max;
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep(pause_max)));
        ready!(sleep.as_mut().poll(context));
        Poll::Ready(Some(Err("the upstream paused for too long".into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
