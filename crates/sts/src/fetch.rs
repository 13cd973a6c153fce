//! The one thing that this crate asks of the world: to fetch a document over HTTP.

use std::fmt;
use std::pin::Pin;

/// A request that somebody else sends.
///
/// It may carry a signature, so it does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// `https://…`, or `http://` on a loopback address.
    pub url: String,
    /// Headers, beside `host`.
    pub headers: Vec<(String, String)>,
}

/// What came back, whatever it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

/// Why nothing came back, in words for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchFault(pub String);

impl fmt::Display for FetchFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for FetchFault {}

/// The future of a fetch.
pub type Fetching<'a> = Pin<Box<dyn Future<Output = Result<Fetched, FetchFault>> + Send + 'a>>;

/// Fetches documents.
pub trait Fetch: Sync {
    /// Sends a `GET` request. The certificate is verified, redirects are **not** followed, and both
    /// time and size of the answer are bounded.
    fn get(&self, request: Outgoing) -> Fetching<'_>;
}

/// Whether a URL is one that we fetch: inside TLS, or on this machine.
pub(crate) fn is_safe(url: &str) -> bool {
    let on_this_machine = |rest: &str| {
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
        matches!(host, "localhost" | "127.0.0.1" | "[::1]")
    };
    match url.split_once("://") {
        Some(("https", rest)) => !rest.is_empty() && !rest.contains('@'),
        Some(("http", rest)) => on_this_machine(rest),
        _ => false,
    }
}
