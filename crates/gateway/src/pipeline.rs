//! One request, one line a stage.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Poll;

use arc_swap::ArcSwap;
use http::{Request, Response};
use hyper::body::Incoming;
use rustls::ServerConfig;
use tokio::time::Instant;
use tollgate_secrets::Clock;

use crate::access_log::AccessLog;
use crate::authorize::authorize;
use crate::body::{AnswerBody, Arriving, whole};
use crate::cache::{Kept, Lookup, Question};
use crate::entry::{Entry, Logged};
use crate::forward::{forward, scrub};
use crate::frame::{Arrival, Framed};
use crate::locate::locate;
use crate::metrics::Metrics;
use crate::plan::{Destination, Forwarding};
use crate::rate_limit::RateLimit;
use crate::refusal::Refusal;
use crate::replay::Used;
use crate::request_id::RequestIds;
use crate::route::route;
use crate::service::{Endpoint, Unread};
use crate::snapshot::Snapshot;
use crate::strip::{Stripped, strip};
use crate::verify::verify;

/// The gateway: what it is to do, which may change, and what has been done.
pub struct Gateway {
    snapshot: ArcSwap<Snapshot>,
    access_log: AccessLog,
    clock: Clock,
    kept: Kept,
    metrics: Metrics,
    used: Used,
    pub(crate) ids: RequestIds,
}

impl Gateway {
    /// A gateway that does what `snapshot` says, until it is told otherwise. It keeps secrets fresh
    /// on the runtime that this is called on.
    pub fn new(snapshot: Snapshot, access_log: AccessLog, clock: Clock) -> Arc<Gateway> {
        snapshot.tend();
        Arc::new(Gateway {
            kept: Kept::new(snapshot.gateway.limits.cache_bytes_max),
            metrics: Metrics::default(),
            used: Used::default(),
            snapshot: ArcSwap::from_pointee(snapshot),
            access_log,
            clock,
            ids: RequestIds::default(),
        })
    }

    /// Answers a request. Every request has an answer, and a line in the access log.
    ///
    /// The request is framed before anything waits: what waits is moved, and should be small.
    pub fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        arrival: Arrival,
    ) -> impl Future<Output = Response<Logged>> + Send + 'static {
        let mut entry = Entry::begin(&self, &request, arrival);
        let snapshot = self.snapshot.load_full();
        let headers_max = snapshot.guard.headers_max();
        let version = request.version();
        let request = request.map(|body| Arriving::new(body, version));
        let framed = caught(|| Framed::new(request, arrival, headers_max)).flatten();
        async move {
            let passed = {
                let mut passing = std::pin::pin!(pass(&self, &snapshot, framed, &mut entry));
                poll_fn(|context| match caught(|| passing.as_mut().poll(context)) {
                    Ok(poll) => poll,
                    Err(panicked) => Poll::Ready(Err(panicked)),
                })
                .await
            };
            let response = match passed {
                Ok(response) => response,
                Err(refusal) => {
                    entry.refused(&refusal);
                    refusal.response().map(whole)
                }
            };
            entry.answer(response)
        }
    }
}

/// What a step comes to, unless it panics: a bug that one request runs into is answered and logged
/// like any refusal, and the connection goes on. The process's hook has told of the panic.
fn caught<T>(step: impl FnOnce() -> T) -> Result<T, Refusal> {
    // What panicked is not taken up again, and what it shares with other requests holds at every
    // step: atomic numbers, snapshots, and locks that do not mind being poisoned.
    catch_unwind(AssertUnwindSafe(step)).map_err(|_| Refusal::Panicked)
}

/// Takes a request through all stages.
async fn pass(
    gateway: &Gateway,
    snapshot: &Snapshot,
    framed: Result<Framed<Arriving>, Refusal>,
    entry: &mut Entry,
) -> Result<Response<AnswerBody>, Refusal> {
    let guard = &snapshot.guard;
    let framed = framed?;
    let arrival = framed.arrival();
    let routed = route(framed, guard).inspect(|routed| entry.routed(routed))?;
    let verified = verify(routed).await.inspect(|verified| entry.verified(verified))?;
    let located = locate(verified)?;
    let authorized = authorize(located).inspect(|authorized| entry.authorized(authorized))?;
    let plan = snapshot.plan(authorized.place()).ok_or(Refusal::NoRoute)?;
    entry.planned(plan);
    plan.throttle(authorized.principal_scope())?;
    authorized.use_up(&gateway.used)?;
    match &plan.destination {
        Destination::Internal(service) => {
            let timeout = guard.body_timeout();
            Box::pin(async move {
                let call = authorized.into_call(timeout).await?;
                Ok(service.answer(call).await?.map(whole))
            })
            .await
        }
        Destination::Upstream(plan) => {
            let keeping = plan.keeping.as_ref().map(|keeping| (keeping, Lookup::of(&authorized)));
            let stripped = strip(authorized, plan)?;
            let asked = keeping.and_then(|(keeping, lookup)| {
                let question = Question::of(&stripped, keeping, &lookup.principal)?;
                Some((keeping, lookup.wish, question))
            });
            if let Some((_, wish, question)) = &asked {
                let found = gateway.kept.find(question, arrival.at, *wish);
                entry.cached(found.is_some());
                if let Some(found) = found {
                    return Ok(found);
                }
            }
            let response = through(stripped, plan, arrival, entry).await?;
            Ok(match asked {
                None => response,
                Some((keeping, _, question)) => {
                    gateway.kept.keep(question, response, keeping, arrival.at)
                }
            })
        }
    }
}

/// To the upstream and back.
async fn through(
    stripped: Box<Stripped>,
    plan: &Forwarding,
    arrival: Arrival,
    entry: &mut Entry,
) -> Result<Response<AnswerBody>, Refusal> {
    plan.learned.iter().try_for_each(|learned| learned.check(arrival.at))?;
    let sent = Instant::now();
    let forwarded = forward(stripped, plan, arrival.at, sent).await?;
    let answer = forwarded.response();
    let told = RateLimit::of(answer.headers(), arrival.at);
    entry.forwarded(answer.status().as_u16(), &told, sent);
    if let Some(learned) = &plan.learned {
        learned.learn(answer.status(), &told, arrival.at);
    }
    scrub(forwarded, plan)
}

impl Endpoint for Gateway {
    type Body = Logged;

    fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        arrival: Arrival,
    ) -> impl Future<Output = Response<Logged>> + Send + 'static {
        Gateway::answer(self, request, arrival)
    }

    fn tls(&self) -> Option<Arc<ServerConfig>> {
        self.snapshot.load().tls()
    }

    fn unread(&self, unread: Unread) {
        self.metrics.unread(unread);
    }
}

impl Gateway {
    /// The state that requests which arrive now are decided by.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Requests that arrive from now on are decided by another state.
    pub fn replace(&self, snapshot: Snapshot) {
        snapshot.tend();
        self.snapshot.store(Arc::new(snapshot));
    }

    /// The access log.
    pub fn access_log(&self) -> &AccessLog {
        &self.access_log
    }

    /// What is counted.
    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// The time.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway").field("snapshot", &self.snapshot).finish_non_exhaustive()
    }
}
