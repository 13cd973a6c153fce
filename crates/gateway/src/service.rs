//! The service: connections in, requests to whoever answers them, and an end that loses none.
//!
//! What answers the requests of a listener is an [`Endpoint`]. The gateway is one, its admin pages
//! are another; whatever else a process listens for is one more, given to [`Service::listen`].

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::select;
use http::header::{CONNECTION, HeaderValue};
use http::{Request, Response, StatusCode, Version};
use http_body::Body;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tollgate_secrets::Clock;
use tollgate_sigv4::Transport;
use tollgate_store::{GatewayDecl, LimitsDecl};

use crate::body::BodyError;
use crate::frame::Arrival;
use crate::idle::Streams;
use crate::timer::OneTimer;
use crate::wire::{self, LastTurn};
use crate::worker::Workers;

/// Answers the requests that arrive at some listeners.
pub trait Endpoint: Send + Sync + 'static {
    /// The body of its answers.
    type Body: Body<Data = Bytes, Error: Into<BodyError>> + Send + 'static;

    /// Answers a request.
    fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        arrival: Arrival,
    ) -> impl Future<Output = Response<Self::Body>> + Send + 'static;

    /// The certificate that callers see now; `None` for clear text.
    fn tls(&self) -> Option<Arc<ServerConfig>> {
        None
    }

    /// Is told of a connection that was closed because what arrived by it was no request. Nothing
    /// is known of such a request, so it has no line in the access log.
    fn unread(&self, _: Unread) {}
}

/// Why hyper could not make a request of what arrived. It has answered 400, 408, 414 or 431 by
/// itself, as far as it could, and closed the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    /// It is no HTTP.
    Malformed,
    /// The head is larger than the limits say.
    TooLarge,
    /// The head did not arrive in time.
    Timeout,
    /// The connection was closed in the middle of a head.
    Incomplete,
}

impl Unread {
    /// What a connection's error says of the request; `None` if it is about something else.
    fn of(error: &(dyn std::error::Error + 'static)) -> Option<Unread> {
        let error = error.downcast_ref::<hyper::Error>()?;
        match error {
            _ if error.is_parse_too_large() => Some(Unread::TooLarge),
            _ if error.is_parse() => Some(Unread::Malformed),
            _ if error.is_timeout() => Some(Unread::Timeout),
            _ if error.is_incomplete_message() => Some(Unread::Incomplete),
            _ => None,
        }
    }

    /// The value of the label `reason`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Unread::Malformed => "malformed",
            Unread::TooLarge => "tooLarge",
            Unread::Timeout => "timeout",
            Unread::Incomplete => "incomplete",
        }
    }
}

/// Holds the end of the process back for as long as a connection that changed its protocol is in
/// use: hyper knows nothing of it any more.
#[derive(Clone, Debug)]
pub(crate) struct Lasting {
    _token: TaskTrackerToken,
}

/// Sockets that listen.
#[derive(Debug)]
pub struct Bound {
    /// Those that callers connect to.
    pub listeners: Vec<TcpListener>,
    /// The one of the admin pages.
    pub admin: Option<TcpListener>,
}

/// Why the service cannot begin.
#[derive(Debug)]
pub enum ServiceError {
    /// An address is none, or cannot be listened on.
    Listen {
        /// The address as written.
        address: String,
        /// Why not.
        error: io::Error,
    },
    /// There are no threads to serve connections by.
    Threads {
        /// Why not.
        error: io::Error,
    },
}

impl std::fmt::Display for ServiceError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Listen { address, error } => write!(f, "cannot listen on `{address}`: {error}"),
            Self::Threads { error } => write!(f, "cannot start a thread for connections: {error}"),
        }
    }
}

impl std::error::Error for ServiceError {}

impl Bound {
    /// Listens on the addresses of the manifest.
    ///
    /// # Errors
    /// One of them cannot be listened on.
    pub async fn to(gateway: &GatewayDecl) -> Result<Bound, ServiceError> {
        let mut listeners = Vec::with_capacity(gateway.listen.len());
        for address in &gateway.listen {
            listeners.push(listen(address.get_ref()).await?);
        }
        let admin = match &gateway.admin {
            Some(address) => Some(listen(address.get_ref()).await?),
            None => None,
        };
        Ok(Bound { listeners, admin })
    }

