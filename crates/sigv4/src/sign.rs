//! Signing: what a client does. Here for tests, for tools, and as the verifier's mirror.

use std::fmt;

use jiff::Timestamp;

use crate::{
    PayloadHash, Refusal, RequestHead, Scope, SecretKey, SessionToken,
    canonical::{CanonicalHead, is_token},
    encode::encode,
    head::{HeaderIndex, HeaderPair, Marked},
    payload::UNSIGNED_PAYLOAD,
    present::{ALGORITHM, SignedHeaders},
    query::{CanonicalQuery, PRESIGNED, SECURITY_TOKEN, SIGNATURE},
    signature::{Signature, StringToSign},
    time::SigningTime,
};

/// Headers that a signature adds, and that a request to be signed therefore does not have yet.
const ADDED: [&str; 4] =
    ["authorization", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"];

/// Signs requests with one key to one service in one region.
#[derive(Clone, Debug)]
pub struct Signer {
    /// The access key id.
    pub access_key_id: String,
    /// The secret access key.
    pub secret: SecretKey,
    /// The session token of a temporary key.
    pub session_token: Option<SessionToken>,
    /// The region of the credential scope.
    pub region: String,
    /// The service of the credential scope.
    pub service: String,
}

/// What a signature says about the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignedPayload {
    /// Its hash, in the payload line alone.
    Hashed(PayloadHash),
    /// Its hash, in the payload line and in `x-amz-content-sha256`, so that a server can refuse a
    /// wrong signature before it reads the body.
    Declared(PayloadHash),
    /// Nothing.
    Unsigned,
}

/// Why a request cannot be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignError {
    /// There is no header `host`.
    HostMissing,
    /// The request has this header or parameter already, which the signature would add.
    AlreadyPresent {
        /// The header or parameter.
        name: &'static str,
    },
    /// A header's name is not a token.
    MalformedHeaderName {
        /// Which header, counted from 0.
        position: usize,
    },
    /// A server would refuse the request for its form.
    Malformed(Refusal),
}

impl fmt::Display for SignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HostMissing => f.write_str("expected a header `host`"),
            Self::AlreadyPresent { name } => {
                write!(f, "expected a request without `{name}`, which signing adds")
            }
            Self::MalformedHeaderName { position } => {
                write!(f, "the name of header {position} is not a token")
            }
            Self::Malformed(refusal) => refusal.fmt(f),
        }
    }
}

impl std::error::Error for SignError {}

impl From<Refusal> for SignError {
    fn from(refusal: Refusal) -> Self {
        Self::Malformed(refusal)
    }
}

impl Signer {
    /// The headers to add to `head`, all of whose own headers are signed.
    ///
    /// # Errors
    /// When the request has no `host`, is signed already, or is malformed.
    pub fn sign(
        &self,
        head: &RequestHead<'_>,
        payload: SignedPayload,
        at: Timestamp,
    ) -> Result<Vec<(&'static str, String)>, SignError> {
        check(head)?;
        let time = SigningTime::new(at);
        let mut added = vec![("x-amz-date", time.text().to_owned())];
        if let Some(token) = &self.session_token {
            added.push(("x-amz-security-token", token.expose().to_owned()));
        }
        let line = payload.line();
        if !matches!(payload, SignedPayload::Hashed(_)) {
            added.push(("x-amz-content-sha256", line.clone()));
        }
        let own = head.headers.iter().copied();
        let new = added.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        let all: Vec<HeaderPair<'_>> = own.chain(new).collect();
        let headers = HeaderIndex::new(&all).all_signed();
        let signed = SignedHeaders::all(&headers);
        let query = CanonicalQuery::parse(head.query)?;
        let signature = self.signature(head, &headers, &query, &signed, &line, &time)?;
        let authorization = format!(
            "{ALGORITHM} Credential={}, SignedHeaders={}, Signature={}",
            self.credential(&time),
            signed.as_str(),
            signature.to_hex()
        );
        added.push(("authorization", authorization));
        Ok(added)
    }

