//! What an open decision hangs on, so that those of two accounts can be compared: a condition that was
//! turned round leaves calls as open as they were, and decides each of them otherwise.

use serde_json::Value as Json;
use tollgate_policy::{AuthorizationType, LayerVerdict, PolicyType, Request, Version, explain};
use tollgate_store::Citation;

use crate::bindings::Binding;

/// What an open decision hangs on: what is certain, and the statements that may match. Where two are
/// equal, whatever settles one decision settles the other in the same way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct HangsOn {
    authorization_type: AuthorizationType,
    /// What the layers say that say something.
    layers: Vec<(PolicyType, u16, LayerVerdict)>,
    /// The statements that may match, in order of their texts, wherever they stand.
    statements: Vec<(PolicyType, u16, Version, String)>,
}

impl HangsOn {
    /// Of a request that policies leave open.
    pub(crate) fn of(binding: &Binding<'_>, request: &Request<'_>) -> HangsOn {
        let explanation = explain(binding.policies(), request);
        let layers = explanation.layers.iter().filter(|it| it.verdict != LayerVerdict::Silent);
        let statements = explanation.determined_by.iter().filter_map(|id| {
            let citation = binding.applicable.cite(*id)?;
            Some((id.policy_type, id.level, citation.document.version(), written(&citation)))
        });
        let mut statements: Vec<_> = statements.collect();
        statements.sort_unstable();
        HangsOn {
            authorization_type: binding.policies().authorization_type,
            layers: layers.map(|it| (it.policy_type, it.level, it.verdict)).collect(),
            statements,
        }
    }
}

/// What a statement says about requests that it may match: not its name, nor what they match in any
/// case. Its resource may have variables, whose values are not known.
fn written(citation: &Citation<'_>) -> String {
    let mut statement = serde_json::to_value(citation.statement).unwrap_or_default();
    if let Some(members) = statement.as_object_mut() {
        let has_variables = |value: &Json| value.to_string().contains("${");
        members.retain(|name, value| match name.as_str() {
            "Sid" | "Action" | "NotAction" => false,
            "Resource" | "NotResource" => has_variables(value),
            _ => true,
        });
    }
    statement.to_string()
}
