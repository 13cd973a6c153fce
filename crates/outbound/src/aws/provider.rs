//! The places where a server finds credentials, a file each.

mod container;
mod environment;
mod instance;
mod web_identity;

use std::pin::Pin;
use std::time::SystemTime;

use jiff::Timestamp;
use serde::Deserialize;

pub(super) use self::container::Container;
pub(super) use self::environment::Keys;
pub(super) use self::instance::Instance;
pub(super) use self::web_identity::WebIdentity;
use super::Credentials;
use crate::client::Answer;
use crate::error::CallError;

/// A place where credentials are found.
pub(super) trait Provider: Send + Sync {
    /// Fetches them as they are now.
    fn fetch(&self) -> Fetch<'_>;
}

pub(super) type Fetch<'a> =
    Pin<Box<dyn Future<Output = Result<Credentials, CallError>> + Send + 'a>>;

/// What the endpoints of containers and instances answer.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Handed {
    access_key_id: Option<String>,
    secret_access_key: Option<String>,
    token: Option<String>,
    expiration: Option<String>,
    /// Of instance metadata, `Success` or why not.
    code: Option<String>,
}

/// Credentials from the answer of a metadata endpoint.
fn handed(answer: &Answer, provider: &'static str) -> Result<Credentials, CallError> {
    if !answer.status.is_success() {
        return Err(CallError::denied(format!("answered with status {}", answer.status.as_u16())));
    }
    let handed: Handed = serde_json::from_slice(&answer.body).map_err(|_| {
        CallError::unavailable("expected credentials in JSON, found something else")
    })?;
    let (Some(id), Some(secret)) = (handed.access_key_id, handed.secret_access_key) else {
        let code = handed.code.unwrap_or_else(|| "no reason".to_owned());
        return Err(CallError::denied(format!("gave no credentials, but `{code}`")));
    };
    let expiry = handed.expiration.as_deref().map(expiry).transpose()?;
    Ok(Credentials::new(id, secret, handed.token, expiry, provider))
}

pub(super) fn expiry(text: &str) -> Result<SystemTime, CallError> {
    let expiry: Timestamp = text.parse().map_err(|_| {
        CallError::unavailable(format!("expected a time of expiry, found `{text}`"))
    })?;
    Ok(SystemTime::from(expiry))
}

/// A token in a file, without the end of its line. It is read for each call, because whoever wrote
/// it rotates it.
async fn text_of_file(path: &std::path::Path) -> Result<String, CallError> {
    let owned = path.to_owned();
    let text = tokio::task::spawn_blocking(move || std::fs::read_to_string(owned)).await;
    match text {
        Ok(Ok(text)) => Ok(text.trim_end().to_owned()),
        Ok(Err(error)) => Err(CallError::missing(format!("file `{}`: {error}", path.display()))),
        Err(error) => Err(CallError::unavailable(error.to_string())),
    }
}
