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
        let text = text.strip_prefix("arn:")?;
        let [partition, service, region, account] = colons(text)?;
        Some(ArnParts {
            partition: text.get(..partition)?,
            service: text.get(partition + 1..service)?,
            region: text.get(service + 1..region)?,
            account: text.get(region + 1..account)?,
            resource: text.get(account + 1..)?,
        })
    }
}

/// What a request needs to know of its resource's ARN. Found anew with every request, so it is cut
/// out without the other parts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ResourceParts<'a> {
    /// The account, if the ARN names one.
    pub(crate) account: Option<&'a str>,
    /// `ID/STAGE/METHOD/path`, if the resource is an API's.
    pub(crate) api: Option<&'a str>,
}

impl<'a> ResourceParts<'a> {
    pub(crate) fn of(text: &'a str) -> ResourceParts<'a> {
        ResourceParts::cut_out_of(text).unwrap_or_default()
    }

    #[inline]
    fn cut_out_of(text: &'a str) -> Option<ResourceParts<'a>> {
        let not_empty = |account: &&str| !account.is_empty();
        // What most requests begin with; two comparisons instead of a search for three colons.
        if let Some(rest) = text.strip_prefix("arn:aws:execute-api:") {
            let [region, account] = colons(rest)?;
            return Some(ResourceParts {
                account: rest.get(region + 1..account).filter(not_empty),
                api: rest.get(account + 1..),
            });
        }
        let rest = text.strip_prefix("arn:")?;
        let [partition, service, region, account] = colons(rest)?;
        let is_api = rest.as_bytes().get(partition + 1..service) == Some(b"execute-api");
        Some(ResourceParts {
            account: rest.get(region + 1..account).filter(not_empty),
            api: if is_api { rest.get(account + 1..) } else { None },
        })
    }
}

/// Where the first colons of a text are.
#[inline]
fn colons<const COUNT: usize>(text: &str) -> Option<[usize; COUNT]> {
    let mut found = [0; COUNT];
    let mut free = 0;
    // Eight bytes in one step: of each that is a colon, the highest bit stays.
    let (words, tail) = text.as_bytes().as_chunks::<8>();
    for (number, word) in words.iter().enumerate() {
        const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
        let differs = u64::from_le_bytes(*word) ^ 0x3a3a_3a3a_3a3a_3a3a;
        let mut equal = !(((differs & LOW) + LOW) | differs | LOW);
        while equal != 0 {
            *found.get_mut(free)? = number * 8 + equal.trailing_zeros() as usize / 8;
            free += 1;
            if free == COUNT {
                return Some(found);
            }
            equal &= equal - 1;
        }
    }
    for (at, _) in tail.iter().enumerate().filter(|(_, byte)| **byte == b':') {
        *found.get_mut(free)? = text.len() - tail.len() + at;
        free += 1;
        if free == COUNT {
            return Some(found);
        }
    }
    None
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
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn colons_are_where_a_plain_split_finds_them(
            text in "(arn|ARN|ar):((aws|cn):)?(execute-api|[a-zé:-]{0,9}):?([a-zé-]{0,9}:?|execute-api:){0,8}",
        ) {
            let parts: Vec<&str> = text.splitn(6, ':').collect();
            let plain = match *parts {
                ["arn", partition, service, region, account, resource] => {
                    Some(ArnParts { partition, service, region, account, resource })
                }
                _ => None,
            };
            prop_assert_eq!(ArnParts::split(&text), plain);
            let api = plain.filter(|arn| arn.service == "execute-api").map(|arn| arn.resource);
            let account = plain.map(|arn| arn.account).filter(|account| !account.is_empty());
            prop_assert_eq!(ResourceParts::of(&text), ResourceParts { account, api });
        }
    }

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
