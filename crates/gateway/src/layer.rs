//! The stages up to the decision as a tower layer: for a proxy, or a service, of one's own.
//!
//! A request is given to the inner service if its signature holds and the policies allow it. What is
//! known of it is then in its extensions, as a [`Permit`]; its body is the one that was signed. Any
//! other request is answered as API Gateway would.
//!
//! Where a request comes from and when it came, only the server knows: it is asked for it when the
//! layer is made. A request of which it does not know is refused.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::{Extensions, Request, Response};
use http_body::Body;
use http_body_util::{Either, Full, Limited};

use crate::caller::Caller;
use crate::frame::Arrival;
use crate::guard::Guard;
use crate::refusal::Refusal;
use crate::verify::Payload;

/// Guards services. Cloning shares the guard.
#[derive(Clone)]
pub struct GuardLayer(Arc<Gate>);

/// A service that is called for requests that are allowed.
#[derive(Clone)]
pub struct Guarded<S> {
    inner: S,
    gate: Arc<Gate>,
}

/// Who decides now, and who knows how requests arrive.
struct Gate {
    guard: ArcSwap<Guard>,
    arrival: Box<Arriving>,
}

/// Tells how and when a request arrived, by its extensions.
type Arriving = dyn Fn(&Extensions) -> Option<Arrival> + Send + Sync;

/// That a request is allowed, and what is known of it: an extension of every request that a
/// [`Guarded`] service is called with.
#[derive(Clone, Debug)]
pub struct Permit {
    signer: Option<Arc<Caller>>,
    resource: String,
    path: String,
    statements: String,
}

/// The body of a request that is allowed: in memory if it was signed, else still on its way.
pub type AdmittedBody<B> = Either<Full<Bytes>, Limited<B>>;

impl GuardLayer {
    /// Has this guard decide, until it is replaced. `arrival` tells by a request's extensions how and
    /// when it arrived, as far as the server has noted it there.
    pub fn new(
        guard: Guard,
        arrival: impl Fn(&Extensions) -> Option<Arrival> + Send + Sync + 'static,
    ) -> GuardLayer {
        let guard = ArcSwap::from_pointee(guard);
        GuardLayer(Arc::new(Gate { guard, arrival: Box::new(arrival) }))
    }

    /// From now on, another guard decides; requests under way are not touched.
    pub fn replace(&self, guard: Guard) {
        self.0.guard.store(Arc::new(guard));
    }
}

impl Permit {
    /// Who calls: the ARN of whoever signed, or `anonymous`.
    pub fn caller(&self) -> &str {
        self.signer.as_ref().map_or("anonymous", |signer| &signer.arn)
    }

    /// Who signed; `None` where nobody has to.
    pub fn signer(&self) -> Option<&Arc<Caller>> {
        self.signer.as_ref()
    }

    /// The ARN that was decided on.
    pub fn resource(&self) -> &str {
        &self.resource
    }

    /// The path that was decided on, without its stage.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Where the statements stand that allowed, `file:line:column Sid`.
    pub fn statements(&self) -> &str {
        &self.statements
    }
}

impl<S> tower::Layer<S> for GuardLayer {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded { inner, gate: Arc::clone(&self.0) }
    }
}

impl<S, B, R> tower::Service<Request<B>> for Guarded<S>
where
    S: tower::Service<Request<AdmittedBody<B>>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    B: Body<Data = Bytes, Error: std::fmt::Display> + Send + 'static,
{
    type Response = Response<Either<Full<Bytes>, R>>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let guard = self.gate.guard.load_full();
        let arrival = (self.gate.arrival)(request.extensions());
        // The one that is ready is the one that is called.
        let ready = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, ready);
        Box::pin(async move {
            match admit(&guard, request, arrival).await {
                Ok(admitted) => Ok(inner.call(admitted).await?.map(Either::Right)),
                Err(refusal) => {
                    tracing::warn!(explanation = refusal.explanation(), "refused");
                    Ok(refusal.response().map(|body| Either::Left(Full::new(body))))
                }
            }
        })
    }
}

async fn admit<B>(
    guard: &Guard,
    request: Request<B>,
    arrival: Option<Arrival>,
) -> Result<Request<AdmittedBody<B>>, Refusal>
where
    B: Body<Data = Bytes, Error: std::fmt::Display>,
{
    let arrival =
        arrival.ok_or_else(|| Refusal::Malformed("nobody says where it comes from".to_owned()))?;
    let authorized = guard.admit(request, arrival).await?;
    let permit = Permit {
        signer: authorized.signer().cloned(),
        resource: authorized.resource().to_owned(),
        path: authorized.path().as_str().to_owned(),
        statements: authorized.statements().into_owned(),
    };
    let (mut parts, payload) = authorized.into_request();
    parts.extensions.insert(permit);
    let body = match payload {
        Payload::Whole(bytes) => Either::Left(Full::new(bytes)),
        Payload::Streaming(body, bytes_max) => {
            let bytes_max = usize::try_from(bytes_max).unwrap_or(usize::MAX);
            Either::Right(Limited::new(body, bytes_max))
        }
    };
    Ok(Request::from_parts(parts, body))
}

impl std::fmt::Debug for GuardLayer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("GuardLayer").field(&self.0.guard).finish()
    }
}

impl<S: std::fmt::Debug> std::fmt::Debug for Guarded<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guarded").field("inner", &self.inner).finish_non_exhaustive()
    }
}
