//! A secret of HashiCorp Vault or OpenBao, in a key-value engine of version 2.
//!
//! The gateway logs in when it has no token, or when its token is refused: tokens end when they
//! like. A token in a file is read each time, because an agent renews it there.

use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode};
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::sync::Mutex;
use tollgate_literals::{is_name, told};
use tollgate_outbound::{Answer, Client, PlainHttp};
use zeroize::Zeroizing;

use super::field::field_of;
use super::{Opening, Read, Reading, Source, SourceError, Version, secret_at};
use crate::reference::{EnvironmentReference, SecretReference, VaultLogin, VaultReference};
use crate::secret::Secret;

/// What is encoded in a path: everything but RFC 3986's unreserved characters and the slash.
const PATH: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// Reads one field of one secret.
pub struct VaultSource {
    address: String,
    namespace: Option<String>,
    path: String,
    field: String,
    login: Login,
    token: Mutex<Option<Secret>>,
    plain: PlainHttp,
    client: Client,
}

/// How to come by a token: it is there, or something else is there that is given for one.
enum Login {
    Token(Box<dyn Source>),
    Exchange { path: String, role: Role, proof: Box<dyn Source> },
}

/// What a login method calls the role and what it is proved with.
enum Role {
    AppRole(String),
    Jwt(String),
}

#[derive(Serialize)]
#[serde(untagged)]
enum Proof<'a> {
    AppRole { role_id: &'a str, secret_id: &'a str },
    Jwt { role: &'a str, jwt: &'a str },
}

#[derive(Deserialize)]
struct LoggedIn {
    auth: Auth,
}

#[derive(Deserialize)]
struct Auth {
    client_token: Zeroizing<String>,
}

#[derive(Deserialize)]
struct Kept<'a> {
    #[serde(borrow)]
    data: Versioned<'a>,
}

#[derive(Deserialize)]
struct Versioned<'a> {
    /// `null` once the version was deleted.
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Metadata {
    version: u64,
    /// When the version is going to be deleted, or was; empty if never.
    #[serde(default)]
    deletion_time: String,
}

#[derive(Deserialize)]
struct Refusal {
    errors: Vec<String>,
}

impl VaultSource {
    /// The secret that the reference names.
    ///
    /// # Errors
    /// No address is known, or the file of authorities cannot be read.
    pub(crate) fn open(
        reference: VaultReference,
        opening: &Opening,
    ) -> Result<VaultSource, SourceError> {
        let address = reference.address.clone().or_else(|| opening.variable("VAULT_ADDR"));
        let address = address.ok_or_else(|| {
            let message = "the address of Vault is not known: write `address`, or set `VAULT_ADDR`";
            SourceError::misconfigured(message)
        })?;
        let client = match &reference.ca_file {
            Some(file) => opening.client_with_authorities(file)?,
            None => opening.client().clone(),
        };
        let (mount, path) = mount_and_path(&reference)?;
        let version =
            reference.version.map(|version| format!("?version={version}")).unwrap_or_default();
        let path = format!("{}/data/{}{version}", encoded(mount), encoded(path));
        Ok(VaultSource {
            address: address.trim_end_matches('/').to_owned(),
            namespace: reference.namespace.clone().or_else(|| opening.variable("VAULT_NAMESPACE")),
            path,
            plain: opening.plain(reference.danger_plain_http),
            field: reference.field,
            login: Login::open(reference.login, opening)?,
            token: Mutex::new(None),
            client,
        })
    }

    async fn ask(&self) -> Result<Reading, SourceError> {
        let token = self.token().await?;
        let answer = self.call(Method::GET, &self.path, Some(&token), Bytes::new()).await?;
        if answer.status != StatusCode::FORBIDDEN {
            return self.reading(&answer);
        }
        self.forget(&token).await;
        let fresh = self.token().await?;
        if fresh.is_same(&token) {
            return Err(self.refused(&self.path, &answer));
        }
        self.reading(&self.call(Method::GET, &self.path, Some(&fresh), Bytes::new()).await?)
    }

    fn reading(&self, answer: &Answer) -> Result<Reading, SourceError> {
        let place = self.place(&self.path);
        let kept: Option<Kept<'_>> = serde_json::from_slice(&answer.body).ok();
        let Some(kept) = kept else { return Err(self.refused(&self.path, answer)) };
        let version = kept.data.metadata.version;
        let Some(data) = kept.data.data.filter(|_| answer.status.is_success()) else {
            let message = format!("{place}: version {version} was deleted");
            return Err(SourceError::missing(message));
        };
        let secret = secret_at(&place, field_of(data.get(), &self.field, &place)?)?;
        let expires: Option<Timestamp> = kept.data.metadata.deletion_time.parse().ok();
        Ok(Reading { secret, version: Version::new(version.to_string()), expires })
    }

    /// The token to ask with; a new one if there is none.
    async fn token(&self) -> Result<Secret, SourceError> {
        let (path, role, proof) = match &self.login {
            Login::Token(token) => return Ok(token.read().await?.secret),
            Login::Exchange { path, role, proof } => (path, role, proof),
        };
        let mut held = self.token.lock().await;
        if let Some(token) = held.as_ref() {
            return Ok(token.clone());
        }
        let proof = proof.read().await?.secret;
        let body = serde_json::to_vec(&role.proof(&proof))
            .map_err(|error| SourceError::misconfigured(error.to_string()))?;
        let answer = self.call(Method::POST, path, None, Bytes::from(body)).await?;
        let logged_in: LoggedIn =
            serde_json::from_slice(&answer.body).map_err(|_| self.refused(path, &answer))?;
        let token = secret_at(self.place(path), logged_in.auth.client_token)?;
        Ok(held.insert(token).clone())
    }

