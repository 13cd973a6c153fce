//! OAuth 2.0 client credentials (RFC 6749 §4.4): a source whose secret is the access token, fetched
//! for the client's own secret. Whoever keeps it fetches another before it expires, and when an
//! upstream refuses it.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Either, Full, Limited};
use jiff::SignedDuration;
use percent_encoding::utf8_percent_encode;
use serde::Deserialize;
use tokio::time::Instant;
use tollgate_secrets::{
    Clock, Keeper, Kept, Read, Reading, Secret, Source, SourceError, SourceFault, Version,
};
use tollgate_store::Oauth2Decl;
use zeroize::Zeroizing;

use crate::credential::RESERVED;
use crate::pool::CallError;
use crate::upstream::Upstream;

/// Where a client's secret is exchanged for a token.
#[derive(Clone)]
pub(crate) struct Exchange {
    pub(crate) decl: Oauth2Decl,
    /// Its URL is the token endpoint.
    pub(crate) upstream: Arc<Upstream>,
}

impl PartialEq for Exchange {
    fn eq(&self, other: &Exchange) -> bool {
        self.decl == other.decl && Arc::ptr_eq(&self.upstream, &other.upstream)
    }
}

/// A token endpoint, and who we are to it.
pub(crate) struct TokenSource {
    pub(crate) decl: Oauth2Decl,
    /// Its URL is the token endpoint.
    pub(crate) upstream: Arc<Upstream>,
    /// The client's secret.
    pub(crate) client: Arc<Keeper>,
    pub(crate) clock: Clock,
}

/// An endpoint's answer. No `Debug`: it holds a token.
#[derive(Deserialize)]
struct Token {
    access_token: Zeroizing<String>,
    token_type: Option<String>,
    expires_in: Option<u32>,
}

#[derive(Deserialize)]
struct Failure {
    error: String,
}

/// The largest answer of a token endpoint.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

impl Source for TokenSource {
    fn read(&self) -> Read<'_> {
        Box::pin(self.fetch())
    }
}

impl TokenSource {
    async fn fetch(&self) -> Result<Reading, SourceError> {
        // A token is fetched rarely, so that its client's secret may as well be read each time; the
        // last one serves as long as it would for requests.
        let read = self.client.refresh().await;
        let kept = match self.client.current((self.clock)()) {
            Ok(kept) => kept,
            Err(closed) => {
                let message = closed.to_string();
                return Err(read.err().unwrap_or(unavailable(message)));
            }
        };
        let now = (self.clock)();
        let token = self.ask(&kept).await?;
        if token.token_type.is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer")) {
            return Err(self.wrong(SourceFault::Unfit, "gives another kind of token than `Bearer`"));
        }
        let secret = Secret::read(token.access_token.as_str().to_owned()).map_err(|unfit| {
            self.wrong(SourceFault::Unfit, &format!("gives a token that cannot be one: {unfit}"))
        })?;
        let expires = token.expires_in.map(|s| now + SignedDuration::from_secs(i64::from(s)));
        Ok(Reading { secret, version: Version::new(format!("token of {now:.0}")), expires })
    }

    async fn ask(&self, client: &Kept) -> Result<Token, SourceError> {
        let request = self.request(client)?;
        let deadline = Instant::now() + self.upstream.timeout();
        let asked = async {
            let response = self.upstream.pool(false).call(request, deadline).await;
            let response = response.map_err(|error| self.unreachable(error))?;
            let status = response.status();
            let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
            let body = body.map_err(|_| {
                self.wrong(SourceFault::Unavailable, "answers with too much, or breaks off")
            })?;
            Ok((status, Zeroizing::new(body.to_bytes().to_vec())))
        };
        let asked = tokio::time::timeout_at(deadline, asked).await;
        let (status, body) = asked.unwrap_or_else(|_| {
            Err(self.wrong(SourceFault::Unavailable, "does not answer in time"))
        })?;
        if status != StatusCode::OK {
            return Err(self.refused(status, &body));
        }
        serde_json::from_slice(&body)
            .map_err(|_| self.wrong(SourceFault::Unfit, "answers with something that is no token"))
    }

    fn request(&self, client: &Kept) -> Result<Request<crate::upstream::RequestBody>, SourceError> {
        let Oauth2Decl { client_id, scope, audience, credentials_in_form, .. } = &self.decl;
        let encoded = |text: &str| utf8_percent_encode(text, RESERVED).to_string();
        let mut form = Zeroizing::new("grant_type=client_credentials".to_owned());
        let mut add = |name: &str, value: &str| {
            form.push_str(&format!("&{name}={}", encoded(value)));
        };
        for (name, value) in [("scope", scope), ("audience", audience)] {
            if let Some(value) = value {
                add(name, value);
            }
        }
        let secret = client.secret().expose();
        if *credentials_in_form {
            add("client_id", client_id);
            add("client_secret", secret);
        }
        let path = match self.upstream.base_path() {
            "" => "/",
            path => path,
        };
        let mut request = Request::post(path)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(ACCEPT, "application/json")
            .body(Either::Left(Full::new(Bytes::from(form.as_bytes().to_vec()))))
            .map_err(|_| self.wrong(SourceFault::Misconfigured, "is not a URL"))?;
        if !credentials_in_form {
            // RFC 6749 §2.3.1: both parts are encoded before they are joined.
            let pair = Zeroizing::new(format!("{}:{}", encoded(client_id), encoded(secret)));
            let basic = Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())));
            let mut value = HeaderValue::from_str(&basic)
                .map_err(|_| self.wrong(SourceFault::Misconfigured, "cannot be told who we are"))?;
            value.set_sensitive(true);
            request.headers_mut().insert(AUTHORIZATION, value);
        }
        Ok(request)
    }

    /// What the endpoint says of its refusal: the code alone, which RFC 6749 §5.2 lists.
    fn refused(&self, status: StatusCode, body: &[u8]) -> SourceError {
        let code = serde_json::from_slice::<Failure>(body).map(|failure| failure.error);
        let is_code = |code: &String| code.bytes().all(|it| it.is_ascii_lowercase() || it == b'_');
        let fault = match status.is_server_error() {
            true => SourceFault::Unavailable,
            false => SourceFault::Denied,
        };
        match code.ok().filter(is_code) {
            Some(code) => self.wrong(fault, &format!("answers with {status}, `{code}`")),
            None => self.wrong(fault, &format!("answers with {status}")),
        }
    }

    fn unreachable(&self, error: CallError) -> SourceError {
        self.wrong(SourceFault::Unavailable, &crate::forward::failure(error).explanation())
    }

    fn wrong(&self, fault: SourceFault, what: &str) -> SourceError {
        let message = format!("the token endpoint `{}` {what}", self.upstream.name());
        SourceError { fault, message }
    }
}

fn unavailable(message: String) -> SourceError {
    SourceError { fault: SourceFault::Unavailable, message }
}
