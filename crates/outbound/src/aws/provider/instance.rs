//! Instance metadata, version 2: a token first, and then nothing without it.

use bytes::Bytes;
use http::{Method, Request};

use super::super::variable;
use super::{Fetch, Provider, handed};
use crate::Environment;
use crate::client::{Answer, Client, PlainHttp};
use crate::error::CallError;

const ENDPOINT: &str = "http://169.254.169.254";
const ROLES: &str = "/latest/meta-data/iam/security-credentials/";

/// The role of the instance that we run on.
pub(in super::super) struct Instance {
    endpoint: String,
    client: Client,
}

impl Instance {
    /// The endpoint that the environment names, else AWS's.
    ///
    /// # Errors
    /// The environment forbids it: then there are no credentials at all.
    pub(in super::super) fn configured(
        environment: &Environment,
        client: &Client,
    ) -> Result<Instance, CallError> {
        let disabled = variable(environment, "AWS_EC2_METADATA_DISABLED");
        if disabled.is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            return Err(CallError::misconfigured(
                "no AWS credentials: set `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, \
                 `AWS_WEB_IDENTITY_TOKEN_FILE` and `AWS_ROLE_ARN`, or \
                 `AWS_CONTAINER_CREDENTIALS_FULL_URI`; instance metadata is switched off by \
                 `AWS_EC2_METADATA_DISABLED`",
            ));
        }
        let endpoint = variable(environment, "AWS_EC2_METADATA_SERVICE_ENDPOINT");
        let endpoint = endpoint.as_deref().unwrap_or(ENDPOINT).trim_end_matches('/').to_owned();
        Ok(Instance { endpoint, client: client.clone() })
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        header: (&str, &str),
    ) -> Result<Answer, CallError> {
        let uri = format!("{}{path}", self.endpoint);
        let request = Request::builder().method(method).uri(&uri).header(header.0, header.1);
        let request = request
            .body(Bytes::new())
            .map_err(|error| CallError::misconfigured(error.to_string()))?;
        let answer = self.client.call(request, PlainHttp::Metadata).await?;
        if answer.status.is_success() {
            return Ok(answer);
        }
        let status = answer.status.as_u16();
        Err(CallError::denied(format!("`{uri}`: answered with status {status}")))
    }
}

impl Provider for Instance {
    fn fetch(&self) -> Fetch<'_> {
        Box::pin(async {
            let lifetime = ("x-aws-ec2-metadata-token-ttl-seconds", "21600");
            let token = self.ask(Method::PUT, "/latest/api/token", lifetime).await?;
            let token = String::from_utf8_lossy(&token.body).into_owned();
            let token = ("x-aws-ec2-metadata-token", token.as_str());
            let roles = self.ask(Method::GET, ROLES, token).await?;
            let roles = String::from_utf8_lossy(&roles.body).into_owned();
            let role = roles.lines().next().filter(|role| !role.is_empty()).ok_or_else(|| {
                CallError::missing(format!("`{}{ROLES}`: the instance has no role", self.endpoint))
            })?;
            let path = format!("{ROLES}{role}");
            let answer = self.ask(Method::GET, &path, token).await?;
            handed(&answer, "instance")
                .map_err(|error| error.of(format_args!("`{}{path}`", self.endpoint)))
        })
    }
}
