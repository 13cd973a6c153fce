//! `tollgate.toml` as its author wrote it: every field with its place.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{SeqAccess, Visitor};
use toml::Spanned;
use toml::de::DeTable;

use self::unknown::UnknownField;
use crate::confidential::told;
use crate::problem::{Problem, Problems};

mod broker;
mod credential;
mod files;
mod gateway;
mod log;
mod route;
mod sts;
mod unknown;
mod upstream;

pub use broker::BrokerDecl;
pub use credential::{
    BasicDecl, CredentialDecl, HeaderDecl, InjectDecl, Oauth2Decl, QueryDecl, SecretDecl, Sigv4Decl,
};
pub use gateway::{
    AccessLogDecl, CloudWatchLogDecl, FileLogDecl, GatewayDecl, LimitsDecl, TlsDecl,
};
pub use log::{LogDecl, LogFormatDecl};
pub use route::{CacheDecl, RouteDecl, RouteThrottleDecl, ThrottleDecl};
pub use sts::{BridgeDecl, ContainerDecl, MetadataDecl, ProviderDecl, StsDecl};
pub use upstream::UpstreamDecl;

/// The account manifest, `tollgate.toml`. Paths in it are relative to the folder that it stands in;
/// fixtures/schemas/manifest.schema.json describes it to editors.
///
/// An account is written by hand, taken from what AWS exports, or both:
///
/// ```console
/// $ aws iam get-account-authorization-details > account.json
/// $ aws apigateway get-rest-apis > rest-apis.json
/// ```
///
/// Where both speak of the same principal, group or API, each field that the manifest gives
/// **replaces** what the export says of it, and each that it does not give is the export's. So a
/// session policy is added to an exported role, and the files of a change are tried in the place of
/// the policies in force. `tollgate account show` says which fields were replaced.
///
/// All fields:
///
/// ```
/// # use std::sync::Arc;
/// # let text: Arc<str> = Arc::from(r#"
/// ## The account's id: twelve digits, quoted.
/// account   = "123456789012"
/// ## The region of APIs that name none.
/// region    = "us-east-1"
/// ## `aws` unless given; `aws-cn`, `aws-us-gov` …
/// partition = "aws"
///
/// ## Exports: a file, or a list of files. Pages may stand one after the other in one file.
/// authorizationDetails = ["account-1.json", "account-2.json"]
/// restApis             = "rest-apis.json"
///
/// ## Control policies of the organization: a list of files a level, from the root to the account.
/// ## Every level must allow. RCPFullAWSAccess is implied, FullAWSAccess is not.
/// serviceControl  = [["scp/full-access.json"], ["scp/full-access.json", "scp/no-deletes.json"]]
/// resourceControl = [["rcp/our-networks.json"]]
///
/// [[group]]
/// name     = "developers"
/// policies = ["policies/developers.json"]
///
/// [[principal]]
/// ## A user, a role (for all of its sessions) or a federated user.
/// arn      = "arn:aws:iam::123456789012:role/ci/release-bot"
/// ## Files, or ARNs of managed policies of the export, whose default version counts.
/// policies = ["policies/release-bot.json", "arn:aws:iam::123456789012:policy/ReadReports"]
/// ## The most that those can grant: a file or an ARN.
/// boundary = "policies/boundary.json"
/// ## The policy that every session is created with: a file.
/// session  = "policies/this-month.json"
/// ## Who may assume the role: a file.
/// trust    = "policies/ecs-tasks.json"
/// ## The condition keys aws:PrincipalTag/team …; `{}` for none, left out for not known.
/// tags     = { team = "web", "cost center" = "17" }
/// ## The unique id, for aws:userid and for logs that tell no ARN.
/// userId   = "AROAEXAMPLEREL000001"
/// ## The longest session of the role, in seconds.
/// sessionSMax = 7200
///
/// [[principal]]
/// arn    = "arn:aws:iam::123456789012:user/ana"
/// ## Of the manifest or of the export.
/// groups = ["developers"]
///
/// [[api]]
/// ## The first label of its host name.
/// id             = "a1b2c3d4e5"
/// ## Left out for any.
/// stages         = ["prod", "test"]
/// ## The manifest's unless given.
/// region         = "eu-west-1"
/// account        = "123456789012"
/// ## A file; in the place of the export's.
/// resourcePolicy = "policies/api.json"
/// ## `AWS_IAM` unless given, or `NONE`.
/// authorization  = "AWS_IAM"
/// ## Other host names that it is called by, on any port unless one is written, with the stage that
/// ## each stands for.
/// hosts          = { "issues.example.com" = "prod" }
///
/// [[api.route]]
/// ## `{name}` takes one segment, `{name+}` at the end all the rest.
/// path          = "/repos/{owner}/{repo}/issues"
/// ## Left out for any.
/// methods       = ["GET"]
/// ## The third party that requests are forwarded to, and the alias of the credential for it, or
/// ## a list of them.
/// upstream      = "github"
/// credential    = "github-reader"
/// ## The API's unless given.
/// authorization = "NONE"
/// ## From here on for the gateway, each with its default if left out.
/// timeoutMs         = 29000
/// bodyBytesMax      = 65536
/// cache             = { ttlS = 300, shared = false, headers = ["accept"] }
/// throttle          = { rate = 50, burst = 100, by = ["principal", "route"] }
/// allowEncodedSlash = true
/// allowSemicolon    = false
/// unsignedPayload   = false
/// refuseReplays     = false
/// scrubBody         = true
/// learnQuota        = true
///
/// [[api.route]]
/// ## A broker in the place of an upstream: a signed POST is answered with a login to its database.
/// path     = "/databases/reports"
/// methods  = ["POST"]
/// upstream = "reports"
///
/// [[upstream]]
/// name    = "github"
/// url     = "https://api.github.com"
/// ## Which addresses that may be: `public`, `private` or `loopback`; and which of them.
/// network = "public"
/// allow   = ["140.82.112.0/20"]
/// ## Authorities to trust in the place of the system's.
/// ca               = "github-ca.pem"
/// connectTimeoutMs = 5000
/// timeoutMs        = 29000
/// idleTimeoutMs    = 60000
///
/// [[credential]]
/// name     = "github-reader"
/// upstream = "github"
/// ## Where it is kept. A literal is refused.
/// secret   = { env = "GITHUB_TOKEN" }
/// ## `"bearer"` unless given, or `{ basic = { username } }`, `{ query = { name } }`, `"path"`,
/// ## `{ oauth2 = { tokenUpstream, clientId, … } }`, `{ sigv4 = { accessKeyId, region, service } }`.
/// inject   = { header = { name = "authorization", format = "token {secret}" } }
/// ## All requests that use it, together.
/// throttle = { rate = 1.4, burst = 100 }
///
/// [log]
/// ## Names of one's own in logs, and the variables or columns that they stand for.
/// names = { who = "$context.identity.userArn", ms = "response_latency_ms" }
///
/// [[log.format]]
/// ## The logs that it is about: files, folders, globs. Left out for all.
/// paths    = ["logs/legacy"]
/// ## What their lines do not say.
/// api      = "a1b2c3d4e5"
/// stage    = "prod"
/// ## The format as the API is configured, or `from`, a file that configures it.
/// template = '$context.identity.sourceIp "$context.httpMethod $context.path" $context.status'
///
/// [[broker]]
/// name     = "reports"
/// ## How the broker logs in, and to which role's rights its logins come.
/// server   = "db.internal:5432"
/// user     = "tollgate"
/// password = { env = "REPORTS_PASSWORD" }
/// database = "app"
/// template = "reports_reader"
/// ## Which logins exist: made if it is not there, mode 0600.
/// journal  = "run/reports.journal"
/// ## Where callers connect to, if elsewhere; `verify-full` unless given, or `disable`.
/// public   = "db.example.com:5432"
/// sslMode  = "verify-full"
/// ca       = "db-ca.pem"
/// ttlS               = 900
/// ttlSMax            = 3600
/// connectionsMax     = 5
/// leasesMax          = 1000
/// leasesPerCallerMax = 20
///
/// [gateway]
/// listen     = ["127.0.0.1:8080"]
/// admin      = "127.0.0.1:9090"
/// tls        = { certificate = "tls/chain.pem", key = "tls/key.pem" }
/// ## Access keys for local development, mode 0600.
/// identities = "identities.toml"
/// accessLog  = [
///   "stdout",
///   { file = { path = "access.jsonl", bytesMax = 100000000, filesMax = 10 } },
///   { cloudWatch = { group = "/tollgate/access", stream = "host-1", region = "eu-west-1" } },
/// ]
///
/// [gateway.limits]
/// connectionsMax = 4096
/// headTimeoutMs  = 10000
///
/// [sts]
/// listen       = "127.0.0.1:8081"
/// ## 64 hexadecimal digits each, mode 0600. The first seals, all of them open.
/// masterKeys   = ["keys/2026-11.key", "keys/2026-10.key"]
/// revocations  = "revoked.toml"
/// durationS    = 3600
/// durationSMin = 900
/// durationSMax = 43200
///
/// [[sts.provider]]
/// issuer    = "https://token.actions.githubusercontent.com"
/// audiences = ["tollgate"]
/// ## Left out for keys to be fetched, from a host with a certificate of `ca`, if given.
/// jwks      = "github-jwks.json"
///
/// [[sts.container]]
/// listen    = "127.0.0.1:8082"
/// role      = "arn:aws:iam::123456789012:role/ci/release-bot"
/// session   = "ci-1"
/// ## Made if it is not there, mode 0600.
/// tokenFile = "run/ci-1.token"
///
/// [sts.metadata]
/// listen  = "127.0.0.1:8083"
/// role    = "arn:aws:iam::123456789012:role/ci/release-bot"
/// session = "host-1"
///
/// [sts.bridge]
/// serverId = "gateway.example.com"
/// accounts = ["210987654321"]
/// # "#);
/// # let manifest = tollgate_store::Manifest::parse("tollgate.toml", &text).unwrap();
/// # assert_eq!(manifest.authorization_details.0.len(), 2);
/// # assert_eq!(manifest.apis[0].routes[0].credential.0[0].get_ref(), "github-reader");
/// # assert_eq!(manifest.log.formats[0].get_ref().stage.as_deref(), Some("prod"));
/// # assert_eq!(manifest.gateway.unwrap().limits.connections_max, 4096);
/// # assert_eq!(manifest.apis[0].routes[1].upstream.as_ref().unwrap(), &manifest.brokers[0].name);
/// # assert_eq!(manifest.sts.unwrap().master_keys.get_ref().len(), 2);
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
    /// Output of `aws iam get-account-authorization-details`: a file or a list of files, each with
    /// one page or several, one after the other.
    #[serde(default)]
    pub authorization_details: OneOrMany,
    /// Output of `aws apigateway get-rest-apis` or `get-rest-api`: a file or a list of files.
    #[serde(default)]
    pub rest_apis: OneOrMany,
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
    /// What requests are logged as.
    #[serde(default)]
    pub log: LogDecl,
    /// The gateway as a service.
    pub gateway: Option<GatewayDecl>,
    /// The security token service.
    pub sts: Option<StsDecl>,
    /// Third parties that requests are forwarded to.
    #[serde(default, rename = "upstream")]
    pub upstreams: Vec<UpstreamDecl>,
    /// Databases that callers get logins of their own to.
    #[serde(default, rename = "broker")]
    pub brokers: Vec<BrokerDecl>,
    /// Credentials that are injected.
    #[serde(default, rename = "credential")]
    pub credentials: Vec<CredentialDecl>,
}

