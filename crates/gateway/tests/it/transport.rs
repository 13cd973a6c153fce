//! TLS and HTTP/2 on both sides, other protocols, and bodies that stream.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, Version};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{Running, Seen, Upstream, manifest, signed};

const CREDENTIAL: &str = "secret = { file = \"secret\" }";

/// How long something may take that takes no time, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// A certificate for `localhost` and its key, as PEM and as they are.
struct Certificate {
    pem: String,
    key_pem: String,
    der: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

fn certificate() -> Certificate {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    Certificate {
        pem: made.cert.pem(),
        key_pem: made.signing_key.serialize_pem(),
        der: made.cert.der().clone(),
        key: PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap(),
    }
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// An upstream with TLS that answers with the version it was spoken to in.
async fn tls_upstream(certificate: &Certificate, protocols: &[&[u8]]) -> u16 {
    let mut config = rustls::ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der.clone()], certificate.key.clone_key())
        .unwrap();
    config.alpn_protocols = protocols.iter().map(|it| it.to_vec()).collect();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let service = service_fn(async |request: Request<Incoming>| {
                    let version = format!("{:?}", request.version());
                    Ok::<_, hyper::Error>(Response::new(Full::new(Bytes::from(version))))
                });
                let builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                let _ = builder.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    port
}

#[tokio::test]
async fn upstreams_are_spoken_to_in_tls_and_the_best_version_they_have() {
    for (protocols, expected) in
        [(&[&b"h2"[..], b"http/1.1"][..], "HTTP/2.0"), (&[&b"http/1.1"[..]][..], "HTTP/1.1")]
    {
        let certificate = certificate();
        let port = tls_upstream(&certificate, protocols).await;
        let url = format!("https://localhost:{port}");
        let text = manifest(&url, "", CREDENTIAL)
            .replace("network = \"loopback\"", "network = \"loopback\"\nca = \"ca.pem\"");
        let running = Running::start_in(&text, &[("ca.pem", &certificate.pem)]).await;
        assert_eq!(running.call("GET", "/prod/a").await.body, expected);
    }
}

#[tokio::test]
async fn an_upstream_with_another_certificate_gets_no_secret() {
    let (theirs, trusted) = (certificate(), certificate());
    let port = tls_upstream(&theirs, &[b"h2"]).await;
    let text = manifest(&format!("https://localhost:{port}"), "", CREDENTIAL)
        .replace("network = \"loopback\"", "network = \"loopback\"\nca = \"ca.pem\"");
    let running = Running::start_in(&text, &[("ca.pem", &trusted.pem)]).await;
    let answer = running.call("GET", "/prod/a").await;
    assert_eq!(answer.status, 502);
    let error = running.log(1).await[0]["integrationErrorMessage"].to_string();
    assert!(error.contains("certificate"), "{error}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_private_key_that_others_can_read_is_refused() {
    let (certificate, folder) = (certificate(), tempfile::tempdir().unwrap());
    let text = manifest("http://127.0.0.1:9", "", CREDENTIAL).replace(
        "[gateway]",
        "[gateway]\ntls = { certificate = \"chain.pem\", key = \"key.pem\" }",
    );
    crate::support::write_files(folder.path());
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("tollgate.toml"), text).unwrap();
    std::fs::write(path("chain.pem"), &certificate.pem).unwrap();
    std::fs::write(path("key.pem"), &certificate.key_pem).unwrap();
    for (mode, is_fine) in [(0o600, true), (0o640, true), (0o644, false), (0o660, false)] {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(path("key.pem"), mode).unwrap();
        let around = crate::support::surroundings();
        let read = tollgate_gateway::Snapshot::read(
            &tollgate_store::Files,
            &path("tollgate.toml"),
            &around,
            None,
        );
        let problem = read.err().map(|problems| problems.to_string());
        let told = problem.as_ref().is_none_or(|it| it.contains("lets others at it"));
        assert!(problem.is_none() == is_fine && told, "{problem:?}");
    }
}

#[tokio::test]
async fn callers_speak_tls_and_http_2() {
    let certificate = certificate();
    let upstream = Upstream::start(|_: &Seen| Response::new(Bytes::from_static(b"ok"))).await;
    let text = manifest(&format!("http://{}", upstream.address), "", CREDENTIAL).replace(
        "[gateway]",
        "[gateway]\ntls = { certificate = \"chain.pem\", key = \"key.pem\" }",
    );
    let files = [("chain.pem", certificate.pem.as_str()), ("key.pem", &certificate.key_pem)];
    let running = Running::start_in(&text, &files).await;
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate.der.clone()).unwrap();
    let mut config = rustls::ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let stream = TcpStream::connect(running.address).await.unwrap();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let stream = connector.connect("localhost".try_into().unwrap(), stream).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
    tokio::spawn(connection);
    let mut request = running.signed("GET", "/prod/a", &[], "").map(Full::new);
    *request.version_mut() = Version::HTTP_2;
    // HTTP/2 has `:authority` in the place of the header that was signed.
    request.headers_mut().remove("host");
    let uri = format!("https://{}/prod/a", running.address);
    *request.uri_mut() = uri.parse().unwrap();
    let response = sender.send_request(request).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "ok");
    let line = &running.log(1).await[0];
    assert_eq!(line["protocol"], "HTTP/2.0");
    assert_eq!(upstream.seen().len(), 1);
}

