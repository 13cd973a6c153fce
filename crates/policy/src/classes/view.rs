//! What some policies see of resources.

use hashbrown::HashMap;

use super::steps::steps_of;
use super::{ResourceClasses, number};
use crate::compile::PolicySet;
use crate::condition::CompiledCondition;
use crate::key::Key;
use crate::statement::{CompiledStatement, Resources};

/// What some policies see of the classes that all patterns make; from [`ResourceClasses::view`].
///
/// A log's callers are bound to few patterns each, so views tell few resources apart where classes
/// tell many.
#[derive(Clone, Debug)]
pub struct View {
    /// The last steps of its policies' patterns, in order.
    ends: Box<[u32]>,
    numbers: HashMap<Box<[u32]>, u32>,
    /// The statements that have conditions.
    asking: Box<[Asking]>,
}

/// A statement that has conditions.
#[derive(Clone, Debug)]
struct Asking {
    about: About,
    /// The keys that the conditions refer to.
    keys: Box<[Box<str>]>,
}

/// Which resources a statement is about, by the last steps of patterns.
#[derive(Clone, Debug)]
enum About {
    /// Perhaps all of them: a pattern has variables, or there is none.
    Any,
    Only(Box<[u32]>),
    AllBut(Box<[u32]>),
}

impl ResourceClasses {
    /// How some of the policies see classes: those that match the same of their patterns alike.
    pub fn view<'a>(&self, sets: impl IntoIterator<Item = &'a PolicySet>) -> View {
        let (mut ends, mut asking) = (Vec::new(), Vec::new());
        for statement in sets.into_iter().flat_map(PolicySet::statements) {
            let patterns = statement.resources.patterns().iter();
            let own = patterns.map(|pattern| self.steps.end(&steps_of(pattern)?));
            let own: Vec<Option<u32>> = own.collect();
            ends.extend(own.iter().flatten());
            if !statement.conditions.is_empty() {
                asking.push(Asking::new(statement, own));
            }
        }
        ends.sort_unstable();
        ends.dedup();
        View { ends: ends.into(), numbers: HashMap::new(), asking: asking.into() }
    }

    /// The number of what a view sees of a class: of classes with the same number, its policies
    /// cannot tell any resources apart.
    pub fn seen(&self, view: &mut View, class: u32) -> u32 {
        let own = self.matching(class).iter().filter(|end| view.ends.binary_search(end).is_ok());
        let next = number(view.numbers.len());
        *view.numbers.entry(own.copied().collect()).or_insert(next)
    }

    /// The condition keys that a view's policies may look at for resources of a class: those of the
    /// statements that may be about them. The same key may come more than once.
    pub fn keys<'v>(&self, view: &'v View, class: u32) -> impl Iterator<Item = Key<'v>> {
        let matching = self.matching(class);
        let about = view.asking.iter().filter(move |asking| asking.about.may_be(matching));
        about.flat_map(|asking| &asking.keys).map(|name| Key::new(name))
    }

    /// The last steps of the patterns that a class matches.
    fn matching(&self, class: u32) -> &[u32] {
        self.matching.get(class as usize).map_or(&[], |matching| matching)
    }
}

impl Asking {
    /// A statement, and the last step of each of its patterns that has no variables.
    fn new(statement: &CompiledStatement, ends: Vec<Option<u32>>) -> Asking {
        let all = ends.into_iter().collect::<Option<Box<[u32]>>>();
        let about = match (&statement.resources, all) {
            (Resources::Only(_), Some(ends)) => About::Only(ends),
            (Resources::AllBut(_), Some(ends)) => About::AllBut(ends),
            _ => About::Any,
        };
        let keys = statement.conditions.iter().flat_map(CompiledCondition::keys);
        Asking { about, keys: keys.map(|key| key.as_str().into()).collect() }
    }
}

impl About {
    /// Whether these may be resources that match these patterns, and no others.
    fn may_be(&self, matching: &[u32]) -> bool {
        let any = |ends: &[u32]| ends.iter().any(|end| matching.binary_search(end).is_ok());
        match self {
            About::Any => true,
            About::Only(ends) => any(ends),
            About::AllBut(ends) => !any(ends),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classes::Head;
    use crate::document::{PolicyDocument, PolicyType};
    use crate::layers::Documents;

    #[track_caller]
    fn check_keys(statement: &serde_json::Value, resource: &str, expected: &[&str]) {
        let mut statement = statement.clone();
        statement["Effect"] = "Allow".into();
        statement["Action"] = "*".into();
        let policy = serde_json::json!({ "Version": "2012-10-17", "Statement": statement });
        let document = PolicyDocument::parse(&policy.to_string(), PolicyType::Identity).unwrap();
        let sets = Documents { identity: vec![document], ..Documents::default() }.compile();
        let mut classes = ResourceClasses::new(sets.identity.as_deref());
        let view = classes.view(sets.identity.as_deref());
        let class = classes.class(&mut Head::new(String::new()), resource).unwrap();
        let keys: Vec<&str> = classes.keys(&view, class).map(|key| key.name()).collect();
        assert_eq!(keys, expected, "{resource}");
    }

    #[test]
    fn keys_are_asked_for_the_resources_that_statements_are_about() {
        let condition = serde_json::json!({ "StringEquals": { "aws:UserAgent": "${aws:userid}" } });
        let (cats, both) = ("arn:aws:s3:::cats/*", &["aws:UserAgent", "aws:userid"]);
        let only = serde_json::json!({ "Resource": cats, "Condition": condition });
        check_keys(&only, "arn:aws:s3:::cats/tom", both);
        check_keys(&only, "arn:aws:s3:::dogs/rex", &[]);
        let all_but = serde_json::json!({ "NotResource": cats, "Condition": condition });
        check_keys(&all_but, "arn:aws:s3:::cats/tom", &[]);
        check_keys(&all_but, "arn:aws:s3:::dogs/rex", both);
        let of_ana = serde_json::json!({ "Resource": [cats, "arn:aws:s3:::${aws:username}/*"],
            "Condition": condition });
        check_keys(&of_ana, "arn:aws:s3:::dogs/rex", both);
        let without = serde_json::json!({ "Resource": cats });
        check_keys(&without, "arn:aws:s3:::cats/tom", &[]);
    }
}
