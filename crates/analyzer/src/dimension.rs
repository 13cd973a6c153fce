//! What requests can be grouped by: one value that every call has.
//!
//! A value is told apart by a *key*, a piece of the row's own text wherever one will do, so that
//! grouping a call allocates nothing; what readers see is made of the key when all is counted.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv6Addr};

use serde::{Deserialize, Serialize};
use tollgate_log::Field;

use crate::call::Call;

/// What stands for a value that the log does not tell.
pub(crate) const UNTOLD: &str = "-";

/// The longest product name of a user agent that is told apart, in bytes.
const FAMILY_MAX: usize = 60;

/// A value that every call has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Dimension {
    /// Who called: `$context.identity.userArn`, else user, caller, `anonymous`.
    Caller,
    /// The role whose session called; any other caller is itself.
    Role,
    /// The session's name, whichever role it is of.
    Session,
    /// The method.
    Method,
    /// The method and the route.
    Route,
    /// The API's id.
    Api,
    /// The stage.
    Stage,
    /// The third party that the request was forwarded to.
    Upstream,
    /// The alias of the credential that was injected.
    Credential,
    /// The status that the client received.
    Status,
    /// The network that the request came from: 256 addresses of IPv4, a /48 of IPv6.
    Network,
    /// The product that the user agent names first; of browsers, which.
    Agent,
    /// The gateway's response type: `ACCESS_DENIED`, `THROTTLED`.
    Error,
}

impl Dimension {
    /// All of them, in the order in which they are documented.
    pub const ALL: [Dimension; 13] = [
        Dimension::Caller,
        Dimension::Role,
        Dimension::Session,
        Dimension::Method,
        Dimension::Route,
        Dimension::Api,
        Dimension::Stage,
        Dimension::Upstream,
        Dimension::Credential,
        Dimension::Status,
        Dimension::Network,
        Dimension::Agent,
        Dimension::Error,
    ];

    /// Its name on the command line and in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Dimension::Caller => "caller",
            Dimension::Role => "role",
            Dimension::Session => "session",
            Dimension::Method => "method",
            Dimension::Route => "route",
            Dimension::Api => "api",
            Dimension::Stage => "stage",
            Dimension::Upstream => "upstream",
            Dimension::Credential => "credential",
            Dimension::Status => "status",
            Dimension::Network => "network",
            Dimension::Agent => "agent",
            Dimension::Error => "error",
        }
    }

    /// The column that it is made of, if nothing else is.
    pub(crate) fn column(self) -> Option<Field> {
        match self {
            Dimension::Network => Some(Field::SourceIp),
            Dimension::Agent => Some(Field::UserAgent),
            _ => None,
        }
    }

    /// The key of a call's value. `buffer` is for those that are no piece of the row's text.
    pub(crate) fn key<'t>(self, call: &Call<'t, 't>, buffer: &'t mut String) -> &'t str {
        let row = call.row;
        let told = match self {
            Dimension::Caller => Some(call.caller),
            Dimension::Role => Some(role_key(call.caller)),
            Dimension::Session => session(call.caller),
            Dimension::Method => Some(call.method),
            Dimension::Route => {
                Some(written(buffer, format_args!("{} {}", call.method, call.route)))
            }
            Dimension::Api => row.api_id(),
            Dimension::Stage => row.stage(),
            Dimension::Upstream => call.forwarded().upstream,
            Dimension::Credential => call.forwarded().credential,
            Dimension::Status => {
                row.status().map(|status| written(buffer, format_args!("{status}")))
            }
            Dimension::Network => row.source_ip().map(|address| network_key(address, buffer)),
            Dimension::Agent => row.user_agent().map(family),
            Dimension::Error => row.error_type(),
        };
        told.unwrap_or(UNTOLD)
    }

    /// The value that a key stands for, as readers see it.
    pub(crate) fn value(self, key: &str) -> Cow<'_, str> {
        match self {
            Dimension::Role => role(key),
            Dimension::Network => network(key),
            _ => Cow::Borrowed(key),
        }
    }
}

fn written<'t>(buffer: &'t mut String, text: std::fmt::Arguments<'_>) -> &'t str {
    buffer.clear();
    // Writing to a string cannot fail.
    let _ = std::fmt::Write::write_fmt(buffer, text);
    buffer
}

/// The part of a session's ARN that is its role's; of another caller all of it.
pub(crate) fn role_key(caller: &str) -> &str {
    match caller.rsplit_once('/') {
        Some((role, _)) if role.contains(":assumed-role/") => role,
        _ => caller,
    }
}

/// The role's ARN, as far as its sessions tell it: they leave its path out.
fn role(key: &str) -> Cow<'_, str> {
    match key.split_once(":assumed-role/") {
        Some((account, name)) => {
            Cow::Owned(format!("{}:role/{name}", account.replacen(":sts:", ":iam:", 1)))
        }
        None => Cow::Borrowed(key),
    }
}

