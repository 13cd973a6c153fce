//! Policies with one Allow statement more, in the layers that lack it.

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value as Json, json};
use tollgate_policy::{Explanation, LayerVerdict, Policies, PolicyDocument, PolicySet, PolicyType};

/// A statement to add to a policy of one layer.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyChange {
    /// The layer: `identity`, `resource`, `permissionsBoundary` …
    pub policy_type: String,
    /// Of service control policies, the level, from 0 at the root.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<usize>,
    /// Whose policy: a principal's ARN, or an API's id; nothing for service control policies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attached_to: Option<String>,
    /// The statement.
    pub statement: Json,
}

/// Where a change is tried: the principal whose calls, and the API.
pub(crate) struct Place<'p> {
    pub(crate) principal: &'p str,
    pub(crate) api: Option<&'p str>,
}

/// Layers with a statement more.
pub(crate) struct Overlay {
    action: String,
    resource: String,
    changes: Vec<PolicyChange>,
    identity: Option<PolicySet>,
    resource_policy: Option<PolicySet>,
    boundary: Option<PolicySet>,
    session: Option<PolicySet>,
    service_control: Option<Vec<Arc<PolicySet>>>,
}

impl Overlay {
    /// Nothing yet of a statement that allows an action on what a pattern matches.
    pub(crate) fn new(action: &str, resource: &str) -> Overlay {
        Overlay {
            action: action.to_owned(),
            resource: resource.to_owned(),
            changes: Vec::new(),
            identity: None,
            resource_policy: None,
            boundary: None,
            session: None,
            service_control: None,
        }
    }

    /// Adds the statement to the layers whose Allow is missing; gives whether it was added to any.
    pub(crate) fn add_missing(
        &mut self,
        explanation: &Explanation,
        base: Policies<'_>,
        place: &Place<'_>,
    ) -> bool {
        let before = self.changes.len();
        for layer in &explanation.missing {
            match layer {
                PolicyType::ServiceControl => self.add_to_levels(explanation, base),
                other => self.add_to(*other, base, place),
            }
        }
        self.changes.len() > before
    }

    fn add_to(&mut self, layer: PolicyType, base: Policies<'_>, place: &Place<'_>) {
        let (statement, attached_to) = match layer {
            PolicyType::Resource => (self.naming(place.principal), place.api),
            _ => (self.statement(), Some(place.principal)),
        };
        let (slot, set) = match layer {
            PolicyType::Identity => (&mut self.identity, base.identity),
            PolicyType::Resource => (&mut self.resource_policy, base.resource),
            PolicyType::PermissionsBoundary => (&mut self.boundary, base.permissions_boundary),
            PolicyType::Session => (&mut self.session, base.session),
            _ => return,
        };
        if slot.is_some() {
            return;
        }
        *slot = extended(set, &statement, layer);
        if slot.is_some() {
            self.changes.push(PolicyChange {
                policy_type: layer.as_str().to_owned(),
                level: None,
                attached_to: attached_to.map(str::to_owned),
                statement,
            });
        }
    }

    /// Adds the statement to every level that does not allow.
    fn add_to_levels(&mut self, explanation: &Explanation, base: Policies<'_>) {
        if self.service_control.is_some() {
            return;
        }
        let statement = self.statement();
        let mut levels = base.service_control.to_vec();
        for (number, level) in levels.iter_mut().enumerate() {
            let allows = explanation.layers.iter().any(|layer| {
                layer.policy_type == PolicyType::ServiceControl
                    && usize::from(layer.level) == number
                    && layer.verdict == LayerVerdict::Allows
            });
            let more = || extended(Some(level), &statement, PolicyType::ServiceControl);
            if let Some(more) = (!allows).then(more).flatten() {
                *level = Arc::new(more);
                self.changes.push(PolicyChange {
                    policy_type: PolicyType::ServiceControl.as_str().to_owned(),
                    level: Some(number),
                    attached_to: None,
                    statement: statement.clone(),
                });
            }
        }
        self.service_control = Some(levels);
    }

    fn statement(&self) -> Json {
        json!({ "Effect": "Allow", "Action": self.action, "Resource": self.resource })
    }

    /// The statement as a resource policy has it.
    fn naming(&self, principal: &str) -> Json {
        json!({
            "Effect": "Allow", "Principal": { "AWS": principal },
            "Action": self.action, "Resource": self.resource
        })
    }

    /// The policies of the principal and the API that the change is for.
    pub(crate) fn over<'s>(&'s self, base: Policies<'s>) -> Policies<'s> {
        let levels = self.service_control.as_deref();
        Policies {
            identity: self.identity.as_ref().or(base.identity),
            resource: self.resource_policy.as_ref().or(base.resource),
            permissions_boundary: self.boundary.as_ref().or(base.permissions_boundary),
            session: self.session.as_ref().or(base.session),
            service_control: levels.unwrap_or(base.service_control),
            ..base
        }
    }

    /// The policies of any principal at any API: those that the change concerns are changed.
    pub(crate) fn over_at<'s>(&'s self, base: Policies<'s>, place: &Place<'_>) -> Policies<'s> {
        let own = |policy_type: PolicyType, name: Option<&str>| {
            let mut changes = self.changes.iter();
            let change = changes.find(|change| change.policy_type == policy_type.as_str());
            change.is_some_and(|change| change.attached_to.as_deref() == name)
        };
        let principal = Some(place.principal);
        let changed = self.over(base);
        let pick = |policy_type, name, changed, unchanged| {
            if own(policy_type, name) { changed } else { unchanged }
        };
        Policies {
            identity: pick(PolicyType::Identity, principal, changed.identity, base.identity),
            resource: pick(PolicyType::Resource, place.api, changed.resource, base.resource),
            permissions_boundary: pick(
                PolicyType::PermissionsBoundary,
                principal,
                changed.permissions_boundary,
                base.permissions_boundary,
            ),
            session: pick(PolicyType::Session, principal, changed.session, base.session),
            service_control: match base.service_control {
                [] => &[],
                _ => changed.service_control,
            },
            ..base
        }
    }

    /// Whether the change concerns other principals, too.
    pub(crate) fn concerns_all(&self) -> bool {
        self.service_control.is_some()
    }

    pub(crate) fn into_changes(self) -> Vec<PolicyChange> {
        self.changes
    }
}

/// A layer with one statement more.
fn extended(set: Option<&PolicySet>, statement: &Json, layer: PolicyType) -> Option<PolicySet> {
    let document = json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string();
    let document = PolicyDocument::parse(&document, layer).ok()?;
    let documents = set.map_or(&[][..], PolicySet::documents).iter().cloned();
    Some(PolicySet::compile(documents.chain([document])))
}
