//! Upstreams and callers that misbehave, and changes while there is work: every request has its line
//! in the log, and none reaches an upstream that was not allowed to.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tollgate_gateway::{Extension, Internal, InternalAnswer, InternalCall, Surroundings};

use crate::attacks::raw::{self, Answer, Caller};
use crate::attacks::start_gateway;
use crate::support::{Running, Seen, Upstream, manifest, surroundings};

/// An upstream that does with each connection what it is told, once it has read a head.
pub(crate) struct Scripted {
    pub(crate) address: String,
    heads: Arc<AtomicUsize>,
}

impl Scripted {
    pub(crate) async fn start<F>(script: impl Fn(TcpStream) -> F + Send + 'static) -> Scripted
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let heads = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&heads);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                if raw::read_head(&mut stream).await {
                    counter.fetch_add(1, Ordering::SeqCst);
                    tokio::spawn(script(stream));
                }
            }
        });
        Scripted { address, heads }
    }
}

async fn get(gateway: &Running, target: &str) -> Vec<Answer> {
    let request = raw::signed_get(&gateway.address.to_string(), target);
    raw::talk(gateway.address, &request).await
}

/// What a caller is told, and what the log tells, when the upstream does this.
async fn check<F>(script: impl Fn(TcpStream) -> F + Send + 'static, status: u16, error_type: &str)
where
    F: Future<Output = ()> + Send + 'static,
{
    let upstream = Scripted::start(script).await;
    let gateway = start_gateway(&upstream.address, |manifest| {
        manifest.replace("network = \"loopback\"", "network = \"loopback\"\ntimeoutMs = 300")
    })
    .await;
    assert_eq!(get(&gateway, "/prod/data/x").await[0].status, status);
    let lines = gateway.log(1).await;
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["status"], status.to_string());
    assert_eq!(lines[0]["errorType"], error_type);
    assert_eq!(lines[0]["decision"], "allowed");
    assert_eq!(upstream.heads.load(Ordering::SeqCst), 1);
    assert!(gateway.stop().await);
}

#[tokio::test]
async fn an_upstream_that_is_slow() {
    let silent = |stream: TcpStream| async move {
        tokio::time::sleep(Duration::from_secs(30)).await;
        drop(stream);
    };
    check(silent, 504, "INTEGRATION_TIMEOUT").await;
}

#[tokio::test]
async fn an_upstream_that_closes_its_half() {
    let half = |mut stream: TcpStream| async move {
        stream.shutdown().await.unwrap();
        // The other half stays open until the gateway closes it.
        let _ = stream.read_to_end(&mut Vec::new()).await;
    };
    check(half, 502, "INTEGRATION_FAILURE").await;
}

#[tokio::test]
async fn an_upstream_that_resets() {
    #[expect(deprecated, reason = "of all ways to reset a connection, tokio has this one")]
    let reset = |stream: TcpStream| async move {
        stream.set_linger(Some(Duration::ZERO)).unwrap();
    };
    check(reset, 502, "INTEGRATION_FAILURE").await;
}

#[tokio::test]
async fn an_upstream_that_answers_in_half() {
    let half = |mut stream: TcpStream| async move {
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-le").await.unwrap();
    };
    check(half, 502, "INTEGRATION_FAILURE").await;
}

#[tokio::test]
async fn an_upstream_that_does_not_speak_http() {
    let other = |mut stream: TcpStream| async move {
        stream.write_all(b"220 mail.example ESMTP\r\n").await.unwrap();
    };
    check(other, 502, "INTEGRATION_FAILURE").await;
}

#[tokio::test]
async fn an_upstream_that_changes_the_protocol_unasked() {
    let unasked = |mut stream: TcpStream| async move {
        let head =
            "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
    };
    check(unasked, 502, "INTEGRATION_FAILURE").await;
}

#[tokio::test]
async fn an_upstream_that_is_not_there() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = nobody.local_addr().unwrap().to_string();
    drop(nobody);
    let gateway = start_gateway(&address, |it| it).await;
    assert_eq!(get(&gateway, "/prod/data/x").await[0].status, 502);
    assert_eq!(gateway.log(1).await[0]["errorType"], "INTEGRATION_FAILURE");
}

