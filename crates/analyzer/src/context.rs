//! Which condition keys a log can tell, in one place.
//!
//! A key that policies refer to is *known* when the log says it or when it follows from the caller
//! and the API, and *unknown* otherwise: tags, multi-factor authentication, the referer, and whether
//! the connection was encrypted, which it need not be where tollgate's own gateway wrote the log. A
//! decision that depends on an unknown key is `indeterminate`, never guessed; who knows better may
//! assume a value, or that there is none.

use std::net::IpAddr;

use jiff::Timestamp;
use tollgate_log::{Field, Projection};
use tollgate_policy::{
    Key, Policies, PolicyDocument, PolicySet, Principal, PrincipalKind, Value, key,
};
use tollgate_store::{Account, ApiEntry, Applicable};

use crate::assumption::{Assumption, Suppose};
use crate::compared::{Compared, Kind};
use crate::intern::{Interner, OTHER_NUMBER};
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
    /// As [`Origin::Principal`], unless the principal is a session of a role that the account does not
    /// know: the role may have a path.
    PrincipalArn,
    /// As [`Origin::Principal`], if the log or the account tells the caller's unique id.
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
    (key::PRINCIPAL_ARN, Origin::PrincipalArn),
    (key::PRINCIPAL_ACCOUNT, Origin::Principal),
    (key::PRINCIPAL_TYPE, Origin::Principal),
    (key::USERNAME, Origin::Principal),
    (key::USER_ID, Origin::UserId),
    (Key::new("aws:PrincipalIsAWSService"), Origin::Unknown),
];

/// The columns that the policies of an account may look at, beside those of callers, paths and times.
pub(crate) fn columns(account: &Account) -> Projection {
    let keys = ReferencedKeys::of_account(account);
    Projection::of(keys.0.iter().filter_map(|key| key.origin.column()))
}

/// The names of the keys that the policies of an account refer to.
pub(crate) fn referenced_keys(account: &Account) -> Vec<&str> {
    ReferencedKeys::of_account(account).0.iter().map(|referenced| referenced.key.name()).collect()
}

/// The keys that a list of policies refers to, each once, with where their values come from.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReferencedKeys<'a>(Vec<Referenced<'a>>);

/// Who called.
#[derive(Clone, Copy)]
pub(crate) enum Who<'r> {
    /// Nobody: the request was not signed.
    Nobody,
    /// Somebody whose ARN is not known, but perhaps the unique id.
    Unnamed(Option<&'r str>),
    /// A principal, with what is known of it beside its ARN.
    Named(Principal<'r>),
}

impl<'r> Who<'r> {
    /// Whom the policies are asked about.
    pub(crate) fn principal(self) -> Principal<'r> {
        match self {
            Who::Named(principal) => principal,
            Who::Nobody | Who::Unnamed(_) => Principal::ANONYMOUS,
        }
    }
}

/// Keys that only those who signed have, beside those that begin with `aws:Principal`.
const OF_PRINCIPALS: [Key<'static>; 8] = [
    key::USER_ID,
    key::USERNAME,
    key::MULTI_FACTOR_AUTH_AGE,
    key::MULTI_FACTOR_AUTH_PRESENT,
    key::SOURCE_IDENTITY,
    key::TOKEN_ISSUE_TIME,
    Key::new("aws:AssumedRoot"),
    Key::new("aws:FederatedProvider"),
];

fn is_of_principals(key: Key<'_>) -> bool {
    const BEGINNING: &str = "aws:Principal";
    let begins = key.name().get(..BEGINNING.len());
    begins.is_some_and(|begins| begins.eq_ignore_ascii_case(BEGINNING))
        || OF_PRINCIPALS.contains(&key)
}

/// A key, where its value comes from, and what to take for it where the log does not tell.
#[derive(Clone, Debug)]
struct Referenced<'a> {
    key: Key<'a>,
    origin: Origin,
    /// What the account knows.
    known: Value<'a>,
    assumed: Option<Value<'a>>,
    compared: Compared,
}

