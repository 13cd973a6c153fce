//! Connections by which nothing is asked.

use std::time::Duration;

use http::Request;
use http_body_util::{BodyExt, Full};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::attacks::raw::{self, Caller, PATIENCE};
use crate::attacks::start_gateway;
use crate::chaos::Scripted;
use crate::support::Running;

/// A gateway whose upstream takes a second for the last byte of an answer.
async fn start(limits: &str) -> Running {
    let slow = |mut stream: TcpStream| async move {
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\na").await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        stream.write_all(b"b").await.unwrap();
    };
    let upstream = Scripted::start(slow).await;
    let limits = format!("[gateway]\nlimits = {{ {limits} }}");
    start_gateway(&upstream.address, |manifest| manifest.replace("[gateway]", &limits)).await
}

/// That one who asks has a place.
async fn check_has_place(gateway: &Running) {
    let request = raw::signed_get(&gateway.address.to_string(), "/prod/data/x");
    assert_eq!(raw::talk(gateway.address, &request).await[0].status, 200);
}

/// Nobody signed it, so it is refused at once.
fn unsigned(gateway: &Running) -> Request<Full<bytes::Bytes>> {
    let uri = format!("http://{}/prod/data/x", gateway.address);
    Request::get(uri).body(Full::default()).unwrap()
}

#[tokio::test]
async fn a_connection_of_http_2_is_closed_although_it_answers_pings() {
    let gateway = start("connectionsMax = 1, headTimeoutMs = 200").await;
    let (_sender, connection) = raw::http2(gateway.address).await;
    let closed = tokio::time::timeout(PATIENCE, connection).await;
    closed.expect("it is closed").expect("in no error");
    check_has_place(&gateway).await;
}

#[tokio::test]
async fn a_connection_of_http_2_is_closed_after_its_requests() {
    let gateway = start("connectionsMax = 1, headTimeoutMs = 200").await;
    let (mut sender, connection) = raw::http2(gateway.address).await;
    let connection = tokio::spawn(connection);
    assert_eq!(sender.send_request(unsigned(&gateway)).await.unwrap().status(), 403);
    let closed = tokio::time::timeout(PATIENCE, connection).await;
    closed.expect("it is closed").unwrap().expect("in no error");
    check_has_place(&gateway).await;
}

#[tokio::test]
async fn a_connection_is_closed_by_which_nothing_arrives() {
    let gateway = start("connectionsMax = 1, headTimeoutMs = 200").await;
    let mut silent = TcpStream::connect(gateway.address).await.unwrap();
    assert_eq!(raw::read_to_end(&mut silent).await, b"");
    check_has_place(&gateway).await;
}

#[tokio::test]
async fn a_connection_with_a_request_under_way_is_not_idle() {
    let gateway = start("headTimeoutMs = 200").await;
    let host = gateway.address.to_string();
    let (mut sender, connection) = raw::http2(gateway.address).await;
    tokio::spawn(connection);
    let answer = sender.send_request(raw::http2_get(&host, "/prod/data/x")).await.unwrap();
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "ab");
    assert_eq!(sender.send_request(unsigned(&gateway)).await.unwrap().status(), 403);

    let first = raw::signed(&Caller::ana(), &host, "GET", "/prod/data/x", b"", &[]);
    let second = format!("GET /prod/data/x HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    let answers = raw::talk(gateway.address, &[&first, second.as_bytes()].concat()).await;
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [200, 403]);
}

#[tokio::test]
async fn a_connection_that_asks_again_in_time_is_not_idle() {
    let gateway = start("headTimeoutMs = 1000").await;
    let (mut sender, connection) = raw::http2(gateway.address).await;
    tokio::spawn(connection);
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_millis(250)).await;
        assert_eq!(sender.send_request(unsigned(&gateway)).await.unwrap().status(), 403);
    }
}
