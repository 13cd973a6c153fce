//! Everything that applies to a principal, and from where: for people and programs to read.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use tollgate_policy::{PolicySet, PolicyType, Principal, PrincipalKind};

use crate::account::{Account, ApiEntry, Layer, Levels, Subject};
use crate::origin::{Attachment, PolicyName};

/// What applies to a principal. Serialized, it is the JSON of `tollgate account show`, described by
/// fixtures/schemas/account-show.schema.json.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Overview {
    /// Of this document's form: 1.
    pub version: u32,
    /// The account's id, twelve digits.
    pub account: String,
    /// Who it is.
    pub principal: PrincipalEntry,
    /// All policies, layer by layer; within a layer in the order in which decisions count them.
    pub policies: Vec<PolicyEntry>,
}

/// A principal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PrincipalEntry {
    /// Its ARN.
    pub arn: String,
    /// Whether it is of another account, whose control policies are not known.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub foreign: bool,
    /// `user`, `role` or `federatedUser`.
    pub kind: &'static str,
    /// `AIDA…` or `AROA…`, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unique_id: Option<String>,
    /// The groups that a user belongs to.
    pub groups: Vec<String>,
    /// Its tags; `None` if they are not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<BTreeMap<String, String>>,
    /// Whether sessions may have tags of their own, which hide these.
    pub may_tag_sessions: bool,
    /// Where it is named, as `file:line:column`: the manifest, then the export.
    pub declared: Vec<String>,
    /// The fields of the manifest that replace what the export says.
    pub replaced: Vec<String>,
}

/// A policy that applies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyEntry {
    /// `identity`, `permissionsBoundary`, `session`, `roleTrust`, `serviceControl`, `resource` or
    /// `resourceControl`.
    pub policy_type: &'static str,
    /// Of control policies: the level, 0 for the root of the organization.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<usize>,
    /// Of a resource policy: the API's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api: Option<String>,
    /// `file`, `inline`, `managed`, `trust` or `api`: how the policy is kept.
    pub kind: &'static str,
    /// Its name, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Of a managed policy: its ARN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// Of a managed policy: the version in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_version: Option<String>,
    /// Of a managed policy: how many versions there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub versions: Option<usize>,
    /// The group that a user has it from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The file that it stands in.
    pub file: String,
    /// Line of the file where it begins, from 1.
    pub line: u32,
    /// Column where it begins, from 1, in characters.
    pub column: u32,
    /// How many statements it has.
    pub statements: usize,
}

impl Account {
    /// Lists what applies to a principal of the account, at any of its APIs.
    pub fn overview(&self, subject: &Subject) -> Overview {
        let mut policies = Vec::new();
        let layers = [
            (PolicyType::Identity, &subject.identity),
            (PolicyType::PermissionsBoundary, &subject.boundary),
            (PolicyType::Session, &subject.session),
            (PolicyType::RoleTrust, &subject.trust),
        ];
        for (policy_type, layer) in layers {
            policies.extend(layer.iter().flat_map(|layer| entries(policy_type, layer)));
        }
        // The policies of the organization bind the account's own principals and resources only.
        let foreign =
            Principal::parse(subject.arn()).and_then(|it| it.account()) != Some(self.id());
        if !foreign {
            policies.extend(levels(PolicyType::ServiceControl, &self.service_control));
        }
        policies.extend(self.apis().iter().flat_map(of_api));
        policies.extend(levels(PolicyType::ResourceControl, &self.resource_control));
        let principal = PrincipalEntry { foreign, ..PrincipalEntry::new(subject) };
        Overview { version: 1, account: self.id().to_owned(), principal, policies }
    }
}

impl PrincipalEntry {
    fn new(subject: &Subject) -> PrincipalEntry {
        let tags = subject.tags().map(|tags| {
            tags.iter().map(|tag| (tag.name().to_owned(), tag.value().to_owned())).collect()
        });
        let declared = subject.declared().iter().map(|at| format!("{}:{}", at.file, at.position));
        PrincipalEntry {
            arn: subject.arn().to_owned(),
            foreign: false,
            kind: match Principal::parse(subject.arn()).map(|principal| principal.kind()) {
                Some(PrincipalKind::Role { .. }) => "role",
                Some(PrincipalKind::FederatedUser { .. }) => "federatedUser",
                _ => "user",
            },
            unique_id: subject.unique_id().map(str::to_owned),
            groups: subject.groups().to_vec(),
            tags,
            may_tag_sessions: subject.may_tag_sessions(),
            declared: declared.collect(),
            replaced: subject.replaced().iter().map(|field| (*field).to_owned()).collect(),
        }
    }
}

fn entries(policy_type: PolicyType, layer: &Layer) -> Vec<PolicyEntry> {
    with_documents(&layer.set, &layer.attachments, policy_type)
}

fn with_documents(
    set: &PolicySet,
    attachments: &[Attachment],
    policy_type: PolicyType,
) -> Vec<PolicyEntry> {
    let both = attachments.iter().zip(set.documents());
    both.map(|(attachment, document)| {
        let statements = document.statements().len();
        PolicyEntry { statements, ..PolicyEntry::new(policy_type, attachment) }
    })
    .collect()
}

fn levels(policy_type: PolicyType, levels: &Levels) -> Vec<PolicyEntry> {
    let mut found = Vec::new();
    for (level, (set, attachments)) in levels.sets.iter().zip(&levels.attachments).enumerate() {
        let entries = with_documents(set, attachments, policy_type);
        found.extend(entries.into_iter().map(|entry| PolicyEntry { level: Some(level), ..entry }));
    }
    found
}

fn of_api(api: &ApiEntry) -> Vec<PolicyEntry> {
    let policies = api.resource.iter().flat_map(|layer| entries(PolicyType::Resource, layer));
    policies.map(|entry| PolicyEntry { api: Some(api.id.clone()), ..entry }).collect()
}

impl PolicyEntry {
    /// Where it begins, as `file:line:column`.
    pub fn place(&self) -> String {
        format!("{}:{}:{}", self.file, self.line, self.column)
    }

    fn new(policy_type: PolicyType, attachment: &Attachment) -> PolicyEntry {
        let Attachment { origin, group, .. } = attachment;
        let position = origin.position();
        let mut entry = PolicyEntry {
            policy_type: policy_type.as_str(),
            level: None,
            api: None,
            kind: "file",
            name: None,
            arn: None,
            policy_version: None,
            versions: None,
            group: group.as_ref().map(Arc::to_string),
            file: origin.file().to_owned(),
            line: position.line,
            column: position.column,
            statements: 0,
        };
        match origin.name() {
            PolicyName::File => {}
            PolicyName::Inline { name, .. } => {
                (entry.kind, entry.name) = ("inline", Some(name.clone()));
            }
            PolicyName::Managed { arn, name, version, versions } => {
                (entry.kind, entry.name) = ("managed", Some(name.clone()));
                (entry.arn, entry.versions) = (Some(arn.clone()), Some(*versions));
                entry.policy_version = Some(version.clone());
            }
            PolicyName::Trust { .. } => entry.kind = "trust",
            PolicyName::Api { .. } => entry.kind = "api",
        }
        entry
    }
}
