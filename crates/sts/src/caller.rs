//! Who calls, and from where: what is known about a call beside its parameters.

use std::net::IpAddr;

use jiff::Timestamp;
use tollgate_policy::{Principal, Value, key};
use tollgate_store::{Account, Subject};

use crate::Session;
use crate::keys::ContextKeys;

/// A caller whose signature holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Its ARN.
    pub principal: String,
    /// Its unique id, as `aws:userid` has it.
    pub user_id: String,
    /// The session that it signed with; none for a key of its own.
    pub session: Option<Session>,
}

/// The circumstances of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The time of arrival.
    pub now: Timestamp,
    /// The address that it came from.
    pub source_ip: Option<IpAddr>,
    /// Whether it came inside TLS.
    pub is_secure: bool,
    /// The header `User-Agent`.
    pub user_agent: Option<String>,
}

impl Caller {
    /// A caller with a key of its own, such as a user.
    pub fn of_user(subject: &Subject) -> Caller {
        let principal = subject.arn().to_owned();
        Caller { user_id: user_id(subject), principal, session: None }
    }

    /// A caller with a session.
    pub fn of_session(session: Session) -> Caller {
        let (principal, user_id) = (session.principal.clone(), session.user_id.clone());
        Caller { principal, user_id, session: Some(session) }
    }

    /// The account that it belongs to.
    pub fn account(&self) -> &str {
        self.principal.split(':').nth(4).unwrap_or_default()
    }

    /// What the account and the session say about the caller.
    pub(crate) fn write_keys(&self, account: &Account, keys: &mut ContextKeys) {
        let subject = self.parsed().and_then(|principal| account.subject(&principal));
        for tag in subject.and_then(Subject::tags).unwrap_or_default() {
            keys.text(tag.key().name(), tag.value());
        }
        let Some(session) = &self.session else { return };
        for (name, tag) in session.tag_keys().into_iter().zip(&session.tags) {
            keys.text(name, &tag.value);
        }
        keys.value(key::TOKEN_ISSUE_TIME.name(), Value::Time(session.issued_at));
        if let Some(identity) = &session.source_identity {
            keys.text(key::SOURCE_IDENTITY.name(), identity);
        }
        if let Some(provider) = &session.provider {
            keys.text(crate::session::FEDERATED_PROVIDER.name(), provider);
        }
    }

    /// Its ARN, taken apart, with its unique id.
    pub(crate) fn parsed(&self) -> Option<Principal<'_>> {
        Some(Principal::parse(&self.principal)?.with_user_id(&self.user_id))
    }
}

impl Call {
    pub(crate) fn write_keys(&self, keys: &mut ContextKeys) {
        keys.value(key::CURRENT_TIME.name(), Value::Time(self.now));
        keys.value(key::EPOCH_TIME.name(), Value::Integer(self.now.as_second()));
        keys.value(key::SECURE_TRANSPORT.name(), Value::Bool(self.is_secure));
        if let Some(address) = self.source_ip {
            keys.value(key::SOURCE_IP.name(), Value::Ip(address));
        }
        if let Some(agent) = &self.user_agent {
            keys.text(key::USER_AGENT.name(), agent);
        }
    }
}

/// The unique id of a user or role. An account written by hand need not have one: then it derives
/// from the ARN, so that it is always the same and nobody else's.
pub(crate) fn user_id(subject: &Subject) -> String {
    use sha2::{Digest, Sha256};
    if let Some(id) = subject.unique_id() {
        return id.to_owned();
    }
    let hash = Sha256::digest(subject.arn().as_bytes());
    let is_role = subject.arn().contains(":role/");
    let prefix = if is_role { "AROA" } else { "AIDA" };
    let (random, _) = hash.split_first_chunk::<10>().unwrap_or((&[0; 10], &[]));
    format!("{prefix}{}", crate::seal::base32(random))
}
