//! What is counted, under API Gateway's names, in Prometheus' text format.
//!
//! Labels are bounded by the manifest: APIs, their listed stages, the templates of their routes, and
//! the methods of RFC 9110. Nothing that a caller can choose freely is one.

use std::fmt::Write;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, PoisonError, RwLock};

use hashbrown::{Equivalent, HashMap};
use http::Method;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::pipeline::Gateway;
use crate::service::Unread;

/// Where a request went.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    api: String,
    stage: String,
    method: &'static str,
    resource: String,
}

/// The same, borrowed to look up: fields, and so hashes, are in the same order.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct RouteRef<'a> {
    pub(crate) api: &'a str,
    pub(crate) stage: &'a str,
    pub(crate) method: &'static str,
    pub(crate) resource: &'a str,
}

impl Equivalent<Route> for RouteRef<'_> {
    fn equivalent(&self, route: &Route) -> bool {
        let Route { api, stage, method, resource } = route;
        *self == RouteRef { api, stage, method, resource }
    }
}

/// What is counted of every request of a route.
pub(crate) struct Series {
    route: Route,
    count: Counter,
    client_errors: Counter,
    server_errors: Counter,
    latency: Histogram,
    integration_latency: Histogram,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ended {
    pub(crate) status: u16,
    pub(crate) latency_ms: u64,
    pub(crate) integration_latency_ms: Option<u64>,
    /// API Gateway's name for the kind of refusal that it was.
    pub(crate) error_type: Option<&'static str>,
    /// Where anything is cached: whether the answer was.
    pub(crate) is_cache_hit: Option<bool>,
}

impl RouteRef<'_> {
    fn to_owned(self) -> Route {
        let RouteRef { api, stage, method, resource } = self;
        Route { api: api.into(), stage: stage.into(), method, resource: resource.into() }
    }
}

impl Series {
    fn ended(&self, ended: &Ended) {
        self.count.inc();
        self.latency.observe(milliseconds(ended.latency_ms));
        match ended.status {
            400..500 => self.client_errors.inc(),
            500.. => self.server_errors.inc(),
            _ => 0,
        };
        if let Some(latency) = ended.integration_latency_ms {
            self.integration_latency.observe(milliseconds(latency));
        }
    }
}

/// One credential.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Credential {
    credential: String,
}

/// How reading the configuration ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reload {
    result: &'static str,
}

/// Why a request was refused, in API Gateway's words.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Refused {
    r#type: &'static str,
}

/// Why a connection was closed before its request was one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Closed {
    reason: &'static str,
}

/// Everything that is counted.
pub(crate) struct Metrics {
    registry: Registry,
    /// Looked up once a request, rather than each counter in its family.
    series: RwLock<HashMap<Route, Arc<Series>>>,
    count: Family<Route, Counter>,
    client_errors: Family<Route, Counter>,
    server_errors: Family<Route, Counter>,
    latency: Family<Route, Histogram>,
    integration_latency: Family<Route, Histogram>,
    cache_hits: Family<Route, Counter>,
    cache_misses: Family<Route, Counter>,
    refused: Family<Refused, Counter>,
    unread: Family<Closed, Counter>,
    reloads: Family<Reload, Counter>,
    lines_lost: Gauge<u64, AtomicU64>,
    usable_s: Family<Credential, Gauge>,
}

/// Milliseconds, from what the gateway itself takes to the longest timeout of API Gateway.
const BUCKETS_MS: [f64; 14] = [
    1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1_000.0, 2_500.0, 5_000.0, 10_000.0,
    29_000.0,
];

