//! What the gateway and GitHub answered: status, latency, and the state of the rate limits.
//!
//! The decisions here are those of the day's policies, written down by hand: they are what the log
//! says, and the replay must find them again, or say why not.

use std::fmt::Write;

use crate::actors::{Call, START};
use crate::random::Random;

const HOUR: u64 = 3_600_000;
const MINUTE: u64 = 60_000;

/// The gateway's answer to a call.
struct Answer {
    status: u16,
    error: Option<(String, &'static str)>,
    upstream: Option<Upstream>,
}

/// GitHub's answer, with the headers that tell how much is left.
struct Upstream {
    status: u16,
    latency_ms: u64,
    credential: &'static str,
    bucket: &'static str,
    limit: u64,
    remaining: u64,
    reset: u64,
    retry_after: Option<u64>,
}

/// One of GitHub's buckets: so many requests until the window ends.
struct Bucket {
    credential: &'static str,
    name: &'static str,
    limit: u64,
    window: u64,
    used: u64,
    ends: u64,
}

impl Bucket {
    /// Takes one request from the bucket. Returns what is left, or `None` if it was empty.
    fn take(&mut self, at: u64) -> Option<u64> {
        if at >= self.ends {
            self.ends = at - at % self.window + self.window;
            self.used = 0;
        }
        if self.used == self.limit {
            return None;
        }
        self.used += 1;
        Some(self.limit - self.used)
    }
}

/// The gateway with GitHub behind it.
pub(crate) struct Gateway {
    random: Random,
    buckets: [Bucket; 3],
}

impl Gateway {
    /// With full buckets.
    pub(crate) fn new() -> Gateway {
        let bucket = |credential, name, limit, window| Bucket {
            credential,
            name,
            limit,
            window,
            used: 0,
            ends: 0,
        };
        Gateway {
            random: Random(7),
            buckets: [
                bucket("github-app", "core", 1000, HOUR),
                bucket("github-app", "search", 30, MINUTE),
                bucket("github-releases", "core", 5000, HOUR),
            ],
        }
    }

    /// Answers a call and gives its line of log, without the line feed.
    pub(crate) fn serve(&mut self, call: &Call) -> String {
        let answer = match refusal(call) {
            Some(answer) => answer,
            None => self.forward(call),
        };
        self.line(call, &answer)
    }

    fn forward(&mut self, call: &Call) -> Answer {
        let index = match (call.method, call.path.starts_with("/search/")) {
            ("GET", true) => 1,
            ("GET", false) => 0,
            _ => 2,
        };
        let latency_ms = self.latency();
        let secondary = index == 1 && self.random.chance(90);
        let fault = self.random.below(1000);
        let bucket = &mut self.buckets[index];
        let left = bucket.take(call.at);
        let status = match left {
            None => 429,
            Some(_) if secondary => 403,
            Some(_) if fault < 4 => 502,
            Some(_) if fault < 7 => 500,
            Some(_) if call.method == "POST" => 201,
            Some(_) => 200,
        };
        let timed_out = left.is_some() && !secondary && (7..9).contains(&fault);
        let upstream = Upstream {
            status,
            latency_ms: if timed_out { 29_000 } else { latency_ms },
            credential: bucket.credential,
            bucket: bucket.name,
            limit: bucket.limit,
            remaining: left.unwrap_or(0),
            reset: bucket.ends / 1000,
            retry_after: match left {
                None => Some((bucket.ends - call.at).div_ceil(1000)),
                Some(_) => secondary.then_some(60),
            },
        };
        if timed_out {
            let error = Some(("Endpoint request timed out".to_owned(), "INTEGRATION_TIMEOUT"));
            return Answer { status: 504, error, upstream: Some(upstream) };
        }
        Answer { status, error: None, upstream: Some(upstream) }
    }

    /// Most answers take 60 to 200 ms; a few take seconds.
    fn latency(&mut self) -> u64 {
        let spread = 1 + self.random.below(1 << 16);
        60 + self.random.below(90) + (250_000 / spread).min(9_000)
    }

