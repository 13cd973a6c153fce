//! `[log]`: what the requests of this account are logged as, where a log cannot tell by itself.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::OneOrMany;

/// How to read the logs of this account. Without this section, as far as they tell by themselves.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LogDecl {
    /// Names of one's own in the logs, each with the variable (`$context.identity.userArn`) or the
    /// column (`user_arn`) that it stands for.
    #[serde(default)]
    pub names: BTreeMap<String, Spanned<String>>,
    /// The access log's formats, one an API or one a folder.
    #[serde(default, rename = "format")]
    pub formats: Vec<Spanned<LogFormatDecl>>,
}

/// The access log's format of one API, or of the logs in some place.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LogFormatDecl {
    /// Files, folders or globs that it is about; all logs unless given.
    #[serde(default)]
    pub paths: OneOrMany,
    /// The id of the API whose lines these are, where they do not say it.
    pub api: Option<Spanned<String>>,
    /// Their stage, likewise.
    pub stage: Option<String>,
    /// The format as the API is configured: text with `$context` variables.
    pub template: Option<Spanned<String>>,
    /// File to take the format from: the JSON of `aws apigateway get-stage` or `apigatewayv2
    /// get-stage`, or a CloudFormation, SAM or OpenAPI template.
    pub from: Option<Spanned<String>>,
}
