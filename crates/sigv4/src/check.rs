//! What can be judged without a key: scope, time, signed headers, token, declared payload.
//!
//! Rules 3, 4 and 8 to 11. A [`Claim`] has passed all of them and still proves nothing.

use jiff::Timestamp;

use crate::{
    PayloadHash, Refusal, RequestHead, ScopeElement, Transport,
    head::{HeaderIndex, Marked},
    payload::UNSIGNED_PAYLOAD,
    present::{Presented, SignedHeaders, TERMINATOR},
    time::{seconds_between, shifted},
};

/// The header that declares the payload's hash. It alone among `x-amz-*` may be unsigned: its value
/// is bound by the payload line, and it never selects another way to verify.
const CONTENT_SHA256: &str = "x-amz-content-sha256";

/// What is done with a request whose body is not signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnsignedPayload {
    /// It is refused.
    #[default]
    Refuse,
    /// It is accepted inside TLS. Whoever holds the connection can then change the body.
    DangerAcceptOverTls,
}

/// Verifies requests to one service in one region.
///
/// ```
/// use tollgate_sigv4::Verifier;
///
/// let verifier = Verifier::new("eu-west-1").clock_skew_s(60).presigned_lifetime_s_max(900);
/// # let _ = verifier;
/// ```
#[derive(Clone, Debug)]
pub struct Verifier {
    region: String,
    service: String,
    clock_skew_s: u32,
    presigned_lifetime_s_max: u32,
    unsigned_payload: UnsignedPayload,
}

/// How the head binds the payload.
#[derive(Clone, Copy)]
pub(crate) enum DeclaredPayload {
    /// It does not: the hash of the body is the payload line.
    Nothing,
    /// By this hash, which the body must have.
    Hash(PayloadHash),
    /// By `UNSIGNED-PAYLOAD`, which is acceptable here.
    Unsigned,
}

/// What a request presents, after everything but the signature has been checked.
pub(crate) struct Claim<'a> {
    pub(crate) presented: Presented,
    pub(crate) headers: Marked<'a>,
    pub(crate) payload: DeclaredPayload,
    /// The last second at which this request is accepted.
    pub(crate) valid_until: Timestamp,
}

impl Verifier {
    /// A verifier for `region` and the service `execute-api`. Clocks may differ by five minutes, a
    /// presigned request holds five minutes at most, and an unsigned payload is refused.
    pub fn new(region: impl Into<String>) -> Self {
        Self {
            region: region.into(),
            service: "execute-api".to_owned(),
            clock_skew_s: 300,
            presigned_lifetime_s_max: 300,
            unsigned_payload: UnsignedPayload::Refuse,
        }
    }

    /// Expects this service in the credential scope.
    #[must_use]
    pub fn service(mut self, service: impl Into<String>) -> Self {
        self.service = service.into();
        self
    }

    /// How many seconds the clocks may differ, in either direction.
    #[must_use]
    pub fn clock_skew_s(mut self, seconds: u32) -> Self {
        self.clock_skew_s = seconds;
        self
    }

    /// How many seconds a presigned request holds at most, whatever longer time it asks for.
    #[must_use]
    pub fn presigned_lifetime_s_max(mut self, seconds: u32) -> Self {
        self.presigned_lifetime_s_max = seconds;
        self
    }

    /// What is done with an unsigned payload.
    #[must_use]
    pub fn unsigned_payload(mut self, rule: UnsignedPayload) -> Self {
        self.unsigned_payload = rule;
        self
    }

