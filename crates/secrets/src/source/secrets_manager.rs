//! A secret of AWS Secrets Manager.
//!
//! What is read is the stage `AWSCURRENT`, which a rotation moves from one version to the next.

use serde::{Deserialize, Serialize};
use tollgate_literals::told;
use tollgate_outbound::aws::{Addressed, JsonService};
use zeroize::Zeroizing;

use super::field::field_of;
use super::{Opening, Read, Reading, Source, SourceError, Version, secret_at};
use crate::reference::SecretsManagerReference;

/// Reads one secret, or one field of it.
pub struct SecretsManagerSource {
    reference: SecretsManagerReference,
    service: JsonService,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct GetSecretValue<'a> {
    secret_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_stage: Option<&'a str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SecretValue {
    secret_string: Option<Zeroizing<String>>,
    version_id: String,
}

impl SecretsManagerSource {
    /// The secret that the reference names.
    ///
    /// # Errors
    /// No region is known, or we cannot know who we are to AWS.
    pub(crate) fn open(
        reference: SecretsManagerReference,
        opening: &Opening,
    ) -> Result<SecretsManagerSource, SourceError> {
        let addressed = Addressed {
            name: "secretsmanager",
            target: "secretsmanager",
            variable: "SECRETS_MANAGER",
            region: reference
                .region
                .as_deref()
                .or_else(|| region_of_arn(&reference.secrets_manager)),
            endpoint: reference.endpoint.as_deref(),
            plain: opening.plain(reference.danger_plain_http),
        };
        let service = opening.service(&addressed)?;
        Ok(SecretsManagerSource { reference, service })
    }

    async fn ask(&self) -> Result<Reading, SourceError> {
        let reference = &self.reference;
        let place = format!("secret `{}` of AWS Secrets Manager", told(&reference.secrets_manager));
        let question = GetSecretValue {
            secret_id: &reference.secrets_manager,
            version_id: reference.version.as_deref(),
            version_stage: reference.stage.as_deref(),
        };
        let value: SecretValue = self
            .service
            .call("GetSecretValue", &question)
            .await
            .map_err(|error| SourceError::from(error.of(&place)))?;
        let text = value
            .secret_string
            .ok_or_else(|| SourceError::unfit(&place, "it is binary, expected a text"))?;
        let text = match &reference.field {
            Some(field) => field_of(&text, field, &place)?,
            None => text,
        };
        let secret = secret_at(place, text)?;
        Ok(Reading { secret, version: Version::new(value.version_id), expires: None })
    }
}

impl Source for SecretsManagerSource {
    fn read(&self) -> Read<'_> {
        Box::pin(self.ask())
    }
}

/// `arn:aws:secretsmanager:eu-west-1:…` → `eu-west-1`
fn region_of_arn(id: &str) -> Option<&str> {
    id.strip_prefix("arn:")?.split(':').nth(2).filter(|region| !region.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_names_its_region() {
        let arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:github/token-AbCdEf";
        assert_eq!(region_of_arn(arn), Some("eu-west-1"));
        assert_eq!(region_of_arn("github/token"), None);
    }
}
