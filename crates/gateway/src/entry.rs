//! The record of one request while it is under way. However the request ends, the record is taken
//! exactly once: when the last byte of the answer has gone, or when nobody waits for it any more.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue, USER_AGENT};
use http::{Request, Response, Version};
use http_body::{Body, Frame, SizeHint};
use jiff::Timestamp;
use tokio::time::Instant;
use tollgate_policy::Outcome;

use crate::authorize::Authorized;
use crate::body::{AnswerBody, BodyError};
use crate::frame::Arrival;
use crate::pipeline::Gateway;
use crate::plan::Plan;
use crate::record::{AccessRecord, RateLimit};
use crate::refusal::{Fault, Refusal};
use crate::route::Routed;
use crate::verify::Verified;

/// Makes the ids of requests: no two alike, and none to be guessed from another.
#[derive(Debug, Default)]
pub(crate) struct RequestIds {
    counter: AtomicU64,
    /// Keyed at random, once for the process.
    hashers: [RandomState; 3],
}

impl RequestIds {
    fn next(&self) -> (String, String) {
        let number = self.counter.fetch_add(1, Ordering::Relaxed);
        let [high, low, extended] = self.hashers.each_ref().map(|hasher| hasher.hash_one(number));
        // The form of a random UUID: version 4, variant 1.
        let low = low & 0x3fff_ffff_ffff_ffff | 0x8000_0000_0000_0000;
        let (high, low, extended) = (Hex::of(high), Hex::of(low), Hex::of(extended));
        let id = [
            high.part(0, 8),
            "-",
            high.part(8, 12),
            "-4",
            high.part(13, 16),
            "-",
            low.part(0, 4),
            "-",
            low.part(4, 16),
        ];
        (id.concat(), [extended.part(5, 16), "="].concat())
    }
}

/// The hexadecimal digits of a number.
struct Hex([u8; 16]);

impl Hex {
    fn of(number: u64) -> Hex {
        let mut digits = [0; 16];
        let mut left = number;
        for digit in digits.iter_mut().rev() {
            let nibble = u8::try_from(left & 0xf).unwrap_or_default();
            *digit = nibble + if nibble < 10 { b'0' } else { b'a' - 10 };
            left >>= 4;
        }
        Hex(digits)
    }

    fn part(&self, start: usize, end: usize) -> &str {
        self.0.get(start..end).and_then(|part| str::from_utf8(part).ok()).unwrap_or_default()
    }
}

/// A record that is being written. It is boxed, because it moves with the answer.
pub(crate) struct Entry {
    record: Box<AccessRecord>,
    began: Instant,
    /// The stage, where a caller cannot choose its name.
    stage_label: String,
    gateway: Arc<Gateway>,
}

impl Entry {
    pub(crate) fn begin<B>(
        gateway: &Arc<Gateway>,
        request: &Request<B>,
        arrival: Arrival,
    ) -> Entry {
        let (request_id, extended_request_id) = gateway.ids.next();
        let user_agent = request.headers().get(USER_AGENT);
        let record = AccessRecord {
            request_time_epoch: arrival.at.as_millisecond(),
            request_id,
            extended_request_id,
            http_method: request.method().as_str().to_owned(),
            path: request.uri().path().to_owned(),
            protocol: protocol(request.version()),
            source_ip: address(arrival.peer),
            user_agent: user_agent.map(|agent| String::from_utf8_lossy(agent.as_bytes()).into()),
            ..AccessRecord::default()
        };
        Entry {
            record: Box::new(record),
            began: Instant::now(),
            stage_label: "-".to_owned(),
            gateway: Arc::clone(gateway),
        }
    }

    pub(crate) fn routed<B>(&mut self, routed: &Routed<'_, B>) {
        let (place, record) = (&routed.place, &mut self.record);
        record.domain_name = Some(routed.framed.host().to_owned());
        record.account_id = Some(place.api.api().account.to_owned());
        record.api_id = Some(place.api.api().id.to_owned());
        record.stage = Some(place.stage().to_owned());
        if !place.api.stages().is_empty() {
            place.stage().clone_into(&mut self.stage_label);
        }
        record.resource_path = place.route.map(|route| route.template.as_str().to_owned());
    }

    pub(crate) fn verified<B>(&mut self, verified: &Verified<'_, B>) {
        let Some(signed) = &verified.signer else { return };
        self.record.user_arn = Some(signed.identity.arn.clone());
        self.record.caller = signed.identity.user_id.clone();
        self.record.access_key = Some(signed.access_key_id().to_owned());
    }

    pub(crate) fn authorized<B>(&mut self, authorized: &Authorized<'_, B>) {
        self.record.decision = Some(authorized.decision().outcome.as_str());
        self.record.determined_by = Some(authorized.statements());
    }