/// Reads up to the end of a head.
async fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

/// An upstream that changes to a protocol in which it says everything back, in capitals, until its
/// caller has said enough. What it gives is the head of the request.
async fn shouting() -> (String, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let upstream = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let head = head(&mut stream).await;
        let answer = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                      sec-websocket-accept: x\r\n\r\n";
        stream.write_all(answer.as_bytes()).await.unwrap();
        let mut bytes = [0; 5];
        while stream.read_exact(&mut bytes).await.is_ok() {
            stream.write_all(&bytes.to_ascii_uppercase()).await.unwrap();
        }
        head
    });
    (url, upstream)
}

/// A connection by which a WebSocket was asked for, and the head of the answer.
async fn ask_for_websocket(running: &Running) -> (TcpStream, String) {
    let headers = [("connection", "Upgrade"), ("upgrade", "websocket"), ("sec-websocket-key", "x")];
    let request = running.signed("GET", "/prod/socket", &headers, "");
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    let mut text = "GET /prod/socket HTTP/1.1\r\n".to_owned();
    for (name, value) in request.headers() {
        text.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap()));
    }
    stream.write_all(format!("{text}\r\n").as_bytes()).await.unwrap();
    let answer = head(&mut stream).await;
    (stream, answer)
}

/// A connection of which the gateway has let the protocol be changed.
async fn websocket(running: &Running) -> TcpStream {
    let (stream, answer) = ask_for_websocket(running).await;
    assert!(answer.starts_with("HTTP/1.1 101"), "{answer}");
    stream
}

async fn check_shouts(stream: &mut TcpStream) {
    stream.write_all(b"hello").await.unwrap();
    let mut said = [0; 5];
    stream.read_exact(&mut said).await.unwrap();
    assert_eq!(&said, b"HELLO");
}

#[tokio::test]
async fn a_websocket_passes_through_once_it_is_allowed() {
    let (url, upstream) = shouting().await;
    let running = Running::start(&manifest(&url, "", CREDENTIAL)).await;
    let mut stream = websocket(&running).await;
    check_shouts(&mut stream).await;
    drop(stream);
    let seen = upstream.await.unwrap().to_lowercase();
    assert!(seen.contains("authorization: bearer ghp_vanilla-strawberry"), "{seen}");
    assert_eq!(running.log(1).await[0]["status"], "101");
}

#[tokio::test]
async fn a_websocket_may_be_silent() {
    let (url, _upstream) = shouting().await;
    let limits = "[gateway]\nlimits = { headTimeoutMs = 100 }";
    let text = manifest(&url, "", CREDENTIAL).replace("[gateway]", limits);
    let running = Running::start(&text).await;
    let mut stream = websocket(&running).await;
    tokio::time::sleep(Duration::from_millis(400)).await;
    check_shouts(&mut stream).await;
}

#[tokio::test]
async fn a_route_that_searches_bodies_opens_no_websocket() {
    let upstream = Upstream::start(|_| Response::new(Bytes::new())).await;
    let url = format!("http://{}", upstream.address);
    let running = Running::start(&manifest(&url, "scrubBody = true", CREDENTIAL)).await;
    let (_stream, answer) = ask_for_websocket(&running).await;
    assert!(answer.starts_with("HTTP/1.1 501"), "{answer}");
    assert!(upstream.seen().is_empty());
    let line = &running.log(1).await[0];
    assert_eq!((&line["status"], &line["decision"]), (&"501".into(), &"allowed".into()));
}

#[tokio::test]
async fn a_websocket_may_come_to_its_end_when_the_gateway_stops() {
    let (url, _upstream) = shouting().await;
    let running = Running::start(&manifest(&url, "", CREDENTIAL)).await;
    let (address, mut stream) = (running.address, websocket(&running).await);
    let stopping = tokio::spawn(running.stop());
    // Nobody is let in any more, and whoever is in goes on.
    while TcpStream::connect(address).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    check_shouts(&mut stream).await;
    assert!(!stopping.is_finished());
    drop(stream);
    assert!(stopping.await.unwrap(), "it came to its end");
}

