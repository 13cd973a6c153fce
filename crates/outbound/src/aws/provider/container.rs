//! The endpoint that ECS, EKS Pod Identity, Greengrass or tollgate itself offers to a container.

use std::path::PathBuf;

use bytes::Bytes;
use http::{HeaderValue, Request, header};

use super::super::variable;
use super::{Fetch, Provider, handed};
use crate::Environment;
use crate::client::{Client, PlainHttp};
use crate::error::CallError;

/// Where ECS's relative addresses are.
const ECS: &str = "http://169.254.170.2";

/// A container's credential endpoint.
pub(in super::super) struct Container {
    uri: String,
    authorization: Authorization,
    client: Client,
}

enum Authorization {
    None,
    Token(String),
    /// Read for each call, because it is rotated.
    File(PathBuf),
}

impl Container {
    /// The endpoint, if the environment names one.
    pub(in super::super) fn configured(
        environment: &Environment,
        client: &Client,
    ) -> Result<Option<Container>, CallError> {
        let relative = variable(environment, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
        let uri = relative
            .map(|path| format!("{ECS}{path}"))
            .or_else(|| variable(environment, "AWS_CONTAINER_CREDENTIALS_FULL_URI"));
        let Some(uri) = uri else { return Ok(None) };
        let parsed = uri.parse().map_err(|_| {
            CallError::misconfigured(format!(
                "the container's credential endpoint `{uri}` is no URL"
            ))
        })?;
        PlainHttp::Metadata.check(&parsed)?;
        let authorization =
            if let Some(file) = variable(environment, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") {
                Authorization::File(file.into())
            } else {
                variable(environment, "AWS_CONTAINER_AUTHORIZATION_TOKEN")
                    .map_or(Authorization::None, Authorization::Token)
            };
        Ok(Some(Container { uri, authorization, client: client.clone() }))
    }
}

impl Provider for Container {
    fn fetch(&self) -> Fetch<'_> {
        Box::pin(async {
            let mut request = Request::get(&self.uri).header(header::ACCEPT, "application/json");
            if let Some(authorization) = self.authorization.header().await? {
                request = request.header(header::AUTHORIZATION, authorization);
            }
            let request = request
                .body(Bytes::new())
                .map_err(|error| CallError::misconfigured(error.to_string()))?;
            let answer = self.client.call(request, PlainHttp::Metadata).await?;
            handed(&answer, "container").map_err(|error| error.of(format_args!("`{}`", self.uri)))
        })
    }
}

impl Authorization {
    async fn header(&self) -> Result<Option<HeaderValue>, CallError> {
        let token = match self {
            Authorization::None => return Ok(None),
            Authorization::Token(token) => token.clone(),
            Authorization::File(path) => super::text_of_file(path).await?,
        };
        let mut value = HeaderValue::try_from(token).map_err(|_| {
            CallError::misconfigured("the container's authorization token is no header value")
        })?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}
