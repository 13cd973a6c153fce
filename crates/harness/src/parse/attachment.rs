//! `policies`: which documents stand in which layer.

use tollgate_policy::{AuthorizationType, PolicyType};

use crate::file::{Attachment, DocumentRef, LayerFields};
use crate::read::{Fields, Reader, items};
use crate::yaml::{Kind, Node};

/// The fields of `policies`: the layers, and how the API authorizes.
const FIELDS: [&str; 9] = [
    "identity",
    "resource",
    "permissionsBoundary",
    "session",
    "serviceControl",
    "resourceControl",
    "roleTrust",
    "vpcEndpoint",
    "authorizationType",
];

/// Reads `policies`.
pub(super) fn attachment(reader: &mut Reader<'_>, node: &Node) -> Option<Attachment> {
    let fields = reader.fields(node, "`policies`", &FIELDS)?;
    let layer = |policy_type: PolicyType| {
        let node = fields.value(policy_type.as_str())?;
        Some(LayerFields { policy_type, levels: levels(reader, policy_type, node) })
    };
    let layers: Vec<LayerFields> = PolicyType::ALL.into_iter().filter_map(layer).collect();
    if let (Some(node), Some(_)) = (fields.value("roleTrust"), fields.value("resource")) {
        reader.complain(node.span, "`roleTrust` and `resource` are one layer: a role's trust policy is its resource policy");
    }
    Some(Attachment { layers, authorization_type: authorization_type(reader, fields) })
}

fn levels(reader: &mut Reader<'_>, policy_type: PolicyType, node: &Node) -> Vec<Vec<DocumentRef>> {
    match policy_type {
        PolicyType::ServiceControl | PolicyType::ResourceControl => {
            items(node).iter().map(|level| documents(reader, level)).collect()
        }
        PolicyType::Identity | PolicyType::PermissionsBoundary => vec![documents(reader, node)],
        _ => {
            let documents = documents(reader, node);
            if documents.len() > 1 {
                let name = policy_type.as_str();
                reader.complain(
                    node.span,
                    format!("`{name}` takes one policy, found {}", documents.len()),
                );
            }
            vec![documents]
        }
    }
}

/// One document or a list of them; null for none.
fn documents(reader: &mut Reader<'_>, node: &Node) -> Vec<DocumentRef> {
    if node.is_null() {
        return Vec::new();
    }
    items(node).iter().filter_map(|item| document(reader, item)).collect()
}

fn document(reader: &mut Reader<'_>, node: &Node) -> Option<DocumentRef> {
    match &node.kind {
        Kind::Map(_) => Some(DocumentRef::Inline(reader.place(node.span))),
        _ => reader.text(node, "the path of a policy, or a policy in JSON").map(DocumentRef::File),
    }
}

fn authorization_type(reader: &mut Reader<'_>, fields: Fields<'_>) -> Option<AuthorizationType> {
    let text = fields.text(reader, "authorizationType")?;
    match text.value.as_str() {
        "AWS_IAM" => Some(AuthorizationType::AwsIam),
        "NONE" => Some(AuthorizationType::None),
        other => {
            let message = format!("expected `AWS_IAM` or `NONE`, found `{other}`");
            reader.complain(text.place.span, message);
            None
        }
    }
}
