//! The file of what is revoked:
//!
//! ```toml
//! # Sessions, by the id that the log has, or by their access key id.
//! sessions   = ["00112233445566778899aabbccddeeff"]
//! accessKeys = ["ASIAEXAMPLE000000001"]
//!
//! # All sessions that began before an instant, of a role, a user, or one session.
//! [issuedBefore]
//! "arn:aws:iam::123456789012:role/issues-reader" = "2026-11-26T12:00:00Z"
//! ```

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use tollgate_policy::Principal;
use tollgate_sts::{Revocations, TokenId};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct File {
    #[serde(default)]
    sessions: Vec<TokenId>,
    #[serde(default)]
    access_keys: Vec<String>,
    #[serde(default)]
    issued_before: BTreeMap<String, Timestamp>,
}

/// Reads the text of the file.
///
/// # Errors
/// What is wrong with it, and in which line.
pub(crate) fn parse(text: &str) -> Result<Revocations, String> {
    let file: File = toml::from_str(text).map_err(|error| {
        let start = error.span().map_or(0, |span| span.start);
        let line = text.get(..start).map_or(1, |before| before.split('\n').count());
        format!("line {line}: {}", error.message().replace('\n', ", "))
    })?;
    let mut revocations = Revocations::default();
    file.sessions.into_iter().for_each(|id| revocations.session(id));
    file.access_keys.iter().for_each(|id| revocations.access_key(id));
    for (arn, before) in &file.issued_before {
        if Principal::parse(arn).is_none() {
            return Err(format!("expected the ARN of a role, a user or a session, found `{arn}`"));
        }
        revocations.issued_before(arn, *before);
    }
    Ok(revocations)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_revoked_by_id_by_key_or_with_all_of_its_principal() {
        let text = "sessions = [\"00112233445566778899aabbccddeeff\"]\naccessKeys = [\"ASIAX\"]\n\
                    [issuedBefore]\n\"arn:aws:iam::123456789012:role/a\" = \"2026-11-26T12:00:00Z\"\n";
        assert_eq!(parse(text).unwrap().len(), 3);
        assert!(parse("").unwrap().is_empty());
    }

    #[test]
    fn what_is_wrong_has_its_line() {
        for (text, expected) in [
            ("\nsessions = [\"abc\"]", "line 2: expected 32 lower-case hexadecimal digits"),
            ("session = []", "line 1: unknown field `session`"),
            ("[issuedBefore]\n\"x\" = \"2026-11-26T12:00:00Z\"", "expected the ARN of a role"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
