//! What happened, for the log: one line a request, with no secret and no token in it.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

/// One request, and what came of it. Serializes as an object of the log.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// When it arrived.
    pub time: Timestamp,
    /// Names the request; the caller is told it.
    pub request_id: String,
    /// `AssumeRole` and its kind, `Bridge`, `ContainerCredentials`, `InstanceMetadata`; nothing where
    /// it could not be told what is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<&'static str>,
    /// Where it came from.
    pub source_ip: String,
    /// What the caller says it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// Who asked, once proven.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caller: Option<String>,
    /// The access key that signed, once proven.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_key_id: Option<String>,
    /// The role that was asked for, or that a workload of this machine has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The session that began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionEvent>,
    /// The status that was answered.
    pub status: u16,
    /// AWS's code for why nothing began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<&'static str>,
    /// Why not, for the operator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// The session that began, as far as the log has it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionEvent {
    /// Its id, which it can be revoked by.
    pub id: String,
    /// The access key id that it signs with.
    pub access_key_id: String,
    /// The ARN that acts.
    pub principal: String,
    /// When it ends.
    pub expires: Timestamp,
}

impl From<&tollgate_sts::Session> for SessionEvent {
    fn from(session: &tollgate_sts::Session) -> SessionEvent {
        SessionEvent {
            id: session.id.to_string(),
            access_key_id: session.access_key_id.clone(),
            principal: session.principal.clone(),
            expires: session.expires_at,
        }
    }
}

/// Is told what happened.
pub type Observer = Arc<dyn Fn(&Event) + Send + Sync>;
