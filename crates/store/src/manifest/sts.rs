//! `[sts]`: the security token service, and how workloads of this machine get their credentials.

use serde::Deserialize;
use toml::Spanned;

/// The security token service.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StsDecl {
    /// The address of the service, for `AWS_ENDPOINT_URL_STS`. It speaks TLS if the gateway does.
    pub listen: Spanned<String>,
    /// Files of master keys, 64 hexadecimal digits each, readable by their owner alone. The first
    /// seals new sessions; all of them open old ones.
    pub master_keys: Spanned<Vec<Spanned<String>>>,
    /// File of what is revoked.
    pub revocations: Option<Spanned<String>>,
    /// How long a session lasts whose caller does not say.
    #[serde(default = "an_hour")]
    pub duration_s: Spanned<u32>,
    /// The shortest session that may be asked for.
    #[serde(default = "quarter_of_an_hour")]
    pub duration_s_min: Spanned<u32>,
    /// The longest session that may be asked for, unless its role says otherwise.
    #[serde(default = "twelve_hours")]
    pub duration_s_max: Spanned<u32>,
    /// OpenID Connect providers that roles may trust.
    #[serde(default, rename = "provider")]
    pub providers: Vec<ProviderDecl>,
    /// Workloads that get their credentials from the endpoint for containers.
    #[serde(default, rename = "container")]
    pub containers: Vec<ContainerDecl>,
    /// The endpoint of an instance's metadata.
    pub metadata: Option<MetadataDecl>,
    /// Sessions for callers that AWS vouches for.
    pub bridge: Option<BridgeDecl>,
}

/// An OpenID Connect provider.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProviderDecl {
    /// Its URL, as tokens have it in `iss`.
    pub issuer: Spanned<String>,
    /// The client ids whose tokens are accepted.
    pub audiences: Vec<String>,
    /// File of its keys (JWKS); without it they are fetched.
    pub jwks: Option<Spanned<String>>,
    /// Authorities to trust in the place of the system's, when keys are fetched.
    pub ca: Option<Spanned<String>>,
}

/// A workload, and where it finds its credentials: `AWS_CONTAINER_CREDENTIALS_FULL_URI` is
/// `http://LISTEN/credentials`, and `AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE` the token's file.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ContainerDecl {
    /// A loopback or link-local address.
    pub listen: Spanned<String>,
    /// The ARN of the role that the workload acts as.
    pub role: Spanned<String>,
    /// The name of its sessions.
    pub session: Spanned<String>,
    /// File of the token that the workload shows; made with a new token where there is none.
    pub token_file: Spanned<String>,
}

/// The endpoint of an instance's metadata, version 2: `AWS_EC2_METADATA_SERVICE_ENDPOINT`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MetadataDecl {
    /// A loopback or link-local address.
    pub listen: Spanned<String>,
    /// The ARN of the role that the instance acts as.
    pub role: Spanned<String>,
    /// The name of its sessions.
    pub session: Spanned<String>,
}

/// Sessions for callers that AWS vouches for: `POST /bridge` at the service.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BridgeDecl {
    /// What callers sign as `x-tollgate-server-id`, so that their request is of use here alone.
    pub server_id: Spanned<String>,
    /// The accounts whose principals may come.
    pub accounts: Vec<Spanned<String>>,
    /// Hosts, with their port, that are believed like AWS's own.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// Authorities to trust in the place of the system's.
    pub ca: Option<Spanned<String>>,
}

// A default stands nowhere; what is wrong with it is wrong with what it is compared with.
fn an_hour() -> Spanned<u32> {
    Spanned::new(0..0, 3600)
}

fn quarter_of_an_hour() -> Spanned<u32> {
    Spanned::new(0..0, 900)
}

fn twelve_hours() -> Spanned<u32> {
    Spanned::new(0..0, 43_200)
}
