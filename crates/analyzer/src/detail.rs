//! How finely groups of calls are told apart, so that they are never too many.
//!
//! Sessions come and go, so a long log has any number of callers; its roles, routes and statements are
//! few. Where groups would be more than [`Detail::groups_max`], all sessions of a role become one caller, and
//! what that leaves too many becomes coarser still. How coarse, depends on what is counted alone and
//! not on its order, so merging gives what one run would have given.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::intern::OTHER;

/// The most groups that are told apart, where sessions are not.
pub(crate) const GROUPS_MAX: usize = 10_000;

/// The most where sessions are told apart: each group keeps a call, and more sessions than that are
/// looked at by their roles.
const SESSIONS_MAX: usize = 4_000;

/// What groups of calls are told apart by.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Hash,
)]
#[serde(rename_all = "camelCase")]
pub enum Detail {
    /// Everything.
    #[default]
    Sessions,
    /// The sessions of a role are one caller, `…:assumed-role/deploy/*`.
    Roles,
    /// All callers are one, `(other)`.
    Calls,
    /// Neither who called what, nor how it was answered: only why it was decided so.
    Reasons,
}

impl Detail {
    /// The most groups that are told apart so finely.
    pub(crate) fn groups_max(self) -> usize {
        if self.is_full() { SESSIONS_MAX } else { GROUPS_MAX }
    }

    /// The next that is coarser.
    pub(crate) fn coarser(self) -> Option<Detail> {
        match self {
            Detail::Sessions => Some(Detail::Roles),
            Detail::Roles => Some(Detail::Calls),
            Detail::Calls => Some(Detail::Reasons),
            Detail::Reasons => None,
        }
    }

    /// Whether groups tell all they could.
    pub fn is_full(self) -> bool {
        self == Detail::Sessions
    }

    /// Whether calls are told apart by what was called and how it was answered.
    pub(crate) fn tells_calls(self) -> bool {
        self < Detail::Reasons
    }

    /// What a caller is called.
    pub(crate) fn caller(self, caller: &str) -> Cow<'_, str> {
        match self {
            Detail::Sessions => Cow::Borrowed(caller),
            Detail::Roles => any_session(caller),
            Detail::Calls | Detail::Reasons => Cow::Borrowed(OTHER),
        }
    }

    /// What is called `call` where calls are told apart.
    pub(crate) fn call(self, call: String) -> String {
        if self.tells_calls() { call } else { OTHER.to_owned() }
    }
}

/// What the session is called that stands for all of a role.
pub(crate) const ANY: &str = "*";

/// The sessions of a role as one caller, `arn:…:assumed-role/deploy/*`; any other caller is itself.
pub(crate) fn any_session(caller: &str) -> Cow<'_, str> {
    let role = || {
        let (_, rest) = split_at_colon(caller, ":assumed-role/")?;
        let (_, session) = rest.split_once('/')?;
        Some([caller.strip_suffix(session)?, ANY].concat())
    };
    role().map_or(Cow::Borrowed(caller), Cow::Owned)
}

/// What comes before and after a part of an ARN that begins with a colon. There are few of those, so it
/// takes less than looking for any text.
pub(crate) fn split_at_colon<'t>(text: &'t str, part: &str) -> Option<(&'t str, &'t str)> {
    let mut windows = text.as_bytes().windows(part.len());
    let is_part = |window: &[u8]| window.first() == Some(&b':') && window == part.as_bytes();
    let (before, from) = text.split_at_checked(windows.position(is_part)?)?;
    Some((before, from.get(part.len()..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_are_one_and_other_callers_themselves() {
        let session = "arn:aws:sts::123456789012:assumed-role/deploy/ci-7";
        assert_eq!(any_session(session), "arn:aws:sts::123456789012:assumed-role/deploy/*");
        let user = "arn:aws:iam::123456789012:user/ana";
        assert_eq!(any_session(user), user);
        assert_eq!(Detail::Sessions.caller(session), session);
        assert_eq!(Detail::Calls.caller(session), OTHER);
    }
}