    async fn forget(&self, refused: &Secret) {
        let mut held = self.token.lock().await;
        if held.as_ref().is_some_and(|token| token.is_same(refused)) {
            *held = None;
        }
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        token: Option<&Secret>,
        body: Bytes,
    ) -> Result<Answer, SourceError> {
        let mut request = Request::builder()
            .method(method)
            .uri(self.place(path))
            // Without it, agents that guard against forged requests do not answer.
            .header("x-vault-request", "true");
        if let Some(namespace) = &self.namespace {
            request = request.header("x-vault-namespace", namespace);
        }
        if let Some(token) = token {
            let mut value = HeaderValue::from_str(token.expose())
                .map_err(|_| SourceError::unfit("Vault's token", "it is no header value"))?;
            value.set_sensitive(true);
            request = request.header("x-vault-token", value);
        }
        let request =
            request.body(body).map_err(|error| SourceError::misconfigured(error.to_string()))?;
        Ok(self.client.call(request, self.plain).await?)
    }

    /// An answer that is no secret and no token.
    fn refused(&self, path: &str, answer: &Answer) -> SourceError {
        let status = answer.status;
        let errors = serde_json::from_slice(&answer.body)
            .map_or(Vec::new(), |refusal: Refusal| refusal.errors);
        let why = match (errors.join("; "), status) {
            (errors, _) if !errors.is_empty() => errors,
            (_, StatusCode::NOT_FOUND) => "there is no such secret, or no such engine".to_owned(),
            (_, status) => format!("answered with status {}", status.as_u16()),
        };
        let message = format!("{}: {why}", self.place(path));
        match status {
            StatusCode::NOT_FOUND => SourceError::missing(message),
            StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => SourceError::denied(message),
            status if status.is_client_error() => SourceError::misconfigured(message),
            _ => SourceError::unavailable(message),
        }
    }

    /// The same error without what the reference holds, unless it reads as a name: it may be a secret.
    fn discreet(&self, error: SourceError) -> SourceError {
        match is_name(self.path.split('?').next().unwrap_or_default()) {
            true => error,
            false => SourceError { message: error.message.replace(&self.path, "…"), ..error },
        }
    }

    fn place(&self, path: &str) -> String {
        format!("{}/v1/{path}", self.address)
    }
}

impl Source for VaultSource {
    fn read(&self) -> Read<'_> {
        Box::pin(async { self.ask().await.map_err(|error| self.discreet(error)) })
    }
}

impl Login {
    fn open(login: Option<VaultLogin>, opening: &Opening) -> Result<Login, SourceError> {
        let login = login.unwrap_or_else(|| {
            let env = "VAULT_TOKEN".to_owned();
            VaultLogin::Token(Box::new(SecretReference::Environment(EnvironmentReference { env })))
        });
        let (method, role, proof) = match login {
            VaultLogin::Token(token) => return Ok(Login::Token(at_hand(*token, opening)?)),
            VaultLogin::AppRole { role, secret, mount } => (mount, Role::AppRole(role), secret),
            VaultLogin::Jwt { role, token, mount } => (mount, Role::Jwt(role), token),
        };
        let path = format!("auth/{}/login", encoded(&method));
        Ok(Login::Exchange { path, role, proof: at_hand(*proof, opening)? })
    }
}

/// What Vault is asked with comes from this machine. Otherwise a chain of references could end in
/// itself.
fn at_hand(reference: SecretReference, opening: &Opening) -> Result<Box<dyn Source>, SourceError> {
    match reference {
        SecretReference::Environment(_) | SecretReference::File(_) => opening.open(&reference),
        other => Err(SourceError::misconfigured(format!(
            "a login to Vault takes a secret in `env` or `file`, found {other}"
        ))),
    }
}

impl Role {
    fn proof<'a>(&'a self, secret: &'a Secret) -> Proof<'a> {
        match self {
            Role::AppRole(role) => Proof::AppRole { role_id: role, secret_id: secret.expose() },
            Role::Jwt(role) => Proof::Jwt { role, jwt: secret.expose() },
        }
    }
}

fn mount_and_path(reference: &VaultReference) -> Result<(&str, &str), SourceError> {
    let path = reference.vault.trim_matches('/');
    let (mount, path) = match &reference.mount {
        Some(mount) => (mount.trim_matches('/'), path),
        None => path.split_once('/').unwrap_or((path, "")),
    };
    if mount.is_empty() || path.is_empty() {
        return Err(SourceError::misconfigured(format!(
            "expected a mount and a path in it, `secret/github`, found `{}`",
            told(&reference.vault)
        )));
    }
    Ok((mount, path))
}

fn encoded(path: &str) -> impl std::fmt::Display + '_ {
    utf8_percent_encode(path, PATH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(vault: &str, mount: Option<&str>, expected: Option<(&str, &str)>) {
        let reference = VaultReference {
            vault: vault.to_owned(),
            mount: mount.map(str::to_owned),
            ..VaultReference::of("secret/x", "y")
        };
        assert_eq!(mount_and_path(&reference).ok(), expected);
    }

    #[test]
    fn the_mount_is_the_first_segment_unless_it_is_given() {
        check("secret/github", None, Some(("secret", "github")));
        check("/secret/teams/web/github/", None, Some(("secret", "teams/web/github")));
        check("github", Some("teams/web"), Some(("teams/web", "github")));
        check("secret", None, None);
        check("", Some("secret"), None);
    }

    #[test]
    fn a_path_stays_a_path() {
        assert_eq!(encoded("a b/c?d#e").to_string(), "a%20b/c%3Fd%23e");
    }
}
