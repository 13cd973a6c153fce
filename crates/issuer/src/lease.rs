//! A broker as a service of the gateway: `POST` answers with a login, for a caller that the policies
//! allow.
//!
//! | query parameter | means |
//! |---|---|
//! | `ttlS` | how long the login is to last; the broker's default unless given |
//! | `format` | `json` unless given, or `env`: libpq's variables for a shell |
//!
//! The login never outlasts the session that asked for it.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Method, Response, StatusCode};
use jiff::SignedDuration;
use tollgate_broker::{Ask, Broker, BrokerError, Caller, JournalError};
use tollgate_gateway::{Internal, InternalAnswer, InternalCall, Refusal};

/// Hands out the logins of one broker.
#[derive(Debug)]
pub struct LeaseService(Arc<Broker>);

/// How a login is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Json,
    Env,
}

impl LeaseService {
    pub(crate) fn new(broker: Arc<Broker>) -> LeaseService {
        LeaseService(broker)
    }

    pub(crate) fn broker(&self) -> Arc<Broker> {
        Arc::clone(&self.0)
    }

    async fn lease(&self, call: &InternalCall) -> Result<Response<Bytes>, Refusal> {
        if call.head.method != Method::POST {
            let mut response = answer(StatusCode::METHOD_NOT_ALLOWED, "text/plain", Bytes::new());
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
            return Ok(response);
        }
        let (ask, format) = match asked(call.head.uri.query().unwrap_or_default()) {
            Ok(asked) => asked,
            Err(message) => return Ok(bad_request(&message)),
        };
        // A route that asks for no signature hands out no logins: there is nobody to hand them to.
        let Some(caller) = &call.caller else {
            return Ok(bad_request("a login is for a caller that signs"));
        };
        let caller = Caller { arn: &caller.arn, session_expires: caller.expires };
        let lease = match self.0.issue(ask, &caller, call.arrival.at).await {
            Ok(lease) => lease,
            Err(BrokerError::Grant(refusal)) => return Ok(bad_request(&refusal.to_string())),
            Err(error) => return Err(refusal(self.0.profile().name(), &error)),
        };
        Ok(match format {
            Format::Json => answer(StatusCode::OK, "application/json", lease.to_json().into()),
            Format::Env => answer(StatusCode::OK, "text/plain", lease.to_env().into()),
        })
    }
}

impl Internal for LeaseService {
    fn answer(&self, call: InternalCall) -> InternalAnswer<'_> {
        Box::pin(async move { self.lease(&call).await })
    }
}

/// What the query asks for. An unknown parameter is refused: it may have been meant to limit.
fn asked(query: &str) -> Result<(Ask, Format), String> {
    let (mut ask, mut format) = (Ask::default(), Format::Json);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=').unwrap_or((pair, "")) {
            ("ttlS", value) => {
                let seconds: u32 = value
                    .parse()
                    .map_err(|_| format!("expected whole seconds as `ttlS`, found `{value}`"))?;
                ask.ttl = Some(SignedDuration::from_secs(i64::from(seconds)));
            }
            ("format", "json") => format = Format::Json,
            ("format", "env") => format = Format::Env,
            ("format", value) => {
                return Err(format!("expected `json` or `env` as `format`, found `{value}`"));
            }
            // A presigned request has those of its signature.
            (name, _) if name.to_ascii_lowercase().starts_with("x-amz-") => {}
            (name, _) => return Err(format!("expected `ttlS` and `format`, found `{name}`")),
        }
    }
    Ok((ask, format))
}

/// Why there is no login, to the gateway: the caller is told that it is not its fault, the log why.
fn refusal(broker: &str, error: &BrokerError) -> Refusal {
    match error {
        BrokerError::Journal(JournalError::Full { .. }) => {
            Refusal::Throttled { limit: format!("broker `{broker}`: {error}"), retry_after_s: 60 }
        }
        _ => Refusal::Unreachable(format!("broker `{broker}`: {error}")),
    }
}

fn bad_request(message: &str) -> Response<Bytes> {
    let body = serde_json::json!({ "message": message }).to_string();
    answer(StatusCode::BAD_REQUEST, "application/json", body.into())
}

/// An answer that nobody may keep.
fn answer(status: StatusCode, content_type: &'static str, body: Bytes) -> Response<Bytes> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_says_how_long_and_in_which_form() {
        let seconds = |ask: Ask| ask.ttl.map(|ttl| ttl.as_secs());
        let (ask, format) = asked("ttlS=60&format=env&X-Amz-Date=1").unwrap();
        assert_eq!((seconds(ask), format), (Some(60), Format::Env));
        let (ask, format) = asked("").unwrap();
        assert_eq!((seconds(ask), format), (None, Format::Json));
        for (query, message) in [
            ("ttlS=1h", "expected whole seconds as `ttlS`, found `1h`"),
            ("ttlS=-1", "expected whole seconds as `ttlS`, found `-1`"),
            ("format=xml", "expected `json` or `env` as `format`, found `xml`"),
            ("ttl=60", "expected `ttlS` and `format`, found `ttl`"),
        ] {
            assert_eq!(asked(query).unwrap_err(), message);
        }
    }
}
