//! From elements to documents: statements with names, in order, within AWS's quota.

use std::collections::BTreeMap;

use serde::Serialize;
use tollgate_policy::{
    MANAGED_POLICY_CHARACTERS, PolicyDocument, PolicyErrors, PolicyType, Statement, Version,
};

use super::elements::{Element, denies};
use super::grants::{Grants, nowhere};

/// Statements of a policy to be, and what each is made of.
pub(crate) struct Composed {
    /// Sorted by name; those that deny are last.
    pub(crate) statements: Vec<Named>,
    /// The policies: as few as the quota allows.
    pub(crate) documents: Vec<PolicyDocument>,
}

/// A statement with its name, and the elements that it is made of.
pub(crate) struct Named {
    pub(crate) sid: String,
    /// The present statement that it is within.
    pub(crate) present: usize,
    pub(crate) statement: Statement,
    /// None in a Deny.
    pub(crate) elements: Vec<Element>,
}

/// Puts the policies of a principal together.
///
/// # Errors
/// None that is known: what is written is read back, and should be readable.
pub(crate) fn compose(
    elements: Vec<Element>,
    grants: &Grants<'_>,
) -> Result<Composed, PolicyErrors> {
    let mut names = Names::default();
    let mut statements = allows(elements, grants, &mut names);
    statements.sort_by(|left, right| left.sid.cmp(&right.sid));
    for (present, statement) in denies(grants) {
        let sid = names.unique(own_name(grants, present).unwrap_or("Deny"));
        let statement = Statement { sid: Some(nowhere(sid.clone())), ..statement };
        statements.push(Named { sid, present, statement, elements: Vec::new() });
    }
    let mut documents = Vec::new();
    for some in packed(&statements) {
        documents.push(PolicyDocument::parse(&written(&some), PolicyType::Identity)?);
    }
    Ok(Composed { statements, documents })
}

/// What becomes one statement: all that is within the same one, of one action and method.
type GroupKey = (usize, Vec<String>, Option<String>, bool);

fn allows(elements: Vec<Element>, grants: &Grants<'_>, names: &mut Names) -> Vec<Named> {
    let mut groups: BTreeMap<GroupKey, Vec<Element>> = BTreeMap::new();
    for element in elements {
        let actions = element.statement.action.patterns.iter().map(|action| action.value.clone());
        let negated = element.statement.resource.as_ref().is_some_and(|resource| resource.negated);
        let key = (element.present, actions.collect(), element.method.clone(), negated);
        groups.entry(key).or_default().push(element);
    }
    let shares: Vec<(usize, Vec<String>, Option<String>)> = groups
        .keys()
        .map(|(present, actions, method, _)| (*present, actions.clone(), method.clone()))
        .collect();
    let mut named = Vec::new();
    for ((present, actions, method, _), elements) in groups {
        let mut name = own_name(grants, present).unwrap_or("Allow").to_owned();
        let same = || shares.iter().filter(|(other, ..)| *other == present);
        if same().any(|(_, other, _)| *other != actions) {
            name.push_str(&match &*actions {
                [one] => last_word(one),
                _ => "Others".to_owned(),
            });
        }
        if same().any(|(_, of, other)| *of == actions && *other != method) {
            name.push_str(&last_word(method.as_deref().unwrap_or("Other")));
        }
        for elements in within_quota(elements) {
            let sid = names.unique(&name);
            named.extend(joined(sid, present, elements));
        }
    }
    named
}

/// The name of a present statement, if a policy's statement can have it.
fn own_name<'g>(grants: &'g Grants<'_>, present: usize) -> Option<&'g str> {
    let sid = grants.statements.get(present)?.statement.sid.as_ref()?;
    Some(sid.value.as_str()).filter(|sid| !sid.is_empty())
}

