//! An axum service whose callers sign their requests, and may do what IAM policies allow. It embeds
//! the verification and the decision, and nothing else of the gateway.
//!
//!     chmod 600 fixtures/gateway/identities.toml
//!     cargo run -p tollgate-gateway --example axum_service

use std::{error::Error, net::SocketAddr, path::Path};

use axum::extract::ConnectInfo;
use axum::{Extension, Router, routing::get};
use jiff::Timestamp;
use tollgate_gateway::{Arrival, Guard, GuardLayer, Permit};
use tollgate_sigv4::Transport;
use tollgate_store::{Files, Problems};

/// A service guarded by a manifest's policies and the keys of its identity file.
pub(crate) fn service(manifest: &Path) -> Result<Router, Problems> {
    let guard = Guard::read(&Files, manifest)?;
    let issues = Router::new().route("/prod/repos/{owner}/{repo}/issues", get(issues));
    Ok(issues.layer(GuardLayer::new(guard, arrival)))
}

/// Where a request comes from, and when it came.
fn arrival(known: &axum::http::Extensions) -> Option<Arrival> {
    let ConnectInfo(peer) = known.get::<ConnectInfo<SocketAddr>>()?;
    Some(Arrival { peer: peer.ip(), transport: Transport::Plain, at: Timestamp::now() })
}

/// Called for requests that are allowed, with what is known of them.
async fn issues(Extension(permit): Extension<Permit>) -> String {
    format!("{} may, by {}\n", permit.caller(), permit.statements())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let service = service(Path::new("fixtures/gateway/tollgate.toml"))?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
    let service = service.into_make_service_with_connect_info::<SocketAddr>();
    Ok(axum::serve(listener, service).await?)
}
