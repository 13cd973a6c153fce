//! What each kind of line of an execution log says of its request.

use super::Open;
use crate::schema::Field;

/// How a line begins, and what to read from the rest of it.
pub(super) type Rule = (&'static str, fn(&mut Open, &str));

pub(super) fn rule(message: &str) -> Option<&'static Rule> {
    RULES.iter().find(|(start, _)| message.starts_with(start))
}

/// What each kind of line says.
const RULES: &[Rule] = &[
    ("Extended Request Id: ", |open, rest| open.set(Field::ExtendedRequestId, rest.trim())),
    ("Verifying Usage Plan for request: ", |open, rest| {
        if let Some((_, api)) = rest.split_once("API Stage: ") {
            open.set_api(api);
        }
    }),
    ("HTTP Method: ", |open, rest| {
        if let Some((method, path)) = rest.split_once(", Resource Path: ") {
            open.set(Field::Method, method.trim());
            open.set(Field::ResourcePath, path.trim());
        }
    }),
    ("Method request headers: ", |open, rest| {
        let header = |name| header(rest, name);
        let client = header("X-Forwarded-For").and_then(|chain| chain.split(',').next());
        open.set(Field::SourceIp, client.unwrap_or_default().trim());
        open.set(Field::UserAgent, header("User-Agent").unwrap_or_default());
        open.set(Field::DomainName, header("Host").unwrap_or_default());
    }),
    ("Endpoint request URI: ", |open, rest| {
        let host = rest.split_once("://").and_then(|(_, rest)| rest.split('/').next());
        open.set(Field::Upstream, host.unwrap_or_default().trim());
    }),
    ("Received response. ", |open, rest| {
        for part in rest.split(", ") {
            match part.trim().split_once(": ") {
                Some(("Status", status)) => open.set(Field::IntegrationStatus, status),
                Some(("Integration latency", latency)) => {
                    open.set(Field::IntegrationLatency, latency.trim_end_matches(" ms"));
                }
                _ => {}
            }
        }
    }),
    ("Endpoint response headers: ", |open, rest| {
        for (field, name) in [
            (Field::RateLimit, "x-ratelimit-limit"),
            (Field::RateRemaining, "x-ratelimit-remaining"),
            (Field::RateUsed, "x-ratelimit-used"),
            (Field::RateReset, "x-ratelimit-reset"),
            (Field::RateResource, "x-ratelimit-resource"),
            (Field::RetryAfter, "retry-after"),
        ] {
            open.set(field, header(rest, name).unwrap_or_default());
        }
    }),
    ("Key throttle limit exceeded for ", |open, rest| {
        limited(open, "THROTTLED", "Key throttle limit exceeded for ", rest);
    }),
    ("Key quota limit exceeded for ", |open, rest| {
        limited(open, "QUOTA_EXCEEDED", "Key quota limit exceeded for ", rest);
    }),
    ("Execution failed due to ", |open, rest| {
        let error_type = match rest {
            _ if rest.contains("timeout") => "INTEGRATION_TIMEOUT",
            _ if rest.starts_with("configuration error") => "API_CONFIGURATION_ERROR",
            _ => "INTEGRATION_FAILURE",
        };
        open.set_error(error_type, &format!("Execution failed due to {}", rest.trim()));
    }),
    ("Unauthorized request: ", |open, _| open.set_error("UNAUTHORIZED", "Unauthorized")),
    ("User: ", |open, rest| open.set_error("ACCESS_DENIED", &format!("User: {}", rest.trim()))),
    ("The client is not authorized to perform this operation", |open, _| {
        open.set_error("ACCESS_DENIED", "The client is not authorized to perform this operation.");
    }),
    ("Method completed with status: ", |open, rest| {
        open.set(Field::Status, rest.trim());
        open.done = true;
    }),
    ("X-ray Tracing ID : ", |open, rest| open.set(Field::XrayTraceId, rest.trim())),
    ("AWS Integration Endpoint RequestId : ", |_, _| {}),
    ("API Key ", |_, _| {}),
    ("Usage Plan check ", |_, _| {}),
    ("Starting execution for request: ", |_, _| {}),
    ("Starting authorizer: ", |_, _| {}),
    ("Method request ", |_, _| {}),
    ("Method response ", |_, _| {}),
    ("Endpoint request ", |_, _| {}),
    ("Endpoint response ", |_, _| {}),
    ("Sending request to ", |_, _| {}),
    ("Successfully completed execution", |_, _| {}),
];

/// `RestApi X, Stage Prod, Resource k0w8mc, HttpMethod POST. Limit: 1.00 Burst: 1`
fn limited(open: &mut Open, error_type: &str, what: &str, rest: &str) {
    open.set_error(error_type, &format!("{what}{}", rest.trim()));
    let (place, limits) = rest.split_once(". ").unwrap_or((rest, ""));
    for part in place.split(", ") {
        match part.split_once(' ') {
            Some(("RestApi", api)) => open.set(Field::ApiId, api),
            Some(("Stage", stage)) => open.set(Field::Stage, stage),
            Some(("HttpMethod", method)) => open.set(Field::Method, method),
            _ => {}
        }
    }
    let limit = limits.strip_prefix("Limit: ").and_then(|rest| rest.split(' ').next());
    open.set(Field::RateLimit, limit.unwrap_or_default());
}

/// A header in `{Name=value, Name=value}`; values may hold `, ` and `=`.
fn header<'a>(headers: &'a str, name: &str) -> Option<&'a str> {
    let headers = headers.trim().trim_start_matches('{').trim_end_matches('}');
    let mut starts = Vec::new();
    let mut at = 0;
    for part in headers.split(", ") {
        let key = part.split_once('=').map_or("", |(key, _)| key);
        if !key.is_empty()
            && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
        {
            starts.push((at, key));
        }
        at += part.len() + 2;
    }
    let found = starts.iter().position(|(_, key)| key.eq_ignore_ascii_case(name))?;
    let (start, key) = starts.get(found)?;
    let end = starts.get(found + 1).map_or(headers.len(), |(next, _)| next - 2);
    headers.get(start + key.len() + 1..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_may_hold_separators() {
        let headers = "{Accept=a, b, */*, User-Agent=x/1 (a=b), Host=h}";
        assert_eq!(header(headers, "accept"), Some("a, b, */*"));
        assert_eq!(header(headers, "User-Agent"), Some("x/1 (a=b)"));
        assert_eq!(header(headers, "Host"), Some("h"));
        assert_eq!(header(headers, "Cookie"), None);
    }
}