#[tokio::test]
async fn an_upstream_that_promises_more_than_it_sends() {
    let upstream = Scripted::start(|mut stream: TcpStream| async move {
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc").await.unwrap();
    })
    .await;
    let gateway = start_gateway(&upstream.address, |it| it).await;
    let request = raw::signed_get(&gateway.address.to_string(), "/prod/data/x");
    let mut caller = TcpStream::connect(gateway.address).await.unwrap();
    caller.write_all(&request).await.unwrap();
    let bytes = String::from_utf8(raw::read_to_end(&mut caller).await).unwrap();
    // The caller sees that something is missing: the length, and the end of the connection.
    assert!(bytes.contains("content-length: 10\r\n") && bytes.ends_with("abc"), "{bytes}");
    let lines = gateway.log(1).await;
    assert_eq!((&lines[0]["status"], &lines[0]["responseLength"]), (&"200".into(), &"3".into()));
    assert_ne!(lines[0]["integrationErrorMessage"], "-");
}

/// What is behind an answer is not the answer to the next request.
#[tokio::test]
async fn an_upstream_that_sends_more_than_it_promises() {
    let upstream = Scripted::start(|mut stream: TcpStream| async move {
        let evil = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil";
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ngood{evil}");
        stream.write_all(answer.as_bytes()).await.unwrap();
        while raw::read_head(&mut stream).await {
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    })
    .await;
    let gateway = start_gateway(&upstream.address, |it| it).await;
    for _ in 0..5 {
        let answer = get(&gateway, "/prod/data/x").await.remove(0);
        assert!(answer.status == 502 || answer.body == "good", "{answer:?}");
    }
    assert_eq!(gateway.log(5).await.len(), 5);
}

/// An answer before the request has been read: what of the request is still on its way must not be
/// taken for another request.
#[tokio::test]
async fn an_upstream_that_answers_early() {
    let upstream = Scripted::start(|mut stream: TcpStream| async move {
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nearly").await.unwrap();
        // Nothing more is read until the gateway gives up.
        tokio::time::sleep(Duration::from_secs(30)).await;
    })
    .await;
    let gateway = start_gateway(&upstream.address, |it| it).await;
    let host = gateway.address.to_string();
    let body = b"GET /evil HTTP/1.1\r\nhost: evil\r\n\r\n".repeat(200_000);
    let close = ["connection: close"];
    let request = raw::signed(&Caller::ana(), &host, "POST", "/prod/data/x", &body, &close);
    for count in 1..=3 {
        let answers = raw::talk(gateway.address, &request).await;
        assert_eq!((answers[0].status, answers[0].body.as_str()), (200, "early"));
        assert_eq!(upstream.heads.load(Ordering::SeqCst), count, "each has a connection");
    }
    assert_eq!(gateway.log(3).await.len(), 3);
}

#[tokio::test]
async fn a_caller_that_goes_away_has_its_line() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gateway = start_gateway(&listener.local_addr().unwrap().to_string(), |it| it).await;
    let mut caller = TcpStream::connect(gateway.address).await.unwrap();
    let request = raw::signed_get(&gateway.address.to_string(), "/prod/data/x");
    caller.write_all(&request).await.unwrap();
    let (silent, _) = listener.accept().await.unwrap();
    drop(caller);
    let lines = gateway.log(1).await;
    assert_eq!((&lines[0]["status"], &lines[0]["decision"]), (&"499".into(), &"allowed".into()));
    drop(silent);
    assert!(tokio::time::timeout(Duration::from_secs(20), gateway.stop()).await.unwrap());
}

/// How many reloads there are at least while requests come in.
const RELOADS: usize = 10;