/// Some of the keys that a list of policies refers to: a bit for each, by its place. Those beyond share
/// the last bit, so that all of them are among some if one is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct KeySet(u64);

impl KeySet {
    fn bit(place: usize) -> u64 {
        1 << place.min(63)
    }

    fn has(self, place: usize) -> bool {
        self.0 & Self::bit(place) != 0
    }

    /// Whether it is none of them.
    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl<'a> ReferencedKeys<'a> {
    /// The keys of all policies of an account.
    fn of_account(account: &'a Account) -> ReferencedKeys<'a> {
        let mut keys = ReferencedKeys::default();
        account.policy_sets().for_each(|set| keys.add_set(set));
        keys
    }

    /// The keys of all layers. Where the log does not tell their values, the account may know the
    /// tags of the caller, and then `assumed` is asked.
    pub(crate) fn of(
        policies: &Policies<'a>,
        applicable: &Applicable<'a>,
        assumed: &'a [Assumption],
    ) -> ReferencedKeys<'a> {
        let mut keys = ReferencedKeys::default();
        policies.sets().for_each(|set| keys.add_set(set));
        for referenced in &mut keys.0 {
            referenced.known = tag(applicable, referenced.key);
            let same = |it: &&Assumption| Key::new(&it.key) == referenced.key;
            referenced.assumed = assumed.iter().find(same).map(Assumption::value);
        }
        keys
    }

    /// Whether something is assumed of some of them.
    pub(crate) fn are_assumed(&self) -> bool {
        self.0.iter().any(|key| key.assumed.is_some())
    }

    fn add_set(&mut self, set: &'a PolicySet) {
        for statement in set.documents().iter().flat_map(PolicyDocument::statements) {
            for condition in &statement.conditions {
                let referenced = self.add(&condition.key.value);
                referenced.compared.note(condition, referenced.origin.kind());
                condition.values.iter().for_each(|value| self.add_variables(&value.value));
            }
            let patterns = statement.resource.iter().flat_map(|element| &element.patterns);
            patterns.for_each(|pattern| self.add_variables(&pattern.value));
        }
    }

    fn add_variables(&mut self, text: &'a str) {
        variables(text).for_each(|name| self.add(name).compared.note_any());
    }

    #[expect(clippy::indexing_slicing, reason = "the place is that of a key found or just added")]
    fn add(&mut self, name: &'a str) -> &mut Referenced<'a> {
        let key = Key::new(name);
        let known = self.0.iter().position(|known| known.key == key);
        let place = known.unwrap_or_else(|| {
            let known = ORIGINS.iter().find(|(known, _)| *known == key);
            let origin = known.map_or(Origin::Unknown, |(_, origin)| *origin);
            let compared = Compared::default();
            self.0.push(Referenced { key, origin, known: Value::Unknown, assumed: None, compared });
            self.0.len() - 1
        });
        &mut self.0[place]
    }

    /// Whether some key follows from the caller, so that callers may be told apart by it.
    pub(crate) fn tell_callers_apart(&self) -> bool {
        self.0.iter().any(|key| {
            matches!(key.origin, Origin::Principal | Origin::PrincipalArn | Origin::UserId)
        })
    }

    /// Which of them some keys are.
    pub(crate) fn among<'k>(&self, keys: impl IntoIterator<Item = Key<'k>>) -> KeySet {
        let place = |key| self.0.iter().position(|known| known.key == key);
        let places = keys.into_iter().filter_map(place);
        KeySet(places.fold(0, |set, place| set | KeySet::bit(place)))
    }

    /// Calls `each` with a number for every value of some keys that differs from row to row: rows with
    /// the same numbers have values that the policies cannot tell apart. `None` if there are too many
    /// values.
    #[inline]
    pub(crate) fn numbers(
        &self,
        keys: KeySet,
        row: Row<'_, '_>,
        known: &mut ValueNumbers,
        mut each: impl FnMut(u32) -> Option<()>,
    ) -> Option<()> {
        let mut asked = self.0.iter().enumerate().filter(|(place, _)| keys.has(*place));
        asked.try_for_each(|(_, referenced)| match referenced.number(row, known)? {
            Some(number) => each(number),
            None => Some(()),
        })
    }

    /// Each key with its value in a row, to be set in the request's context; keys that follow from
    /// the principal are left to the evaluator, unless too little of the caller is known.
    pub(crate) fn values<'r>(
        &'r self,
        row: Row<'r, 'r>,
        api: Option<&'r ApiEntry>,
        who: Who<'r>,
        suppose: Suppose,
    ) -> impl Iterator<Item = (Key<'a>, Value<'r>)> {
        self.0.iter().filter_map(move |referenced| {
            if suppose == Suppose::Nothing && referenced.assumed.is_some() {
                return Some((referenced.key, Value::Unknown));
            }
            let value = match (who, referenced.origin.value(row, api, who)?) {
                (Who::Nobody, _) if is_of_principals(referenced.key) => Value::Absent,
                (_, Value::Unknown) => referenced.supposed(suppose),
                (_, told) => told,
            };
            Some((referenced.key, value))
        })
    }
}

