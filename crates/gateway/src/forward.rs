//! To the upstream and back: one attempt, and one more with a fresh secret if the first is refused.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use http::header::{self, HeaderName};
use http::{HeaderMap, Response, StatusCode};
use http_body::Body;
use http_body_util::BodyExt;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use tokio::time::{Instant, timeout};

use crate::body::{AnswerBody, Flowing};
use crate::connect::ConnectError;
use crate::credential::Prepared;
use crate::inject::{Injected, inject};
use crate::plan::Forwarding;
use crate::pool::{Answer, CallError};
use crate::refusal::Refusal;
use crate::scrub::Scrubbed;
use crate::strip::{Stripped, Upgrade, nominated};

/// An answer of the upstream's, its headers without the secrets: they are logged, too. Only [`forward`]
/// makes one.
pub(crate) struct Forwarded {
    response: Response<Answer>,
    prepared: Vec<Arc<Prepared>>,
    upgrade: Option<Upgrade>,
}

impl Forwarded {
    pub(crate) fn response(&self) -> &Response<Answer> {
        &self.response
    }
}

/// Injects the route's credentials and forwards. If the upstream answers with 401, and the request
/// can be made twice, and the secret has changed meanwhile, it is made once more with the new one.
///
/// # Errors
/// A credential cannot be had, or the upstream cannot be reached or does not answer.
pub(crate) async fn forward(
    stripped: Box<Stripped>,
    plan: &Forwarding,
    now: Timestamp,
    since: Instant,
) -> Result<Forwarded, Refusal> {
    let prepared = plan.prepared(now)?;
    let again = if prepared.is_empty() { None } else { stripped.again() };
    let first = send(inject(stripped, plan, prepared, now)?, plan, since).await?;
    match again.filter(|_| first.response.status() == StatusCode::UNAUTHORIZED) {
        None => Ok(first),
        Some(again) => Box::pin(once_more(first, again, plan, now)).await,
    }
}

/// The answer to a second attempt, or the first one if there is no other secret.
async fn once_more(
    first: Forwarded,
    again: Box<Stripped>,
    plan: &Forwarding,
    now: Timestamp,
) -> Result<Forwarded, Refusal> {
    match refreshed(plan, &first.prepared, now).await? {
        None => Ok(first),
        Some(prepared) => send(inject(again, plan, prepared, now)?, plan, Instant::now()).await,
    }
}

/// The route's credentials after the upstream refused these; `None` if there are no others.
async fn refreshed(
    plan: &Forwarding,
    refused: &[Arc<Prepared>],
    now: Timestamp,
) -> Result<Option<Vec<Arc<Prepared>>>, Refusal> {
    let (mut prepared, mut any) = (Vec::with_capacity(refused.len()), false);
    for (credential, refused) in plan.credentials.iter().zip(refused) {
        match credential.held.keeper.refresh_now(refused.kept.secret()).await {
            Some(kept) => {
                any = true;
                prepared.push(credential.prepare(kept, now)?);
            }
            None => prepared.push(Arc::clone(refused)),
        }
    }
    Ok(any.then_some(prepared))
}

/// Sends a request, and waits for the head of its answer, as long after `since` as the plan says.
fn send(
    injected: Injected,
    plan: &Forwarding,
    since: Instant,
) -> impl Future<Output = Result<Forwarded, Refusal>> + Send + use<> {
    let Injected { request, upgrade, prepared } = injected;
    let answer = plan.upstream.pool(upgrade.is_some()).call(request, since + plan.timeout);
    async move {
        match answer.await {
            Ok(mut response) => {
                for prepared in &prepared {
                    prepared.scrubber.mask_headers(response.headers_mut());
                }
                Ok(Forwarded { response, prepared, upgrade })
            }
            Err(error) => Err(failure(error)),
        }
    }
}

/// Whose fault it is that there is no answer.
pub(crate) fn failure(error: CallError) -> Refusal {
    let error = match error {
        CallError::Timeout | CallError::Connect(ConnectError::Timeout { .. }) => {
            return Refusal::UpstreamTimeout;
        }
        CallError::Connect(other) => return Refusal::Unreachable(other.to_string()),
        CallError::Broken(error) => error,
    };
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    let mut chain = Vec::new();
    while let Some(error) = cause {
        chain.push(error.to_string());
        cause = error.source();
    }
    Refusal::UpstreamBroken(chain.join(": "))
}

