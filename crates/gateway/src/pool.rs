//! Connections to one upstream, and which of them a request goes by.
//!
//! A connection of HTTP/1 is free again once its answer has been read to the end; one of HTTP/2 takes
//! any number of requests. A request that its connection did not begin to send, because the upstream
//! closed it meanwhile, goes by a new one; any other failure is the caller's to know.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::header::{HOST, HeaderValue};
use http::uri::{Authority, Scheme};
use http::{Request, Response, Uri};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1, http2};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use thread_local::ThreadLocal;
use tokio::runtime::Handle;
use tokio::time::{Instant, Sleep, sleep_until, timeout_at};

use crate::connect::{ConnectError, Connector, Link};
use crate::upstream::RequestBody;

/// The connections. Cloning shares.
#[derive(Clone)]
pub(crate) struct Pool(Arc<Inner>);

struct Inner {
    connector: Connector,
    origin: Origin,
    /// Those that this thread left there.
    kept: ThreadLocal<Arc<Mutex<Kept>>>,
}

/// Whom requests are for.
#[derive(Clone)]
pub(crate) struct Origin {
    pub(crate) scheme: Scheme,
    /// Without a port that goes without saying.
    pub(crate) authority: Authority,
    /// The same as a header.
    pub(crate) host: HeaderValue,
}

/// Connections that wait for a request.
#[derive(Default)]
struct Kept {
    http1: Vec<(Line, Round)>,
    http2: Option<(http2::SendRequest<RequestBody>, Round)>,
    /// How often it was looked which of them wait for too long.
    round: Round,
    is_swept: bool,
}

type Round = u64;

/// A connection that waited through a whole round is closed: it has waited for once to twice as long.
const ROUND: Duration = Duration::from_secs(20);

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum CallError {
    /// There is no connection.
    Connect(ConnectError),
    /// The connection broke, or what came by it is no answer.
    Broken(hyper::Error),
    /// It is too late for one.
    Timeout,
}

/// A connection of HTTP/1, and what rings if an answer by it takes too long. It is set anew for each
/// request, which costs less than to add a timer to those of the runtime and to take it out again.
struct Line {
    sender: http1::SendRequest<RequestBody>,
    timer: Pin<Box<Sleep>>,
}

/// What a request goes by.
enum Way {
    Http1(Line),
    Http2(http2::SendRequest<RequestBody>, Pin<Box<Sleep>>),
}

type Sent = Result<Response<Incoming>, TrySendError<Request<RequestBody>>>;
type Sending = Pin<Box<dyn Future<Output = Sent> + Send>>;

impl Pool {
    pub(crate) fn new(connector: Connector, origin: Origin) -> Pool {
        Pool(Arc::new(Inner { connector, origin, kept: ThreadLocal::new() }))
    }

    /// Sends a request, whose URI is a path and a query, and waits for the head of its answer until
    /// the deadline.
    ///
    /// It is on its way before this is first polled, if there is a connection for it; and what waits
    /// for its answer is boxed: so what is polled is small, for it is moved.
    pub(crate) fn call(
        &self,
        request: Request<RequestBody>,
        deadline: Instant,
    ) -> impl Future<Output = Result<Response<Answer>, CallError>> + Send + use<> {
        let pool = self.clone();
        // Nobody waits for the lock while it is sent.
        let way = pool.kept().way(deadline);
        let begun = match way {
            None => Err(Box::new(request)),
            Some(mut way) => {
                let sent = way.send(request, &pool.0.origin);
                Ok((way, sent))
            }
        };
        async move {
            let request = match begun {
                Err(request) => request,
                Ok((mut way, sent)) => match way.answered(sent).await {
                    None => return Err(CallError::Timeout),
                    Some(Ok(response)) => return Ok(pool.answer(way, response)),
                    Some(Err(mut error)) => match error.take_message() {
                        Some(request) => Box::new(request),
                        None => return Err(CallError::Broken(error.into_error())),
                    },
                },
            };
            let anew = Box::pin(pool.call_anew(request, deadline));
            timeout_at(deadline, anew).await.unwrap_or(Err(CallError::Timeout))
        }
    }

    /// Sends a request by a new connection.
    async fn call_anew(
        self,
        request: Box<Request<RequestBody>>,
        deadline: Instant,
    ) -> Result<Response<Answer>, CallError> {
        let link = self.0.connector.clone().connect().await.map_err(CallError::Connect)?;
        let mut way = Way::new(link, deadline).await.map_err(CallError::Broken)?;
        if let Way::Http2(sender, _) = &way {
            self.keep(|kept| kept.http2 = Some((sender.clone(), kept.round)));
        }
        match way.send(*request, &self.0.origin).await {
            Ok(response) => Ok(self.answer(way, response)),
            Err(error) => Err(CallError::Broken(error.into_error())),
        }
    }

    fn answer(self, way: Way, response: Response<Incoming>) -> Response<Answer> {
        let lease = match way {
            Way::Http1(line) => Some((self, line)),
            Way::Http2(..) => None,
        };
        response.map(|body| Answer { body, is_over: false, lease })
    }

    /// Takes back a connection whose answer has been read.
    fn take_back(self, mut line: Line) {
        if line.sender.is_ready() {
            return self.keep(|kept| kept.http1.push((line, kept.round)));
        }
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                if line.sender.ready().await.is_ok() {
                    self.keep(|kept| kept.http1.push((line, kept.round)));
                }
            });
        }
    }

    fn keep(&self, change: impl FnOnce(&mut Kept)) {
        let mut kept = self.kept();
        change(&mut kept);
        if !kept.is_swept
            && let Ok(runtime) = Handle::try_current()
        {
            kept.is_swept = true;
            runtime.spawn(sweep(Arc::downgrade(self.0.kept.get_or_default())));
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        locked(self.0.kept.get_or_default())
    }
}

