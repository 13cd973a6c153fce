//! How much of a session's token its policies and tags may take.
//!
//! AWS compresses them into a form of its own, whose size a caller can only try out. Here it is the
//! number of bytes, and the limit is what a request can carry in a header everywhere.

use crate::{Fault, FaultCode, Session, SessionTag};

/// The most bytes that session policy, policy ARNs and tags may have together.
pub const PACKED_BYTES_MAX: usize = 4096;

fn size(policy: Option<&str>, policy_arns: &[String], tags: &[SessionTag]) -> usize {
    let policies = policy.map_or(0, str::len) + policy_arns.iter().map(String::len).sum::<usize>();
    policies + tags.iter().map(|tag| tag.key.len() + tag.value.len()).sum::<usize>()
}

fn percent(bytes: usize) -> usize {
    (bytes * 100).div_ceil(PACKED_BYTES_MAX)
}

/// They must not be too much.
pub(crate) fn check(
    policy: Option<&str>,
    policy_arns: &[String],
    tags: &[SessionTag],
) -> Result<(), Fault> {
    let bytes = size(policy, policy_arns, tags);
    if bytes <= PACKED_BYTES_MAX {
        return Ok(());
    }
    let message = format!(
        "Packed policy consumes {}% of allotted space, please use smaller policy.",
        percent(bytes)
    );
    Err(Fault::new(FaultCode::PackedPolicyTooLarge, message))
}

/// The percentage of the limit that a session takes; `None` where there is nothing to pack.
pub(crate) fn percentage(session: &Session) -> Option<usize> {
    let bytes = size(session.policy.as_deref(), &session.policy_arns, &session.tags);
    (bytes > 0).then(|| percent(bytes))
}
