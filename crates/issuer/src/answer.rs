//! A request as it arrived, whole, and the answer as it leaves.

use std::net::IpAddr;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HOST, HeaderName, HeaderValue, USER_AGENT};
use http::request::Parts;
use http::{HeaderMap, Response, StatusCode};
use jiff::Timestamp;
use tollgate_sigv4::{HeaderPair, RequestHead, Transport};
use tollgate_sts::{Answer, Call, DeliveryRequest};

/// The longest body that is read; the largest form of the protocol, and more than a bridge's request.
pub const BODY_BYTES_MAX: usize = tollgate_sts::FORM_BYTES_MAX;

/// A request, read to its end.
#[derive(Debug)]
pub struct Arrived {
    /// Its head.
    pub head: Parts,
    /// Its body, at most [`BODY_BYTES_MAX`].
    pub body: Bytes,
    /// Where it came from.
    pub peer: IpAddr,
    /// Whether it came inside TLS.
    pub transport: Transport,
    /// When.
    pub at: Timestamp,
}

impl Arrived {
    /// A header that is there once, as text.
    pub(crate) fn header(&self, name: &HeaderName) -> Option<&str> {
        text(&self.head.headers, name)
    }

    /// The circumstances of the call.
    pub(crate) fn call(&self) -> Call {
        Call {
            now: self.at,
            source_ip: Some(self.peer),
            is_secure: self.transport == Transport::Tls,
            user_agent: self.user_agent(),
        }
    }

    /// The caller's program, as policies and the gateway's log have it.
    fn user_agent(&self) -> Option<String> {
        let agent = self.head.headers.get(USER_AGENT)?;
        Some(String::from_utf8_lossy(agent.as_bytes()).into_owned())
    }

    /// Its headers, and the host of HTTP/2.
    pub(crate) fn pairs(&self) -> Vec<HeaderPair<'_>> {
        let headers = self.head.headers.iter();
        let mut pairs: Vec<HeaderPair<'_>> =
            headers.map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes())).collect();
        if let (Some(authority), false) =
            (self.head.uri.authority(), self.head.headers.contains_key(HOST))
        {
            pairs.push((b"host", authority.as_str().as_bytes()));
        }
        pairs
    }

    /// What a verifier of signatures looks at.
    pub(crate) fn signed<'a>(&'a self, pairs: &'a [HeaderPair<'a>]) -> RequestHead<'a> {
        RequestHead {
            method: self.head.method.as_str().as_bytes(),
            path: self.head.uri.path().as_bytes(),
            query: self.head.uri.query().unwrap_or_default().as_bytes(),
            headers: pairs,
            transport: self.transport,
        }
    }

    /// What an endpoint that delivers credentials looks at.
    pub(crate) fn delivery(&self) -> DeliveryRequest<'_> {
        let header = |name: &'static str| self.header(&HeaderName::from_static(name));
        DeliveryRequest {
            method: self.head.method.as_str(),
            path: self.head.uri.path(),
            peer: self.peer,
            host: header("host").or(self.head.uri.authority().map(|host| host.as_str())),
            is_forwarded: self.head.headers.contains_key("x-forwarded-for"),
            authorization: header("authorization"),
            metadata_token: header("x-aws-ec2-metadata-token"),
            metadata_token_ttl: header("x-aws-ec2-metadata-token-ttl-seconds"),
        }
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

/// The answer as HTTP. It may hold a secret, so nobody may keep it.
pub(crate) fn response(answer: Answer, request_id: &str) -> Response<Bytes> {
    let Answer { status, content_type, body } = answer;
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert(HeaderName::from_static("x-amzn-requestid"), id);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callers_program_is_known_whatever_its_bytes() {
        let agent = HeaderValue::from_bytes(b"robot \xe9").unwrap();
        let (head, ()) =
            http::Request::builder().header(USER_AGENT, agent).body(()).unwrap().into_parts();
        let peer = IpAddr::from([127, 0, 0, 1]);
        let (transport, at) = (Transport::Plain, Timestamp::UNIX_EPOCH);
        let arrived = Arrived { head, body: Bytes::new(), peer, transport, at };
        assert_eq!(arrived.call().user_agent.as_deref(), Some("robot \u{fffd}"));
    }
}
