//! What of a caller's request does not reach the upstream: its credentials, what is meant for this
//! connection alone, and anything that could pass for what is about to be injected.

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Version};
use hyper::upgrade::OnUpgrade;
use percent_encoding::percent_decode_str;
use tollgate_sigv4::{CanonicalPath, Mechanism};

use crate::authorize::Authorized;
use crate::body::Arriving;
use crate::credential::{Credential, Injection};
use crate::frame::could_pass_for;
use crate::plan::Forwarding;
use crate::refusal::Refusal;
use crate::service::Lasting;
use crate::verify::Payload;

/// A request without anything of the caller's that is not the upstream's business. Only [`strip`]
/// makes one, and only of an [`Authorized`] request.
pub(crate) struct Stripped {
    pub(crate) method: Method,
    pub(crate) path: CanonicalPath,
    pub(crate) query: Option<String>,
    pub(crate) headers: HeaderMap,
    pub(crate) payload: Payload<Arriving>,
    /// The caller's end of the connection, if the request asks to change the protocol.
    pub(crate) upgrade: Option<Upgrade>,
}

/// A caller's end of a connection that is to change its protocol.
pub(crate) struct Upgrade {
    pub(crate) caller: OnUpgrade,
    /// Is held until the connection ends.
    pub(crate) lasting: Option<Lasting>,
}

impl Stripped {
    /// The same request once more. `None` if its body has not been read, or if doing it twice is
    /// not the same as doing it once.
    pub(crate) fn again(&self) -> Option<Box<Stripped>> {
        let Payload::Whole(body) = &self.payload else { return None };
        let is_idempotent =
            matches!(self.method.as_str(), "GET" | "HEAD" | "OPTIONS" | "PUT" | "DELETE");
        let again = || Stripped {
            method: self.method.clone(),
            path: self.path.clone(),
            query: self.query.clone(),
            headers: self.headers.clone(),
            payload: Payload::Whole(Bytes::clone(body)),
            upgrade: None,
        };
        (is_idempotent && self.upgrade.is_none()).then(|| Box::new(again()))
    }
}

/// Whether the header, or one that a server could take it for, is for this connection alone, or
/// tells the upstream what it should not believe.
fn is_never_passed_on(name: &str) -> bool {
    let could_be_hyphen = |char: char| char != '-' && !char.is_ascii_alphanumeric();
    let folded = || name.replace(could_be_hyphen, "-");
    is_dropped(name) || (name.contains(could_be_hyphen) && is_dropped(&folded()))
}

fn is_dropped(name: &str) -> bool {
    let is_dropped = matches!(
        name,
        "authorization"
            | "connection"
            | "content-length"
            | "expect"
            | "forwarded"
            | "host"
            | "keep-alive"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "proxy-connection"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
            | "x-real-ip"
    );
    is_dropped || name.starts_with("x-amz-") || name.starts_with("x-forwarded-")
}

/// Takes away what does not reach the upstream. What is left is boxed, because what waits holds it.
///
/// # Errors
/// It asks for a WebSocket, in which nothing could be looked for, on a route whose bodies are searched.
pub(crate) fn strip(
    authorized: Authorized<'_, Arriving>,
    plan: &Forwarding,
) -> Result<Box<Stripped>, Refusal> {
    let is_presigned = authorized.mechanism() == Some(Mechanism::Presigned);
    let (mut parts, path, payload) = authorized.into_parts();
    let is_websocket = is_websocket(&parts);
    if is_websocket && plan.scrub_body {
        return Err(Refusal::Unsearchable);
    }
    let nominated = nominated(&parts.headers);
    let is_dropped = |name: &HeaderName| {
        let injected = plan.credentials.iter().filter_map(|it| it.injection.header());
        let mut injected = injected.map(HeaderName::as_str);
        is_never_passed_on(name.as_str())
            || nominated.contains(name)
            || injected.any(|injected| could_pass_for(name.as_str(), injected))
    };
    let dropped: Vec<HeaderName> =
        parts.headers.keys().filter(|name| is_dropped(name)).cloned().collect();
    for name in dropped {
        parts.headers.remove(name);
    }
    if parts.version == Version::HTTP_2
        && let Some(cookies) = in_one_line(&parts.headers, &header::COOKIE, b"; ")
    {
        // HTTP/1 has one line of them (RFC 9113 §8.2.3).
        parts.headers.insert(header::COOKIE, cookies);
    }
    if plan.scrub_body {
        // Without the header, any encoding would do.
        parts.headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        // In parts, a secret could be had that is in none of them.
        parts.headers.remove(header::RANGE);
        parts.headers.remove(header::IF_RANGE);
    }
    if is_websocket {
        parts.headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        parts.headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    }
    let query =
        parts.uri.query().and_then(|query| kept_query(query, is_presigned, &plan.credentials));
    let (method, headers) = (parts.method.clone(), std::mem::take(&mut parts.headers));
    let lasting = parts.extensions.remove();
    let upgrade = is_websocket.then(|| {
        let caller = hyper::upgrade::on(Request::from_parts(parts, ()));
        Upgrade { caller, lasting }
    });
    Ok(Box::new(Stripped { method, path, query, headers, payload, upgrade }))
}

