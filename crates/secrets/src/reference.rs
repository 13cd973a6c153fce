//! What a configuration says of a secret: where it is, never what it is.
//!
//! | in the manifest | means |
//! |---|---|
//! | `{ env = "GITHUB_TOKEN" }` | an environment variable of the gateway |
//! | `{ file = "/run/secrets/github" }` | a file that others cannot read |
//! | `{ secretsManager = "github/token", field = "token" }` | AWS Secrets Manager |
//! | `{ vault = "secret/github", field = "token", address = "https://vault:8200" }` | HashiCorp Vault or OpenBao, KV version 2 |
//!
//! A text where one of these is expected is taken for a secret that somebody pasted. It is refused,
//! and the message says what to write instead without repeating it.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, DeserializeOwned, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use tollgate_literals::{is_name, told};

/// Where a secret is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SecretReference {
    /// `{ env = "NAME" }`
    Environment(EnvironmentReference),
    /// `{ file = "path" }`
    File(FileReference),
    /// `{ secretsManager = "id", … }`
    SecretsManager(SecretsManagerReference),
    /// `{ vault = "mount/path", … }`
    Vault(VaultReference),
}

/// An environment variable.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EnvironmentReference {
    /// Its name.
    pub env: String,
}

/// A file.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FileReference {
    /// Its path. Others must not be able to read it, nor its group to write it.
    pub file: PathBuf,
    /// The folder that the path is relative to.
    #[serde(skip)]
    pub folder: PathBuf,
}

/// A secret of AWS Secrets Manager.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecretsManagerReference {
    /// Its name or ARN.
    pub secrets_manager: String,
    /// The field of the JSON object that it is; the whole text unless given.
    pub field: Option<String>,
    /// Its region; that of the ARN, else `AWS_REGION`, unless given.
    pub region: Option<String>,
    /// The URL of the service; AWS's of the region unless given.
    pub endpoint: Option<String>,
    /// The id of the version to hold to, which switches rotation off.
    pub version: Option<String>,
    /// The stage to read; `AWSCURRENT` unless given.
    pub stage: Option<String>,
    /// Whether the endpoint may be another machine's without TLS, for development in containers.
    #[serde(default)]
    pub danger_plain_http: bool,
}

/// A secret of Vault or OpenBao, in a KV engine of version 2.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VaultReference {
    /// The mount and the path in it, `secret/github`: the mount is the first segment, or `mount`.
    pub vault: String,
    /// The field of the secret.
    pub field: String,
    /// The mount, if it has several segments; `vault` is then the path in it alone.
    pub mount: Option<String>,
    /// The URL of the server; `VAULT_ADDR` unless given.
    pub address: Option<String>,
    /// The namespace; `VAULT_NAMESPACE`, else none, unless given.
    pub namespace: Option<String>,
    /// The version to hold to, which switches rotation off.
    pub version: Option<u64>,
    /// A file of certificates, in PEM, of the authorities that may vouch for the server; the
    /// system's unless given.
    pub ca_file: Option<PathBuf>,
    /// How to log in; with the token in `VAULT_TOKEN` unless given.
    pub login: Option<VaultLogin>,
    /// Whether the address may be another machine's without TLS, for development in containers.
    #[serde(default)]
    pub danger_plain_http: bool,
}

/// How the gateway logs in to Vault. Each takes a secret of its own, in a variable or a file.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum VaultLogin {
    /// `{ token = { file = "/run/vault/token" } }`, as an agent writes it.
    Token(Box<SecretReference>),
    /// `{ appRole = { role = "…", secret = { file = "…" } } }`
    AppRole {
        /// The role's id.
        role: String,
        /// Where its secret id is.
        secret: Box<SecretReference>,
        /// Where the method is mounted; `approle` unless given.
        #[serde(default = "approle")]
        mount: String,
    },
    /// `{ jwt = { role = "gateway", token = { file = "/var/run/secrets/…/token" } } }`: a signed
    /// identity, as Kubernetes gives it to every pod.
    Jwt {
        /// The role to log in as.
        role: String,
        /// Where the signed identity is.
        token: Box<SecretReference>,
        /// Where the method is mounted; `kubernetes` unless given.
        #[serde(default = "kubernetes")]
        mount: String,
    },
}

impl VaultReference {
    /// A field of a secret, with everything else left to the environment.
    pub fn of(vault: impl Into<String>, field: impl Into<String>) -> VaultReference {
        VaultReference {
            vault: vault.into(),
            field: field.into(),
            mount: None,
            address: None,
            namespace: None,
            version: None,
            ca_file: None,
            login: None,
            danger_plain_http: false,
        }
    }
}

impl FileReference {
    /// Where the file is.
    pub fn path(&self) -> PathBuf {
        self.folder.join(&self.file)
    }

    /// The path, as far as it can be repeated: if what was written reads as a name, or as a path from
    /// the root, which secrets hardly do.
    pub(crate) fn told(&self) -> String {
        let is_path = self.file.is_absolute() && self.file.components().count() > 3;
        match is_path || self.file.to_str().is_some_and(is_name) {
            true => self.path().display().to_string(),
            false => "…".to_owned(),
        }
    }
}

