//! Every way in which a credential is put into a request, as the upstream sees it.

use bytes::Bytes;
use http::Response;

use crate::support::{Running, SECRET, Seen, Upstream, manifest};

fn ok(_: &Seen) -> Response<Bytes> {
    Response::new(Bytes::from_static(b"ok"))
}

/// Sends a request whose headers and query try to be the credential; gives what the upstream saw.
async fn seen(inject: &str, path: &str, base: &str) -> Seen {
    let upstream = Upstream::start(ok).await;
    let url = format!("http://{}{base}", upstream.address);
    let credential = format!("inject = {inject}\nsecret = {{ file = \"secret\" }}");
    let running = Running::start(&manifest(&url, "", &credential)).await;
    let request = running.signed("GET", path, &[("x-api_key", "mine"), ("x-api-key", "mine")], "");
    let answer = running.send(request).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let [seen] = &upstream.seen()[..] else { panic!("one request") };
    assert_eq!(running.log(1).await[0]["credential"], "third-party");
    seen.clone()
}

#[tokio::test]
async fn a_bearer_token() {
    let seen = seen("\"bearer\"", "/prod/a", "").await;
    assert_eq!(seen.headers["authorization"], format!("Bearer {SECRET}"));
}

#[tokio::test]
async fn a_header_and_nothing_that_could_pass_for_it() {
    let seen = seen("{ header = { name = \"X-Api-Key\" } }", "/prod/a", "").await;
    let values: Vec<_> = seen.headers.get_all("x-api-key").iter().collect();
    assert_eq!(values, [SECRET]);
    assert!(!seen.headers.contains_key("x-api_key"));
    assert!(!seen.headers.contains_key("authorization"));
}

#[tokio::test]
async fn basic_authentication() {
    let seen = seen("{ basic = { username = \"ana\" } }", "/prod/a", "").await;
    // `ana:ghp_vanilla-strawberry`
    assert_eq!(seen.headers["authorization"], "Basic YW5hOmdocF92YW5pbGxhLXN0cmF3YmVycnk=");
}

#[tokio::test]
async fn a_query_parameter_of_which_there_is_one() {
    let inject = "{ query = { name = \"api_key\" } }";
    let seen = seen(inject, "/prod/a?x=1&api_key=mine&API_KEY=mine&api%5Fkey=mine", "").await;
    assert_eq!(seen.target, format!("/a?x=1&api_key={SECRET}"));
}

#[tokio::test]
async fn a_part_of_the_path() {
    let seen = seen("\"path\"", "/prod/a", "/hooks/{secret}/v1").await;
    assert_eq!(seen.target, format!("/hooks/{SECRET}/v1/a"));
}

#[tokio::test]
async fn a_signature_of_its_own() {
    let inject =
        "{ sigv4 = { accessKeyId = \"AKIAOURS\", region = \"eu-west-1\", service = \"s3\" } }";
    let seen = seen(inject, "/prod/a%20b?x=1", "").await;
    let authorization = seen.headers["authorization"].to_str().unwrap();
    let scope = "AWS4-HMAC-SHA256 Credential=AKIAOURS/";
    assert!(authorization.starts_with(scope), "{authorization}");
    assert!(authorization.contains("/eu-west-1/s3/aws4_request"), "{authorization}");
    assert!(!seen.headers.contains_key("x-amz-security-token"), "the caller's");
    check_signature(&seen);
}

#[tokio::test]
async fn several_at_once() {
    let upstream = Upstream::start(ok).await;
    let url = format!("http://{}", upstream.address);
    let credentials = "inject = \"bearer\"\nsecret = { file = \"secret\" }\n\
        [[credential]]\nname = \"key\"\nupstream = \"third\"\n\
        inject = { query = { name = \"key\" } }\nsecret = { env = \"GITHUB_TOKEN\" }";
    let text = manifest(&url, "", credentials)
        .replace("credential = \"third-party\"", "credential = [\"third-party\", \"key\"]");
    let running = Running::start(&text).await;
    assert_eq!(running.call("GET", "/prod/a?key=mine&x=1").await.status, 200);
    let [seen] = &upstream.seen()[..] else { panic!("one request") };
    assert_eq!(seen.headers["authorization"], format!("Bearer {SECRET}"));
    assert_eq!(seen.target, format!("/a?x=1&key={SECRET}"));
    assert_eq!(running.log(1).await[0]["credential"], "third-party,key");
}

/// The signature is right in the eyes of our own verifier, which AWS's vectors have tried.
fn check_signature(seen: &Seen) {
    use tollgate_sigv4::{
        KeyAnswer, KeyClaim, KeyLookup, PayloadHash, RequestHead, SecretKey, Transport, Verifier,
    };
    struct Ours;
    impl KeyLookup for Ours {
        type Identity = ();
        fn find(&self, claim: &KeyClaim<'_>) -> KeyAnswer<()> {
            match claim.access_key_id {
                "AKIAOURS" => KeyAnswer::Found { secret: SecretKey::new(SECRET), identity: () },
                _ => KeyAnswer::Unknown,
            }
        }
    }
    let headers: Vec<_> = seen
        .headers
        .iter()
        .map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes()))
        .collect();
    let (path, query) = seen.target.split_once('?').unwrap();
    let head = RequestHead {
        method: b"GET",
        path: path.as_bytes(),
        query: query.as_bytes(),
        headers: &headers,
        transport: Transport::Plain,
    };
    let verifier = Verifier::new("eu-west-1").service("s3");
    let body = PayloadHash::of(b"");
    let verified = verifier.verify(&head, &body, &Ours, jiff::Timestamp::now());
    assert!(verified.is_ok(), "{:?}", verified.err().map(|it| it.to_string()));
}