fn locked(kept: &Mutex<Kept>) -> MutexGuard<'_, Kept> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Closes what waits for too long, until nothing waits.
async fn sweep(kept: Weak<Mutex<Kept>>) {
    loop {
        tokio::time::sleep(ROUND).await;
        let Some(kept) = kept.upgrade() else { return };
        if !locked(&kept).sweep() {
            return;
        }
    }
}

impl Kept {
    /// A connection that can take a request: the one that was used last.
    fn way(&mut self, deadline: Instant) -> Option<Way> {
        if let Some((sender, round)) = self.http2.as_mut().filter(|(it, _)| !it.is_closed()) {
            *round = self.round;
            return Some(Way::Http2(sender.clone(), Box::pin(sleep_until(deadline))));
        }
        while let Some((mut line, _)) = self.http1.pop() {
            if line.sender.is_ready() {
                line.timer.as_mut().reset(deadline);
                return Some(Way::Http1(line));
            }
        }
        None
    }

    /// Whether anything still waits.
    fn sweep(&mut self) -> bool {
        let last = self.round;
        self.round += 1;
        self.http1.retain(|(line, round)| *round == last && !line.sender.is_closed());
        self.http2.take_if(|(sender, round)| *round != last || sender.is_closed());
        self.is_swept = !self.http1.is_empty() || self.http2.is_some();
        self.is_swept
    }
}

impl Way {
    /// Speaks the protocol that was agreed on.
    async fn new(link: Link, deadline: Instant) -> hyper::Result<Way> {
        let timer = Box::pin(sleep_until(deadline));
        // How a connection ends, whoever waits for an answer by it is told.
        if link.is_h2() {
            let mut builder = http2::Builder::new(TokioExecutor::new());
            let (mut sender, connection) = builder.timer(TokioTimer::new()).handshake(link).await?;
            tokio::spawn(connection);
            sender.ready().await?;
            return Ok(Way::Http2(sender, timer));
        }
        let (mut sender, connection) = http1::handshake(link).await?;
        tokio::spawn(connection.with_upgrades());
        sender.ready().await?;
        Ok(Way::Http1(Line { sender, timer }))
    }

    fn send(&mut self, mut request: Request<RequestBody>, origin: &Origin) -> Sending {
        match self {
            Way::Http1(Line { sender, .. }) => {
                // It has an authority if a connection of HTTP/2 did not take it.
                if request.uri().authority().is_some() {
                    let path = std::mem::take(request.uri_mut()).into_parts().path_and_query;
                    *request.uri_mut() = path.map_or_else(Uri::default, Uri::from);
                }
                request.headers_mut().entry(HOST).or_insert_with(|| origin.host.clone());
                Box::pin(sender.try_send_request(request))
            }
            Way::Http2(sender, _) => {
                let mut parts = std::mem::take(request.uri_mut()).into_parts();
                parts.scheme = Some(origin.scheme.clone());
                parts.authority = Some(origin.authority.clone());
                // All parts are there; without them, HTTP/2 refuses to send.
                if let Ok(uri) = Uri::from_parts(parts) {
                    *request.uri_mut() = uri;
                }
                Box::pin(sender.try_send_request(request))
            }
        }
    }

    /// What comes of a request that was sent; `None` if it takes too long.
    async fn answered(&mut self, mut sent: Sending) -> Option<Sent> {
        let (Way::Http1(Line { timer, .. }) | Way::Http2(_, timer)) = self;
        poll_fn(|context| match sent.as_mut().poll(context) {
            Poll::Ready(sent) => Poll::Ready(Some(sent)),
            Poll::Pending => timer.as_mut().poll(context).map(|()| None),
        })
        .await
    }
}

/// The body of an answer. At its end, its connection is free for another request; if it is not read
/// to the end, its connection is closed.
pub(crate) struct Answer {
    body: Incoming,
    is_over: bool,
    lease: Option<(Pool, Line)>,
}

impl Body for Answer {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        self.is_over = frame.is_none();
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if let Some((pool, line)) = self.lease.take()
            && (self.is_over || self.body.is_end_stream())
        {
            pool.take_back(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper_util::rt::TokioIo;

    /// A connection that nothing was sent by, and its other end.
    async fn idle() -> (Line, tokio::io::DuplexStream) {
        let (ours, theirs) = tokio::io::duplex(64);
        let (mut sender, connection) = http1::handshake(TokioIo::new(ours)).await.unwrap();
        tokio::spawn(connection);
        sender.ready().await.unwrap();
        (Line { sender, timer: Box::pin(sleep_until(Instant::now())) }, theirs)
    }

    #[tokio::test]
    async fn what_waits_through_a_whole_round_is_closed() {
        let mut kept = Kept::default();
        let ((first, _first), (second, _second)) = (idle().await, idle().await);
        kept.http1.push((first, kept.round));
        assert!(kept.sweep());
        kept.http1.push((second, kept.round));
        assert!(kept.sweep());
        assert_eq!(kept.http1.len(), 1);
        assert!(!kept.sweep());
        assert!(kept.way(Instant::now()).is_none());
    }

    #[tokio::test]
    async fn what_the_other_end_closed_takes_no_request() {
        let mut kept = Kept::default();
        let ((first, gone), (second, _second)) = (idle().await, idle().await);
        kept.http1.extend([(second, 0), (first, 0)]);
        drop(gone);
        while !kept.http1[1].0.sender.is_closed() {
            tokio::task::yield_now().await;
        }
        assert!(kept.way(Instant::now()).is_some());
        assert!(kept.way(Instant::now()).is_none());
    }
}
