//! Keys in the environment.

use super::super::{Credentials, variable};
use super::{Fetch, Provider};
use crate::Environment;
use crate::error::CallError;

/// `AWS_ACCESS_KEY_ID` and its companions.
pub(in super::super) struct Keys(Credentials);

impl Keys {
    /// The keys, if the environment has an access key id.
    pub(in super::super) fn configured(
        environment: &Environment,
    ) -> Result<Option<Keys>, CallError> {
        let Some(id) = variable(environment, "AWS_ACCESS_KEY_ID") else { return Ok(None) };
        let secret = variable(environment, "AWS_SECRET_ACCESS_KEY").ok_or_else(|| {
            CallError::misconfigured(
                "`AWS_ACCESS_KEY_ID` is set, and `AWS_SECRET_ACCESS_KEY` is not",
            )
        })?;
        let token = variable(environment, "AWS_SESSION_TOKEN");
        Ok(Some(Keys(Credentials::new(id, secret, token, None, "environment"))))
    }
}

impl Provider for Keys {
    fn fetch(&self) -> Fetch<'_> {
        Box::pin(async { Ok(self.0.clone()) })
    }
}
