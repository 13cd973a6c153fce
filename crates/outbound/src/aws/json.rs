//! Signed calls to the services that speak AWS's JSON protocol, version 1.1: Secrets Manager,
//! CloudWatch Logs and others.

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use http::{Request, StatusCode, header};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::sign::{Scope, sign};
use super::{
    CredentialChain, Credentials, endpoint, endpoint_of_environment, region_of_environment,
};
use crate::client::{Answer, Client, PlainHttp};
use crate::error::{CallError, CallFault};
use crate::{Clock, Environment};

/// Errors that say that the credentials are not good any more, but that new ones may be.
const EXPIRED: [&str; 3] =
    ["ExpiredTokenException", "UnrecognizedClientException", "InvalidSignatureException"];

/// A service in a region, called as whoever we are.
pub struct JsonService {
    /// As it stands in a signature's scope: `secretsmanager`, `logs`.
    name: &'static str,
    /// What its operations' names begin with in `X-Amz-Target`.
    target: &'static str,
    region: String,
    endpoint: String,
    plain: PlainHttp,
    client: Client,
    chain: Arc<CredentialChain>,
    clock: Clock,
}

/// What a service is called by, and where.
pub struct Addressed<'a> {
    /// As it stands in a signature's scope: `secretsmanager`, `logs`.
    pub name: &'static str,
    /// What its operations' names begin with: `secretsmanager`, `Logs_20140328`.
    pub target: &'static str,
    /// As it stands in `AWS_ENDPOINT_URL_…`: `SECRETS_MANAGER`, `CLOUDWATCH_LOGS`.
    pub variable: &'static str,
    /// The region, unless the environment's.
    pub region: Option<&'a str>,
    /// The URL, unless the environment's or AWS's.
    pub endpoint: Option<&'a str>,
    /// To whom calls may go without TLS.
    pub plain: PlainHttp,
}

/// An error as the protocol writes it.
#[derive(serde::Deserialize)]
struct Failure {
    #[serde(rename = "__type")]
    kind: Option<String>,
    #[serde(alias = "Message")]
    message: Option<String>,
}

impl JsonService {
    /// A service as it is configured here and in the environment.
    ///
    /// # Errors
    /// No region is known.
    pub fn new(
        addressed: &Addressed<'_>,
        environment: &Environment,
        client: Client,
        chain: Arc<CredentialChain>,
        clock: Clock,
    ) -> Result<JsonService, CallError> {
        let name = addressed.name;
        let region =
            addressed.region.map(str::to_owned).or_else(|| region_of_environment(environment));
        let region = region.ok_or_else(|| {
            CallError::misconfigured(format!(
                "the region of `{name}` is not known: write `region`, or set `AWS_REGION`"
            ))
        })?;
        let endpoint = addressed
            .endpoint
            .map(str::to_owned)
            .or_else(|| endpoint_of_environment(environment, addressed.variable))
            .unwrap_or_else(|| endpoint(name, &region));
        let endpoint = format!("{}/", endpoint.trim_end_matches('/'));
        Ok(JsonService {
            name,
            target: addressed.target,
            region,
            endpoint,
            plain: addressed.plain,
            client,
            chain,
            clock,
        })
    }

    /// Calls an operation: `GetSecretValue`. When the credentials have been replaced or ended
    /// before their time, it is called a second time, with new ones.
    ///
    /// # Errors
    /// The service cannot be reached, or answers with an error, whose name and message are told.
    pub async fn call<I: Serialize, O: DeserializeOwned>(
        &self,
        operation: &str,
        input: &I,
    ) -> Result<O, CallError> {
        let body = serde_json::to_vec(input)
            .map_err(|error| CallError::misconfigured(error.to_string()))?;
        let body = Bytes::from(body);
        let credentials = self.chain.credentials().await?;
        let mut answer = self.send(operation, body.clone(), credentials.clone()).await?;
        if !answer.status.is_success() && credentials_are_bad(&answer) {
            self.chain.forget(&credentials).await;
            let fresh = self.chain.credentials().await?;
            if fresh != credentials {
                answer = self.send(operation, body, fresh).await?;
            }
        }
        read(&answer)
            .map_err(|error| error.of(format_args!("`{}` of `{}`", operation, self.endpoint)))
    }

    async fn send(
        &self,
        operation: &str,
        body: Bytes,
        credentials: Credentials,
    ) -> Result<Answer, CallError> {
        let mut request = Request::post(&self.endpoint)
            .header(header::CONTENT_TYPE, "application/x-amz-json-1.1")
            .header("x-amz-target", format!("{}.{operation}", self.target))
            .body(body)
            .map_err(|error| CallError::misconfigured(error.to_string()))?;
        let scope = Scope { region: &self.region, service: self.name };
        sign(&mut request, scope, credentials, SystemTime::from((self.clock)()))?;
        self.client.call(request, self.plain).await
    }
}

fn read<O: DeserializeOwned>(answer: &Answer) -> Result<O, CallError> {
    if !answer.status.is_success() {
        return Err(failure(answer));
    }
    // Some operations answer with nothing at all.
    let body = if answer.body.is_empty() { b"null" } else { answer.body.as_slice() };
    // An error of serde could repeat a part of the answer.
    serde_json::from_slice(body).map_err(|error| {
        CallError::unavailable(format!("the answer cannot be read, at byte {}", error.column()))
    })
}

/// The name of an error: `com.amazonaws#ResourceNotFoundException` → `ResourceNotFoundException`.
fn kind(failure: &Failure) -> &str {
    let kind = failure.kind.as_deref().unwrap_or_default();
    kind.rsplit('#').next().unwrap_or(kind)
}

fn credentials_are_bad(answer: &Answer) -> bool {
    serde_json::from_slice(&answer.body)
        .is_ok_and(|failure: Failure| EXPIRED.contains(&kind(&failure)))
}

fn failure(answer: &Answer) -> CallError {
    let status = answer.status;
    let Ok(failure) = serde_json::from_slice::<Failure>(&answer.body) else {
        return CallError::unavailable(format!("answered with status {}", status.as_u16()));
    };
    let kind = kind(&failure);
    let fault = match (status, kind) {
        (_, "ResourceNotFoundException") => CallFault::Missing,
        (StatusCode::TOO_MANY_REQUESTS, _) | (_, "ThrottlingException") => CallFault::Unavailable,
        (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, _)
        | (
            _,
            "AccessDeniedException"
            | "ExpiredTokenException"
            | "UnrecognizedClientException"
            | "InvalidSignatureException"
            | "DecryptionFailure",
        ) => CallFault::Denied,
        (status, _) if status.is_server_error() => CallFault::Unavailable,
        _ => CallFault::Misconfigured,
    };
    let message = failure.message.as_deref().unwrap_or("no message");
    CallError { fault, message: format!("{kind}: {message}") }
}
