//! What is asked: who wants to do what with which resource, and what is known about the call.

use std::borrow::Cow;
use std::net::IpAddr;
use std::num::NonZeroU64;

use jiff::Timestamp;
use smallvec::SmallVec;

use crate::arn::ResourceParts;
use crate::key::{Key, hash_service_and_all};
use crate::principal::Principal;

/// One request to decide. It borrows everything, so making one allocates nothing as long as the
/// context has at most [`Context::INLINE`] keys.
///
/// ```
/// use tollgate_policy::{Principal, Request, key};
///
/// let principal = Principal::parse("arn:aws:sts::111122223333:assumed-role/reader/ana").unwrap();
/// let request = Request::new(
///     principal,
///     "execute-api:Invoke",
///     "arn:aws:execute-api:eu-west-1:111122223333:a1b2c3/prod/GET/pets",
/// )
/// .with(key::SOURCE_IP, "10.0.0.5")
/// .with(key::SECURE_TRANSPORT, true);
/// assert_eq!(request.resource_account(), Some("111122223333"));
/// ```
#[derive(Clone, Debug)]
pub struct Request<'a> {
    pub(crate) principal: Principal<'a>,
    pub(crate) action: Action<'a>,
    pub(crate) resource: &'a str,
    /// What is asked of an API, `ID/STAGE/METHOD/path`; `None` if the resource is not an API's.
    pub(crate) api: Option<&'a str>,
    /// The account that owns the resource, where the caller or the ARN says.
    pub(crate) owner: Option<&'a str>,
    /// What is known about the call.
    pub context: Context<'a>,
}

impl<'a> Request<'a> {
    /// A request with an empty context. `action` is `service:Name`, as text or as an [`Action`];
    /// `resource` is the concrete ARN, in which `*`, `?` and `${` are ordinary characters (or `*`
    /// for an action without resource).
    #[inline]
    pub fn new(
        principal: Principal<'a>,
        action: impl Into<Action<'a>>,
        resource: &'a str,
    ) -> Request<'a> {
        let ResourceParts { account, api } = ResourceParts::of(resource);
        Request {
            principal,
            action: action.into(),
            resource,
            api,
            owner: account,
            context: Context::new(),
        }
    }

    /// Makes another request of this one, with an empty context again: cheaper than a new one where
    /// many are decided one after the other.
    #[inline]
    pub fn renew(
        &mut self,
        principal: Principal<'a>,
        action: impl Into<Action<'a>>,
        resource: &'a str,
    ) {
        self.principal = principal;
        self.action = action.into();
        self.resource = resource;
        let ResourceParts { account, api } = ResourceParts::of(resource);
        self.api = api;
        self.owner = account;
        self.context.clear();
    }

    /// Adds a context value; see [`Context::set`].
    #[must_use]
    #[inline]
    pub fn with(mut self, key: Key<'a>, value: impl Into<Value<'a>>) -> Request<'a> {
        self.context.set(key, value);
        self
    }

    /// Says which account owns the resource, for resources whose ARN does not (S3, for example).
    #[must_use]
    pub fn with_resource_account(mut self, account: &'a str) -> Request<'a> {
        self.owner = Some(account);
        self
    }

    /// Who asks.
    pub fn principal(&self) -> &Principal<'a> {
        &self.principal
    }

    /// What they want to do, `service:Name`.
    pub fn action(&self) -> &'a str {
        self.action.name
    }

    /// What they want to do it with.
    pub fn resource(&self) -> &'a str {
        self.resource
    }

    /// The account that owns the resource: as set, else from the ARN, else the principal's.
    pub fn resource_account(&self) -> Option<&'a str> {
        self.owner.or_else(|| self.principal.account())
    }
}

/// An action, ready to be compared with patterns: its name, in lower case too, with its hash and
/// that of its service prefix. Who asks about the same action again and again makes it once and
/// lends it to each request.
///
/// ```
/// use tollgate_policy::{Action, Principal, Request};
///
/// let invoke = Action::new("execute-api:Invoke");
/// let request = Request::new(Principal::ANONYMOUS, &invoke, "*");
/// assert_eq!(request.action(), "execute-api:Invoke");
/// ```
#[derive(Clone, Debug)]
pub struct Action<'a> {
    pub(crate) name: &'a str,
    lower_case: LowerCase<'a>,
    pub(crate) service_hash: u64,
    pub(crate) hash: Option<NonZeroU64>,
}

