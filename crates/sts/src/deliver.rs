//! From a request of a stock SDK to credentials: the endpoint for containers and that of an instance.
//!
//! Both hand credentials to whoever can reach them, so both are for processes of this machine: a
//! caller must come from a loopback or link-local address, not through a proxy, and name the endpoint
//! by its address, so that no web page can reach it under a name of its own. A container's caller
//! holds an authorization token besides; an instance's first asks for a session of its own (IMDSv2),
//! which a request that somebody was tricked into sending cannot.
//!
//! Source: AWS SDKs and Tools Reference Guide, `feature-container-credentials`; EC2 User Guide,
//! `configuring-instance-metadata-service`.

use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use ring::hmac;
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use crate::answer::Answer;

/// A request to one of the endpoints. It may hold a token, so it does not print.
pub struct DeliveryRequest<'a> {
    /// The method.
    pub method: &'a str,
    /// The path.
    pub path: &'a str,
    /// Where it came from.
    pub peer: IpAddr,
    /// The header `Host`.
    pub host: Option<&'a str>,
    /// Whether there is a header `X-Forwarded-For`.
    pub is_forwarded: bool,
    /// The header `Authorization`.
    pub authorization: Option<&'a str>,
    /// The header `X-aws-ec2-metadata-token`.
    pub metadata_token: Option<&'a str>,
    /// The header `X-aws-ec2-metadata-token-ttl-seconds`.
    pub metadata_token_ttl: Option<&'a str>,
}

/// What is to be done about a request.
pub enum Delivery {
    /// Answer this.
    Answer(Answer),
    /// Hand out credentials of the workload.
    Credentials,
}

/// Where the endpoint for containers answers: any path under this one.
pub const CONTAINER_PATH: &str = "/credentials";

/// What callers of the endpoint for containers hold. It does not print.
#[derive(Debug, Default)]
pub struct AuthorizationToken(SecretString);

impl AuthorizationToken {
    /// Takes ownership of a token.
    pub fn new(token: impl Into<String>) -> AuthorizationToken {
        AuthorizationToken(SecretString::from(token.into()))
    }

    /// Whether this is what was presented, in a time that tells no more than the lengths. There is no
    /// other comparison. An empty token is nobody's.
    ///
    /// ```
    /// use tollgate_sts::AuthorizationToken;
    ///
    /// assert!(AuthorizationToken::new("vanilla").is("vanilla"));
    /// assert!(!AuthorizationToken::new("vanilla").is("vanille"));
    /// assert!(!AuthorizationToken::default().is(""));
    /// ```
    ///
    /// ```compile_fail,E0369
    /// use tollgate_sts::AuthorizationToken;
    ///
    /// assert!(AuthorizationToken::new("vanilla") == AuthorizationToken::new("vanilla"));
    /// ```
    pub fn is(&self, presented: &str) -> bool {
        let token = self.0.expose_secret();
        !token.is_empty() && bool::from(token.as_bytes().ct_eq(presented.as_bytes()))
    }
}

/// Judges a request to the endpoint for containers, whose callers hold `token`.
pub fn container(request: &DeliveryRequest<'_>, token: &AuthorizationToken) -> Delivery {
    if let Some(refusal) = refuse_stranger(request) {
        return Delivery::Answer(refusal);
    }
    if !token.is(request.authorization.unwrap_or_default()) {
        let message = "expected the token of AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE as the header \
                       `Authorization`";
        return Delivery::Answer(Answer::json_fault(401, "InvalidAuthorizationToken", message));
    }
    match (request.method, request.path) {
        ("GET", CONTAINER_PATH) => Delivery::Credentials,
        ("GET", _) => Delivery::Answer(not_found()),
        _ => Delivery::Answer(method_not_allowed()),
    }
}

/// An instance's metadata, as far as SDKs need it to find their credentials.
#[derive(Debug)]
pub struct Metadata {
    /// Authenticates the tokens that it hands out. They end with the process.
    key: hmac::Key,
    /// The name that callers ask for credentials of.
    role: String,
    /// The region that callers are told.
    region: String,
}

/// The longest that a token may hold: six hours.
const TOKEN_S_MAX: i64 = 21_600;

const TOKEN_PATH: &str = "/latest/api/token";
const CREDENTIALS_PATH: &str = "/latest/meta-data/iam/security-credentials/";