/// Whether a header of an answer is for the connection it came by, or leads around the gateway.
fn is_hop_by_hop(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "alt-svc"
            | "connection"
            | "keep-alive"
            | "proxy-authenticate"
            | "proxy-connection"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
    )
}

/// Takes out of an answer what must not leave: what was for the connection alone, and the secrets in its
/// body.
///
/// # Errors
/// The secret is to be looked for in the body, and the body is encoded; or the upstream changed the
/// protocol unasked.
pub(crate) fn scrub(
    forwarded: Forwarded,
    plan: &Forwarding,
) -> Result<Response<AnswerBody>, Refusal> {
    let Forwarded { response, prepared, upgrade } = forwarded;
    if plan.scrub_body && is_encoded(&response) {
        let why = "`scrubBody`: the answer's body has a Content-Encoding, so that the secret cannot \
                   be looked for in it, although `identity` was asked for";
        return Err(Refusal::UpstreamBroken(why.to_owned()));
    }
    let is_switching = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    if is_switching && upgrade.is_none() {
        let why = "the upstream changed the protocol, which was not asked for";
        return Err(Refusal::UpstreamBroken(why.to_owned()));
    }
    let (mut parts, body) = response.into_parts();
    drop_hop_by_hop(&mut parts.headers);
    if let (true, Some(caller)) = (is_switching, upgrade) {
        // The parts carry the upstream's end of the connection.
        let upstream = hyper::upgrade::on(Response::from_parts(parts.clone(), ()));
        tokio::spawn(join(caller, upstream));
        let websocket = http::HeaderValue::from_static("websocket");
        parts.headers.insert(header::CONNECTION, http::HeaderValue::from_static("upgrade"));
        parts.headers.insert(header::UPGRADE, websocket);
    }
    parts.extensions.clear();
    Ok(Response::from_parts(parts, scrubbed(body, &prepared, plan)))
}

/// Whether an answer has a body that is not what its bytes say.
fn is_encoded(response: &Response<Answer>) -> bool {
    let mut codings = response.headers().get_all(header::CONTENT_ENCODING).iter();
    let is_identity =
        |coding: &http::HeaderValue| coding.as_bytes().eq_ignore_ascii_case(b"identity");
    !codings.all(is_identity) && !response.body().is_end_stream()
}

fn scrubbed(body: Answer, prepared: &[Arc<Prepared>], plan: &Forwarding) -> AnswerBody {
    let flowing = Flowing::new(body, plan.upstream.idle_timeout());
    let searched = if plan.scrub_body { prepared } else { &[] };
    searched.iter().fold(flowing.boxed_unsync(), |body, prepared| {
        Scrubbed::new(body, prepared.scrubber.clone()).boxed_unsync()
    })
}

fn drop_hop_by_hop(headers: &mut HeaderMap) {
    let nominated = nominated(headers);
    let is_dropped = |name: &&HeaderName| is_hop_by_hop(name) || nominated.contains(name);
    let dropped: Vec<HeaderName> = headers.keys().filter(is_dropped).cloned().collect();
    for name in dropped {
        headers.remove(name);
    }
}

/// How long a caller and an upstream have to change the protocol, once they agreed to.
const CHANGE_TIMEOUT: Duration = Duration::from_secs(10);

/// Carries bytes both ways until either end is closed.
async fn join(upgrade: Upgrade, upstream: OnUpgrade) {
    let Upgrade { caller, lasting: _lasting } = upgrade;
    let changed = timeout(CHANGE_TIMEOUT, async { tokio::try_join!(caller, upstream) });
    let Ok(Ok((caller, upstream))) = changed.await else { return };
    let (mut caller, mut upstream) = (TokioIo::new(caller), TokioIo::new(upstream));
    // How a connection ends is its ends' business.
    let _ = tokio::io::copy_bidirectional(&mut caller, &mut upstream).await;
}
