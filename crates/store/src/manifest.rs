//! `tollgate.toml` as its author wrote it: every field with its place.

use std::ops::Range;
use std::sync::Arc;

use serde::Deserialize;
use toml::Spanned;

use crate::problem::{Problem, suggestion};

/// The account manifest. Paths in it are relative to the folder that it stands in.
///
/// ```toml
/// account = "123456789012"
/// region  = "us-east-1"
///
/// [[principal]]
/// arn      = "arn:aws:iam::123456789012:role/issues-reader"
/// policies = ["policies/issues-reader.json"]
///
/// [[api]]
/// id     = "a1b2c3d4e5"
/// stages = ["prod"]
/// ```
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Manifest {
    /// The account's id, twelve digits.
    pub account: Spanned<String>,
    /// The region of APIs that name none.
    pub region: String,
    /// The partition; `aws` unless given.
    #[serde(default = "aws")]
    pub partition: String,
    /// Service control policies that the account is under: a list of files a level, from the root
    /// of the organization to the account.
    #[serde(default)]
    pub service_control: Vec<Vec<Spanned<String>>>,
    /// Resource control policies, likewise.
    #[serde(default)]
    pub resource_control: Vec<Vec<Spanned<String>>>,
    /// Groups of users.
    #[serde(default, rename = "group")]
    pub groups: Vec<GroupDecl>,
    /// Users, roles and federated users.
    #[serde(default, rename = "principal")]
    pub principals: Vec<PrincipalDecl>,
    /// APIs.
    #[serde(default, rename = "api")]
    pub apis: Vec<ApiDecl>,
}

/// A group of users.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GroupDecl {
    /// Its name, for principals to refer to.
    pub name: Spanned<String>,
    /// Files of the policies attached to it.
    pub policies: Vec<Spanned<String>>,
}

/// A user, a role or a federated user.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PrincipalDecl {
    /// Its ARN: `arn:aws:iam::ACCOUNT:user/NAME`, `…:role/NAME` or
    /// `arn:aws:sts::ACCOUNT:federated-user/NAME`. A role stands for all of its sessions.
    pub arn: Spanned<String>,
    /// Files of the policies attached to it.
    #[serde(default)]
    pub policies: Vec<Spanned<String>>,
    /// Groups that a user belongs to.
    #[serde(default)]
    pub groups: Vec<Spanned<String>>,
    /// File of the permissions boundary.
    pub boundary: Option<Spanned<String>>,
    /// File of the session policy that every session is created with.
    pub session: Option<Spanned<String>>,
}

/// An API.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApiDecl {
    /// Its id, the first label of its host name.
    pub id: Spanned<String>,
    /// Its stages; none means any.
    #[serde(default)]
    pub stages: Vec<String>,
    /// Its region; the manifest's unless given.
    pub region: Option<String>,
    /// The account that owns it; the manifest's unless given.
    pub account: Option<Spanned<String>>,
    /// File of its resource policy.
    pub resource_policy: Option<Spanned<String>>,
    /// `AWS_IAM` (unless given) or `NONE`.
    pub authorization: Option<Spanned<String>>,
    /// Its routes.
    #[serde(default, rename = "route")]
    pub routes: Vec<RouteDecl>,
}

/// A route of an API.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RouteDecl {
    /// The path with `{parameter}` segments; a last segment `{name+}` takes all the rest.
    pub path: Spanned<String>,
    /// Methods; none means any.
    #[serde(default)]
    pub methods: Vec<String>,
    /// The third party that requests are forwarded to.
    pub upstream: Option<String>,
    /// The alias of the credential that is injected. Never a secret itself.
    pub credential: Option<String>,
    /// `AWS_IAM` or `NONE`; the API's unless given.
    pub authorization: Option<Spanned<String>>,
}

fn aws() -> String {
    "aws".to_owned()
}

impl Manifest {
    /// Reads a manifest. `file` is the name that problems give it.
    ///
    /// # Errors
    /// The text is not TOML, or a field is unknown, missing or of the wrong type.
    pub fn parse(file: &str, text: &Arc<str>) -> Result<Manifest, Problem> {
        toml::from_str(text).map_err(|error| {
            let span = error.span();
            let (message, help) = in_our_words(error.message(), span.as_ref(), text);
            Problem { file: file.to_owned(), text: Arc::clone(text), span, message, help }
        })
    }
}

/// The parser's message as one line, and for an unknown field the nearest known one.
///
/// serde says ``unknown field `x`, expected one of `a`, `b` ``: the candidates are in back-ticks.
fn in_our_words(
    message: &str,
    span: Option<&Range<usize>>,
    text: &str,
) -> (String, Option<String>) {
    let message = message.trim().replace('\n', ", ");
    let Some((head, expected)) =
        message.split_once(", expected ").filter(|(head, _)| head.starts_with("unknown field"))
    else {
        return (message, None);
    };
    let written = span.and_then(|span| text.get(span.clone())).unwrap_or_default();
    let candidates = expected.split('`').skip(1).step_by(2);
    let help = suggestion(written.trim_matches('"'), candidates)
        .unwrap_or_else(|| format!("expected {expected}"));
    (head.to_owned(), Some(help))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str, help: Option<&str>) {
        let problem = Manifest::parse("tollgate.toml", &Arc::from(text)).unwrap_err();
        assert_eq!(problem.to_string(), expected);
        assert_eq!(problem.help.as_deref(), help);
    }

    #[test]
    fn an_unknown_field_has_its_place_and_a_suggestion() {
        check(
            "account = \"1\"\nregion = \"eu-west-1\"\n\n[[principal]]\narn = \"a\"\npolices = []\n",
            "tollgate.toml:6:1: unknown field `polices`",
            Some("did you mean `policies`?"),
        );
    }

    #[test]
    fn a_field_like_no_other_lists_them() {
        check(
            "account = \"1\"\nregion = \"eu-west-1\"\n[[group]]\nname = \"x\"\ncolour = 1\n",
            "tollgate.toml:5:1: unknown field `colour`",
            Some("expected `name` or `policies`"),
        );
    }

    #[test]
    fn an_account_id_must_be_quoted() {
        check(
            "account = 123456789012\nregion = \"eu-west-1\"\n",
            "tollgate.toml:1:11: invalid type: integer `123456789012`, expected a string",
            None,
        );
    }

    #[test]
    fn broken_toml_has_its_place() {
        check(
            "account = \n",
            "tollgate.toml:1:11: string values must be quoted, expected literal string",
            None,
        );
    }
}