impl VaultLogin {
    fn in_folder(mut self, folder: &Path) -> VaultLogin {
        let (VaultLogin::Token(proof)
        | VaultLogin::AppRole { secret: proof, .. }
        | VaultLogin::Jwt { token: proof, .. }) = &mut self;
        **proof = proof.as_ref().clone().in_folder(folder);
        self
    }
}

fn approle() -> String {
    "approle".to_owned()
}

fn kubernetes() -> String {
    "kubernetes".to_owned()
}

/// The fields that tell one kind of reference from the others.
const KINDS: [&str; 4] = ["env", "file", "secretsManager", "vault"];

const KINDS_LISTED: &str = "`env`, `file`, `secretsManager`, `vault`";

/// What to write in the place of a literal secret.
const INSTEAD: &str = "a secret must not stand in the configuration: write where it is, \
    `{ env = \"NAME\" }`, `{ file = \"path\" }`, `{ secretsManager = \"id\" }` or \
    `{ vault = \"mount/path\", field = \"name\" }`";

impl SecretReference {
    /// The same reference, with paths of files relative to `folder`, where the configuration stands.
    #[must_use]
    pub fn in_folder(self, folder: &Path) -> SecretReference {
        match self {
            SecretReference::File(FileReference { file, .. }) => {
                SecretReference::File(FileReference { file, folder: folder.to_owned() })
            }
            SecretReference::Vault(mut reference) => {
                reference.ca_file = reference.ca_file.map(|file| folder.join(file));
                reference.login = reference.login.map(|login| login.in_folder(folder));
                SecretReference::Vault(reference)
            }
            other => other,
        }
    }

    /// The kind of source, as the manifest's key names it.
    pub fn kind(&self) -> &'static str {
        match self {
            SecretReference::Environment(_) => "env",
            SecretReference::File(_) => "file",
            SecretReference::SecretsManager(_) => "secretsManager",
            SecretReference::Vault(_) => "vault",
        }
    }
}

/// Prints the reference as briefly as it can be told from others: ``env `GITHUB_TOKEN` ``. Somebody
/// may have put the secret into the place of its name: what does not read as one is not printed.
impl fmt::Display for SecretReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind();
        match self {
            SecretReference::Environment(reference) => {
                write!(f, "{kind} `{}`", told(&reference.env))
            }
            SecretReference::File(reference) => write!(f, "{kind} `{}`", reference.told()),
            SecretReference::SecretsManager(reference) => {
                write!(f, "{kind} `{}`", told(&reference.secrets_manager))
            }
            SecretReference::Vault(reference) => write!(f, "{kind} `{}`", told(&reference.vault)),
        }
    }
}

impl<'de> Deserialize<'de> for SecretReference {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ReferenceVisitor)
    }
}

struct ReferenceVisitor;

impl<'de> Visitor<'de> for ReferenceVisitor {
    type Value = SecretReference;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a reference to a secret, such as `{ env = \"NAME\" }`")
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<SecretReference, E> {
        Err(E::custom(INSTEAD))
    }