#[derive(Clone, Debug)]
enum LowerCase<'a> {
    Own(SmallVec<[u8; 64]>),
    Lent(&'a [u8]),
}

impl<'a> Action<'a> {
    /// The action of this name, `service:Name`; case does not matter.
    pub fn new(name: &'a str) -> Action<'a> {
        let mut lower_case = SmallVec::from_slice(name.as_bytes());
        lower_case.make_ascii_lowercase();
        let (service_hash, hash) = hash_service_and_all(&lower_case);
        Action {
            name,
            service_hash,
            hash: NonZeroU64::new(hash),
            lower_case: LowerCase::Own(lower_case),
        }
    }

    /// The bytes of the name in lower case.
    #[inline]
    pub(crate) fn in_lower_case(&self) -> &[u8] {
        match &self.lower_case {
            LowerCase::Own(bytes) => bytes,
            LowerCase::Lent(bytes) => bytes,
        }
    }
}

impl<'a> From<&'a Action<'_>> for Action<'a> {
    #[inline]
    fn from(action: &'a Action<'_>) -> Action<'a> {
        let lower_case = LowerCase::Lent(action.in_lower_case());
        let Action { name, service_hash, hash, .. } = *action;
        Action { name, service_hash, hash, lower_case }
    }
}

impl<'a, T: AsRef<str> + ?Sized> From<&'a T> for Action<'a> {
    fn from(name: &'a T) -> Action<'a> {
        Action::new(name.as_ref())
    }
}

/// The condition keys of a request. A key is known with a value, known to be absent, or unknown;
/// a key never mentioned is absent.
///
/// Keys that follow from the principal (`aws:PrincipalArn`, `aws:PrincipalAccount`,
/// `aws:PrincipalType`, `aws:username`, `aws:userid`) need not be set; a value set here wins.
#[derive(Clone, Debug, Default)]
pub struct Context<'a> {
    /// In the order of setting; a key that was set again is there again.
    entries: SmallVec<[(Key<'a>, Value<'a>); Context::INLINE]>,
    /// A bit for each key set, by its hash: where the bit is missing, the key is, too.
    bits: u64,
}

impl<'a> Context<'a> {
    /// How many keys a context holds without allocating.
    pub const INLINE: usize = 16;

    /// A context in which every key is absent.
    pub fn new() -> Context<'a> {
        Context::default()
    }

    /// Makes every key absent again.
    #[inline]
    pub fn clear(&mut self) {
        self.entries.clear();
        self.bits = 0;
    }

    /// Sets a key's value. The last value set for a key wins.
    #[inline]
    pub fn set(&mut self, key: Key<'a>, value: impl Into<Value<'a>>) {
        self.bits |= bit(key.hash());
        self.entries.push((key, value.into()));
    }

    /// Sets several keys, for less than one by one.
    #[inline]
    pub fn set_all(&mut self, entries: &[(Key<'a>, Value<'a>)]) {
        self.bits |= entries.iter().fold(0, |bits, (key, _)| bits | bit(key.hash()));
        self.entries.extend_from_slice(entries);
    }

    /// The value set for a key, if one was.
    pub fn get(&self, key: Key<'_>) -> Option<Value<'a>> {
        self.find(key.hash(), key.name()).copied()
    }

    /// The value set last for the key of this hash and name.
    #[inline]
    pub(crate) fn find(&self, hash: u64, name: &str) -> Option<&Value<'a>> {
        if self.bits & bit(hash) == 0 {
            return None;
        }
        // Most names are written as the guide writes them.
        let same = |key: &Key<'_>| {
            key.hash() == hash && (key.name() == name || key.name().eq_ignore_ascii_case(name))
        };
        self.entries.iter().rev().find(|(key, _)| same(key)).map(|(_, value)| value)
    }

    /// How the key of this name is spelled here, where case does not matter; the name itself if the
    /// key is not set.
    pub fn spelling<'n>(&'n self, name: &'n str) -> &'n str {
        let set = self.entries.iter().map(|(key, _)| key.name());
        set.clone().find(|spelling| spelling.eq_ignore_ascii_case(name)).unwrap_or(name)
    }

    /// All keys set and their values, in the order in which they were first set.
    pub fn iter(&self) -> impl Iterator<Item = (Key<'a>, Value<'a>)> {
        let is_set_before = |index: usize, key: Key<'_>| {
            self.entries.iter().take(index).any(|(before, _)| *before == key)
        };
        let first = self.entries.iter().enumerate().map(|(index, (key, _))| (index, *key));
        let first = first.filter(move |(index, key)| !is_set_before(*index, *key));
        first.filter_map(|(_, key)| Some((key, self.get(key)?)))
    }
}

