//! A third party: where it is, and the pool of connections to it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Uri;
use http::header::HeaderValue;
use http::uri::Scheme;
use http_body_util::{Either, Full};
use rustls::pki_types::ServerName;
use tokio_rustls::TlsConnector;
use tollgate_policy::Cidr;
use tollgate_store::{ManifestFile, Problem, UpstreamDecl};

use crate::body::Uploading;
use crate::connect::{Connector, Target, system};
use crate::egress::{Kind, Network};
use crate::pool::{Origin, Pool};
use crate::tls;

/// The body of a request to an upstream.
pub(crate) type RequestBody = Either<Full<Bytes>, Uploading>;

/// A third party that requests are forwarded to.
pub struct Upstream {
    decl: UpstreamDecl,
    /// Its URL without a trailing slash.
    base: String,
    /// The path of it: what every request's path is appended to.
    base_path: String,
    origin: Origin,
    pool: Pool,
    /// For requests to change the protocol, which HTTP/2 does not have.
    upgrading: Pool,
    timeout: Duration,
    idle_timeout: Duration,
}

const TIMEOUT_MS: u64 = 29_000;
const CONNECT_TIMEOUT_MS: u64 = 5_000;
const IDLE_TIMEOUT_MS: u64 = 60_000;
/// What stands for the secret in the path of a URL.
pub(crate) const PLACEHOLDER: &str = "{secret}";

impl Upstream {
    /// An upstream as declared; nothing is connected yet.
    ///
    /// # Errors
    /// What is wrong with its URL, networks or authorities.
    pub(crate) fn new(decl: &UpstreamDecl, file: &ManifestFile) -> Result<Upstream, Vec<Problem>> {
        let network = network(decl, file);
        let url = Url::parse(decl, file);
        let roots = decl.ca.as_ref().map(|ca| (ca, file.folder.join(ca.get_ref())));
        let is_tls = url.as_ref().is_ok_and(|url| url.is_tls);
        let tls = match (&roots, is_tls) {
            (_, false) => Ok(None),
            (Some((ca, path)), true) => {
                tls_of(Some(path)).map(Some).map_err(|error| file.problem(ca.span(), error))
            }
            (None, true) => {
                tls_of(None).map(Some).map_err(|error| file.problem(decl.url.span(), error))
            }
        };
        let (network, url, tls) = match (network, url, tls) {
            (Ok(network), Ok(url), Ok(tls)) => (network, url, tls),
            (network, url, tls) => {
                let problems = network.err().into_iter().flatten().chain(url.err());
                return Err(problems.chain(tls.err()).collect());
            }
        };
        let milliseconds =
            |given: Option<u64>, default| Duration::from_millis(given.unwrap_or(default));
        let target = |tls: Option<&TlsConnector>| Target {
            host: url.host.clone(),
            port: url.port,
            network: network.clone(),
            tls: tls.map(|tls| (tls.clone(), url.name.clone())),
            timeout: milliseconds(decl.connect_timeout_ms, CONNECT_TIMEOUT_MS),
            resolve: system,
        };
        let (both, http1) = tls.unzip();
        Ok(Upstream {
            decl: decl.clone(),
            pool: Pool::new(Connector::new(target(both.as_ref())), url.origin.clone()),
            upgrading: Pool::new(Connector::new(target(http1.as_ref())), url.origin.clone()),
            base: url.base,
            base_path: url.base_path,
            origin: url.origin,
            timeout: milliseconds(decl.timeout_ms, TIMEOUT_MS),
            idle_timeout: milliseconds(decl.idle_timeout_ms, IDLE_TIMEOUT_MS),
        })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.decl.name.get_ref()
    }

    /// Whether it is the same as one declared now, so that its connections may be kept. A file of
    /// authorities may have changed under the same name.
    pub(crate) fn is_as_declared(&self, decl: &UpstreamDecl) -> bool {
        self.decl == *decl && decl.ca.is_none()
    }

    /// Its URL without a trailing slash.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// The path of its URL: what every request's path is appended to.
    pub(crate) fn base_path(&self) -> &str {
        &self.base_path
    }

