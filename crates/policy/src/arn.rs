//! Amazon resource names, and the one function that makes request ARNs.

/// The six parts of an ARN. Only the first five colons delimit: a colon in the sixth part is an
/// ordinary character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArnParts<'a> {
    /// `aws`, `aws-cn`, `aws-us-gov` …
    pub partition: &'a str,
    /// `execute-api`, `iam`, `sts` …
    pub service: &'a str,
    /// The region; empty for global services.
    pub region: &'a str,
    /// The twelve digits; empty where the service leaves them out.
    pub account: &'a str,
    /// All the rest.
    pub resource: &'a str,
}

impl<'a> ArnParts<'a> {
    /// Splits an ARN at its first five colons. `None` for text that is not an ARN.
    pub fn split(text: &'a str) -> Option<ArnParts<'a>> {
        let mut rest = text.strip_prefix("arn:")?;
        let mut part = || {
            let colon = memchr::memchr(b':', rest.as_bytes())?;
            let (part, after) = (rest.get(..colon)?, rest.get(colon + 1..)?);
            rest = after;
            Some(part)
        };
        let (partition, service, region, account) = (part()?, part()?, part()?, part()?);
        Some(ArnParts { partition, service, region, account, resource: rest })
    }
}

/// An API of API Gateway, or of a gateway like it: where its request ARNs begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Api<'a> {
    /// `aws` unless the API lives in another partition.
    pub partition: &'a str,
    /// `us-east-1` …
    pub region: &'a str,
    /// The account that owns the API, twelve digits.
    pub account: &'a str,
    /// The API's id.
    pub id: &'a str,
}

/// Makes the ARN that a request is authorized against, `arn:…:execute-api:…:ID/STAGE/METHOD/path`,
/// and writes it over what `arn` held, so that a buffer can be reused.
///
/// `method` is as received (methods are case-sensitive). `path` is the concrete, canonical path,
/// not the route's `{param}` template; its leading slash is left out, so that the root is
/// `…/GET/`. HTTP APIs use the stage `$default`. Everything is taken literally: `*` in a path is
/// data.
///
/// Source: API Gateway guide, `api-gateway-control-access-using-iam-policies-to-invoke-api`.
///
/// ```
/// use tollgate_policy::{Api, write_request_arn};
///
/// let api = Api { partition: "aws", region: "us-east-1", account: "111122223333", id: "a1b2c3" };
/// let mut arn = String::new();
/// write_request_arn(&mut arn, &api, "prod", "GET", "/repos/acme/site/issues");
/// assert_eq!(
///     arn,
///     "arn:aws:execute-api:us-east-1:111122223333:a1b2c3/prod/GET/repos/acme/site/issues"
/// );
/// ```
pub fn write_request_arn(arn: &mut String, api: &Api<'_>, stage: &str, method: &str, path: &str) {
    arn.clear();
    let path = path.strip_prefix('/').unwrap_or(path);
    let head = [":execute-api:", api.region, ":", api.account, ":", api.id, "/", stage, "/"];
    for piece in ["arn:", api.partition].into_iter().chain(head).chain([method, "/", path]) {
        arn.push_str(piece);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_five_colons_delimit() {
        let arn = ArnParts::split("arn:aws:logs:us-east-1:111122223333:group:a:b").unwrap();
        assert_eq!((arn.account, arn.resource), ("111122223333", "group:a:b"));
        assert_eq!(ArnParts::split("arn:aws:s3::"), None);
        assert_eq!(ArnParts::split("ARN:aws:s3:::b"), None);
    }

    #[test]
    fn the_root_path_is_a_trailing_slash() {
        let api = Api { partition: "aws", region: "eu-west-1", account: "1", id: "x" };
        let mut arn = "left over".to_owned();
        write_request_arn(&mut arn, &api, "$default", "GET", "/");
        assert_eq!(arn, "arn:aws:execute-api:eu-west-1:1:x/$default/GET/");
    }
}
