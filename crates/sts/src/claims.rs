//! From signed claims to those that hold: issued by whom we trust, for us, now.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use tollgate_store::Account;

use crate::jwt::invalid;
use crate::keys::ContextKeys;
use crate::{Fault, FaultCode, SessionTag};

/// How many seconds the provider's clock may be ahead.
const CLOCK_SKEW_S: i64 = 300;

/// Claims as a token has them.
#[derive(Deserialize)]
pub(crate) struct RawClaims {
    pub(crate) iss: String,
    sub: String,
    aud: OneOrMany,
    azp: Option<String>,
    exp: f64,
    nbf: Option<f64>,
    iat: Option<f64>,
    amr: Option<OneOrMany>,
    #[serde(rename = "https://aws.amazon.com/tags")]
    tags: Option<TagClaims>,
    #[serde(rename = "https://aws.amazon.com/source_identity")]
    source_identity: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

/// Source: IAM User Guide, `id_session-tags`, "Passing session tags using
/// AssumeRoleWithWebIdentity".
#[derive(Deserialize)]
struct TagClaims {
    #[serde(default)]
    principal_tags: BTreeMap<String, OneOrMany>,
    #[serde(default)]
    transitive_tag_keys: Vec<String>,
}

/// Claims that hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// The issuer's URL.
    pub issuer: String,
    /// Whom it is about: the condition key `ISSUER:sub`.
    pub subject: String,
    /// For whom it is: the condition key `ISSUER:aud`.
    pub audience: String,
    /// How they signed in: the condition key `ISSUER:amr`.
    pub methods: Vec<String>,
    /// Tags that the session will have.
    pub tags: Vec<SessionTag>,
    /// The source identity that the session will have.
    pub source_identity: Option<String>,
}

impl OneOrMany {
    fn into_vec(self) -> Vec<String> {
        match self {
            OneOrMany::One(text) => vec![text],
            OneOrMany::Many(texts) => texts,
        }
    }
}

impl RawClaims {
    /// Judges the claims: for one of `audiences`, and valid at `now`.
    ///
    /// The audience is `azp` where the token has one, as AWS has it.
    pub(crate) fn judge(self, audiences: &[String], now: Timestamp) -> Result<Claims, Fault> {
        self.check_time(now)?;
        let for_whom = match self.azp {
            Some(authorized) => vec![authorized],
            None => self.aud.into_vec(),
        };
        let accepted = for_whom.into_iter().find(|audience| audiences.contains(audience));
        let audience = accepted.ok_or_else(|| invalid("Incorrect token audience"))?;
        Ok(Claims {
            issuer: self.iss,
            subject: self.sub,
            audience,
            methods: self.amr.map_or_else(Vec::new, OneOrMany::into_vec),
            tags: self.tags.map_or_else(|| Ok(Vec::new()), TagClaims::check)?,
            source_identity: self.source_identity,
        })
    }

    fn check_time(&self, now: Timestamp) -> Result<(), Fault> {
        let now_s = now.as_second();
        let (expires, begins) = (seconds(self.exp), self.nbf.into_iter().chain(self.iat));
        if now_s >= expires {
            let message = format!(
                "Token expired: current date/time {now_s} must be before the expiration date/time \
                 {expires}"
            );
            return Err(Fault::new(FaultCode::ExpiredWebIdentity, message));
        }
        let begins = begins.map(seconds).max().unwrap_or(i64::MIN);
        if begins.saturating_sub(now_s) > CLOCK_SKEW_S {
            return Err(invalid(format!(
                "Token not yet valid: it begins at {begins} and it is {now_s} here, so the clocks \
                 disagree"
            )));
        }
        Ok(())
    }
}

/// Whole seconds of a NumericDate, which may have a fraction.
fn seconds(date: f64) -> i64 {
    // The cast saturates, and takes what is no number for 1970.
    date.floor() as i64
}

impl TagClaims {
    fn check(self) -> Result<Vec<SessionTag>, Fault> {
        let is_transitive = |key: &str| {
            self.transitive_tag_keys.iter().any(|other| other.eq_ignore_ascii_case(key))
        };
        let tag = |(key, value): (&String, &OneOrMany)| match value {
            OneOrMany::One(value) => Ok((key.clone(), value.clone())),
            OneOrMany::Many(values) => match values.as_slice() {
                [value] => Ok((key.clone(), value.clone())),
                _ => Err(invalid(format!("The tag {key} must have one value"))),
            },
        };
        let tags: Vec<(String, String)> =
            self.principal_tags.iter().map(tag).collect::<Result<_, _>>()?;
        let is_fine = |(key, value): &(String, String)| {
            (1..=128).contains(&key.chars().count())
                && value.chars().count() <= 256
                && !key.to_ascii_lowercase().starts_with("aws:")
        };
        if tags.len() > 50 || !tags.iter().all(is_fine) {
            return Err(invalid(
                "Expected at most 50 tags with names of 128 characters, not beginning with `aws:`, \
                 and values of 256",
            ));
        }
        let whole = |(key, value): (String, String)| {
            let is_transitive = is_transitive(&key);
            SessionTag { key, value, is_transitive }
        };
        Ok(tags.into_iter().map(whole).collect())
    }
}

impl Claims {
    /// The provider as policies name it: the issuer without its scheme.
    fn provider_name(&self) -> &str {
        provider_name(&self.issuer)
    }

    /// The ARN that trust policies name as `Federated`, in the partition of the role.
    pub(crate) fn provider_arn(&self, account: &Account, role_arn: &str) -> String {
        let partition = role_arn.split(':').nth(1).unwrap_or("aws");
        let (account, name) = (account.id(), self.provider_name());
        format!("arn:{partition}:iam::{account}:oidc-provider/{name}")
    }

    pub(crate) fn write_keys(&self, keys: &mut ContextKeys) {
        let name = self.provider_name();
        keys.text(format!("{name}:sub"), &self.subject);
        keys.text(format!("{name}:aud"), &self.audience);
        if !self.methods.is_empty() {
            keys.set(format!("{name}:amr"), self.methods.iter().cloned());
        }
    }
}

/// An issuer's URL without `https://`.
pub(crate) fn provider_name(issuer: &str) -> &str {
    issuer.split_once("://").map_or(issuer, |(_, name)| name)
}