/// A text, or a list of texts: a file or several, an alias or several.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OneOrMany(pub Vec<Spanned<String>>);

/// A group of users.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GroupDecl {
    /// Its name, for principals to refer to.
    pub name: Spanned<String>,
    /// Files of the policies attached to it, or ARNs of managed policies of the export.
    pub policies: Vec<Spanned<String>>,
}

/// A user, a role or a federated user.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PrincipalDecl {
    /// Its ARN: `arn:aws:iam::ACCOUNT:user/NAME`, `…:role/NAME` or
    /// `arn:aws:sts::ACCOUNT:federated-user/NAME`. A role stands for all of its sessions.
    pub arn: Spanned<String>,
    /// Files of the policies attached to it, or ARNs of managed policies of the export.
    pub policies: Option<Vec<Spanned<String>>>,
    /// Groups that a user belongs to, of the manifest or of the export.
    pub groups: Option<Vec<Spanned<String>>>,
    /// File of the permissions boundary, or the ARN of a managed policy of the export.
    pub boundary: Option<Spanned<String>>,
    /// File of the session policy that every session is created with.
    pub session: Option<Spanned<String>>,
    /// File of a role's trust policy, which says who may assume it.
    pub trust: Option<Spanned<String>>,
    /// Its tags: the condition keys `aws:PrincipalTag/NAME`. Without this field its tags are not
    /// known; with an empty table it has none.
    pub tags: Option<BTreeMap<String, String>>,
    /// Its unique id, `AIDA…` or `AROA…`: the condition key `aws:userid`, and the `caller` of a log.
    pub user_id: Option<String>,
    /// The longest session of a role, in seconds.
    pub session_s_max: Option<u32>,
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
    /// Host names that it is called by, beside its own, each with the stage that it stands for: a
    /// path of theirs does not begin with the stage. One without a port is meant on any.
    #[serde(default)]
    pub hosts: BTreeMap<String, Spanned<String>>,
    /// Its routes.
    #[serde(default, rename = "route")]
    pub routes: Vec<RouteDecl>,
}

