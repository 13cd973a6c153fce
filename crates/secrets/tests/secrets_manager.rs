//! AWS Secrets Manager as moto fakes it on the wire: read, rotated, refused.
//!
//! What moto is told goes through Python's own client, so that the two clients have nothing in
//! common.

#![expect(clippy::unwrap_used, reason = "a test fails by saying where")]

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use tollgate_secrets::{
    Environment, Keeper, Opening, Reading, Rules, SecretReference, SourceError, SourceFault,
};
use tollgate_services::{Moto, Python};

const KEYS: [(&str, &str); 3] = [
    ("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"),
    ("AWS_SECRET_ACCESS_KEY", "chocolate"),
    ("AWS_REGION", "eu-west-1"),
];

/// A Secrets Manager, and who administers it.
struct Service {
    url: String,
    python: Python,
}

impl Service {
    fn start() -> Option<Service> {
        let python = Python::with(&["boto3"])?;
        Some(Service { url: Moto::shared()?.url().to_owned(), python })
    }

    /// Does something as an administrator would: `client` is boto3's.
    #[track_caller]
    fn administer(&self, script: &str) {
        let script = format!(
            "import boto3\nclient = boto3.client('secretsmanager', 'eu-west-1', endpoint_url='{}')\n{script}",
            self.url
        );
        let output = self.python.command().args(["-c", &script]).envs(KEYS).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn opening(&self, variables: &[(&str, &str)]) -> Opening {
        let mut variables: BTreeMap<String, String> =
            variables.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        variables.insert("AWS_ENDPOINT_URL_SECRETS_MANAGER".into(), self.url.clone());
        let environment: Environment = Arc::new(move |name: &str| variables.get(name).cloned());
        Opening::new(environment, Arc::new(now)).unwrap()
    }

    async fn read(&self, reference: &str) -> Result<Reading, SourceError> {
        self.opening(&KEYS).open(&parse(reference)).unwrap().read().await
    }
}

fn now() -> Timestamp {
    Timestamp::now()
}

fn parse(reference: &str) -> SecretReference {
    serde_json::from_str(reference).unwrap()
}

#[track_caller]
fn value(reading: Result<Reading, SourceError>) -> String {
    reading.unwrap().secret.expose().to_owned()
}

#[tokio::test]
async fn a_secret_is_read_whole_or_by_its_field() {
    let Some(service) = Service::start() else { return };
    service.administer(
        "client.create_secret(Name='github/plain', SecretString='vanilla')\n\
         client.create_secret(Name='github/token', SecretString='{\"user\": \"ana\", \"token\": \"strawberry\"}')",
    );
    assert_eq!(value(service.read(r#"{"secretsManager": "github/plain"}"#).await), "vanilla");
    let field = r#"{"secretsManager": "github/token", "field": "token"}"#;
    assert_eq!(value(service.read(field).await), "strawberry");
}

#[tokio::test]
async fn what_is_not_there_or_no_text_is_named() {
    let Some(service) = Service::start() else { return };
    service.administer(
        "client.create_secret(Name='binary', SecretBinary=b'\\xff\\x00')\n\
         client.create_secret(Name='object', SecretString='{\"user\": \"ana\"}')\n\
         client.create_secret(Name='lines', SecretString='vanilla\\nX-Admin: 1')",
    );
    let error = async |reference: &str| service.read(reference).await.unwrap_err();
    let missing = error(r#"{"secretsManager": "nothing"}"#).await;
    assert_eq!(missing.fault, SourceFault::Missing);
    assert!(missing.message.contains("ResourceNotFoundException"), "{missing}");
    let binary = error(r#"{"secretsManager": "binary"}"#).await;
    assert_eq!(
        binary.message,
        "secret `binary` of AWS Secrets Manager: it is binary, expected a text"
    );
    let field = error(r#"{"secretsManager": "object", "field": "token"}"#).await;
    assert_eq!(
        field.message,
        "secret `object` of AWS Secrets Manager: no field `token`, only `user`"
    );
    let lines = error(r#"{"secretsManager": "lines"}"#).await;
    assert_eq!(lines.fault, SourceFault::Unfit);
    assert!(!lines.message.contains("vanilla"), "{lines}");
}

#[tokio::test]
async fn a_rotation_is_followed_and_a_held_version_is_not_moved() {
    let Some(service) = Service::start() else { return };
    service.administer("client.create_secret(Name='rotated', SecretString='old')");
    let source = service.opening(&KEYS).open(&parse(r#"{"secretsManager": "rotated"}"#)).unwrap();
    let keeper =
        Keeper::new("github", source, Rules::default(), Arc::new(now), Arc::new(|_, _| ()));
    keeper.refresh().await.unwrap();
    let refused = keeper.current(now()).unwrap();
    assert_eq!(refused.secret().expose(), "old");

    service.administer("client.put_secret_value(SecretId='rotated', SecretString='new')");
    let fresh = keeper.refresh_now(refused.secret()).await.unwrap();
    assert_eq!(fresh.secret().expose(), "new");
    assert_ne!(fresh.version(), refused.version());
    assert_eq!(fresh.previous(now()).unwrap().expose(), "old");

    let held = format!(r#"{{"secretsManager": "rotated", "version": "{}"}}"#, refused.version());
    assert_eq!(value(service.read(&held).await), "old");
    let stage = r#"{"secretsManager": "rotated", "stage": "AWSPREVIOUS"}"#;
    assert_eq!(value(service.read(stage).await), "old");
}

#[tokio::test]
async fn a_region_must_be_known() {
    let Some(service) = Service::start() else { return };
    let opening = service.opening(&KEYS[..2]);
    let reference = r#"{"secretsManager": "token"}"#;
    assert_eq!(
        opening.open(&parse(reference)).err().unwrap().message,
        "the region of `secretsmanager` is not known: write `region`, or set `AWS_REGION`"
    );
    let of_arn =
        r#"{"secretsManager": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:t-AbCdEf"}"#;
    assert!(opening.open(&parse(of_arn)).is_ok());
}

#[tokio::test]
async fn a_service_that_is_gone_is_unavailable() {
    let Some(moto) = Moto::start() else { return };
    let Some(python) = Python::with(&["boto3"]) else { return };
    let service = Service { url: moto.url().to_owned(), python };
    service.administer("client.create_secret(Name='token', SecretString='vanilla')");
    let source = service.opening(&KEYS).open(&parse(r#"{"secretsManager": "token"}"#)).unwrap();
    assert_eq!(value(source.read().await), "vanilla");
    drop(moto);
    assert_eq!(source.read().await.unwrap_err().fault, SourceFault::Unavailable);
}
