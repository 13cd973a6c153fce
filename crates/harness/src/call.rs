//! A request that owns its parts, so that it can be kept, changed and written down.

use std::borrow::Cow;
use std::sync::Arc;

use tollgate_policy::{Key, Principal, Request, Value};

/// What is given for a context key.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Given {
    /// The key is absent, also where a value would follow from the principal.
    Absent,
    /// Nothing is known of it.
    Unknown,
    /// One value.
    One(Arc<str>),
    /// Several values at once, or none.
    Set(Arc<[Cow<'static, str>]>),
}

impl Given {
    /// What a request's context holds.
    pub fn of(value: Value<'_>) -> Given {
        match value {
            Value::Absent => Given::Absent,
            Value::Unknown => Given::Unknown,
            Value::Text(text) => Given::One(text.into()),
            Value::Set(values) => {
                Given::Set(values.iter().map(|value| value.to_string().into()).collect())
            }
            Value::Bool(value) => Given::One(value.to_string().into()),
            Value::Integer(value) => Given::One(value.to_string().into()),
            Value::Time(value) => Given::One(value.to_string().into()),
            Value::Ip(value) => Given::One(value.to_string().into()),
        }
    }

    /// One value, or a set of them.
    pub fn values(values: &[String]) -> Given {
        match values {
            [one] => Given::One(one.as_str().into()),
            several => Given::Set(several.iter().map(|value| value.clone().into()).collect()),
        }
    }
}

/// One request with everything that is known of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Call {
    /// Who asks: text that [`Principal::parse`] takes.
    pub principal: Arc<str>,
    /// The IAM user that a federated user's session was made by.
    pub issued_by: Option<Arc<str>>,
    /// `service:Name`.
    pub action: Arc<str>,
    /// The concrete ARN.
    pub resource: Arc<str>,
    /// The account that owns the resource, where its ARN does not say.
    pub resource_account: Option<Arc<str>>,
    /// Context keys, each once whatever its case, in the order in which they were first given.
    pub context: Vec<(Arc<str>, Given)>,
}

impl Call {
    /// A request without context.
    pub fn new(principal: &str, action: &str, resource: &str) -> Call {
        Call {
            principal: principal.into(),
            issued_by: None,
            action: action.into(),
            resource: resource.into(),
            resource_account: None,
            context: Vec::new(),
        }
    }

    /// A request, with parts of its own. That of a federated user's session does not tell who made
    /// the session.
    pub fn of(request: &Request<'_>) -> Call {
        let principal = request.principal().as_str();
        let mut call = Call::new(principal, request.action(), request.resource());
        for (key, value) in request.context.iter() {
            call.set(key.name(), Given::of(value));
        }
        call
    }

    /// Gives a context key. What was given for it before is forgotten.
    pub fn set(&mut self, key: &str, given: Given) {
        match self.context.iter_mut().find(|(name, _)| name.eq_ignore_ascii_case(key)) {
            Some((_, held)) => *held = given,
            None => self.context.push((key.into(), given)),
        }
    }

    /// [`Call::set`], as a step of a chain.
    #[must_use]
    pub fn with(mut self, key: &str, given: Given) -> Call {
        self.set(key, given);
        self
    }

    /// What is given for a key.
    pub fn given(&self, key: &str) -> Option<&Given> {
        self.context.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, given)| given)
    }

    /// The same request, ready to be decided. A principal that cannot be read is anonymous; cells
    /// are made of principals that can.
    pub fn request(&self) -> Request<'_> {
        let mut principal = Principal::parse(&self.principal).unwrap_or(Principal::ANONYMOUS);
        if let Some(issuer) = &self.issued_by {
            principal = principal.issued_by(issuer);
        }
        let mut request = Request::new(principal, &self.action, &self.resource);
        if let Some(account) = &self.resource_account {
            request = request.with_resource_account(account);
        }
        for (key, given) in &self.context {
            let value = match given {
                Given::Absent => Value::Absent,
                Given::Unknown => Value::Unknown,
                Given::One(text) => Value::Text(text),
                Given::Set(values) => Value::Set(values),
            };
            request.context.set(Key::new(key), value);
        }
        request
    }
}