    fn line(&mut self, call: &Call, answer: &Answer) -> String {
        let (a, b) = (self.random.number(), self.random.number());
        let own_ms = 3 + self.random.below(9);
        let length = 120 + self.random.below(9_000);
        let dash = || "-".to_owned();
        let or_dash = |text: &str| if text.is_empty() { dash() } else { text.to_owned() };
        let (message, kind) = answer.error.clone().unwrap_or((dash(), "-"));
        let upstream = answer.upstream.as_ref();
        let told = upstream.filter(|_| answer.status != 504);
        let number = |value: Option<u64>| value.map_or_else(dash, |value| value.to_string());
        let response_ms = own_ms + upstream.map_or(0, |upstream| upstream.latency_ms);
        let fields: [(&str, String); 27] = [
            ("requestId", uuid(a, b)),
            ("extendedRequestId", format!("{:011x}=", b >> 20)),
            ("apiId", "a1b2c3d4e5".to_owned()),
            ("stage", "prod".to_owned()),
            ("httpMethod", call.method.to_owned()),
            ("resourcePath", "/{proxy+}".to_owned()),
            ("path", format!("/prod{}", call.path)),
            ("protocol", "HTTP/1.1".to_owned()),
            ("status", answer.status.to_string()),
            ("responseLength", length.to_string()),
            ("responseLatency", response_ms.to_string()),
            ("integrationLatency", number(upstream.map(|upstream| upstream.latency_ms))),
            ("integrationStatus", number(told.map(|upstream| upstream.status.into()))),
            ("ip", call.ip.to_owned()),
            ("userArn", or_dash(&call.arn)),
            ("caller", or_dash(&call.caller)),
            ("userAgent", call.agent.to_owned()),
            ("errorMessage", message),
            ("errorType", kind.to_owned()),
            ("upstream", upstream.map_or_else(dash, |_| "github".to_owned())),
            ("credential", upstream.map_or_else(dash, |upstream| upstream.credential.to_owned())),
            ("rlLimit", number(told.map(|upstream| upstream.limit))),
            ("rlRemaining", number(told.map(|upstream| upstream.remaining))),
            ("rlReset", number(told.map(|upstream| upstream.reset))),
            ("rlResource", told.map_or_else(dash, |upstream| upstream.bucket.to_owned())),
            ("retryAfter", number(told.and_then(|upstream| upstream.retry_after))),
            ("xrayTraceId", dash()),
        ];
        let mut line = format!("{{\"requestTimeEpoch\":{}", call.at);
        for (name, value) in fields {
            let _ = write!(line, ",\"{name}\":\"{value}\"");
        }
        line.push('}');
        line
    }
}

fn uuid(a: u64, b: u64) -> String {
    format!(
        "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
        a >> 32,
        a >> 16 & 0xffff,
        a & 0xfff,
        b >> 48 & 0xfff,
        b & 0xffff_ffff_ffff
    )
}

/// What the gateway refused by itself, by the policies of the day.
fn refusal(call: &Call) -> Option<Answer> {
    if call.arn.is_empty() {
        let error = ("Missing Authentication Token".to_owned(), "MISSING_AUTHENTICATION_TOKEN");
        return Some(Answer { status: 403, error: Some(error), upstream: None });
    }
    let explicit = if denied_explicitly(call) {
        " with an explicit deny"
    } else if allowed(call) {
        return None;
    } else {
        ""
    };
    let text = format!(
        "User: {} is not authorized to perform: execute-api:Invoke on resource: \
         arn:aws:execute-api:us-east-1:********9012:a1b2c3d4e5/prod/{}{}{explicit}",
        call.arn, call.method, call.path
    );
    Some(Answer { status: 403, error: Some((text, "ACCESS_DENIED")), upstream: None })
}

fn denied_explicitly(call: &Call) -> bool {
    let outside = !call.ip.starts_with("10.20.") && !call.ip.starts_with("198.51.100.");
    outside || call.arn.contains("/release-bot/") && call.method == "DELETE"
}

/// On the first day until half past eleven, the release bot could not yet publish releases.
fn allowed(call: &Call) -> bool {
    let read = call.method == "GET" && call.path.starts_with("/repos/PokaInc/");
    let role = call.arn.split('/').nth(1).unwrap_or_default();
    match role {
        "issues-reader" => read && call.path == "/repos/PokaInc/test-github-api/issues",
        "release-bot" => {
            read || call.path.ends_with("/git/refs") || call.at > START + 11 * HOUR + 30 * MINUTE
        }
        "analytics" => read || call.path == "/search/issues",
        "ana" => read || call.method == "PATCH" && call.mfa,
        _ => false,
    }
}
