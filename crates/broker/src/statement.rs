//! The statements that a broker sends. Names and literals are escaped as libpq does it, although all
//! of ours are plain: a template role's name comes from a configuration file.

use jiff::Timestamp;
use postgres_protocol::escape::{escape_identifier, escape_literal};

use crate::{Grant, Profile, RoleName};

/// Makes a role with nothing but the rights of the template, and with the verifier of its password.
pub(crate) fn create(profile: &Profile, role: &RoleName, verifier: &str, grant: &Grant) -> String {
    format!(
        "CREATE ROLE {} LOGIN INHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION \
         NOBYPASSRLS PASSWORD {} VALID UNTIL {} CONNECTION LIMIT {} IN ROLE {}",
        name(role),
        escape_literal(verifier),
        escape_literal(&valid_until(grant.expires())),
        profile.connections_max,
        escape_identifier(&profile.template),
    )
}

/// Stops new logins, whatever the password.
pub(crate) fn disable(role: &RoleName) -> String {
    format!("ALTER ROLE {} NOLOGIN", name(role))
}

/// Lets the broker act for the role: `REASSIGN OWNED` and `pg_terminate_backend` need it of one who is
/// no superuser.
pub(crate) fn join(role: &RoleName) -> String {
    format!("GRANT {} TO CURRENT_USER", name(role))
}

/// Closes the role's connections; tells how many there were.
pub(crate) const DISCONNECT: &str =
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = $1";

/// In one database: hands what the role owns to the template, and takes back what it was granted.
pub(crate) fn disown(profile: &Profile, role: &RoleName) -> String {
    let (role, heir) = (name(role), escape_identifier(&profile.template));
    format!("REASSIGN OWNED BY {role} TO {heir}; DROP OWNED BY {role}")
}

/// Removes the role.
pub(crate) fn drop(role: &RoleName) -> String {
    format!("DROP ROLE IF EXISTS {}", name(role))
}

/// Whether a role exists.
pub(crate) const EXISTS: &str = "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)";

/// The databases in which a role may own something.
pub(crate) const DATABASES: &str =
    "SELECT datname FROM pg_database WHERE datallowconn ORDER BY datname";

/// The roles whose names begin with `$1` and whose time has run out by the server's clock.
pub(crate) const EXPIRED: &str =
    "SELECT rolname FROM pg_roles WHERE starts_with(rolname, $1) AND rolvaliduntil <= now()";

/// The server's clock, in seconds since 1970.
pub(crate) const CLOCK: &str = "SELECT extract(epoch FROM clock_timestamp())::float8";

fn name(role: &RoleName) -> String {
    escape_identifier(role.as_str())
}

/// `2026-03-10 09:30:00+00`, which every server reads alike whatever its time zone and `DateStyle`.
fn valid_until(expires: Timestamp) -> String {
    expires.strftime("%Y-%m-%d %H:%M:%S+00").to_string()
}
