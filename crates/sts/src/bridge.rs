//! From a presigned `GetCallerIdentity` to a session of the caller that AWS names.
//!
//! Only AWS can verify a signature made with AWS's keys. So the caller presigns the one request that
//! says who signed it, and hands it over; it is sent to AWS, once, and AWS's answer is believed. What
//! is sent is built here, from the parts that were checked.
//!
//! ```text
//! what was handed over ─check─▶ Presigned ─outgoing─▶ (AWS) ─identify─▶ AwsIdentity ─grant─▶ Grant
//! ```

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use percent_encoding::percent_decode_str;
use quick_xml::events::Event;
use tollgate_policy::{Principal, PrincipalKind};

use crate::action::{Durations, VERSION};
use crate::fetch::{Fetched, Outgoing};
use crate::{Fault, FaultCode, Grant, Origin};

/// The header that a caller signs to say which gateway the request is for, so that no other that it
/// is handed to can use it here.
pub const SERVER_ID_HEADER: &str = "x-tollgate-server-id";

/// The longest that a presigned request may hold.
const EXPIRES_S_MAX: i64 = 900;

/// How many seconds the caller's clock may be ahead.
const CLOCK_SKEW_S: i64 = 300;

/// The most requests that are remembered until they expire. Beyond it, none is accepted.
const REMEMBERED_MAX: usize = 100_000;

/// The most bytes of a URL: a session token is the longest part of it.
const URL_BYTES_MAX: usize = 16 * 1024;

/// Whose identities are accepted, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BridgeRules {
    /// The value of [`SERVER_ID_HEADER`].
    pub server_id: String,
    /// The accounts whose principals may come.
    pub accounts: Vec<String>,
    /// Hosts beside AWS's own that answer `GetCallerIdentity`, with their port.
    pub hosts: Vec<String>,
}

/// A presigned request that may be sent: it can do nothing but tell who signed it.
///
/// It carries a signature, so it does not print.
pub struct Presigned {
    outgoing: Outgoing,
    signature: String,
    expires_at: Timestamp,
}

/// Requests that were used, until they expire.
#[derive(Debug, Default)]
pub struct Used(Mutex<HashMap<String, Timestamp>>);

/// Who signed, as AWS says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsIdentity {
    /// The ARN, with its account.
    pub arn: String,
    /// The unique id.
    pub user_id: String,
}

const PARAMETERS: [&str; 9] = [
    "Action",
    "Version",
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-SignedHeaders",
    "X-Amz-Security-Token",
    "X-Amz-Signature",
];

impl BridgeRules {
    /// Checks a presigned request that was handed over: its URL, and the value of
    /// [`SERVER_ID_HEADER`] that was signed with it.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn check(&self, url: &str, server_id: &str, now: Timestamp) -> Result<Presigned, Fault> {
        if url.len() > URL_BYTES_MAX
            || !url.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#')
        {
            return refuse("a URL of printable ASCII without `#`, at most 16 KiB");
        }
        let Some(rest) = url.strip_prefix("https://") else { return refuse("an `https` URL") };
        let Some((authority, query)) = rest.split_once("/?") else {
            return refuse("the path `/` and a query");
        };
        if !self.is_sts(authority) {
            return refuse("a host of AWS STS, such as `sts.eu-west-1.amazonaws.com`");
        }
        let parameters = Parameters::read(query)?;
        parameters.expect("Action", "GetCallerIdentity")?;
        parameters.expect("Version", VERSION)?;
        parameters.expect("X-Amz-Algorithm", "AWS4-HMAC-SHA256")?;
        let signed = parameters.one("X-Amz-SignedHeaders")?;
        if signed != format!("host;{SERVER_ID_HEADER}") {
            return refuse(&format!(
                "exactly `host` and `{SERVER_ID_HEADER}` to be signed headers"
            ));
        }
        if server_id != self.server_id {
            return refuse("this gateway's server id to be signed");
        }
        let expires_at = parameters.expiry(now)?;
        let signature = parameters.one("X-Amz-Signature")?;
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if signature.len() != 64 || !signature.bytes().all(is_hex) {
            return refuse("a signature of 64 lower-case hexadecimal digits");
        }
        let headers = vec![(SERVER_ID_HEADER.to_owned(), server_id.to_owned())];
        let outgoing = Outgoing { url: format!("https://{authority}/?{query}"), headers };
        Ok(Presigned { outgoing, signature: signature.to_owned(), expires_at })
    }

    /// Whether the answer may come from there. A port, a user or a trailing dot make another host.
    fn is_sts(&self, authority: &str) -> bool {
        let is_region = |text: &str| {
            text.contains('-')
                && !text.starts_with('-')
                && !text.ends_with('-')
                && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        };
        let regional = authority.strip_prefix("sts.").and_then(|rest| {
            rest.strip_suffix(".amazonaws.com").or(rest.strip_suffix(".amazonaws.com.cn"))
        });
        authority == "sts.amazonaws.com"
            || regional.is_some_and(is_region)
            || self.hosts.iter().any(|host| host == authority)
    }

    /// Reads AWS's answer.
    ///
    /// # Errors
    /// [`FaultCode::IdpRejectedClaim`] when AWS does not vouch for the caller, with the status: a
    /// redirect is not an answer. [`FaultCode::AccessDenied`] for an account that may not come.
    pub fn identify(&self, answer: &Fetched) -> Result<AwsIdentity, Fault> {
        if answer.status != 200 {
            let message = format!("AWS STS answered with status {}", answer.status);
            return Err(Fault::new(FaultCode::IdpRejectedClaim, message));
        }
        let no_identity = || {
            let message = "AWS STS answered with something that is no caller identity";
            Fault::new(FaultCode::IdpRejectedClaim, message)
        };
        let [arn, user_id, account] = caller_identity(&answer.body).ok_or_else(no_identity)?;
        let principal = Principal::parse(&arn).ok_or_else(no_identity)?;
        if principal.account() != Some(&account) {
            return Err(no_identity());
        }
        if !self.accounts.contains(&account) {
            let message = format!("User: {arn} is of account {account}, which may not come here");
            return Err(Fault::new(FaultCode::AccessDenied, message));
        }
        Ok(AwsIdentity { arn, user_id })
    }
}