/// The keys of a policy text's variables, `${key}` and `${key, 'default'}`.
pub fn variables(text: &str) -> impl Iterator<Item = &str> {
    let names = text.split("${").skip(1).map(|piece| {
        let inside = piece.split_once('}').map_or("", |(inside, _)| inside);
        inside.split_once(',').map_or(inside, |(name, _)| name).trim()
    });
    names.filter(|name| !matches!(*name, "" | "*" | "?" | "$"))
}

impl<'a> Referenced<'a> {
    /// What is supposed where the log does not tell.
    fn supposed(&self, suppose: Suppose) -> Value<'a> {
        match self.assumed.filter(|_| suppose == Suppose::Assumed) {
            Some(assumed) if self.known == Value::Unknown => assumed,
            _ => self.known,
        }
    }

    /// The number of a row's value: `Some(None)` if no row differs from another, `None` if there are
    /// too many values.
    #[inline]
    fn number(&self, row: Row<'_, '_>, known: &mut ValueNumbers) -> Option<Option<u32>> {
        let text = match self.origin {
            Origin::SourceIp => {
                let text = row.source_ip();
                if let Some(number) = text.and_then(|text| self.compared.address(text)) {
                    return Some(Some(number));
                }
                text
            }
            Origin::UserAgent => row.user_agent(),
            Origin::Organization => row.organization(),
            Origin::Vpc => row.vpc(),
            Origin::VpcEndpoint => row.vpc_endpoint(),
            Origin::UserId => row.caller_id(),
            Origin::Time => return Some(Some(self.interval(row.time(), moment)?)),
            Origin::EpochTime => return Some(Some(self.interval(row.time(), second)?)),
            Origin::ResourceAccount
            | Origin::RequestedRegion
            | Origin::Principal
            | Origin::PrincipalArn
            | Origin::Unknown => return Some(None),
        };
        Some(Some(text.map_or(Some(UNTOLD_NUMBER), |text| known.number(self.origin, text))?))
    }

    /// Where a moment stands among those that it is compared with.
    fn interval(&self, time: Option<i64>, read: impl Fn(i64) -> Option<Timestamp>) -> Option<u32> {
        let Some(time) = time else { return Some(UNTOLD_NUMBER) };
        self.compared.moment(read(time)?)
    }
}

/// The number of a value that the log does not tell.
const UNTOLD_NUMBER: u32 = u32::MAX;

/// The most values of one key that are told apart.
const VALUES_MAX: usize = 1 << 16;

/// Numbers for the values of keys.
#[derive(Clone, Default)]
pub(crate) struct ValueNumbers(Vec<(Origin, Interner)>);

