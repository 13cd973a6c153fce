//! The signature, over the raw bytes of the request.
//!
//! The head is verified before the body is read, as far as it can be; the body is then read into
//! memory, up to the route's limit, and must have the hash that was signed. Only a body that nobody
//! signed is left to stream: where no signature is asked for, or where the route opts in.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use http::header::HOST;
use http_body::Body;
use http_body_util::BodyExt;
use tollgate_policy::AuthorizationType;
use tollgate_sigv4::{
    HeadVerdict, HeaderPair, PayloadHash, Pending, RequestHead, Verified as Signed, Verifier,
};

use crate::body::within;
use crate::caller::Caller;
use crate::refusal::Refusal;
use crate::route::{Place, Routed};

/// A request whose caller is known, or need not be. Only [`verify`] makes one.
#[derive(Debug)]
pub struct Verified<'g, B> {
    pub(crate) routed: Routed<'g, Payload<B>>,
    pub(crate) signer: Option<Signed<Arc<Caller>>>,
}

/// The body of a request.
#[derive(Debug)]
pub enum Payload<B> {
    /// In memory; its hash is the one that was signed.
    Whole(Bytes),
    /// Still on its way, and signed by nobody. At most this many bytes of it are taken.
    Streaming(B, u64),
}

impl<B> Verified<'_, B> {
    /// Who signed; `None` where nobody has to.
    pub fn caller(&self) -> Option<&Arc<Caller>> {
        self.signer.as_ref().map(|signed| &signed.identity)
    }
}

/// Verifies the signature, and reads the body.
///
/// # Errors
/// The signature does not hold, or the body is too large, too slow, or breaks off.
pub async fn verify<B>(routed: Routed<'_, B>) -> Result<Verified<'_, B>, Refusal>
where
    B: Body<Error: std::fmt::Display>,
{
    match Begun::of(routed)? {
        Begun::Verified(verified) => Ok(*verified),
        Begun::AwaitingBody(waiting, body) => {
            let timeout = waiting.routed.guard.body_timeout();
            let bytes = read_within(body, waiting.body_bytes_max(), timeout).await?;
            waiting.finish(bytes)
        }
    }
}

/// What is known once the head has been verified.
enum Begun<'g, B> {
    /// Everything: nobody signed the body.
    Verified(Box<Verified<'g, B>>),
    AwaitingBody(Box<Waiting<'g>>, B),
}

/// A request that is verified if its body has the right hash. It is boxed while it waits.
struct Waiting<'g> {
    routed: Routed<'g, ()>,
    pending: Pending<Arc<Caller>>,
}

impl<'g, B> Begun<'g, B> {
    fn of(routed: Routed<'g, B>) -> Result<Begun<'g, B>, Refusal> {
        let limit = routed.place.rules.body_bytes_max;
        if routed.framed.content_length().is_some_and(|declared| declared > limit) {
            return Err(Refusal::BodyTooLarge { bytes_max: limit });
        }
        let verdict = match routed.place.authorization {
            AuthorizationType::None => None,
            AuthorizationType::AwsIam => Some(verify_head(&routed)?),
        };
        let (routed, body) = routed.replace_body(());
        let signer = match verdict {
            Some(HeadVerdict::AwaitingBody(pending)) => {
                return Ok(Begun::AwaitingBody(Box::new(Waiting { routed, pending }), body));
            }
            Some(HeadVerdict::Complete(signed)) => Some(signed),
            None => None,
        };
        let (routed, ()) = routed.replace_body(Payload::Streaming(body, limit));
        Ok(Begun::Verified(Box::new(Verified { routed, signer })))
    }
}

impl<'g> Waiting<'g> {
    fn body_bytes_max(&self) -> u64 {
        self.routed.place.rules.body_bytes_max
    }

    fn finish<B>(self: Box<Self>, body: Bytes) -> Result<Verified<'g, B>, Refusal> {
        let Waiting { routed, pending } = *self;
        let signed = pending.finish(&PayloadHash::of(&body))?;
        let (routed, ()) = routed.replace_body(Payload::Whole(body));
        Ok(Verified { routed, signer: Some(signed) })
    }
}

fn verify_head<B>(routed: &Routed<'_, B>) -> Result<HeadVerdict<Arc<Caller>>, Refusal> {
    let Routed { framed, guard, place } = routed;
    let verifier = verifier(guard, place)?;
    let (head, arrival) = (framed.head(), framed.arrival());
    let mut headers: Vec<HeaderPair<'_>> = Vec::with_capacity(head.headers.len() + 1);
    headers.extend(
        head.headers.iter().map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes())),
    );
    if let Some(authority) = head.uri.authority()
        && !head.headers.contains_key(HOST)
    {
        headers.push((b"host", authority.as_str().as_bytes()));
    }
    let signed = RequestHead {
        method: head.method.as_str().as_bytes(),
        path: head.uri.path().as_bytes(),
        query: head.uri.query().unwrap_or_default().as_bytes(),
        headers: &headers,
        transport: arrival.transport,
    };
    Ok(verifier.verify_head(&signed, guard.keys(), arrival.at)?)
}

fn verifier<'g>(guard: &'g crate::Guard, place: &Place<'g>) -> Result<&'g Verifier, Refusal> {
    let verifier = guard.verifier(place.api_index, place.rules);
    verifier.ok_or_else(|| Refusal::NoSuchApi { host: place.api.api().id.to_owned() })
}

impl<B: Body> Payload<B> {
    /// Whether it is known to have no byte.
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Payload::Whole(bytes) => bytes.is_empty(),
            Payload::Streaming(body, _) => body.is_end_stream(),
        }
    }
}

impl<B: Body<Error: std::fmt::Display>> Payload<B> {
    /// All of it, which may take `timeout` to arrive.
    pub(crate) async fn whole(self, timeout: Duration) -> Result<Bytes, Refusal> {
        match self {
            Payload::Whole(bytes) => Ok(bytes),
            Payload::Streaming(body, bytes_max) => read_within(body, bytes_max, timeout).await,
        }
    }
}

async fn read_within<B>(body: B, bytes_max: u64, timeout: Duration) -> Result<Bytes, Refusal>
where
    B: Body<Error: std::fmt::Display>,
{
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    let reading = pin!(read(body, bytes_max));
    within(timeout, reading).await.unwrap_or(Err(Refusal::BodyTimeout))
}

/// The whole body. Trailers are no part of it, and go nowhere. A body that arrives in one piece, as
/// most do, is not copied.
async fn read<B>(body: B, bytes_max: u64) -> Result<Bytes, Refusal>
where
    B: Body<Error: std::fmt::Display>,
{
    let mut body = std::pin::pin!(body);
    let (mut first, mut whole) = (Bytes::new(), BytesMut::new());
    while !body.is_end_stream()
        && let Some(frame) = body.frame().await
    {
        let frame =
            frame.map_err(|error| Refusal::BodyBroken(format!("the body broke off: {error}")))?;
        let Ok(mut data) = frame.into_data() else { continue };
        let before = first.len().saturating_add(whole.len());
        let length = before.saturating_add(data.remaining());
        if u64::try_from(length).is_ok_and(|length| length > bytes_max) {
            return Err(Refusal::BodyTooLarge { bytes_max });
        }
        if before == 0 {
            first = data.copy_to_bytes(data.remaining());
        } else {
            whole.put(std::mem::take(&mut first));
            whole.put(data);
        }
    }
    Ok(if whole.is_empty() { first } else { whole.freeze() })
}
