//! `[[broker]]`: a database that callers get logins of their own to.

use serde::Deserialize;
use toml::Spanned;

use super::SecretDecl;

/// A database of a PostgreSQL server, and the logins that are made for it. A route whose upstream is
/// its name hands them out.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BrokerDecl {
    /// Its name, for routes to refer to, and part of the names of roles: at most 20 lower-case letters
    /// and digits.
    pub name: Spanned<String>,
    /// Where the broker connects to: `HOST:PORT`, or `/folder/of/the/socket:PORT`.
    pub server: Spanned<String>,
    /// The role that the broker logs in as. It needs `CREATEROLE`, and the template with its admin
    /// option.
    pub user: Spanned<String>,
    /// Where that role's password is kept.
    pub password: Spanned<SecretDecl>,
    /// The database that logins are for.
    pub database: Spanned<String>,
    /// The role whose rights logins get.
    pub template: Spanned<String>,
    /// File of the logins that exist, made where there is none.
    pub journal: Spanned<String>,
    /// Where callers connect to, `HOST:PORT`, if not where the broker does.
    pub public: Option<Spanned<String>>,
    /// `verify-full` unless given, or `disable`: for the broker's connection and for callers'.
    pub ssl_mode: Option<Spanned<String>>,
    /// Authorities to trust in the place of the system's.
    pub ca: Option<Spanned<String>>,
    /// How long a login lasts whose caller does not say.
    #[serde(default = "quarter_of_an_hour")]
    pub ttl_s: Spanned<u32>,
    /// The longest that a login lasts. It also never outlives the session of its caller.
    #[serde(default = "an_hour")]
    pub ttl_s_max: Spanned<u32>,
    /// Connections of a login at a time.
    #[serde(default = "five")]
    pub connections_max: u32,
    /// Logins at a time.
    #[serde(default = "thousand")]
    pub leases_max: u32,
    /// Logins of one caller at a time.
    #[serde(default = "twenty")]
    pub leases_per_caller_max: u32,
}

fn quarter_of_an_hour() -> Spanned<u32> {
    Spanned::new(0..0, 900)
}

fn an_hour() -> Spanned<u32> {
    Spanned::new(0..0, 3600)
}

fn five() -> u32 {
    5
}

fn thousand() -> u32 {
    1_000
}

fn twenty() -> u32 {
    20
}
