//! What HTTP/2 can say and HTTP/1 cannot, as frames (RFC 9113 §4, RFC 7541 §6.2).

use std::collections::BTreeSet;

use bytes::Bytes;
use http::Response;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::{Attacked, raw};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = length[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// Headers as literals that no table remembers.
fn block(headers: &[(&str, &str)]) -> Vec<u8> {
    let text = |bytes: &mut Vec<u8>, text: &str| {
        match text.len() {
            length @ 0..127 => bytes.push(u8::try_from(length).unwrap()),
            length => {
                bytes.push(127);
                let mut rest = length - 127;
                while rest >= 128 {
                    bytes.push(u8::try_from(rest % 128).unwrap() | 128);
                    rest /= 128;
                }
                bytes.push(u8::try_from(rest).unwrap());
            }
        }
        bytes.extend_from_slice(text.as_bytes());
    };
    let mut bytes = Vec::new();
    for (name, value) in headers {
        bytes.push(0);
        text(&mut bytes, name);
        text(&mut bytes, value);
    }
    bytes
}

/// A signed request for `path`, and more headers.
fn request(host: &str, path: &str, more: &[(&str, &str)]) -> Vec<u8> {
    request_for(host, path, path, more)
}

/// A request for `path` whose signature is for `signed`.
fn request_for(host: &str, path: &str, signed: &str, more: &[(&str, &str)]) -> Vec<u8> {
    let signing = raw::Signing { method: "GET", target: signed, host, body: b"", age_s: 0 };
    let auth = signing.headers(&raw::Caller::ana());
    let mut headers =
        vec![(":method", "GET"), (":scheme", "http"), (":authority", host), (":path", path)];
    headers.extend(auth.iter().map(|line| line.split_once(": ").unwrap()));
    headers.extend(more);
    block(&headers)
}

/// The kinds of the frames that come back, of the streams that matter and of the connection, until
/// it is closed or until stream 1 has ended.
async fn talk(attacked: &Attacked, frames: &[Vec<u8>]) -> BTreeSet<u8> {
    let mut stream = TcpStream::connect(attacked.gateway.address).await.unwrap();
    let start = [PREFACE, &frame(SETTINGS, 0, 0, b"")].concat();
    // What the gateway closes cannot be written to.
    let _ = stream.write_all(&start).await;
    let _ = stream.write_all(&frames.concat()).await;
    let is_over = |kind: u8, flags: u8, number: u32| match kind {
        GOAWAY => true,
        RST_STREAM => number == 1,
        HEADERS | DATA => number == 1 && flags & END_STREAM != 0,
        _ => false,
    };
    let mut kinds = BTreeSet::new();
    while let Some((kind, flags, number)) = raw::next_frame(&mut stream).await {
        kinds.insert(kind);
        if is_over(kind, flags, number) {
            break;
        }
    }
    kinds
}

const WHOLE: u8 = END_STREAM | END_HEADERS;

/// What the upstream saw of a request with these headers.
async fn seen(path: &str, more: &[(&str, &str)]) -> Vec<String> {
    let attacked = Attacked::start().await;
    let block = request(&attacked.host(), path, more);
    talk(&attacked, &[frame(HEADERS, WHOLE, 1, &block)]).await;
    let seen = attacked.upstream.seen();
    attacked.settle().await;
    seen.iter()
        .map(|seen| format!("{} {}", seen.target, super::headers(std::slice::from_ref(seen))))
        .collect()
}

#[tokio::test]
async fn a_request() {
    let seen = seen("/prod/data/x", &[("x-other", "1")]).await;
    assert!(seen[0].starts_with("/data/x ") && seen[0].contains("x-other: 1"), "{seen:?}");
}

/// HTTP/1 has one line of cookies (RFC 9113 §8.2.3).
#[tokio::test]
async fn cookies_in_crumbs() {
    let seen = seen("/prod/data/x", &[("cookie", "a=1"), ("cookie", "b=2")]).await;
    assert!(seen[0].contains("cookie: a=1; b=2"), "{seen:?}");
}

/// In HTTP/2 a value may have any bytes on the wire; in HTTP/1 these would begin another header.
#[tokio::test]
async fn line_ends_in_headers() {
    let nothing: Vec<String> = Vec::new();
    for value in ["a\r\nx-evil: 1", "a\nx-evil: 1", "a\rx-evil: 1", "a\0b"] {
        assert_eq!(seen("/prod/data/x", &[("x-other", value)]).await, nothing, "{value:?}");
    }
    for name in ["x\r\nx-evil", "x-other: 1\r\nx-evil", "x evil", "X-Evil", ""] {
        assert_eq!(seen("/prod/data/x", &[(name, "1")]).await, nothing, "{name:?}");
    }
    for path in ["/prod/data/x HTTP/1.1\r\nx-evil: 1", "/prod/data/x\n", "prod/data/x", ""] {
        let attacked = Attacked::start().await;
        let block = request_for(&attacked.host(), path, "/prod/data/x", &[]);
        talk(&attacked, &[frame(HEADERS, WHOLE, 1, &block)]).await;
        assert!(attacked.upstream.seen().is_empty(), "{path:?}");
        attacked.settle().await;
    }
}

/// HTTP/2 says by itself where a body ends (RFC 9113 §8.2.2).
#[tokio::test]
async fn lengths_and_connections() {
    let nothing: Vec<String> = Vec::new();
    for header in [
        ("transfer-encoding", "chunked"),
        ("connection", "close"),
        ("keep-alive", "1"),
        ("upgrade", "h2c"),
        ("content-length", "5"),
        ("te", "chunked"),
    ] {
        assert_eq!(seen("/prod/data/x", &[header]).await, nothing, "{header:?}");
    }
}

#[tokio::test]
async fn hosts_that_disagree() {
    let nothing: Vec<String> = Vec::new();
    assert_eq!(seen("/prod/data/x", &[("host", "evil.example")]).await, nothing);
    assert_eq!(seen("/prod/data/x", &[(":authority", "evil.example")]).await, nothing);
    assert_eq!(seen("/prod/data/x", &[("x-other", "1"), (":path", "/prod/admin")]).await, nothing);
}

#[tokio::test]
async fn paths() {
    let nothing: Vec<String> = Vec::new();
    assert_eq!(seen("/prod/data/%2e%2e/admin", &[]).await, nothing);
    assert_eq!(seen("/prod/data//x", &[]).await, nothing);
    // hyper does not tell of a fragment; nobody behind it learns of one either.
    let attacked = Attacked::start().await;
    let fragment = "/prod/data/x#/../../admin";
    let block = request_for(&attacked.host(), fragment, "/prod/data/x", &[]);
    talk(&attacked, &[frame(HEADERS, WHOLE, 1, &block)]).await;
    let seen = attacked.upstream.seen();
    assert!(seen.iter().all(|seen| seen.target == "/data/x"), "{seen:?}");
    attacked.settle().await;
}

/// Trailers are headers that nobody has signed.
#[tokio::test]
async fn trailers() {
    let attacked = Attacked::start().await;
    let block_of = request(&attacked.host(), "/prod/data/x", &[]);
    let trailers = block(&[("authorization", "evil"), ("x-evil", "1")]);
    let frames = [frame(HEADERS, END_HEADERS, 1, &block_of), frame(HEADERS, WHOLE, 1, &trailers)];
    talk(&attacked, &frames).await;
    let seen = attacked.upstream.seen();
    assert!(!super::headers(&seen).contains("evil"), "{seen:?}");
    attacked.settle().await;
}

/// Requests that are taken back as soon as they are made (CVE-2023-44487).
#[tokio::test]
async fn rapid_resets() {
    let attacked = Attacked::start().await;
    let host = attacked.host();
    let block = request(&host, "/prod/data/x", &[]);
    let frames: Vec<Vec<u8>> = (0..2000)
        .flat_map(|number| {
            let cancel = 8u32.to_be_bytes();
            let headers = frame(HEADERS, WHOLE, 2 * number + 3, &block);
            [headers, frame(RST_STREAM, 0, 2 * number + 3, &cancel)]
        })
        .collect();
    assert!(talk(&attacked, &frames).await.contains(&GOAWAY));
    let request = raw::signed_get(&host, "/prod/data/x");
    assert_eq!(raw::talk(attacked.gateway.address, &request).await[0].status, 200);
    attacked.gateway.stop().await;
}

/// A head that never ends (CVE-2024-27316).
#[tokio::test]
async fn endless_heads() {
    let attacked = Attacked::start().await;
    let mut frames = vec![frame(HEADERS, END_STREAM, 1, &block(&[("a", "b")]))];
    let more = block(&[("x-other", &"b".repeat(1000))]);
    frames.extend((0..5000).map(|_| frame(CONTINUATION, 0, 1, &more)));
    let kinds = talk(&attacked, &frames).await;
    assert!(!kinds.contains(&HEADERS), "{kinds:?}");
    assert!(attacked.upstream.seen().is_empty());
    attacked.settle().await;
}

/// Some callers take a stream that is reset behind its answer for one without an answer.
#[tokio::test]
async fn answers_before_a_body_has_arrived() {
    let attacked = Attacked::start().await;
    let host = attacked.host();
    let headers = [(":method", "POST"), (":scheme", "http"), (":authority", &host)];
    let headers = [&headers[..], &[(":path", "/prod/data/x")]].concat();
    let mut stream = TcpStream::connect(attacked.gateway.address).await.unwrap();
    let head = frame(HEADERS, END_HEADERS, 1, &block(&headers));
    let start = [PREFACE, &frame(SETTINGS, 0, 0, b""), &head].concat();
    stream.write_all(&start).await.unwrap();
    let mut kinds = Vec::new();
    while let Some((kind, flags, number)) = raw::next_frame(&mut stream).await {
        kinds.push((kind, number));
        if (kind, number) == (DATA, 1) && flags & END_STREAM != 0 {
            break;
        }
    }
    let body = frame(DATA, END_STREAM, 1, b"hello");
    stream.write_all(&[body, frame(PING, 0, 0, &[0; 8])].concat()).await.unwrap();
    while let Some((kind, _, number)) = raw::next_frame(&mut stream).await {
        kinds.push((kind, number));
        if kind == PING {
            break;
        }
    }
    assert!(kinds.contains(&(HEADERS, 1)), "{kinds:?}");
    assert!(!kinds.contains(&(RST_STREAM, 1)), "{kinds:?}");
    attacked.settle().await;
}

/// A request that meets the end of its connection on the way is answered.
#[tokio::test]
async fn requests_at_the_end_of_idleness() {
    let limits = "[gateway]\nlimits = { headTimeoutMs = 1000 }";
    let attacked = Attacked::start_with(
        |_| Response::new(Bytes::new()),
        |manifest| manifest.replace("[gateway]", limits),
    )
    .await;
    let mut stream = TcpStream::connect(attacked.gateway.address).await.unwrap();
    stream.write_all(&[PREFACE, &frame(SETTINGS, 0, 0, b"")].concat()).await.unwrap();
    while raw::next_frame(&mut stream).await.unwrap().0 != GOAWAY {}
    let block = request(&attacked.host(), "/prod/data/x", &[]);
    stream.write_all(&frame(HEADERS, WHOLE, 1, &block)).await.unwrap();
    while raw::next_frame(&mut stream).await.expect("an answer").0 != HEADERS {}
    assert_eq!(attacked.upstream.seen().len(), 1);
    attacked.settle().await;
}
