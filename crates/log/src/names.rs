//! Which column a name in a log stands for.
//!
//! A template names its variables (`$context.identity.userArn`), a JSON log
//! its keys (`ip`, `identity_userAgent`, `user-arn`). Both are compared without
//! case and punctuation against one table of what API Gateway and the people
//! who configure it call things.

use std::collections::HashMap;

use crate::schema::Field;

/// Where a named value goes. If a line has several names for one column, the
/// lowest rank wins, whatever the order in the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) field: Field,
    pub(crate) rank: u8,
}

/// Names of a user's own, in addition to the known ones.
///
/// ```
/// use tollgate_log::{Field, NameMap};
///
/// let names = NameMap::new([("who", "user_arn"), ("ms", "$context.responseLatency")])?;
/// assert_eq!(names.field("who"), Some(Field::UserArn));
/// assert_eq!(names.field("ms"), Some(Field::ResponseLatency));
/// assert_eq!(names.field("sourceIp"), Some(Field::SourceIp));
/// # Ok::<(), tollgate_log::UnknownName>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NameMap {
    /// What each name stands for; nothing if it is no column's, though it sounds like one.
    own: HashMap<String, Option<Target>>,
}

/// A mapping to a column or variable that does not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownName {
    /// The name in the log.
    pub name: String,
    /// What it was mapped to.
    pub target: String,
}

impl std::fmt::Display for UnknownName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { name, target } = self;
        write!(f, "`{name}` is mapped to `{target}`, which is neither a column nor a variable")
    }
}

impl std::error::Error for UnknownName {}

impl NameMap {
    /// A mapping of names in the log to columns (`user_arn`) or variables
    /// (`$context.identity.userArn`).
    ///
    /// # Errors
    /// If a target is neither.
    pub fn new<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, UnknownName> {
        let mut own = HashMap::new();
        for (name, target) in pairs {
            let field = Field::named(target).or_else(|| known(target).map(|known| known.field));
            let field = field
                .ok_or_else(|| UnknownName { name: name.to_owned(), target: target.to_owned() })?;
            own.insert(name.to_owned(), Some(Target { field, rank: 0 }));
        }
        Ok(NameMap { own })
    }

    /// The column that `name` stands for.
    pub fn field(&self, name: &str) -> Option<Field> {
        self.target(name).map(|target| target.field)
    }

    /// The column that `name` stands for, and how good a source it is.
    pub(crate) fn target(&self, name: &str) -> Option<Target> {
        match self.own.get(name) {
            Some(&own) => own,
            None => known(name),
        }
    }

    /// This mapping and one that it gives way to.
    pub(crate) fn or(&self, others: impl Iterator<Item = (String, Option<Target>)>) -> NameMap {
        let mut own = self.own.clone();
        for (name, target) in others {
            own.entry(name).or_insert(target);
        }
        NameMap { own }
    }
}

/// Looks a name up among the known ones.
fn known(name: &str) -> Option<Target> {
    let name = name.trim_start_matches("$context.").trim_start_matches('@');
    let bare: String =
        name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    let (field, names) = KNOWN.iter().find(|(_, names)| names.contains(&bare.as_str()))?;
    let position = names.iter().position(|known| *known == bare)?;
    Some(Target { field: *field, rank: 1 + u8::try_from(position).unwrap_or(u8::MAX - 1) })
}

