//! Who signed a request, as whoever issued the key knows.

use std::sync::Arc;

use jiff::Timestamp;
use tollgate_policy::{Context, Key, PolicySet, Principal, Value, key};
use tollgate_sigv4::{KeyAnswer, KeyClaim, KeyLookup};

/// The holder of an access key. Made once, when the key is read or the session opened, so that a
/// request only borrows from it.
#[derive(Clone, Debug, Default)]
pub struct Caller {
    /// The ARN that acts: of a user, a role session or a federated user.
    pub arn: String,
    /// The condition key `aws:userid`; the account's unless given.
    pub user_id: Option<String>,
    /// The ARN of the user that a federated user's session was begun by.
    pub issuer: Option<String>,
    /// The policy that limits this session, beside what the account says of all sessions.
    pub session_policy: Option<Arc<PolicySet>>,
    /// Condition keys that only the session knows, `aws:PrincipalTag/team` and the like. They hide
    /// what the account says.
    pub facts: Vec<Fact>,
    /// When the key ceases to hold.
    pub expires: Option<Timestamp>,
}

/// A condition key and its value.
#[derive(Clone, Debug)]
pub struct Fact {
    /// The name of the key.
    pub key: String,
    /// Its value.
    pub value: FactValue,
}

/// The value of a [`Fact`].
#[derive(Clone, Debug)]
pub enum FactValue {
    /// Text.
    Text(String),
    /// `true` or `false`.
    Bool(bool),
    /// A moment.
    Time(Timestamp),
}

impl Caller {
    /// The ARN taken apart. `None` if it is not one.
    pub fn principal(&self) -> Option<Principal<'_>> {
        let mut principal = Principal::parse(&self.arn)?;
        if let Some(id) = &self.user_id {
            principal = principal.with_user_id(id);
        }
        if let Some(issuer) = &self.issuer {
            principal = principal.issued_by(issuer);
        }
        Some(principal)
    }

    /// Sets the condition keys that only the session knows, at the time `now`.
    pub(crate) fn set_context<'a>(&'a self, now: Timestamp, context: &mut Context<'a>) {
        for Fact { key: name, value } in &self.facts {
            let name = Key::new(name);
            match value {
                FactValue::Text(text) => context.set(name, text.as_str()),
                FactValue::Bool(value) => context.set(name, *value),
                // The age is that of the moment at which the second factor was shown.
                FactValue::Time(at) if name == key::MULTI_FACTOR_AUTH_AGE => {
                    context.set(name, now.duration_since(*at).as_secs());
                }
                FactValue::Time(at) => context.set(name, Value::Time(*at)),
            }
        }
    }
}

/// Somebody who knows keys: a file, a security token service.
pub type KeySource = dyn KeyLookup<Identity = Arc<Caller>> + Send + Sync;

/// All who know keys, asked in turn: the first that knows a key answers for it.
#[derive(Clone, Default)]
pub struct Keys(Vec<Arc<KeySource>>);

impl Keys {
    /// Asks these, in this order.
    pub fn new(sources: Vec<Arc<KeySource>>) -> Keys {
        Keys(sources)
    }

    /// Asks one more, after the others.
    #[must_use]
    pub fn and(mut self, source: Arc<KeySource>) -> Keys {
        self.0.push(source);
        self
    }
}

impl KeyLookup for Keys {
    type Identity = Arc<Caller>;

    fn find(&self, claim: &KeyClaim<'_>) -> KeyAnswer<Arc<Caller>> {
        let mut answers = self.0.iter().map(|source| source.find(claim));
        let known = answers.find(|answer| !matches!(answer, KeyAnswer::Unknown));
        known.unwrap_or(KeyAnswer::Unknown)
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keys({} sources)", self.0.len())
    }
}