/// The bit that stands for the keys of a hash.
#[inline]
fn bit(hash: u64) -> u64 {
    1 << (hash % 64)
}

/// What is known of a condition key. The typed forms say the same as their text would
/// (`Value::from(true)` as `"true"`), and spare the evaluator the parsing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// One value, as text.
    Text(&'a str),
    /// A key with several values (or one, or none: an empty set is as good as absent).
    Set(&'a [Cow<'a, str>]),
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// An instant; its text is RFC 3339 in UTC.
    Time(Timestamp),
    /// An address; its text is the canonical one of RFC 5952.
    Ip(IpAddr),
    /// Known to be absent: also hides the value that would follow from the principal.
    Absent,
    /// Not known, as where a log does not record it: the decision may depend on it.
    Unknown,
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Value::Text(text)
    }
}

impl<'a> From<&'a [Cow<'a, str>]> for Value<'a> {
    fn from(values: &'a [Cow<'a, str>]) -> Self {
        Value::Set(values)
    }
}

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Value::Bool(value)
    }
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Value::Integer(value)
    }
}

impl From<Timestamp> for Value<'_> {
    fn from(value: Timestamp) -> Self {
        Value::Time(value)
    }
}

impl From<IpAddr> for Value<'_> {
    fn from(value: IpAddr) -> Self {
        Value::Ip(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key;

    #[test]
    fn a_renewed_request_is_like_a_new_one() {
        let ana = Principal::parse("arn:aws:iam::111122223333:user/ana").unwrap();
        let invoke = Action::new("execute-api:Invoke");
        let mut request = Request::new(ana, "s3:GetObject", "arn:aws:s3:::b/k")
            .with(key::SOURCE_IP, "10.0.0.5")
            .with_resource_account("444455556666");
        request.renew(Principal::ANONYMOUS, &invoke, "*");
        let new = Request::new(Principal::ANONYMOUS, &invoke, "*");
        assert_eq!(format!("{request:?}"), format!("{new:?}"));
        assert_eq!(request.context.get(key::SOURCE_IP), None);
    }

    #[test]
    fn the_last_value_set_wins_in_the_place_of_the_first() {
        let mut one_by_one = Context::new();
        one_by_one.set(key::SOURCE_IP, "10.0.0.5");
        one_by_one.set(key::USERNAME, "ana");
        one_by_one.set(Key::new("AWS:sourceip"), "10.0.0.6");
        let mut at_once = Context::new();
        at_once.set(key::SOURCE_IP, "10.0.0.5");
        at_once.set_all(&[
            (key::USERNAME, "ana".into()),
            (Key::new("AWS:sourceip"), "10.0.0.6".into()),
        ]);
        for context in [one_by_one, at_once] {
            assert_eq!(context.get(key::SOURCE_IP), Some(Value::Text("10.0.0.6")));
            assert_eq!(context.spelling("aws:sourceip"), "aws:SourceIp");
            let all: Vec<_> = context.iter().map(|(key, value)| (key.name(), value)).collect();
            let expected = [("aws:SourceIp", "10.0.0.6"), ("aws:username", "ana")];
            assert_eq!(all, expected.map(|(name, text)| (name, Value::Text(text))));
        }
    }

    #[test]
    fn a_lent_action_is_the_action() {
        let own = Action::new("S3:GetObject");
        let lent = Action::from(&own);
        let parts = |action: &Action<'_>| (action.service_hash, action.hash);
        assert_eq!((lent.name, parts(&lent)), (own.name, parts(&own)));
        assert_eq!(lent.in_lower_case(), b"s3:getobject");
    }
}
