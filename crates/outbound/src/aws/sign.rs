//! A signature of version 4 on a request that is in memory.

use std::time::SystemTime;

use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign as sign_with};
use aws_sigv4::sign::v4::SigningParams;
use bytes::Bytes;
use http::Request;

use super::Credentials;
use crate::error::CallError;

/// What a signature is for.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a> {
    pub(super) region: &'a str,
    pub(super) service: &'a str,
}

/// Signs a request.
///
/// # Errors
/// It has a header that is not text.
pub(super) fn sign(
    request: &mut Request<Bytes>,
    scope: Scope<'_>,
    credentials: Credentials,
    time: SystemTime,
) -> Result<(), CallError> {
    signed(request, scope, credentials, time)
        .map_err(|error| CallError::misconfigured(format!("cannot sign: {error}")))
}

fn signed(
    request: &mut Request<Bytes>,
    scope: Scope<'_>,
    credentials: Credentials,
    time: SystemTime,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let identity = credentials.into();
    let params = SigningParams::builder()
        .identity(&identity)
        .region(scope.region)
        .name(scope.service)
        .time(time)
        .settings(SigningSettings::default())
        .build()?
        .into();
    let headers = request
        .headers()
        .iter()
        .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let signable = SignableRequest::new(
        request.method().as_str(),
        request.uri().to_string(),
        headers,
        SignableBody::Bytes(request.body()),
    )?;
    let (instructions, _) = sign_with(signable, &params)?.into_parts();
    instructions.apply_to_request_http1x(request);
    Ok(())
}
