//! Every place of the chain against an endpoint that speaks as AWS's do. The same places are asked
//! by unmodified clients in the tests of the gateway; here, ours is the client.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex as Shared};
use std::time::Duration;

use jiff::{Timestamp, ToSpan};
use rustls::RootCertStore;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// A server on loopback that answers requests by their first line, and remembers their heads.
struct Endpoint {
    address: String,
    heard: Arc<Shared<Vec<String>>>,
}

impl Endpoint {
    /// Answers each request whose first line begins with a key by its status and body.
    async fn new(answers: &'static [(&'static str, u16, &'static str)]) -> Endpoint {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let heard = Arc::new(Shared::new(Vec::new()));
        let remember = Arc::clone(&heard);
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut bytes = vec![0; 16 * 1024];
                let read = stream.read(&mut bytes).await.unwrap();
                let request = String::from_utf8_lossy(&bytes[..read]).into_owned();
                let answer = answers.iter().find(|(start, ..)| request.starts_with(start));
                let (_, status, body) = answer.copied().unwrap_or(("", 404, ""));
                remember.lock().unwrap().push(request);
                let length = body.len();
                let head = format!(
                    "HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
                );
                stream.write_all(head.as_bytes()).await.unwrap();
            }
        });
        Endpoint { address, heard }
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

const NOON: &str = "2026-03-10T12:00:00Z";

/// A chain in this environment, at a time that the test moves.
fn chain(
    variables: &[(&str, &str)],
    now: &Arc<Shared<Timestamp>>,
) -> Result<CredentialChain, CallError> {
    let variables: BTreeMap<String, String> =
        variables.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    let environment: Environment = Arc::new(move |name: &str| variables.get(name).cloned());
    let client = Client::new(RootCertStore::empty(), Duration::from_secs(20)).unwrap();
    let now = Arc::clone(now);
    CredentialChain::of_environment(&environment, &client, Arc::new(move || *now.lock().unwrap()))
}

fn noon() -> Arc<Shared<Timestamp>> {
    Arc::new(Shared::new(NOON.parse().unwrap()))
}

async fn fetched(variables: &[(&str, &str)]) -> Result<String, String> {
    let chain = chain(variables, &noon()).map_err(|error| error.message)?;
    let credentials = chain.credentials().await.map_err(|error| error.message)?;
    Ok(format!(
        "{} {} {}",
        credentials.access_key_id(),
        credentials.secret_access_key(),
        credentials.session_token().unwrap_or("-")
    ))
}

const HANDED: &str = r#"{"Code":"Success","AccessKeyId":"ASIAEXAMPLE","SecretAccessKey":"chocolate",
    "Token":"vanilla","Expiration":"2026-03-10T13:00:00Z"}"#;

#[tokio::test]
async fn keys_in_the_environment_come_first() {
    let keys = [("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "chocolate")];
    assert_eq!(fetched(&keys).await.unwrap(), "AKIAEXAMPLE chocolate -");
    let message = fetched(&keys[..1]).await.unwrap_err();
    assert_eq!(message, "`AWS_ACCESS_KEY_ID` is set, and `AWS_SECRET_ACCESS_KEY` is not");
}

#[tokio::test]
async fn a_container_asks_with_the_token_of_the_file() {
    let endpoint = Endpoint::new(&[("GET /credentials ", 200, HANDED)]).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "strawberry\n").unwrap();
    let uri = format!("{}/credentials", endpoint.address);
    let variables = [
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri.as_str()),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", file.to_str().unwrap()),
    ];
    assert_eq!(fetched(&variables).await.unwrap(), "ASIAEXAMPLE chocolate vanilla");
    assert!(endpoint.heard()[0].contains("authorization: strawberry\r\n"));
}

#[tokio::test]
async fn a_container_asks_no_other_machine_without_tls() {
    let variables = [("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://credentials.example/")];
    let message = fetched(&variables).await.unwrap_err();
    assert_eq!(message, "expected an `https` address, found `http://credentials.example/`");
}

#[tokio::test]
async fn an_instance_asks_for_a_token_first() {
    let endpoint = Endpoint::new(&[
        ("PUT /latest/api/token ", 200, "strawberry"),
        ("GET /latest/meta-data/iam/security-credentials/ ", 200, "gateway"),
        ("GET /latest/meta-data/iam/security-credentials/gateway ", 200, HANDED),
    ])
    .await;
    let variables = [("AWS_EC2_METADATA_SERVICE_ENDPOINT", endpoint.address.as_str())];
    assert_eq!(fetched(&variables).await.unwrap(), "ASIAEXAMPLE chocolate vanilla");
    let heard = endpoint.heard();
    assert!(heard[0].contains("x-aws-ec2-metadata-token-ttl-seconds: 21600\r\n"));
    assert!(
        heard[1..].iter().all(|head| head.contains("x-aws-ec2-metadata-token: strawberry\r\n"))
    );
}

