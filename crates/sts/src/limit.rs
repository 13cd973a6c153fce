//! What limits a session: the policies that were passed when it began.
//!
//! A role may also have a policy that *every* session of it begins with. Both limit: a request is
//! allowed if it is allowed under either alone.

use tollgate_policy::{
    Decision, Outcome, Policies, PolicyDocument, PolicySet, PolicyType, Request, authorize,
};
use tollgate_store::Account;

use crate::Session;

impl Session {
    /// The passed policies, compiled: what any of them allows is within the limit. `None` if none
    /// were passed.
    ///
    /// A managed policy that the account no longer has allows nothing, and neither does a text that
    /// no longer parses: a limit that cannot be read is not lifted.
    pub fn limit(&self, account: &Account) -> Option<PolicySet> {
        if !self.is_limited() {
            return None;
        }
        let parse = |text: &String| PolicyDocument::parse(text, PolicyType::Session).ok();
        let own = self.policy.as_ref().and_then(parse);
        let managed =
            self.policy_arns.iter().filter_map(|arn| account.managed_policy(arn)).cloned();
        Some(PolicySet::compile(own.into_iter().chain(managed)))
    }
}

/// Decides a request of a session that `limit` limits.
pub fn authorize_within(
    policies: &Policies<'_>,
    limit: Option<&PolicySet>,
    request: &Request<'_>,
) -> Decision {
    let Some(limit) = limit else { return authorize(policies, request) };
    if policies.session.is_some() {
        let decision = authorize(policies, request);
        if decision.outcome != Outcome::Allowed {
            return decision;
        }
    }
    authorize(&Policies { session: Some(limit), ..*policies }, request)
}
