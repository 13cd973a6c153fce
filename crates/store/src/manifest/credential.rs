//! `[[credential]]`: what is injected, how, and where the secret of it is kept.

use std::fmt;

use serde::de::{Error, MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer};
use toml::Spanned;

use super::ThrottleDecl;

/// A credential for a third party. The manifest says where its secret is, never what it is.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CredentialDecl {
    /// Its alias, for routes to refer to, and for the log.
    pub name: Spanned<String>,
    /// The one upstream that it may be sent to.
    pub upstream: Spanned<String>,
    /// How it is injected; `"bearer"` unless given.
    pub inject: Option<Spanned<InjectDecl>>,
    /// Where the secret is kept.
    pub secret: Spanned<SecretDecl>,
    /// How many requests may use it, together.
    pub throttle: Option<ThrottleDecl>,
}

/// How a credential is put into a request.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum InjectDecl {
    /// `Authorization: Bearer SECRET`
    Bearer,
    /// A header.
    Header(HeaderDecl),
    /// `Authorization: Basic …`, the secret being the password.
    Basic(BasicDecl),
    /// A query parameter.
    Query(QueryDecl),
    /// In the place of `{secret}` in the path of the upstream's URL.
    Path,
    /// The access token that the token endpoint gives for the secret, as a bearer token.
    Oauth2(Oauth2Decl),
    /// The request is signed anew, the secret being the secret access key.
    Sigv4(Sigv4Decl),
}

/// A header that holds the secret.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HeaderDecl {
    /// Its name.
    pub name: Spanned<String>,
    /// Its value, with `{secret}` in it; the secret alone unless given.
    pub format: Option<Spanned<String>>,
}

/// Basic authentication.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BasicDecl {
    /// The user's name, which is no secret.
    pub username: Spanned<String>,
}

/// A query parameter.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct QueryDecl {
    /// Its name.
    pub name: Spanned<String>,
}

/// OAuth 2.0 client credentials (RFC 6749 §4.4), the secret being the client's.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Oauth2Decl {
    /// The upstream whose URL is the token endpoint.
    pub token_upstream: Spanned<String>,
    /// The client's id.
    pub client_id: String,
    /// What is asked for.
    pub scope: Option<String>,
    /// The audience that some servers want to be told.
    pub audience: Option<String>,
    /// Whether id and secret go into the form rather than into a Basic header.
    #[serde(default)]
    pub credentials_in_form: bool,
}

/// A signature of AWS's version 4.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Sigv4Decl {
    /// The access key id, which is no secret.
    pub access_key_id: String,
    /// The region of the scope.
    pub region: String,
    /// The service of the scope.
    pub service: String,
}

/// Where a secret is kept, `{ env = "NAME" }` and so on: a table, whose meaning is that of whoever
/// reads secrets. A literal is refused here, and its text goes nowhere.
#[derive(Clone, Debug, PartialEq)]
pub struct SecretDecl(pub toml::Table);

impl SecretDecl {
    const LITERAL_REFUSED: &'static str =
        "a literal secret; expected where it is kept, such as `{ env = \"NAME\" }`";
}

impl<'de> Deserialize<'de> for SecretDecl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<SecretDecl, D::Error> {
        struct TableVisitor;

        impl<'de> Visitor<'de> for TableVisitor {
            type Value = SecretDecl;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("where the secret is kept, such as `{ env = \"NAME\" }`")
            }

            fn visit_str<E: Error>(self, _: &str) -> Result<SecretDecl, E> {
                Err(E::custom(SecretDecl::LITERAL_REFUSED))
            }

            // The default would repeat the number or the truth.
            fn visit_i64<E: Error>(self, _: i64) -> Result<SecretDecl, E> {
                Err(E::custom(SecretDecl::LITERAL_REFUSED))
            }

            fn visit_f64<E: Error>(self, _: f64) -> Result<SecretDecl, E> {
                Err(E::custom(SecretDecl::LITERAL_REFUSED))
            }

            fn visit_bool<E: Error>(self, _: bool) -> Result<SecretDecl, E> {
                Err(E::custom(SecretDecl::LITERAL_REFUSED))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<SecretDecl, A::Error> {
                toml::Table::deserialize(MapAccessDeserializer::new(map)).map(SecretDecl)
            }
        }

        deserializer.deserialize_any(TableVisitor)
    }
}