fn aws() -> String {
    "aws".to_owned()
}

impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<OneOrMany, D::Error> {
        let either = Spanned::<Either>::deserialize(deserializer)?;
        let span = either.span();
        Ok(OneOrMany(match either.into_inner() {
            Either::One(text) => vec![Spanned::new(span, text)],
            Either::Many(texts) => texts,
        }))
    }
}

enum Either {
    One(String),
    Many(Vec<Spanned<String>>),
}

impl<'de> Deserialize<'de> for Either {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Either, D::Error> {
        struct EitherVisitor;

        impl<'de> Visitor<'de> for EitherVisitor {
            type Value = Either;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a string or a list of strings")
            }

            fn visit_str<E>(self, text: &str) -> Result<Either, E> {
                Ok(Either::One(text.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Either, A::Error> {
                let mut texts = Vec::new();
                while let Some(text) = list.next_element()? {
                    texts.push(text);
                }
                Ok(Either::Many(texts))
            }
        }

        deserializer.deserialize_any(EitherVisitor)
    }
}

impl Manifest {
    /// Reads a manifest. `file` is the name that problems give it.
    ///
    /// # Errors
    /// The text is not TOML, fields are unknown, or one is missing or of the wrong type.
    pub fn parse(file: &str, text: &Arc<str>) -> Result<Manifest, Problems> {
        let (manifest, problems) = Manifest::as_meant(file, text)?;
        Problems::none_or(problems, manifest)
    }

