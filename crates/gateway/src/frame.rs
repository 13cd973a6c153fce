//! Framing: whether the head of a request can be read in one way only.
//!
//! hyper has parsed the head; what is judged here is what two servers could read differently: how
//! long the body is, which host is meant, which method. Such a request is refused, never repaired.

use std::net::IpAddr;

use http::header::{CONTENT_LENGTH, EXPECT, HOST, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, Method, Request, Version, request::Parts};
use jiff::Timestamp;
use tollgate_sigv4::Transport;

use crate::refusal::Refusal;
use crate::wire::Ambiguity;

/// How and when a request arrived.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// Where the connection comes from: the condition key `aws:SourceIp`.
    pub peer: IpAddr,
    /// Whether the connection is encrypted.
    pub transport: Transport,
    /// When.
    pub at: Timestamp,
}

/// A request whose head can be read in one way only. Only [`Framed::new`] makes one.
#[derive(Debug)]
pub struct Framed<B> {
    /// Boxed, because it is handed from stage to stage.
    head: Box<Head>,
    body: B,
}

#[derive(Debug)]
struct Head {
    parts: Parts,
    host: String,
    arrival: Arrival,
}

impl<B> Framed<B> {
    /// Judges the framing of a request with at most `headers_max` headers.
    ///
    /// # Errors
    /// Says what could be read in more than one way.
    pub fn new(
        request: Request<B>,
        arrival: Arrival,
        headers_max: usize,
    ) -> Result<Framed<B>, Refusal> {
        let (parts, body) = request.into_parts();
        if parts.headers.len() > headers_max {
            return Err(Refusal::TooManyHeaders);
        }
        // The service has seen the bytes.
        if let Some(Ambiguity(what)) = parts.extensions.get() {
            return Err(malformed(*what));
        }
        check_method(&parts.method)?;
        check_length(&parts)?;
        check_upgrade(&parts.headers)?;
        check_overrides(&parts.headers)?;
        let host = host(&parts)?;
        Ok(Framed { head: Box::new(Head { parts, host, arrival }), body })
    }

    /// The head.
    pub fn head(&self) -> &Parts {
        &self.head.parts
    }

    /// The host that is meant, in lower case, with its port if it has one.
    pub fn host(&self) -> &str {
        &self.head.host
    }

    /// How it arrived.
    pub fn arrival(&self) -> Arrival {
        self.head.arrival
    }

    pub(crate) fn into_parts(self) -> (Parts, B) {
        (self.head.parts, self.body)
    }

    pub(crate) fn replace_body<C>(self, body: C) -> (Framed<C>, B) {
        let Framed { head, body: old } = self;
        (Framed { head, body }, old)
    }
}

/// Methods are upper-case words. `CONNECT` and `TRACE` are for proxies of another kind.
fn check_method(method: &Method) -> Result<(), Refusal> {
    if matches!(*method, Method::CONNECT | Method::TRACE) {
        return Err(Refusal::Method);
    }
    let is_word = |byte: u8| byte.is_ascii_uppercase() || byte == b'-';
    match method.as_str().bytes().all(is_word) {
        true => Ok(()),
        false => Err(malformed("a method is in upper case")),
    }
}

/// One length, given in one way.
fn check_length(parts: &Parts) -> Result<(), Refusal> {
    let mut encodings = values(&parts.headers, TRANSFER_ENCODING);
    let mut lengths = values(&parts.headers, CONTENT_LENGTH);
    let is_chunked = |coding: &[u8]| coding.eq_ignore_ascii_case(b"chunked");
    let (encodings, lengths) =
        ([encodings.next(), encodings.next()], [lengths.next(), lengths.next()]);
    match (encodings, lengths) {
        ([None, _], [None, _]) => Ok(()),
        ([None, _], [Some(only), None]) => match !only.is_empty() && is_digits(only) {
            true => Ok(()),
            false => Err(malformed("`Content-Length` is not a number")),
        },
        ([None, _], _) => Err(malformed("more than one `Content-Length`")),
        ([Some(only), None], [None, _])
            if is_chunked(only) && parts.version == Version::HTTP_11 =>
        {
            Ok(())
        }
        (_, [None, _]) => Err(malformed("`Transfer-Encoding` is not `chunked` alone")),
        (_, _) => Err(malformed("both `Transfer-Encoding` and `Content-Length`")),
    }
}

/// A request that asks for another protocol has no body, and expects nothing.
fn check_upgrade(headers: &HeaderMap) -> Result<(), Refusal> {
    if !headers.contains_key(UPGRADE) {
        return Ok(());
    }
    let empty = values(headers, CONTENT_LENGTH).all(|length| length == b"0");
    if !empty || headers.contains_key(TRANSFER_ENCODING) || headers.contains_key(EXPECT) {
        return Err(malformed("an `Upgrade` with a body"));
    }
    Ok(())
}

/// Headers by which some servers let the method or the path be another than the one authorized.
const OVERRIDES: [&str; 6] = [
    "x-http-method-override",
    "x-http-method",
    "x-method-override",
    "x-original-url",
    "x-rewrite-url",
    "x-original-uri",
];

fn check_overrides(headers: &HeaderMap) -> Result<(), Refusal> {
    let is_override = |name: &&http::HeaderName| {
        OVERRIDES.iter().any(|other| could_pass_for(name.as_str(), other))
    };
    match headers.keys().find(is_override) {
        Some(name) => {
            Err(malformed(format!("`{name}` would change what the request is authorized for")))
        }
        None => Ok(()),
    }
}