#[tokio::test]
async fn a_websocket_that_does_not_end_is_cut_off() {
    let (url, _upstream) = shouting().await;
    let limits = "[gateway]\nlimits = { drainTimeoutMs = 200 }";
    let text = manifest(&url, "", CREDENTIAL).replace("[gateway]", limits);
    let running = Running::start(&text).await;
    let mut stream = websocket(&running).await;
    assert!(!running.stop().await);
    let mut rest = Vec::new();
    let closed = stream.read_to_end(&mut rest);
    tokio::time::timeout(PATIENCE, closed).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_request_that_does_not_end_is_cut_off_and_has_its_line() {
    let upstream = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", upstream.local_addr().unwrap());
    let limits = "[gateway]\nlimits = { drainTimeoutMs = 200 }";
    let text = manifest(&url, "", CREDENTIAL).replace("[gateway]", limits);
    let running = Running::start(&text).await;
    let request = running.signed("GET", "/prod/a", &[], "").map(Full::new);
    let client = Client::builder(TokioExecutor::new()).build_http();
    let answered = tokio::spawn(client.request(request));
    let (_held, _) = upstream.accept().await.unwrap();
    let log = running.log.clone();
    assert!(!running.stop().await);
    let answered = tokio::time::timeout(PATIENCE, answered).await.unwrap();
    assert!(answered.unwrap().is_err());
    assert_eq!(log.lines().len(), 1);
}

#[tokio::test]
async fn what_is_no_request_is_counted() {
    let upstream = Upstream::start(|_: &Seen| Response::new(Bytes::new())).await;
    let url = format!("http://{}", upstream.address);
    let running = Running::start(&manifest(&url, "", CREDENTIAL)).await;
    let sent: [(&[u8], &str); 3] = [
        (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", "malformed"),
        (b"GET  /prod/a HTTP/1.1\r\n\r\n", "malformed"),
        (b"GET /prod/a HTTP/1.1\r\nhost: a", "incomplete"),
    ];
    for (bytes, _) in sent {
        let mut stream = TcpStream::connect(running.address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
    }
    let line = |reason: &str, count: usize| {
        format!("tollgate_unread_total{{reason=\"{reason}\"}} {count}")
    };
    let mut page = String::new();
    for _ in 0..200 {
        page = running.page("/metrics").await.body;
        if page.contains(&line("malformed", 2)) && page.contains(&line("incomplete", 1)) {
            assert!(upstream.seen().is_empty());
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{page}");
}

#[tokio::test]
async fn a_body_that_nobody_signs_streams_where_nobody_has_to_sign() {
    let upstream = Upstream::start(|_: &Seen| Response::new(Bytes::from_static(b"ok"))).await;
    let url = format!("http://{}", upstream.address);
    let route = "authorization = \"NONE\"\nbodyBytesMax = 10";
    let text = manifest(&url, route, CREDENTIAL).replace(
        "stages = [\"prod\"]",
        "stages = [\"prod\"]\nresourcePolicy = \"policies/open.json\"",
    );
    let open = "{\"Version\": \"2012-10-17\", \"Statement\": {\"Effect\": \"Allow\", \
                \"Principal\": \"*\", \"Action\": \"execute-api:Invoke\", \"Resource\": \"*\"}}";
    let running = Running::start_in(&text, &[("policies/open.json", open)]).await;
    let uri = format!("http://{}/prod/a", running.address);
    let post = |body| Request::post(&uri).body(Bytes::from_static(body)).unwrap();
    assert_eq!(running.send(post(b"short")).await.status, 200);
    assert_eq!(running.send(post(b"much too long")).await.status, 413);
    assert_eq!(upstream.seen().len(), 1);
    assert_eq!(running.log(1).await[0]["userArn"], "-");
}

#[tokio::test]
async fn a_host_without_a_port_is_meant_on_any() {
    let upstream = Upstream::start(|_: &Seen| Response::new(Bytes::from_static(b"ok"))).await;
    let url = format!("http://{}", upstream.address);
    let hosts = "hosts = { \"any.example.com\" = \"prod\", \"one.example.com:81\" = \"prod\" }";
    let api = format!("stages = [\"prod\"]\nresourcePolicy = \"policies/open.json\"\n{hosts}");
    let text =
        manifest(&url, "authorization = \"NONE\"", CREDENTIAL).replace("stages = [\"prod\"]", &api);
    let open = "{\"Version\": \"2012-10-17\", \"Statement\": {\"Effect\": \"Allow\", \
                \"Principal\": \"*\", \"Action\": \"execute-api:Invoke\", \"Resource\": \"*\"}}";
    let running = Running::start_in(&text, &[("policies/open.json", open)]).await;
    for (host, status) in [
        ("any.example.com", 200),
        ("any.example.com:80", 200),
        ("ANY.example.com:28180", 200),
        ("one.example.com:81", 200),
        ("one.example.com", 403),
        ("one.example.com:80", 403),
        ("other.example.com:80", 403),
    ] {
        let request = Request::get(format!("http://{}/a", running.address)).header("host", host);
        let answer = running.send(request.body(Bytes::new()).unwrap()).await;
        assert_eq!(answer.status, status, "{host}");
    }
}

#[tokio::test]
async fn a_secret_in_an_answer_is_overwritten() {
    let upstream = Upstream::start(|seen: &Seen| {
        let echoed = seen.headers["authorization"].clone();
        let body = Bytes::from(format!("you sent {}", echoed.to_str().unwrap()));
        let answer = Response::builder().header("x-ratelimit-resource", echoed.clone());
        answer.header("x-echo", echoed).body(body).unwrap()
    })
    .await;
    let url = format!("http://{}", upstream.address);
    let running = Running::start(&manifest(&url, "scrubBody = true", CREDENTIAL)).await;
    let answer = running.call("GET", "/prod/a").await;
    let stars = "*".repeat(crate::support::SECRET.len());
    assert_eq!(running.log(1).await[0]["rlResource"], format!("Bearer {stars}"));
    assert_eq!(answer.header("x-echo"), format!("Bearer {stars}"));
    assert_eq!(answer.body, format!("you sent Bearer {stars}"));
}

#[tokio::test]
async fn a_secret_is_overwritten_however_the_upstream_writes_it() {
    const SECRET: &str = "SEKRIT/ab+cd&ef/gh==";
    const WAYS: [&str; 5] = [
        r"SEKRIT\/ab+cd&ef\/gh==",
        r"SEKRIT/ab+cd\u0026ef/gh==",
        "SEKRIT/ab+cd&amp;ef/gh==",
        "SEKRIT/ab%2Bcd%26ef/gh%3D%3D",
        r"SEKRIT\u002fab\u002bcd\u0026ef\u002fgh\u003d\u003d",
    ];
    let upstream = Upstream::start(|_: &Seen| {
        let mut answer = Response::builder();
        for way in WAYS {
            answer = answer.header("x-echo", way);
        }
        answer.body(Bytes::from(WAYS.join("\n"))).unwrap()
    })
    .await;
    let url = format!("http://{}", upstream.address);
    let text = manifest(&url, "scrubBody = true", CREDENTIAL);
    let running = Running::start_in(&text, &[("secret", SECRET)]).await;
    let answer = running.call("GET", "/prod/a").await;
    let stars = WAYS.map(|way| "*".repeat(way.len()));
    assert_eq!(answer.body, stars.join("\n"));
    let told: Vec<_> = answer.headers.get_all("x-echo").iter().collect();
    assert_eq!(told, stars.each_ref());
}

#[tokio::test]
async fn a_body_that_is_searched_cannot_be_had_in_parts() {
    let upstream = Upstream::start(|seen: &Seen| {
        let is_part = seen.headers.contains_key("range");
        let secret = crate::support::SECRET;
        let body = if is_part { &secret[..3] } else { secret };
        Response::builder().status(if is_part { 206 } else { 200 }).body(Bytes::from(body)).unwrap()
    })
    .await;
    let url = format!("http://{}", upstream.address);
    let headers = [("range", "bytes=0-2"), ("if-range", "\"a\"")];
    let text = manifest(&url, "scrubBody = true", CREDENTIAL);
    let running = Running::start(&text).await;
    let request = signed(running.address, "GET", "/prod/a", &headers, "");
    let answer = running.send(request).await;
    let stars = "*".repeat(crate::support::SECRET.len());
    assert_eq!((answer.status, answer.body), (200, stars));
    assert!(!upstream.seen()[0].headers.contains_key("if-range"));
}

#[tokio::test]
async fn a_body_that_cannot_be_searched_is_not_passed_on() {
    let upstream = Upstream::start(|seen: &Seen| {
        assert_eq!(seen.headers["accept-encoding"], "identity");
        let coding = if seen.target.ends_with("plain") { "identity" } else { "gzip" };
        let answer = Response::builder().header("content-encoding", coding);
        let body = if seen.target.ends_with("empty") { "" } else { crate::support::SECRET };
        answer.body(Bytes::from(body)).unwrap()
    })
    .await;
    let url = format!("http://{}", upstream.address);
    let running = Running::start(&manifest(&url, "scrubBody = true", CREDENTIAL)).await;
    let answer = running.call("GET", "/prod/packed").await;
    assert_eq!((answer.status, answer.body.contains("vanilla")), (502, false));
    assert_eq!(running.call("GET", "/prod/plain").await.status, 200);
    assert_eq!(running.call("GET", "/prod/empty").await.status, 200);
}
