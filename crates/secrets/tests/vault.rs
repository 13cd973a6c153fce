//! A real OpenBao server, which speaks Vault's protocol: every way to log in, versions, deletion.

#![expect(clippy::unwrap_used, reason = "a test fails by saying where")]

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;
use tollgate_secrets::{Environment, Opening, Reading, SecretReference, SourceError, SourceFault};
use tollgate_services::{OpenBao, Python};

/// A server of its own for a test, with a folder for what is at hand on this machine.
struct Service {
    bao: OpenBao,
    folder: TempDir,
}

impl Service {
    fn start() -> Option<Service> {
        Some(Service { bao: OpenBao::start()?, folder: tempfile::tempdir().unwrap() })
    }

    /// Writes what a login takes into a file that only we can read.
    fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        path
    }

    fn opening(&self) -> Opening {
        let variables = BTreeMap::from([
            ("VAULT_ADDR", self.bao.url().to_owned()),
            ("VAULT_TOKEN", OpenBao::ROOT.to_owned()),
            ("WRONG_TOKEN", "strawberry".to_owned()),
        ]);
        let environment: Environment = Arc::new(move |name: &str| variables.get(name).cloned());
        Opening::new(environment, Arc::new(|| Timestamp::UNIX_EPOCH)).unwrap()
    }

    async fn read(&self, reference: Value) -> Result<Reading, SourceError> {
        self.opening().open(&parse(reference)).unwrap().read().await
    }

    /// An error, with the address taken out.
    async fn error(&self, reference: Value) -> (SourceFault, String) {
        let error = self.read(reference).await.unwrap_err();
        (error.fault, error.message.replace(self.bao.url(), "VAULT"))
    }
}

fn parse(reference: Value) -> SecretReference {
    serde_json::from_value(reference).unwrap()
}

fn file(path: &Path) -> Value {
    json!({ "file": path })
}

#[track_caller]
fn value(reading: Result<Reading, SourceError>) -> String {
    reading.unwrap().secret.expose().to_owned()
}

#[tokio::test]
async fn a_field_is_read_with_its_version() {
    let Some(service) = Service::start() else { return };
    service.bao.run(&["kv", "put", "-mount=secret", "github/reader", "token=vanilla", "user=ana"]);
    service.bao.run(&["kv", "put", "-mount=secret", "github/reader", "token=strawberry"]);
    let reference = json!({ "vault": "secret/github/reader", "field": "token" });
    let reading = service.read(reference).await.unwrap();
    assert_eq!(
        (reading.secret.expose(), reading.version.to_string().as_str()),
        ("strawberry", "2")
    );
    let first = json!({ "vault": "secret/github/reader", "field": "token", "version": 1 });
    assert_eq!(value(service.read(first).await), "vanilla");
}

#[tokio::test]
async fn a_mount_may_have_several_segments() {
    let Some(service) = Service::start() else { return };
    service.bao.run(&["secrets", "enable", "-path=teams/web", "-version=2", "kv"]);
    service.bao.run(&["kv", "put", "-mount=teams/web", "a b/github", "token=vanilla"]);
    let reference = json!({ "mount": "teams/web", "vault": "a b/github", "field": "token" });
    assert_eq!(value(service.read(reference).await), "vanilla");
}

#[tokio::test]
async fn what_is_not_there_is_named() {
    let Some(service) = Service::start() else { return };
    service.bao.run(&["kv", "put", "-mount=secret", "github", "token=vanilla", "number=7"]);
    service.bao.run(&["kv", "put", "-mount=secret", "gone", "token=vanilla"]);
    service.bao.run(&["kv", "delete", "-mount=secret", "gone"]);
    for (vault, field, fault, message) in [
        (
            "secret/nothing",
            "token",
            SourceFault::Missing,
            "VAULT/v1/secret/data/nothing: there is no such secret, or no such engine",
        ),
        (
            "other/github",
            "token",
            SourceFault::Missing,
            "VAULT/v1/other/data/github: no handler for route \"other/data/github\". route entry not found.",
        ),
        (
            "secret/gone",
            "token",
            SourceFault::Missing,
            "VAULT/v1/secret/data/gone: version 1 was deleted",
        ),
        (
            "secret/github",
            "tokn",
            SourceFault::Missing,
            "VAULT/v1/secret/data/github: no field `tokn`, only `number`, `token`",
        ),
    ] {
        let error = service.error(json!({ "vault": vault, "field": field })).await;
        assert_eq!(error, (fault, message.to_owned()));
    }
}

#[tokio::test]
async fn a_wrong_token_is_denied() {
    let Some(service) = Service::start() else { return };
    let login = json!({ "token": { "env": "WRONG_TOKEN" } });
    let error =
        service.error(json!({ "vault": "secret/github", "field": "token", "login": login })).await;
    let message = "VAULT/v1/secret/data/github: permission denied";
    assert_eq!(
        (error.0, error.1.trim_end_matches("; invalid token")),
        (SourceFault::Denied, message)
    );
}

