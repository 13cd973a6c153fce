//! Policies with one Allow statement more, in the layers that lack it.

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value as Json, json};
use tollgate_policy::{
    Explanation, LayerVerdict, Policies, PolicyDocument, PolicySet, PolicyType, Principal,
    StatementId,
};
use tollgate_store::{Account, Applicable, PolicyName};

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
    /// Of a boundary or session policy, which is one policy: its ARN or file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// The version of the policy language that the document must have: `2012-10-17` where the statement
    /// has `${*}` in the place of a `*` of the path, or the like.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<&'static str>,
    /// Other principals of the account that the policy limits, too.
    #[serde(skip_serializing_if = "crate::report::is_zero")]
    pub shared_with: usize,
    /// The statement.
    pub statement: Json,
}

/// Where a change is tried: the principal whose calls, and the API.
#[derive(Clone, Copy)]
pub(crate) struct Place<'p> {
    pub(crate) principal: &'p str,
    pub(crate) api: Option<&'p str>,
}

/// Layers with a statement more.
pub(crate) struct Overlay<'a> {
    account: &'a Account,
    applicable: Applicable<'a>,
    /// The layers as they are.
    base: Policies<'a>,
    place: Place<'a>,
    action: String,
    resource: String,
    changes: Vec<PolicyChange>,
    identity: Option<PolicySet>,
    resource_policy: Option<PolicySet>,
    boundary: Option<PolicySet>,
    session: Option<PolicySet>,
    service_control: Option<Vec<Arc<PolicySet>>>,
}

impl<'a> Overlay<'a> {
    /// Nothing yet of a statement that allows an action on what a pattern matches.
    pub(crate) fn new(
        (account, applicable): (&'a Account, Applicable<'a>),
        place: Place<'a>,
        (action, resource): (&str, &str),
    ) -> Overlay<'a> {
        Overlay {
            account,
            applicable,
            base: applicable.policies(),
            place,
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
    pub(crate) fn add_missing(&mut self, explanation: &Explanation) -> bool {
        let before = self.changes.len();
        for layer in &explanation.missing {
            match layer {
                PolicyType::ServiceControl => self.add_to_levels(explanation),
                other => self.add_to(*other),
            }
        }
        self.changes.len() > before
    }

    fn add_to(&mut self, layer: PolicyType) {
        let Place { principal, api } = self.place;
        let (statement, attached_to) = match layer {
            PolicyType::Resource => (self.naming(principal), api),
            _ => (self.statement(), Some(principal)),
        };
        let (policy, shared_with) = match layer {
            PolicyType::PermissionsBoundary | PolicyType::Session => {
                (self.policy(layer), self.shared_with(layer))
            }
            _ => (None, 0),
        };
        let base = self.base;
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
                policy,
                version: self.version(),
                shared_with,
                statement,
            });
        }
    }

    /// The policy of a layer that has only one: by its ARN if it is a managed one, else by its file.
    fn policy(&self, layer: PolicyType) -> Option<String> {
        let first = StatementId { policy_type: layer, level: 0, policy: 0, statement: 0 };
        let origin = self.applicable.cite(first)?.origin;
        Some(match origin.name() {
            PolicyName::Managed { arn, .. } => arn.clone(),
            _ => origin.file().to_owned(),
        })
    }

    /// How many other principals have the same policy as theirs.
    fn shared_with(&self, layer: PolicyType) -> usize {
        let of = |policies: &Policies<'a>| match layer {
            PolicyType::Session => policies.session,
            _ => policies.permissions_boundary,
        };
        let others = self.account.subjects().iter().map(|subject| subject.arn());
        let others = others.filter(|arn| *arn != self.place.principal);
        let theirs = others.filter_map(|arn| {
            of(&self.account.policies_for(&Principal::parse(arn)?, None).policies())
        });
        theirs.filter(|set| is_same(Some(set), of(&self.base))).count()
    }

    /// Adds the statement to every level that does not allow.
    fn add_to_levels(&mut self, explanation: &Explanation) {
        if self.service_control.is_some() {
            return;
        }
        let statement = self.statement();
        let mut levels = self.base.service_control.to_vec();
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
                    policy: None,
                    version: self.version(),
                    shared_with: 0,
                    statement: statement.clone(),
                });
            }
        }
        self.service_control = Some(levels);
    }

    fn version(&self) -> Option<&'static str> {
        self.resource.contains("${").then_some("2012-10-17")
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
    pub(crate) fn policies(&self) -> Policies<'_> {
        let base = self.base;
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

    /// The policies of any principal at any API: those that the change concerns are changed. A boundary
    /// or session policy is changed for whoever has it.
    pub(crate) fn policies_at<'s>(&'s self, at: Policies<'s>, place: &Place<'_>) -> Policies<'s> {
        let (base, changed) = (self.base, self.policies());
        let pick = |concerns, changed, unchanged| if concerns { changed } else { unchanged };
        let boundary = is_same(at.permissions_boundary, base.permissions_boundary);
        Policies {
            identity: pick(place.principal == self.place.principal, changed.identity, at.identity),
            resource: pick(place.api == self.place.api, changed.resource, at.resource),
            permissions_boundary: pick(
                boundary,
                changed.permissions_boundary,
                at.permissions_boundary,
            ),
            session: pick(is_same(at.session, base.session), changed.session, at.session),
            service_control: match std::ptr::eq(at.service_control, base.service_control) {
                true => changed.service_control,
                false => at.service_control,
            },
            ..at
        }
    }

    /// Whether the change may concern other principals, too.
    pub(crate) fn concerns_others(&self) -> bool {
        self.service_control.is_some() || self.boundary.is_some() || self.session.is_some()
    }

    pub(crate) fn into_changes(self) -> Vec<PolicyChange> {
        self.changes
    }
}

/// Whether two layers are of the same policies: those are compiled once.
fn is_same(one: Option<&PolicySet>, other: Option<&PolicySet>) -> bool {
    one.zip(other).is_some_and(|(one, other)| std::ptr::eq(one, other))
}

/// A layer with one statement more.
fn extended(set: Option<&PolicySet>, statement: &Json, layer: PolicyType) -> Option<PolicySet> {
    let document = json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string();
    let document = PolicyDocument::parse(&document, layer).ok()?;
    let documents = set.map_or(&[][..], PolicySet::documents).iter().cloned();
    Some(PolicySet::compile(documents.chain([document])))
}
