//! What the tests share: the fixtures' form, and the keys in them.

use std::{fs, path::Path};

use jiff::Timestamp;
use serde::{Deserialize, de::DeserializeOwned};
use tollgate_sigv4::{
    KeyAnswer, KeyClaim, KeyLookup, PayloadHash, Refusal, RequestHead, SecretKey, SessionToken,
    Transport, UnsignedPayload, Verified, Verifier,
};

/// A file of requests with the answers they must get.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Suite<E> {
    /// The region of the verifier.
    pub(crate) region: String,
    /// The service of the verifier.
    pub(crate) service: String,
    /// The keys that exist.
    pub(crate) keys: Keys,
    /// The requests.
    pub(crate) cases: Vec<Case<E>>,
}

/// A request with the answer it must get.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Case<E> {
    /// The rule that the request breaks; none if it breaks none.
    pub(crate) rule: Option<u32>,
    /// What is special about it.
    pub(crate) name: String,
    /// The request.
    pub(crate) request: Request,
    /// When it arrives.
    pub(crate) now: Timestamp,
    /// Whether the route opted in to unsigned payloads.
    #[serde(default)]
    pub(crate) unsigned_payload: bool,
    /// How long a presigned request may hold, if not as long as usual.
    pub(crate) presigned_lifetime_s_max: Option<u32>,
    /// The answer.
    pub(crate) expect: E,
}

/// A request as it arrives.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Request {
    /// The method.
    pub(crate) method: String,
    /// The raw path.
    pub(crate) path: String,
    /// The raw query.
    pub(crate) query: String,
    /// The headers in order of arrival.
    pub(crate) headers: Vec<(String, String)>,
    /// The body.
    pub(crate) body: String,
    /// Whether it arrives inside TLS.
    pub(crate) tls: bool,
}

impl Request {
    /// Lends the head of the request.
    pub(crate) fn with_head<T>(&self, check: impl FnOnce(&RequestHead<'_>) -> T) -> T {
        let headers: Vec<(&[u8], &[u8])> =
            self.headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
        check(&RequestHead {
            method: self.method.as_bytes(),
            path: self.path.as_bytes(),
            query: self.query.as_bytes(),
            headers: &headers,
            transport: if self.tls { Transport::Tls } else { Transport::Plain },
        })
    }

    /// The hash of the body.
    pub(crate) fn payload(&self) -> PayloadHash {
        PayloadHash::of(self.body.as_bytes())
    }
}

/// The keys that exist.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Keys(pub(crate) Vec<Key>);

/// A key.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Key {
    /// The access key id.
    pub(crate) access_key_id: String,
    /// The secret access key.
    pub(crate) secret_access_key: String,
    /// The token of a temporary key.
    pub(crate) session_token: Option<String>,
    /// Whether it was valid once.
    #[serde(default)]
    pub(crate) expired: bool,
}

impl KeyLookup for Keys {
    type Identity = String;

    fn find(&self, claim: &KeyClaim<'_>) -> KeyAnswer<String> {
        let token = claim.session_token.map(SessionToken::expose);
        match self.0.iter().find(|key| key.access_key_id == claim.access_key_id) {
            Some(key) if key.expired => KeyAnswer::Expired,
            Some(key) if key.session_token.as_deref() == token => KeyAnswer::Found {
                secret: SecretKey::new(&*key.secret_access_key),
                identity: key.access_key_id.clone(),
            },
            _ => KeyAnswer::Unknown,
        }
    }
}

impl<E: DeserializeOwned> Suite<E> {
    /// Reads a suite from the fixtures.
    pub(crate) fn read(name: &str) -> Self {
        serde_json::from_str(&fixture(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// The verdict on a case.
    pub(crate) fn verify(&self, case: &Case<E>) -> Result<Verified<String>, Refusal> {
        let unsigned = if case.unsigned_payload {
            UnsignedPayload::DangerAcceptOverTls
        } else {
            UnsignedPayload::Refuse
        };
        let mut verifier =
            Verifier::new(&*self.region).service(&*self.service).unsigned_payload(unsigned);
        if let Some(seconds) = case.presigned_lifetime_s_max {
            verifier = verifier.presigned_lifetime_s_max(seconds);
        }
        let payload = case.request.payload();
        case.request.with_head(|head| verifier.verify(head, &payload, &self.keys, case.now))
    }
}

/// The text of a fixture.
pub(crate) fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/sigv4").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
