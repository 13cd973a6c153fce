//! Connections to one upstream: resolve, judge, connect, and encrypt if its URL says so.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_util::either::Either;

use crate::egress::Network;

/// Connects to one upstream, and to nothing else, whatever it is asked for.
#[derive(Clone)]
pub(crate) struct Connector(Arc<Target>);

/// Where the upstream is.
pub(crate) struct Target {
    /// Its host name or address, without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) network: Network,
    pub(crate) tls: Option<(TlsConnector, ServerName<'static>)>,
    pub(crate) timeout: Duration,
    pub(crate) resolve: Resolve,
}

/// Says what a host name stands for now. It is asked once for each connection.
pub(crate) type Resolve = fn(String, u16) -> Resolving;

type Resolving = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// As the system resolves names.
pub(crate) fn system(host: String, port: u16) -> Resolving {
    Box::pin(async move { Ok(tokio::net::lookup_host((host, port)).await?.collect()) })
}

/// Why there is no connection.
#[derive(Debug)]
pub(crate) enum ConnectError {
    /// The name stands for nothing.
    Unresolved { host: String, error: io::Error },
    /// The name stands for addresses that the upstream may not have.
    Forbidden { host: String, network: String, found: Vec<SocketAddr> },
    /// Nobody answers there, or not in the upstream's name.
    Failed { host: String, error: io::Error },
    /// It took too long.
    Timeout { host: String },
}

impl Connector {
    pub(crate) fn new(target: Target) -> Connector {
        Connector(Arc::new(target))
    }

    /// Resolves, judges and connects.
    pub(crate) async fn connect(self) -> Result<Link, ConnectError> {
        let target = &self.0;
        let host = || target.host.clone();
        let linked = tokio::time::timeout(target.timeout, target.link()).await;
        linked.unwrap_or_else(|_| Err(ConnectError::Timeout { host: host() }))
    }
}

impl Target {
    async fn link(&self) -> Result<Link, ConnectError> {
        let stream = self.stream().await?;
        let host = self.host.clone();
        let failed = |error| ConnectError::Failed { host, error };
        let Some((connector, name)) = &self.tls else {
            return Ok(Link { io: TokioIo::new(Either::Left(stream)), is_h2: false });
        };
        let stream = connector.connect(name.clone(), stream).await.map_err(failed)?;
        let is_h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        Ok(Link { io: TokioIo::new(Either::Right(stream)), is_h2 })
    }

    async fn stream(&self) -> Result<TcpStream, ConnectError> {
        let host = || self.host.clone();
        let resolved = (self.resolve)(host(), self.port).await;
        let resolved =
            resolved.map_err(|error| ConnectError::Unresolved { host: host(), error })?;
        let admitted = self.network.admitted(resolved.iter().copied());
        if admitted.is_empty() {
            let network = self.network.to_string();
            return Err(ConnectError::Forbidden { host: host(), network, found: resolved });
        }
        let mut last = io::Error::from(io::ErrorKind::NotFound);
        for address in admitted {
            match TcpStream::connect(address).await {
                Ok(stream) => {
                    let failed = |error| ConnectError::Failed { host: host(), error };
                    stream.set_nodelay(true).map_err(failed)?;
                    return Ok(stream);
                }
                Err(error) => last = error,
            }
        }
        Err(ConnectError::Failed { host: host(), error: last })
    }
}

impl std::fmt::Display for ConnectError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unresolved { host, error } => write!(f, "cannot resolve `{host}`: {error}"),
            Self::Forbidden { host, network, found } => {
                let found: Vec<String> =
                    found.iter().map(|address| address.ip().to_string()).collect();
                let found = found.join("`, `");
                write!(f, "`{host}` stands for `{found}`, and must be {network}")
            }
            Self::Failed { host, error } => write!(f, "cannot connect to `{host}`: {error}"),
            Self::Timeout { host } => write!(f, "connecting to `{host}` took too long"),
        }
    }
}

impl std::error::Error for ConnectError {}

/// A connection to an upstream.
pub(crate) struct Link {
    io: TokioIo<Either<TcpStream, TlsStream<TcpStream>>>,
    is_h2: bool,
}

impl Link {
    /// Whether both ends agreed on HTTP/2.
    pub(crate) fn is_h2(&self) -> bool {
        self.is_h2
    }
}

impl Read for Link {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_read(context, buffer)
    }
}

impl Write for Link {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write(context, buffer)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write_vectored(context, buffers)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU16, Ordering};

    use super::*;
    use crate::egress::Kind;

    /// Where the test listens.
    static PORT: AtomicU16 = AtomicU16::new(0);
    static ASKED: AtomicU16 = AtomicU16::new(0);

    /// A name server that gives a good address once, and then that of the metadata service.
    fn rebinding(_: String, port: u16) -> Resolving {
        let ip = match ASKED.fetch_add(1, Ordering::Relaxed) {
            0 => [127, 0, 0, 1],
            _ => [169, 254, 169, 254],
        };
        assert_eq!(port, PORT.load(Ordering::Relaxed));
        Box::pin(std::future::ready(Ok(vec![(ip, port).into()])))
    }

    #[tokio::test]
    async fn dns_rebinding() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        PORT.store(port, Ordering::Relaxed);
        let connector = Connector::new(Target {
            host: "rebinding.example".to_owned(),
            port,
            network: Network::new(Kind::Loopback, Vec::new()),
            tls: None,
            timeout: Duration::from_secs(5),
            resolve: rebinding,
        });
        // What was judged is what is connected to: the name is not asked for a second time.
        assert!(connector.clone().connect().await.is_ok());
        assert!(listener.accept().await.is_ok());
        assert_eq!(ASKED.load(Ordering::Relaxed), 1);
        // The next connection is judged anew, and nobody is connected to.
        match connector.connect().await {
            Err(ConnectError::Forbidden { found, .. }) => {
                assert_eq!(found, [([169, 254, 169, 254], port).into()]);
            }
            other => panic!("{:?}", other.err()),
        }
    }
}
