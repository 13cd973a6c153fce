//! An axum service whose callers sign their requests, and may do what IAM policies allow.
//!
//!     chmod 600 fixtures/gateway/identities.toml
//!     cargo run -p tollgate-gateway --example axum_service
//!
//! It embeds the verification and the decision, and nothing else of the gateway.

use std::net::SocketAddr;
use std::path::Path;

use axum::extract::{ConnectInfo, Request};
use axum::middleware::{Next, from_fn};
use axum::{Extension, Router, routing::get};
use tollgate_gateway::{Arrival, Guard, GuardLayer, Identities, Keys, Permit};
use tollgate_sigv4::Transport;
use tollgate_store::{Account, Files, ManifestFile};

type Failure = Box<dyn std::error::Error>;

/// Who may do what: the manifest's account, and the keys of the identity file.
fn guard(folder: &Path) -> Result<Guard, Failure> {
    let file = ManifestFile::read(&Files, &folder.join("tollgate.toml"))?;
    let account = Account::of(&Files, &file)?;
    let identities = Identities::read(&folder.join("identities.toml"))?;
    let keys = Keys::new(vec![std::sync::Arc::new(identities)]);
    Ok(Guard::new(account, &file, keys).map_err(|problems| format!("{problems:?}"))?)
}

/// Tells the guard where a request comes from, and when it came.
async fn arrive(mut request: Request, next: Next) -> axum::response::Response {
    if let Some(ConnectInfo(peer)) = request.extensions().get::<ConnectInfo<SocketAddr>>() {
        let (peer, at) = (peer.ip(), jiff::Timestamp::now());
        request.extensions_mut().insert(Arrival { peer, transport: Transport::Plain, at });
    }
    next.run(request).await
}

async fn issues(Extension(permit): Extension<Permit>) -> String {
    let caller = permit.caller().map_or("anonymous", |caller| &caller.arn);
    format!("{caller} may, by {}\n", permit.statements())
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| "fixtures/gateway".to_owned());
    let guarded = Router::new()
        .route("/prod/repos/{owner}/{repo}/issues", get(issues))
        .layer(GuardLayer::new(guard(Path::new(&folder))?))
        .layer(from_fn(arrive));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    #[expect(clippy::print_stdout, reason = "whoever runs the example wants to know")]
    {
        println!("http://{}", listener.local_addr()?);
    }
    let service = guarded.into_make_service_with_connect_info::<SocketAddr>();
    Ok(axum::serve(listener, service).await?)
}