    /// Whom its requests are for.
    pub(crate) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Until the head of its answer has arrived.
    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// How long its answer may pause.
    pub(crate) fn idle_timeout(&self) -> Duration {
        self.idle_timeout
    }

    /// The connections to it; for a change of protocol, those of HTTP/1.1.
    pub(crate) fn pool(&self, is_upgrade: bool) -> &Pool {
        if is_upgrade { &self.upgrading } else { &self.pool }
    }
}

impl std::fmt::Debug for Upstream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Upstream({} at {})", self.name(), self.base)
    }
}

/// An upstream's URL, taken apart.
struct Url {
    is_tls: bool,
    host: String,
    port: u16,
    name: ServerName<'static>,
    origin: Origin,
    base: String,
    base_path: String,
}

impl Url {
    fn parse(decl: &UpstreamDecl, file: &ManifestFile) -> Result<Url, Problem> {
        let text = decl.url.get_ref();
        let wrong = |what: &str| {
            let message =
                format!("expected a URL like `https://api.example.com/v1`, found `{text}`");
            file.problem(decl.url.span(), message).with_help(what)
        };
        // The placeholder's braces do not belong into a URL.
        let uri: Uri =
            text.replace(PLACEHOLDER, "secret").parse().map_err(|_| wrong("not a URL"))?;
        let is_tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(wrong("the scheme is `https` or `http`")),
        };
        let authority = uri.authority().ok_or_else(|| wrong("a host is missing"))?;
        if authority.as_str().contains('@') {
            return Err(wrong("credentials do not belong into a URL"));
        }
        if uri.query().is_some() || text.contains('#') {
            return Err(wrong("a URL here ends with its path"));
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(host.clone()).map_err(|_| wrong("not a host name"))?;
        let default_port = if is_tls { 443 } else { 80 };
        let port = authority.port_u16().unwrap_or(default_port);
        let is_default = port == default_port;
        let shown = if is_default { authority.host() } else { authority.as_str() };
        let origin = Origin {
            scheme: if is_tls { Scheme::HTTPS } else { Scheme::HTTP },
            authority: shown.parse().map_err(|_| wrong("not a host name"))?,
            host: HeaderValue::from_str(shown).map_err(|_| wrong("not a host name"))?,
        };
        let base = text.trim_end_matches('/').to_owned();
        let behind_scheme = base.split_once("://").map_or("", |(_, rest)| rest);
        let base_path = behind_scheme.find('/').and_then(|at| behind_scheme.get(at..));
        let base_path = base_path.unwrap_or_default().to_owned();
        Ok(Url { is_tls, host, port, name, origin, base, base_path })
    }
}

fn network(decl: &UpstreamDecl, file: &ManifestFile) -> Result<Network, Vec<Problem>> {
    let mut problems = Vec::new();
    let kind = decl.network.as_ref().map_or(Some(Kind::Public), |name| {
        let kind = Kind::parse(name.get_ref());
        if kind.is_none() {
            let found = name.get_ref();
            let message =
                format!("expected network `public`, `private` or `loopback`, found `{found}`");
            problems.push(file.problem(name.span(), message));
        }
        kind
    });
    let mut allow = Vec::new();
    for range in &decl.allow {
        match Cidr::parse(range.get_ref()) {
            Some(range) => allow.push(range),
            None => {
                let message =
                    format!("expected a network like `10.1.0.0/16`, found `{}`", range.get_ref());
                problems.push(file.problem(range.span(), message));
            }
        }
    }
    match kind {
        Some(kind) if problems.is_empty() => Ok(Network::new(kind, allow)),
        _ => Err(problems),
    }
}

/// How to connect with either protocol, and with HTTP/1.1 alone.
fn tls_of(ca: Option<&Path>) -> Result<(TlsConnector, TlsConnector), String> {
    let roots = tls::roots(ca)?;
    let both = tls::client_config(roots.clone(), &[b"h2", b"http/1.1"])?;
    let http1 = tls::client_config(roots, &[b"http/1.1"])?;
    Ok((TlsConnector::from(Arc::new(both)), TlsConnector::from(Arc::new(http1))))
}