    pub(crate) fn planned(&mut self, plan: &Plan) {
        self.record.upstream = Some(plan.name.clone());
        self.record.credential = Some(plan.aliases().to_owned());
    }

    /// Whether the answer came from the cache.
    pub(crate) fn cached(&mut self, is_hit: bool) {
        self.record.cache_status = Some(if is_hit { "hit" } else { "miss" });
    }

    pub(crate) fn forwarded<B>(
        &mut self,
        response: &Response<B>,
        since: Instant,
        now: Timestamp,
    ) -> &RateLimit {
        self.record.integration_latency_ms = Some(milliseconds(since));
        self.record.integration_status = Some(response.status().as_u16());
        self.record.rate_limit = RateLimit::of(response.headers(), now);
        &self.record.rate_limit
    }

    /// Records a refusal, and tells the operator everything about it.
    pub(crate) fn refused(&mut self, refusal: &Refusal) {
        let record = &mut self.record;
        record.error_type = Some(refusal.response_type());
        record.error_message = Some(first_line(&refusal.message()));
        if let Refusal::Denied(denial) = refusal {
            record.decision = Some(denial.outcome.as_str());
            record.determined_by = Some(denial.statements.clone());
            debug_assert_ne!(denial.outcome, Outcome::Allowed, "an allowed request is not denied");
        }
        if refusal.fault() == Fault::Upstream {
            record.integration_error = Some(refusal.explanation());
        }
        tracing::warn!(
            requestId = record.request_id,
            status = refusal.status().as_u16(),
            errorType = refusal.error_type(),
            fault = ?refusal.fault(),
            method = record.http_method,
            path = record.path,
            caller = record.user_arn.as_deref().unwrap_or("anonymous"),
            explanation = refusal.explanation(),
            "refused"
        );
    }

    /// Hands the record to the answer, which knows when it ends.
    pub(crate) fn answer(mut self, mut response: Response<AnswerBody>) -> Response<Logged> {
        self.record.status = response.status().as_u16();
        let AccessRecord { request_id, extended_request_id, .. } = &*self.record;
        for (name, id) in [(REQUEST_ID, request_id), (EXTENDED_REQUEST_ID, extended_request_id)] {
            if let Ok(id) = HeaderValue::from_str(id) {
                response.headers_mut().insert(name, id);
            }
        }
        response.map(|body| Logged { body, entry: Some(self) })
    }
}

/// Headers by which a caller is told the ids of its request.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const EXTENDED_REQUEST_ID: HeaderName = HeaderName::from_static("x-amz-apigw-id");

/// The status of a request whose caller went away before it was answered, as nginx has it.
const CALLER_WENT_AWAY: u16 = 499;

impl Drop for Entry {
    /// Whatever became of the request, it has a line.
    fn drop(&mut self) {
        if self.record.status == 0 {
            self.record.status = CALLER_WENT_AWAY;
        }
        self.record.response_latency_ms = milliseconds(self.began);
        self.gateway.finished(&self.record, &self.stage_label);
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
                entry.record.response_length += u64::try_from(length).unwrap_or_default();
            }
            (Some(Err(error)), Some(entry)) => {
                entry.record.integration_error = Some(error.to_string());
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

/// An address as it is written. The formatter of IPv4 addresses, which could pad them, takes four
/// times as long as its four numbers.
fn address(ip: IpAddr) -> String {
    let IpAddr::V4(ip) = ip else { return ip.to_string() };
    let mut text = String::with_capacity(15);
    for octet in ip.octets() {
        if !text.is_empty() {
            text.push('.');
        }
        for (least, unit) in [(100, 100), (10, 10), (0, 1)] {
            if octet >= least {
                text.push(char::from(b'0' + octet / unit % 10));
            }
        }
    }
    text
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn addresses_are_written_as_they_are_everywhere(ip in any::<IpAddr>()) {
            prop_assert_eq!(address(ip), ip.to_string());
        }
    }

    #[test]
    fn an_id_has_the_form_of_a_random_uuid_and_is_another_each_time() {
        let ids = RequestIds::default();
        let ((first, extended), (second, other)) = (ids.next(), ids.next());
        let form: String =
            first.chars().map(|it| if it.is_ascii_hexdigit() { 'x' } else { it }).collect();
        assert_eq!(form, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx");
        assert_eq!(first.get(14..15), Some("4"));
        assert!(first.get(19..20).is_some_and(|digit| "89ab".contains(digit)), "{first}");
        assert!(extended.len() == 12 && extended.ends_with('='), "{extended}");
        assert!(first != second && extended != other);
    }
}