#[tokio::test]
async fn a_token_in_a_file_may_change_between_readings() {
    let Some(service) = Service::start() else { return };
    service.bao.run(&["kv", "put", "-mount=secret", "github", "token=vanilla"]);
    let path = service.file("token", "strawberry\n");
    let login = json!({ "token": file(&path) });
    let reference = parse(json!({ "vault": "secret/github", "field": "token", "login": login }));
    let source = service.opening().open(&reference).unwrap();
    assert_eq!(source.read().await.unwrap_err().fault, SourceFault::Denied);
    service.file("token", OpenBao::ROOT);
    assert_eq!(value(source.read().await), "vanilla");
}

const READ_GITHUB: &str = r#"path "secret/data/github" { capabilities = ["read"] }"#;

#[tokio::test]
async fn an_app_role_logs_in_and_again_when_its_token_has_ended() {
    let Some(service) = Service::start() else { return };
    let bao = &service.bao;
    bao.run(&["kv", "put", "-mount=secret", "github", "token=vanilla"]);
    let policy = service.file("github.hcl", READ_GITHUB);
    bao.run(&["policy", "write", "github", policy.to_str().unwrap()]);
    bao.run(&["auth", "enable", "approle"]);
    bao.run(&["write", "auth/approle/role/gateway", "token_policies=github", "token_ttl=1h"]);
    let role = bao.run(&["read", "-field=role_id", "auth/approle/role/gateway/role-id"]);
    let secret =
        bao.run(&["write", "-force", "-field=secret_id", "auth/approle/role/gateway/secret-id"]);
    let path = service.file("secret-id", &secret);

    let login = json!({ "appRole": { "role": role, "secret": file(&path) } });
    let reference = json!({ "vault": "secret/github", "field": "token", "login": login });
    let source = service.opening().open(&parse(reference)).unwrap();
    assert_eq!(value(source.read().await), "vanilla");
    bao.run(&["token", "revoke", "-mode=path", "auth/approle"]);
    assert_eq!(value(source.read().await), "vanilla");

    let other = json!({ "appRole": { "role": role, "secret": file(&path) } });
    let error =
        service.error(json!({ "vault": "secret/other", "field": "token", "login": other })).await;
    assert_eq!(error.0, SourceFault::Denied);
}

#[tokio::test]
async fn a_login_that_is_refused_says_why_without_the_proof() {
    let Some(service) = Service::start() else { return };
    service.bao.run(&["auth", "enable", "approle"]);
    let path = service.file("secret-id", "strawberry");
    let login = json!({ "appRole": { "role": "nobody", "secret": file(&path) } });
    let (_, message) =
        service.error(json!({ "vault": "secret/github", "field": "token", "login": login })).await;
    assert!(message.starts_with("VAULT/v1/auth/approle/login: invalid role"), "{message}");
    assert!(!message.contains("strawberry"), "{message}");
}

/// Makes a key pair and an identity signed with it: the public key is printed, then the identity.
const IDENTITY: &str = "from joserfc import jwk, jwt
key = jwk.ECKey.generate_key('P-256')
claims = {'sub': 'system:serviceaccount:web:gateway', 'aud': 'vault', 'iat': 1600000000, 'exp': 32503680000}
print(key.as_pem(private=False).decode())
print(jwt.encode({'alg': 'ES256'}, claims, key))
";

#[tokio::test]
async fn a_signed_identity_logs_in() {
    let Some(service) = Service::start() else { return };
    let Some(python) = Python::with(&["joserfc"]) else { return };
    let output = python.command().args(["-c", IDENTITY]).output().unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    let (key, identity) = output.trim().rsplit_once('\n').unwrap();
    let (key, identity) = (service.file("key.pem", key), service.file("identity", identity));
    let policy = service.file("github.hcl", READ_GITHUB);

    let bao = &service.bao;
    bao.run(&["kv", "put", "-mount=secret", "github", "token=vanilla"]);
    bao.run(&["policy", "write", "github", policy.to_str().unwrap()]);
    bao.run(&["auth", "enable", "-path=cluster", "jwt"]);
    let keys = format!("jwt_validation_pubkeys=@{}", key.display());
    bao.run(&["write", "auth/cluster/config", &keys]);
    let role =
        ["role_type=jwt", "user_claim=sub", "bound_audiences=vault", "token_policies=github"];
    bao.run(&[["write", "auth/cluster/role/gateway"].as_slice(), &role].concat());

    let login =
        json!({ "jwt": { "role": "gateway", "mount": "cluster", "token": file(&identity) } });
    let reference = json!({ "vault": "secret/github", "field": "token", "login": login });
    assert_eq!(value(service.read(reference).await), "vanilla");
}
