//! The article's set-up: one caller may read the issues of one repository, and holds no token.

use bytes::Bytes;
use http::{Request, Response};

use crate::support::{Running, SECRET, Seen, Upstream};

/// The manifest of the fixture, with the address of this upstream and a free port.
fn manifest(upstream: &Upstream) -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/gateway/tollgate.toml");
    let text = std::fs::read_to_string(path).unwrap();
    text.replace("127.0.0.1:8081", &upstream.address.to_string())
        .replace("127.0.0.1:8080", "127.0.0.1:0")
        .replace("127.0.0.1:9090", "127.0.0.1:0")
}

/// Serves issues to whoever has the token.
fn github(seen: &Seen) -> Response<Bytes> {
    let has_token =
        seen.headers.get("authorization").is_some_and(|it| *it == format!("token {SECRET}"));
    let (status, body) = match has_token {
        true => (200, "[{\"number\": 1}]"),
        false => (401, "{\"message\": \"Bad credentials\"}"),
    };
    Response::builder()
        .status(status)
        .header("x-ratelimit-limit", "5000")
        .header("x-ratelimit-remaining", "4999")
        .body(Bytes::from_static(body.as_bytes()))
        .unwrap()
}

const ISSUES: &str = "/prod/repos/PokaInc/test-github-api/issues";

#[tokio::test]
async fn what_the_policy_allows_is_answered_with_the_secret_that_the_caller_does_not_hold() {
    let upstream = Upstream::start(github).await;
    let running = Running::start(&manifest(&upstream)).await;
    let answer = running.call("GET", &format!("{ISSUES}?state=open")).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "[{\"number\": 1}]"));
    let [seen] = &upstream.seen()[..] else { panic!("one request") };
    assert_eq!(seen.method, "GET");
    assert_eq!(seen.target, "/repos/PokaInc/test-github-api/issues?state=open");
    assert_eq!(seen.headers["authorization"], format!("token {SECRET}"));
    assert_eq!(seen.headers["host"], upstream.address.to_string());
    assert!(!seen.headers.keys().any(|name| name.as_str().starts_with("x-amz-")), "{seen:?}");
    let log = running.log(1).await;
    let line = &log[0];
    assert_eq!(line["status"], "200");
    assert_eq!(line["integrationStatus"], "200");
    assert_eq!(line["path"], ISSUES);
    assert_eq!(line["resourcePath"], "/{proxy+}");
    assert_eq!(line["userArn"], "arn:aws:sts::123456789012:assumed-role/issues-reader/web-1");
    assert_eq!(line["upstream"], "github");
    assert_eq!(line["credential"], "github-app");
    assert_eq!(line["rlRemaining"], "4999");
    assert_eq!(line["decision"], "allowed");
    assert!(line["determinedBy"].as_str().unwrap().ends_with("issues-reader.json:4:5 ReadIssues"));
    assert_eq!(line["nearest"], "-");
    assert!(running.stop().await);
}

#[tokio::test]
async fn what_it_does_not_allow_is_refused_in_the_words_of_api_gateway() {
    let upstream = Upstream::start(github).await;
    let running = Running::start(&manifest(&upstream)).await;
    let request = running.signed("POST", ISSUES, &[("content-type", "application/json")], "{}");
    let answer = running.send(request).await;
    assert_eq!(answer.status, 403);
    assert_eq!(answer.header("x-amzn-errortype"), "AccessDeniedException");
    assert_eq!(
        answer.body,
        "{\"Message\":\"User: arn:aws:sts::123456789012:assumed-role/issues-reader/web-1 is not \
         authorized to perform: execute-api:Invoke on resource: arn:aws:execute-api:us-east-1:\
         123456789012:a1b2c3d4e5/prod/POST/repos/PokaInc/test-github-api/issues\"}"
    );
    assert!(upstream.seen().is_empty());
    let log = running.log(1).await;
    assert_eq!(log[0]["errorType"], "ACCESS_DENIED");
    assert_eq!(log[0]["decision"], "implicitDeny");
    assert_eq!(log[0]["integrationStatus"], "-");
    // No statement decided; this one is where the author would look.
    assert_eq!(log[0]["determinedBy"], "-");
    assert!(log[0]["nearest"].as_str().unwrap().ends_with("issues-reader.json:4:5 ReadIssues"));
}

#[tokio::test]
async fn nobody_is_answered_who_did_not_sign() {
    let upstream = Upstream::start(github).await;
    let running = Running::start(&manifest(&upstream)).await;
    let uri = format!("http://{}{ISSUES}", running.address);
    let answer = running.send(Request::get(uri).body(Bytes::new()).unwrap()).await;
    assert_eq!(answer.status, 403);
    assert_eq!(answer.header("x-amzn-errortype"), "MissingAuthenticationTokenException");
    assert_eq!(answer.body, "{\"message\":\"Missing Authentication Token\"}");
    let mut forged = running.signed("GET", ISSUES, &[], "");
    forged.headers_mut().insert("x-amz-date", "20200101T000000Z".parse().unwrap());
    assert_eq!(running.send(forged).await.status, 403);
    assert!(upstream.seen().is_empty());
}
