//! Whether a statement matches a request (sections 1 to 5): principal, action, resource and every
//! condition.

use super::condition::{holds, unknown_keys};
use super::pattern::{Pattern, Token, action_matches, glob};
use super::truth::Truth;
use crate::document::{PatternElement, PolicyDocument, PolicyType, Statement};
use crate::request::Request;

/// What a statement's elements, the principal excepted, make of a request.
pub(super) struct Match {
    pub(super) truth: Truth,
    /// The unknown keys that an unknown match depends on.
    pub(super) keys: Vec<String>,
}

pub(super) fn match_statement(
    document: &PolicyDocument,
    statement: &Statement,
    request: &Request<'_>,
) -> Match {
    let version = document.version();
    let mut truths = vec![Truth::from(action_applies(&statement.action, request.action()))];
    let mut keys = vec![];
    // "Exactly one of `Resource`/`NotResource` (in a role trust policy: neither)"; nor in the policy
    // of a container repository, whose resource is the repository.
    if let Some(element) = &statement.resource {
        let (truth, unknown) = resource_applies(element, document, request);
        truths.push(truth);
        keys.extend(unknown);
    }
    // "AND over operators, AND over keys"
    for condition in &statement.conditions {
        let truth = holds(condition, version, request);
        truths.push(truth);
        if truth == Truth::Unknown {
            keys.extend(unknown_keys(condition, version, request));
        }
    }
    Match { truth: Truth::all(truths), keys }
}

/// "Empty `Action` list: the statement has no effect", and so for `NotAction`.
fn action_applies(element: &PatternElement, action: &str) -> bool {
    let matches = element.patterns.iter().any(|pattern| action_matches(&pattern.value, action));
    !element.patterns.is_empty() && matches != element.negated
}

/// Whether `Resource` or `NotResource` covers the request's resource, and the unknown keys that it
/// depends on.
fn resource_applies(
    element: &PatternElement,
    document: &PolicyDocument,
    request: &Request<'_>,
) -> (Truth, Vec<String>) {
    if element.patterns.is_empty() {
        return (Truth::False, vec![]);
    }
    let mut truths = vec![];
    let mut keys = vec![];
    for pattern in &element.patterns {
        let (truth, unknown) = resource_matches(&pattern.value, document, request);
        truths.push(truth);
        keys.extend(unknown);
    }
    match Truth::any(truths) {
        Truth::Unknown => (Truth::Unknown, keys),
        settled => (if element.negated { settled.not() } else { settled }, vec![]),
    }
}

/// Section 2, "Resource is case-sensitive", and section 4 for its variables: an unresolved one
/// matches nothing; an unknown one may match if any text in its place would.
fn resource_matches(
    text: &str,
    document: &PolicyDocument,
    request: &Request<'_>,
) -> (Truth, Vec<String>) {
    let version = document.version();
    let (pattern, matches) = match text.strip_prefix("execute-api:/") {
        Some(short) if document.policy_type() == PolicyType::Resource => {
            let pattern = Pattern::read(short, version, request);
            let matches = short_form_matches(&pattern.tokens, request.resource());
            (pattern, matches)
        }
        // "Resource strings: `*`, or an ARN pattern." `*` alone matches whatever there is.
        _ => {
            let pattern = Pattern::read_resource(text, version, request);
            let matches = glob(&pattern.tokens, request.resource());
            (pattern, matches)
        }
    };
    if pattern.unresolved || !matches {
        (Truth::False, vec![])
    } else if pattern.unknown.is_empty() {
        (Truth::True, vec![])
    } else {
        (Truth::Unknown, pattern.unknown)
    }
}

/// Section 1: "the short form `execute-api:/stage/METHOD/path` stands for
/// `arn:aws:execute-api:REGION:ACCOUNT:API/stage/METHOD/path` of the API that the policy is
/// attached to", whichever that is.
fn short_form_matches(tokens: &[Token], resource: &str) -> bool {
    let parts: Vec<&str> = resource.splitn(6, ':').collect();
    match parts.as_slice() {
        ["arn", _, "execute-api", _, _, api_and_path] => {
            api_and_path.split_once('/').is_some_and(|(_, path)| glob(tokens, path))
        }
        _ => false,
    }
}
