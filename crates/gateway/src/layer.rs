//! The stages up to the decision as a tower layer: for a proxy, or a service, of one's own.
//!
//! A request is given to the inner service if its signature holds and the policies allow it. What is
//! known of it is then in its extensions, as a [`Permit`]; its body is the one that was signed. Any
//! other request is answered as API Gateway would.
//!
//! The server puts an [`Arrival`] into the extensions of every request, before the layer: nothing
//! else knows where a connection comes from. A request without one is refused.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::{Either, Full, Limited};

use crate::caller::Caller;
use crate::frame::Arrival;
use crate::guard::Guard;
use crate::refusal::Refusal;
use crate::verify::Payload;

/// Guards services. Cloning shares the guard.
#[derive(Clone, Debug)]
pub struct GuardLayer(Arc<ArcSwap<Guard>>);

/// A service that is called for requests that are allowed.
#[derive(Clone, Debug)]
pub struct Guarded<S> {
    inner: S,
    guard: Arc<ArcSwap<Guard>>,
}

/// That a request is allowed, and what is known of it: an extension of every request that a
/// [`Guarded`] service is called with.
#[derive(Clone, Debug)]
pub struct Permit {
    caller: Option<Arc<Caller>>,
    resource: String,
    path: String,
    statements: String,
}

/// The body of a request that is allowed: in memory if it was signed, else still on its way.
pub type AdmittedBody<B> = Either<Full<Bytes>, Limited<B>>;

impl GuardLayer {
    /// Has this guard decide, until it is replaced.
    pub fn new(guard: Guard) -> GuardLayer {
        GuardLayer(Arc::new(ArcSwap::from_pointee(guard)))
    }

    /// From now on, another guard decides; requests under way are not touched.
    pub fn replace(&self, guard: Guard) {
        self.0.store(Arc::new(guard));
    }
}

impl Permit {
    /// Who signed; `None` where nobody has to.
    pub fn caller(&self) -> Option<&Arc<Caller>> {
        self.caller.as_ref()
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
        Guarded { inner, guard: Arc::clone(&self.0) }
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
        let guard = self.guard.load_full();
        // The one that is ready is the one that is called.
        let ready = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, ready);
        Box::pin(async move {
            match admit(&guard, request).await {
                Ok(admitted) => Ok(inner.call(admitted).await?.map(Either::Right)),
                Err(refusal) => {
                    tracing::warn!(explanation = refusal.explanation(), "refused");
                    Ok(refusal.response().map(|body| Either::Left(Full::new(body))))
                }
            }
        })
    }
}

async fn admit<B>(guard: &Guard, request: Request<B>) -> Result<Request<AdmittedBody<B>>, Refusal>
where
    B: Body<Data = Bytes, Error: std::fmt::Display>,
{
    let arrival = request.extensions().get::<Arrival>().copied();
    let arrival =
        arrival.ok_or_else(|| Refusal::Malformed("nobody says where it comes from".to_owned()))?;
    let authorized = guard.admit(request, arrival).await?;
    let permit = Permit {
        caller: authorized.signer().cloned(),
        resource: authorized.resource().to_owned(),
        path: authorized.path().as_str().to_owned(),
        statements: authorized.statements(),
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
