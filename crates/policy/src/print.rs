//! From a document back to JSON.
//!
//! What is printed reads back as an equal document. It is the document's meaning, not its layout:
//! lists of one become scalars, and `…:root` becomes the account's id.

use serde::ser::{Serialize, SerializeMap, SerializeStruct, Serializer};

use crate::document::{
    Condition, Effect, PatternElement, PolicyDocument, PrincipalElement, PrincipalPattern,
    Statement, Version,
};
use crate::span::Spanned;

impl PolicyDocument {
    /// The document as JSON on one line, without white space.
    pub fn to_json(&self) -> String {
        #[expect(
            clippy::expect_used,
            reason = "writes strings and lists to memory: nothing can fail"
        )]
        serde_json::to_string(self).expect("a document is JSON")
    }
}

impl Serialize for PolicyDocument {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut document = serializer.serialize_struct("PolicyDocument", 3)?;
        if let Some(version) = self.declared_version() {
            document.serialize_field("Version", &version)?;
        }
        if let Some(id) = self.id() {
            document.serialize_field("Id", &id.value)?;
        }
        document.serialize_field("Statement", self.statements())?;
        document.end()
    }
}

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Version::V2008 => "2008-10-17",
            Version::V2012 => "2012-10-17",
        })
    }
}

impl Serialize for Effect {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Effect::Allow => "Allow",
            Effect::Deny => "Deny",
        })
    }
}

impl Serialize for Statement {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut statement = serializer.serialize_map(None)?;
        if let Some(sid) = &self.sid {
            statement.serialize_entry("Sid", &sid.value)?;
        }
        statement.serialize_entry("Effect", &self.effect.value)?;
        if let Some(principal) = &self.principal {
            let name = if principal.negated { "NotPrincipal" } else { "Principal" };
            statement.serialize_entry(name, principal)?;
        }
        let name = if self.action.negated { "NotAction" } else { "Action" };
        statement.serialize_entry(name, &self.action)?;
        if let Some(resource) = &self.resource {
            let name = if resource.negated { "NotResource" } else { "Resource" };
            statement.serialize_entry(name, resource)?;
        }
        if !self.conditions.is_empty() {
            statement.serialize_entry("Condition", &ConditionBlock(&self.conditions))?;
        }
        statement.end()
    }
}

/// A list of one is printed as its element.
struct OneOrMany<'a, T>(&'a [T]);

impl<T: Serialize> Serialize for OneOrMany<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            [one] => one.serialize(serializer),
            many => many.serialize(serializer),
        }
    }
}

fn texts(values: &[Spanned<String>]) -> Vec<&str> {
    values.iter().map(|value| value.value.as_str()).collect()
}

impl Serialize for PatternElement {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        OneOrMany(&texts(&self.patterns)).serialize(serializer)
    }
}

impl Serialize for PrincipalElement {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let [everyone] = self.principals.as_slice()
            && everyone.value == PrincipalPattern::Everyone
        {
            return serializer.serialize_str("*");
        }
        let mut types = serializer.serialize_map(None)?;
        // Principals of one type stand together, as they did in the object they were read from.
        let same_type = |left: &Spanned<PrincipalPattern>, right: &Spanned<PrincipalPattern>| {
            left.value.type_and_name().0 == right.value.type_and_name().0
        };
        for chunk in self.principals.chunk_by(same_type) {
            let named: Vec<_> = chunk.iter().map(|named| named.value.type_and_name()).collect();
            let names: Vec<_> = named.iter().map(|(_, name)| *name).collect();
            if let Some((principal_type, _)) = named.first() {
                types.serialize_entry(principal_type, &OneOrMany(&names))?;
            }
        }
        types.end()
    }
}

impl PrincipalPattern {
    /// How a policy writes it: the name in the principal map, and the value.
    fn type_and_name(&self) -> (&'static str, &str) {
        match self {
            PrincipalPattern::Everyone => ("AWS", "*"),
            PrincipalPattern::Account(name)
            | PrincipalPattern::Arn(name)
            | PrincipalPattern::UniqueId(name) => ("AWS", name),
            PrincipalPattern::Service(name) => ("Service", name),
            PrincipalPattern::Federated(name) => ("Federated", name),
            PrincipalPattern::CanonicalUser(name) => ("CanonicalUser", name),
        }
    }
}

struct ConditionBlock<'a>(&'a [Condition]);

impl Serialize for ConditionBlock<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut operators = serializer.serialize_map(None)?;
        let same_operator =
            |left: &Condition, right: &Condition| left.operator.value == right.operator.value;
        for chunk in self.0.chunk_by(same_operator) {
            if let Some(first) = chunk.first() {
                operators.serialize_entry(&first.operator.value.to_string(), &KeyBlock(chunk))?;
            }
        }
        operators.end()
    }
}

struct KeyBlock<'a>(&'a [Condition]);

impl Serialize for KeyBlock<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|condition| {
            (condition.key.value.as_str(), OneOrManyOwned(texts(&condition.values)))
        }))
    }
}

/// [`OneOrMany`] of values made for the occasion.
struct OneOrManyOwned<'a>(Vec<&'a str>);

impl Serialize for OneOrManyOwned<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        OneOrMany(&self.0).serialize(serializer)
    }
}
