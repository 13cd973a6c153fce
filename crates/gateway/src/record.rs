//! One request as the access log has it, in API Gateway's vocabulary.
//!
//! Every line has the same fields in the same order, every value is text, and what is not known is
//! `-`: so `tollgate analyze` learns the template from the first lines.

use http::header::{HeaderMap, HeaderValue, RETRY_AFTER};
use jiff::Timestamp;
use tollgate_fields::RateTold;

/// What the access log tells of one request, refused ones included.
#[derive(Clone, Debug, Default)]
pub struct AccessRecord {
    /// When it arrived, in milliseconds since 1970.
    pub request_time_epoch: i64,
    /// Names the request; the caller is told it.
    pub request_id: String,
    /// Names the request too; no caller can choose it.
    pub extended_request_id: String,
    /// The account that owns the API.
    pub account_id: Option<String>,
    /// The API.
    pub api_id: Option<String>,
    /// The stage.
    pub stage: Option<String>,
    /// The host that was asked for.
    pub domain_name: Option<String>,
    /// The method.
    pub http_method: String,
    /// The route, with its placeholders.
    pub resource_path: Option<String>,
    /// The path as it arrived: with the stage, except where the host stands for one.
    pub path: String,
    /// `HTTP/1.1`.
    pub protocol: &'static str,
    /// The status that the caller received; 499 if it went away before.
    pub status: u16,
    /// How many bytes of a body it received.
    pub response_length: u64,
    /// From the arrival of the request to the end of the answer, in milliseconds.
    pub response_latency_ms: u64,
    /// From sending the request to the upstream to the head of its answer, in milliseconds.
    pub integration_latency_ms: Option<u64>,
    /// The status that the upstream answered with.
    pub integration_status: Option<u16>,
    /// What went wrong at the upstream.
    pub integration_error: Option<String>,
    /// Where the request came from.
    pub source_ip: String,
    /// The ARN that signed.
    pub user_arn: Option<String>,
    /// Its unique id.
    pub caller: Option<String>,
    /// The access key id that signed.
    pub access_key: Option<String>,
    /// What the caller says it is.
    pub user_agent: Option<String>,
    /// What a refused caller was told.
    pub error_message: Option<String>,
    /// API Gateway's name for that kind of refusal.
    pub error_type: Option<&'static str>,
    /// The third party.
    pub upstream: Option<String>,
    /// The alias of the credential that was injected.
    pub credential: Option<String>,
    /// What the upstream says about its rate limit.
    pub rate_limit: RateLimit,
    /// `allowed`, `explicitDeny` or `implicitDeny`.
    pub decision: Option<&'static str>,
    /// The statements that allowed or denied, or the one that came nearest to allowing.
    pub determined_by: Option<String>,
    /// `hit`, `miss`, or nothing where nothing is cached.
    pub cache_status: Option<&'static str>,
}

/// What an upstream's headers say about its rate limit, as they say it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RateLimit {
    /// Requests a window.
    pub limit: Option<String>,
    /// Requests that are left.
    pub remaining: Option<String>,
    /// Requests that were made.
    pub used: Option<String>,
    /// When the window ends.
    pub reset: Option<String>,
    /// Which of the credential's limits it is.
    pub resource: Option<String>,
    /// How long to wait.
    pub retry_after: Option<String>,
}