impl Metadata {
    /// The metadata of an instance with this role. `secret` is random.
    pub fn new(secret: &[u8; 32], role: &str, region: &str) -> Metadata {
        Metadata {
            key: hmac::Key::new(hmac::HMAC_SHA256, secret),
            role: role.to_owned(),
            region: region.to_owned(),
        }
    }

    /// Judges a request.
    pub fn serve(&self, request: &DeliveryRequest<'_>, now: Timestamp) -> Delivery {
        if let Some(refusal) = refuse_stranger(request) {
            return Delivery::Answer(refusal);
        }
        match (request.method, request.path) {
            ("PUT", TOKEN_PATH) => Delivery::Answer(self.token(request, now)),
            ("GET", path) => match request.metadata_token {
                Some(token) if self.is_valid(token, now) => self.document(path),
                Some(_) => {
                    Delivery::Answer(unauthorized("the token is not valid, ask for one anew"))
                }
                None => Delivery::Answer(unauthorized(
                    "version 1 of the metadata service is off: `PUT /latest/api/token` first",
                )),
            },
            _ => Delivery::Answer(method_not_allowed()),
        }
    }

    fn document(&self, path: &str) -> Delivery {
        let zone = format!("{}a", self.region);
        Delivery::Answer(match path {
            _ if path.strip_prefix(CREDENTIALS_PATH) == Some(&self.role) => {
                return Delivery::Credentials;
            }
            CREDENTIALS_PATH => Answer::text(200, &self.role),
            _ if path == CREDENTIALS_PATH.trim_end_matches('/') => Answer::text(200, &self.role),
            "/latest/meta-data/placement/region" => Answer::text(200, &self.region),
            "/latest/meta-data/placement/availability-zone"
            | "/latest/meta-data/placement/availability-zone/" => Answer::text(200, &zone),
            _ => not_found(),
        })
    }

    fn token(&self, request: &DeliveryRequest<'_>, now: Timestamp) -> Answer {
        let ttl = request.metadata_token_ttl.and_then(|text| text.parse::<i64>().ok());
        match ttl.filter(|seconds| (1..=TOKEN_S_MAX).contains(seconds)) {
            Some(seconds) => Answer::text(200, &self.seal(now.as_second().saturating_add(seconds))),
            None => Answer::text(
                400,
                "expected 1 to 21600 as the header `X-aws-ec2-metadata-token-ttl-seconds`",
            ),
        }
    }

    /// The second at which it expires, and the proof that we said so.
    fn seal(&self, expires_s: i64) -> String {
        let proof = hmac::sign(&self.key, &expires_s.to_be_bytes());
        URL_SAFE_NO_PAD.encode([&expires_s.to_be_bytes(), proof.as_ref()].concat())
    }

    fn is_valid(&self, token: &str, now: Timestamp) -> bool {
        let Ok(bytes) = URL_SAFE_NO_PAD.decode(token) else { return false };
        let Some((expires_s, proof)) = bytes.split_first_chunk::<8>() else { return false };
        hmac::verify(&self.key, expires_s, proof).is_ok()
            && now.as_second() < i64::from_be_bytes(*expires_s)
    }
}

/// Loopback and link-local addresses: those that no other network reaches.
pub fn is_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_link_local(),
        IpAddr::V6(v6) => {
            v6.is_loopback()
                || v6.is_unicast_link_local()
                || v6.to_ipv4_mapped().is_some_and(|v4| is_local(IpAddr::V4(v4)))
        }
    }
}

fn refuse_stranger(request: &DeliveryRequest<'_>) -> Option<Answer> {
    let refuse = |message| Some(Answer::json_fault(403, "Forbidden", message));
    if !is_local(request.peer) {
        return refuse("credentials are handed to processes of this machine only");
    }
    if request.is_forwarded {
        return refuse("credentials are not handed out through a proxy (X-Forwarded-For)");
    }
    match request.host.map(is_local_host) {
        Some(true) => None,
        _ => refuse("expected a loopback or link-local address as the header `Host`"),
    }
}

/// A name is whatever its owner wants it to be; an address is not.
fn is_local_host(host: &str) -> bool {
    let without_port = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let bare = without_port.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    let address = bare.unwrap_or(without_port);
    address == "localhost" || address.parse().is_ok_and(is_local)
}

fn unauthorized(message: &str) -> Answer {
    Answer::text(401, message)
}

fn not_found() -> Answer {
    Answer::text(404, "not found")
}

fn method_not_allowed() -> Answer {
    Answer::text(405, "method not allowed")
}