    /// The parameters to append to `head`'s query, after an `&` if it has one. All of `head`'s
    /// headers are signed. `body` is the hash of the body, that of no bytes for a plain `GET`.
    ///
    /// # Errors
    /// When the request has no `host`, is signed already, or is malformed, or when `expires_s` is
    /// not within 1 and 604800.
    pub fn presign(
        &self,
        head: &RequestHead<'_>,
        body: &PayloadHash,
        expires_s: u32,
        at: Timestamp,
    ) -> Result<String, SignError> {
        check(head)?;
        if !(1..=604_800).contains(&expires_s) {
            return Err(Refusal::MalformedExpires.into());
        }
        let time = SigningTime::new(at);
        let headers = HeaderIndex::new(head.headers).all_signed();
        let signed = SignedHeaders::all(&headers);
        let mut added = self.presigned_parameters(&signed, expires_s, &time);
        let pieces = [head.query, added.as_bytes()];
        let all = pieces.into_iter().filter(|piece| !piece.is_empty()).collect::<Vec<_>>();
        let all = all.join(&b'&');
        let query = CanonicalQuery::parse(&all)?;
        let line = body.to_hex();
        let signature = self.signature(head, &headers, &query, &signed, &line, &time)?;
        added.push_str(&format!("&{SIGNATURE}={}", signature.to_hex()));
        Ok(added)
    }

    /// Everything but the signature.
    fn presigned_parameters(
        &self,
        signed: &SignedHeaders,
        expires_s: u32,
        time: &SigningTime,
    ) -> String {
        let mut pieces = vec![
            format!("X-Amz-Algorithm={ALGORITHM}"),
            format!("X-Amz-Credential={}", encode(self.credential(time).as_bytes())),
            format!("X-Amz-Date={}", time.text()),
            format!("X-Amz-Expires={expires_s}"),
            format!("X-Amz-SignedHeaders={}", encode(signed.as_str().as_bytes())),
        ];
        if let Some(token) = &self.session_token {
            pieces.push(format!("{SECURITY_TOKEN}={}", encode(token.expose().as_bytes())));
        }
        pieces.join("&")
    }

    fn signature(
        &self,
        head: &RequestHead<'_>,
        headers: &Marked<'_>,
        query: &CanonicalQuery<'_>,
        signed: &SignedHeaders,
        payload: &str,
        time: &SigningTime,
    ) -> Result<Signature, SignError> {
        let canonical =
            CanonicalHead::new(head, headers, query, signed)?.with_payload(payload.as_bytes());
        let scope = self.scope(time);
        let string = StringToSign::new(time.text(), &scope.to_string(), &canonical);
        Ok(self.secret.signing_key(scope).sign(&string))
    }

    fn scope<'a>(&'a self, time: &'a SigningTime) -> Scope<'a> {
        Scope { date: time.date(), region: &self.region, service: &self.service }
    }

    fn credential(&self, time: &SigningTime) -> String {
        format!("{}/{}", self.access_key_id, self.scope(time))
    }
}

impl SignedPayload {
    fn line(&self) -> String {
        match self {
            Self::Hashed(hash) | Self::Declared(hash) => hash.to_hex(),
            Self::Unsigned => UNSIGNED_PAYLOAD.to_owned(),
        }
    }
}

/// What a request must be like before it is signed.
fn check(head: &RequestHead<'_>) -> Result<(), SignError> {
    let headers = HeaderIndex::new(head.headers);
    if let Some(position) = head.headers.iter().position(|(name, _)| !is_token(name)) {
        return Err(SignError::MalformedHeaderName { position });
    }
    if headers.values("host").next().is_none() {
        return Err(SignError::HostMissing);
    }
    if let Some(name) = ADDED.into_iter().find(|name| headers.values(name).next().is_some()) {
        return Err(SignError::AlreadyPresent { name });
    }
    let query = CanonicalQuery::parse(head.query)?;
    match PRESIGNED.into_iter().find(|name| !matches!(query.single(name), Ok(None))) {
        Some(name) => Err(SignError::AlreadyPresent { name }),
        None => Ok(()),
    }
}
