//! Which condition keys a log can tell, in one place.
//!
//! A key that policies refer to is *known* when the log says it or when it follows from the caller
//! and the API, and *unknown* otherwise: tags, multi-factor authentication, the referer. A decision
//! that depends on an unknown key is `indeterminate`, never guessed; who knows better may assume a
//! value.

use std::net::IpAddr;

use jiff::Timestamp;
use tollgate_policy::{Key, Policies, PolicyDocument, PolicySet, Value, key};
use tollgate_store::{ApiEntry, Applicable};

use crate::rows::Row;

/// Where the value of a key comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    SourceIp,
    UserAgent,
    Time,
    EpochTime,
    Organization,
    Vpc,
    VpcEndpoint,
    ResourceAccount,
    RequestedRegion,
    /// The evaluator derives it from the principal.
    Principal,
    /// As [`Origin::Principal`], if the log tells the caller's unique id.
    UserId,
    /// No log tells it.
    Unknown,
}

const ORIGINS: [(Key<'static>, Origin); 15] = [
    (key::SOURCE_IP, Origin::SourceIp),
    (key::USER_AGENT, Origin::UserAgent),
    (key::CURRENT_TIME, Origin::Time),
    (key::EPOCH_TIME, Origin::EpochTime),
    (key::PRINCIPAL_ORG_ID, Origin::Organization),
    (key::SOURCE_VPC, Origin::Vpc),
    (key::SOURCE_VPCE, Origin::VpcEndpoint),
    (key::RESOURCE_ACCOUNT, Origin::ResourceAccount),
    (key::REQUESTED_REGION, Origin::RequestedRegion),
    (key::PRINCIPAL_ARN, Origin::Principal),
    (key::PRINCIPAL_ACCOUNT, Origin::Principal),
    (key::PRINCIPAL_TYPE, Origin::Principal),
    (key::USERNAME, Origin::Principal),
    (key::USER_ID, Origin::UserId),
    (Key::new("aws:PrincipalIsAWSService"), Origin::Unknown),
];

/// The keys that a list of policies refers to, each once, with where their values come from.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReferencedKeys<'a>(Vec<Referenced<'a>>);

/// A key, where its value comes from, and what to take for it where the log does not tell.
#[derive(Clone, Debug)]
struct Referenced<'a> {
    key: Key<'a>,
    origin: Origin,
    assumed: Value<'a>,
}

/// A context key and the value to assume for it where the log does not tell.
pub type Assumption = (String, String);

impl<'a> ReferencedKeys<'a> {
    /// The keys of all layers. Where the log does not tell their values, the account may know the
    /// tags of the caller, and then `assumed` is asked.
    pub(crate) fn of(
        policies: &Policies<'a>,
        applicable: &Applicable<'a>,
        assumed: &'a [Assumption],
    ) -> ReferencedKeys<'a> {
        let mut keys = ReferencedKeys::default();
        let layers = [
            policies.identity,
            policies.resource,
            policies.permissions_boundary,
            policies.session,
            policies.vpc_endpoint,
        ];
        let levels = policies.service_control.iter().chain(policies.resource_control);
        for set in layers.into_iter().flatten().chain(levels.map(|level| &**level)) {
            keys.add_set(set);
        }
        for referenced in &mut keys.0 {
            referenced.assumed = tag(applicable, referenced.key);
            if referenced.assumed != Value::Unknown {
                continue;
            }
            let same = |(name, _): &&Assumption| Key::new(name) == referenced.key;
            if let Some((_, value)) = assumed.iter().find(same) {
                referenced.assumed = Value::Text(value);
            }
        }
        keys
    }

    fn add_set(&mut self, set: &'a PolicySet) {
        for statement in set.documents().iter().flat_map(PolicyDocument::statements) {
            for condition in &statement.conditions {
                self.add(&condition.key.value);
                condition.values.iter().for_each(|value| self.add_variables(&value.value));
            }
            let patterns = statement.resource.iter().flat_map(|element| &element.patterns);
            patterns.for_each(|pattern| self.add_variables(&pattern.value));
        }
    }

    /// The variables of a text, `${key}` and `${key, 'default'}`.
    fn add_variables(&mut self, text: &'a str) {
        for piece in text.split("${").skip(1) {
            let inside = piece.split_once('}').map_or("", |(inside, _)| inside);
            let name = inside.split_once(',').map_or(inside, |(name, _)| name).trim();
            if !matches!(name, "" | "*" | "?" | "$") {
                self.add(name);
            }
        }
    }

    fn add(&mut self, name: &'a str) {
        let key = Key::new(name);
        if self.0.iter().any(|known| known.key == key) {
            return;
        }
        let origin = ORIGINS.iter().find(|(known, _)| *known == key).map(|(_, origin)| *origin);
        let origin = origin.unwrap_or(Origin::Unknown);
        self.0.push(Referenced { key, origin, assumed: Value::Unknown });
    }

    /// Each key with its value in a row, to be set in the request's context; keys that follow from
    /// the principal are left to the evaluator, unless the caller is not known by an ARN.
    pub(crate) fn values<'r>(
        &'r self,
        row: Row<'r, 'r>,
        api: Option<&'r ApiEntry>,
        identified: bool,
    ) -> impl Iterator<Item = (Key<'r>, Value<'r>)> {
        self.0.iter().filter_map(move |referenced| {
            let told = referenced.origin.value(row, api, identified)?;
            let value = if told == Value::Unknown { referenced.assumed } else { told };
            Some((referenced.key, value))
        })
    }
}

/// The value of a key `aws:PrincipalTag/NAME`, if the account knows the caller and its tags.
fn tag<'a>(applicable: &Applicable<'a>, key: Key<'_>) -> Value<'a> {
    match (applicable.subject(), key.name().split_once('/')) {
        (Some(_), Some((prefix, name))) if prefix.eq_ignore_ascii_case("aws:PrincipalTag") => {
            applicable.principal_tag(name)
        }
        _ => Value::Unknown,
    }
}

impl Origin {
    /// The value in a row; `None` to leave it to the evaluator.
    fn value<'r>(
        self,
        row: Row<'r, 'r>,
        api: Option<&'r ApiEntry>,
        identified: bool,
    ) -> Option<Value<'r>> {
        let known = match self {
            Origin::SourceIp => row.source_ip().map(address),
            Origin::UserAgent => row.user_agent().map(Value::Text),
            Origin::Time => row.time().and_then(moment).map(Value::Time),
            Origin::EpochTime => row.time().map(|ms| Value::Integer(ms.div_euclid(1000))),
            Origin::Organization => row.organization().map(Value::Text),
            Origin::Vpc => row.vpc().map(Value::Text),
            Origin::VpcEndpoint => row.vpc_endpoint().map(Value::Text),
            Origin::ResourceAccount => api.map(|api| Value::Text(api.api().account)),
            Origin::RequestedRegion => api.map(|api| Value::Text(api.api().region)),
            Origin::Principal if identified => return None,
            Origin::UserId if identified && row.caller_id().is_some() => return None,
            Origin::Principal | Origin::UserId | Origin::Unknown => None,
        };
        Some(known.unwrap_or(Value::Unknown))
    }
}

/// An address, as the evaluator likes it best; text that is none stays text.
fn address(text: &str) -> Value<'_> {
    text.parse::<IpAddr>().map_or(Value::Text(text), Value::Ip)
}

fn moment(ms: i64) -> Option<Timestamp> {
    Timestamp::from_millisecond(ms).ok()
}
