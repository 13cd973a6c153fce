//! What type of policy a text may be, from what stands in it.

use crate::document::PolicyType;
use crate::json::{Member, Node, Shape};

use super::statement::is_of_ecr;

impl PolicyType {
    /// Guesses the type of a document from its elements: statements about principals and resources
    /// make a resource policy, about principals alone a trust policy (or the policy of a container
    /// repository, by its actions), anything else an identity policy.
    ///
    /// Other types are written like one of these, so a guess can be wrong; it is for tools that have
    /// nothing better to go by. It never fails: a text that is no policy is an identity policy with
    /// errors.
    ///
    /// ```
    /// use tollgate_policy::PolicyType;
    ///
    /// let source = r#"{"Statement": {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}}"#;
    /// assert_eq!(PolicyType::guess(source), PolicyType::RoleTrust);
    /// ```
    pub fn guess(source: &str) -> PolicyType {
        let elements = elements(source).unwrap_or_default();
        let some = |names: [&str; 2]| elements.iter().any(|it| names.contains(&it.key.as_ref()));
        match (some(["Principal", "NotPrincipal"]), some(["Resource", "NotResource"])) {
            (false, _) => PolicyType::Identity,
            (true, true) => PolicyType::Resource,
            (true, false) if elements.iter().any(is_about_a_repository) => PolicyType::Resource,
            (true, false) => PolicyType::RoleTrust,
        }
    }
}

/// The elements of all statements.
fn elements(source: &str) -> Option<Vec<Member<'_>>> {
    let members = Node::root(source).ok()?.members().ok()?;
    let statement = members.into_iter().find(|member| member.key == "Statement")?.value;
    let statements = match statement.shape() {
        Shape::Array => statement.elements().ok()?,
        _ => vec![statement],
    };
    let objects = statements.iter().filter(|node| node.shape() == Shape::Object);
    Some(objects.filter_map(|node| node.members().ok()).flatten().collect())
}

/// Whether an element names actions of the container registry.
fn is_about_a_repository(element: &Member<'_>) -> bool {
    let actions = match element.value.shape() {
        _ if element.key != "Action" => Vec::new(),
        Shape::Array => element.value.elements().unwrap_or_default(),
        _ => vec![element.value],
    };
    actions.iter().any(|action| action.string().is_ok_and(|text| is_of_ecr(&text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(source: &str, expected: PolicyType) {
        assert_eq!(PolicyType::guess(source), expected, "{source}");
    }

    #[test]
    fn principals_and_resources_tell() {
        check(r#"{"Statement": [{"Resource": "*"}]}"#, PolicyType::Identity);
        check(r#"{"Statement": [{"Resource": "*"}, {"NotPrincipal": {}}]}"#, PolicyType::Resource);
        check(r#"{"Statement": {"Principal": "*"}}"#, PolicyType::RoleTrust);
        let repository = r#"{"Statement": {"Principal": "*", "Action": ["ecr:BatchGetImage"]}}"#;
        check(repository, PolicyType::Resource);
    }

    #[test]
    fn what_is_no_policy_is_an_identity_policy() {
        for source in ["", "[]", "{}", r#"{"Statement": 1}"#, r#"{"Statement": [1]}"#] {
            check(source, PolicyType::Identity);
        }
    }
}
