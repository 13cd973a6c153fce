//! A credential: how it is injected, who keeps its secret, and what is made of the secret once.
//!
//! What a request needs of a secret (a header's value, a parameter, the forms in which it must not
//! come back) is made when the secret is read, not for every request.

use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwapOption;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tollgate_secrets::{Keeper, Kept, SecretReference, Tending};
use tollgate_sigv4::{SecretKey, Signer};

use crate::oauth::Exchange;
use crate::refusal::Refusal;
use crate::scrub::Scrubber;
use crate::throttle::Bucket;

/// A credential for a third party.
pub(crate) struct Credential {
    pub(crate) alias: String,
    pub(crate) injection: Injection,
    pub(crate) held: Arc<Held>,
    pub(crate) bucket: Option<Arc<Bucket>>,
    /// What was made of the secret that was current last.
    prepared: ArcSwapOption<Prepared>,
}

/// Whoever keeps a secret, and what keeps it fresh for as long as this is held.
pub(crate) struct Held {
    /// What was declared; as long as it is, the same keeper has the secret after a reload.
    pub(crate) reference: SecretReference,
    /// Where the secret is exchanged for what is injected, if it is.
    pub(crate) exchange: Option<Exchange>,
    pub(crate) keeper: Arc<Keeper>,
    /// Set when the gateway begins to use it.
    pub(crate) tending: OnceLock<Tending>,
}

/// How a credential is put into a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Injection {
    /// A header whose value is the secret between two texts.
    Header { name: HeaderName, before: String, after: String },
    /// `Authorization: Basic …`
    Basic { username: String },
    /// A query parameter, its name encoded.
    Query { name: String },
    /// In the place of the placeholder in the upstream's URL.
    Path,
    /// A signature of AWS's version 4.
    Sigv4 { access_key_id: String, region: String, service: String },
}

/// What was made of one version of a secret.
pub(crate) struct Prepared {
    pub(crate) kept: Arc<Kept>,
    pub(crate) piece: Piece,
    pub(crate) scrubber: Scrubber,
}

/// What is put into a request.
pub(crate) enum Piece {
    Header(HeaderName, HeaderValue),
    /// `name=value`, encoded.
    Parameter(String),
    /// A segment, or a part of one, encoded.
    Path(String),
    Signer(Signer),
}

/// In a path or a query, everything but the unreserved characters is encoded.
pub(crate) const RESERVED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

impl Credential {
    pub(crate) fn new(
        alias: &str,
        injection: Injection,
        held: Arc<Held>,
        bucket: Option<Arc<Bucket>>,
    ) -> Credential {
        Credential {
            alias: alias.to_owned(),
            injection,
            held,
            bucket,
            prepared: ArcSwapOption::empty(),
        }
    }

    /// What to inject now.
    ///
    /// # Errors
    /// The secret was never read, or is too old to be trusted.
    pub(crate) fn prepared(&self, now: Timestamp) -> Result<Arc<Prepared>, Refusal> {
        let kept = self.held.keeper.current(now);
        self.prepare(kept.map_err(|closed| Refusal::Credential(closed.to_string()))?, now)
    }

    /// What to inject of this version of the secret.
    pub(crate) fn prepare(
        &self,
        kept: Arc<Kept>,
        now: Timestamp,
    ) -> Result<Arc<Prepared>, Refusal> {
        let made = self.prepared.load_full();
        if let Some(made) = made.filter(|made| Arc::ptr_eq(&made.kept, &kept)) {
            return Ok(made);
        }
        let prepared = Arc::new(self.injection.prepare(kept, now).map_err(|why| {
            Refusal::Credential(format!("credential `{}` cannot be injected: {why}", self.alias))
        })?);
        self.prepared.store(Some(Arc::clone(&prepared)));
        Ok(prepared)
    }
}

impl Injection {
    /// The one place at which a secret is read: into what is sent, and into what must not come back.
    fn prepare(&self, kept: Arc<Kept>, now: Timestamp) -> Result<Prepared, &'static str> {
        let secret = kept.secret().expose();
        let mut scrubber = Scrubber::builder();
        scrubber.add(secret);
        if let Some(previous) = kept.previous(now) {
            scrubber.add(previous.expose());
        }
        let encoded = || utf8_percent_encode(secret, RESERVED).to_string();
        let piece = match self {
            Self::Header { name, before, after } => {
                Piece::Header(name.clone(), header_value(&format!("{before}{secret}{after}"))?)
            }
            Self::Basic { username } => {
                let pair = STANDARD.encode(format!("{username}:{secret}"));
                scrubber.add(&pair);
                Piece::Header(AUTHORIZATION, header_value(&format!("Basic {pair}"))?)
            }
            Self::Query { name } => Piece::Parameter(format!("{name}={}", encoded())),
            Self::Path => Piece::Path(encoded()),
            Self::Sigv4 { access_key_id, region, service } => Piece::Signer(Signer {
                access_key_id: access_key_id.clone(),
                secret: SecretKey::new(secret),
                session_token: None,
                region: region.clone(),
                service: service.clone(),
            }),
        };
        Ok(Prepared { piece, scrubber: scrubber.build(), kept })
    }

    /// The header that it sets, if it sets one.
    pub(crate) fn header(&self) -> Option<&HeaderName> {
        match self {
            Self::Header { name, .. } => Some(name),
            Self::Basic { .. } | Self::Sigv4 { .. } => Some(&AUTHORIZATION),
            Self::Query { .. } | Self::Path => None,
        }
    }
}

/// A header's value that no log and no table of HTTP/2 will show.
fn header_value(text: &str) -> Result<HeaderValue, &'static str> {
    let mut value = HeaderValue::from_str(text)
        .or_else(|_| HeaderValue::from_bytes(text.as_bytes()))
        .map_err(|_| "it does not fit into a header")?;
    value.set_sensitive(true);
    Ok(value)
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credential({})", self.alias)
    }
}
