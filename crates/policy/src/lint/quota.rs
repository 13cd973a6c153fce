//! How long a document may be at AWS.
//!
//! Source: IAM User Guide, `reference_iam-quotas`; Organizations guide, `orgs_reference_limits`; API
//! Gateway guide, `limits`.

use crate::code::Code;
use crate::document::{PolicyDocument, PolicyType};
use crate::span::Span;

use super::Linter;

/// The most characters, white space not counted, of a managed policy.
pub const MANAGED_POLICY_CHARACTERS: usize = 6_144;

/// What may hold a policy of the type, and how many characters it takes.
fn quota(document: &PolicyDocument) -> Option<(&'static str, usize)> {
    match document.policy_type() {
        PolicyType::Identity => Some(("a managed policy", MANAGED_POLICY_CHARACTERS)),
        PolicyType::PermissionsBoundary => {
            Some(("a permissions boundary", MANAGED_POLICY_CHARACTERS))
        }
        PolicyType::Session => Some(("a session policy", 2_048)),
        PolicyType::RoleTrust => Some(("a trust policy", 2_048)),
        PolicyType::ServiceControl => Some(("a service control policy", 5_120)),
        PolicyType::ResourceControl => Some(("a resource control policy", 5_120)),
        PolicyType::Resource if is_about_an_api(document) => Some(("the policy of an API", 8_192)),
        PolicyType::Resource | PolicyType::VpcEndpoint => None,
    }
}

fn is_about_an_api(document: &PolicyDocument) -> bool {
    let mut actions = document.statements().iter().flat_map(|statement| &statement.action.patterns);
    actions.any(|action| {
        action.value.get(..12).is_some_and(|service| service.eq_ignore_ascii_case("execute-api:"))
    })
}

/// The most that any identity policy can have: the inline policies of a role.
const ROLE_INLINE: usize = 10_240;

pub(super) fn lint(linter: &mut Linter<'_>) {
    let Some((holder, quota)) = quota(linter.document) else { return };
    let length = length(linter.document.source());
    if length <= quota {
        return;
    }
    let message = format!(
        "{} characters without white space, {} more than {holder} can have",
        thousands(length),
        thousands(length - quota),
    );
    let fits_a_role =
        linter.document.policy_type() == PolicyType::Identity && length <= ROLE_INLINE;
    let suggestion = match fits_a_role {
        true => format!(
            "split it: the quota is {}, and {} inline in a role",
            thousands(quota),
            thousands(ROLE_INLINE)
        ),
        false => format!("split it: the quota is {}", thousands(quota)),
    };
    linter.report(Code::OverQuota, Span::new(0, 0), String::new(), message, suggestion);
}

/// The characters of a JSON text, white space between its elements not counted; white space within
/// strings is **(our choice)**.
fn length(source: &str) -> usize {
    let mut in_string = false;
    let mut escaped = false;
    let mut counted = 0;
    for character in source.trim_start_matches('\u{feff}').chars() {
        counted += usize::from(in_string || !character.is_ascii_whitespace());
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = in_string,
            '"' => in_string = !in_string,
            _ => {}
        }
    }
    counted
}

/// `6144` as `6,144`.
fn thousands(number: usize) -> String {
    match number / 1_000 {
        0 => number.to_string(),
        more => format!("{},{:03}", thousands(more), number % 1_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_between_elements_is_not_counted() {
        assert_eq!(length("{ \"a b\" :\n\t[1] }"), 11);
        assert_eq!(length(r#"{"\" \\": " "}"#), 13);
        assert_eq!(length("\u{feff}{}"), 2);
    }

    #[test]
    fn numbers_have_their_commas() {
        assert_eq!([7, 999, 1_000, 1_234_067].map(thousands), ["7", "999", "1,000", "1,234,067"]);
    }
}
