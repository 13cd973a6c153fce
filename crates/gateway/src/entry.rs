//! One request while it is under way: its line in the access log, and what is counted of it. However
//! it ends, it is recorded exactly once: when the last byte of the answer has gone, or when nobody
//! waits for it any more.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::USER_AGENT;
use http::uri::PathAndQuery;
use http::{Method, Request, Response, Version};
use http_body::{Body, Frame, SizeHint};
use tokio::time::Instant;
use tollgate_policy::Outcome;

use crate::authorize::Authorized;
use crate::body::{AnswerBody, BodyError};
use crate::caller::Caller;
use crate::frame::Arrival;
use crate::metrics::{Ended, RouteRef, Series, known_method};
use crate::pipeline::Gateway;
use crate::plan::Plan;
use crate::rate_limit::RateLimit;
use crate::record::{ANSWERED, DECIDED, LOOKED_UP, PLANNED, ROUTED, Record, VERIFIED, Value};
use crate::refusal::{Fault, Refusal};
use crate::request_id::RequestId;
use crate::route::Routed;
use crate::verify::Verified;

/// A request that has not ended. It is boxed, because it moves with the answer.
pub(crate) struct Entry(Box<Open>);

struct Open {
    gateway: Arc<Gateway>,
    record: Record,
    id: RequestId,
    arrival: Arrival,
    began: Instant,
    method: Method,
    path: Option<PathAndQuery>,
    caller: Option<Arc<Caller>>,
    /// What is counted of its route, once that is known.
    series: Option<Arc<Series>>,
    ended: Ended,
    response_bytes: u64,
    error_message: Option<String>,
    integration_error: Option<String>,
}

impl Entry {
    pub(crate) fn begin<B>(
        gateway: &Arc<Gateway>,
        request: &Request<B>,
        arrival: Arrival,
    ) -> Entry {
        let id = gateway.ids.next();
        let user_agent = request.headers().get(USER_AGENT).map(|agent| agent.as_bytes());
        let user_agent = user_agent.map(String::from_utf8_lossy);
        let arrived = [
            id.extended().into(),
            request.method().as_str().into(),
            protocol(request.version()).into(),
            Value::Address(arrival.peer),
            user_agent.as_deref().into(),
        ];
        Entry(Box::new(Open {
            record: Record::begin(arrival.at.as_millisecond(), id.id(), arrived),
            gateway: Arc::clone(gateway),
            id,
            arrival,
            began: Instant::now(),
            method: request.method().clone(),
            path: request.uri().path_and_query().cloned(),
            caller: None,
            series: None,
            ended: Ended::default(),
            response_bytes: 0,
            error_message: None,
            integration_error: None,
        }))
    }

    pub(crate) fn routed<B>(&mut self, routed: &Routed<'_, B>) {
        let Routed { framed, place, .. } = routed;
        let (entry, api) = (&mut *self.0, place.api.api());
        let template = place.route.map(|route| route.template.as_str());
        let path = place.decided_path();
        let values = [
            framed.host().into(),
            api.account.into(),
            api.id.into(),
            place.stage().into(),
            path.as_deref().unwrap_or(framed.head().uri.path()).into(),
            template.into(),
        ];
        entry.record.write(ROUTED, values);
        // Where the stages are not listed, a caller can choose their names.
        let stage = if place.api.stages().is_empty() { "-" } else { place.stage() };
        let resource = template.unwrap_or("-");
        let method = known_method(&entry.method);
        let route = RouteRef { api: api.id, stage, method, resource };
        entry.series = Some(entry.gateway.metrics().series(route));
    }

    pub(crate) fn verified<B>(&mut self, verified: &Verified<'_, B>) {
        let Some(signed) = &verified.signer else { return };
        let caller = &signed.identity;
        let user_id = caller.user_id.as_ref();
        let values = [(&caller.arn).into(), user_id.into(), signed.access_key_id().into()];
        self.0.record.write(VERIFIED, values);
        self.0.caller = Some(Arc::clone(caller));
    }

    pub(crate) fn authorized<B>(&mut self, authorized: &Authorized<'_, B>) {
        let outcome = authorized.decision().outcome.as_str();
        let statements = authorized.statements();
        self.0.record.write(DECIDED, [outcome.into(), (&statements).into(), Value::Unknown]);
    }

    pub(crate) fn planned(&mut self, plan: &Plan) {
        self.0.record.write(PLANNED, [(&plan.name).into(), plan.aliases().into()]);
    }

    /// Whether the answer came from the cache.
    pub(crate) fn cached(&mut self, is_hit: bool) {
        self.0.record.write(LOOKED_UP, [if is_hit { "hit" } else { "miss" }.into()]);
        self.0.ended.is_cache_hit = Some(is_hit);
    }

