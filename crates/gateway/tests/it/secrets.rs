//! Secrets that change while the gateway runs, and secrets that cannot be read any more.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::Response;
use jiff::SignedDuration;
use tollgate_gateway::Rules;

use crate::support::{Running, SECRET, Seen, Upstream, manifest};

/// An upstream that takes one token, which can be changed.
async fn upstream(token: &Arc<Mutex<String>>) -> Upstream {
    let token = Arc::clone(token);
    Upstream::start(move |seen: &Seen| {
        let wanted = format!("Bearer {}", token.lock().unwrap());
        let is_right = seen.headers.get("authorization").is_some_and(|it| *it == wanted);
        let status = if is_right { 200 } else { 401 };
        Response::builder().status(status).body(Bytes::new()).unwrap()
    })
    .await
}

const CREDENTIAL: &str = "secret = { file = \"secret\" }";

#[tokio::test]
async fn a_request_that_is_refused_is_made_again_with_a_secret_that_is_newer() {
    let token = Arc::new(Mutex::new(SECRET.to_owned()));
    let upstream = upstream(&token).await;
    let url = format!("http://{}", upstream.address);
    let running = Running::start(&manifest(&url, "", CREDENTIAL)).await;
    assert_eq!(running.call("GET", "/prod/a").await.status, 200);
    *token.lock().unwrap() = "chocolate".to_owned();
    running.write("secret", "chocolate");
    assert_eq!(running.call("GET", "/prod/a").await.status, 200);
    assert_eq!(upstream.seen().len(), 3, "one was refused");
    // What is not the same when it is done twice is done once.
    *token.lock().unwrap() = "lemon".to_owned();
    running.write("secret", "lemon");
    assert_eq!(running.call("POST", "/prod/a").await.status, 401);
    assert_eq!(upstream.seen().len(), 4);
}

#[tokio::test]
async fn a_refusal_that_no_newer_secret_mends_is_passed_on() {
    let token = Arc::new(Mutex::new("another".to_owned()));
    let upstream = upstream(&token).await;
    let url = format!("http://{}", upstream.address);
    let running = Running::start(&manifest(&url, "", CREDENTIAL)).await;
    for _ in 0..3 {
        assert_eq!(running.call("GET", "/prod/a").await.status, 401);
    }
    assert_eq!(upstream.seen().len(), 3, "nothing was tried twice");
}

#[tokio::test]
async fn a_secret_that_is_too_old_is_used_no_more() {
    let token = Arc::new(Mutex::new(SECRET.to_owned()));
    let upstream = upstream(&token).await;
    let url = format!("http://{}", upstream.address);
    let rules = Rules {
        refresh_every: SignedDuration::from_millis(200),
        age_max: SignedDuration::from_millis(2500),
        ..Rules::default()
    };
    let running = Running::start_with(&manifest(&url, "", CREDENTIAL), rules).await;
    assert_eq!(running.call("GET", "/prod/a").await.status, 200);
    running.remove("secret");
    assert_eq!(running.call("GET", "/prod/a").await.status, 200, "the last one serves for a time");
    let mut answer = running.call("GET", "/prod/a").await;
    for _ in 0..200 {
        if answer.status != 200 {
            break;
        }
        // Time has to pass: the age of a secret is what is tested.
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        answer = running.call("GET", "/prod/a").await;
    }
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (500, "{\"message\":\"Internal server error\"}")
    );
    assert_eq!(running.page("/readyz").await.status, 503);
    running.write("secret", SECRET);
    let readable = async {
        while running.page("/readyz").await.status != 200 {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), readable).await.unwrap();
    assert_eq!(running.call("GET", "/prod/a").await.status, 200);
}
