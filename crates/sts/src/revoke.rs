//! Sessions that ended early: one by one, or all of a principal from before an instant.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;

use crate::{Session, TokenId};

/// What is revoked. An entry may go when the longest session that it can concern has expired.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Revocations {
    sessions: HashSet<TokenId>,
    access_keys: HashSet<String>,
    issued_before: HashMap<String, Timestamp>,
}

/// Why a session is revoked.
pub(crate) enum Revoked<'a> {
    /// By its id or its access key id.
    Session,
    /// With all of its principal's.
    Principal { principal: &'a str, before: Timestamp },
}

impl Revocations {
    /// Revokes one session by its id.
    pub fn session(&mut self, id: TokenId) {
        self.sessions.insert(id);
    }

    /// Revokes one session by its access key id.
    pub fn access_key(&mut self, access_key_id: &str) {
        self.access_keys.insert(access_key_id.to_owned());
    }

    /// Revokes every session that was issued before an instant to a principal: the ARN of a role,
    /// of a user, or of one session.
    pub fn issued_before(&mut self, principal: &str, before: Timestamp) {
        let known = self.issued_before.entry(principal.to_owned()).or_insert(before);
        *known = before.max(*known);
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.sessions.len() + self.access_keys.len() + self.issued_before.len()
    }

    /// Whether nothing is revoked.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn find(&self, session: &Session) -> Option<Revoked<'_>> {
        if self.sessions.contains(&session.id) || self.access_keys.contains(&session.access_key_id)
        {
            return Some(Revoked::Session);
        }
        let names = session.role.as_deref().into_iter().chain([session.principal.as_str()]);
        names
            .filter_map(|name| self.issued_before.get_key_value(name))
            .find(|(_, before)| session.issued_at < **before)
            .map(|(principal, before)| Revoked::Principal { principal, before: *before })
    }
}
