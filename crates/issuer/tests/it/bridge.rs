//! The bridge from AWS against a stand-in for AWS STS: TLS with an authority of its own, and a
//! verifier that knows the keys of AWS's callers.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use http::Request;
use jiff::Timestamp;
use rcgen::{CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tollgate_sigv4::{
    HeaderPair, KeyAnswer, KeyClaim, KeyLookup, PayloadHash, RequestHead, SecretKey, Signer,
    Transport, Verifier,
};

use crate::support::{World, arrived, text};

const SERVER: &str = "gateway.example.com";

/// What stands in for AWS STS, and what was asked of it.
struct Aws {
    address: SocketAddr,
    authority: String,
    asked: Arc<Mutex<Vec<String>>>,
}

/// Callers that only AWS knows: an access key id, and the ARN that it stands for.
struct Callers;

fn secret(access_key_id: &str) -> SecretKey {
    SecretKey::new(format!("known to AWS and to {access_key_id} alone"))
}

impl KeyLookup for Callers {
    type Identity = &'static str;

    fn find(&self, claim: &KeyClaim<'_>) -> KeyAnswer<&'static str> {
        let identity = match claim.access_key_id {
            "AKIAWEB" => "210987654321",
            "AKIASTRANGER" => "666666666666",
            _ => return KeyAnswer::Unknown,
        };
        KeyAnswer::Found { secret: secret(claim.access_key_id), identity }
    }
}

impl Aws {
    async fn start(redirects: bool) -> Aws {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let names = vec!["127.0.0.1".to_owned()];
        let own = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![own.der().clone()],
                PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
            )
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (acceptor, told) = (TlsAcceptor::from(Arc::new(config)), Arc::clone(&asked));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A client that does not trust the certificate goes away here.
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(stream.read_u8().await.unwrap());
                }
                let head = String::from_utf8(head).unwrap();
                told.lock().unwrap().push(head.lines().next().unwrap().to_owned());
                let (status, body) = if redirects {
                    ("302 Found\r\nlocation: https://sts.amazonaws.com/", String::new())
                } else {
                    answer(&head)
                };
                let length = body.len();
                let answer = format!(
                    "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
                );
                stream.write_all(answer.as_bytes()).await.unwrap();
                let _ = stream.shutdown().await;
            }
        });
        Aws { address, authority: issuer.pem(), asked }
    }

    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    /// An issuer that has a bridge to it.
    fn bridged(&self) -> World {
        let authority = self.authority.clone();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), authority).unwrap();
        let section = format!(
            "\n[sts.bridge]\nserverId = \"{SERVER}\"\naccounts = [\"210987654321\"]\n\
             hosts = [\"{}\"]\nca = \"{}\"\n",
            self.address,
            file.path().display()
        );
        World::new(|manifest| manifest + &section)
    }

    /// What a caller presigns.
    fn presigned(&self, handed: &Handed) -> String {
        let host = handed.host.map_or(self.address.to_string(), str::to_owned);
        let signer = Signer {
            access_key_id: handed.access_key_id.into(),
            secret: secret(handed.access_key_id),
            session_token: None,
            region: "us-east-1".into(),
            service: "sts".into(),
        };
        let mut headers: Vec<HeaderPair<'_>> = vec![(b"host", host.as_bytes())];
        if handed.signs_server_id {
            headers.push((b"x-tollgate-server-id", SERVER.as_bytes()));
        }
        let query = format!("Action={}&Version=2011-06-15", handed.action);
        let head = RequestHead {
            method: b"GET",
            path: b"/",
            query: query.as_bytes(),
            headers: &headers,
            transport: Transport::Tls,
        };
        let added = signer.presign(&head, &PayloadHash::of(b""), 900, Timestamp::now()).unwrap();
        format!("https://{host}/?{query}&{added}")
    }
}

/// What AWS answers: who signed, if the signature holds.
fn answer(head: &str) -> (&'static str, String) {
    let mut lines = head.lines();
    let target = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap();
    let (path, query) = target.split_once('?').unwrap();
    let headers: HashMap<&str, &str> = lines.filter_map(|line| line.split_once(": ")).collect();
    let pairs: Vec<HeaderPair<'_>> =
        headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
    let head = RequestHead {
        method: b"GET",
        path: path.as_bytes(),
        query: query.as_bytes(),
        headers: &pairs,
        transport: Transport::Tls,
    };
    let verifier = Verifier::new("us-east-1").service("sts").presigned_lifetime_s_max(900);
    let verified = verifier.verify(&head, &PayloadHash::of(b""), &Callers, Timestamp::now());
    match verified {
        Err(refusal) => ("403 Forbidden", refusal.to_string()),
        Ok(verified) => {
            let account = verified.identity;
            let arn = format!("arn:aws:sts::{account}:assumed-role/web/i-0123");
            let body = format!(
                "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
                 <GetCallerIdentityResult><Arn>{arn}</Arn><UserId>AROAX:i-0123</UserId>\
                 <Account>{account}</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
            );
            ("200 OK", body)
        }
    }
}

struct Handed {
    host: Option<&'static str>,
    action: &'static str,
    access_key_id: &'static str,
    signs_server_id: bool,
}

