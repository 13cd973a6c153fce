//! Writing the answer to a case.

use serde::Serialize;
use serde_json::Value as Json;

use super::case::{Case, CaseError};
use crate::decision::{Decision, StatementId};
use crate::document::{PolicyDocument, PolicyType};
use crate::layers::Documents;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    id: &'a Json,
    decision: &'static str,
    determined_by: Vec<Statement<'a>>,
    depends_on: &'a [String],
}

/// A determining statement.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Statement<'a> {
    policy_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<usize>,
    policy: u32,
    statement: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<&'a str>,
    line: u32,
    column: u32,
}

#[derive(Serialize)]
struct Refusal<'a> {
    id: &'a Json,
    error: Error<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Error<'a> {
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<u32>,
}

pub(super) fn of_decision(
    case: &Case,
    decision: &Decision,
    determined_by: &[StatementId],
) -> String {
    let determining = determined_by.iter();
    let named = determining.filter_map(|id| Statement::of(&case.documents, *id)).collect();
    write(&Answer {
        id: &case.id,
        decision: decision.outcome.as_str(),
        determined_by: named,
        depends_on: &decision.depends_on,
    })
}

pub(super) fn of_error(error: &CaseError) -> String {
    write(&Refusal {
        id: &error.id,
        error: Error {
            message: &error.message,
            policy_type: error.place.map(|place| place.policy_type.as_str()),
            level: error.place.and_then(|place| level_of(place.policy_type, place.level)),
            policy: error.place.map(|place| place.policy),
            line: error.position.map(|position| position.line),
            column: error.position.map(|position| position.column),
        },
    })
}

fn write(answer: &impl Serialize) -> String {
    #[expect(clippy::expect_used, reason = "strings, numbers and lists of them always serialize")]
    serde_json::to_string(answer).expect("an answer serializes")
}

/// Only control policies have levels.
fn level_of(policy_type: PolicyType, level: usize) -> Option<usize> {
    let levelled = [PolicyType::ServiceControl, PolicyType::ResourceControl];
    levelled.contains(&policy_type).then_some(level)
}

impl<'a> Statement<'a> {
    fn of(documents: &'a Documents, id: StatementId) -> Option<Statement<'a>> {
        let document = document_of(documents, id)?;
        let statement = document.statements().get(id.statement as usize)?;
        Some(Statement {
            policy_type: id.policy_type.as_str(),
            level: level_of(id.policy_type, usize::from(id.level)),
            policy: id.policy,
            statement: id.statement,
            sid: statement.sid.as_ref().map(|sid| sid.value.as_str()),
            line: statement.position.line,
            column: statement.position.column,
        })
    }
}

/// The document that a statement's id points into.
fn document_of(documents: &Documents, id: StatementId) -> Option<&PolicyDocument> {
    let (level, policy) = (usize::from(id.level), id.policy as usize);
    match id.policy_type {
        PolicyType::Identity => documents.identity.get(policy),
        PolicyType::Resource | PolicyType::RoleTrust => documents.resource.as_ref(),
        PolicyType::PermissionsBoundary => documents.permissions_boundary.get(policy),
        PolicyType::Session => documents.session.as_ref(),
        PolicyType::ServiceControl => documents.service_control.get(level)?.get(policy),
        PolicyType::ResourceControl => documents.resource_control.get(level)?.get(policy),
        PolicyType::VpcEndpoint => documents.vpc_endpoint.as_ref(),
    }
}
