//! The tower layer: verification and decision in a service that is not a gateway.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tollgate_gateway::{AdmittedBody, Arrival, Guard, GuardLayer, Permit};
use tollgate_sigv4::Transport;
use tollgate_store::Files;
use tower::{Layer, Service};

use crate::support::{manifest, signed, write_files};

type Body = AdmittedBody<Full<Bytes>>;

/// Says who may, why, and what was sent.
async fn inner(request: Request<Body>) -> Result<Response<Full<Bytes>>, Infallible> {
    let permit = request.extensions().get::<Permit>().unwrap().clone();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let body = String::from_utf8_lossy(&body).into_owned();
    let said = format!("{} {} {} {body}", permit.caller(), permit.path(), permit.resource());
    Ok(Response::new(Full::new(Bytes::from(said))))
}

async fn call(layer: &GuardLayer, request: Request<Bytes>, arrives: bool) -> (u16, String) {
    let mut request = request.map(Full::new);
    // What a server gets has no scheme and no authority.
    let target = request.uri().path_and_query().unwrap().as_str().parse().unwrap();
    *request.uri_mut() = target;
    if arrives {
        let peer = [127, 0, 0, 1].into();
        let at = jiff::Timestamp::now();
        request.extensions_mut().insert(Arrival { peer, transport: Transport::Plain, at });
    }
    let mut service = layer.layer(tower::service_fn(inner));
    std::future::poll_fn(|context| {
        Service::<Request<Full<Bytes>>>::poll_ready(&mut service, context)
    })
    .await
    .unwrap();
    let response = service.call(request).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8_lossy(&body).into_owned())
}

#[tokio::test]
async fn the_inner_service_sees_what_is_allowed_and_by_whom() {
    let folder = tempfile::tempdir().unwrap();
    write_files(folder.path());
    let path = folder.path().join("tollgate.toml");
    std::fs::write(&path, manifest("http://127.0.0.1:9", "", "secret = { env = \"A\" }")).unwrap();
    let guard = || Guard::read(&Files, &path).unwrap();
    let layer = GuardLayer::new(guard(), |known| known.get().copied());
    let request = || signed("127.0.0.1:80".parse().unwrap(), "POST", "/prod/a", &[], "hello");
    let (status, said) = call(&layer, request(), true).await;
    let caller = "arn:aws:sts::123456789012:assumed-role/issues-reader/web-1";
    let resource = "arn:aws:execute-api:us-east-1:123456789012:a1b2c3d4e5/prod/POST/a";
    assert_eq!((status, said), (200, format!("{caller} /a {resource} hello")));

    let mut forged = request();
    *forged.body_mut() = Bytes::from_static(b"other");
    assert_eq!(call(&layer, forged, true).await.0, 403);
    assert_eq!(call(&layer, request(), false).await.0, 400, "nobody knows where it comes from");

    let nothing = "{\"Version\": \"2012-10-17\", \"Statement\": []}";
    std::fs::write(folder.path().join("policies/all.json"), nothing).unwrap();
    layer.replace(guard());
    let (status, said) = call(&layer, request(), true).await;
    assert_eq!(status, 403);
    assert!(said.contains("is not authorized to perform: execute-api:Invoke"), "{said}");
}

#[tokio::test]
async fn the_operator_is_told_which_file_is_which_policy() {
    let folder = tempfile::tempdir().unwrap();
    write_files(folder.path());
    let path = folder.path().join("tollgate.toml");
    let manifest = manifest("http://127.0.0.1:9", "", "secret = { env = \"A\" }");
    let manifest = manifest.replace("policies/all.json", "policies/issues-reader.json");
    std::fs::write(&path, manifest).unwrap();
    let guard = Guard::read(&Files, &path).unwrap();
    let request = signed("127.0.0.1:80".parse().unwrap(), "POST", "/prod/a", &[], "hello");
    let (peer, at) = ([127, 0, 0, 1].into(), jiff::Timestamp::now());
    let arrival = Arrival { peer, transport: Transport::Plain, at };
    let refusal = guard.admit(request.map(Full::new), arrival).await.unwrap_err();
    let (told, folder) = (refusal.explanation(), folder.path().display());
    assert!(told.contains("nearest is Allow `ReadIssues` (policy 0, 4:5)"), "{told}");
    let files = format!(
        "policies:\n  identity-based policy 0: {folder}/policies/issues-reader.json\n  \
         identity-based policy 1: {folder}/policies/narrow.json\n"
    );
    assert!(told.ends_with(&files), "{told}");
}

#[path = "../../examples/axum_service.rs"]
#[expect(dead_code, reason = "its `main` is not called")]
mod axum_service;

#[tokio::test]
async fn the_example_answers_whom_the_policies_allow() {
    let folder = tempfile::tempdir().unwrap();
    write_files(folder.path());
    let fixture =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/gateway/tollgate.toml");
    let path = folder.path().join("tollgate.toml");
    std::fs::copy(fixture, &path).unwrap();
    let service = axum_service::service(&path).unwrap();
    let service = service.into_make_service_with_connect_info::<SocketAddr>();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async { axum::serve(listener, service).await.unwrap() });
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let target = "/prod/repos/PokaInc/test-github-api/issues";
    for (method, status, said) in [
        ("GET", 200, "assumed-role/issues-reader/web-1 may, by"),
        ("POST", 403, "is not authorized to perform: execute-api:Invoke"),
    ] {
        let request = signed(address, method, target, &[], "").map(Full::new);
        let response = client.request(request).await.unwrap();
        assert_eq!(response.status(), status);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let body = String::from_utf8_lossy(&body).into_owned();
        assert!(body.contains(said), "{body}");
    }
    let unsigned = Request::get(format!("http://{address}{target}")).body(Full::default()).unwrap();
    assert_eq!(client.request(unsigned).await.unwrap().status(), 403);
}
