//! Framing: whether the head of a request can be read in one way only.
//!
//! hyper has parsed the head; what is judged here is what two servers could read differently: how
//! long the body is, which host is meant, which method. Such a request is refused, never repaired.

use std::net::IpAddr;

use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Uri, Version, request::Parts};
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
    /// What `Content-Length` says.
    content_length: Option<u64>,
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
        let marks = Marks::of(&parts.headers);
        let content_length = marks.content_length(parts.version)?;
        marks.check_upgrade()?;
        marks.check_override()?;
        let host = marks.host(&parts.uri)?;
        Ok(Framed { head: Box::new(Head { parts, host, content_length, arrival }), body })
    }

    /// The head.
    pub fn head(&self) -> &Parts {
        &self.head.parts
    }

    /// The host that is meant, in lower case, with its port if it has one.
    pub fn host(&self) -> &str {
        &self.head.host
    }

    /// How many bytes its body has, if `Content-Length` says.
    pub(crate) fn content_length(&self) -> Option<u64> {
        self.head.content_length
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

/// The headers that say where a request ends and whom it is for. They are found in one pass.
#[derive(Default)]
struct Marks<'h> {
    host: Mark<'h>,
    content_length: Mark<'h>,
    transfer_encoding: Mark<'h>,
    is_upgrade: bool,
    is_expecting: bool,
    overriding: Option<&'h HeaderName>,
}

/// A header that may be there once.
#[derive(Default)]
struct Mark<'h> {
    first: Option<&'h [u8]>,
    is_repeated: bool,
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

impl<'h> Mark<'h> {
    fn see(&mut self, value: &'h HeaderValue) {
        self.is_repeated = self.first.is_some();
        self.first.get_or_insert(value.as_bytes());
    }
}

impl<'h> Marks<'h> {
    fn of(headers: &'h HeaderMap) -> Marks<'h> {
        let mut marks = Marks::default();
        for (name, value) in headers {
            match name.as_str() {
                "host" => marks.host.see(value),
                "content-length" => marks.content_length.see(value),
                "transfer-encoding" => marks.transfer_encoding.see(value),
                "upgrade" => marks.is_upgrade = true,
                "expect" => marks.is_expecting = true,
                text if OVERRIDES.iter().any(|other| could_pass_for(text, other)) => {
                    marks.overriding.get_or_insert(name);
                }
                _ => {}
            }
        }
        marks
    }

    /// One length, given in one way.
    fn content_length(&self, version: Version) -> Result<Option<u64>, Refusal> {
        let Marks { transfer_encoding, content_length, .. } = self;
        match (transfer_encoding.first, content_length.first) {
            (None, None) => Ok(None),
            (None, Some(_)) if content_length.is_repeated => {
                Err(malformed("more than one `Content-Length`"))
            }
            (None, Some(digits)) => match !digits.is_empty() && is_digits(digits) {
                true => Ok(str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok())),
                false => Err(malformed("`Content-Length` is not a number")),
            },
            (Some(coding), None) => {
                let is_alone = !transfer_encoding.is_repeated && version == Version::HTTP_11;
                match is_alone && coding.eq_ignore_ascii_case(b"chunked") {
                    true => Ok(None),
                    false => Err(malformed("`Transfer-Encoding` is not `chunked` alone")),
                }
            }
            (Some(_), Some(_)) => Err(malformed("both `Transfer-Encoding` and `Content-Length`")),
        }
    }

    /// A request that asks for another protocol has no body, and expects nothing.
    fn check_upgrade(&self) -> Result<(), Refusal> {
        let has_body = self.content_length.first.is_some_and(|length| length != b"0")
            || self.transfer_encoding.first.is_some();
        match self.is_upgrade && (has_body || self.is_expecting) {
            true => Err(malformed("an `Upgrade` with a body")),
            false => Ok(()),
        }
    }

    fn check_override(&self) -> Result<(), Refusal> {
        match self.overriding {
            Some(name) => {
                Err(malformed(format!("`{name}` would change what the request is authorized for")))
            }
            None => Ok(()),
        }
    }

    /// The one host: of the `Host` header, of HTTP/2's `:authority`, or of both if they are the same.
    fn host(&self, uri: &Uri) -> Result<String, Refusal> {
        if self.host.is_repeated {
            return Err(malformed("more than one `Host`"));
        }
        let authority = uri.authority().map(|authority| authority.as_str().as_bytes());
        let host = match (self.host.first, authority) {
            (Some(header), Some(authority)) if !header.eq_ignore_ascii_case(authority) => {
                return Err(malformed("the authority of the request line is not the `Host`"));
            }
            (Some(host), _) | (None, Some(host)) => host,
            (None, None) => return Err(malformed("no `Host`")),
        };
        match str::from_utf8(host) {
            Ok(text) if !host.is_empty() && host.iter().all(is_of_a_host) => {
                Ok(text.to_ascii_lowercase())
            }
            _ => Err(malformed("`Host` is not a host name")),
        }
    }
}

fn is_of_a_host(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'[' | b']')
}

/// Whether a server could take one header for the other: many read `_` as `-`, and some whatever is
/// no letter and no digit.
pub(crate) fn could_pass_for(name: &str, other: &str) -> bool {
    let fold = |byte: u8| if byte.is_ascii_alphanumeric() { byte } else { b'-' };
    name.len() == other.len() && name.bytes().map(fold).eq(other.bytes().map(fold))
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
