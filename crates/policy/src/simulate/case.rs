//! Decoding a case: the envelope with serde, every policy by the parser.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::str::Utf8Error;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value as Json;
use serde_json::value::RawValue;

use crate::document::{PolicyDocument, PolicyType};
use crate::error::PolicyErrors;
use crate::key::Key;
use crate::layers::{AuthorizationType, Documents};
use crate::principal::Principal;
use crate::request::{Request, Value};
use crate::span::Position;

/// A case, read: its policies and, owned, its request.
#[derive(Clone, Debug)]
pub struct Case {
    /// The case's `id`, repeated in the answer; `null` when it has none.
    pub id: Json,
    /// The policies, layer by layer.
    pub documents: Documents,
    principal: String,
    session_issuer: Option<String>,
    action: String,
    resource: String,
    resource_account: Option<String>,
    context: Vec<(String, Known)>,
}

/// What a case says of a context key.
#[derive(Clone, Debug)]
enum Known {
    One(String),
    Set(Vec<Cow<'static, str>>),
    Unknown,
}

/// What is wrong with a case.
#[derive(Clone, Debug, PartialEq)]
pub struct CaseError {
    /// The case's `id` as far as it could be read, else `null`.
    pub id: Json,
    /// What is wrong: lower case, what was found in back-ticks, what was expected.
    pub message: String,
    /// Which policy is wrong; `None` when it is the case around the policies.
    pub place: Option<PolicyPlace>,
    /// Where: in the text of that policy, or of the case.
    pub position: Option<Position>,
}

/// Which policy of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicyPlace {
    /// Its layer; a role's trust policy is in the layer of the resource policy.
    pub policy_type: PolicyType,
    /// The level of a control policy, from 0 at the root; 0 otherwise.
    pub level: usize,
    /// Which policy of the layer (and level), from 0.
    pub policy: usize,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(default)]
    id: Json,
    #[serde(borrow)]
    policies: RawPolicies<'a>,
    #[serde(borrow)]
    request: RawRequest<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawPolicies<'a> {
    #[serde(borrow, default)]
    identity: Vec<&'a RawValue>,
    #[serde(borrow)]
    resource: Option<&'a RawValue>,
    #[serde(borrow, default)]
    permissions_boundary: Vec<&'a RawValue>,
    #[serde(borrow)]
    session: Option<&'a RawValue>,
    #[serde(borrow, default)]
    service_control: Vec<Vec<&'a RawValue>>,
    #[serde(borrow, default)]
    resource_control: Vec<Vec<&'a RawValue>>,
    #[serde(borrow)]
    vpc_endpoint: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawRequest<'a> {
    principal: String,
    session_issuer: Option<String>,
    action: String,
    resource: String,
    resource_account: Option<String>,
    #[serde(default)]
    authorization_type: RawAuthorizationType,
    #[serde(borrow, default)]
    context: RawContext<'a>,
    #[serde(default)]
    unknown: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum RawAuthorizationType {
    #[default]
    AwsIam,
    None,
}

impl Case {
    /// Reads a case.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong: with the JSON, with a member of `policies` or `request`, with
    /// a policy (the first of its errors), with the principal or the action, or a context key given twice.
    pub fn parse(line: &str) -> Result<Case, CaseError> {
        let Envelope { id, policies, request } =
            serde_json::from_str(line).map_err(|error| CaseError::of_json(line, &error))?;
        let trust = is_decided_by_trust(&request.action);
        let authorization_type = match request.authorization_type {
            RawAuthorizationType::AwsIam => AuthorizationType::AwsIam,
            RawAuthorizationType::None => AuthorizationType::None,
        };
        read_policies(&policies, trust, authorization_type)
            .and_then(|documents| Case::with(documents, request))
            .map(|case| Case { id: id.clone(), ..case })
            .map_err(|error| CaseError { id, ..error })
    }

    fn with(documents: Documents, raw: RawRequest<'_>) -> Result<Case, CaseError> {
        check_principal(&raw.principal)?;
        check_action(&raw.action).map_err(|expected| {
            CaseError::new(format!("expected action to be {expected}, found `{}`", raw.action))
        })?;
        Ok(Case {
            id: Json::Null,
            documents,
            context: read_context(raw.context, raw.unknown)?,
            principal: raw.principal,
            session_issuer: raw.session_issuer,
            action: raw.action,
            resource: raw.resource,
            resource_account: raw.resource_account,
        })
    }

