//! A session: who acts, within which limits, from when to when. All that a token says.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tollgate_policy::{Context, Key, Principal, Value, key};

/// A session that somebody holds the credentials of.
///
/// The short names are those of the token's text, in which every byte is sent with every request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Session {
    /// The access key id that it signs with.
    #[serde(rename = "k")]
    pub access_key_id: String,
    /// Names the session for revocation and logs. Not secret.
    #[serde(rename = "j")]
    pub id: TokenId,
    /// How it came to be.
    #[serde(rename = "o")]
    pub origin: Origin,
    /// The ARN that acts: of a role session, a user, or a federated user.
    #[serde(rename = "p")]
    pub principal: String,
    /// The condition key `aws:userid`.
    #[serde(rename = "u")]
    pub user_id: String,
    /// The ARN of the role, path included, if it is a role's session.
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The session policy that was passed: its text, which parses.
    #[serde(rename = "l", default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// ARNs of managed policies that limit it, together with [`policy`](Self::policy).
    #[serde(rename = "m", default, skip_serializing_if = "Vec::is_empty")]
    pub policy_arns: Vec<String>,
    /// Session tags; they hide the role's of the same name.
    #[serde(rename = "t", default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<SessionTag>,
    /// The condition key `aws:SourceIdentity`.
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    pub source_identity: Option<String>,
    /// The condition key `aws:FederatedProvider`: who vouched for it.
    #[serde(rename = "f", default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// When it began: the condition key `aws:TokenIssueTime`.
    #[serde(rename = "i", with = "jiff::fmt::serde::timestamp::second::required")]
    pub issued_at: Timestamp,
    /// The first second at which it no longer holds.
    #[serde(rename = "e", with = "jiff::fmt::serde::timestamp::second::required")]
    pub expires_at: Timestamp,
}

/// How a session came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Origin {
    /// `AssumeRole` by a user or another principal with keys of its own.
    #[serde(rename = "a")]
    AssumedRole,
    /// `AssumeRole` by another role's session: role chaining.
    #[serde(rename = "c")]
    ChainedRole,
    /// `AssumeRoleWithWebIdentity`.
    #[serde(rename = "w")]
    WebIdentity,
    /// `GetSessionToken` of a user.
    #[serde(rename = "g")]
    UserSession,
    /// Handed to a workload by the credentials endpoints, without a call of its own.
    #[serde(rename = "d")]
    Delivered,
    /// A presigned `GetCallerIdentity`, which AWS answered.
    #[serde(rename = "b")]
    Bridged,
}

/// A tag of a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionTag {
    /// Its name, in the case that it was passed in; names compare without case.
    #[serde(rename = "k")]
    pub key: String,
    /// Its value.
    #[serde(rename = "v")]
    pub value: String,
    /// Whether sessions that this one begins inherit it.
    #[serde(rename = "t", default, skip_serializing_if = "std::ops::Not::not")]
    pub is_transitive: bool,
}

/// Names a session: 16 random bytes, in hexadecimal digits. The token's `jti`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenId(pub [u8; 16]);

impl Session {
    /// The ARN that acts, taken apart, with its unique id. `None` only for a session that no `Grant`
    /// of ours began.
    pub fn principal(&self) -> Option<Principal<'_>> {
        Some(Principal::parse(&self.principal)?.with_user_id(&self.user_id))
    }

    /// Sets the condition keys that only the session knows: its tags as `aws:PrincipalTag/NAME`,
    /// `aws:TokenIssueTime`, `aws:SourceIdentity` and `aws:FederatedProvider`. `tag_keys` are the
    /// names from [`tag_keys`](Self::tag_keys), which the context borrows.
    ///
    /// Tags of the principal itself are set before, so that the session's hide them.
    pub fn set_context<'a>(&'a self, tag_keys: &'a [String], context: &mut Context<'a>) {
        for (name, tag) in tag_keys.iter().zip(&self.tags) {
            context.set(Key::new(name), tag.value.as_str());
        }
        context.set(key::TOKEN_ISSUE_TIME, Value::Time(self.issued_at));
        if let Some(identity) = &self.source_identity {
            context.set(key::SOURCE_IDENTITY, identity.as_str());
        }
        if let Some(provider) = &self.provider {
            context.set(FEDERATED_PROVIDER, provider.as_str());
        }
    }

    /// The names of the condition keys of its tags, in the tags' order.
    pub fn tag_keys(&self) -> Vec<String> {
        self.tags.iter().map(|tag| format!("aws:PrincipalTag/{}", tag.key)).collect()
    }

    /// Whether a policy was passed that limits the session.
    pub fn is_limited(&self) -> bool {
        self.policy.is_some() || !self.policy_arns.is_empty()
    }
}

/// `aws:FederatedProvider`
pub(crate) const FEDERATED_PROVIDER: Key<'static> = Key::new("aws:FederatedProvider");

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenId({self})")
    }
}

/// A text that names no session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenIdError;

impl fmt::Display for TokenIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected 32 lower-case hexadecimal digits")
    }
}

impl std::error::Error for TokenIdError {}

impl FromStr for TokenId {
    type Err = TokenIdError;

    fn from_str(text: &str) -> Result<TokenId, TokenIdError> {
        let mut bytes = [0; 16];
        match base16ct::lower::decode(text, &mut bytes) {
            Ok(decoded) if decoded.len() == 16 => Ok(TokenId(bytes)),
            _ => Err(TokenIdError),
        }
    }
}

impl Serialize for TokenId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TokenId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<TokenId, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
