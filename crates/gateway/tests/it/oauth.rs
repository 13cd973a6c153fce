//! Access tokens that are fetched for a client's secret, and fetched again.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::Response;

use crate::support::{Running, SECRET, Seen, Upstream, manifest};

/// A token endpoint: the tokens that it gives are `token-0`, `token-1` …
async fn endpoint(given: &Arc<AtomicUsize>) -> Upstream {
    let given = Arc::clone(given);
    Upstream::start(move |_: &Seen| {
        let number = given.fetch_add(1, Ordering::SeqCst);
        let body = format!(
            "{{\"access_token\": \"token-{number}\", \"token_type\": \"bearer\", \"expires_in\": 3600}}"
        );
        Response::new(Bytes::from(body))
    })
    .await
}

#[tokio::test]
async fn a_token_is_fetched_once_and_again_when_it_is_refused() {
    let given = Arc::new(AtomicUsize::new(0));
    let endpoint = endpoint(&given).await;
    let wanted = Arc::new(Mutex::new("Bearer token-0".to_owned()));
    let takes = Arc::clone(&wanted);
    let upstream = Upstream::start(move |seen: &Seen| {
        let is_right = seen.headers["authorization"] == *takes.lock().unwrap();
        let status = if is_right { 200 } else { 401 };
        Response::builder().status(status).body(Bytes::new()).unwrap()
    })
    .await;
    let credential = "secret = { file = \"secret\" }\n\
        inject = { oauth2 = { tokenUpstream = \"login\", clientId = \"tollgate\", scope = \"read all\" } }\n\
        [[upstream]]\nname = \"login\"\nnetwork = \"loopback\"";
    let credential = format!("{credential}\nurl = \"http://{}/token\"", endpoint.address);
    let url = format!("http://{}", upstream.address);
    let running = Running::start(&manifest(&url, "", &credential)).await;
    for _ in 0..3 {
        assert_eq!(running.call("GET", "/prod/a").await.status, 200);
    }
    let asked = endpoint.seen();
    let [asked] = &asked[..] else { panic!("one token: {asked:?}") };
    assert_eq!((asked.method.as_str(), asked.target.as_str()), ("POST", "/token"));
    // `tollgate:ghp_vanilla-strawberry`
    assert_eq!(
        asked.headers["authorization"],
        "Basic dG9sbGdhdGU6Z2hwX3ZhbmlsbGEtc3RyYXdiZXJyeQ=="
    );
    "Bearer token-1".clone_into(&mut wanted.lock().unwrap());
    assert_eq!(running.call("GET", "/prod/a").await.status, 200);
    assert_eq!(given.load(Ordering::SeqCst), 2);
    assert!(upstream.seen().iter().all(|seen| !format!("{seen:?}").contains(SECRET)));
}

#[tokio::test]
async fn an_endpoint_that_refuses_is_named_without_the_secret() {
    let endpoint = Upstream::start(|_: &Seen| {
        let body =
            format!("{{\"error\": \"invalid_client\", \"error_description\": \"{SECRET}\"}}");
        Response::builder().status(401).body(Bytes::from(body)).unwrap()
    })
    .await;
    let credential = "secret = { file = \"secret\" }\n\
         inject = { oauth2 = { tokenUpstream = \"third\", clientId = \"tollgate\" } }";
    let url = format!("http://{}", endpoint.address);
    let problems = Running::refused(&manifest(&url, "", credential)).await;
    let expected = "the secret of credential `third-party` cannot be read: \
                    the token endpoint `third` answers with 401 Unauthorized, `invalid_client`";
    assert!(problems.contains(expected), "{problems}");
    assert!(!problems.contains(SECRET), "{problems}");
}