    /// The addresses that callers connect to; with the ports that the system chose for 0.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect()
    }

    /// The address of the admin pages.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin.as_ref()?.local_addr().ok()
    }
}

/// Listens on an address, `127.0.0.1:8080`; with port 0 on one that the system chooses.
///
/// # Errors
/// It is no address, or cannot be listened on.
pub async fn listen(address: &str) -> Result<TcpListener, ServiceError> {
    let listener = TcpListener::bind(address).await;
    listener.map_err(|error| ServiceError::Listen { address: address.to_owned(), error })
}

/// Accepts connections for as many endpoints as it is given, and ends them together.
pub struct Service {
    limits: LimitsDecl,
    clock: Clock,
    /// No connection holds them, so what is not drained in time ends with this.
    workers: Arc<Workers>,
    /// Connections that changed their protocol.
    changed: TaskTracker,
    /// Sent once. Whoever accepts, and every connection, has a receiver for as long as it goes on.
    end: watch::Sender<()>,
    accepting: JoinSet<()>,
}

impl Service {
    /// A service without listeners.
    ///
    /// # Errors
    /// The system gives it no threads.
    pub fn new(limits: LimitsDecl, clock: Clock) -> Result<Service, ServiceError> {
        let workers = Workers::start().map_err(|error| ServiceError::Threads { error })?;
        Ok(Service {
            limits,
            clock,
            workers: Arc::new(workers),
            changed: TaskTracker::new(),
            end: watch::channel(()).0,
            accepting: JoinSet::new(),
        })
    }

    /// From now on, `endpoint` answers the requests that arrive at these listeners. It has as many
    /// connections as the limits say, whatever others have.
    pub fn listen<E: Endpoint>(
        &mut self,
        listeners: impl IntoIterator<Item = TcpListener>,
        endpoint: Arc<E>,
    ) {
        let permits = usize::try_from(self.limits.connections_max);
        let front = Arc::new(Front {
            endpoint,
            clock: Arc::clone(&self.clock),
            limits: self.limits.clone(),
            changed: self.changed.clone(),
            connections: Arc::new(Semaphore::new(permits.unwrap_or(Semaphore::MAX_PERMITS))),
        });
        for listener in listeners {
            let (front, workers) = (Arc::clone(&front), Arc::clone(&self.workers));
            self.accepting.spawn(accept(front, listener, workers, self.end.subscribe()));
        }
    }

    /// Goes on until `stop` is ready, then lets the requests under way come to their end, and the
    /// WebSockets, for as long as the limits say. Returns whether all of them did.
    pub async fn run(self, stop: impl Future<Output = ()>) -> bool {
        stop.await;
        self.end.send_replace(());
        let drain_timeout = Duration::from_millis(self.limits.drain_timeout_ms);
        let drained = async {
            self.end.closed().await;
            self.changed.close();
            self.changed.wait().await;
        };
        tokio::time::timeout(drain_timeout, drained).await.is_ok()
    }
}

/// What the connections of one endpoint have in common.
struct Front<E> {
    endpoint: Arc<E>,
    clock: Clock,
    limits: LimitsDecl,
    changed: TaskTracker,
    connections: Arc<Semaphore>,
}

