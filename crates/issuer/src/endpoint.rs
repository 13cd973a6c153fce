//! The ways in as listeners have them: whoever serves the gateway serves these beside it.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use rustls::ServerConfig;
use tollgate_gateway::{Arrival, Endpoint, Gateway};

use crate::Issuer;
use crate::answer::{Arrived, BODY_BYTES_MAX};

/// How long a body may take to arrive. It is small.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// The service's own listener. It speaks TLS if the gateway does, with the gateway's certificate.
pub struct StsEndpoint {
    /// Who answers.
    pub issuer: Arc<Issuer>,
    /// Whose certificate it is.
    pub gateway: Arc<Gateway>,
}

/// The listener of one container.
pub struct ContainerEndpoint {
    /// Who answers.
    pub issuer: Arc<Issuer>,
    /// Which of the manifest's containers it is.
    pub index: usize,
}

/// The listener of the instance's metadata.
pub struct MetadataEndpoint {
    /// Who answers.
    pub issuer: Arc<Issuer>,
}

impl Endpoint for StsEndpoint {
    type Body = Full<Bytes>;

    async fn answer(
        self: &Arc<Self>,
        request: Request<Incoming>,
        arrival: Arrival,
    ) -> Response<Full<Bytes>> {
        let answer = |arrived| async { self.issuer.answer_sts(arrived).await };
        whole(request, arrival, answer).await
    }

    fn tls(&self) -> Option<Arc<ServerConfig>> {
        Endpoint::tls(&*self.gateway)
    }
}

impl Endpoint for ContainerEndpoint {
    type Body = Full<Bytes>;

    async fn answer(
        self: &Arc<Self>,
        request: Request<Incoming>,
        arrival: Arrival,
    ) -> Response<Full<Bytes>> {
        let answer = |arrived| async move { self.issuer.answer_container(self.index, &arrived) };
        whole(request, arrival, answer).await
    }
}

impl Endpoint for MetadataEndpoint {
    type Body = Full<Bytes>;

    async fn answer(
        self: &Arc<Self>,
        request: Request<Incoming>,
        arrival: Arrival,
    ) -> Response<Full<Bytes>> {
        let answer = |arrived| async move { self.issuer.answer_metadata(&arrived) };
        whole(request, arrival, answer).await
    }
}

/// Reads a request to its end, and answers it.
async fn whole<F: Future<Output = Response<Bytes>>>(
    request: Request<Incoming>,
    arrival: Arrival,
    answer: impl FnOnce(Arrived) -> F,
) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let reading = tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, BODY_BYTES_MAX).collect());
    let Ok(read) = reading.await else { return refused(StatusCode::REQUEST_TIMEOUT) };
    let Ok(collected) = read else { return refused(StatusCode::PAYLOAD_TOO_LARGE) };
    let Arrival { peer, transport, at } = arrival;
    let arrived = Arrived { head, body: collected.to_bytes(), peer, transport, at };
    answer(arrived).await.map(Full::new)
}

fn refused(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}
