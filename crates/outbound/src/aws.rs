//! AWS: who we are, and signed calls.
//!
//! The SDK would do it, and costs every build of the gateway too much: with default features off and
//! `ring`, `aws-config` and `aws-sdk-secretsmanager` were at 120 CPU-seconds of a release build, on
//! top of hyper, rustls and tokio, before their largest crates had been compiled. Requests are
//! signed by AWS's own crate.

mod chain;
mod json;
mod provider;
mod sign;
mod sts;

pub use aws_credential_types::Credentials;

pub use self::chain::CredentialChain;
pub use self::json::{Addressed, JsonService};
pub use self::sts::{Signing, Sts};

/// The URL of a service in a region, where nothing else is configured.
fn endpoint(service: &str, region: &str) -> String {
    let suffix = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    format!("https://{service}.{region}.{suffix}")
}

/// The URL of a service that the environment names instead: `AWS_ENDPOINT_URL_STS`, else
/// `AWS_ENDPOINT_URL`.
fn endpoint_of_environment(environment: &crate::Environment, suffix: &str) -> Option<String> {
    variable(environment, &format!("AWS_ENDPOINT_URL_{suffix}"))
        .or_else(|| variable(environment, "AWS_ENDPOINT_URL"))
}

/// The region that the environment names.
fn region_of_environment(environment: &crate::Environment) -> Option<String> {
    variable(environment, "AWS_REGION").or_else(|| variable(environment, "AWS_DEFAULT_REGION"))
}

/// A variable that is set and not empty.
fn variable(environment: &crate::Environment, name: &str) -> Option<String> {
    environment(name).filter(|value| !value.is_empty())
}
