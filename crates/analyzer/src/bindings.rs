//! Which policies decide a caller's calls of an API, and the request that a row makes for them.

use hashbrown::HashMap;
use tollgate_policy::{
    Key, Miss, Policies, PolicySet, Principal, PrincipalKind, PrincipalPattern, Request,
    StatementId, Value, nearest_miss,
};
use tollgate_store::{Account, ApiEntry, Applicable};

use crate::assumption::{Assumption, Suppose};
use crate::call::{ANONYMOUS, Call};
use crate::context::{ReferencedKeys, Who};
use crate::outcomes::{CallContext, Told};
use crate::rows::Row;
use crate::time::moment;

/// The action of a request that is not logged with another.
pub(crate) const INVOKE: &str = "execute-api:Invoke";

/// The bindings of one account, each made once.
#[derive(Clone)]
pub(crate) struct Bindings<'a> {
    account: &'a Account,
    assumed: &'a [Assumption],
    list: Vec<Binding<'a>>,
    known: HashMap<Bound, usize>,
}

/// What decides a caller's calls of an API; the same for all callers with the same policies.
#[derive(Clone)]
pub(crate) struct Binding<'a> {
    pub(crate) applicable: Applicable<'a>,
    policies: Policies<'a>,
    keys: ReferencedKeys<'a>,
    /// Whether the callers that share the binding may be told apart by it.
    sees_caller: bool,
    /// Whether some resource pattern has variables.
    has_variables: bool,
    /// Whether the log tells who the callers are: by an ARN, or that a call was not signed.
    is_told: bool,
}

/// What a binding depends on: the principal's entry in the account, whether it belongs to the
/// account, whether the log tells who it is, and the API; entries by their places in memory.
type Bound = (usize, bool, bool, usize);

impl<'a> Bindings<'a> {
    /// The bindings of `account`, with values to assume for what the log does not tell.
    pub(crate) fn new(account: &'a Account, assumed: &'a [Assumption]) -> Bindings<'a> {
        Bindings { account, assumed, list: Vec::new(), known: HashMap::new() }
    }

    /// The number of the binding for a caller and an API.
    pub(crate) fn bind(&mut self, caller: &str, api: Option<&'a ApiEntry>) -> usize {
        let told = Principal::parse(caller);
        let is_told = told.is_some() || caller == ANONYMOUS;
        let principal = told.unwrap_or(Principal::ANONYMOUS);
        let applicable = self.account.policies_for(&principal, api);
        let same_account = principal.account() == Some(self.account.id());
        let subject = applicable.subject().map_or(0, address);
        let bound = (subject, same_account, is_told, api.map_or(0, address));
        *self.known.entry(bound).or_insert_with(|| {
            self.list.push(Binding { is_told, ..Binding::new(applicable, self.assumed) });
            self.list.len() - 1
        })
    }

    /// A binding by its number.
    pub(crate) fn get(&self, number: usize) -> Option<&Binding<'a>> {
        self.list.get(number)
    }
}

fn address<T>(thing: &T) -> usize {
    std::ptr::from_ref(thing) as usize
}

impl<'a> Binding<'a> {
    fn new(applicable: Applicable<'a>, assumed: &'a [Assumption]) -> Binding<'a> {
        let policies = applicable.policies();
        let keys = ReferencedKeys::of(&policies, &applicable, assumed);
        let sees_caller = applicable.subject().is_none()
            || keys.tell_callers_apart()
            || policies.resource.is_some_and(names_sessions);
        let has_variables = policies.sets().any(PolicySet::has_resource_variables);
        Binding { applicable, policies, keys, sees_caller, has_variables, is_told: true }
    }

    /// Whether the log tells who the callers are. A name that is no ARN may be anybody's.
    pub(crate) fn is_told(&self) -> bool {
        self.is_told
    }

    pub(crate) fn policies(&self) -> &Policies<'a> {
        &self.policies
    }

    /// The keys that the policies refer to.
    pub(crate) fn keys(&self) -> &ReferencedKeys<'a> {
        &self.keys
    }

    /// Whether callers that share the binding may be decided differently.
    pub(crate) fn sees_caller(&self) -> bool {
        self.sees_caller
    }

    /// Whether what the resource patterns match depends on the call's context.
    pub(crate) fn has_variables(&self) -> bool {
        self.has_variables
    }

    /// The statement that came nearest to allowing a call that was kept, and what did not match.
    pub(crate) fn nearest_miss(&self, call: &Kept<'_>) -> Option<(StatementId, Miss)> {
        nearest_miss(&self.policies, &call.request())
    }

    /// Keeps what the policies may look at of a call.
    pub(crate) fn keep(&self, call: &Call<'_, '_>, resource: String) -> Kept<'a> {
        let who = self.who(call.caller, call.row);
        let values = self.keys.values(call.row, call.api(), who, Suppose::Assumed);
        Kept {
            caller: call.caller.into(),
            user_id: who.principal().unique_id().map(|id| id.into()),
            action: call.row.action().map(Box::from),
            resource: resource.into(),
            time: call.time,
            values: values.map(|(key, value)| (key, KeptValue::new(value))).collect(),
        }
    }

    /// The request of a row.
    pub(crate) fn request<'r>(
        &'r self,
        row: Row<'r, 'r>,
        caller: &'r str,
        api: Option<&'r ApiEntry>,
        resource: &'r str,
    ) -> Request<'r> {
        self.request_if(Suppose::Assumed, row, caller, api, resource)
    }

    /// The request of a row, if something is supposed.
    pub(crate) fn request_if<'r>(
        &'r self,
        suppose: Suppose,
        row: Row<'r, 'r>,
        caller: &'r str,
        api: Option<&'r ApiEntry>,
        resource: &'r str,
    ) -> Request<'r> {
        let who = self.who(caller, row);
        let action = row.action().unwrap_or(INVOKE);
        let mut request = Request::new(who.principal(), action, resource);
        for (key, value) in self.keys.values(row, api, who, suppose) {
            request.context.set(key, value);
        }
        request
    }

    /// What the log and the account tell of who called.
    fn who<'r>(&'r self, caller: &'r str, row: Row<'r, 'r>) -> Who<'r> {
        let Some(mut principal) = Principal::parse(caller) else {
            return Who::Unnamed(row.caller_id());
        };
        if principal == Principal::ANONYMOUS {
            return Who::Nobody;
        }
        if let Some(id) = row.caller_id() {
            principal = principal.with_user_id(id);
        }
        Who::Named(self.applicable.identify(principal))
    }
}