    /// The request of the case.
    pub fn request(&self) -> Request<'_> {
        let principal = Principal::parse(&self.principal).unwrap_or(Principal::ANONYMOUS);
        let principal = match &self.session_issuer {
            Some(issuer) => principal.issued_by(issuer),
            None => principal,
        };
        let mut request = Request::new(principal, &self.action, &self.resource);
        if let Some(account) = &self.resource_account {
            request = request.with_resource_account(account);
        }
        for (key, known) in &self.context {
            request.context.set(Key::new(key), known.as_value());
        }
        request
    }
}

impl Known {
    fn as_value(&self) -> Value<'_> {
        match self {
            Known::One(text) => Value::Text(text),
            Known::Set(values) => Value::Set(values),
            Known::Unknown => Value::Unknown,
        }
    }
}

/// Whether the action assumes a role, so that the resource's policy is the role's trust policy.
///
/// Source: IAM User Guide, `id_roles_manage-assume-role` and `id_session-tags`.
pub fn is_decided_by_trust(action: &str) -> bool {
    let action = action.to_ascii_lowercase();
    action.starts_with("sts:assumerole")
        || ["sts:tagsession", "sts:setsourceidentity"].contains(&action.as_str())
}

/// Refuses an action that is no `service:Name`, and says what is expected: a policy names no action without
/// the colon, so the answer would always be no.
///
/// # Errors
/// What is expected in its place.
pub fn check_action(action: &str) -> Result<(), &'static str> {
    match action.split_once(':') {
        Some((service, name)) if !service.is_empty() && !name.is_empty() => Ok(()),
        _ => Err("`service:Name`, such as `execute-api:Invoke`"),
    }
}

fn check_principal(text: &str) -> Result<(), CaseError> {
    match Principal::parse(text) {
        Some(_) => Ok(()),
        None => Err(CaseError::new(format!(
            "expected principal to be an ARN, `anonymous`, a service such as `lambda.amazonaws.com` \
             or the domain name of an identity provider, found `{text}`"
        ))),
    }
}

/// Reads every policy of every layer; the first error ends it.
fn read_policies(
    raw: &RawPolicies<'_>,
    trust: bool,
    authorization_type: AuthorizationType,
) -> Result<Documents, CaseError> {
    Ok(Documents {
        identity: read_level(&raw.identity, PolicyType::Identity, 0)?,
        resource: read_resource(raw.resource, trust)?,
        permissions_boundary: read_level(
            &raw.permissions_boundary,
            PolicyType::PermissionsBoundary,
            0,
        )?,
        session: read_one(raw.session, PolicyType::Session)?,
        service_control: read_levels(&raw.service_control, PolicyType::ServiceControl)?,
        resource_control: read_levels(&raw.resource_control, PolicyType::ResourceControl)?,
        vpc_endpoint: read_one(raw.vpc_endpoint, PolicyType::VpcEndpoint)?,
        authorization_type,
    })
}

/// The resource's policy, which is a trust policy if the resource is a role to be assumed.
fn read_resource(
    policy: Option<&RawValue>,
    trust: bool,
) -> Result<Option<PolicyDocument>, CaseError> {
    let place = PolicyPlace { policy_type: PolicyType::Resource, level: 0, policy: 0 };
    let policy_type = if trust { PolicyType::RoleTrust } else { PolicyType::Resource };
    policy.map(|policy| read_policy(policy, policy_type, place)).transpose()
}

fn read_one(
    policy: Option<&RawValue>,
    policy_type: PolicyType,
) -> Result<Option<PolicyDocument>, CaseError> {
    let place = PolicyPlace { policy_type, level: 0, policy: 0 };
    policy.map(|policy| read_policy(policy, policy_type, place)).transpose()
}

fn read_levels(
    levels: &[Vec<&RawValue>],
    policy_type: PolicyType,
) -> Result<Vec<Vec<PolicyDocument>>, CaseError> {
    let levels = levels.iter().enumerate();
    levels.map(|(level, policies)| read_level(policies, policy_type, level)).collect()
}

fn read_level(
    policies: &[&RawValue],
    policy_type: PolicyType,
    level: usize,
) -> Result<Vec<PolicyDocument>, CaseError> {
    let policies = policies.iter().enumerate();
    policies
        .map(|(policy, text)| {
            read_policy(text, policy_type, PolicyPlace { policy_type, level, policy })
        })
        .collect()
}

