//! `[[api.route]]`: what the gateway does with the requests that a path and a method take.

use serde::Deserialize;
use toml::Spanned;

use super::OneOrMany;

/// A route of an API.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RouteDecl {
    /// The path with `{parameter}` segments; a last segment `{name+}` takes all the rest.
    pub path: Spanned<String>,
    /// Methods; none means any.
    #[serde(default)]
    pub methods: Vec<String>,
    /// The third party that requests are forwarded to, or the broker that answers them.
    pub upstream: Option<Spanned<String>>,
    /// The aliases of the credentials that are injected, one or a list. Never a secret itself.
    #[serde(default)]
    pub credential: OneOrMany,
    /// `AWS_IAM` or `NONE`; the API's unless given.
    pub authorization: Option<Spanned<String>>,
    /// Until the head of the upstream's answer has arrived; the upstream's unless given.
    pub timeout_ms: Option<u64>,
    /// Bytes of a body; the gateway's limit unless given.
    pub body_bytes_max: Option<u64>,
    /// Whether and how long responses are kept.
    pub cache: Option<CacheDecl>,
    /// How many requests it takes.
    pub throttle: Option<RouteThrottleDecl>,
    /// `%2F` in a path is data: `/projects/group%2Fname`.
    #[serde(default)]
    pub allow_encoded_slash: bool,
    /// `;` in a path is data.
    #[serde(default)]
    pub allow_semicolon: bool,
    /// A body that is not signed is accepted, inside TLS, and streams to the upstream.
    #[serde(default)]
    pub unsigned_payload: bool,
    /// A signature is good for one request. A caller that makes the same request twice in a second
    /// signs it twice in the same way.
    #[serde(default)]
    pub refuse_replays: bool,
    /// The secret is looked for in the bodies of responses as well as in their headers. They are asked
    /// for as they are and whole, and one that is compressed all the same is not passed on. A
    /// WebSocket, which could not be searched, is not opened.
    #[serde(default)]
    pub scrub_body: bool,
    /// Requests are held back while the upstream says that nothing is left of its rate limit.
    #[serde(default)]
    pub learn_quota: bool,
}

/// What is cached, and how long.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CacheDecl {
    /// How long a response is kept whose own headers do not say; 300 unless given, at most 3600.
    pub ttl_s: Option<Spanned<u32>>,
    /// Bytes of a response that is kept; 1 MiB unless given.
    pub entry_bytes_max: Option<u64>,
    /// Whether callers share what is kept. Otherwise each principal has its own.
    #[serde(default)]
    pub shared: bool,
    /// Query parameters that are part of the key; all of them unless given.
    pub parameters: Option<Vec<String>>,
    /// Headers of the request that are part of the key.
    #[serde(default)]
    pub headers: Vec<Spanned<String>>,
}

/// A token bucket.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ThrottleDecl {
    /// Requests a second, in the long run.
    pub rate: Spanned<f64>,
    /// Requests at once.
    pub burst: Spanned<u32>,
}

/// A token bucket of a route: one for all, or one for each principal.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RouteThrottleDecl {
    /// Requests a second, in the long run.
    pub rate: Spanned<f64>,
    /// Requests at once.
    pub burst: Spanned<u32>,
    /// What has a bucket of its own: `principal`, `route`, or both; `route` unless given.
    #[serde(default)]
    pub by: OneOrMany,
}