#[tokio::test]
async fn an_instance_without_a_role_is_said() {
    let endpoint = Endpoint::new(&[("PUT ", 200, "strawberry")]).await;
    let variables = [("AWS_EC2_METADATA_SERVICE_ENDPOINT", endpoint.address.as_str())];
    let message = fetched(&variables).await.unwrap_err();
    let uri = format!("{}/latest/meta-data/iam/security-credentials/", endpoint.address);
    assert_eq!(message, format!("no AWS credentials: `{uri}`: answered with status 404"));
}

#[tokio::test]
async fn where_nothing_is_configured_the_places_are_listed() {
    let message = fetched(&[("AWS_EC2_METADATA_DISABLED", "true")]).await.unwrap_err();
    assert!(message.starts_with("no AWS credentials: set `AWS_ACCESS_KEY_ID` and"), "{message}");
}

const ASSUMED: &str = r#"<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>ASIAEXAMPLE</AccessKeyId>
  <SecretAccessKey>chocolate</SecretAccessKey><SessionToken>van+illa/==</SessionToken>
  <Expiration>2026-03-10T13:00:00Z</Expiration></Credentials></AssumeRoleWithWebIdentityResult>
</AssumeRoleWithWebIdentityResponse>"#;

const REFUSED: &str = "<ErrorResponse><Error><Code>AccessDenied</Code>\
    <Message>Not authorized to perform sts:AssumeRoleWithWebIdentity</Message></Error></ErrorResponse>";

/// What a workload with the token `a.b c` gets from this endpoint.
async fn by_web_identity(endpoint: &Endpoint) -> Result<String, String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "a.b c\n").unwrap();
    fetched(&[
        ("AWS_WEB_IDENTITY_TOKEN_FILE", file.to_str().unwrap()),
        ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/gateway"),
        ("AWS_ENDPOINT_URL_STS", &endpoint.address),
    ])
    .await
}

#[tokio::test]
async fn a_web_identity_is_exchanged_for_a_session() {
    let endpoint = Endpoint::new(&[("POST / ", 200, ASSUMED)]).await;
    assert_eq!(by_web_identity(&endpoint).await.unwrap(), "ASIAEXAMPLE chocolate van+illa/==");
    let heard = endpoint.heard().concat();
    assert!(heard.contains("WebIdentityToken=a.b%20c"), "{heard}");
    assert!(
        heard.contains("RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fgateway"),
        "{heard}"
    );
}

#[tokio::test]
async fn a_refused_web_identity_says_why() {
    let endpoint = Endpoint::new(&[("POST / ", 403, REFUSED)]).await;
    assert_eq!(
        by_web_identity(&endpoint).await.unwrap_err(),
        format!(
            "no AWS credentials: `{}`: AccessDenied: Not authorized to perform \
             sts:AssumeRoleWithWebIdentity",
            endpoint.address
        )
    );
}

#[tokio::test]
async fn credentials_are_fetched_again_five_minutes_before_they_expire() {
    let endpoint = Endpoint::new(&[("GET /credentials ", 200, HANDED)]).await;
    let uri = format!("{}/credentials", endpoint.address);
    let now = noon();
    let chain = chain(&[("AWS_CONTAINER_CREDENTIALS_FULL_URI", &uri)], &now).unwrap();
    for (minute, fetches) in [(0, 1), (1, 1), (54, 1), (56, 2)] {
        *now.lock().unwrap() = NOON.parse::<Timestamp>().unwrap() + minute.minutes();
        chain.credentials().await.unwrap();
        assert_eq!(endpoint.heard().len(), fetches, "minute {minute}");
    }
}

#[tokio::test]
async fn credentials_at_hand_serve_while_the_place_fails() {
    let now = noon();
    let chain =
        chain(&[("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:9/")], &now).unwrap();
    let expiry = "2026-03-10T13:00:00Z".parse::<Timestamp>().unwrap();
    let held = Credentials::new("ASIAEXAMPLE", "chocolate", None, Some(expiry.into()), "test");
    *chain.fetched.lock().await = Some(held.clone());
    *now.lock().unwrap() = expiry - 1.minute();
    assert_eq!(chain.credentials().await.unwrap(), held);
    *now.lock().unwrap() = expiry;
    let error = chain.credentials().await.unwrap_err();
    assert!(error.message.starts_with("no AWS credentials: `http://127.0.0.1:9/`: "), "{error}");
}
