//! The pages for operators, on a listener that callers do not reach.
//!
//! | path | says |
//! |---|---|
//! | `/healthz` | 200: the process answers |
//! | `/readyz` | 200 if every credential can be injected, else 503 and which cannot |

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
            _ => text(StatusCode::NOT_FOUND, "there are /healthz and /readyz\n".to_owned()),
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
        self: &Arc<Self>,
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
