//! The ways in as listeners have them: whoever serves the gateway serves these beside it.

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

/// A listener of the issuer's.
pub struct IssuerEndpoint {
    /// Who answers.
    pub issuer: Arc<Issuer>,
    /// What arrives there.
    pub way: Way,
}

/// A way in.
pub enum Way {
    /// The service itself. It speaks TLS if this gateway does, with the gateway's certificate.
    Sts(Arc<Gateway>),
    /// Requests of the manifest's container of this index.
    Container(usize),
    /// Requests for the instance's metadata.
    Metadata,
}

impl Endpoint for IssuerEndpoint {
    type Body = Full<Bytes>;

    async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        arrival: Arrival,
    ) -> Response<Full<Bytes>> {
        let answer = match whole(request, arrival).await {
            Err(status) => refused(status),
            Ok(arrived) => match self.way {
                Way::Sts(_) => self.issuer.answer_sts(arrived).await,
                Way::Container(index) => self.issuer.answer_container(index, &arrived),
                Way::Metadata => self.issuer.answer_metadata(&arrived),
            },
        };
        answer.map(Full::new)
    }

    fn tls(&self) -> Option<Arc<ServerConfig>> {
        match &self.way {
            Way::Sts(gateway) => Endpoint::tls(&**gateway),
            Way::Container(_) | Way::Metadata => None,
        }
    }
}

/// Reads a request to its end; the status that says why not.
async fn whole(request: Request<Incoming>, arrival: Arrival) -> Result<Arrived, StatusCode> {
    let (head, body) = request.into_parts();
    let reading = tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, BODY_BYTES_MAX).collect());
    let read = reading.await.map_err(|_| StatusCode::REQUEST_TIMEOUT)?;
    let body = read.map_err(|_| StatusCode::PAYLOAD_TOO_LARGE)?.to_bytes();
    let Arrival { peer, transport, at } = arrival;
    Ok(Arrived { head, body, peer, transport, at })
}

fn refused(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response
}
