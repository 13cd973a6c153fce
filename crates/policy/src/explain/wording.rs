//! Refusals in AWS's own words, so that a proxy can answer like AWS.
//!
//! Source: IAM User Guide, `troubleshoot_access-denied`, "Access denied error message examples".

use crate::decision::Outcome;
use crate::document::PolicyType;

use super::Explanation;

impl Explanation {
    /// The message that AWS gives a caller whom it refuses: `User: … is not authorized to perform:
    /// … on resource: … because no identity-based policy allows the … action`. `None` for an allowed
    /// request. An indeterminate one is worded as a refusal without a reason: who cannot tell does
    /// not let pass.
    pub fn aws_message(&self) -> Option<String> {
        let reason = match self.outcome {
            Outcome::Allowed => return None,
            Outcome::Indeterminate => String::new(),
            Outcome::ExplicitDeny => match self.determined_by.first() {
                Some(deny) => {
                    format!(" with an explicit deny in {}", with_article(deny.policy_type))
                }
                None => " with an explicit deny".to_owned(),
            },
            Outcome::ImplicitDeny => match self.missing.first() {
                Some(layer) => {
                    format!(" because no {} allows the {} action", in_words(*layer), self.action)
                }
                None => String::new(),
            },
        };
        let Explanation { principal, action, resource, .. } = self;
        Some(format!(
            "User: {principal} is not authorized to perform: {action} on resource: {resource}{reason}"
        ))
    }
}

/// AWS calls a role's trust policy a resource-based one.
fn in_words(layer: PolicyType) -> String {
    match layer {
        PolicyType::RoleTrust => PolicyType::Resource.to_string(),
        other => other.to_string(),
    }
}

fn with_article(layer: PolicyType) -> String {
    let words = in_words(layer);
    let article = if words.starts_with('i') { "an" } else { "a" };
    format!("{article} {words}")
}
