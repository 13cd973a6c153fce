//! Web identity: a token that vouches for the workload is exchanged for a session of a role.

use std::path::PathBuf;

use super::super::{Sts, endpoint, endpoint_of_environment, region_of_environment, variable};
use super::{Fetch, Provider, text_of_file};
use crate::Environment;
use crate::client::Client;
use crate::error::CallError;

/// A role that the workload's token lets us assume.
pub(in super::super) struct WebIdentity {
    token_file: PathBuf,
    role: String,
    session: String,
    sts: Sts,
}

impl WebIdentity {
    /// The role and token, if the environment names a token file.
    pub(in super::super) fn configured(
        environment: &Environment,
        client: &Client,
    ) -> Result<Option<WebIdentity>, CallError> {
        let Some(token_file) = variable(environment, "AWS_WEB_IDENTITY_TOKEN_FILE") else {
            return Ok(None);
        };
        let role = variable(environment, "AWS_ROLE_ARN").ok_or_else(|| {
            CallError::misconfigured(
                "`AWS_WEB_IDENTITY_TOKEN_FILE` is set, and `AWS_ROLE_ARN` is not",
            )
        })?;
        let session = variable(environment, "AWS_ROLE_SESSION_NAME");
        let endpoint = endpoint_of_environment(environment, "STS").unwrap_or_else(|| {
            region_of_environment(environment)
                .map_or("https://sts.amazonaws.com".to_owned(), |region| endpoint("sts", &region))
        });
        Ok(Some(WebIdentity {
            token_file: token_file.into(),
            role,
            session: session.unwrap_or_else(|| "tollgate".to_owned()),
            sts: Sts::new(&endpoint, client.clone()),
        }))
    }
}

impl Provider for WebIdentity {
    fn fetch(&self) -> Fetch<'_> {
        Box::pin(async {
            let token = text_of_file(&self.token_file).await?;
            let parameters = [
                ("RoleArn", self.role.as_str()),
                ("RoleSessionName", self.session.as_str()),
                ("WebIdentityToken", token.as_str()),
            ];
            self.sts.session("AssumeRoleWithWebIdentity", &parameters, None).await
        })
    }
}