/// The one host: of the `Host` header, of HTTP/2's `:authority`, or of both if they are the same.
fn host(parts: &Parts) -> Result<String, Refusal> {
    let mut named = values(&parts.headers, HOST);
    let (header, second) = (named.next(), named.next());
    if second.is_some() {
        return Err(malformed("more than one `Host`"));
    }
    let authority = parts.uri.authority().map(|authority| authority.as_str().as_bytes());
    let host = match (header, authority) {
        (Some(header), Some(authority)) if !header.eq_ignore_ascii_case(authority) => {
            return Err(malformed("the authority of the request line is not the `Host`"));
        }
        (Some(host), _) | (None, Some(host)) => host,
        (None, None) => return Err(malformed("no `Host`")),
    };
    let is_host = |byte: &u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(byte);
    match str::from_utf8(host) {
        Ok(text) if !host.is_empty() && host.iter().all(is_host) => Ok(text.to_ascii_lowercase()),
        _ => Err(malformed("`Host` is not a host name")),
    }
}

/// Whether a server could take one header for the other: many read `_` as `-`.
pub(crate) fn could_pass_for(name: &str, other: &str) -> bool {
    let fold = |byte: u8| if byte == b'_' { b'-' } else { byte };
    name.len() == other.len() && name.bytes().map(fold).eq(other.bytes().map(fold))
}

fn values(headers: &HeaderMap, name: http::HeaderName) -> impl Iterator<Item = &[u8]> {
    headers.get_all(name).into_iter().map(|value| value.as_bytes())
}

fn is_digits(text: &[u8]) -> bool {
    text.iter().all(u8::is_ascii_digit)
}

fn malformed(what: impl Into<String>) -> Refusal {
    Refusal::Malformed(what.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(method: &str, uri: &str, headers: &[(&str, &str)]) -> Result<String, String> {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let arrival = Arrival {
            peer: [127, 0, 0, 1].into(),
            transport: Transport::Plain,
            at: Timestamp::UNIX_EPOCH,
        };
        Framed::new(request.body(()).unwrap(), arrival, 8)
            .map(|framed| framed.host().to_owned())
            .map_err(|refusal| refusal.message())
    }

    #[track_caller]
    fn check(headers: &[(&str, &str)], expected: Result<&str, &str>) {
        let actual = frame("GET", "/", headers);
        assert_eq!(
            actual.as_deref().map_err(|it| it.trim_start_matches("Bad request: ")),
            expected
        );
    }

    #[test]
    fn a_body_has_one_length() {
        let with = |more: &[(&'static str, &'static str)]| [&[("host", "a")], more].concat();
        check(&with(&[("content-length", "3")]), Ok("a"));
        check(&with(&[("transfer-encoding", "Chunked")]), Ok("a"));
        check(
            &with(&[("transfer-encoding", "chunked"), ("content-length", "3")]),
            Err("both `Transfer-Encoding` and `Content-Length`"),
        );
        check(
            &with(&[("transfer-encoding", "gzip, chunked")]),
            Err("`Transfer-Encoding` is not `chunked` alone"),
        );
        check(
            &with(&[("transfer-encoding", "chunked"), ("transfer-encoding", "identity")]),
            Err("`Transfer-Encoding` is not `chunked` alone"),
        );
        check(&with(&[("content-length", "+3")]), Err("`Content-Length` is not a number"));
        check(
            &with(&[("content-length", "3"), ("content-length", "3")]),
            Err("more than one `Content-Length`"),
        );
        check(
            &with(&[("upgrade", "h2c"), ("content-length", "1")]),
            Err("an `Upgrade` with a body"),
        );
    }

    #[test]
    fn one_host_is_meant() {
        check(&[("host", "API.example.com:8080")], Ok("api.example.com:8080"));
        check(&[], Err("no `Host`"));
        check(&[("host", "a"), ("host", "a")], Err("more than one `Host`"));
        check(&[("host", "a/b")], Err("`Host` is not a host name"));
        check(&[("host", "a@b")], Err("`Host` is not a host name"));
        let absolute = |host| frame("GET", "http://a/", &[("host", host)]);
        assert_eq!(absolute("A").unwrap(), "a");
        assert!(absolute("b").is_err());
    }

    #[test]
    fn the_method_is_the_one_in_the_request_line() {
        check(
            &[("host", "a"), ("x-http-method-override", "DELETE")],
            Err("`x-http-method-override` would change what the request is authorized for"),
        );
        assert!(frame("get", "/", &[("host", "a")]).is_err());
        assert!(frame("CONNECT", "/", &[("host", "a")]).is_err());
        assert!(frame("M-SEARCH", "/", &[("host", "a")]).is_ok());
    }

    #[test]
    fn headers_are_counted() {
        let many = [("host", "a"), ("a", "1"), ("a", "2"), ("a", "3"), ("b", "1"), ("b", "2")];
        assert!(frame("GET", "/", &many).is_ok());
        let more = [&many[..], &[("c", "1"), ("c", "2"), ("c", "3")]].concat();
        assert_eq!(frame("GET", "/", &more).unwrap_err(), "Request header fields too large");
    }
}