    /// What the upstream answered to a request that was sent at `since`.
    pub(crate) fn forwarded(&mut self, status: u16, told: &RateLimit<'_>, since: Instant) {
        let latency_ms = milliseconds(since);
        self.0.ended.integration_latency_ms = Some(latency_ms);
        let RateLimit { limit, remaining, used, reset, resource, retry_after } = told;
        let values = [
            Value::Number(status.into()),
            Value::Number(latency_ms),
            limit.as_ref().into(),
            remaining.as_ref().into(),
            used.as_ref().into(),
            reset.as_ref().into(),
            resource.as_ref().into(),
            (*retry_after).into(),
        ];
        self.0.record.write(ANSWERED, values);
    }

    /// Records a refusal, and tells the operator everything about it.
    pub(crate) fn refused(&mut self, refusal: &Refusal) {
        let entry = &mut *self.0;
        entry.ended.error_type = Some(refusal.response_type());
        entry.error_message = Some(first_line(&refusal.message()));
        if let Refusal::Denied(denial) = refusal {
            let outcome = denial.outcome.as_str();
            let (determined_by, nearest) = (&denial.determined_by, denial.nearest.as_ref());
            entry.record.write(DECIDED, [outcome.into(), determined_by.into(), nearest.into()]);
            debug_assert_ne!(denial.outcome, Outcome::Allowed, "an allowed request is not denied");
        }
        if refusal.fault() == Fault::Upstream {
            entry.integration_error = Some(refusal.explanation());
        }
        tracing::warn!(
            requestId = %entry.id.text(),
            status = refusal.status().as_u16(),
            errorType = refusal.response_type(),
            fault = ?refusal.fault(),
            method = entry.method.as_str(),
            path = entry.path.as_ref().map_or("/", PathAndQuery::path),
            caller = entry.caller.as_deref().map_or("anonymous", |caller| &caller.arn),
            explanation = refusal.explanation(),
            "refused"
        );
    }

    /// Hands itself to the answer, which knows when it ends.
    pub(crate) fn answer(mut self, mut response: Response<AnswerBody>) -> Response<Logged> {
        self.0.ended.status = response.status().as_u16();
        self.0.id.tell(response.headers_mut());
        response.map(|body| Logged { body, entry: Some(self) })
    }
}

/// The status of a request whose caller went away before it was answered, as nginx has it.
const CALLER_WENT_AWAY: u16 = 499;

impl Drop for Open {
    /// Whatever became of the request, it has a line, and is counted.
    fn drop(&mut self) {
        let Open { gateway, record, ended, .. } = self;
        if ended.status == 0 {
            ended.status = CALLER_WENT_AWAY;
        }
        ended.latency_ms = milliseconds(self.began);
        let nowhere = || {
            let method = known_method(&self.method);
            gateway.metrics().series(RouteRef { api: "-", stage: "-", method, resource: "-" })
        };
        gateway.metrics().ended(&self.series.take().unwrap_or_else(nowhere), ended);
        // Of a request that goes nowhere, no more is known.
        let path = self.path.as_ref().map(PathAndQuery::path).into();
        let unknown = Value::Unknown;
        record.write(ROUTED, [unknown, unknown, unknown, unknown, path, unknown]);
        let line = record.end([
            Value::Number(ended.status.into()),
            Value::Number(self.response_bytes),
            Value::Number(ended.latency_ms),
            self.error_message.as_ref().into(),
            ended.error_type.into(),
            self.integration_error.as_ref().into(),
        ]);
        gateway.access_log().take(self.arrival.at, line);
    }
}

/// The body of an answer whose request is recorded when it ends.
pub struct Logged {
    body: AnswerBody,
    entry: Option<Entry>,
}

impl Logged {
    fn finish(&mut self) {
        self.entry = None;
    }
}

impl Body for Logged {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        match (&frame, &mut self.entry) {
            (Some(Ok(frame)), Some(entry)) => {
                let length = frame.data_ref().map_or(0, Bytes::len);
                entry.0.response_bytes += u64::try_from(length).unwrap_or_default();
            }
            (Some(Err(error)), Some(entry)) => {
                entry.0.integration_error = Some(error.to_string());
                self.finish();
            }
            _ => self.finish(),
        }
        if self.body.is_end_stream() {
            self.finish();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Logged {
    /// A body without a byte is never polled, and a caller may go away.
    fn drop(&mut self) {
        self.finish();
    }
}

fn milliseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// A refused signature comes with the canonical request, which is for the caller and not for a log.
fn first_line(message: &str) -> String {
    message.lines().next().unwrap_or_default().to_owned()
}

fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_2 => "HTTP/2.0",
        Version::HTTP_10 => "HTTP/1.0",
        _ => "HTTP/1.1",
    }
}
