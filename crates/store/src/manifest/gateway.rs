//! `[gateway]`: where the gateway listens, who may call it with what keys, and what it puts up with.

use serde::Deserialize;
use toml::Spanned;

/// The gateway as a service. Without this section an account is there to be analyzed and tested.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GatewayDecl {
    /// Addresses that callers connect to, `127.0.0.1:8080`.
    pub listen: Vec<Spanned<String>>,
    /// The address of `/healthz`, `/readyz` and `/metrics`. Never one that callers reach.
    pub admin: Option<Spanned<String>>,
    /// The certificate that callers see; without it the gateway speaks clear text.
    pub tls: Option<TlsDecl>,
    /// File of access keys for local development, readable by its owner alone.
    pub identities: Option<Spanned<String>>,
    /// Where the access log goes; standard output unless given.
    #[serde(default)]
    pub access_log: Vec<AccessLogDecl>,
    /// What the gateway puts up with.
    #[serde(default)]
    pub limits: LimitsDecl,
}

/// A certificate and its key, PEM files.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TlsDecl {
    /// File of the certificate chain, the gateway's own first.
    pub certificate: Spanned<String>,
    /// File of the private key. Others must not be able to read it, nor its group to write it.
    pub key: Spanned<String>,
}

/// One place that the access log goes to: `"stdout"` or `{ file = { path = "…" } }`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum AccessLogDecl {
    /// Standard output.
    Stdout,
    /// A file that lines are appended to.
    File(FileLogDecl),
    /// A stream of CloudWatch Logs.
    #[serde(rename = "cloudWatch")]
    CloudWatch(CloudWatchLogDecl),
}

/// A file of the access log.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FileLogDecl {
    /// The file.
    pub path: Spanned<String>,
    /// Bytes after which it is renamed and a new one begun; without it, it grows.
    pub bytes_max: Option<u64>,
    /// How many old files are kept, `PATH.1` being the newest.
    #[serde(default = "ten")]
    pub files_max: u32,
}

/// A stream of CloudWatch Logs, made if it is not there; the group must be.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CloudWatchLogDecl {
    /// The log group.
    pub group: Spanned<String>,
    /// The stream; gateways that run at the same time have one each.
    pub stream: Spanned<String>,
    /// The region; that of the environment unless given.
    pub region: Option<String>,
}

fn ten() -> u32 {
    10
}

/// Sizes, numbers and times beyond which a request is refused. Each has a default.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct LimitsDecl {
    /// Connections at a time; more wait to be accepted.
    pub connections_max: u32,
    /// HTTP/2 streams of a connection at a time.
    pub streams_max: u32,
    /// Headers of a request.
    pub headers_max: u16,
    /// Bytes of a request's head.
    pub head_bytes_max: u32,
    /// Bytes of a body, unless its route says otherwise.
    pub body_bytes_max: u64,
    /// Until the head of a request has arrived, the first of a connection or the next; and how long
    /// an HTTP/2 connection stays without a request under way, or twice as long at most.
    pub head_timeout_ms: u64,
    /// Until the body of a request has arrived; and how long a caller may take nothing of an answer.
    pub body_timeout_ms: u64,
    /// How long a TLS handshake may take.
    pub handshake_timeout_ms: u64,
    /// How long requests under way may take when the gateway is asked to stop.
    pub drain_timeout_ms: u64,
    /// How many seconds a caller's clock may be off, either way.
    pub clock_skew_s: u32,
    /// How many seconds a presigned request holds at most.
    pub presigned_lifetime_s_max: u32,
    /// Lines of the access log that may wait to be written; more are lost, and counted.
    pub log_lines_max: u32,
    /// Bytes that all cached responses may take.
    pub cache_bytes_max: u64,
}

impl Default for LimitsDecl {
    fn default() -> LimitsDecl {
        LimitsDecl {
            connections_max: 4096,
            streams_max: 128,
            headers_max: 100,
            head_bytes_max: 64 * 1024,
            body_bytes_max: 10 * 1024 * 1024,
            head_timeout_ms: 10_000,
            body_timeout_ms: 30_000,
            handshake_timeout_ms: 10_000,
            drain_timeout_ms: 30_000,
            clock_skew_s: 300,
            presigned_lifetime_s_max: 300,
            log_lines_max: 65_536,
            cache_bytes_max: 64 * 1024 * 1024,
        }
    }
}
