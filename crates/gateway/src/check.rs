//! What a configuration can have that is understood and yet means nothing.

use tollgate_sigv4::{PathRule, RequestTarget};
use tollgate_store::Problem;

use crate::snapshot::Snapshot;

/// Why no request has a path that this resource pattern matches; `None` if one may.
///
/// A request's path is canonical or refused, so a pattern with a path that is not canonical matches
/// nothing: `…/prod/GET/a%2fb`, `…/prod/GET/a//b`.
pub fn unreachable_path(pattern: &str) -> Option<String> {
    let resource = match pattern.strip_prefix("execute-api:/") {
        Some(short) => format!("/{short}"),
        None => {
            let mut parts = pattern.splitn(6, ':').skip(2);
            let service = parts.next()?;
            parts.nth(2).filter(|_| service == "execute-api")?.to_owned()
        }
    };
    let path = resource.splitn(4, '/').nth(3)?;
    if path.contains("${") {
        return None;
    }
    // A wildcard stands for something that is in canonical paths.
    let path = format!("/{}", path.replace(['*', '?'], "x"));
    match PathRule::MOST_LENIENT.accept(&RequestTarget::origin(path.as_bytes())) {
        Ok(canonical) if canonical.as_str() == path => None,
        Ok(canonical) => Some(format!("its path is requested as `{}`", canonical.as_str())),
        Err(refusal) => Some(refusal.to_string()),
    }
}

impl Snapshot {
    /// Holders of keys that the account has no policies for, so that only resource policies can
    /// allow them anything.
    pub fn strangers(&self) -> Vec<Problem> {
        let Some(name) = &self.gateway.identities else { return Vec::new() };
        let unknown = self.holders.iter().filter(|(_, arn)| {
            let principal = tollgate_policy::Principal::parse(arn);
            principal.is_none_or(|it| self.guard.account().subject(&it).is_none())
        });
        let problem = |(key, arn): &(String, String)| {
            let file = name.get_ref();
            let message =
                format!("key `{key}` of `{file}` belongs to `{arn}`, which has no policy");
            self.file().problem(name.span(), message)
        };
        unknown.map(problem).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, expected: bool) {
        let pattern = format!("arn:aws:execute-api:us-east-1:123456789012:a1/prod/GET/{path}");
        assert_eq!(unreachable_path(&pattern).is_none(), expected, "{path}");
    }

    #[test]
    fn a_path_that_no_request_has_is_said() {
        for path in ["", "repos/*", "a%20b", "*/issues/?", "a*%2Fb", "users/${aws:username}"] {
            check(path, true);
        }
        for path in ["a//b", "a%2fb", "%41", "a/../b", "a b", "caf\u{e9}"] {
            check(path, false);
        }
        assert!(unreachable_path("arn:aws:s3:::bucket/a//b").is_none());
        assert!(unreachable_path("*").is_none());
    }
}
