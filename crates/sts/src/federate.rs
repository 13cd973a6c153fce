//! From a web identity token to claims that hold: the providers that are trusted, and their keys.
//!
//! Keys are found by OpenID Connect discovery and kept for an hour. A token of a key that is not
//! known fetches anew, at most once a minute, so that a provider may rotate and a stranger may not
//! make us fetch. When a provider cannot be reached, its last keys serve for a day.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::claims::Claims;
use crate::fetch::{Fetch, Outgoing, is_safe};
use crate::jwt::{Jwt, KeySet, Signed, invalid};
use crate::{Fault, FaultCode};

const FRESH_S: i64 = 3600;
const USABLE_S: i64 = 24 * 3600;
const RETRY_S: i64 = 60;

/// An OpenID Connect provider that roles may trust.
#[derive(Debug)]
pub struct Provider {
    /// Its URL, as tokens have it in `iss`.
    pub issuer: String,
    /// The client ids whose tokens are accepted.
    pub audiences: Vec<String>,
    /// Its keys, where they are not to be fetched.
    pub keys: Option<Arc<KeySet>>,
}

/// The providers that are trusted, and the keys that were fetched from them.
#[derive(Debug, Default)]
pub struct Providers {
    trusted: Vec<Provider>,
    fetched: Mutex<HashMap<String, Fetched>>,
}

#[derive(Clone, Debug)]
struct Fetched {
    /// The last good keys, and when they came.
    keys: Option<(Arc<KeySet>, Timestamp)>,
    tried_at: Timestamp,
    /// Why the last attempt failed, if it did.
    failure: Option<String>,
}

impl Providers {
    /// These providers, none of whose keys are known yet.
    pub fn new(trusted: Vec<Provider>) -> Providers {
        Providers { trusted, fetched: Mutex::default() }
    }

    /// The claims of a token, if a trusted provider signed it and they hold.
    ///
    /// # Errors
    /// [`FaultCode::InvalidIdentityToken`], [`FaultCode::ExpiredWebIdentity`], and
    /// [`FaultCode::IdpCommunicationError`] when the provider's keys cannot be had.
    pub async fn verify(
        &self,
        token: &SecretString,
        now: Timestamp,
        fetch: &dyn Fetch,
    ) -> Result<Claims, Fault> {
        let jwt = Jwt::parse(token.expose_secret())?;
        let provider = self.trusted.iter().find(|provider| provider.issuer == jwt.issuer());
        let provider = provider.ok_or_else(|| {
            let issuer = crate::action::shown(jwt.issuer());
            invalid(format!("No OpenIDConnect provider found in your account for {issuer}"))
        })?;
        let keys = self.keys(provider, now, FRESH_S, fetch).await?;
        let signed = match jwt.verify(&keys)? {
            Signed::KeyUnknown(jwt) if provider.keys.is_none() => {
                jwt.verify(&*self.keys(provider, now, RETRY_S, fetch).await?)?
            }
            signed => signed,
        };
        match signed {
            Signed::Yes(claims) => claims.judge(&provider.audiences, now),
            Signed::KeyUnknown(_) => Err(invalid(
                "Couldn't retrieve verification key from your identity provider: it publishes no \
                 key of the token's id and algorithm",
            )),
        }
    }

    /// The provider's keys, fetched if those at hand are older than `fresh_s`.
    async fn keys(
        &self,
        provider: &Provider,
        now: Timestamp,
        fresh_s: i64,
        fetch: &dyn Fetch,
    ) -> Result<Arc<KeySet>, Fault> {
        if let Some(keys) = &provider.keys {
            return Ok(Arc::clone(keys));
        }
        let known = self.lock().get(&provider.issuer).cloned();
        let age = |at: Timestamp| now.as_second().saturating_sub(at.as_second());
        if let Some(known) = &known
            && age(known.tried_at) < if known.failure.is_some() { RETRY_S } else { fresh_s }
        {
            return known.usable(now);
        }
        let kept = known.and_then(|known| known.keys);
        let fetched = match discover(&provider.issuer, fetch).await {
            Ok(keys) => Fetched { keys: Some((Arc::new(keys), now)), tried_at: now, failure: None },
            Err(failure) => Fetched { keys: kept, tried_at: now, failure: Some(failure) },
        };
        let answer = fetched.usable(now);
        self.lock().insert(provider.issuer.clone(), fetched);
        answer
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Fetched>> {
        // Every change is one insert: a panic elsewhere leaves nothing half done.
        self.fetched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Fetched {
    fn usable(&self, now: Timestamp) -> Result<Arc<KeySet>, Fault> {
        let usable = |at: &Timestamp| now.as_second().saturating_sub(at.as_second()) < USABLE_S;
        match &self.keys {
            Some((keys, at)) if usable(at) => Ok(Arc::clone(keys)),
            _ => {
                let message = "Error communicating with the identity provider";
                let detail = self.failure.clone().unwrap_or_default();
                Err(Fault::new(FaultCode::IdpCommunicationError, message).with_detail(detail))
            }
        }
    }
}

/// Asks a provider where its keys are, then for the keys.
///
/// Source: OpenID Connect Discovery 1.0, sections 4 and 4.3.
async fn discover(issuer: &str, fetch: &dyn Fetch) -> Result<KeySet, String> {
    #[derive(Deserialize)]
    struct Configuration {
        issuer: String,
        jwks_uri: String,
    }
    let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    let document = document(&url, fetch).await?;
    let configuration: Configuration = serde_json::from_slice(&document)
        .map_err(|error| format!("`{url}` is no OpenID configuration: {error}"))?;
    if configuration.issuer != issuer {
        let found = crate::action::shown(&configuration.issuer);
        return Err(format!("`{url}` speaks for `{found}`, expected `{issuer}`"));
    }
    let keys = self::document(&configuration.jwks_uri, fetch).await?;
    KeySet::parse(&keys)
}

async fn document(url: &str, fetch: &dyn Fetch) -> Result<Vec<u8>, String> {
    let shown = crate::action::shown(url);
    if !is_safe(url) {
        return Err(format!("`{shown}` is neither `https` nor on this machine"));
    }
    let request = Outgoing { url: url.to_owned(), headers: Vec::new() };
    let fetched =
        fetch.get(request).await.map_err(|fault| format!("cannot fetch `{shown}`: {fault}"))?;
    match fetched.status {
        200 => Ok(fetched.body),
        status => Err(format!("expected status 200 from `{shown}`, found {status}")),
    }
}
