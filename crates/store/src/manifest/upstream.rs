//! `[[upstream]]`: a third party that requests are forwarded to, and how far to trust its address.

use serde::Deserialize;
use toml::Spanned;

/// A third party, or a service of one's own that is not to be reached but through the gateway.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UpstreamDecl {
    /// Its name, for routes and credentials to refer to, and for the log.
    pub name: Spanned<String>,
    /// `https://api.example.com`, with a path that every request's path is appended to.
    pub url: Spanned<String>,
    /// Which addresses its host name may stand for: `public` unless given, `private` or `loopback`.
    pub network: Option<Spanned<String>>,
    /// Networks that it may be in, `10.1.0.0/16`; any of its kind unless given.
    #[serde(default)]
    pub allow: Vec<Spanned<String>>,
    /// File of the certificate authorities to trust, PEM; the system's unless given.
    pub ca: Option<Spanned<String>>,
    /// Until a connection is there.
    pub connect_timeout_ms: Option<u64>,
    /// Until the head of its answer has arrived, unless the route says otherwise.
    pub timeout_ms: Option<u64>,
    /// How long its answer may pause.
    pub idle_timeout_ms: Option<u64>,
}