/// All values of a header in one line; `None` if there is none.
pub(crate) fn in_one_line(
    headers: &HeaderMap,
    name: &HeaderName,
    separator: &[u8],
) -> Option<HeaderValue> {
    let values: Vec<&[u8]> = headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
    HeaderValue::from_bytes(&values.join(separator)).ok().filter(|_| !values.is_empty())
}

/// Whether the request asks to go on as a WebSocket (RFC 6455 §4.1). Nothing else is changed to.
fn is_websocket(parts: &http::request::Parts) -> bool {
    let says = |name, word: &str| {
        let values = parts.headers.get_all(name).into_iter();
        let mut words = values.filter_map(|value| value.to_str().ok()).flat_map(|it| it.split(','));
        words.any(|said| said.trim().eq_ignore_ascii_case(word))
    };
    parts.version == Version::HTTP_11
        && parts.method == Method::GET
        && says(header::CONNECTION, "upgrade")
        && says(header::UPGRADE, "websocket")
}

/// The headers that the `Connection` header names.
pub(crate) fn nominated(headers: &HeaderMap) -> Vec<HeaderName> {
    let values = headers.get_all(header::CONNECTION).into_iter().map(HeaderValue::as_bytes);
    // The most usual value is the name of a header that is dropped anyway.
    let values = values.filter(|value| !value.eq_ignore_ascii_case(b"keep-alive"));
    let names = values.flat_map(|value| value.split(|byte| *byte == b',')).map(<[u8]>::trim_ascii);
    names.filter_map(|name| HeaderName::from_bytes(name).ok()).collect()
}

/// The raw query without the parameters of a presigned URL, and without those that are injected.
/// What stays, stays as it is.
fn kept_query(
    query: &str,
    is_presigned: bool,
    credentials: &[std::sync::Arc<Credential>],
) -> Option<String> {
    let is_injected = |name: &str| {
        credentials.iter().any(|credential| {
            matches!(&credential.injection, Injection::Query { name: injected } if injected.eq_ignore_ascii_case(name))
        })
    };
    let asks = |credential: &std::sync::Arc<Credential>| {
        matches!(credential.injection, Injection::Query { .. })
    };
    if !is_presigned && !credentials.iter().any(asks) {
        return Some(query.to_owned());
    }
    let is_kept_alone = |piece: &str| {
        let name = piece.split('=').next().unwrap_or_default().replace('+', " ");
        let name = percent_decode_str(&name).decode_utf8_lossy();
        let is_of_the_signature =
            is_presigned && name.get(..6).is_some_and(|head| head.eq_ignore_ascii_case("X-Amz-"));
        !is_of_the_signature && !is_injected(&encoded(&name))
    };
    // Some servers read `;` as `&`.
    let is_kept = |piece: &&str| piece.split(';').all(is_kept_alone);
    let kept: Vec<&str> = query.split('&').filter(is_kept).collect();
    (!kept.is_empty()).then(|| kept.join("&"))
}

/// A name as a query has it.
pub(crate) fn encoded(name: &str) -> String {
    percent_encoding::utf8_percent_encode(name, crate::credential::RESERVED).to_string()
}