    /// Checks everything that needs no key.
    pub(crate) fn check<'a>(
        &self,
        presented: Presented,
        head: &RequestHead<'_>,
        headers: HeaderIndex<'a>,
        now: Timestamp,
    ) -> Result<Claim<'a>, Refusal> {
        self.check_scope(&presented)?;
        let valid_until = self.check_time(&presented, now)?;
        check_token(&presented, &headers)?;
        let declared = headers.single(CONTENT_SHA256);
        let headers = check_signed_headers(&presented.signed_headers, headers)?;
        let payload = self.check_payload(head.transport, declared?)?;
        Ok(Claim { presented, headers, payload, valid_until })
    }

    /// Rule 3.
    fn check_scope(&self, presented: &Presented) -> Result<(), Refusal> {
        let scope = presented.credential.scope();
        for (element, found, expected) in [
            (ScopeElement::Terminator, presented.credential.terminator(), TERMINATOR),
            (ScopeElement::Date, scope.date, presented.time.date()),
            (ScopeElement::Region, scope.region, &self.region),
            (ScopeElement::Service, scope.service, &self.service),
        ] {
            if found != expected {
                let (found, expected) = (found.to_owned(), expected.to_owned());
                return Err(Refusal::WrongScope { element, found, expected });
            }
        }
        Ok(())
    }

    /// Rules 4 and 11: until when the request is valid, if it is valid now.
    fn check_time(&self, presented: &Presented, now: Timestamp) -> Result<Timestamp, Refusal> {
        let signed_at = presented.time.at;
        let clock_skew_s = self.clock_skew_s;
        let age_s = seconds_between(signed_at, now);
        if age_s < -i64::from(clock_skew_s) {
            return Err(Refusal::SignatureNotYetCurrent { signed_at, now, clock_skew_s });
        }
        let capped = |seconds: u32| seconds.min(self.presigned_lifetime_s_max);
        let lifetime_s = presented.expires_s.map_or(clock_skew_s, capped);
        if age_s > i64::from(lifetime_s) {
            return Err(Refusal::SignatureExpired { signed_at, now, lifetime_s });
        }
        Ok(shifted(signed_at, i64::from(lifetime_s)))
    }

    /// Rule 10, as far as the head goes.
    fn check_payload(
        &self,
        transport: Transport,
        declared: Option<&[u8]>,
    ) -> Result<DeclaredPayload, Refusal> {
        let Some(declared) = declared else { return Ok(DeclaredPayload::Nothing) };
        if declared.starts_with(b"STREAMING-") {
            return Err(Refusal::StreamingPayload);
        }
        if declared != UNSIGNED_PAYLOAD.as_bytes() {
            let hash = PayloadHash::from_hex(declared).ok_or(Refusal::MalformedPayloadHash)?;
            return Ok(DeclaredPayload::Hash(hash));
        }
        match (self.unsigned_payload, transport) {
            (UnsignedPayload::DangerAcceptOverTls, Transport::Tls) => Ok(DeclaredPayload::Unsigned),
            _ => Err(Refusal::UnsignedPayload),
        }
    }
}

/// Rule 8.
fn check_signed_headers<'a>(
    signed: &SignedHeaders,
    headers: HeaderIndex<'a>,
) -> Result<Marked<'a>, Refusal> {
    let text = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
    let must_be_signed =
        |name: &&[u8]| name.starts_with(b"x-amz-") && **name != *CONTENT_SHA256.as_bytes();
    if !signed.names().any(|name| name == b"host") {
        return Err(Refusal::HostNotSigned);
    }
    let (marked, absent) = headers.signed_by(signed.names());
    if let Some(name) = absent {
        return Err(Refusal::SignedHeaderAbsent { name: text(name) });
    }
    if let Some(name) = marked.unsigned().find(must_be_signed) {
        return Err(Refusal::HeaderNotSigned { name: text(name) });
    }
    Ok(marked)
}

/// Rule 9. In a presigned request the token is part of the query, which is always signed.
fn check_token(presented: &Presented, headers: &HeaderIndex<'_>) -> Result<(), Refusal> {
    const HEADER: &str = "x-amz-security-token";
    let is_temporary = presented.credential.access_key_id().starts_with("ASIA");
    if is_temporary && presented.session_token.is_none() {
        return Err(Refusal::TokenMissing);
    }
    let in_header = headers.values(HEADER).next().is_some();
    if in_header && !presented.signed_headers.names().any(|name| name == HEADER.as_bytes()) {
        return Err(Refusal::TokenNotSigned);
    }
    Ok(())
}
