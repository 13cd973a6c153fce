//! From parameters to an action, every value checked: what is asked, before who asks.
//!
//! All that is wrong with the values is said at once, in the words that AWS has for it.
//!
//! Source: AWS STS API reference, the parameters of each action.

use tollgate_policy::{PolicyDocument, PolicyType};

use crate::check::{Alphabet, Checks, Text};
use crate::query::Query;
use crate::{Fault, FaultCode, SessionTag};

/// The version of the API.
pub(crate) const VERSION: &str = "2011-06-15";

/// An action by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// A role's session, for a caller that signs.
    AssumeRole,
    /// A role's session, for a caller with a token of an identity provider. Not signed.
    AssumeRoleWithWebIdentity,
    /// Who signed.
    GetCallerIdentity,
    /// A session of the user itself.
    GetSessionToken,
}

/// The parameters of `AssumeRole`, well formed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssumeRole {
    /// The role and the session.
    pub session: RoleSession,
    /// Tags of the session.
    pub tags: Vec<SessionTag>,
    /// The condition key `sts:ExternalId`.
    pub external_id: Option<String>,
    /// The condition key `sts:SourceIdentity`.
    pub source_identity: Option<String>,
}

/// What every request for a role's session says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleSession {
    /// The role.
    pub role_arn: String,
    /// The session's name.
    pub name: String,
    /// A policy that limits the session: its text, which parses.
    pub policy: Option<String>,
    /// Managed policies that limit it.
    pub policy_arns: Vec<String>,
    /// How long, if the caller minds.
    pub duration_s: Option<u32>,
}

/// The parameters of `AssumeRoleWithWebIdentity`, well formed. The token does not print.
pub struct WebIdentity {
    /// The role and the session.
    pub session: RoleSession,
    /// The token of the identity provider, unread.
    pub token: secrecy::SecretString,
}

/// How long sessions may be, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Durations {
    /// The shortest that may be asked for.
    pub min_s: u32,
    /// The longest that may be asked for.
    pub max_s: u32,
    /// What a caller gets that does not ask.
    pub default_s: u32,
}

impl Default for Durations {
    /// 15 minutes, 12 hours, 1 hour.
    fn default() -> Durations {
        Durations { min_s: 900, max_s: 43_200, default_s: 3600 }
    }
}

impl Operation {
    const ALL: [(&str, Operation); 4] = [
        ("AssumeRole", Operation::AssumeRole),
        ("AssumeRoleWithWebIdentity", Operation::AssumeRoleWithWebIdentity),
        ("GetCallerIdentity", Operation::GetCallerIdentity),
        ("GetSessionToken", Operation::GetSessionToken),
    ];

    /// The action that a query asks for.
    ///
    /// # Errors
    /// [`FaultCode::MissingAction`] and [`FaultCode::InvalidAction`].
    pub fn of(query: &mut Query) -> Result<Operation, Fault> {
        let version = query.take("Version").unwrap_or_else(|| VERSION.to_owned());
        let Some(name) = query.take("Action") else {
            let message = "The request must contain the parameter Action";
            return Err(Fault::new(FaultCode::MissingAction, message));
        };
        let known = Self::ALL.into_iter().find(|(known, _)| *known == name && version == VERSION);
        known.map(|(_, operation)| operation).ok_or_else(|| {
            let (name, version) = (shown(&name), shown(&version));
            let message = format!("Could not find operation {name} for version {version}");
            Fault::new(FaultCode::InvalidAction, message)
        })
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        let named = Self::ALL.into_iter().find(|(_, operation)| *operation == self);
        named.map_or("", |(name, _)| name)
    }
}

/// The first 128 characters of a text of the caller's, on one line.
pub(crate) fn shown(text: &str) -> String {
    text.chars().take(128).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

impl AssumeRole {
    /// Reads the parameters.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub fn read(mut query: Query, durations: Durations) -> Result<AssumeRole, Fault> {
        refuse_second_factor(&mut query)?;
        let mut checks = Checks::new(query);
        let session = RoleSession::read(&mut checks, durations);
        let external_id = checks.optional("ExternalId", EXTERNAL_ID);
        let source_identity = checks.optional("SourceIdentity", NAME);
        let tags = read_tags(&mut checks);
        checks.finish()?;
        if let Some(identity) = source_identity.as_ref().filter(|it| has_reserved_prefix(it)) {
            return Err(invalid(format!("The source identity {identity} begins with 'aws:'")));
        }
        let (session, tags) = (session.check()?, check_tags(tags)?);
        Ok(AssumeRole { session, tags, external_id, source_identity })
    }
}