impl ValueNumbers {
    fn number(&mut self, origin: Origin, text: &str) -> Option<u32> {
        let known = self.0.iter_mut().find(|(known, _)| *known == origin);
        let number = match known {
            Some((_, interner)) => interner.number(text),
            None => {
                let mut interner = Interner::new(VALUES_MAX);
                let number = interner.number(text);
                self.0.push((origin, interner));
                number
            }
        };
        Some(number).filter(|number| *number != OTHER_NUMBER)
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
    /// The column that the value is, if nothing else is made of that.
    fn column(self) -> Option<Field> {
        match self {
            Origin::SourceIp => Some(Field::SourceIp),
            Origin::UserAgent => Some(Field::UserAgent),
            Origin::Organization => Some(Field::PrincipalOrgId),
            Origin::Vpc => Some(Field::VpcId),
            Origin::VpcEndpoint => Some(Field::VpceId),
            _ => None,
        }
    }

    fn kind(self) -> Kind {
        match self {
            Origin::Time | Origin::EpochTime => Kind::Moment,
            Origin::SourceIp => Kind::Address,
            _ => Kind::Text,
        }
    }

    /// The value in a row; `None` to leave it to the evaluator.
    fn value<'r>(
        self,
        row: Row<'r, 'r>,
        api: Option<&'r ApiEntry>,
        who: Who<'r>,
    ) -> Option<Value<'r>> {
        let known = match self {
            Origin::SourceIp => row.source_ip().map(address),
            Origin::UserAgent => row.user_agent().map(Value::Text),
            Origin::Time => row.time().and_then(moment).map(Value::Time),
            Origin::EpochTime => row.time().map(|ms| Value::Integer(ms.div_euclid(1000))),
            Origin::Organization => row.organization().map(Value::Text),
            Origin::Vpc => row.vpc().map(of_private_api),
            Origin::VpcEndpoint => row.vpc_endpoint().map(of_private_api),
            Origin::ResourceAccount => api.map(|api| Value::Text(api.api().account)),
            Origin::RequestedRegion => api.map(|api| Value::Text(api.api().region)),
            Origin::Principal | Origin::PrincipalArn | Origin::UserId => return self.of(who),
            Origin::Unknown => None,
        };
        Some(known.unwrap_or(Value::Unknown))
    }

    /// The value that follows from who called; `None` to leave it to the evaluator.
    fn of(self, who: Who<'_>) -> Option<Value<'_>> {
        let told = match (self, who) {
            // The evaluator knows the id of principals alone.
            (Origin::UserId, Who::Unnamed(id)) => id.map(Value::Text),
            (_, Who::Unnamed(_)) => None,
            (Origin::UserId, Who::Named(principal)) => {
                return principal.unique_id().is_none().then_some(Value::Unknown);
            }
            (Origin::PrincipalArn, Who::Named(principal)) => {
                match (principal.kind(), principal.role()) {
                    (PrincipalKind::RoleSession { .. }, role) => {
                        role.map(|role| Value::Text(role.arn))
                    }
                    _ => return None,
                }
            }
            (_, Who::Nobody | Who::Named(_)) => return None,
        };
        Some(told.unwrap_or(Value::Unknown))
    }
}

/// An address, as the evaluator likes it best; text that is none stays text.
fn address(text: &str) -> Value<'_> {
    text.parse::<IpAddr>().map_or(Value::Text(text), Value::Ip)
}

/// A value that API Gateway logs for every call of a private API, and as `-` for others: those can come
/// through no VPC endpoint, and then AWS has no such key. The `-` of other keys proves nothing: a
/// client may send it as its user agent.
fn of_private_api(text: &str) -> Value<'_> {
    if text == "-" { Value::Absent } else { Value::Text(text) }
}

fn moment(ms: i64) -> Option<Timestamp> {
    Timestamp::from_millisecond(ms).ok()
}

/// The moment that a number of seconds is compared as; small numbers are read otherwise.
fn second(ms: i64) -> Option<Timestamp> {
    let second = ms.div_euclid(1000);
    if second < 10_000 { None } else { Timestamp::from_second(second).ok() }
}