impl RateLimit {
    /// Reads GitHub's headers, those of the IETF's drafts, and those with a unit behind. `now` is
    /// the time of the answer.
    pub fn of(headers: &HeaderMap, now: Timestamp) -> RateLimit {
        let text = |name: &str| owned(headers.get(name)?);
        let named = |what: &str| {
            text(&format!("x-ratelimit-{what}"))
                .or_else(|| text(&format!("ratelimit-{what}")))
                .or_else(|| text(&format!("x-ratelimit-{what}-requests")))
        };
        // Most answers have none of them.
        let is_one = |name: &str| name.strip_prefix("x-").unwrap_or(name).starts_with("ratelimit");
        if !headers.keys().any(|name| is_one(name.as_str())) {
            let retry_after = headers.get(RETRY_AFTER).and_then(owned);
            return RateLimit { retry_after, ..RateLimit::default() };
        }
        let (policy, state) = (text("ratelimit-policy"), text("ratelimit"));
        let now = Some(now.as_millisecond());
        let told = RateTold::read(policy.as_deref(), state.as_deref(), now);
        // Of several limits, the one that has the least left is the one to know of.
        let told = told.into_iter().min_by_key(|told| told.remaining.unwrap_or(u64::MAX));
        let told = told.unwrap_or_default();
        let number = |number: Option<u64>| number.map(|number| number.to_string());
        RateLimit {
            limit: named("limit").or_else(|| number(told.limit)),
            remaining: named("remaining").or_else(|| number(told.remaining)),
            used: named("used"),
            reset: named("reset").or_else(|| told.reset.map(|reset| reset.to_string())),
            resource: named("resource").or_else(|| told.bucket.as_deref().map(str::to_owned)),
            retry_after: headers.get(RETRY_AFTER).and_then(owned),
        }
    }

    /// Whether nothing is left.
    pub(crate) fn is_used_up(&self) -> bool {
        self.remaining.as_deref().is_some_and(|left| left.trim() == "0")
    }
}

fn owned(value: &HeaderValue) -> Option<String> {
    value.to_str().ok().map(str::to_owned)
}

/// What stands before a value.
macro_rules! field {
    ($name:literal) => {
        concat!(",\"", $name, "\":\"")
    };
}

impl AccessRecord {
    /// The record as a line of JSON, with its line feed.
    pub fn to_line(&self) -> Vec<u8> {
        let mut line = Line(Vec::with_capacity(1024));
        line.0.extend_from_slice(br#"{"requestTimeEpoch":"#);
        if self.request_time_epoch < 0 {
            line.0.push(b'-');
        }
        line.digits(self.request_time_epoch.unsigned_abs());
        line.text(field!("requestId"), Some(&self.request_id));
        line.text(field!("extendedRequestId"), Some(&self.extended_request_id));
        line.text(field!("accountId"), self.account_id.as_deref());
        line.text(field!("apiId"), self.api_id.as_deref());
        line.text(field!("stage"), self.stage.as_deref());
        line.text(field!("domainName"), self.domain_name.as_deref());
        line.text(field!("httpMethod"), Some(&self.http_method));
        line.text(field!("resourcePath"), self.resource_path.as_deref());
        line.text(field!("path"), Some(&self.path));
        line.text(field!("protocol"), Some(self.protocol));
        line.number(field!("status"), Some(self.status));
        line.number(field!("responseLength"), Some(self.response_length));
        line.number(field!("responseLatency"), Some(self.response_latency_ms));
        line.number(field!("integrationLatency"), self.integration_latency_ms);
        line.number(field!("integrationStatus"), self.integration_status);
        line.text(field!("integrationErrorMessage"), self.integration_error.as_deref());
        line.text(field!("ip"), Some(&self.source_ip));
        line.text(field!("userArn"), self.user_arn.as_deref());
        line.text(field!("caller"), self.caller.as_deref());
        line.text(field!("accessKey"), self.access_key.as_deref());
        line.text(field!("userAgent"), self.user_agent.as_deref());
        line.text(field!("errorMessage"), self.error_message.as_deref());
        line.text(field!("errorType"), self.error_type);
        line.text(field!("upstream"), self.upstream.as_deref());
        line.text(field!("credential"), self.credential.as_deref());
        line.text(field!("rlLimit"), self.rate_limit.limit.as_deref());
        line.text(field!("rlRemaining"), self.rate_limit.remaining.as_deref());
        line.text(field!("rlUsed"), self.rate_limit.used.as_deref());
        line.text(field!("rlReset"), self.rate_limit.reset.as_deref());
        line.text(field!("rlResource"), self.rate_limit.resource.as_deref());
        line.text(field!("retryAfter"), self.rate_limit.retry_after.as_deref());
        line.text(field!("decision"), self.decision);
        line.text(field!("determinedBy"), self.determined_by.as_deref());
        line.text(field!("cacheStatus"), self.cache_status);
        line.0.extend_from_slice(b"}\n");
        line.0
    }

    /// When the request arrived.
    pub fn time(&self) -> Timestamp {
        Timestamp::from_millisecond(self.request_time_epoch).unwrap_or_default()
    }
}

/// A line on its way. Names and most values are text that JSON writes as it is; so a general
/// serializer, which looks for escapes in every name, takes five times as long.
struct Line(Vec<u8>);

impl Line {
    fn text(&mut self, field: &'static str, value: Option<&str>) {
        self.0.extend_from_slice(field.as_bytes());
        let Some(text) = value.filter(|text| !text.is_empty()) else {
            return self.0.extend_from_slice(b"-\"");
        };
        let is_escaped = |byte: u8| byte < b' ' || byte == b'"' || byte == b'\\';
        // Every byte is looked at, so that the compiler can look at many at once.
        if text.bytes().fold(false, |found, byte| found | is_escaped(byte)) {
            self.0.pop();
            // Text in memory can always be written.
            let _ = serde_json::to_writer(&mut self.0, text);
            return;
        }
        self.0.extend_from_slice(text.as_bytes());
        self.0.push(b'"');
    }

