//! Explanations and statement ids as JSON, in camelCase.

use serde::ser::{Serialize, SerializeStruct, Serializer};

use crate::decision::{Outcome, StatementId};
use crate::document::PolicyType;

use super::{
    Explanation, LayerExplanation, LayerVerdict, Matched, Miss, MissReason, StatementExplanation,
};

impl Serialize for Outcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl Serialize for PolicyType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl Serialize for StatementId {
    /// `policyType`, `level` for control policies, `policy`, `statement`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("StatementId", 4)?;
        object.serialize_field("policyType", &self.policy_type)?;
        match self.policy_type {
            PolicyType::ServiceControl | PolicyType::ResourceControl => {
                object.serialize_field("level", &self.level)?;
            }
            _ => object.skip_field("level")?,
        }
        object.serialize_field("policy", &self.policy)?;
        object.serialize_field("statement", &self.statement)?;
        object.end()
    }
}

impl Serialize for LayerVerdict {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            LayerVerdict::Denies => "denies",
            LayerVerdict::Allows => "allows",
            LayerVerdict::Undetermined => "undetermined",
            LayerVerdict::Silent => "silent",
        })
    }
}

impl Serialize for Explanation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Explanation", 11)?;
        object.serialize_field("version", &1)?;
        object.serialize_field("principal", &self.principal)?;
        object.serialize_field("action", &self.action)?;
        object.serialize_field("resource", &self.resource)?;
        object.serialize_field("decision", &self.outcome)?;
        object.serialize_field("determinedBy", &self.determined_by)?;
        object.serialize_field("dependsOn", &self.depends_on)?;
        object.serialize_field("missing", &self.missing)?;
        object.serialize_field("nearest", &self.nearest.and_then(|id| self.statement(id)))?;
        object.serialize_field("message", &self.aws_message())?;
        object.serialize_field("layers", &self.layers)?;
        object.end()
    }
}

impl Serialize for LayerExplanation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("LayerExplanation", 4)?;
        object.serialize_field("policyType", &self.policy_type)?;
        object.serialize_field("level", &self.level)?;
        object.serialize_field("verdict", &self.verdict)?;
        object.serialize_field("statements", &self.statements)?;
        object.end()
    }
}

impl Serialize for StatementExplanation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("StatementExplanation", 8)?;
        object.serialize_field("policy", &self.id.policy)?;
        object.serialize_field("statement", &self.id.statement)?;
        object.serialize_field("sid", &self.sid)?;
        object.serialize_field("effect", &self.effect)?;
        object.serialize_field("line", &self.position.line)?;
        object.serialize_field("column", &self.position.column)?;
        let (matches, miss, depends_on) = match &self.matched {
            Matched::Yes => (Some(true), None, [].as_slice()),
            Matched::No(miss) => (Some(false), Some(miss), [].as_slice()),
            Matched::Unknown(keys) => (None, None, keys.as_slice()),
        };
        object.serialize_field("matches", &matches)?;
        match miss {
            Some(miss) => object.serialize_field("miss", miss)?,
            None => object.skip_field("miss")?,
        }
        match depends_on {
            [] => object.skip_field("dependsOn")?,
            keys => object.serialize_field("dependsOn", keys)?,
        }
        object.end()
    }
}

impl Serialize for Miss {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Miss", 6)?;
        object.serialize_field("element", &self.element.to_string())?;
        object.serialize_field("pattern", &self.pattern)?;
        object.serialize_field("value", &self.value)?;
        object.serialize_field("line", &self.position.line)?;
        object.serialize_field("column", &self.position.column)?;
        object.serialize_field("reason", self.reason.as_str())?;
        object.end()
    }
}

impl MissReason {
    /// `noneMatches`, `excluded`, `emptyList`, `keyAbsent`, `severalValues`, `unreadable` or
    /// `unresolvedVariable`.
    pub fn as_str(&self) -> &'static str {
        match self {
            MissReason::NoneMatches => "noneMatches",
            MissReason::Excluded => "excluded",
            MissReason::EmptyList => "emptyList",
            MissReason::KeyAbsent => "keyAbsent",
            MissReason::SeveralValues => "severalValues",
            MissReason::Unreadable => "unreadable",
            MissReason::UnresolvedVariable(_) => "unresolvedVariable",
        }
    }
}
