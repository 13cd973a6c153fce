//! Requests that would keep the gateway busy, or full.

use std::time::Duration;

use bytes::Bytes;
use http::Response;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::{Attacked, raw};
use crate::support::Seen;

async fn start(limits: &str) -> Attacked {
    start_with(|_| Response::new(Bytes::new()), limits).await
}

async fn start_with(
    answering: impl Fn(&Seen) -> Response<Bytes> + Send + Sync + 'static,
    limits: &str,
) -> Attacked {
    let limits = format!("[gateway]\nlimits = {{ {limits} }}");
    Attacked::start_with(answering, |manifest| manifest.replace("[gateway]", &limits)).await
}

/// Connections that never finish their heads are closed, and make way for others.
#[tokio::test]
async fn slow_heads() {
    let attacked = start("connectionsMax = 4, headTimeoutMs = 200").await;
    let mut slow = Vec::new();
    for _ in 0..4 {
        let mut stream = TcpStream::connect(attacked.gateway.address).await.unwrap();
        stream.write_all(b"GET /prod/data/x HTTP/1.1\r\nhost: a\r\n").await.unwrap();
        slow.push(stream);
    }
    let request = raw::signed_get(&attacked.host(), "/prod/data/x");
    assert_eq!(raw::talk(attacked.gateway.address, &request).await[0].status, 200);
    for mut stream in slow {
        raw::read_to_end(&mut stream).await;
    }
    attacked.settle().await;
}

#[tokio::test]
async fn slow_bodies() {
    let attacked = start("bodyTimeoutMs = 200").await;
    let request =
        raw::signed(&raw::Caller::ana(), &attacked.host(), "POST", "/prod/data/x", b"abc", &[]);
    let mut stream = TcpStream::connect(attacked.gateway.address).await.unwrap();
    stream.write_all(&request[..request.len() - 1]).await.unwrap();
    let answers = raw::answers(&raw::read_to_end(&mut stream).await);
    assert_eq!(answers[0].status, 408);
    assert!(attacked.upstream.seen().is_empty());
    attacked.settle().await;
}

/// A connection whose caller takes nothing of its answers is closed, and makes way for others.
#[tokio::test]
async fn slow_readers() {
    let answering = |seen: &Seen| match seen.target.as_str() {
        // More than the sockets between hold.
        "/data/large" => Response::new(Bytes::from(vec![b'a'; 64 << 20])),
        _ => Response::new(Bytes::new()),
    };
    let attacked = start_with(answering, "connectionsMax = 1, bodyTimeoutMs = 200").await;
    let mut slow = TcpStream::connect(attacked.gateway.address).await.unwrap();
    slow.write_all(&raw::signed_get(&attacked.host(), "/prod/data/large")).await.unwrap();
    let request = raw::signed_get(&attacked.host(), "/prod/data/x");
    assert_eq!(raw::talk(attacked.gateway.address, &request).await[0].status, 200);
    attacked.settle().await;
}

#[tokio::test]
async fn large_bodies() {
    let attacked = start("bodyBytesMax = 8").await;
    let (address, host) = (attacked.gateway.address, attacked.host());
    let ana = raw::Caller::ana();
    for (body, status) in [(b"12345678".as_slice(), 200), (b"123456789", 413)] {
        let lines = ["connection: close"];
        let request = raw::signed(&ana, &host, "POST", "/prod/data/x", body, &lines);
        assert_eq!(raw::talk(address, &request).await[0].status, status);
    }
    // Nor in chunks, which do not say in advance how many there will be.
    let lines = ["transfer-encoding: chunked", "connection: close"];
    let mut request = raw::signed(&ana, &host, "POST", "/prod/data/x", b"", &lines);
    request.extend_from_slice(b"5\r\n12345\r\n5\r\n12345\r\n0\r\n\r\n");
    assert_eq!(raw::talk(address, &request).await[0].status, 413);
    assert_eq!(attacked.upstream.seen().len(), 1);
    attacked.settle().await;
}

#[tokio::test]
async fn many_and_large_headers() {
    let attacked = start("headersMax = 20, headBytesMax = 16384").await;
    let many: Vec<String> = (0..20).map(|number| format!("a{number}: b")).collect();
    let large = vec![format!("a: {}", "b".repeat(20_000))];
    let endless = vec![format!("a: {}", "b".repeat(3_000_000))];
    for lines in [many, large, endless] {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let request =
            raw::signed(&raw::Caller::ana(), &attacked.host(), "GET", "/prod/data/x", b"", &lines);
        let answers = raw::talk(attacked.gateway.address, &request).await;
        // Whoever still sends may be cut off before it has read the answer.
        assert!(answers.iter().all(|answer| answer.status == 431), "{answers:?}");
    }
    assert!(attacked.upstream.seen().is_empty());
    attacked.settle().await;
}

/// A pattern of many stars against a path that almost matches, many times.
#[tokio::test]
async fn patterns_that_blow_up() {
    let attacked = Attacked::start().await;
    let stars = format!("arn:aws:execute-api:*:*:*/prod/GET/{}b", "*a".repeat(500));
    attacked.gateway.write(
        "policies/data.json",
        &format!(
            r#"{{"Version": "2012-10-17", "Statement": {{"Effect": "Allow",
                "Action": "execute-api:*", "Resource": "{stars}"}}}}"#
        ),
    );
    attacked.gateway.reload().await.unwrap();
    for _ in 0..20 {
        let target = format!("/prod/{}", "a".repeat(4000));
        let request = raw::signed_get(&attacked.host(), &target);
        assert_eq!(raw::talk(attacked.gateway.address, &request).await[0].status, 403);
    }
    attacked.settle().await;
}

/// Callers that connect and say nothing do not keep a gateway from stopping.
#[tokio::test]
async fn silence() {
    let attacked = start("drainTimeoutMs = 5000").await;
    let silent = TcpStream::connect(attacked.gateway.address).await.unwrap();
    let request = raw::signed_get(&attacked.host(), "/prod/data/x");
    assert_eq!(raw::talk(attacked.gateway.address, &request).await[0].status, 200);
    let stopped = tokio::time::timeout(Duration::from_secs(20), attacked.gateway.stop()).await;
    assert!(stopped.is_ok());
    drop(silent);
}
