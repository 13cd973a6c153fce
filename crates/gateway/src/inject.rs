//! The credential goes in. Nothing but a [`Stripped`] request, which only an authorized one becomes,
//! can be given to [`inject`].

use std::sync::Arc;

use bytes::Bytes;
use http::header::HOST;
use http::uri::{PathAndQuery, Scheme};
use http::{Request, Uri};
use http_body_util::{Either, Full};
use jiff::Timestamp;
use tollgate_sigv4::{HeaderPair, PayloadHash, RequestHead, SignedPayload, Signer, Transport};

use crate::body::Uploading;
use crate::credential::{Piece, Prepared};
use crate::plan::Forwarding;
use crate::pool::Origin;
use crate::refusal::Refusal;
use crate::strip::{Stripped, Upgrade};
use crate::upstream::{PLACEHOLDER, RequestBody};
use crate::verify::Payload;

/// A request that is ready for the upstream. Only [`inject`] makes one.
pub(crate) struct Injected {
    pub(crate) request: Request<RequestBody>,
    pub(crate) upgrade: Option<Upgrade>,
    /// What was injected, which must not come back.
    pub(crate) prepared: Vec<Arc<Prepared>>,
}

/// Puts the credentials of the route into the request.
///
/// # Errors
/// A credential cannot be had, or does not fit.
pub(crate) fn inject(
    stripped: Box<Stripped>,
    plan: &Forwarding,
    prepared: Vec<Arc<Prepared>>,
    now: Timestamp,
) -> Result<Injected, Refusal> {
    let Stripped { method, path, query, headers, payload, upgrade } = *stripped;
    let uri = uri(plan, path.as_str(), query.as_deref(), &prepared)?;
    let hash = match &payload {
        Payload::Whole(bytes) => Some(bytes),
        Payload::Streaming(..) => None,
    };
    let signers = prepared.iter().filter_map(|prepared| match &prepared.piece {
        Piece::Signer(signer) => Some(signer),
        _ => None,
    });
    let payload_of = |body: Option<&Bytes>| match body {
        Some(bytes) => SignedPayload::Declared(PayloadHash::of(bytes)),
        None => SignedPayload::Unsigned,
    };
    let mut request = Request::new(());
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    for prepared in &prepared {
        if let Piece::Header(name, value) = &prepared.piece {
            request.headers_mut().insert(name, value.clone());
        }
    }
    for signer in signers {
        sign(&mut request, plan.upstream.origin(), signer, payload_of(hash), now)?;
    }
    let body = match payload {
        Payload::Whole(bytes) => Either::Left(Full::new(bytes)),
        Payload::Streaming(body, bytes_max) => Either::Right(Uploading::new(body, bytes_max)),
    };
    Ok(Injected { request: request.map(|()| body), upgrade, prepared })
}

/// The path of the upstream's URL, the path that was authorized, the query that the caller sent, and
/// what is injected into either.
fn uri(
    plan: &Forwarding,
    path: &str,
    query: Option<&str>,
    prepared: &[Arc<Prepared>],
) -> Result<Uri, Refusal> {
    let base = plan.upstream.base_path();
    // Where nothing is injected here, the text has its exact length, and is not copied again.
    let query_length = query.map_or(0, |query| query.len() + 1);
    let mut text = String::with_capacity(base.len() + path.len() + query_length);
    text.push_str(base);
    for prepared in prepared {
        if let Piece::Path(secret) = &prepared.piece {
            text = text.replace(PLACEHOLDER, secret);
        }
    }
    text.push_str(path);
    let parameters = prepared.iter().filter_map(|prepared| match &prepared.piece {
        Piece::Parameter(parameter) => Some(parameter.as_str()),
        _ => None,
    });
    let mut separator = '?';
    for parameter in query.into_iter().chain(parameters) {
        text.push(separator);
        text.push_str(parameter);
        separator = '&';
    }
    // The text may hold a secret, so it is in no message.
    PathAndQuery::from_maybe_shared(Bytes::from(text))
        .map(Uri::from)
        .map_err(|_| Refusal::Malformed("the path or query does not fit into a URL".to_owned()))
}

/// Signs for an upstream that is AWS, or like it. Every header is signed.
fn sign(
    request: &mut Request<()>,
    origin: &Origin,
    signer: &Signer,
    payload: SignedPayload,
    now: Timestamp,
) -> Result<(), Refusal> {
    let unsigned = |why: String| Refusal::Credential(format!("cannot sign the request: {why}"));
    let uri = request.uri().clone();
    request.headers_mut().insert(HOST, origin.host.clone());
    let headers: Vec<HeaderPair<'_>> = request
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes()))
        .collect();
    let head = RequestHead {
        method: request.method().as_str().as_bytes(),
        path: uri.path().as_bytes(),
        query: uri.query().unwrap_or_default().as_bytes(),
        headers: &headers,
        transport: if origin.scheme == Scheme::HTTPS { Transport::Tls } else { Transport::Plain },
    };
    let added = signer.sign(&head, payload, now).map_err(|error| unsigned(error.to_string()))?;
    for (name, value) in added {
        let mut value =
            http::HeaderValue::from_str(&value).map_err(|error| unsigned(error.to_string()))?;
        value.set_sensitive(name == "authorization");
        request.headers_mut().insert(name, value);
    }
    Ok(())
}
