//! A login, as its caller is told of it.

use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use crate::{Password, PublicAddress, RoleName};

/// A login that was handed out. It holds the password: answer with it, keep it nowhere.
#[derive(Clone, Debug)]
pub struct Lease {
    /// The name to log in with.
    pub role: RoleName,
    /// The password to log in with.
    pub password: Password,
    /// Where.
    pub address: PublicAddress,
    /// To which database.
    pub database: String,
    /// When the role is ended, and with it every connection that it still has.
    pub expires: Timestamp,
}

/// What RFC 3986 calls unreserved stands as it is.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    version: u32,
    dsn: String,
    host: &'a str,
    port: u16,
    database: &'a str,
    user: &'a str,
    password: &'a str,
    ssl_mode: &'static str,
    expires: Timestamp,
}

impl Lease {
    /// The answer as JSON: `dsn`, its parts, and `expires` (RFC 3339, UTC).
    pub fn to_json(&self) -> String {
        let answer = Answer {
            version: 1,
            dsn: self.dsn(),
            host: &self.address.host,
            port: self.address.port,
            database: &self.database,
            user: self.role.as_str(),
            password: self.password.expose(),
            ssl_mode: self.address.ssl_mode.as_str(),
            expires: self.expires,
        };
        // Strings, numbers and a time: there is nothing in it that JSON cannot say.
        serde_json::to_string(&answer).unwrap_or_default()
    }

    /// The answer as libpq's environment, a line a variable, values quoted for a POSIX shell.
    pub fn to_env(&self) -> String {
        let port = self.address.port.to_string();
        let variables = [
            ("PGHOST", self.address.host.as_str()),
            ("PGPORT", &port),
            ("PGDATABASE", &self.database),
            ("PGUSER", self.role.as_str()),
            ("PGPASSWORD", self.password.expose()),
            ("PGSSLMODE", self.address.ssl_mode.as_str()),
        ];
        let quoted = |value: &str| value.replace('\'', r"'\''");
        variables.iter().map(|(name, value)| format!("{name}='{}'\n", quoted(value))).collect()
    }

    /// `postgresql://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=…`
    fn dsn(&self) -> String {
        let host = match &self.address.host {
            v6 if v6.contains(':') => format!("[{v6}]"),
            name => utf8_percent_encode(name, RESERVED).to_string(),
        };
        format!(
            "postgresql://{}:{}@{host}:{}/{}?sslmode={}",
            self.role,
            self.password.expose(),
            self.address.port,
            utf8_percent_encode(&self.database, RESERVED),
            self.address.ssl_mode.as_str()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Profile, SslMode};
    use zeroize::Zeroizing;

    fn lease(host: &str, database: &str) -> Lease {
        let address =
            PublicAddress { host: host.into(), port: 5432, ssl_mode: SslMode::VerifyFull };
        let profile = Profile::new("reports", "readers", database, address.clone()).unwrap();
        Lease {
            role: RoleName::new(&profile, "user/ana", &[0; 16]),
            password: Password::new(&Zeroizing::new([0; 32])),
            address,
            database: database.into(),
            expires: Timestamp::from_second(1_800_000_000).unwrap(),
        }
    }

    #[test]
    fn json_has_the_dsn_and_its_parts() {
        let zeros = "A".repeat(43);
        let expected = format!(
            r#"{{"version":1,"dsn":"postgresql://tollgate_reports_ana_aaaaaaaaaaaaaaaa:{zeros}@db.example.org:5432/a%20b?sslmode=verify-full","host":"db.example.org","port":5432,"database":"a b","user":"tollgate_reports_ana_aaaaaaaaaaaaaaaa","password":"{zeros}","sslMode":"verify-full","expires":"2027-01-15T08:00:00Z"}}"#
        );
        assert_eq!(lease("db.example.org", "a b").to_json(), expected);
    }

    #[test]
    fn an_address_of_version_six_is_bracketed() {
        assert!(lease("::1", "app").to_json().contains("@[::1]:5432/app?"));
    }

    #[test]
    fn the_environment_is_safe_to_source() {
        let env = lease("db", "o'neil").to_env();
        let expected = format!(
            "PGHOST='db'\nPGPORT='5432'\nPGDATABASE='o'\\''neil'\n\
             PGUSER='tollgate_reports_ana_aaaaaaaaaaaaaaaa'\nPGPASSWORD='{}'\n\
             PGSSLMODE='verify-full'\n",
            "A".repeat(43)
        );
        assert_eq!(env, expected);
    }
}
