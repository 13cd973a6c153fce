//! The pages for operators, on a listener that callers do not reach.
//!
//! | path | says |
//! |---|---|
//! | `/healthz` | 200: the process answers |
//! | `/readyz` | 200 if every credential can be injected, else 503 and which cannot |
//! | `/metrics` | what is counted, as Prometheus reads it |
//! | `/config` | what holds now, without any secret |

use std::fmt::Write;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;

use crate::frame::Arrival;
use crate::pipeline::Gateway;
use crate::service::Endpoint;

const PROMETHEUS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Answers the requests of operators.
#[derive(Debug)]
pub struct Admin(Arc<Gateway>);

impl Admin {
    /// The pages of a gateway.
    pub fn of(gateway: Arc<Gateway>) -> Arc<Admin> {
        Arc::new(Admin(gateway))
    }

    fn page(&self, path: &str) -> Response<String> {
        match path {
            "/healthz" => text(StatusCode::OK, "ok\n".to_owned()),
            "/readyz" => self.ready(),
            "/metrics" => {
                let mut response = text(StatusCode::OK, self.0.metrics().page(&self.0));
                response.headers_mut().insert(CONTENT_TYPE, PROMETHEUS);
                response
            }
            "/config" => {
                let mut response = text(StatusCode::OK, self.0.snapshot().described());
                response.headers_mut().insert(CONTENT_TYPE, JSON);
                response
            }
            _ => {
                let pages = "there are /healthz, /readyz, /metrics and /config\n";
                text(StatusCode::NOT_FOUND, pages.to_owned())
            }
        }
    }

    fn ready(&self) -> Response<String> {
        let now = (self.0.clock())();
        let mut missing = String::new();
        for keeper in self.0.snapshot().keepers() {
            if let Err(closed) = keeper.current(now) {
                let _ = writeln!(missing, "{closed}");
            }
        }
        match missing.is_empty() {
            true => text(StatusCode::OK, "ready\n".to_owned()),
            false => text(StatusCode::SERVICE_UNAVAILABLE, missing),
        }
    }
}

impl Endpoint for Admin {
    type Body = Full<Bytes>;

    async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        _: Arrival,
    ) -> Response<Full<Bytes>> {
        let answer = match *request.method() {
            Method::GET | Method::HEAD => self.page(request.uri().path()),
            _ => text(StatusCode::METHOD_NOT_ALLOWED, "only GET\n".to_owned()),
        };
        answer.map(|page| Full::new(Bytes::from(page)))
    }
}

fn text(status: StatusCode, page: String) -> Response<String> {
    let mut response = Response::new(page);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