    fn number(&mut self, field: &'static str, value: Option<impl Into<u64>>) {
        let Some(value) = value else { return self.text(field, None) };
        self.0.extend_from_slice(field.as_bytes());
        self.digits(value.into());
        self.0.push(b'"');
    }

    fn digits(&mut self, number: u64) {
        let (start, mut left) = (self.0.len(), number);
        loop {
            self.0.push(b'0' + u8::try_from(left % 10).unwrap_or_default());
            left /= 10;
            if left == 0 {
                break;
            }
        }
        if let Some(digits) = self.0.get_mut(start..) {
            digits.reverse();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(headers: &[(&'static str, &'static str)], expected: [&str; 4]) {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| {
                (http::HeaderName::from_static(name), HeaderValue::from_static(value))
            })
            .collect();
        let found = RateLimit::of(&headers, Timestamp::UNIX_EPOCH);
        let all = [&found.limit, &found.remaining, &found.reset, &found.resource];
        assert_eq!(all.map(|it| it.as_deref().unwrap_or("-")), expected);
    }

    #[test]
    fn rate_limits_are_read_in_every_form() {
        check(&[], ["-", "-", "-", "-"]);
        check(
            &[
                ("x-ratelimit-limit", "5000"),
                ("x-ratelimit-remaining", "4999"),
                ("x-ratelimit-reset", "1773234000"),
                ("x-ratelimit-resource", "core"),
            ],
            ["5000", "4999", "1773234000", "core"],
        );
        check(
            &[("ratelimit-policy", "\"burst\";q=100;w=60"), ("ratelimit", "\"burst\";r=50;t=30")],
            ["100", "50", "30000", "burst"],
        );
        check(
            &[("x-ratelimit-limit-requests", "60"), ("x-ratelimit-reset-requests", "6m0s")],
            ["60", "-", "6m0s", "-"],
        );
    }

    #[test]
    fn a_client_cannot_write_a_line_of_its_own() {
        let record = AccessRecord {
            user_agent: Some("a\"}\n{\"status\":\"200".to_owned()),
            status: 403,
            ..AccessRecord::default()
        };
        let line = String::from_utf8(record.to_line()).unwrap();
        assert_eq!(line.matches('\n').count(), 1);
        let parsed: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(parsed["status"], "403");
        assert_eq!(parsed["userArn"], "-");
        assert_eq!(parsed["userAgent"], "a\"}\n{\"status\":\"200");
    }
}
