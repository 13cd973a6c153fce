//! What a request says about a condition key.

use std::borrow::Cow;
use std::io::Write;
use std::net::IpAddr;

use jiff::Timestamp;
use smallvec::SmallVec;

use crate::key::{self, Key};
use crate::principal::{Principal, PrincipalKind};
use crate::request::{Request, Value};

/// A condition key as a policy names it, ready to be looked up.
#[derive(Debug)]
pub(crate) struct KeyName {
    /// As written.
    name: Box<str>,
    hash: u64,
    derived: Option<Derived>,
}

/// Keys that follow from the principal when the context does not give them.
#[derive(Clone, Copy, Debug)]
enum Derived {
    Arn,
    Account,
    Type,
    Username,
    UserId,
}

impl KeyName {
    pub(crate) fn new(name: &str) -> KeyName {
        let derived = [
            (key::PRINCIPAL_ARN, Derived::Arn),
            (key::PRINCIPAL_ACCOUNT, Derived::Account),
            (key::PRINCIPAL_TYPE, Derived::Type),
            (key::USERNAME, Derived::Username),
            (key::USER_ID, Derived::UserId),
        ]
        .into_iter()
        .find(|(known, _)| *known == Key::new(name))
        .map(|(_, derived)| derived);
        KeyName { name: name.into(), hash: Key::new(name).hash(), derived }
    }

    /// The name as written.
    pub(crate) fn as_str(&self) -> &str {
        &self.name
    }
}

/// Everything that conditions and variables can ask about: the request, seen as coming from
/// `principal` (an API without authorization takes everyone for anonymous).
#[derive(Clone, Copy)]
pub(crate) struct Facts<'q, 'r> {
    pub(crate) request: &'q Request<'r>,
    pub(crate) principal: &'q Principal<'r>,
}

/// What is known of a key. A set of one value is that value, a set of none is absent.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Found<'r> {
    Absent,
    Unknown,
    One(Scalar<'r>),
    Many(&'r [Cow<'r, str>]),
}

/// One value, as text or in a form that has a text.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scalar<'r> {
    Text(&'r str),
    Bool(bool),
    Integer(i64),
    Time(Timestamp),
    Ip(IpAddr),
    /// The role's ARN of a role session, which the session's own ARN does not spell out.
    RoleArn {
        partition: &'r str,
        account: &'r str,
        role: &'r str,
    },
    /// The unique id of a role session.
    SessionId {
        role_id: &'r str,
        session: &'r str,
    },
}

/// Room for the text of every typed value; only absurdly long role names spill to the heap.
type TextBuffer = SmallVec<[u8; 192]>;

impl<'q, 'r> Facts<'q, 'r> {
    /// What the context says of a key, or what follows from the principal.
    #[inline]
    pub(crate) fn find(&self, key: &KeyName) -> Found<'r> {
        match self.request.context.find(key.hash, &key.name) {
            Some(Value::Text(text)) => Found::One(Scalar::Text(text)),
            Some(Value::Set([])) | Some(Value::Absent) => Found::Absent,
            Some(Value::Set([only])) => Found::One(Scalar::Text(only)),
            Some(Value::Set(values)) => Found::Many(values),
            Some(Value::Bool(value)) => Found::One(Scalar::Bool(*value)),
            Some(Value::Integer(value)) => Found::One(Scalar::Integer(*value)),
            Some(Value::Time(value)) => Found::One(Scalar::Time(*value)),
            Some(Value::Ip(value)) => Found::One(Scalar::Ip(*value)),
            Some(Value::Unknown) => Found::Unknown,
            None => key
                .derived
                .and_then(|derived| derive(self.principal, derived))
                .map_or(Found::Absent, Found::One),
        }
    }
}

/// The value of a key that follows from the principal. Anonymous callers, services and identity
/// providers have no principal keys.
fn derive<'r>(principal: &Principal<'r>, derived: Derived) -> Option<Scalar<'r>> {
    let account = principal.account?;
    let principal_type = match principal.kind {
        PrincipalKind::Anonymous | PrincipalKind::Service | PrincipalKind::Federated => {
            return None;
        }
        PrincipalKind::Root => "Account",
        PrincipalKind::FederatedUser { .. } => "FederatedUser",
        PrincipalKind::Role { .. } | PrincipalKind::RoleSession { .. } => "AssumedRole",
        PrincipalKind::User { .. } | PrincipalKind::Other => "User",
    };
    match (derived, principal.kind) {
        (Derived::Arn, PrincipalKind::RoleSession { role, .. }) => Some(match principal.role {
            Some(role) => Scalar::Text(role.arn),
            None => Scalar::RoleArn { partition: principal.partition, account, role },
        }),
        (Derived::Arn, _) => Some(Scalar::Text(principal.text)),
        (Derived::Account, _) => Some(Scalar::Text(account)),
        (Derived::Type, _) => Some(Scalar::Text(principal_type)),
        (Derived::Username, PrincipalKind::User { name }) => Some(Scalar::Text(name)),
        (Derived::Username, _) => None,
        (Derived::UserId, PrincipalKind::RoleSession { session, .. })
            if principal.user_id.is_none() =>
        {
            let role_id = principal.role?.unique_id?;
            Some(Scalar::SessionId { role_id, session })
        }
        (Derived::UserId, _) => principal.user_id.map(Scalar::Text),
    }
}

impl<'r> Scalar<'r> {
    /// Calls `with` with the value's text.
    #[inline]
    pub(crate) fn with_text<R>(&self, with: impl FnOnce(&str) -> R) -> R {
        match self {
            Scalar::Text(text) => with(text),
            Scalar::Bool(true) => with("true"),
            Scalar::Bool(false) => with("false"),
            other => {
                let mut buffer = TextBuffer::new();
                other.write(&mut buffer);
                with(std::str::from_utf8(&buffer).unwrap_or_default())
            }
        }
    }

    fn write(&self, buffer: &mut TextBuffer) {
        // Writing to memory cannot fail.
        let _ = match self {
            Scalar::Text(text) => write!(buffer, "{text}"),
            Scalar::Bool(value) => write!(buffer, "{value}"),
            Scalar::Integer(value) => write!(buffer, "{value}"),
            Scalar::Time(value) => write!(buffer, "{value}"),
            Scalar::Ip(value) => write!(buffer, "{value}"),
            Scalar::RoleArn { partition, account, role } => {
                write!(buffer, "arn:{partition}:iam::{account}:role/{role}")
            }
            Scalar::SessionId { role_id, session } => write!(buffer, "{role_id}:{session}"),
        };
    }
}
