//! Who we are to AWS: the places where a server finds its credentials, in the order of AWS's SDKs.
//!
//! 1. `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`;
//! 2. web identity: `AWS_WEB_IDENTITY_TOKEN_FILE` and `AWS_ROLE_ARN`, as in EKS;
//! 3. a container's endpoint: `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI` or `…_FULL_URI`, as in ECS
//!    and EKS Pod Identity;
//! 4. instance metadata, version 2.
//!
//! The first that is configured is used. Profiles of `~/.aws` belong to people, not to servers, and
//! are not read.

use std::time::SystemTime;

use jiff::SignedDuration;
use tokio::sync::Mutex;

use super::Credentials;
use super::provider::{Container, Instance, Keys, Provider, WebIdentity};
use crate::client::Client;
use crate::error::CallError;
use crate::{Clock, Environment};

/// Credentials are fetched again when less than this is left of them, as in AWS's SDKs.
const AHEAD: SignedDuration = SignedDuration::from_mins(5);

/// Our credentials for AWS, fetched when they are needed and again before they expire.
pub struct CredentialChain {
    provider: Box<dyn Provider>,
    clock: Clock,
    fetched: Mutex<Option<Credentials>>,
}

impl CredentialChain {
    /// The first place that the environment configures, else instance metadata.
    ///
    /// # Errors
    /// A place is configured in part, or in a way that cannot work.
    pub fn of_environment(
        environment: &Environment,
        client: &Client,
        clock: Clock,
    ) -> Result<CredentialChain, CallError> {
        let provider: Box<dyn Provider> = if let Some(keys) = Keys::configured(environment)? {
            Box::new(keys)
        } else if let Some(identity) = WebIdentity::configured(environment, client)? {
            Box::new(identity)
        } else if let Some(container) = Container::configured(environment, client)? {
            Box::new(container)
        } else {
            Box::new(Instance::configured(environment, client)?)
        };
        Ok(CredentialChain { provider, clock, fetched: Mutex::new(None) })
    }

    /// The credentials to sign with now.
    ///
    /// # Errors
    /// The place does not give them. Those at hand serve for as long as they are valid.
    pub async fn credentials(&self) -> Result<Credentials, CallError> {
        let mut fetched = self.fetched.lock().await;
        let now = (self.clock)();
        if let Some(credentials) = fetched.as_ref().filter(|held| is_valid(held, now + AHEAD)) {
            return Ok(credentials.clone());
        }
        match self.provider.fetch().await {
            Ok(credentials) => Ok(fetched.insert(credentials).clone()),
            Err(error) => fetched.clone().filter(|held| is_valid(held, now)).ok_or_else(|| {
                CallError { message: format!("no AWS credentials: {}", error.message), ..error }
            }),
        }
    }

    /// Forgets these credentials, because AWS says that they are not good any more.
    pub async fn forget(&self, refused: &Credentials) {
        let mut fetched = self.fetched.lock().await;
        if fetched.as_ref() == Some(refused) {
            *fetched = None;
        }
    }
}

fn is_valid(credentials: &Credentials, at: jiff::Timestamp) -> bool {
    credentials.expiry().is_none_or(|expiry| expiry > SystemTime::from(at))
}

#[cfg(test)]
mod tests;
