//! `tollgate credentials`: a session for the AWS SDKs, which call this as their `credential_process`.
//!
//! What proves who calls is on this machine already: the token file of the platform, or a key that
//! only this user can read. It is shown to the gateway's STS, and the session that comes of it goes to
//! standard output, as the SDKs expect it. They ask again before it ends.

mod key_file;

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use clap::ArgGroup;
use miette::{IntoDiagnostic, WrapErr};
use serde_json::json;
use tollgate_outbound::Client;
use tollgate_outbound::aws::{Credentials, Signing, Sts};

use crate::exit::{Exit, Outcome};
use crate::world::World;

/// Get a session from the gateway's STS, for AWS SDKs and the AWS CLI to sign with.
///
/// Prints the JSON that `credential_process` in `~/.aws/config` expects. Who calls is proven by a web
/// identity token, or by an access key of the gateway's identity file.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES, group = proof())]
pub(crate) struct Args {
    /// The gateway's STS: `https://…`, or `http://` on this machine.
    #[arg(long, value_name = "URL")]
    endpoint: String,
    /// The file of the token that an identity provider gave to this workload.
    #[arg(long, value_name = "FILE", requires = "role_arn")]
    web_identity_token_file: Option<PathBuf>,
    /// A file with `accessKeyId` and `secretAccessKey`, mode 0600.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// The role to assume. With a key and without a role, the session is the user's own.
    #[arg(long, value_name = "ARN")]
    role_arn: Option<String>,
    /// The name of the role's session.
    #[arg(long, value_name = "NAME", default_value = "tollgate-credentials")]
    role_session_name: String,
    /// How long the session is to last; the STS decides unless given.
    #[arg(long, value_name = "SECONDS")]
    duration_seconds: Option<u32>,
    /// The STS's region.
    #[arg(long, value_name = "REGION", default_value = "us-east-1")]
    region: String,
    /// Authorities to trust in the place of the system's, PEM.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
}

const EXAMPLES: &str = "\
In ~/.aws/config:
  [profile gateway]
  credential_process = tollgate credentials --endpoint https://sts.example.com:8081 \
--key-file /home/ana/.config/tollgate/key.toml --role-arn arn:aws:iam::123456789012:role/issues-reader

  [profile ci]
  credential_process = tollgate credentials --endpoint https://sts.example.com:8081 \
--web-identity-token-file /var/run/secrets/token --role-arn arn:aws:iam::123456789012:role/release-bot";

/// Who calls is proven in one of these ways.
fn proof() -> ArgGroup {
    ArgGroup::new("proof").required(true).args(["web_identity_token_file", "key_file"])
}

/// One call's worth of patience. An SDK waits for its process for a minute.
const DEADLINE: Duration = Duration::from_secs(20);

pub(crate) fn run(args: &Args, world: &World) -> Outcome {
    let client = match &args.ca {
        None => Client::with_native_roots(DEADLINE),
        Some(path) => {
            let pem = std::fs::read(path)
                .into_diagnostic()
                .wrap_err_with(|| format!("cannot read `{}`", path.display()))?;
            Client::with_roots_in_pem(&pem, DEADLINE)
        }
    };
    let sts = Sts::new(&args.endpoint, client.map_err(|error| miette::miette!("{error}"))?);
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().into_diagnostic()?;
    let credentials = runtime.block_on(args.session(&sts, world.now().into()))?;
    world.write(None, document(&credentials)?.as_bytes())?;
    Ok(Exit::Ok)
}

impl Args {
    async fn session(&self, sts: &Sts, now: SystemTime) -> miette::Result<Credentials> {
        let duration = self.duration_seconds.map(|seconds| seconds.to_string());
        let mut parameters = Vec::new();
        if let Some(duration) = &duration {
            parameters.push(("DurationSeconds", duration.as_str()));
        }
        if let Some(role) = &self.role_arn {
            parameters.push(("RoleArn", role));
            parameters.push(("RoleSessionName", &self.role_session_name));
        }
        let session = if let Some(path) = &self.web_identity_token_file {
            let token = std::fs::read_to_string(path)
                .into_diagnostic()
                .wrap_err_with(|| format!("cannot read the token file `{}`", path.display()))?;
            parameters.push(("WebIdentityToken", token.trim_end()));
            sts.session("AssumeRoleWithWebIdentity", &parameters, None).await
        } else if let Some(path) = &self.key_file {
            let credentials = key_file::read(path).map_err(|problem| {
                miette::miette!("the key file `{}` {problem}", path.display())
            })?;
            let action = if self.role_arn.is_some() { "AssumeRole" } else { "GetSessionToken" };
            let signing = Signing { credentials, region: &self.region, time: now };
            sts.session(action, &parameters, Some(signing)).await
        } else {
            return Err(miette::miette!("expected `--web-identity-token-file` or `--key-file`"));
        };
        session.map_err(|error| miette::miette!("{error}")).wrap_err("no session")
    }
}

/// As SDKs read it, version 1.
///
/// Source: AWS SDKs and Tools Reference Guide, `feature-process-credentials`.
fn document(credentials: &Credentials) -> miette::Result<String> {
    let expiry = credentials.expiry().ok_or_else(|| miette::miette!("a session without an end"))?;
    let expiry = jiff::Timestamp::try_from(expiry).into_diagnostic()?;
    let document = json!({
        "Version": 1,
        "AccessKeyId": credentials.access_key_id(),
        "SecretAccessKey": credentials.secret_access_key(),
        "SessionToken": credentials.session_token(),
        "Expiration": expiry.to_string(),
    });
    Ok(format!("{document:#}\n"))
}