    // A number, a truth or a list may hold a secret as well, and the default would repeat it.
    fn visit_bool<E: de::Error>(self, _: bool) -> Result<SecretReference, E> {
        Err(E::custom(INSTEAD))
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<SecretReference, E> {
        Err(E::custom(INSTEAD))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<SecretReference, A::Error> {
        Err(de::Error::custom(INSTEAD))
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<SecretReference, E> {
        Err(E::custom(INSTEAD))
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<SecretReference, E> {
        Err(E::custom(INSTEAD))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<SecretReference, A::Error> {
        let fields = Fields::deserialize(MapAccessDeserializer::new(map))?;
        reference(fields).map_err(de::Error::custom)
    }
}

type Fields = serde_json::Map<String, Value>;

/// The fields are gathered before they are read, because which of them belong to a reference
/// follows from one that may stand anywhere among them.
fn reference(fields: Fields) -> Result<SecretReference, String> {
    let kinds: Vec<&str> = KINDS.into_iter().filter(|kind| fields.contains_key(*kind)).collect();
    match kinds.as_slice() {
        [] => Err(format!("expected one of {KINDS_LISTED} to say where the secret is")),
        ["env"] => read(fields).map(SecretReference::Environment),
        ["file"] => read(fields).map(SecretReference::File),
        ["secretsManager"] => read(fields).map(SecretReference::SecretsManager),
        [_] => read(fields).map(SecretReference::Vault),
        [first, second, ..] => {
            Err(format!("a secret is in one place: found both `{first}` and `{second}`"))
        }
    }
}

fn read<T: DeserializeOwned>(fields: Fields) -> Result<T, String> {
    T::deserialize(Value::Object(fields)).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Manifest {
        secret: SecretReference,
    }

    fn parse(written: &str) -> Result<SecretReference, String> {
        toml::from_str(&format!("secret = {written}"))
            .map(|manifest: Manifest| manifest.secret)
            .map_err(|error| error.message().to_owned())
    }

    #[track_caller]
    fn refused(written: &str, message: &str) {
        assert_eq!(parse(written).unwrap_err(), message);
    }

    #[test]
    fn each_kind_is_told_by_its_own_field() {
        let shown = |written| parse(written).unwrap().to_string();
        assert_eq!(shown(r#"{ env = "TOKEN" }"#), "env `TOKEN`");
        assert_eq!(shown(r#"{ file = "/run/token" }"#), "file `/run/token`");
        assert_eq!(
            shown(r#"{ field = "token", region = "eu-west-1", secretsManager = "github" }"#),
            "secretsManager `github`"
        );
        assert_eq!(
            shown(r#"{ field = "token", vault = "secret/github" }"#),
            "vault `secret/github`"
        );
    }

    #[test]
    fn a_login_to_vault_refers_to_its_secret_in_turn() {
        let written = r#"{ vault = "secret/github", field = "token", version = 3,
            login = { appRole = { role = "gateway", secret = { file = "/run/secret-id" } } } }"#;
        let SecretReference::Vault(reference) = parse(written).unwrap() else { panic!() };
        let Some(VaultLogin::AppRole { role, secret, mount }) = reference.login else { panic!() };
        assert_eq!((role.as_str(), mount.as_str()), ("gateway", "approle"));
        assert_eq!(secret.to_string(), "file `/run/secret-id`");
        assert_eq!(reference.version, Some(3));
    }

    #[test]
    fn a_literal_secret_is_refused_and_not_repeated() {
        for literal in [r#""vanilla""#, "12345", "-12345", "1.5", "true", r#"["vanilla"]"#] {
            refused(literal, INSTEAD);
        }
        refused(
            r#"{ vault = "secret/github", field = "token", login = { token = "vanilla" } }"#,
            INSTEAD,
        );
    }

    #[test]
    fn a_secret_in_the_place_of_its_name_is_not_repeated() {
        let shown = |written| parse(written).unwrap().in_folder(Path::new("/etc")).to_string();
        assert_eq!(shown(r#"{ env = "vanilla0XY1" }"#), "env `…`");
        assert_eq!(shown(r#"{ file = "vanilla/0XY1+z" }"#), "file `…`");
        assert_eq!(shown(r#"{ file = "/vanilla/0XY1+z" }"#), "file `…`");
        assert_eq!(shown(r#"{ file = "/srv/0XY1/4Zq/token" }"#), "file `/srv/0XY1/4Zq/token`");
        assert_eq!(shown(r#"{ secretsManager = "vanilla0XY1" }"#), "secretsManager `…`");
        assert_eq!(shown(r#"{ vault = "vanilla0XY1", field = "a" }"#), "vault `…`");
    }

    #[test]
    fn a_reference_names_one_place() {
        refused(
            r#"{ field = "token" }"#,
            "expected one of `env`, `file`, `secretsManager`, `vault` to say where the secret is",
        );
        refused(
            r#"{ token = "vanilla" }"#,
            "expected one of `env`, `file`, `secretsManager`, `vault` to say where the secret is",
        );
        refused(
            r#"{ env = "TOKEN", vault = "secret/github" }"#,
            "a secret is in one place: found both `env` and `vault`",
        );
    }

    #[test]
    fn a_field_of_another_kind_is_unknown() {
        refused(
            r#"{ env = "TOKEN", region = "eu-west-1" }"#,
            "unknown field `region`, expected `env`",
        );
        refused(r#"{ vault = "secret/github" }"#, "missing field `field`");
    }

    #[test]
    fn files_are_found_beside_the_configuration() {
        let folder = Path::new("/etc/tollgate");
        let file = |name: &str| format!("file `/etc/tollgate/{name}`");
        let reference = parse(r#"{ file = "token" }"#).unwrap().in_folder(folder);
        assert_eq!(reference.to_string(), file("token"));
        let reference = parse(
            r#"{ vault = "secret/github", field = "token", caFile = "ca.pem",
                 login = { token = { file = "vault-token" } } }"#,
        );
        let SecretReference::Vault(reference) = reference.unwrap().in_folder(folder) else {
            panic!()
        };
        assert_eq!(reference.ca_file.as_deref(), Some(Path::new("/etc/tollgate/ca.pem")));
        let Some(VaultLogin::Token(token)) = reference.login else { panic!() };
        assert_eq!(token.to_string(), file("vault-token"));
        let variable = parse(r#"{ env = "TOKEN" }"#).unwrap().in_folder(folder);
        assert_eq!(variable.to_string(), "env `TOKEN`");
    }

    #[test]
    fn json_is_read_the_same_way() {
        let reference: SecretReference = serde_json::from_str(r#"{"file": "/run/token"}"#).unwrap();
        assert_eq!(reference.kind(), "file");
        let error = serde_json::from_str::<SecretReference>(r#""vanilla""#).unwrap_err();
        assert!(!error.to_string().contains("vanilla"));
    }
}