impl Default for Metrics {
    fn default() -> Metrics {
        let mut metrics = Metrics {
            registry: Registry::default(),
            series: RwLock::default(),
            count: Family::default(),
            client_errors: Family::default(),
            server_errors: Family::default(),
            latency: Family::new_with_constructor(|| Histogram::new(BUCKETS_MS)),
            integration_latency: Family::new_with_constructor(|| Histogram::new(BUCKETS_MS)),
            cache_hits: Family::default(),
            cache_misses: Family::default(),
            refused: Family::default(),
            unread: Family::default(),
            reloads: Family::default(),
            lines_lost: Gauge::default(),
            usable_s: Family::default(),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    fn register(&mut self) {
        let gateway = self.registry.sub_registry_with_prefix("apigateway");
        gateway.register("Count", "Requests", self.count.clone());
        gateway.register("4XXError", "Requests answered with 4xx", self.client_errors.clone());
        gateway.register("5XXError", "Requests answered with 5xx", self.server_errors.clone());
        gateway.register(
            "Latency",
            "Milliseconds from the request's arrival to the answer's end",
            self.latency.clone(),
        );
        gateway.register(
            "IntegrationLatency",
            "Milliseconds until the upstream's answer began",
            self.integration_latency.clone(),
        );
        gateway.register("CacheHitCount", "Answers from the cache", self.cache_hits.clone());
        gateway.register("CacheMissCount", "Answers not in the cache", self.cache_misses.clone());
        let own = self.registry.sub_registry_with_prefix("tollgate");
        own.register("refused", "Requests refused, by API Gateway's type", self.refused.clone());
        own.register(
            "unread",
            "Connections closed because their next request could not be read",
            self.unread.clone(),
        );
        own.register("reloads", "Configurations read anew", self.reloads.clone());
        own.register("log_lines_lost", "Lines of the access log lost", self.lines_lost.clone());
        own.register(
            "secret_usable_seconds",
            "How long a secret serves if it cannot be read again; 0 if it does not",
            self.usable_s.clone(),
        );
    }

    /// What is counted of the requests of a route.
    pub(crate) fn series(&self, route: RouteRef<'_>) -> Arc<Series> {
        let known = self.series.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(series) = known.get(&route) {
            return Arc::clone(series);
        }
        drop(known);
        let series = Arc::new(self.new_series(route.to_owned()));
        let mut known = self.series.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.entry(series.route.clone()).or_insert(series))
    }

    fn new_series(&self, route: Route) -> Series {
        Series {
            count: self.count.get_or_create(&route).clone(),
            client_errors: self.client_errors.get_or_create(&route).clone(),
            server_errors: self.server_errors.get_or_create(&route).clone(),
            latency: self.latency.get_or_create(&route).clone(),
            integration_latency: self.integration_latency.get_or_create(&route).clone(),
            route,
        }
    }

    /// Counts a request that has ended.
    pub(crate) fn ended(&self, series: &Series, ended: &Ended) {
        series.ended(ended);
        match ended.is_cache_hit {
            Some(true) => self.cache_hits.get_or_create(&series.route).inc(),
            Some(false) => self.cache_misses.get_or_create(&series.route).inc(),
            None => 0,
        };
        if let Some(kind) = ended.error_type {
            self.refused.get_or_create(&Refused { r#type: kind }).inc();
        }
    }

    /// Counts a connection that was closed because what arrived by it was no request.
    pub(crate) fn unread(&self, unread: Unread) {
        self.unread.get_or_create(&Closed { reason: unread.as_str() }).inc();
    }

    /// Counts an attempt to read the configuration anew.
    pub(crate) fn reloaded(&self, is_taken: bool) {
        let result = if is_taken { "taken" } else { "refused" };
        self.reloads.get_or_create(&Reload { result }).inc();
    }

    /// Everything, as Prometheus reads it.
    pub(crate) fn page(&self, gateway: &Gateway) -> String {
        self.lines_lost.set(gateway.access_log().lost());
        let now = (gateway.clock())();
        self.usable_s.clear();
        for keeper in gateway.snapshot().keepers() {
            let usable_s =
                keeper.status().map_or(0, |it| it.usable_until.duration_since(now).as_secs());
            let label = Credential { credential: keeper.alias().to_owned() };
            self.usable_s.get_or_create(&label).set(usable_s.max(0));
        }
        let mut page = String::new();
        if encode(&mut page, &self.registry).is_err() {
            // A string takes everything; were it otherwise, half a page would be a lie.
            page.clear();
            let _ = page.write_str("# EOF\n");
        }
        page
    }
}

#[expect(clippy::cast_precision_loss, reason = "a request that takes 2^53 ms does not end")]
fn milliseconds(count: u64) -> f64 {
    count as f64
}

/// Methods that callers can choose are as many as they like.
pub(crate) fn known_method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "OTHER",
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}
