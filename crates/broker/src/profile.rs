//! What a broker hands out: the rights, for how long, and where to use them.

use std::fmt;

use jiff::SignedDuration;

/// A database that logins are made for, and the bounds on them.
#[derive(Clone, Debug)]
pub struct Profile {
    name: String,
    /// The role whose rights a login gets, and who inherits what it leaves behind.
    pub template: String,
    /// The database that clients are told to connect to.
    pub database: String,
    /// Where clients connect to, which may not be where the broker does.
    pub address: PublicAddress,
    /// How long a login lasts whose caller asks for no time.
    pub ttl_default: SignedDuration,
    /// The longest that a login may last.
    pub ttl_max: SignedDuration,
    /// Connections that one login may hold at a time.
    pub connections_max: u32,
    /// Logins that may exist at a time, of all callers together.
    pub leases_max: usize,
    /// Logins that may exist at a time, of one caller.
    pub leases_per_caller_max: usize,
}

/// The server as clients see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicAddress {
    /// Host name or IP address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// What clients are told to demand of the connection.
    pub ssl_mode: SslMode,
}

/// libpq's `sslmode`, as far as it is worth recommending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SslMode {
    /// No TLS: a loopback or otherwise private connection.
    Disable,
    /// TLS, with the server's certificate and name checked.
    VerifyFull,
}

impl SslMode {
    /// As libpq spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::VerifyFull => "verify-full",
        }
    }
}

/// Why a name cannot be a profile's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileError {
    name: String,
}

impl fmt::Display for ProfileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "expected a broker name of 1 to {} lower-case letters and digits that begins with a \
             letter, found `{}`",
            Profile::NAME_BYTES_MAX,
            self.name
        )
    }
}

impl std::error::Error for ProfileError {}

impl Profile {
    /// The longest name, so that role names keep within PostgreSQL's 63 bytes.
    pub const NAME_BYTES_MAX: usize = 20;

    /// A profile with the bounds that hold unless others are given: 15 minutes by default, an hour
    /// at most, 5 connections a login, 1,000 logins in all and 20 of one caller.
    ///
    /// # Errors
    /// The name is not 1 to 20 lower-case letters and digits, the first a letter: it becomes part of
    /// the names of roles.
    pub fn new(
        name: &str,
        template: &str,
        database: &str,
        address: PublicAddress,
    ) -> Result<Self, ProfileError> {
        let fits = (1..=Self::NAME_BYTES_MAX).contains(&name.len())
            && name.starts_with(|first: char| first.is_ascii_lowercase())
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        if !fits {
            return Err(ProfileError { name: name.to_owned() });
        }
        Ok(Self {
            name: name.to_owned(),
            template: template.to_owned(),
            database: database.to_owned(),
            address,
            ttl_default: SignedDuration::from_mins(15),
            ttl_max: SignedDuration::from_hours(1),
            connections_max: 5,
            leases_max: 1_000,
            leases_per_caller_max: 20,
        })
    }

    /// Its name, part of the name of each role that it hands out.
    pub fn name(&self) -> &str {
        &self.name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_and_plain() {
        let address =
            || PublicAddress { host: "db".into(), port: 5432, ssl_mode: SslMode::VerifyFull };
        let named = |name: &str| Profile::new(name, "readers", "app", address());
        assert!(named("reports2").is_ok());
        for bad in ["", "2fast", "With-Dash", "a_b", "abcdefghijklmnopqrstu", "é"] {
            let error = named(bad).unwrap_err().to_string();
            assert!(error.starts_with("expected a broker name of 1 to 20"), "{error}");
            assert!(error.ends_with(&format!("found `{bad}`")), "{error}");
        }
    }
}