/// The name of a session.
pub(crate) fn session(caller: &str) -> Option<&str> {
    let (role, session) = caller.rsplit_once('/')?;
    role.contains(":assumed-role/").then_some(session)
}

/// The first three numbers of an address of IPv4, the network of one of IPv6, all of another text.
fn network_key<'t>(address: &'t str, buffer: &'t mut String) -> &'t str {
    match (address.parse::<IpAddr>(), address.rsplit_once('.')) {
        (Ok(IpAddr::V4(_)), Some((network, _))) => network,
        (Ok(found), _) => match found.to_canonical() {
            IpAddr::V6(address) => {
                let [a, b, c, ..] = address.segments();
                let network = Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0);
                written(buffer, format_args!("{network}/48"))
            }
            IpAddr::V4(address) => {
                let [a, b, c, _] = address.octets();
                written(buffer, format_args!("{a}.{b}.{c}"))
            }
        },
        (Err(_), _) => address,
    }
}

fn network(key: &str) -> Cow<'_, str> {
    let are_numbers = key.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    match are_numbers && key.split('.').count() == 3 {
        true => Cow::Owned(format!("{key}.0/24")),
        false => Cow::Borrowed(key),
    }
}

/// Browsers all claim to be each other; the first of these that occurs says which it is.
const BROWSERS: [(&str, &str); 6] = [
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("HeadlessChrome/", "HeadlessChrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
];

/// The family of a user agent: the product that it names first, without version; of what claims to
/// be a browser, which one, or the robot that it says it is.
fn family(agent: &str) -> &str {
    let agent = agent.trim_start_matches(['[', ' ']);
    let end = |text: &str| text.find(['/', ' ', '(', ';', ',', ')', ']']).unwrap_or(text.len());
    if agent.starts_with("Mozilla/") {
        if let Some((_, robot)) = agent.split_once("compatible; ") {
            return shortened(robot.get(..end(robot)).unwrap_or(robot));
        }
        let browser = BROWSERS.iter().find(|(token, _)| agent.contains(token));
        return browser.map_or("Mozilla", |(_, name)| name);
    }
    match agent.get(..end(agent)) {
        None | Some("") => UNTOLD,
        Some(name) => shortened(name),
    }
}

fn shortened(name: &str) -> &str {
    name.get(..name.floor_char_boundary(FAMILY_MAX)).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_family(agent: &str, expected: &str) {
        assert_eq!(family(agent), expected, "{agent}");
    }

    #[test]
    fn the_family_is_the_first_product() {
        check_family("aws-sdk-go-v2/1.30.3 os/linux lang/go#1.22", "aws-sdk-go-v2");
        check_family("[aws-cli/2.15.0 Python/3.11.6]", "aws-cli");
        check_family("curl", "curl");
        check_family("Slackbot 1.0 (+https://api.slack.com/robots)", "Slackbot");
        check_family("/", UNTOLD);
        check_family(&"ä".repeat(100), &"ä".repeat(30));
    }

    #[test]
    fn browsers_and_robots_say_what_they_are_further_on() {
        let chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
                      Chrome/120.0 Safari/537.36";
        check_family(chrome, "Chrome");
        check_family(&format!("{chrome} Edg/120.0"), "Edge");
        check_family(
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com)",
            "Googlebot",
        );
        check_family("Mozilla/5.0 (X11; Linux x86_64)", "Mozilla");
    }

    #[track_caller]
    fn check_network(address: &str, expected: &str) {
        let mut buffer = String::new();
        assert_eq!(network(network_key(address, &mut buffer)), expected, "{address}");
    }

    #[test]
    fn networks_are_256_addresses_or_48_bits() {
        check_network("10.20.30.40", "10.20.30.0/24");
        check_network("::ffff:10.20.30.40", "10.20.30.0/24");
        check_network("2001:db8:1:2::3", "2001:db8:1::/48");
        check_network("2001:db8::3", "2001:db8::/48");
        check_network("::1", "::/48");
        check_network("999.1.1.1", "999.1.1.1");
        check_network("cloudformation.amazonaws.com", "cloudformation.amazonaws.com");
        check_network("2001:db8", "2001:db8");
    }

    #[test]
    fn sessions_have_a_role_and_others_are_themselves() {
        let session_arn = "arn:aws:sts::123456789012:assumed-role/deploy/ci-7";
        assert_eq!(role(role_key(session_arn)), "arn:aws:iam::123456789012:role/deploy");
        assert_eq!(session(session_arn), Some("ci-7"));
        let user = "arn:aws:iam::123456789012:user/ana";
        assert_eq!((role(role_key(user)), session(user)), (Cow::Borrowed(user), None));
    }
}