/// A call that outlives its row: what some policies may look at.
pub(crate) struct Kept<'a> {
    caller: Box<str>,
    user_id: Option<Box<str>>,
    action: Option<Box<str>>,
    resource: Box<str>,
    time: Option<i64>,
    values: Vec<(Key<'a>, KeptValue)>,
}

enum KeptValue {
    Text(Box<str>),
    Other(Value<'static>),
}

impl KeptValue {
    fn new(value: Value<'_>) -> KeptValue {
        KeptValue::Other(match value {
            Value::Text(text) => return KeptValue::Text(text.into()),
            Value::Bool(value) => Value::Bool(value),
            Value::Integer(value) => Value::Integer(value),
            Value::Time(value) => Value::Time(value),
            Value::Ip(value) => Value::Ip(value),
            Value::Absent => Value::Absent,
            // No log tells a key with several values.
            Value::Set(_) | Value::Unknown => Value::Unknown,
        })
    }
}

impl Kept<'_> {
    /// The ARN; empty if the log does not tell it.
    pub(crate) fn resource(&self) -> &str {
        &self.resource
    }

    pub(crate) fn time(&self) -> Option<i64> {
        self.time
    }

    pub(crate) fn caller(&self) -> &str {
        &self.caller
    }

    /// Of several calls, the smallest is kept: the first.
    pub(crate) fn rank(&self) -> (i64, &str, &str, Option<i64>) {
        (moment(self.time), &self.resource, &self.caller, self.time)
    }

    /// What is known of it beside caller, action and resource, in words.
    pub(crate) fn context(&self) -> CallContext {
        let told = |value: &KeptValue| match value {
            KeptValue::Text(text) => Told::Value(text.to_string()),
            KeptValue::Other(Value::Bool(value)) => Told::Value(value.to_string()),
            KeptValue::Other(Value::Integer(value)) => Told::Value(value.to_string()),
            KeptValue::Other(Value::Time(value)) => Told::Value(value.to_string()),
            KeptValue::Other(Value::Ip(value)) => Told::Value(value.to_string()),
            KeptValue::Other(Value::Absent) => Told::Absent,
            KeptValue::Other(Value::Text(_) | Value::Set(_) | Value::Unknown) => Told::Unknown,
        };
        let keys = self.values.iter().map(|(key, value)| (key.name().to_owned(), told(value)));
        CallContext {
            caller: None,
            user_id: self.user_id.as_deref().map(str::to_owned),
            keys: keys.collect(),
        }
    }

    fn request(&self) -> Request<'_> {
        let mut principal = Principal::parse(&self.caller).unwrap_or(Principal::ANONYMOUS);
        if let Some(id) = &self.user_id {
            principal = principal.with_user_id(id);
        }
        let action = self.action.as_deref().unwrap_or(INVOKE);
        let mut request = Request::new(principal, action, &self.resource);
        for (key, value) in &self.values {
            let value = match value {
                KeptValue::Text(text) => Value::Text(text),
                KeptValue::Other(value) => *value,
            };
            request.context.set(*key, value);
        }
        request
    }
}

/// Whether a resource policy names callers more closely than by account, role or user.
fn names_sessions(set: &PolicySet) -> bool {
    let statements = set.documents().iter().flat_map(|document| document.statements());
    let elements = statements.filter_map(|statement| statement.principal.as_ref());
    elements.flat_map(|element| &element.principals).any(|named| match &named.value {
        PrincipalPattern::Arn(arn) => !matches!(
            Principal::parse(arn).map(|principal| principal.kind()),
            Some(PrincipalKind::Root | PrincipalKind::Role { .. } | PrincipalKind::User { .. })
        ),
        _ => false,
    })
}
