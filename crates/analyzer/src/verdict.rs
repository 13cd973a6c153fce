//! What the log says about authorization, and whether a replayed decision agrees.

use serde::{Deserialize, Serialize};
use tollgate_policy::Outcome;

use crate::rows::Row;

/// How authorization ended, as the log has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Logged {
    /// The request was authorized: something behind the gateway answered, or the status is no
    /// refusal.
    Passed,
    /// The gateway refused it for want of permission.
    Refused,
    /// The gateway refused it for another reason, before authorization or regardless of it: a
    /// missing signature, an expired token, throttling, a firewall.
    Otherwise,
    /// The gateway could not read the request: it never came to who asked for what.
    Unread,
    /// The log does not tell.
    Untold,
}

impl Logged {
    /// All of them.
    pub(crate) const ALL: [Logged; 5] =
        [Logged::Passed, Logged::Refused, Logged::Otherwise, Logged::Unread, Logged::Untold];

    /// As the JSON document has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Logged::Passed => "passed",
            Logged::Refused => "refused",
            Logged::Otherwise => "otherwise",
            Logged::Unread => "unread",
            Logged::Untold => "untold",
        }
    }

    /// Reads a row. A 403 that the upstream answered was authorized; so a status of the
    /// integration settles it.
    pub(crate) fn of(row: Row<'_, '_>) -> Logged {
        if row.integration_status().is_some() {
            return Logged::Passed;
        }
        match (row.status(), row.error_type()) {
            (Some(403), None) => Logged::Refused,
            (Some(403), Some(kind)) if is_access_denied(kind) => Logged::Refused,
            (Some(401 | 403 | 429), _) => Logged::Otherwise,
            // With a response type of the gateway's, it is the gateway that could not read the request.
            (Some(413), _) | (Some(400 | 405 | 408 | 431), Some(_)) => Logged::Unread,
            (Some(_), _) => Logged::Passed,
            (None, _) => Logged::Untold,
        }
    }
}

/// Whether the gateway refused the request before it was decided: for its signature, its path, its body.
/// What is throttled was allowed.
pub(crate) fn is_refused_undecided(row: Row<'_, '_>) -> bool {
    match Logged::of(row) {
        Logged::Unread => true,
        Logged::Otherwise => row.status() != Some(429),
        _ => false,
    }
}

/// API Gateway's response type, and the error codes of CloudTrail.
fn is_access_denied(kind: &str) -> bool {
    matches!(
        kind,
        "ACCESS_DENIED"
            | "AccessDenied"
            | "AccessDeniedException"
            | "UnauthorizedOperation"
            | "Client.UnauthorizedOperation"
    )
}

/// Why a decision that is open cannot be compared, before the keys that it depends on.
pub(crate) const DEPENDS: &str = "the decision depends on keys the log does not tell";

/// What comes of comparing the log with a replayed decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Agreeing,
    Disagreeing,
    /// They cannot be compared: the reason, as reports print it.
    Undetermined(&'static str),
}

impl Comparison {
    /// Compares what the log says with the outcome, or with the reason for which there is none.
    pub(crate) fn of(logged: Logged, outcome: Result<Outcome, &'static str>) -> Comparison {
        let allowed = match outcome {
            Err(reason) => return Comparison::Undetermined(reason),
            Ok(Outcome::Indeterminate) => {
                return Comparison::Undetermined(DEPENDS);
            }
            Ok(outcome) => outcome == Outcome::Allowed,
        };
        match (logged, allowed) {
            (Logged::Passed, true) | (Logged::Refused, false) => Comparison::Agreeing,
            (Logged::Passed, false) | (Logged::Refused, true) => Comparison::Disagreeing,
            (Logged::Otherwise, _) => {
                Comparison::Undetermined("refused for another reason than permissions")
            }
            (Logged::Unread, _) => {
                Comparison::Undetermined("the gateway could not read the request")
            }
            (Logged::Untold, _) => Comparison::Undetermined("the log does not tell the status"),
        }
    }
}