impl Presigned {
    /// What is to be sent, if it was not sent before: it is thereby used.
    ///
    /// # Errors
    /// When it was used, or when so many are remembered that it could not be.
    pub fn outgoing(self, used: &Used, now: Timestamp) -> Result<Outgoing, Fault> {
        let mut used = used.0.lock().unwrap_or_else(PoisonError::into_inner);
        if used.len() >= REMEMBERED_MAX {
            used.retain(|_, expires_at| *expires_at >= now);
        }
        if used.len() >= REMEMBERED_MAX {
            return refuse("fewer requests at a time; come back later");
        }
        match used.insert(self.signature, self.expires_at) {
            None => Ok(self.outgoing),
            Some(_) => refuse("a request that was not used before"),
        }
    }
}

impl AwsIdentity {
    /// The session that the caller gets.
    pub fn grant(self, durations: Durations) -> Grant {
        let role = Principal::parse(&self.arn).and_then(|principal| match principal.kind() {
            PrincipalKind::RoleSession { role, .. } => {
                let partition = self.arn.split(':').nth(1)?;
                Some(format!("arn:{partition}:iam::{}:role/{role}", principal.account()?))
            }
            _ => None,
        });
        Grant {
            origin: Origin::Bridged,
            principal: self.arn,
            user_id: self.user_id,
            role,
            policy: None,
            policy_arns: Vec::new(),
            tags: Vec::new(),
            source_identity: None,
            provider: None,
            duration_s: durations.default_s,
        }
    }
}

fn refuse<T>(expected: &str) -> Result<T, Fault> {
    let message = format!("The presigned GetCallerIdentity is not accepted: expected {expected}");
    Err(Fault::new(FaultCode::AccessDenied, message))
}

/// The parameters of the presigned request: each known, each once.
struct Parameters(HashMap<&'static str, String>);

impl Parameters {
    fn read(query: &str) -> Result<Parameters, Fault> {
        let mut read = HashMap::new();
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let Some(known) = PARAMETERS.into_iter().find(|known| *known == name) else {
                return refuse("no parameters but those of a presigned GetCallerIdentity");
            };
            let Ok(value) = percent_decode_str(value).decode_utf8() else {
                return refuse("parameters of UTF-8");
            };
            if read.insert(known, value.into_owned()).is_some() {
                return refuse(&format!("the parameter `{known}` once"));
            }
        }
        Ok(Parameters(read))
    }

    fn one(&self, name: &str) -> Result<&str, Fault> {
        match self.0.get(name) {
            Some(value) => Ok(value),
            None => refuse(&format!("the parameter `{name}`")),
        }
    }

    fn expect(&self, name: &str, value: &str) -> Result<(), Fault> {
        match self.one(name)? == value {
            true => Ok(()),
            false => refuse(&format!("`{value}` as `{name}`")),
        }
    }

    /// Until when the request holds, if it holds now.
    fn expiry(&self, now: Timestamp) -> Result<Timestamp, Fault> {
        let Some(signed_at) = instant(self.one("X-Amz-Date")?) else {
            return refuse("a date like `20150830T123600Z` as `X-Amz-Date`");
        };
        let expires_s: Option<i64> = self.one("X-Amz-Expires")?.parse().ok();
        let Some(expires_s) = expires_s.filter(|seconds| (1..=EXPIRES_S_MAX).contains(seconds))
        else {
            return refuse("1 to 900 seconds as `X-Amz-Expires`");
        };
        let ahead_s = signed_at.as_second().saturating_sub(now.as_second());
        if ahead_s > CLOCK_SKEW_S {
            return refuse(&format!(
                "a date that is not in the future: it says {signed_at} and it is {now} here, so the \
                 clocks disagree"
            ));
        }
        let expires_at = signed_at.as_second().saturating_add(expires_s);
        match Timestamp::from_second(expires_at) {
            Ok(expires_at) if now <= expires_at => Ok(expires_at),
            _ => refuse("a request that has not expired"),
        }
    }
}

fn instant(text: &str) -> Option<Timestamp> {
    let civil = DateTime::strptime("%Y%m%dT%H%M%SZ", text).ok()?;
    Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

/// `Arn`, `UserId` and `Account` of a `GetCallerIdentityResponse`, each there once.
fn caller_identity(body: &[u8]) -> Option<[String; 3]> {
    const PATH: [&str; 2] = ["GetCallerIdentityResponse", "GetCallerIdentityResult"];
    let mut reader = quick_xml::Reader::from_str(std::str::from_utf8(body).ok()?);
    let mut path = Vec::new();
    let mut found: [Option<String>; 3] = Default::default();
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) => path.push(start.name().as_ref().to_owned()),
            Event::End(_) => drop(path.pop()),
            Event::Text(text) => {
                let [outer, inner, name] = path.as_slice() else { continue };
                let place = ["Arn", "UserId", "Account"].iter().position(|known| known == name);
                let target = place.and_then(|place| found.get_mut(place));
                let (true, Some(target)) = ([outer, inner] == PATH, target) else { continue };
                if target.replace(text.trim().to_owned()).is_some() {
                    return None;
                }
            }
            Event::Eof => break,
            _ => {}
        }
    }
    let [arn, user_id, account] = found;
    Some([arn?, user_id?, account?])
}