/// While requests come in, the configuration changes between two states that differ in everything,
/// and to some that are refused. Each request is decided and answered by one state.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn reloads_under_load() {
    let named = |name: &'static str| {
        move |_: &crate::support::Seen| Response::new(Bytes::from_static(name.as_bytes()))
    };
    let (first, second) =
        (Upstream::start(named("first")).await, Upstream::start(named("second")).await);
    let fixture = |name: &str| {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/attacks/");
        std::fs::read_to_string(format!("{path}{name}")).unwrap()
    };
    let state = |upstream: &Upstream, value: &str| {
        let manifest =
            fixture("tollgate.toml").replace("{upstream}", &upstream.address.to_string());
        manifest.replace("token {secret}", &format!("{value} {{secret}}"))
    };
    let (one, two) = (state(&first, "first"), state(&second, "second"));
    let gateway = start_gateway(&first.address.to_string(), |_| one.clone()).await;
    let (host, address) = (gateway.address.to_string(), gateway.address);
    // Calls go on until there were enough reloads, however slow the machine is.
    let is_enough = Arc::new(AtomicBool::new(false));
    let enough = Arc::clone(&is_enough);
    let calling = tokio::spawn(async move {
        let mut calls = tokio::task::JoinSet::new();
        for caller in 0..4 {
            let (host, enough) = (host.clone(), Arc::clone(&enough));
            calls.spawn(async move {
                let mut statuses = Vec::new();
                for number in (0..).take_while(|at| *at < 60 || !enough.load(Ordering::Relaxed)) {
                    // Half of them may be allowed by nobody.
                    let target = ["/prod/data/x", "/prod/admin"][(number + caller) % 2];
                    let answers = raw::talk(address, &raw::signed_get(&host, target)).await;
                    statuses.push((target, answers[0].status));
                }
                statuses
            });
        }
        calls.join_all().await.concat()
    });
    let nothing_allowed = fixture("policies/data.json").replace("\"Allow\"", "\"Deny\"");
    let broken = one.replace("credential = \"token\"", "credential = \"tokens\"");
    let (mut reloads, mut denying) = (0, false);
    while !calling.is_finished() {
        gateway.write("tollgate.toml", [&one, &two, &broken][reloads % 3]);
        denying = !denying;
        let policy = if denying { nothing_allowed.clone() } else { fixture("policies/data.json") };
        gateway.write("policies/data.json", &policy);
        assert_eq!(gateway.reload().await.is_ok(), reloads % 3 != 2);
        reloads += 1;
        is_enough.store(reloads >= RELOADS, Ordering::Relaxed);
    }
    let statuses = calling.await.unwrap();
    let answered = statuses.iter().filter(|(_, status)| *status == 200).count();
    assert!(statuses.iter().all(|(target, status)| {
        *status == 403 || (*status == 200 && *target == "/prod/data/x")
    }));
    for (upstream, value) in [(&first, "first "), (&second, "second ")] {
        let seen = upstream.seen();
        assert!(
            seen.iter()
                .all(|seen| { seen.headers["authorization"].to_str().unwrap().starts_with(value) })
        );
    }
    assert_eq!(first.seen().len() + second.seen().len(), answered);
    let lines = gateway.log(statuses.len()).await;
    let of = |field: &str, value: &str| lines.iter().filter(|line| line[field] == value).count();
    assert_eq!((lines.len(), of("decision", "allowed")), (statuses.len(), answered));
    assert_eq!(of("status", "200"), answered);
    assert!(gateway.stop().await);
}

const CREDENTIAL: &str = "secret = { file = \"secret\" }";

/// A service of the process that has a bug.
struct Broken;

impl Internal for Broken {
    fn answer(&self, _: InternalCall) -> InternalAnswer<'_> {
        panic!("a bug of this test's, with its secret ghp_chocolate")
    }
}

#[tokio::test]
async fn a_panic_is_an_answer_and_a_line_and_nothing_more() {
    let upstream = Upstream::start(|_: &Seen| Response::new(Bytes::new())).await;
    let text = manifest(&format!("http://{}", upstream.address), "", CREDENTIAL).replacen(
        "[[api.route]]",
        "[[api.route]]\npath = \"/broken\"\nupstream = \"broken\"\n\n[[api.route]]",
        1,
    );
    let extend = |_: &_| {
        let services: [(_, Arc<dyn Internal>); 1] = [("broken".to_owned(), Arc::new(Broken))];
        Ok(Extension { services: services.into(), ..Extension::default() })
    };
    let around = Surroundings { extend: Arc::new(extend), ..surroundings() };
    let running = Running::start_around(&text, around).await;
    for _ in 0..3 {
        let answer = running.call("GET", "/prod/broken").await;
        let told = (answer.status, answer.body.as_str());
        assert_eq!(told, (500, "{\"message\":\"Internal server error\"}"));
        assert_eq!(running.call("GET", "/prod/a").await.status, 200);
    }
    let lines = running.log(6).await;
    let broken: Vec<_> = lines.iter().filter(|line| line["path"] == "/prod/broken").collect();
    assert_eq!(broken.len(), 3);
    for line in broken {
        assert_eq!((&line["status"], &line["errorType"]), (&"500".into(), &"DEFAULT_5XX".into()));
        assert_eq!(line["decision"], "allowed");
        assert!(!line.to_string().contains("ghp_chocolate"), "{line}");
    }
    assert_eq!(upstream.seen().len(), 3);
}