/// Accepts connections until it is over, as many at a time as there are permits.
async fn accept<E: Endpoint>(
    front: Arc<Front<E>>,
    listener: TcpListener,
    workers: Arc<Workers>,
    mut ended: watch::Receiver<()>,
) {
    loop {
        let next = async {
            let permit = Arc::clone(&front.connections).acquire_owned().await;
            (permit, listener.accept().await.and_then(unbound))
        };
        let (permit, accepted) = tokio::select! {
            _ = ended.changed() => return,
            next = next => next,
        };
        match (permit, accepted) {
            (Ok(permit), Ok((stream, peer))) => {
                workers.spawn(Arc::clone(&front).serve(stream, peer, ended.clone(), permit));
            }
            (_, Err(error)) => {
                tracing::warn!(%error, "a connection could not be accepted");
                // Most often there are no more file descriptors; some will be given back.
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            (Err(_), _) => return,
        }
    }
}

/// A connection that any runtime can take.
fn unbound(
    (stream, peer): (TcpStream, SocketAddr),
) -> io::Result<(std::net::TcpStream, SocketAddr)> {
    Ok((stream.into_std()?, peer))
}

impl<E: Endpoint> Front<E> {
    async fn serve(
        self: Arc<Self>,
        stream: std::net::TcpStream,
        peer: SocketAddr,
        ended: watch::Receiver<()>,
        _permit: OwnedSemaphorePermit,
    ) {
        let stream = match TcpStream::from_std(stream) {
            Ok(stream) => stream,
            Err(error) => return tracing::warn!(%error, "a connection could not be served"),
        };
        // Without it, small answers would wait for acknowledgements; it fails only if the caller
        // has gone.
        let _ = stream.set_nodelay(true);
        let Some(tls) = self.endpoint.tls() else {
            return self.talk(stream, peer, Transport::Plain, ended).await;
        };
        let handshake = TlsAcceptor::from(tls).accept(stream);
        let limit = Duration::from_millis(self.limits.handshake_timeout_ms);
        match tokio::time::timeout(limit, handshake).await {
            Ok(Ok(stream)) => self.talk(stream, peer, Transport::Tls, ended).await,
            Ok(Err(error)) => tracing::debug!(%peer, %error, "the TLS handshake failed"),
            Err(_) => tracing::debug!(%peer, "the TLS handshake took too long"),
        }
    }

    async fn talk<S>(
        &self,
        stream: S,
        peer: SocketAddr,
        transport: Transport,
        mut ended: watch::Receiver<()>,
    ) where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let peer = peer.ip().to_canonical();
        let body_timeout = Duration::from_millis(self.limits.body_timeout_ms);
        let (stream, turns) = wire::watch(stream, body_timeout);
        let streams = Streams::new();
        let never_idle = OnceLock::new();
        let service = service_fn(|mut request: Request<Incoming>| {
            let endpoint = Arc::clone(&self.endpoint);
            let arrival = Arrival { peer, transport, at: (self.clock)() };
            let last = turns.next();
            if request.version() < Version::HTTP_2 {
                // hyper waits for the next one, and knows for how long.
                never_idle.get_or_init(|| streams.token());
            }
            match last {
                Some(LastTurn::Ambiguous(ambiguity)) => {
                    request.extensions_mut().insert(ambiguity);
                }
                Some(LastTurn::Upgrade) => {
                    request.extensions_mut().insert(Lasting { _token: self.changed.token() });
                }
                None => {}
            }
            // Not in an `async` block, which would hold the answer twice: it is moved.
            endpoint.answer(request, arrival).map(move |mut response| {
                if last.is_some() && response.status() != StatusCode::SWITCHING_PROTOCOLS {
                    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                }
                Ok::<_, Infallible>(response)
            })
        });
        let builder = builder(&self.limits, streams.clone());
        let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
        let mut connection = pin!(connection);
        let head_timeout = Duration::from_millis(self.limits.head_timeout_ms);
        let (end, idle) = (pin!(ended.changed()), pin!(streams.idle(&turns, head_timeout)));
        let talked = tokio::select! {
            biased;
            talked = connection.as_mut() => talked,
            _ = select(end, idle) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = talked {
            if let Some(unread) = Unread::of(&*error) {
                self.endpoint.unread(unread);
            }
            tracing::debug!(%peer, error = %error, "a connection ended early");
        }
    }
}

/// Half a second's worth of requests that a caller may begin and take back.
const RESETS_MAX: usize = 20;

/// How many headers hyper takes unless it is told. For a number that it is told, it fills two tables
/// of so many places with every request.
const HYPER_HEADERS_MAX: u16 = 100;

fn builder(limits: &LimitsDecl, streams: Streams) -> Builder<Streams> {
    let head_bytes = usize::try_from(limits.head_bytes_max).unwrap_or(usize::MAX);
    let head_timeout = Duration::from_millis(limits.head_timeout_ms);
    let mut builder = Builder::new(streams);
    builder.http1().timer(OneTimer::default());
    builder.http1().header_read_timeout(head_timeout).max_buf_size(head_bytes.max(8192));
    if limits.headers_max != HYPER_HEADERS_MAX {
        builder.http1().max_headers(usize::from(limits.headers_max));
    }
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams_max)
        .max_header_list_size(limits.head_bytes_max)
        .max_pending_accept_reset_streams(RESETS_MAX)
        .max_local_error_reset_streams(RESETS_MAX)
        .keep_alive_interval(head_timeout)
        .keep_alive_timeout(head_timeout);
    builder
}
