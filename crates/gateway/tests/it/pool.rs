//! Connections to an upstream: kept for the next request, unless they are no use to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::attacks::raw::{self, Caller};
use crate::attacks::start_gateway;

/// Answers to requests of one caller's connection; how many connections to the upstream they took,
/// one after the other.
async fn connections_for(answers: &'static [&'static str], is_closed_after_each: bool) -> usize {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let connections = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&connections);
    tokio::spawn(async move {
        let mut answers = answers.iter();
        while let Ok((mut stream, _)) = listener.accept().await {
            counter.fetch_add(1, Ordering::SeqCst);
            while raw::read_head(&mut stream).await {
                stream.write_all(answers.next().unwrap().as_bytes()).await.unwrap();
                if is_closed_after_each {
                    break;
                }
            }
        }
    });
    let gateway = start_gateway(&address, |manifest| manifest).await;
    let host = gateway.address.to_string();
    let request = |lines| raw::signed(&Caller::ana(), &host, "GET", "/prod/data/x", b"", lines);
    let mut requests = request(&[]).repeat(answers.len() - 1);
    requests.extend(request(&["connection: close"]));
    let answered = raw::talk(gateway.address, &requests).await;
    let statuses: Vec<u16> = answered.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, vec![200; answers.len()]);
    assert!(gateway.stop().await);
    connections.load(Ordering::SeqCst)
}

const WHOLE: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const CHUNKED: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
const LAST: &str = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok";

#[tokio::test]
async fn a_connection_is_kept_for_the_next_request() {
    assert_eq!(connections_for(&[WHOLE, CHUNKED, WHOLE, CHUNKED, CHUNKED, WHOLE], false).await, 1);
}

/// Each but the last answer says that its connection ends. Without that, a request that is sent in the
/// same moment may be lost, and nobody could say whether it was served.
#[tokio::test]
async fn a_connection_that_ends_takes_no_other_request() {
    assert_eq!(connections_for(&[LAST, WHOLE], true).await, 2);
    assert_eq!(connections_for(&[LAST, LAST, CHUNKED], true).await, 3);
}

/// Without having said so: the next request goes by a new one as soon as that is seen.
#[tokio::test]
async fn a_connection_that_ended_while_it_waited_takes_no_other_request() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (closed, mut closes) = mpsc::channel(1);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            assert!(raw::read_head(&mut stream).await);
            stream.write_all(WHOLE.as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
            // The gateway closes its end once it has seen that.
            raw::read_to_end(&mut stream).await;
            closed.send(()).await.unwrap();
        }
    });
    let gateway = start_gateway(&address, |manifest| manifest).await;
    let host = gateway.address.to_string();
    let request = raw::signed(&Caller::ana(), &host, "GET", "/prod/data/x", b"", &[]);
    let mut stream = TcpStream::connect(gateway.address).await.unwrap();
    for _ in 0..3 {
        stream.write_all(&request).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\nok") {
            answer.push(stream.read_u8().await.unwrap());
        }
        assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
        closes.recv().await.unwrap();
    }
}