impl WebIdentity {
    /// Reads the parameters.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub fn read(mut query: Query, durations: Durations) -> Result<WebIdentity, Fault> {
        if query.take("ProviderId").is_some() {
            let message = "ProviderId is for OAuth 2.0 access tokens, which are not supported; pass \
                           an OpenID Connect ID token and no ProviderId";
            return Err(Fault::new(FaultCode::InvalidParameterCombination, message));
        }
        let mut checks = Checks::new(query);
        let session = RoleSession::read(&mut checks, durations);
        let token = checks.secret("WebIdentityToken", Text::any(4, 20_000));
        checks.finish()?;
        Ok(WebIdentity { session: session.check()?, token })
    }
}

/// Reads the parameters of `GetSessionToken`: how long, if the caller minds.
pub(crate) fn read_session_token(
    mut query: Query,
    durations: Durations,
) -> Result<Option<u32>, Fault> {
    refuse_second_factor(&mut query)?;
    let mut checks = Checks::new(query);
    let duration_s = checks.number("DurationSeconds", durations.min_s, durations.max_s);
    checks.finish()?;
    Ok(duration_s)
}

const ROLE_ARN: Text = Text::any(20, 2048);
const NAME: Text = Text { min: 2, max: 64, alphabet: Alphabet::Name };
const EXTERNAL_ID: Text = Text { min: 2, max: 1224, alphabet: Alphabet::ExternalId };
const POLICY: Text = Text::any(1, 2048);

impl RoleSession {
    fn read(checks: &mut Checks, durations: Durations) -> RoleSession {
        RoleSession {
            role_arn: checks.required("RoleArn", ROLE_ARN),
            name: checks.required("RoleSessionName", NAME),
            policy: checks.optional("Policy", POLICY),
            policy_arns: checks.records("PolicyArns", ["arn"], 10, |checks, [arn]| {
                checks.member("policyArns.member.arn", arn, ROLE_ARN)
            }),
            duration_s: checks.number("DurationSeconds", durations.min_s, durations.max_s),
        }
    }

    /// What takes more than looking at one value.
    fn check(self) -> Result<RoleSession, Fault> {
        if let Some(policy) = &self.policy {
            PolicyDocument::parse(policy, PolicyType::Session).map_err(|errors| {
                let error = errors.first();
                let (message, at) = (&error.message, error.position);
                let message = format!("The session policy is not valid: {message} at {at}");
                Fault::new(FaultCode::MalformedPolicyDocument, message)
            })?;
        }
        Ok(self)
    }
}

fn read_tags(checks: &mut Checks) -> (Vec<SessionTag>, Vec<String>) {
    const KEY: Text = Text { min: 1, max: 128, alphabet: Alphabet::Tag };
    const VALUE: Text = Text { min: 0, max: 256, alphabet: Alphabet::Tag };
    let tags = checks.records("Tags", ["Key", "Value"], 50, |checks, [key, value]| SessionTag {
        key: checks.member("tags.member.key", key, KEY),
        value: checks.member("tags.member.value", value, VALUE),
        is_transitive: false,
    });
    (tags, checks.list("TransitiveTagKeys", 50, KEY))
}

fn check_tags(
    (mut tags, transitive): (Vec<SessionTag>, Vec<String>),
) -> Result<Vec<SessionTag>, Fault> {
    let mut seen = std::collections::HashSet::new();
    for tag in &tags {
        if !seen.insert(tag.key.to_lowercase()) {
            let message =
                "Duplicate tag keys found. Please note that Tag keys are case insensitive.";
            return Err(invalid(message));
        }
        if has_reserved_prefix(&tag.key) {
            return Err(invalid(format!("The tag key {} begins with 'aws:'", tag.key)));
        }
    }
    for key in transitive {
        match tags.iter_mut().find(|tag| tag.key.to_lowercase() == key.to_lowercase()) {
            Some(tag) => tag.is_transitive = true,
            None => {
                let message =
                    "The specified transitive tag key must be included in the requested tags.";
                return Err(invalid(message));
            }
        }
    }
    Ok(tags)
}

fn has_reserved_prefix(text: &str) -> bool {
    text.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("aws:"))
}

fn invalid(message: impl Into<String>) -> Fault {
    Fault::new(FaultCode::InvalidParameterValue, message)
}

/// A second factor that is not checked must not look as if it were.
fn refuse_second_factor(query: &mut Query) -> Result<(), Fault> {
    let given = ["SerialNumber", "TokenCode"].map(|name| query.take(name));
    if given.iter().all(Option::is_none) {
        return Ok(());
    }
    let message = "MultiFactorAuthentication failed: this service checks no MFA codes; leave out \
                   SerialNumber and TokenCode";
    Err(Fault::new(FaultCode::AccessDenied, message))
}
