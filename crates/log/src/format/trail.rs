//! CloudTrail records: who called what, and who was denied.

use serde::Deserialize;

use super::Outcome;
use crate::identity::Denial;
use crate::rows::Rows;
use crate::schema::Field;

/// Error codes of a call that policy denied.
const DENIALS: [&str; 4] = [
    "AccessDenied",
    "AccessDeniedException",
    "Client.UnauthorizedOperation",
    "UnauthorizedOperation",
];

/// Reads a CloudTrail record into a new row.
pub(crate) fn read(text: &[u8], time: i64, rows: &mut Rows) -> Outcome {
    let trail: Trail = match serde_json::from_slice(text) {
        Ok(trail) => trail,
        Err(error) => return Outcome::Quarantined(super::access::describe(&error)),
    };
    if trail.event_name.is_none() {
        return Outcome::Quarantined("expected `eventName` in a CloudTrail record".to_owned());
    }
    rows.begin(time);
    let action = trail.action();
    let denied = trail.error_code.as_deref().is_some_and(|code| DENIALS.contains(&code));
    let resource = trail.resources.iter().flatten().find_map(|resource| resource.arn.as_deref());
    let who = trail.user_identity.unwrap_or_default();
    let caller = [&who.principal_id, &who.invoked_by, &who.user_name, &who.account_id];
    let caller = caller.into_iter().find_map(|name| name.as_deref());
    // The session of a federated user is a principal itself: only a role stands for its sessions.
    let is_role = who.kind.as_deref() == Some("AssumedRole");
    let issuer = who.session_context.filter(|_| is_role).and_then(|session| session.session_issuer);
    let principal = issuer.and_then(|issuer| issuer.arn).or_else(|| who.arn.clone());
    for (field, value) in [
        (Field::Time, trail.event_time.as_deref()),
        (Field::RequestId, trail.request_id.as_deref()),
        (Field::EventId, trail.event_id.as_deref()),
        (Field::AccountId, trail.recipient_account_id.as_deref()),
        (Field::Region, trail.aws_region.as_deref()),
        (Field::Status, denied.then_some("403")),
        (Field::UserArn, who.arn.as_deref()),
        (Field::PrincipalArn, principal.as_deref()),
        (Field::Caller, caller),
        (Field::User, who.user_name.as_deref()),
        (Field::AccessKeyId, who.access_key_id.as_deref()),
        (Field::CallerAccount, who.account_id.as_deref()),
        (Field::SourceIp, trail.source_ip_address.as_deref()),
        (Field::UserAgent, trail.user_agent.as_deref()),
        (Field::VpceId, trail.vpc_endpoint_id.as_deref()),
        (Field::ErrorType, trail.error_code.as_deref()),
        (Field::ErrorMessage, trail.error_message.as_deref()),
        (Field::EventType, trail.event_type.as_deref()),
        (Field::Action, action.as_deref()),
        (Field::Resource, resource),
    ] {
        rows.set_text(field, value.unwrap_or_default());
    }
    Outcome::Parsed
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Trail {
    event_time: Option<String>,
    event_source: Option<String>,
    event_name: Option<String>,
    event_type: Option<String>,
    aws_region: Option<String>,
    #[serde(rename = "sourceIPAddress")]
    source_ip_address: Option<String>,
    user_agent: Option<String>,
    error_code: Option<String>,
    error_message: Option<String>,
    #[serde(rename = "requestID")]
    request_id: Option<String>,
    #[serde(rename = "eventID")]
    event_id: Option<String>,
    recipient_account_id: Option<String>,
    vpc_endpoint_id: Option<String>,
    user_identity: Option<Identity>,
    resources: Option<Vec<Resource>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Identity {
    #[serde(rename = "type")]
    kind: Option<String>,
    principal_id: Option<String>,
    arn: Option<String>,
    account_id: Option<String>,
    access_key_id: Option<String>,
    user_name: Option<String>,
    invoked_by: Option<String>,
    session_context: Option<Session>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Session {
    session_issuer: Option<Issuer>,
}

#[derive(Deserialize)]
struct Issuer {
    arn: Option<String>,
}

#[derive(Deserialize)]
struct Resource {
    #[serde(rename = "ARN")]
    arn: Option<String>,
}

impl Trail {
    /// The action that was asked for: the denial's text knows it better than
    /// the name of the event (`s3:ListAllMyBuckets` against `ListBuckets`).
    fn action(&self) -> Option<String> {
        let denial = self.error_message.as_deref().and_then(Denial::parse);
        let stated = denial.and_then(|denial| denial.action).map(str::to_owned);
        let service = self.event_source.as_deref().and_then(|source| source.split('.').next());
        stated.or_else(|| Some(format!("{}:{}", service?, self.event_name.as_deref()?)))
    }
}