fn read_policy(
    policy: &RawValue,
    policy_type: PolicyType,
    place: PolicyPlace,
) -> Result<PolicyDocument, CaseError> {
    PolicyDocument::parse(policy.get(), policy_type).map_err(|errors| CaseError {
        id: Json::Null,
        message: message_of(&errors),
        place: Some(place),
        position: Some(errors.first().position),
    })
}

/// The first error with what to do about it, and how many there are beside it.
fn message_of(errors: &PolicyErrors) -> String {
    let first = errors.first();
    let others = match errors.errors().len() + errors.more() - 1 {
        0 => String::new(),
        1 => ", and 1 more error".to_owned(),
        others => format!(", and {others} more errors"),
    };
    match first.help() {
        Some(help) => format!("{}: {help}{others}", first.message),
        None => format!("{}{others}", first.message),
    }
}

/// The known and unknown context keys in one list, each key once.
fn read_context(
    raw: RawContext<'_>,
    unknown: Vec<String>,
) -> Result<Vec<(String, Known)>, CaseError> {
    let mut context: BTreeMap<String, (String, Known)> = BTreeMap::new();
    for key in unknown {
        context.insert(key.to_ascii_lowercase(), (key, Known::Unknown));
    }
    for (key, value) in raw.0 {
        let known = read_known(&key, value)?;
        let entry = (key.clone(), known);
        if context.insert(key.to_ascii_lowercase(), entry).is_some() {
            return Err(CaseError::new(format!(
                "context key `{key}` is given twice; key names are case-insensitive"
            )));
        }
    }
    Ok(context.into_values().collect())
}

/// A context value: a string, number or boolean, or a list of them. Numbers keep their text.
fn read_known(key: &str, value: &RawValue) -> Result<Known, CaseError> {
    let wrong = || {
        CaseError::new(format!(
            "expected context key `{key}` to be a string, number, boolean or a list of these, \
             found `{value}`"
        ))
    };
    match serde_json::from_str::<Vec<&RawValue>>(value.get()) {
        Ok(values) => {
            let texts = values.into_iter().map(|value| read_scalar(value).map(Cow::Owned));
            texts.collect::<Option<_>>().map(Known::Set).ok_or_else(wrong)
        }
        Err(_) => read_scalar(value).map(Known::One).ok_or_else(wrong),
    }
}

fn read_scalar(value: &RawValue) -> Option<String> {
    match serde_json::from_str(value.get()).ok()? {
        Json::String(text) => Some(text),
        Json::Number(_) | Json::Bool(_) => Some(value.get().to_owned()),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}

impl CaseError {
    fn new(message: String) -> CaseError {
        CaseError { id: Json::Null, message, place: None, position: None }
    }

    pub(super) fn of_bytes(line: &[u8], error: Utf8Error) -> CaseError {
        let valid = line.get(..error.valid_up_to()).and_then(|valid| str::from_utf8(valid).ok());
        let position = valid.map(|valid| Position::of(valid, valid.len()));
        CaseError { position, ..CaseError::new("the case is not UTF-8".to_owned()) }
    }

    /// An error of the JSON around the policies. Its id is read if the rest allows it.
    fn of_json(line: &str, error: &serde_json::Error) -> CaseError {
        #[derive(Deserialize)]
        struct Named {
            id: Json,
        }
        let text = error.to_string();
        let message = text.split(" at line ").next().unwrap_or(&text).to_owned();
        let as_number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let position =
            Position { line: as_number(error.line()), column: as_number(error.column()) };
        CaseError {
            id: serde_json::from_str(line).map_or(Json::Null, |named: Named| named.id),
            message,
            place: None,
            position: Some(position),
        }
    }
}

impl fmt::Display for CaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = self.place {
            write!(f, "{} {}: ", place.policy_type, place.policy)?;
        }
        f.write_str(&self.message)?;
        match self.position {
            Some(position) => write!(f, " at {position}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for CaseError {}

/// The members of a JSON object in order, repeated ones included, so that none is dropped.
#[derive(Default)]
struct RawContext<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for RawContext<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = RawContext<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of context keys and values")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawContext<'de>, A::Error> {
                let mut members = vec![];
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(RawContext(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}