    /// Reads it as it was probably meant, so that what else is wrong is found, too: fields that are unknown
    /// are taken for those with nearly the same name, or left out. These are the problems beside it.
    pub(crate) fn as_meant(
        file: &str,
        text: &Arc<str>,
    ) -> Result<(Manifest, Vec<Problem>), Problems> {
        let problem = |span, message: &str, help| {
            let (text, message) = told(text, message);
            Problem { file: file.to_owned(), text, span, message, help, policy: None }
        };
        let mut table = DeTable::parse(text)
            .map_err(|error| problem(error.span(), &in_a_line(error.message()), None))?;
        let mut problems = Vec::new();
        let manifest = loop {
            let error = match Manifest::deserialize(toml::Deserializer::from(table.clone())) {
                Ok(manifest) => break Some(manifest),
                Err(error) => error,
            };
            let message = in_a_line(error.message());
            match UnknownField::of(&message, error.span(), text) {
                Some(unknown) if unknown.mend(table.get_mut()) => {
                    problems.push(problem(error.span(), unknown.message, Some(unknown.help())));
                }
                _ => {
                    problems.push(problem(error.span(), &message, None));
                    break None;
                }
            }
        };
        problems.sort_by_key(|it| it.span.as_ref().map(|span| span.start));
        match manifest {
            Some(manifest) => Ok((manifest, problems)),
            None => Err(Problems(problems)),
        }
    }
}

/// The parser's message as one line.
fn in_a_line(message: &str) -> String {
    message.trim().replace('\n', ", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str, help: Option<&str>) {
        check_all(text, &[(expected, help)]);
    }

    #[track_caller]
    fn check_all(text: &str, expected: &[(&str, Option<&str>)]) {
        let problems = Manifest::parse("tollgate.toml", &Arc::from(text)).unwrap_err();
        let told = problems.iter().map(|it| (it.to_string(), it.help.clone()));
        let expected =
            expected.iter().map(|(it, help)| ((*it).to_owned(), help.map(str::to_owned)));
        assert!(told.eq(expected), "{problems:#?}");
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
    fn what_else_is_wrong_is_told_beside_unknown_fields() {
        check_all(
            "account = \"1\"\nregion = \"r\"\n[[groups]]\nname = \"g\"\ncolour = 1\npolices = 7\n",
            &[
                ("tollgate.toml:3:3: unknown field `groups`", Some("did you mean `group`?")),
                (
                    "tollgate.toml:5:1: unknown field `colour`",
                    Some("expected `name` or `policies`"),
                ),
                ("tollgate.toml:6:1: unknown field `polices`", Some("did you mean `policies`?")),
                ("tollgate.toml:6:11: invalid type: integer `7`, expected a sequence", None),
            ],
        );
    }

    #[test]
    fn a_field_like_no_other_lists_them() {
        check(
            "account = \"1\"\nregion = \"eu-west-1\"\n[[group]]\npolicies = []\nname = \"x\"\ncolour = 1\n",
            "tollgate.toml:6:1: unknown field `colour`",
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

    const HEAD: &str = "account = \"1\"\nregion = \"r\"\n";

    #[test]
    fn a_literal_secret_is_refused_and_not_repeated() {
        for literal in ["\"vanilla\"", "12345", "-1.5", "true"] {
            check(
                &format!(
                    "{HEAD}[[credential]]\nname = \"a\"\nupstream = \"b\"\nsecret = {literal}\n"
                ),
                "tollgate.toml:6:10: a literal secret; expected where it is kept, such as \
                 `{ env = \"NAME\" }`",
                None,
            );
        }
    }

    #[test]
    fn fields_of_the_gateway_are_suggested_too() {
        check(
            &format!("{HEAD}[gateway]\nlisten = []\nlimits = {{ bodyBytesMx = 1 }}\n"),
            "tollgate.toml:5:12: unknown field `bodyBytesMx`",
            Some("did you mean `bodyBytesMax`?"),
        );
        check(
            &format!("{HEAD}[[upstream]]\nname = \"a\"\nurl = \"b\"\nnetwrk = \"c\"\n"),
            "tollgate.toml:6:1: unknown field `netwrk`",
            Some("did you mean `network`?"),
        );
    }

    #[test]
    fn fields_of_the_log_are_suggested_too() {
        check(
            &format!("{HEAD}[log]\nname = {{ who = \"user_arn\" }}\n"),
            "tollgate.toml:4:1: unknown field `name`",
            Some("did you mean `names`?"),
        );
        check(
            &format!("{HEAD}[[log.format]]\npaths = \"legacy\"\ntemplat = \"$context.path\"\n"),
            "tollgate.toml:5:1: unknown field `templat`",
            Some("did you mean `template`?"),
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

    #[test]
    fn an_export_is_a_file_or_a_list_of_files_each_with_its_place() {
        let read = |field: &str| {
            let text = format!("account = \"1\"\nregion = \"r\"\nrestApis = {field}\n");
            let manifest = Manifest::parse("tollgate.toml", &Arc::from(text.as_str())).unwrap();
            let written = |file: &Spanned<String>| text[file.span()].to_owned();
            manifest.rest_apis.0.iter().map(written).collect::<Vec<_>>()
        };
        assert_eq!(read("\"a.json\""), ["\"a.json\""]);
        assert_eq!(read("[\"a.json\", 'b.json']"), ["\"a.json\"", "'b.json'"]);
        check(
            "account = \"1\"\nregion = \"r\"\nrestApis = 7\n",
            "tollgate.toml:3:12: invalid type: integer `7`, expected a string or a list of strings",
            None,
        );
    }
}