const HANDED: Handed = Handed {
    host: None,
    action: "GetCallerIdentity",
    access_key_id: "AKIAWEB",
    signs_server_id: true,
};

async fn hand_over(world: &World, offer: &Value) -> (u16, Value) {
    let head = Request::post("/bridge").header("host", SERVER).body(()).unwrap().into_parts().0;
    let request = arrived(head, &offer.to_string(), Timestamp::now());
    let response = world.issuer.answer_sts(request).await;
    let document = serde_json::from_str(&text(&response)).unwrap();
    (response.status().as_u16(), document)
}

/// It is refused with these words, and AWS was asked so many times.
#[track_caller]
fn refused(answer: &(u16, Value), words: &str) {
    let (status, document) = answer;
    let message = document["message"].as_str().unwrap_or_default();
    assert!((400..500).contains(status) && message.contains(words), "{status} {document}");
}

#[tokio::test]
async fn who_aws_vouches_for_gets_a_session_of_its_own_account() {
    let aws = Aws::start(false).await;
    let world = aws.bridged();
    let offer = json!({ "url": aws.presigned(&HANDED), "serverId": SERVER });
    let (status, document) = hand_over(&world, &offer).await;
    assert_eq!(status, 200, "{document}");
    let session = world.event().session.unwrap();
    assert_eq!(session.principal, "arn:aws:sts::210987654321:assumed-role/web/i-0123");
    assert!(document["SessionToken"].as_str().unwrap().starts_with("tgs1_"));
    // Once.
    refused(&hand_over(&world, &offer).await, "not used before");
    assert_eq!(aws.asked(), 1);
}

#[tokio::test]
async fn a_host_that_is_not_aws_is_never_asked() {
    let aws = Aws::start(false).await;
    let world = aws.bridged();
    for host in ["evil.example", "sts.amazonaws.com.evil.example", "127.0.0.1:1"] {
        let url = aws.presigned(&Handed { host: Some(host), ..HANDED });
        let answer = hand_over(&world, &json!({ "url": url, "serverId": SERVER })).await;
        refused(&answer, "a host of AWS STS");
    }
    assert_eq!(aws.asked(), 0);
}

#[tokio::test]
async fn a_host_with_another_authority_is_not_believed() {
    let (aws, impostor) = (Aws::start(false).await, Aws::start(false).await);
    // The impostor's address is allowed, but its certificate is not of the authority that is trusted.
    let world = Aws { authority: aws.authority.clone(), ..impostor }.bridged();
    let address = world.issuer.plan().decl.bridge.as_ref().unwrap().hosts[0].clone();
    let impostor = Aws { address: address.parse().unwrap(), ..aws };
    let url = impostor.presigned(&HANDED);
    let answer = hand_over(&world, &json!({ "url": url, "serverId": SERVER })).await;
    refused(&answer, "AWS STS cannot be reached");
    assert!(world.event().error.unwrap().contains("certificate"));
}

#[tokio::test]
async fn a_redirect_is_no_answer() {
    let aws = Aws::start(true).await;
    let world = aws.bridged();
    let offer = json!({ "url": aws.presigned(&HANDED), "serverId": SERVER });
    refused(&hand_over(&world, &offer).await, "AWS STS answered with status 302");
    assert_eq!(aws.asked(), 1);
}

#[tokio::test]
async fn an_action_that_does_more_than_tell_is_never_sent() {
    let aws = Aws::start(false).await;
    let world = aws.bridged();
    let url = aws.presigned(&Handed { action: "GetSessionToken", ..HANDED });
    let answer = hand_over(&world, &json!({ "url": url, "serverId": SERVER })).await;
    refused(&answer, "`GetCallerIdentity` as `Action`");
    assert_eq!(aws.asked(), 0);
}

#[tokio::test]
async fn a_request_that_was_signed_for_nobody_or_another_is_of_no_use_here() {
    let aws = Aws::start(false).await;
    let world = aws.bridged();
    let unsigned = aws.presigned(&Handed { signs_server_id: false, ..HANDED });
    let answer = hand_over(&world, &json!({ "url": unsigned, "serverId": SERVER })).await;
    refused(&answer, "exactly `host` and `x-tollgate-server-id` to be signed headers");
    let other = json!({ "url": aws.presigned(&HANDED), "serverId": "other.example.com" });
    refused(&hand_over(&world, &other).await, "this gateway's server id to be signed");
    let without = json!({ "url": aws.presigned(&HANDED) });
    refused(&hand_over(&world, &without).await, "the texts `url` and `serverId`");
    assert_eq!(aws.asked(), 0);
}

#[tokio::test]
async fn a_role_of_the_same_name_in_another_account_is_somebody_else() {
    let aws = Aws::start(false).await;
    let world = aws.bridged();
    let url = aws.presigned(&Handed { access_key_id: "AKIASTRANGER", ..HANDED });
    let answer = hand_over(&world, &json!({ "url": url, "serverId": SERVER })).await;
    refused(&answer, "of account 666666666666, which may not come here");
    assert_eq!(answer.0, 403);
    assert!(world.event().session.is_none());
}
