//! The policies that apply to a cell, compiled, and the files that they came from.

use std::fmt;
use std::sync::Arc;

use tollgate_policy::{
    AuthorizationType, Documents, Policies, PolicyDocument, PolicySets, PolicyType, Statement,
    StatementId,
};

use crate::place::{Place, SourceFile};

/// A policy in its layer.
#[derive(Clone, Debug)]
pub struct AttachedPolicy {
    /// The file that it was read from.
    pub source: Arc<SourceFile>,
    /// The level of a control policy, from 0 at the root; 0 otherwise.
    pub level: u16,
    /// Which policy of its layer and level, from 0.
    pub index: u32,
    /// The policy.
    pub document: Arc<PolicyDocument>,
}

impl AttachedPolicy {
    /// What it was read as.
    pub fn policy_type(&self) -> PolicyType {
        self.document.policy_type()
    }

    /// The layer that it stands in: a role's trust policy is the policy of the role as a resource.
    pub fn layer(&self) -> PolicyType {
        layer_of(self.policy_type())
    }

    /// What a decision calls a statement of this policy.
    pub fn statement_id(&self, statement: usize) -> StatementId {
        StatementId {
            policy_type: self.layer(),
            level: self.level,
            policy: self.index,
            statement: u32::try_from(statement).unwrap_or(u32::MAX),
        }
    }

    /// Where a span of the document stands.
    pub fn place(&self, span: tollgate_policy::Span) -> Place {
        Place::new(&self.source, span)
    }
}

/// The layer in which policies of a type stand.
pub(crate) fn layer_of(policy_type: PolicyType) -> PolicyType {
    match policy_type {
        PolicyType::RoleTrust => PolicyType::Resource,
        other => other,
    }
}

/// All policies that apply to a request.
#[derive(Debug)]
pub struct Bundle {
    policies: Vec<AttachedPolicy>,
    levels: [u16; 2],
    authorization_type: AuthorizationType,
    sets: PolicySets,
}

impl Bundle {
    /// Compiles policies that stand in their layers' order. `levels` are the numbers of service and
    /// of resource control levels: a level may be empty, and then allows nothing.
    pub fn new(
        policies: Vec<AttachedPolicy>,
        levels: [u16; 2],
        authorization_type: AuthorizationType,
    ) -> Bundle {
        let sets = documents(&policies, levels, authorization_type).compile();
        Bundle { policies, levels, authorization_type, sets }
    }

    /// The layers, ready to decide.
    pub fn layers(&self) -> Policies<'_> {
        self.sets.borrow()
    }

    /// The policies, layer by layer.
    pub fn policies(&self) -> &[AttachedPolicy] {
        &self.policies
    }

    /// The statement that a decision names.
    pub fn cite(&self, id: StatementId) -> Option<Citation<'_>> {
        let stands_there = |policy: &&AttachedPolicy| {
            (policy.layer(), policy.level, policy.index) == (id.policy_type, id.level, id.policy)
        };
        let policy = self.policies.iter().find(stands_there)?;
        let statement = policy.document.statements().get(id.statement as usize)?;
        Some(Citation { policy, statement, id })
    }

    /// The same policies with one of them replaced.
    #[must_use]
    pub fn replacing(&self, index: usize, document: PolicyDocument) -> Bundle {
        let mut policies = self.policies.clone();
        if let Some(policy) = policies.get_mut(index) {
            policy.document = Arc::new(document);
        }
        Bundle::new(policies, self.levels, self.authorization_type)
    }

    /// The same policies without a layer; of control policies, without one level.
    #[must_use]
    pub fn without(&self, layer: PolicyType, level: u16) -> Bundle {
        let mut levels = self.levels;
        let dropped = match layer {
            PolicyType::ServiceControl => levels.first_mut(),
            PolicyType::ResourceControl => levels.last_mut(),
            _ => None,
        };
        if let Some(count) = dropped {
            *count = count.saturating_sub(1);
        }
        let stays =
            |policy: &AttachedPolicy| policy.policy_type() != layer || policy.level != level;
        let moved = |policy: &AttachedPolicy| {
            let above = policy.policy_type() == layer && policy.level > level;
            AttachedPolicy { level: policy.level - u16::from(above), ..policy.clone() }
        };
        let policies = self.policies.iter().filter(|policy| stays(policy)).map(moved).collect();
        Bundle::new(policies, levels, self.authorization_type)
    }
}

fn documents(
    policies: &[AttachedPolicy],
    levels: [u16; 2],
    authorization_type: AuthorizationType,
) -> Documents {
    let [service, resource] = levels.map(usize::from);
    let mut documents = Documents {
        service_control: vec![Vec::new(); service],
        resource_control: vec![Vec::new(); resource],
        authorization_type,
        ..Documents::default()
    };
    for policy in policies {
        let document = PolicyDocument::clone(&policy.document);
        let level = usize::from(policy.level);
        match policy.policy_type() {
            PolicyType::Identity => documents.identity.push(document),
            PolicyType::PermissionsBoundary => documents.permissions_boundary.push(document),
            PolicyType::Resource | PolicyType::RoleTrust => documents.resource = Some(document),
            PolicyType::Session => documents.session = Some(document),
            PolicyType::VpcEndpoint => documents.vpc_endpoint = Some(document),
            PolicyType::ServiceControl => push_at(&mut documents.service_control, level, document),
            PolicyType::ResourceControl => {
                push_at(&mut documents.resource_control, level, document);
            }
        }
    }
    documents
}

fn push_at(levels: &mut Vec<Vec<PolicyDocument>>, level: usize, document: PolicyDocument) {
    if levels.len() <= level {
        levels.resize(level + 1, Vec::new());
    }
    if let Some(policies) = levels.get_mut(level) {
        policies.push(document);
    }
}

/// A statement with the policy and file that it stands in. Prints as
/// `` `Sid` of FILE:LINE:COLUMN ``.
#[derive(Clone, Copy, Debug)]
pub struct Citation<'a> {
    /// The policy.
    pub policy: &'a AttachedPolicy,
    /// The statement.
    pub statement: &'a Statement,
    /// What a decision calls it.
    pub id: StatementId,
}

impl<'a> Citation<'a> {
    /// Where the statement stands.
    pub fn place(&self) -> Place {
        self.policy.place(self.statement.span)
    }

    /// Its Sid, or its number in the document.
    pub fn name(&self) -> String {
        match &self.statement.sid {
            Some(sid) => sid.value.clone(),
            None => format!("#{}", self.id.statement),
        }
    }

    /// Its Sid, if it has one.
    pub fn sid(&self) -> Option<&'a str> {
        self.statement.sid.as_ref().map(|sid| sid.value.as_str())
    }
}

impl fmt::Display for Citation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` of {}", self.name(), self.place())
    }
}