/// `execute-api:Invoke` as `Invoke`, `GET` as `Get`.
fn last_word(text: &str) -> String {
    let word = text.rsplit(':').next().unwrap_or(text);
    let letters: String = word.chars().filter(char::is_ascii_alphanumeric).collect();
    let is_method = letters.chars().all(|letter| letter.is_ascii_uppercase());
    let rest = letters.get(1..).unwrap_or_default();
    let rest = if is_method { rest.to_ascii_lowercase() } else { rest.to_owned() };
    letters.get(..1).unwrap_or_default().to_ascii_uppercase() + &rest
}

/// Names that are given once.
#[derive(Default)]
struct Names(BTreeMap<String, usize>);

impl Names {
    fn unique(&mut self, name: &str) -> String {
        let mut candidate = name.to_owned();
        let mut number = 1;
        while self.0.contains_key(&candidate) {
            number += 1;
            candidate = format!("{name}{number}");
        }
        self.0.insert(candidate.clone(), number);
        candidate
    }
}

/// The elements in lists that are each short enough for one statement of one policy.
fn within_quota(elements: Vec<Element>) -> Vec<Vec<Element>> {
    let all = joined(String::new(), 0, elements.clone());
    let length = all.map_or(0, |all| length(&[&all.statement]) + LONGEST_NAME);
    if length <= MANAGED_POLICY_CHARACTERS || elements.len() < 2 {
        return vec![elements];
    }
    let mut left = elements;
    let right = left.split_off(left.len() / 2);
    let mut lists = within_quota(left);
    lists.extend(within_quota(right));
    lists
}

/// Room for a name in the length of a statement.
const LONGEST_NAME: usize = 128;

/// One statement of all resources, in order.
fn joined(sid: String, present: usize, mut elements: Vec<Element>) -> Option<Named> {
    let resources = |element: &Element| -> Vec<String> {
        let resource = element.statement.resource.iter().flat_map(|it| &it.patterns);
        resource.map(|pattern| pattern.value.clone()).collect()
    };
    elements.sort_by_key(resources);
    let mut statement = elements.first()?.statement.clone();
    if let Some(resource) = statement.resource.as_mut().filter(|resource| !resource.negated) {
        resource.patterns = elements.iter().flat_map(resources).map(nowhere).collect();
    }
    statement.sid = Some(nowhere(sid.clone()));
    Some(Named { sid, present, statement, elements })
}

/// A document to be written.
#[derive(Serialize)]
struct Written<'s> {
    #[serde(rename = "Version")]
    version: Version,
    #[serde(rename = "Statement")]
    statements: &'s [&'s Statement],
}

fn written(statements: &[&Statement]) -> String {
    let document = Written { version: Version::V2012, statements };
    serde_json::to_string_pretty(&document).unwrap_or_default()
}

/// Characters of a document of these statements, white space not counted.
fn length(statements: &[&Statement]) -> usize {
    let document = Written { version: Version::V2012, statements };
    serde_json::to_string(&document).map_or(usize::MAX, |text| text.chars().count())
}

/// The statements of each policy: as many as fit, in order.
fn packed(statements: &[Named]) -> Vec<Vec<&Statement>> {
    let mut policies: Vec<Vec<&Statement>> = Vec::new();
    for named in statements {
        if let Some(last) = policies.last_mut() {
            last.push(&named.statement);
            if length(last) <= MANAGED_POLICY_CHARACTERS {
                continue;
            }
            last.pop();
        }
        policies.push(vec![&named.statement]);
    }
    policies
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_names_begin_with_a_capital() {
        let words = ["GET", "execute-api:Invoke", "s3:getObject", "$connect", ""].map(last_word);
        assert_eq!(words, ["Get", "Invoke", "GetObject", "Connect", ""]);
    }

    #[test]
    fn names_are_given_once() {
        let mut names = Names::default();
        assert_eq!(
            ["Read", "Read", "Read2", "Read"].map(|name| names.unique(name)),
            ["Read", "Read2", "Read22", "Read3"]
        );
    }
}