/// Columns and their names, best source first.
#[rustfmt::skip]
const KNOWN: &[(Field, &[&str])] = &[
    (Field::Time, &["requesttimeepoch", "timeepoch", "epoch", "requesttime", "time", "timestamp", "eventtime", "datetime", "date", "awstimestamp"]),
    (Field::RequestId, &["requestid", "reqid", "id"]),
    (Field::ExtendedRequestId, &["extendedrequestid", "extrequestid"]),
    (Field::EventId, &["eventid"]),
    (Field::AccountId, &["accountid", "owneraccount", "account"]),
    (Field::Region, &["region", "awsregion"]),
    (Field::ApiId, &["apiid", "restapiid", "api"]),
    (Field::Stage, &["stage", "apistage"]),
    (Field::DomainName, &["domainname", "host", "domain"]),
    (Field::Method, &["httpmethod", "method", "verb", "requestmethod"]),
    (Field::ResourcePath, &["resourcepath", "route", "routepath"]),
    (Field::RouteKey, &["routekey"]),
    (Field::Path, &["path", "requestpath", "uri", "rawpath", "url"]),
    (Field::Protocol, &["protocol"]),
    (Field::Status, &["status", "statuscode", "httpstatus", "responsestatus"]),
    (Field::ResponseLength, &["responselength", "responsesize", "bytes"]),
    (Field::DataProcessed, &["dataprocessed"]),
    (Field::ResponseLatency, &["responselatency", "responselatencyms", "latency", "latencyms", "duration", "durationms"]),
    (Field::IntegrationLatency, &["integrationlatency", "integrationlatencyms"]),
    (Field::IntegrationStatus, &["integrationstatus", "integrationintegrationstatus"]),
    (Field::IntegrationError, &["integrationerrormessage", "integrationerror"]),
    (Field::UserArn, &["identityuserarn", "userarn", "callerarn"]),
    (Field::Caller, &["identitycaller", "caller"]),
    (Field::User, &["identityuser", "user"]),
    (Field::AccessKeyId, &["identityaccesskey", "accesskeyid", "accesskey", "identityaccesskeyid"]),
    (Field::PrincipalArn, &["principalarn"]),
    (Field::Role, &["role"]),
    (Field::Session, &["session", "sessionname"]),
    (Field::CallerAccount, &["identityaccountid", "calleraccount", "calleraccountid"]),
    (Field::PrincipalOrgId, &["identityprincipalorgid", "principalorgid"]),
    (Field::ApiKeyId, &["identityapikeyid", "apikeyid"]),
    (Field::PrincipalId, &["authorizerprincipalid", "principalid"]),
    (Field::SourceIp, &["identitysourceip", "sourceip", "ip", "clientip", "ipaddress", "sourceipaddress", "remoteaddr"]),
    (Field::UserAgent, &["identityuseragent", "useragent", "agent", "ua"]),
    (Field::VpcId, &["identityvpcid", "vpcid"]),
    (Field::VpceId, &["identityvpceid", "vpceid", "vpcendpointid"]),
    (Field::ErrorMessage, &["errormessage", "errormessagestring", "error"]),
    (Field::ErrorType, &["errorresponsetype", "errortype", "responsetype", "errorcode"]),
    (Field::AuthorizerError, &["authorizererror"]),
    (Field::AuthorizerStatus, &["authorizerstatus", "authorizerintegrationstatus"]),
    (Field::AuthorizerLatency, &["authorizerlatency", "authorizerlatencyms", "authorizerintegrationlatency"]),
    (Field::AuthorizeStatus, &["authorizestatus"]),
    (Field::AuthenticateStatus, &["authenticatestatus"]),
    (Field::WafResponse, &["wafresponsecode", "wafstatus", "wafresponse"]),
    (Field::XrayTraceId, &["xraytraceid", "traceid"]),
    (Field::EventType, &["eventtype"]),
    (Field::ConnectionId, &["connectionid"]),
    (Field::Action, &["action"]),
    (Field::Resource, &["resource", "resourcearn"]),
    (Field::DeniedBy, &["deniedby"]),
    (Field::DeniedExplicitly, &["deniedexplicitly"]),
    (Field::Upstream, &["upstream"]),
    (Field::Credential, &["credential", "credentialalias"]),
    (Field::RateLimit, &["rllimit", "ratelimitlimit", "xratelimitlimit", "xratelimitlimitrequests", "anthropicratelimitrequestslimit"]),
    (Field::RateRemaining, &["rlremaining", "ratelimitremaining", "xratelimitremaining", "xratelimitremainingrequests", "anthropicratelimitrequestsremaining"]),
    (Field::RateUsed, &["rlused", "ratelimitused", "xratelimitused"]),
    (Field::RateReset, &["rlreset", "ratelimitreset", "xratelimitreset", "xratelimitresetafter", "xratelimitresetrequests", "anthropicratelimitrequestsreset"]),
    (Field::RateResource, &["rlresource", "ratelimitresource", "xratelimitresource", "xratelimitbucket", "rlbucket"]),
    (Field::RatePolicy, &["rlpolicy", "ratelimitpolicy", "xratelimitpolicy"]),
    (Field::RateState, &["rlstate", "ratelimit", "ratelimits"]),
    (Field::TokenLimit, &["rltokenslimit", "xratelimitlimittokens", "anthropicratelimittokenslimit"]),
    (Field::TokenRemaining, &["rltokensremaining", "xratelimitremainingtokens", "anthropicratelimittokensremaining"]),
    (Field::TokenReset, &["rltokensreset", "xratelimitresettokens", "anthropicratelimittokensreset"]),
    (Field::RetryAfter, &["retryafter", "retryafters"]),
    (Field::Extra, &["extra"]),
    (Field::Suspect, &["suspect"]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, expected: Option<Field>) {
        assert_eq!(NameMap::default().field(name), expected, "`{name}`");
    }

    #[test]
    fn a_variable_is_its_column() {
        for &field in Field::ALL {
            if !field.variable().is_empty() {
                check(&format!("$context.{}", field.variable()), Some(field));
            }
        }
    }

    #[test]
    fn a_column_is_its_own_name() {
        for &field in Field::ALL {
            check(field.name(), Some(field));
        }
    }

    #[test]
    fn case_and_punctuation_do_not_matter() {
        check("identity_userAgent", Some(Field::UserAgent));
        check("user-arn", Some(Field::UserArn));
        check("X-RateLimit-Remaining", Some(Field::RateRemaining));
        check("x-rate-limit-remaining", Some(Field::RateRemaining));
        check("x-ratelimit-remaining-requests", Some(Field::RateRemaining));
        check("x-ratelimit-remaining-tokens", Some(Field::TokenRemaining));
        check("anthropic-ratelimit-tokens-reset", Some(Field::TokenReset));
        check("RateLimit", Some(Field::RateState));
        check("RateLimit-Policy", Some(Field::RatePolicy));
        check("ip", Some(Field::SourceIp));
        check("colour", None);
    }

    #[test]
    fn the_epoch_is_the_better_time() {
        let names = NameMap::default();
        let rank = |name| names.target(name).map(|target| target.rank);
        assert!(rank("requestTimeEpoch") < rank("requestTime"));
    }

    #[test]
    fn a_mapping_to_nothing_is_an_error() {
        let error = NameMap::new([("who", "user_anr")]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`who` is mapped to `user_anr`, which is neither a column nor a variable"
        );
    }
}
