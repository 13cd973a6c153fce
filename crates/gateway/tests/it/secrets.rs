//! Secrets that change while the gateway runs, and secrets that cannot be read any more.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::Response;
use jiff::SignedDuration;
use tollgate_gateway::{Rules, Surroundings};
use tollgate_secrets::{Event, Observer};
use tollgate_services::{Moto, OpenBao, Python};

use crate::support::{Running, SECRET, Seen, Upstream, manifest, surroundings};

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

/// Calls until the upstream has seen a request with this token.
async fn until_seen(running: &Running, upstream: &Upstream, token: &str) {
    let wanted = format!("Bearer {token}");
    for _ in 0..200 {
        running.call("GET", "/prod/a").await;
        let last = upstream.seen().pop();
        if last.is_some_and(|seen| seen.headers["authorization"] == wanted) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("no request came with the secret `{token}`");
}

/// Calls until there is no credential for a request any more.
async fn until_closed(running: &Running) {
    for _ in 0..200 {
        if running.call("GET", "/prod/a").await.status == 500 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the old secret is still in use");
}

/// Read often, and trusted for a short time.
fn hurried() -> Rules {
    Rules {
        refresh_every: SignedDuration::from_millis(200),
        age_max: SignedDuration::from_millis(2500),
        ..Rules::default()
    }
}

/// An upstream that takes every token, so that nothing but the gateway's own reading brings another.
async fn content() -> (Upstream, String) {
    let upstream = Upstream::start(|_: &Seen| Response::new(Bytes::new())).await;
    let url = format!("http://{}", upstream.address);
    (upstream, url)
}

/// The world, with more variables in its environment.
fn with_variables(variables: &[(&str, &str)]) -> Surroundings {
    let variables: HashMap<String, String> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Surroundings {
        environment: Arc::new(move |name| variables.get(name).cloned()),
        rules: hurried(),
        ..surroundings()
    }
}

#[tokio::test]
async fn a_file_is_read_again_by_itself() {
    let (upstream, url) = content().await;
    let running = Running::start_with(&manifest(&url, "", CREDENTIAL), hurried()).await;
    until_seen(&running, &upstream, SECRET).await;
    running.write("secret", "chocolate");
    until_seen(&running, &upstream, "chocolate").await;
}

#[tokio::test]
async fn a_reload_reads_a_file_again_and_tells_when_it_cannot() {
    let (upstream, url) = content().await;
    let failed: Arc<Mutex<Vec<String>>> = Arc::default();
    let told = Arc::clone(&failed);
    let observer: Observer = Arc::new(move |credential: &str, event: &Event<'_>| {
        if matches!(event, Event::Failed { .. }) {
            told.lock().unwrap().push(credential.to_owned());
        }
    });
    let surroundings = Surroundings { observer, ..surroundings() };
    let running = Running::start_around(&manifest(&url, "", CREDENTIAL), surroundings).await;
    running.write("secret", "chocolate");
    running.reload().await.unwrap();
    running.call("GET", "/prod/a").await;
    assert_eq!(upstream.seen()[0].headers["authorization"], "Bearer chocolate");
    running.remove("secret");
    running.reload().await.unwrap();
    assert_eq!(*failed.lock().unwrap(), ["third-party"]);
    running.call("GET", "/prod/a").await;
    assert_eq!(upstream.seen()[1].headers["authorization"], "Bearer chocolate", "it serves on");
}

#[tokio::test]
async fn secrets_manager_rotates_under_the_gateway_and_may_be_down_for_a_while() {
    let Some(python) = Python::with(&["boto3"]) else { return };
    // Its own, because it is to end.
    let Some(moto) = Moto::start() else { return };
    let keys = [
        ("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "chocolate"),
        ("AWS_REGION", "eu-west-1"),
    ];
    let administer = |script: &str| {
        let script = format!(
            "import boto3\nclient = boto3.client('secretsmanager', 'eu-west-1', endpoint_url='{}')\n\
             {script}",
            moto.url()
        );
        let output = python.command().args(["-c", &script]).envs(keys).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    administer("client.create_secret(Name='github/token', SecretString='vanilla')");
    let (upstream, url) = content().await;
    let text = manifest(&url, "", "secret = { secretsManager = \"github/token\" }");
    let endpoint = ("AWS_ENDPOINT_URL_SECRETS_MANAGER", moto.url());
    let variables = [&keys[..], &[endpoint]].concat();
    let running = Running::start_around(&text, with_variables(&variables)).await;
    until_seen(&running, &upstream, "vanilla").await;
    administer("client.put_secret_value(SecretId='github/token', SecretString='strawberry')");
    until_seen(&running, &upstream, "strawberry").await;
    drop(moto);
    assert_eq!(running.call("GET", "/prod/a").await.status, 200, "the last one serves for a time");
    until_closed(&running).await;
}

#[tokio::test]
async fn a_vault_rotates_under_the_gateway_and_may_be_down_for_a_while() {
    let Some(bao) = OpenBao::start() else { return };
    bao.run(&["kv", "put", "-mount=secret", "github", "token=vanilla"]);
    let (upstream, url) = content().await;
    let text = manifest(&url, "", "secret = { vault = \"secret/github\", field = \"token\" }");
    let variables = [("VAULT_ADDR", bao.url()), ("VAULT_TOKEN", OpenBao::ROOT)];
    let running = Running::start_around(&text, with_variables(&variables)).await;
    until_seen(&running, &upstream, "vanilla").await;
    bao.run(&["kv", "put", "-mount=secret", "github", "token=strawberry"]);
    until_seen(&running, &upstream, "strawberry").await;
    drop(bao);
    assert_eq!(running.call("GET", "/prod/a").await.status, 200, "the last one serves for a time");
    until_closed(&running).await;
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
    let running = Running::start_with(&manifest(&url, "", CREDENTIAL), hurried()).await;
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
